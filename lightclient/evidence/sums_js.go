package evidence

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"syscall/js"
)

// A browser's own SHA-256 is many times faster than ours as WebAssembly, and runs on other cores. It takes whole leaves.
// For the whole file the page may offer evidentWhole(size), which returns an object with write(bytes) and sum(), a promise.

// leastWorkers wait for the browser side by side.
const leastWorkers = 4

func newWhole(size int64) hash.Hash {
	if !inPage() {
		return sha256.New()
	}
	return &whole{of: js.Global().Call("evidentWhole", size)}
}

// newLong leaves out the SHA-512 in a page: it is for a lawyer's manifest, which is made where there is a disk.
func newLong() hash.Hash {
	if !inPage() {
		return sha512.New()
	}
	return noSum{}
}

func inPage() bool { return js.Global().Get("evidentWhole").Type() == js.TypeFunction }

func sumLeaf(leaf []byte) (sum [sha256.Size]byte) {
	subtle := js.Global().Get("crypto").Get("subtle")
	if !subtle.Truthy() { // as on a page without a secure origin
		return sha256.Sum256(leaf)
	}
	data := js.Global().Get("Uint8Array").New(len(leaf))
	js.CopyBytesToJS(data, leaf)
	digest := await(subtle.Call("digest", "SHA-256", data))
	if digest.IsUndefined() {
		return sha256.Sum256(leaf)
	}
	js.CopyBytesToGo(sum[:], js.Global().Get("Uint8Array").New(digest))
	return sum
}

// await returns what a promise settles to; undefined if it is rejected.
func await(promise js.Value) js.Value {
	done := make(chan js.Value, 1)
	ok := js.FuncOf(func(_ js.Value, args []js.Value) any { done <- args[0]; return nil })
	defer ok.Release()
	failed := js.FuncOf(func(js.Value, []js.Value) any { done <- js.Undefined(); return nil })
	defer failed.Release()
	promise.Call("then", ok, failed)
	return <-done
}

// whole is the page's hash of a file.
type whole struct {
	of     js.Value
	buffer js.Value
}

// Write implements io.Writer. The page takes the bytes before it returns.
func (w *whole) Write(p []byte) (int, error) {
	if w.buffer.IsUndefined() || w.buffer.Length() < len(p) {
		w.buffer = js.Global().Get("Uint8Array").New(max(len(p), LeafSize+Slack))
	}
	js.CopyBytesToJS(w.buffer, p)
	w.of.Call("write", w.buffer.Call("subarray", 0, len(p)))
	return len(p), nil
}

// Sum appends the digest. It waits for the page, so it must not be called from one of its callbacks.
func (w *whole) Sum(b []byte) []byte {
	var sum [sha256.Size]byte
	js.CopyBytesToGo(sum[:], js.Global().Get("Uint8Array").New(await(w.of.Call("sum"))))
	return append(b, sum[:]...)
}

func (w *whole) Reset()         { panic("evidence: a page's hash is used once") }
func (w *whole) Size() int      { return sha256.Size }
func (w *whole) BlockSize() int { return sha256.BlockSize }

// noSum adds nothing up.
type noSum struct{}

func (noSum) Write(p []byte) (int, error) { return len(p), nil }
func (noSum) Sum(b []byte) []byte         { return b }
func (noSum) Reset()                      {}
func (noSum) Size() int                   { return sha512.Size }
func (noSum) BlockSize() int              { return sha512.BlockSize }
