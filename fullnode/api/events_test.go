package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"evident/lightclient/ledger"
)

// events opens an event stream; the lines of it come as they are sent.
func (f *fixture) events(t *testing.T, lastID string) *bufio.Scanner {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", f.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("%d %s %s", resp.StatusCode, got, body)
	}
	return bufio.NewScanner(resp.Body)
}

// next reads one event and checks that its texts are what they say.
func (f *fixture) next(t *testing.T, lines *bufio.Scanner) ledger.Height {
	t.Helper()
	var id, data string
	for data == "" && lines.Scan() { // heartbeats have none
		if value, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = value
		}
		if value, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			data = value
		}
	}
	var e Event
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		t.Fatalf("event %q: %v, %v", data, err, lines.Err())
	}
	header, err := ledger.ParseHeader([]byte(e.Header))
	if err != nil || header.Height != e.Height || id != fmt.Sprint(e.Height) {
		t.Fatalf("id %s, height %d: %v", id, e.Height, err)
	}
	cert, err := ledger.OpenCertificate(f.chain.Origin(), f.chain.Members(), []byte(e.Certificate))
	if err != nil || cert.Height() != e.Height {
		t.Fatalf("certificate of %d: %v", e.Height, err)
	}
	return e.Height
}

func TestEvents(t *testing.T) {
	f := newFixture(t, 5)
	tests := []struct {
		name, last string
		want       []ledger.Height
	}{
		{"from the newest", "", []ledger.Height{4, 5}},
		{"resumed", "2", []ledger.Height{3, 4, 5}},
		{"resumed at the head", "4", []ledger.Height{5}},
		{"resumed beyond the head", "900", []ledger.Height{5}},
	}
	var streams []*bufio.Scanner
	for _, tt := range tests {
		streams = append(streams, f.events(t, tt.last))
	}
	f.chain.grow(t)
	for i, tt := range tests {
		for _, want := range tt.want {
			if got := f.next(t, streams[i]); got != want {
				t.Errorf("%s: event %d, want %d", tt.name, got, want)
			}
		}
	}
	resp, code := f.call(t, "GET", "/v1/events", "", func(r *http.Request) { r.Header.Set("Last-Event-ID", "x") })
	if resp.StatusCode != 400 || code != "bad_request" {
		t.Errorf("garbage: %d %s", resp.StatusCode, code)
	}
}

func TestEventsBeforeTheFirstBlock(t *testing.T) {
	f := newFixture(t, 0)
	f.api.heartbeat = 5 * time.Millisecond
	lines := f.events(t, "")
	if !lines.Scan() || lines.Text() != ": heartbeat" || !lines.Scan() || lines.Text() != "" {
		t.Fatalf("got %q, want a heartbeat", lines.Text())
	}
	f.chain.grow(t)
	for lines.Scan() && lines.Text() != "id: 0" {
		if lines.Text() != "" && lines.Text() != ": heartbeat" {
			t.Fatalf("got %q", lines.Text())
		}
	}
}

func TestAReaderFarBehindIsTakenToTheNewest(t *testing.T) {
	f := newFixture(t, maxReplay+3)
	if got := f.next(t, f.events(t, "0")); got != maxReplay+2 {
		t.Errorf("event %d, want the newest", got)
	}
	if got := f.next(t, f.events(t, "3")); got != 4 {
		t.Errorf("event %d, want 4", got)
	}
}

func TestAStreamGivesItsSlotBack(t *testing.T) {
	f := newFixture(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", f.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := f.api.subscribers.count(); got != 1 {
		t.Fatalf("%v streams open", got)
	}
	cancel()
	for deadline := time.Now().Add(5 * time.Second); f.api.subscribers.count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the slot is still taken")
		}
	}
}
