// Package courier is the author's side where there is no disk, as in a browser:
// a queue that takes files from a person to the members and the ledger, the keys
// and secrets that this needs, and the way of a file back to whoever may read it.
//
// What must not be lost lies in a Store before anything depends on it: a file's
// secret before its first block leaves, a signed record before it is submitted.
// So whatever stops the program, the next one goes on: a signed record is sent
// again, a file that is not read to its end is asked for again, and of what was
// sent before only what is missing is sent. A record is on the ledger once.
//
// Files are read as streams, a few pieces at a time, whatever their size.
package courier

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"sync"

	"evident/lightclient/evidence/seal"
	"evident/lightclient/service"
	"evident/lightclient/service/drafts"
)

// Store keeps values by name. What Put has returned from is there after a crash.
type Store interface {
	Read(name string) ([]byte, error) // nil: there is none
	Put(name string, value []byte) error
	Delete(name string) error
	Names(prefix string) ([]string, error) // sorted
}

// File is what a person handed over. Open reads it from its beginning; a file
// that has changed since it was handed over cannot be read.
type File interface {
	Name() string
	Media() string
	Size() int64
	Modified() int64 // Unix milliseconds
	Open(ctx context.Context) io.Reader
}

// Courier answers the methods of the table that are about evidence files.
type Courier struct {
	service *service.Service
	store   Store
	wake    chan struct{}

	mu    sync.Mutex
	ctx   context.Context // of all that is under way; nil until Run
	held  map[string]File
	jobs  []*job
	last  int64 // the newest job's number
	open  map[string]*opened
	fetch map[string]context.CancelFunc
}

// New adds the methods to a service. Files are taken to the members when Run has
// been called.
func New(s *service.Service, store Store) *Courier {
	c := &Courier{service: s, store: store, wake: make(chan struct{}, 1),
		held: map[string]File{}, open: map[string]*opened{}, fetch: map[string]context.CancelFunc{}}
	drafts.Provide(s, c)
	service.Handle(s, "keys", c.keys)
	service.Handle(s, "makeKey", c.makeKey)
	service.Handle(s, "stamp", c.stamp)
	service.Handle(s, "stampStatus", c.stampStatus)
	service.Handle(s, "pause", c.pause)
	service.Handle(s, "resume", c.resume)
	service.Handle(s, "retry", c.retry)
	service.Handle(s, "cancel", c.cancel)
	service.Handle(s, "clearFinished", c.clearFinished)
	service.Handle(s, "openEvidence", c.openEvidence)
	service.Handle(s, "closeEvidence", c.closeEvidence)
	service.Handle(s, "recipient", c.recipient)
	service.Handle(s, "share", c.share)
	service.Handle(s, "receive", c.receive)
	service.Handle(s, "backup", c.backup)
	service.Handle(s, "restore", c.restore)
	return c
}

// Hold takes a file over, under the path by which calls name it.
func (c *Courier) Hold(path string, f File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[path] = f
}

func (c *Courier) secret(record string, index int) (*seal.Secret, error) {
	var s seal.Secret
	found, err := c.read(secretName(record, index), &s)
	if !found {
		return nil, err
	}
	return &s, nil
}

func secretName(record string, index int) string {
	return fmt.Sprintf("%s%s/%02d", secretPrefix, record, index)
}

const secretPrefix = "secret/"

func badRequest(format string, args ...any) error {
	return &service.Error{Code: "bad_request", Message: fmt.Sprintf(format, args...), Hint: "Check what was typed."}
}

func token() string { return rand.Text() }
