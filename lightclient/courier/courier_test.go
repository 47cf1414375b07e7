package courier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"evident/lightclient"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

// memory is a store that outlives the couriers of a test.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (m *memory) Read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name], nil
}

func (m *memory) Put(name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[name] = bytes.Clone(value)
	return nil
}

func (m *memory) Delete(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, name)
	return nil
}

func (m *memory) Names(prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for name := range m.values {
		if strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// given is a file in memory. slow, if set, is called before each piece.
type given struct {
	name    string
	content []byte
	slow    func(read int)
}

func (g *given) Name() string    { return g.name }
func (g *given) Media() string   { return "" }
func (g *given) Size() int64     { return int64(len(g.content)) }
func (g *given) Modified() int64 { return 1 }
func (g *given) Open(ctx context.Context) io.Reader {
	return &reader{ctx: ctx, g: g}
}

type reader struct {
	ctx  context.Context
	g    *given
	read int
}

func (r *reader) Read(p []byte) (int, error) {
	if r.g.slow != nil {
		r.g.slow(r.read)
	}
	if r.ctx.Err() != nil {
		return 0, r.ctx.Err()
	}
	n := copy(p, r.g.content[r.read:])
	r.read += n
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// world is a ledger of four nodes, and the store of one browser.
type world struct {
	ledger *testnode.Ledger
	nodes  []*testnode.Node
	store  *memory
}

func newTestWorld(t *testing.T) *world {
	t.Helper()
	w := &world{ledger: testnode.New(4), store: &memory{values: map[string][]byte{}}}
	w.ledger.Grow(3)
	for i := range 4 {
		w.nodes = append(w.nodes, w.ledger.Node(i))
	}
	return w
}

// start opens a page: it stops when stop is called, as a reload would.
func (w *world) start(t *testing.T) (c *Courier, stop func()) {
	t.Helper()
	s := service.New(func(ctx context.Context) (*lightclient.Client, error) {
		var sources []lightclient.Source
		for _, n := range w.nodes {
			sources = append(sources, n)
		}
		consortium := w.ledger.Consortium()
		return lightclient.Open(ctx, lightclient.Config{Sources: sources, Store: new(store.Memory), Genesis: consortium.File, Pin: consortium.Fingerprint,
			Now: func() time.Time { return time.UnixMilli(ledgertest.Created + 100_000) }})
	})
	c = New(s, w.store)
	ctx, cancel := context.WithCancel(t.Context())
	running, ended := make(chan struct{}), make(chan struct{})
	go func() {
		close(running)
		c.Run(ctx)
		close(ended)
	}()
	<-running
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	c.until(t, func() bool { return c.ctx != nil })
	return c, stop
}

func (c *Courier) until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		ok := done()
		c.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not after 20 s: %+v", c.status())
		}
	}
}

func call[R any](t *testing.T, c *Courier, method string, params any) (R, *service.Error) {
	t.Helper()
	text, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct {
		OK    R
		Error *service.Error
	}
	if err := json.Unmarshal(c.service.Invoke(t.Context(), method, text), &envelope); err != nil {
		t.Fatal(err)
	}
	return envelope.OK, envelope.Error
}

func must[R any](t *testing.T, c *Courier, method string, params any) R {
	t.Helper()
	out, failed := call[R](t, c, method, params)
	if failed != nil {
		t.Fatalf("%s: %+v", method, failed)
	}
	return out
}

func pattern(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func (c *Courier) first() service.StampJob { return c.jobs[0].StampJob }

func (c *Courier) hasState(state string) func() bool {
	return func() bool { return c.jobs[0].State == state }
}

type buffer struct {
	bytes.Buffer
	committed, aborted atomic.Bool
}

func (b *buffer) Commit() error { b.committed.Store(true); return nil }
func (b *buffer) Abort()        { b.aborted.Store(true) }

func TestStampAndFetch(t *testing.T) {
	for _, mode := range []string{"digest", "public", "sealed"} {
		for _, together := range []bool{false, true} {
			t.Run(mode, func(t *testing.T) {
				w := newTestWorld(t)
				c, _ := w.start(t)
				must[service.Keys](t, c, "makeKey", service.KeyParams{Name: "ada"})
				contents := [][]byte{pattern(3<<20 + 5), pattern(17), {}}
				paths := []string{"trip/港口.jpg", "trip/b.txt", "trip/empty"}
				for i, path := range paths {
					c.Hold(path, &given{name: path[5:], content: contents[i]})
				}
				must[service.StampStatus](t, c, "stamp", service.StampParams{Paths: paths, Statement: "first", Mode: mode, Together: together})
				c.until(t, func() bool { return !slices.ContainsFunc(c.jobs, func(j *job) bool { return j.State != final }) })
				jobs := must[service.StampStatus](t, c, "stampStatus", service.None{}).Jobs
				if want := map[bool]int{false: 3, true: 1}[together]; len(jobs) != want {
					t.Fatalf("%d jobs, want %d", len(jobs), want)
				}
				for i, content := range contents {
					id, index := jobs[0].Record, i
					if !together {
						id, index = jobs[i].Record, 0
					}
					checkStored(t, w, c, id, index, mode, content)
				}
			})
		}
	}
}

// checkStored holds the proof and the file that comes back to the content.
func checkStored(t *testing.T, w *world, c *Courier, id string, index int, mode string, content []byte) {
	t.Helper()
	text, err := c.Proof(id)
	if err != nil {
		t.Fatal(err)
	}
	trusted := w.ledger.Consortium().Fingerprint
	r := proof.Verify([]byte(text), proof.Options{Trusted: &trusted, Content: &proof.Content{SHA256: sha256.Sum256(content), Size: int64(len(content))}})
	if r.Verdict != proof.Valid {
		t.Errorf("the proof is %s: %s", r.Verdict, r.Reason("en"))
	}
	p := service.EvidenceParams{Record: id, Index: index}
	var sink buffer
	job, err := c.Fetch(t.Context(), p, func(string, int64) (Sink, error) { return &sink, nil })
	if mode == "digest" {
		if err == nil || w.nodes[0].Blocks() != 0 {
			t.Errorf("by digest: %v, %d blocks", err, w.nodes[0].Blocks())
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	c.until(t, func() bool { return c.fetch[job.Job] == nil })
	c.until(t, sink.committed.Load)
	if !bytes.Equal(sink.Bytes(), content) || sink.aborted.Load() {
		t.Errorf("fetched %d bytes, aborted %t", sink.Len(), sink.aborted.Load())
	}
	o := must[service.Opened](t, c, "openEvidence", p)
	at := int64(len(content) / 2)
	part, err := c.Read(o.Token, at, 100)
	if err != nil || !bytes.Equal(part, content[at:min(int(at)+100, len(content))]) {
		t.Errorf("read %d bytes in the middle: %v", len(part), err)
	}
	must[service.None](t, c, "closeEvidence", service.TokenParams{Token: o.Token})
	if _, err := c.Read(o.Token, 0, 1); err == nil {
		t.Error("read after it was closed")
	}
	kept := must[service.Storage](t, c, "storage", p)
	if kept.Wanted != 3 || len(kept.Kept) < 3 {
		t.Errorf("kept by %+v", kept)
	}
}
