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
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"syscall/js"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/source"
	"evident/lightclient/store"
	"evident/lightclient/wasm/digest"
)

func main() {
	node, err := nodeOf(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := service.New(func(ctx context.Context) (*lightclient.Client, error) { return connect(ctx, node) })
	s.Subscribe(func(event []byte) {
		if listener := js.Global().Get("evidentEvent"); listener.Type() == js.TypeFunction {
			listener.Invoke(string(event))
		}
	})
	digest.Provide()
	js.Global().Set("evidentInvoke", promising(func(args []js.Value) string {
		return string(s.Invoke(context.Background(), args[0].String(), []byte(args[1].String())))
	}))
	follow(s)
	select {}
}

// nodeOf is the folder of the page, without what points inside it.
func nodeOf(args []string) (string, error) {
	if len(args) < 2 {
		return "", fmt.Errorf("want the address of the page")
	}
	u, err := url.Parse(args[1])
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%q is not the address of a page", args[1])
	}
	return u.Scheme + "://" + u.Host, nil
}

// connect opens the client. Nobody may have confirmed the ledger that this node
// served at the first visit; then another one may take its place, as when a
// trial consortium is founded anew. A confirmed one stays.
func connect(ctx context.Context, node string) (*lightclient.Client, error) {
	first, err := source.New(node)
	if err != nil {
		return nil, err
	}
	config := lightclient.Config{Sources: []lightclient.Source{first}}
	db, err := store.OpenIndexedDB("evident " + node)
	if err != nil { // as in a private window: verified, but not remembered
		config.Store = new(store.Memory)
		return lightclient.Open(ctx, config)
	}
	config.Store = db
	known, err := db.Read("genesis")
	if err != nil {
		return nil, err
	}
	c, err := lightclient.Open(ctx, config)
	if err != nil || known == nil || c.Pinned() || !servesAnother(ctx, first, c) {
		return c, err
	}
	if err := db.Clear(); err != nil {
		return nil, err
	}
	return lightclient.Open(ctx, config)
}

func servesAnother(ctx context.Context, node lightclient.Source, c *lightclient.Client) bool {
	a, err := node.Ask(ctx, lightclient.Question{Method: "GET", Path: "/v1/genesis", Limit: ledger.MaxGenesisSize})
	file, _ := c.Genesis()
	return err == nil && a.Status == 200 && !bytes.Equal(a.Body, file)
}

// follow starts with the first call that needs the ledger, so that a worker
// that only computes digests asks no node.
func follow(s *service.Service) {
	var once sync.Once
	invoke := js.Global().Get("evidentInvoke")
	js.Global().Set("evidentInvoke", js.FuncOf(func(_ js.Value, args []js.Value) any {
		once.Do(func() { go s.Run(context.Background(), source.New) })
		return invoke.Invoke(args[0], args[1])
	}))
}

// promising makes a function that answers by a promise, so that work that
// waits does not hold up the worker.
func promising(work func([]js.Value) string) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var executor js.Func
		executor = js.FuncOf(func(_ js.Value, settle []js.Value) any {
			executor.Release()
			go func() { settle[0].Invoke(work(args)) }()
			return nil
		})
		return js.Global().Get("Promise").New(executor)
	})
}
