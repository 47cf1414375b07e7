//go:build !js

package source_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"evident/lightclient"
	"evident/lightclient/source"
)

func TestLimits(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/exact", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 100)) })
	mux.HandleFunc("/declared", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000000")
		w.Write(make([]byte, 10))
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write(make([]byte, 1<<16))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50")
		w.Write(make([]byte, 10))
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/exact", http.StatusFound) })
	server := httptest.NewServer(mux)
	defer server.Close()
	s, err := source.New(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name() != server.URL {
		t.Errorf("its name is %s", s.Name())
	}
	for _, tt := range []struct {
		path   string
		status int // 0: an error
	}{{"/exact", 200}, {"/elsewhere", 302}, {"/nothing", 404}, {"/declared", 0}, {"/endless", 0}, {"/short", 0}, {"/slow", 0}} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		a, err := s.Ask(ctx, lightclient.Question{Method: "GET", Path: tt.path, Limit: 100})
		cancel()
		if (err != nil) != (tt.status == 0) || a.Status != tt.status {
			t.Errorf("%s: status %d, %v", tt.path, a.Status, err)
		}
		if err != nil && strings.Contains(err.Error(), server.URL) {
			t.Errorf("%s: the address stands twice: %v", tt.path, err)
		}
	}
}

func TestListen(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("event: block\n\n"))
		w.(http.Flusher).Flush()
	}))
	defer server.Close()
	s, err := source.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	heard := 0
	if err := s.Listen(t.Context(), "/v1/events", func() { heard++ }); err == nil || heard != 1 {
		t.Errorf("heard %d times, then %v", heard, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "node.example", "ftp://node.example", "https://", "https://node.example?x=1", "https://node.example#x", "javascript:alert(1)"} {
		if _, err := source.New(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
