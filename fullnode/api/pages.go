package api

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"evident/fullnode/chain"
)

// mediaTypes are those of the pages; the machine's own tables may lack some,
// and a browser starts WebAssembly under the right one only.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".wasm": "application/wasm", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
	".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": text,
}

// encodings are the suffixes of files compressed beforehand, the better first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// pages are the explorer's files. They never change while the node runs.
type pages struct {
	files fs.FS
	tags  map[string]func() (string, error) // path → ETag
	nodes func() []NodeHint
}

// newPages lists the files. A file is read when it is first asked for, so that
// a node whose pages nobody opens does not hold them in memory.
func newPages(files fs.FS, nodes func() []NodeHint) (*pages, error) {
	p := &pages{files: files, tags: map[string]func() (string, error){}, nodes: nodes}
	return p, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		p.tags[name] = sync.OnceValues(func() (string, error) { return tagOf(files, name) })
		return nil
	})
}

func tagOf(files fs.FS, name string) (string, error) {
	f, err := files.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:18]) + `"`, nil
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	if p.tags[name] == nil {
		return chain.ErrNotFound
	}
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy(name))
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Type", mediaType(name))
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") { // built with a digest in each name
		immutable(w)
	}
	for _, e := range encodings {
		if p.tags[name+e.suffix] != nil && accepts(r, e.name) {
			h.Set("Content-Encoding", e.name)
			name += e.suffix
			break
		}
	}
	tag, err := p.tags[name]()
	if err != nil {
		return err
	}
	h.Set("ETag", tag)
	return p.send(w, r, name)
}

func (p *pages) send(w http.ResponseWriter, r *http.Request, name string) error {
	f, err := p.files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	content, ok := f.(io.ReadSeeker)
	if !ok {
		return errors.New("pages cannot seek in " + name)
	}
	http.ServeContent(w, r, name, time.Time{}, content)
	return nil
}

// oneFile is the verifier that people take away. It runs from a disk too, so it
// carries in itself which script may run; here it only loses what it never needs.
const (
	oneFile       = "verify.html"
	oneFilePolicy = "connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// policy lets the pages run their own code and nothing else, and talk to this
// node and to the members' other nodes.
func (p *pages) policy(name string) string {
	if name == oneFile {
		return oneFilePolicy
	}
	connect := []string{"'self'"}
	for _, n := range p.nodes() {
		for _, s := range n.URLs {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(u.Host, " ;,'\"") {
				continue
			}
			if origin := u.Scheme + "://" + u.Host; !slices.Contains(connect, origin) {
				connect = append(connect, origin)
			}
		}
	}
	return "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob:; frame-src blob:; font-src 'self'; connect-src " + strings.Join(connect, " ") + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func mediaType(name string) string {
	if t, ok := mediaTypes[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// accepts says whether the client takes an encoding.
func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == encoding && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
