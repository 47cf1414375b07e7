package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"evident/lightclient/ledger"
)

// call answers a request without a network and checks that an error has the
// documented form.
func (f *fixture) call(t testing.TB, method, target string, body string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:7080/", strings.NewReader(body))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	resp := w.Result()
	got, _ := io.ReadAll(resp.Body)
	var e Failure
	if resp.StatusCode >= 400 && method != http.MethodHead {
		if err := json.Unmarshal(got, &e); err != nil || e.Error.Code == "" || e.Error.Message == "" || e.Error.Hint == "" {
			t.Errorf("%s %s: %d without a code, a message and a hint: %s", method, target, resp.StatusCode, got)
		}
	}
	return resp, e.Error.Code
}

// example fills the parameters of a route's path.
func (f *fixture) example(path string) string {
	return strings.NewReplacer("{path...}", "0/000.p/2", "{height}", "1", "{id}", f.records[0].ID.String(),
		"{contract}", "notes", "{version}", "1", "{item}", "x", "{digest}", strings.Repeat("ab", 32), "{cid}", "bafk", "/v1/search", "/v1/search?q=x").Replace(path)
}

func TestEveryRouteKeepsTheBorder(t *testing.T) {
	f := newFixture(t, 3)
	note := string(f.records[0].Note)
	for _, rt := range append(f.api.table(), route{method: "GET", path: "/"}) {
		path := f.example(rt.path)
		t.Run(rt.method+" "+path, func(t *testing.T) {
			want := func(name, method, target string, status int, code string, change func(*http.Request)) *http.Response {
				t.Helper()
				resp, got := f.call(t, method, target, note, change)
				if resp.StatusCode != status || got != code {
					t.Errorf("%s: %d %q, want %d %q", name, resp.StatusCode, got, status, code)
				}
				if resp.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
					t.Errorf("%s: no security headers", name)
				}
				return resp
			}
			host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
			for _, bad := range []string{"evil.example", "127.0.0.1.evil.example:7080", "", "localhost.", "10.0.0.1:7080", "[::2]:7080", "node1.harbour.example.evil", "a:b:c"} {
				want("host "+bad, rt.method, path, 421, "host", host(bad))
			}
			want("long query", rt.method, path+"?&x="+strings.Repeat("x", maxQuery), 414, "limit", nil)
			for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "BREW"} {
				if got := want(method, method, path, 405, "method", nil).Header.Get("Allow"); got != rt.method {
					t.Errorf("%s: Allow is %q", method, got)
				}
			}
			crossOrigin := func(r *http.Request) {
				r.Header.Set("Origin", "https://evil.example")
				r.Header.Set("Sec-Fetch-Site", "cross-site")
			}
			if rt.method == "GET" {
				want("cross-origin POST", "POST", path, 403, "cross_origin", crossOrigin)
			}
			if rt.path == "/v1/events" {
				return // does not end by itself: TestEvents
			}
			status := 200
			good := want("own host", rt.method, path, status, "", host("node1.harbour.example"))
			public := good.Header.Get("Access-Control-Allow-Origin") == "*"
			if public == (rt.path == "/" || rt.path == "/metrics") {
				t.Errorf("open to pages of other sites: %v", public)
			}
			want("cross-origin "+rt.method, rt.method, path, status, "", crossOrigin)
			want("IPv6 host", rt.method, path, status, "", host("[::1]:7080"))
			if public {
				want("preflight", "OPTIONS", path, 204, "", crossOrigin)
			}
		})
	}
}

// An error from behind the API that says itself what the client is told, is told so.
func TestFailureThatIsTold(t *testing.T) {
	f := newFixture(t, 1)
	if resp, code := f.call(t, "GET", "/ipfs/full", "", nil); resp.StatusCode != 507 || code != "full" {
		t.Errorf("%d %q, want 507 full", resp.StatusCode, code)
	}
}

// A request by the address that it reached cannot be a rebound name.
func TestOwnAddress(t *testing.T) {
	f := newFixture(t, 1)
	local := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 7080}
	tests := []struct {
		host   string
		status int
	}{{"192.0.2.7:7080", 200}, {"192.0.2.7", 200}, {"192.0.2.8:7080", 421}, {"evil.example:7080", 421}, {"", 421}, {"localhost:1", 200}}
	for _, tt := range tests {
		resp, _ := f.call(t, "GET", "/v1/status", "", func(r *http.Request) {
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
			r.Host = tt.host
		})
		if resp.StatusCode != tt.status {
			t.Errorf("%q: %d, want %d", tt.host, resp.StatusCode, tt.status)
		}
	}
}

