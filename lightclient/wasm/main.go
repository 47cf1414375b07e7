//go:build js

// Command wasm is the light client for a page, in a Web Worker. Its second
// argument is the address of the page, whose server is its first node.
//
// It sets on globalThis:
//
//	evidentInvoke(method, params)   a promise of the answer, see package service
//
// and what package digest sets, and it calls evidentEvent(json) for each event,
// if that is set. What it remembers is in IndexedDB, one database for each
// node's address.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall/js"

	"evident/lightclient/source"
	"evident/lightclient/wasm/digest"
	"evident/lightclient/wasm/page"
)

func main() {
	s, err := page.Service()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	digest.Provide()
	var once sync.Once
	page.Set("evidentInvoke", page.Promising(func(args []js.Value) (any, error) {
		// The ledger is followed from the first call on, so that a worker that only computes digests asks no node.
		once.Do(func() { go s.Run(context.Background(), source.New) })
		return string(s.Invoke(context.Background(), args[0].String(), []byte(args[1].String()))), nil
	}))
	select {}
}
