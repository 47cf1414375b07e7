//go:build js

package main

import (
	"context"
	"fmt"
	"io"
	"syscall/js"

	"evident/lightclient/courier"
	"evident/lightclient/evidence"
	"evident/lightclient/wasm/page"
)

// pieceSize is how much of a file is read at a time; one piece is read ahead.
const pieceSize = 4 << 20

// file is one that the page handed over: name, size and the rest are as they
// were then. The browser refuses to read it once it has changed on disk.
type file struct{ blob js.Value }

func newFile(blob js.Value) courier.File { return file{blob} }

func (f file) Name() string    { return f.blob.Get("name").String() }
func (f file) Media() string   { return f.blob.Get("type").String() }
func (f file) Size() int64     { return int64(f.blob.Get("size").Float()) }
func (f file) Modified() int64 { return int64(f.blob.Get("lastModified").Float()) }

func (f file) Open(ctx context.Context) io.Reader { return &reader{ctx: ctx, f: f} }

// reader reads slices, the next while one is used.
type reader struct {
	ctx   context.Context
	f     file
	next  int64 // where the slice after the one ahead begins
	ahead js.Value
	piece js.Value // a Uint8Array
	used  int
}

func (r *reader) Read(p []byte) (int, error) {
	if r.piece.IsUndefined() || r.used == r.piece.Length() {
		if err := r.turn(); err != nil {
			return 0, err
		}
	}
	n := js.CopyBytesToGo(p, r.piece.Call("subarray", r.used))
	r.used += n
	return n, nil
}

// turn takes the slice that was read ahead, and begins to read another.
func (r *reader) turn() error {
	if r.ahead.IsUndefined() {
		r.ask()
	}
	if r.ahead.IsNull() {
		return io.EOF
	}
	buffer, err := page.Await(r.ctx, r.ahead)
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if err != nil { // NotReadableError: it was changed, moved or deleted
		return fmt.Errorf("%w (%w)", evidence.ErrChanged, err)
	}
	r.piece, r.used = js.Global().Get("Uint8Array").New(buffer), 0
	r.ask()
	return nil
}

func (r *reader) ask() {
	size := r.f.Size()
	if r.next >= size {
		r.ahead = js.Null()
		return
	}
	end := min(r.next+pieceSize, size)
	r.ahead = r.f.blob.Call("slice", r.next, end).Call("arrayBuffer")
	r.next = end
}