func TestGarbageIsRefused(t *testing.T) {
	f := newFixture(t, 3)
	tests := []struct {
		target string
		status int
		code   string
	}{
		{"/v1/head?from=-1", 400, "bad_request"},
		{"/v1/head?from=01", 400, "bad_request"},
		{"/v1/head?from=+1", 400, "bad_request"},
		{"/v1/head?from=1e3", 400, "bad_request"},
		{"/v1/head?from=99999999999999999999", 400, "bad_request"},
		{"/v1/head?from=9007199254740992", 404, "behind"},
		{"/v1/blocks?limit=0", 400, "bad_request"},
		{"/v1/blocks?limit=101", 400, "bad_request"},
		{"/v1/blocks?before=x", 400, "bad_request"},
		{"/v1/blocks/3", 404, "behind"},
		{"/v1/blocks/-1", 400, "bad_request"},
		{"/v1/blocks/1?size=1", 400, "bad_request"},
		{"/v1/blocks/1?size=4", 404, "behind"},
		{"/v1/blocks/x/raw", 400, "bad_request"},
		{"/v1/blocks/9/certificate", 404, "behind"},
		{"/v1/records/abc", 400, "bad_request"},
		{"/v1/records/" + strings.Repeat("AB", 32), 400, "bad_request"},
		{"/v1/records/" + strings.Repeat("ab", 32), 404, "not_found"},
		{"/v1/records/" + f.records[0].ID.String() + "?size=1", 400, "bad_request"},
		{"/v1/records/" + f.records[0].ID.String() + "?size=9", 404, "behind"},
		{"/v1/records/check", 405, "method"},
		{"/v1/state/digest/abc", 400, "bad_request"},
		{"/v1/state/notes/" + strings.Repeat("x", maxItem+1), 400, "bad_request"},
		{"/v1/state/notes/\xff", 400, "bad_request"},
		{"/v1/state/notes/x?from=x", 400, "bad_request"},
		{"/v1/search", 400, "bad_request"},
		{"/v1/search?q=" + strings.Repeat("x", maxTerm+1), 400, "bad_request"},
		{"/v1/search?q=%ff", 400, "bad_request"},
		{"/v1/search?q=x&limit=51", 400, "bad_request"},
		{"/v1/nothing", 404, "not_found"},
		{"/v2/status", 404, "not_found"},
		{"/nothing.html", 404, "not_found"},
		{"/assets", 404, "not_found"},
	}
	for _, tt := range tests {
		if resp, code := f.call(t, "GET", tt.target, "", nil); resp.StatusCode != tt.status || code != tt.code {
			t.Errorf("%q: %d %s, want %d %s", tt.target, resp.StatusCode, code, tt.status, tt.code)
		}
	}
	if f.log.Len() > 0 {
		t.Errorf("garbage reached the log: %s", f.log)
	}
}

func TestNothingIsFinalYet(t *testing.T) {
	f := newFixture(t, 1)
	f.chain.blocks = nil
	f.records = append(f.records, f.chain.record(t, 9))
	for _, rt := range f.api.table() {
		if strings.HasPrefix(rt.path, "/v1/files/") || strings.HasPrefix(rt.path, "/ipfs/") {
			continue // uploads may come before the first block
		}
		switch rt.path {
		case "/v1/genesis", "/v1/nodes", "/v1/misbehaviour", "/v1/health", "/metrics", "/v1/events", "/v1/search", "/v1/records", "/v1/records/check":
			continue
		}
		resp, code := f.call(t, rt.method, f.example(rt.path), "", nil)
		if resp.StatusCode != 503 || code != "starting" || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", rt.path, resp.StatusCode, code)
		}
	}
}

func TestSlots(t *testing.T) {
	s := newSlots(4)
	leave, err := s.enter("a")
	if err != nil {
		t.Fatal(err)
	}
	s.enter("a")
	if _, err := s.enter("a"); failureOf(err).status != http.StatusTooManyRequests {
		t.Errorf("a third of one client: %v", err)
	}
	s.enter("b")
	s.enter("b")
	if _, err := s.enter("c"); failureOf(err).status != http.StatusServiceUnavailable {
		t.Errorf("a fifth: %v", err)
	}
	leave()
	if _, err := s.enter("c"); err != nil {
		t.Errorf("after one left: %v", err)
	}
	if s.count() != 4 {
		t.Errorf("%v open, want 4", s.count())
	}
}

func TestClient(t *testing.T) {
	tests := []struct{ remote, want string }{
		{"127.0.0.1:4711", "127.0.0.1"},
		{"[::ffff:10.0.0.1]:4711", "10.0.0.1"},
		{"[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"},
		{"12D3KooW", "12D3KooW"},
	}
	for _, tt := range tests {
		if got := client(tt.remote); got != tt.want {
			t.Errorf("client(%q) = %q, want %q", tt.remote, got, tt.want)
		}
	}
}

func TestBusyRoutesRefuse(t *testing.T) {
	f := newFixture(t, 3)
	for _, rt := range f.api.table() {
		var leaves []func()
		for range rt.slots.limit / 2 {
			leave, err := rt.slots.enter("192.0.2.1") // the remote address of httptest's requests
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		resp, code := f.call(t, rt.method, f.example(rt.path), "", nil)
		if resp.StatusCode != 429 || code != "busy" || resp.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %s", rt.path, resp.StatusCode, code)
		}
		for _, leave := range leaves {
			leave()
		}
	}
}

func TestMetrics(t *testing.T) {
	f := newFixture(t, 3)
	f.get(t, "/v1/status")
	f.call(t, "GET", "/v1/status", "", func(r *http.Request) { r.Host = "evil.example" })
	_, body := f.get(t, "/metrics")
	for _, want := range []string{
		`evident_http_requests_total{route="/v1/status",status="200"} 1`,
		`evident_http_requests_total{route="",status="421"} 1`,
		`evident_http_seconds_count{route="/v1/status"} 1`,
		"evident_head_height 2", "evident_http_event_streams 0",
		fmt.Sprintf("evident_head_certified_seconds %g", float64(testStart/1000+2)),
	} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("no %q", want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	fx := newFixture(f, 3)
	for _, rt := range fx.api.table() {
		f.Add(rt.method, fx.example(rt.path), "size=2&from=1&limit=3&q=x", string(fx.records[0].Note))
	}
	f.Add("GET", "/tile/0/x001/x002/003.p/4", "", "")
	f.Add("POST", "/v1/records", "wait=final&timeout=1s", "evident/record/v1\n{}\n\n— a b\n")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if path == "/v1/events" || len(body) > 2*ledger.MaxRecordSize {
			return
		}
		r := httptest.NewRequest("GET", "http://localhost/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
		w := httptest.NewRecorder()
		fx.api.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s %q?%q: %s", method, path, query, w.Body)
		}
	})
}
