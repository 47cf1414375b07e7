package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"evident/lightclient/evidence/seal"
)

// evidencePath is where the bytes of an open file are, before its token.
const evidencePath = "/evidence/"

// maxOpen bounds the files that are open at a time; then the oldest is closed.
const maxOpen = 32

// openFile is a stored file that can be read at any place.
type openFile struct {
	token string
	plain *seal.Plain
	media string // the type to serve it as
	close context.CancelFunc
	read  *seal.Whole
}

// shelf holds the files that are open, and serves their bytes to those who know
// a token: to the pages through the window, and to players on this machine by
// HTTP, since a player of the window's does not ask the window.
//
// Every block is held to the CID in the record, and every piece to the seal,
// before a byte of it is served. Nothing is served as a type that could run, and
// what a browser makes of it may do nothing.
type shelf struct {
	mu      sync.Mutex
	files   []*openFile
	players net.Listener // nil until there is something to play
	tell    func(any)    // an event of the table
}

// put opens a file under a token of its own.
func (s *shelf) put(f *openFile) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == maxOpen {
		s.files[0].close()
		s.files = s.files[1:]
	}
	f.token = rand.Text()
	s.files = append(s.files, f)
	return f.token
}

func (s *shelf) find(token string) *openFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.files, func(f *openFile) bool { return f.token == token }); i >= 0 {
		return s.files[i]
	}
	return nil
}

// remove ends all reading of a file.
func (s *shelf) remove(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = slices.DeleteFunc(s.files, func(f *openFile) bool {
		if f.token == token {
			f.close()
		}
		return f.token == token
	})
}

// clear closes everything.
func (s *shelf) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		f.close()
	}
	s.files = nil
	if s.players != nil {
		s.players.Close()
	}
}

// ServeHTTP implements http.Handler: GET /evidence/<token>, with ranges.
func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, named := strings.CutPrefix(r.URL.Path, evidencePath)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "read only", http.StatusMethodNotAllowed)
		return
	}
	f := s.find(token)
	if !named || f == nil {
		http.Error(w, "no such file is open", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.media)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; media-src 'self'; img-src 'self'; sandbox")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	http.ServeContent(w, r, "", time.Time{}, &wholeReader{SectionReader: f.plain.Range(0, f.plain.Size), file: f, tell: s.tell})
}

// listen serves players on this machine, from the first time on. Who does not
// know a token learns nothing, not even through a name that leads here.
func (s *shelf) listen() (address string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.players != nil {
		return s.players.Addr().String(), nil
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for players: %w", err)
	}
	s.players = l
	address = l.Addr().String()
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != address {
			http.Error(w, "another host", http.StatusMisdirectedRequest)
			return
		}
		s.ServeHTTP(w, r)
	})}
	go server.Serve(l)
	return address, nil
}
