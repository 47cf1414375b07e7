package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPages(t *testing.T) {
	f := newFixture(t, 1)
	const forever, check = "public, max-age=31536000, immutable", "no-cache"
	tests := []struct {
		path, accept                 string
		media, encoding, cache, body string
	}{
		{"/", "", "text/html; charset=utf-8", "", check, "<!doctype html><title>Evident</title>"},
		{"/index.html", "gzip", "text/html; charset=utf-8", "", check, "<!doctype html><title>Evident</title>"},
		{"/evident.wasm", "", "application/wasm", "", check, "\x00asm, plain"},
		{"/evident.wasm", "gzip, deflate, br", "application/wasm", "br", check, "brotli"},
		{"/evident.wasm", "gzip;q=0.5, br; q=0", "application/wasm", "gzip", check, "gzip"},
		{"/evident.wasm", "brotli", "application/wasm", "", check, "\x00asm, plain"},
		{"/assets/app-1a2b.js", "br", "text/javascript; charset=utf-8", "", forever, "export {}"},
		{"/assets/app-1a2b.js", "gzip", "text/javascript; charset=utf-8", "gzip", forever, "gzip"},
		{"/evident.wasm.br", "br", "application/octet-stream", "", check, "brotli"},
	}
	for _, tt := range tests {
		resp, body := f.page(t, "GET", tt.path, map[string]string{"Accept-Encoding": tt.accept})
		h := resp.Header
		if resp.StatusCode != 200 || body != tt.body || h.Get("Content-Type") != tt.media || h.Get("Content-Encoding") != tt.encoding || h.Get("Cache-Control") != tt.cache {
			t.Errorf("%s for %q: %d %v %q", tt.path, tt.accept, resp.StatusCode, h, body)
		}
		again, _ := f.page(t, "GET", tt.path, map[string]string{"Accept-Encoding": tt.accept, "If-None-Match": h.Get("ETag")})
		if again.StatusCode != 304 {
			t.Errorf("%s for %q again: %d", tt.path, tt.accept, again.StatusCode)
		}
		if resp, body := f.page(t, "HEAD", tt.path, nil); resp.StatusCode != 200 || body != "" {
			t.Errorf("HEAD %s: %d %q", tt.path, resp.StatusCode, body)
		}
	}
}

func (f *fixture) page(t *testing.T, method, path string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, f.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "") // or the client asks for gzip by itself
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestEncodingsHaveTheirOwnTags(t *testing.T) {
	f := newFixture(t, 1)
	plain, _ := f.page(t, "GET", "/evident.wasm", nil)
	br, _ := f.page(t, "GET", "/evident.wasm", map[string]string{"Accept-Encoding": "br"})
	if plain.Header.Get("ETag") == br.Header.Get("ETag") || br.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("tags %s and %s", plain.Header.Get("ETag"), br.Header.Get("ETag"))
	}
}

// The pages may talk to members' nodes; a hostile address adds nothing else.
func TestPolicy(t *testing.T) {
	f := newFixture(t, 1)
	resp, _ := f.page(t, "GET", "/", nil)
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none';", "script-src 'self' 'wasm-unsafe-eval';", "connect-src 'self' http://127.0.0.1:7080;", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %q in %q", want, policy)
		}
	}
	if strings.Contains(policy, "*") || strings.Contains(policy, "unsafe-inline") {
		t.Errorf("policy %q", policy)
	}
}

// The verifier names the script in it by its digest; a policy of the server's
// for scripts would stop it.
func TestOneFilePolicy(t *testing.T) {
	p, err := newPages(fstest.MapFS{oneFile: {Data: []byte("<!doctype html>")}}, func() []NodeHint { return nil })
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := p.serve(w, httptest.NewRequest("GET", "/"+oneFile, nil)); err != nil {
		t.Fatal(err)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if strings.Contains(policy, "script-src") || strings.Contains(policy, "default-src") || !strings.Contains(policy, "connect-src 'none'") {
		t.Errorf("policy %q", policy)
	}
}
