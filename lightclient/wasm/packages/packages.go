//go:build js

// Package packages lets a page verify a package of any size in little memory:
// the page gives pieces of it as they are asked for.
package packages

import (
	"context"
	"fmt"
	"io"
	"syscall/js"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/evidence"
	"evident/lightclient/service"
	"evident/lightclient/wasm/page"
)

// ahead is how much of a package is asked of the page at once.
const ahead = 4 << 20

// Provide sets on globalThis:
//
//	evidentVerifyPackage(size, genesis, read, progress)   a promise of the answer of "verifyPackage";
//	                     read(offset, length) gives a promise of bytes, progress(done, total) stops it by false
func Provide() {
	page.Set("evidentVerifyPackage", page.Promising(func(args []js.Value) (any, error) {
		size, genesis, read, progress := int64(args[0].Float()), args[1].String(), args[2], args[3]
		source := io.NewSectionReader(&slices{read: read, size: size}, 0, size)
		report, err := service.VerifyPackage(source, size, genesis, casefile.Options{
			Pages:    certificate.HTML,
			NewCID:   func() casefile.CIDWriter { return evidence.NewHasher() },
			Progress: tell(progress),
		})
		return string(service.Answer(report, err)), nil
	}))
}

// tell reports every megabyte; the page stops the work by false.
func tell(progress js.Value) func(done, total int64) error {
	told := int64(-1)
	return func(done, total int64) error {
		if done>>20 == told {
			return nil
		}
		told = done >> 20
		if progress.Invoke(done, total).Equal(js.ValueOf(false)) {
			return context.Canceled
		}
		return nil
	}
}

// slices reads a file that the page holds, in large pieces, of which the last is kept.
type slices struct {
	read js.Value // (offset, length) → promise of a Uint8Array
	size int64
	at   int64
	kept []byte
}

// ReadAt implements io.ReaderAt.
func (s *slices) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) && at+int64(n) < s.size {
		if err := s.load(at + int64(n)); err != nil {
			return n, err
		}
		n += copy(p[n:], s.kept[at+int64(n)-s.at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// load keeps a piece that holds the byte at a place.
func (s *slices) load(at int64) error {
	if at >= s.at && at < s.at+int64(len(s.kept)) {
		return nil
	}
	want := min(ahead, s.size-at)
	array, err := page.Await(context.Background(), s.read.Invoke(at, want))
	if err != nil {
		return fmt.Errorf("read the package: %w", err)
	}
	if int64(array.Length()) != want {
		return fmt.Errorf("read the package: %w", evidence.ErrChanged)
	}
	s.kept, s.at = make([]byte, want), at
	js.CopyBytesToGo(s.kept, array)
	return nil
}
