//go:build js

// Package page is what the programs for pages have in common: the light client
// of the server that a page came from, and calls that are answered by promises.
package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"syscall/js"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/source"
	"evident/lightclient/store"
)

// Service returns the service over the node that served the page, which is the
// program's second argument. Its events go to evidentEvent, if that is set.
func Service() (*service.Service, error) {
	node, err := nodeOf(os.Args)
	if err != nil {
		return nil, err
	}
	s := service.New(func(ctx context.Context) (*lightclient.Client, error) { return connect(ctx, node) })
	s.Subscribe(func(event []byte) {
		if listener := js.Global().Get("evidentEvent"); listener.Type() == js.TypeFunction {
			listener.Invoke(string(event))
		}
	})
	return s, nil
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

// Promising makes a function that answers by a promise, so that work that waits
// does not hold up the worker. An error rejects it.
func Promising(work func(args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var executor js.Func
		executor = js.FuncOf(func(_ js.Value, settle []js.Value) any {
			executor.Release()
			go func() {
				value, err := work(args)
				if err != nil {
					settle[1].Invoke(js.Global().Get("Error").New(err.Error()))
					return
				}
				settle[0].Invoke(value)
			}()
			return nil
		})
		return js.Global().Get("Promise").New(executor)
	})
}

// Await waits for a promise. It must not be called from a callback.
func Await(ctx context.Context, promise js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	done := make(chan result, 1)
	var ok, failed js.Func
	settle := func(r result) { // the callbacks release themselves: an abandoned promise may still settle later
		done <- r
		ok.Release()
		failed.Release()
	}
	ok = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settle(result{value: args[0]})
		return nil
	})
	failed = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settle(result{err: errors.New(js.Global().Get("String").Invoke(args[0]).String())})
		return nil
	})
	promise.Call("then", ok, failed)
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return js.Null(), context.Cause(ctx)
	}
}

// Set puts a function on globalThis.
func Set(name string, f js.Func) { js.Global().Set(name, f) }
