//go:build js

// Command files is the author's side of the light client for a page, in a Web
// Worker of its own: keys, sealing, the queue, and files that come back. Package
// courier does the work; this program gives it the browser's files, IndexedDB
// and streams. Its second argument is the address of the page.
//
// It sets on globalThis:
//
//	evidentInvoke(method, params)        a promise of the answer, see packages service and courier
//	evidentHold(path, file)              hands a File over, before "stamp" names it
//	evidentRead(token, offset, length)   a promise of bytes of an opened file
//	evidentFetch(record, index, sink)    a promise of the answer of "saveEvidence"; sink has
//	                                     open(name, size), write(bytes), commit() and abort(), each giving a promise
//	evidentExport(params, sink)          a promise of the answer of "export"
//	evidentProof(record)                 a promise of the author's own proof of a record, or ""
//
// and what package packages sets, and it calls evidentEvent(json) for each event.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"syscall/js"

	"evident/lightclient/courier"
	"evident/lightclient/service"
	"evident/lightclient/source"
	"evident/lightclient/store"
	"evident/lightclient/wasm/packages"
	"evident/lightclient/wasm/page"
)

func main() {
	if err := provide(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

func provide(ctx context.Context) error {
	s, err := page.Service()
	if err != nil {
		return err
	}
	db, err := store.OpenIndexedDB("evident files")
	if err != nil {
		return fmt.Errorf("keep files' secrets: %w", err)
	}
	c := courier.New(s, db)
	page.Set("evidentHold", js.FuncOf(func(_ js.Value, args []js.Value) any {
		c.Hold(args[0].String(), newFile(args[1]))
		return nil
	}))
	page.Set("evidentRead", page.Promising(func(args []js.Value) (any, error) {
		data, err := c.Read(args[0].String(), int64(args[1].Float()), int64(args[2].Float()))
		return bytesOf(data), err
	}))
	page.Set("evidentFetch", page.Promising(func(args []js.Value) (any, error) {
		return string(fetch(ctx, c, args[0].String(), args[1].Int(), args[2])), nil
	}))
	page.Set("evidentProof", page.Promising(func(args []js.Value) (any, error) { return c.Proof(args[0].String()) }))
	page.Set("evidentExport", page.Promising(func(args []js.Value) (any, error) {
		return string(export(ctx, c, args[0].String(), args[1])), nil
	}))
	packages.Provide()
	var once sync.Once
	page.Set("evidentInvoke", page.Promising(func(args []js.Value) (any, error) {
		once.Do(func() { begin(ctx, s, c) })
		return string(s.Invoke(ctx, args[0].String(), []byte(args[1].String()))), nil
	}))
	return nil
}

// begin follows the ledger and takes up the queue, in one window of the browser
// at a time.
func begin(ctx context.Context, s *service.Service, c *courier.Courier) {
	go s.Run(ctx, source.New)
	ours := make(chan struct{})
	granted := js.FuncOf(func(js.Value, []js.Value) any {
		close(ours)
		return js.Global().Get("Promise").New(js.FuncOf(func(js.Value, []js.Value) any { return nil })) // held until the worker ends
	})
	locks := js.Global().Get("navigator").Get("locks")
	if !locks.Truthy() { // a browser without locks has them for secure pages only
		go c.Run(ctx)
		return
	}
	locks.Call("request", "evident files", granted)
	go func() {
		<-ours
		c.Run(ctx)
	}()
}

// fetch brings a file into the page's sink.
func fetch(ctx context.Context, c *courier.Courier, record string, index int, to js.Value) []byte {
	return service.Answer(c.Fetch(ctx, service.EvidenceParams{Record: record, Index: index}, func(name string, size int64) (courier.Sink, error) {
		k := &sink{ctx, to}
		return k, k.call("open", name, size)
	}))
}

// export writes a package into the page's sink.
func export(ctx context.Context, c *courier.Courier, params string, to js.Value) []byte {
	var p service.ExportParams
	if err := json.Unmarshal([]byte(params), &p); err != nil {
		return service.Answer(service.Exported{}, fmt.Errorf("the parameters: %w", err))
	}
	k := &sink{ctx, to}
	if err := k.call("open", "", 0); err != nil {
		return service.Answer(service.Exported{}, err)
	}
	return service.Answer(c.Export(ctx, p, k))
}

// sink is one of the page's.
type sink struct {
	ctx context.Context
	to  js.Value
}

func (s *sink) call(method string, args ...any) error {
	_, err := page.Await(s.ctx, s.to.Call(method, args...))
	return err
}

func (s *sink) Write(p []byte) (int, error) {
	if err := s.call("write", bytesOf(p)); err != nil {
		return 0, fmt.Errorf("write the file: %w", err)
	}
	return len(p), nil
}

func (s *sink) Commit() error { return s.call("commit") }
func (s *sink) Abort()        { s.to.Call("abort") }

func bytesOf(data []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(array, data)
	return array
}
