package app

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"

	"evident/lightclient/evidence/seal"
	"evident/lightclient/service"
)

// frontier is how far a file was read from its beginning without a gap, by
// whoever read it, in one go or in pieces.
type frontier struct {
	mu    sync.Mutex
	at    int64
	sum   hash.Hash
	other bool // all was read, and it is not what was recorded
}

// wholeReader compares a file with what was recorded as soon as all of it was
// read, and withholds the end if it is something else: then nobody takes what
// came for the file. Who reads only parts gets what the members keep and the
// author sealed, which says less.
type wholeReader struct {
	*io.SectionReader
	file *openFile
	tell func(any)
	at   int64
}

// Seek implements io.Seeker.
func (r *wholeReader) Seek(offset int64, whence int) (at int64, err error) {
	r.at, err = r.SectionReader.Seek(offset, whence)
	return r.at, err
}

// Read implements io.Reader.
func (r *wholeReader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	r.at += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	if r.saw(p[:n]) && r.at == r.Size() {
		return 0, seal.ErrContent
	}
	return n, err
}

// saw moves the frontier over what was just read, and tells when it comes to the
// end. It reports whether the content is known to be another.
func (r *wholeReader) saw(p []byte) (other bool) {
	f := &r.file.read
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sum == nil {
		f.sum = sha256.New()
	}
	begin := r.at - int64(len(p))
	if f.at == r.Size() || f.at < begin || f.at >= r.at {
		return f.other
	}
	f.sum.Write(p[f.at-begin:])
	if f.at = r.at; f.at == r.Size() {
		f.other = !r.file.plain.Recorded([sha256.Size]byte(f.sum.Sum(nil)))
		r.tell(service.EvidenceEvent{Kind: "evidence", Token: r.file.token, Recorded: !f.other})
	}
	return f.other
}
