package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/gostream"
)

// serve runs Serve on a listener until the test ends.
func (f *fixture) serve(t *testing.T, l net.Listener) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.api.Serve(ctx, l) }()
	stop = func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("serve: %v", err)
			}
			done <- nil
		case <-time.After(2 * closeTimeout):
			t.Error("Serve does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestServeEndsWhatWaits(t *testing.T) {
	f := newFixture(t, 3)
	f.intake.hold = true
	l := listen(t)
	stop := f.serve(t, l)
	stream, err := http.Get("http://" + l.Addr().String() + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	submitted := make(chan error, 1)
	go func() {
		resp, err := http.Post("http://"+l.Addr().String()+"/v1/records?wait=final&timeout=60s", "", bytes.NewReader(f.chain.record(t, 50).Note))
		if err == nil {
			resp.Body.Close()
		}
		submitted <- err
	}()
	for f.api.waiters.count() == 0 {
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	stop()
	if took := time.Since(start); took > closeTimeout {
		t.Errorf("took %v to end", took)
	}
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("event stream: %v", err)
	}
	if err := <-submitted; err != nil {
		t.Errorf("submission: %v", err)
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	f := newFixture(t, 1)
	l := listen(t)
	l.Close()
	if err := f.api.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "serve 127.0.0.1") {
		t.Errorf("got %v", err)
	}
}

func TestServeRefusesLongHeaders(t *testing.T) {
	f := newFixture(t, 1)
	l := listen(t)
	f.serve(t, l)
	r, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 2*maxHeader))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestServeCutsSlowRequests(t *testing.T) {
	f := newFixture(t, 1)
	server := f.api.server(t.Context())
	server.ReadHeaderTimeout, server.ReadTimeout = 50*time.Millisecond, 100*time.Millisecond
	l := listen(t)
	go server.Serve(l)
	defer server.Close()
	for _, begun := range []string{"GET /v1/st", "POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc"} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, begun)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%.20q: %v, want the connection closed", begun, err)
		}
	}
}

// Waiting longer than the read timeout is no reason to be cut.
func TestStreamsOutlastTheReadTimeout(t *testing.T) {
	f := newFixture(t, 1)
	f.api.heartbeat = 20 * time.Millisecond
	server := f.api.server(t.Context())
	server.ReadTimeout, server.WriteTimeout = 30*time.Millisecond, 30*time.Millisecond
	l := listen(t)
	go server.Serve(l)
	defer server.Close()
	resp, err := http.Get("http://" + l.Addr().String() + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines, beats := bufio.NewScanner(resp.Body), 0
	for beats < 10 && lines.Scan() {
		if lines.Text() == ": heartbeat" {
			beats++
		}
	}
	if beats < 10 {
		t.Errorf("cut after %d heartbeats: %v", beats, lines.Err())
	}
}

func TestBoundedListener(t *testing.T) {
	l := bound(listen(t), 1)
	for range 2 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
		second <- err
	}()
	select {
	case <-second:
		t.Fatal("accepted a second connection")
	case <-time.After(20 * time.Millisecond):
	}
	first.Close()
	first.Close() // gives back one slot, not two
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := l.Accept(); err == nil {
		t.Error("accepted after Close")
	}
}

// The same handler answers on libp2p streams, where the client is a peer.
func TestServeOverLibp2p(t *testing.T) {
	f := newFixture(t, 3)
	server, browser := newTestHost(t), newTestHost(t)
	l, err := gostream.Listen(server, Protocol)
	if err != nil {
		t.Fatal(err)
	}
	f.serve(t, l)
	if err := browser.Connect(t.Context(), peer.AddrInfo{ID: server.ID(), Addrs: server.Addrs()}); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return gostream.Dial(ctx, browser, server.ID(), Protocol)
	}}}
	defer client.CloseIdleConnections()
	url := "http://" + server.ID().String()
	for _, path := range []string{"/v1/head", "/v1/blocks/1", "/checkpoint"} {
		resp, err := client.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || len(body) == 0 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	resp, err := client.Get(url + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	f.next(t, lines)
	f.chain.grow(t)
	if got := f.next(t, lines); got != 3 {
		t.Errorf("event %d, want 3", got)
	}
}

func newTestHost(t *testing.T) host.Host {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}
