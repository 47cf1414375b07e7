// Package source carries a light client's questions to one full node, by the
// browser's fetch: net/http would more than double the size of the program.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall/js"

	"evident/lightclient"
)

// Fetch asks a node by the browser's fetch.
type Fetch struct{ base string }

// New makes a source of the node at a URL such as https://node.harbour.example.
func New(url string) (lightclient.Source, error) {
	base, err := clean(url)
	if err != nil {
		return nil, err
	}
	return &Fetch{base: base}, nil
}

// Name implements lightclient.Source.
func (f *Fetch) Name() string { return f.base }

// Ask implements lightclient.Source.
func (f *Fetch) Ask(ctx context.Context, q lightclient.Question) (lightclient.Answer, error) {
	response, stop, err := f.open(ctx, q.Method, q.Path, q.Body)
	if err != nil {
		return lightclient.Answer{}, err
	}
	defer stop()
	var body []byte
	err = read(ctx, response, func(piece js.Value) error {
		n := piece.Get("length").Int()
		if int64(len(body)+n) > q.Limit {
			return fmt.Errorf("the answer to %s is longer than %d bytes", q.Path, q.Limit)
		}
		data := make([]byte, n)
		js.CopyBytesToGo(data, piece)
		body = append(body, data...)
		return nil
	})
	if err != nil {
		return lightclient.Answer{}, err
	}
	return lightclient.Answer{Status: response.Get("status").Int(), Body: body}, nil
}

// Listen implements lightclient.Source.
func (f *Fetch) Listen(ctx context.Context, path string, heard func()) error {
	response, stop, err := f.open(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	defer stop()
	if status := response.Get("status").Int(); status != 200 {
		return fmt.Errorf("listen: status %d", status)
	}
	err = read(ctx, response, func(js.Value) error { heard(); return nil })
	if err == nil {
		err = io.EOF
	}
	return fmt.Errorf("listen: %w", err)
}

// open starts a request; stop ends it and whatever is still under way.
func (f *Fetch) open(ctx context.Context, method, path string, body []byte) (response js.Value, stop func(), err error) {
	abort := js.Global().Get("AbortController").New()
	stop = func() { abort.Call("abort") }
	options := map[string]any{
		"method": method, "signal": abort.Get("signal"), "cache": "no-store",
		"credentials": "omit", "redirect": "error", "referrerPolicy": "no-referrer",
	}
	if body != nil {
		array := js.Global().Get("Uint8Array").New(len(body))
		js.CopyBytesToJS(array, body)
		options["body"] = array
	}
	response, err = await(ctx, js.Global().Call("fetch", f.base+path, options))
	if err != nil {
		stop()
		return js.Null(), nil, err
	}
	return response, stop, nil
}

// read passes on the pieces of a body as they come.
func read(ctx context.Context, response js.Value, piece func(js.Value) error) error {
	stream := response.Get("body")
	if stream.IsNull() {
		return nil
	}
	reader := stream.Call("getReader")
	for {
		result, err := await(ctx, reader.Call("read"))
		if err != nil {
			return err
		}
		if result.Get("done").Bool() {
			return nil
		}
		if err := piece(result.Get("value")); err != nil {
			return err
		}
	}
}

// await waits for a promise or for the end of ctx. The callbacks release
// themselves, because an abandoned promise may still settle later.
func await(ctx context.Context, promise js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	done := make(chan result, 1)
	var ok, failed js.Func
	settle := func(r result) {
		done <- r
		ok.Release()
		failed.Release()
	}
	ok = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settle(result{value: args[0]})
		return nil
	})
	failed = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settle(result{err: errors.New(args[0].Get("message").String())})
		return nil
	})
	promise.Call("then", ok, failed)
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return js.Null(), ctx.Err()
	}
}
