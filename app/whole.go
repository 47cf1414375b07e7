package app

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"evident/lightclient/evidence/seal"
	"evident/lightclient/service"
)

// wholeReader compares a file that is read from its beginning to its end with
// what was recorded, and withholds the end if it is something else: then nobody
// takes what came for the file. Who jumps around reads what the members keep
// and the author sealed, which says less.
type wholeReader struct {
	*io.SectionReader
	file *openFile
	tell func(any)

	at  int64
	sum hash.Hash // nil: there was a jump
}

// Seek implements io.Seeker.
func (r *wholeReader) Seek(offset int64, whence int) (int64, error) {
	at, err := r.SectionReader.Seek(offset, whence)
	r.at, r.sum = at, nil
	if at == 0 {
		r.sum = sha256.New()
	}
	return at, err
}

// Read implements io.Reader.
func (r *wholeReader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	r.at += int64(n)
	if r.sum == nil {
		return n, err
	}
	r.sum.Write(p[:n])
	if r.at < r.Size() || n == 0 && r.Size() > 0 || err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	recorded := r.file.plain.Recorded([sha256.Size]byte(r.sum.Sum(nil)))
	r.sum = nil
	r.tell(service.EvidenceEvent{Kind: "evidence", Token: r.file.token, Recorded: recorded})
	if !recorded {
		return 0, seal.ErrContent
	}
	return n, err
}
