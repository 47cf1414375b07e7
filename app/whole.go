package app

import (
	"errors"
	"io"

	"evident/lightclient/evidence/seal"
	"evident/lightclient/service"
)

// wholeReader reads a file that is open, and withholds its end if all of it turns out to be something else than was recorded.
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
	ended, other := r.file.read.Saw(r.at-int64(n), p[:n])
	if ended {
		r.tell(service.EvidenceEvent{Kind: "evidence", Token: r.file.token, Recorded: !other})
	}
	if other && r.at == r.Size() {
		return 0, seal.ErrContent
	}
	return n, err
}
