package blobs

import (
	"bytes"
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// world is a consortium whose nodes have evidence files, and a ledger that
// says what the test wants.
type world struct {
	testing.TB
	dir    string
	author note.Signer
	vkey   string
	nodes  []*node
	copies int
	tune   func(*Config) // changes what nodes start with

	mu     sync.Mutex
	set    ledger.MemberSet
	blocks []ledger.Block
	grown  chan struct{}
}

// node is one member's share.
type node struct {
	*Blobs
	world  *world
	member ledger.Member
	signer note.Signer
	key    ed25519.PrivateKey
	host   host.Host
	live   atomic.Pointer[http.ServeMux] // answers members; nil while the node is stopped
	server *httptest.Server
	full   atomic.Bool                      // its disk is full
	answer atomic.Pointer[http.HandlerFunc] // instead of the honest one, to members
	clock  atomic.Int64                     // nanoseconds ahead
	cancel context.CancelFunc
	ended  chan struct{}
}

var testPace = Pace{Retry: 20 * time.Millisecond, Recheck: 300 * time.Millisecond, Audit: time.Hour, Patience: 3 * time.Second, StandIn: 300 * time.Millisecond,
	Release: 600 * time.Millisecond, Shred: 20 * time.Millisecond}

func newWorld(t testing.TB, n int) *world {
	t.Helper()
	return newTunedWorld(t, n, ledger.DefaultCopies, func(*Config) {})
}

func newTunedWorld(t testing.TB, n, copies int, tune func(*Config)) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), grown: make(chan struct{}), copies: copies, tune: tune}
	w.author, w.vkey = w.newAuthor("author")
	for i := range n {
		w.nodes = append(w.nodes, w.newNode(fmt.Sprintf("member%d.example", i+1)))
	}
	for _, a := range w.nodes {
		w.set = append(w.set, a.member)
		for _, b := range w.nodes {
			if a != b {
				a.host.Peerstore().AddAddrs(b.host.ID(), b.host.Addrs(), time.Hour)
			}
		}
	}
	for i := range w.nodes {
		w.start(i)
	}
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a != b {
				w.must(a.host.Connect(context.Background(), peer.AddrInfo{ID: b.host.ID()}))
			}
		}
	}
	t.Cleanup(func() {
		for _, n := range w.nodes {
			n.stop()
			n.host.Close()
		}
	})
	return w
}

func (w *world) newNode(name string) *node {
	public, private, err := ed25519.GenerateKey(crand.Reader)
	w.must(err)
	vkey, err := note.NewEd25519VerifierKey(name, public)
	w.must(err)
	hash := strings.SplitN(vkey, "+", 3)[1]
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + secret)
	w.must(err)
	return &node{world: w, member: ledger.Member{Name: name, Node: vkey}, signer: signer, key: private, host: newHost(w, private)}
}

func newHost(t testing.TB, private ed25519.PrivateKey) host.Host {
	key, err := crypto.UnmarshalEd25519PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(libp2p.Identity(key), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(noise.ID, noise.New), libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// start opens a node's share and runs it.
func (w *world) start(i int) {
	w.Helper()
	n := w.nodes[i]
	peers := map[string]peer.ID{}
	for _, other := range w.nodes {
		if other != n {
			peers[other.member.Name] = other.host.ID()
		}
	}
	c := Config{Dir: filepath.Join(w.dir, n.member.Name), Ledger: w, Limits: ledger.Limits{Copies: int64(w.copies)}, Self: n.member.Name, Signer: n.signer, Host: n.host,
		Peers: peers, Ask: n.ask, Log: slog.New(slog.DiscardHandler), Pace: testPace,
		Now: func() time.Time { return time.Now().Add(time.Duration(n.clock.Load())) },
		Free: func(string) (int64, error) {
			if n.full.Load() {
				return 1 << 20, nil
			}
			return 1 << 40, nil
		}}
	w.tune(&c)
	b, err := Open(c)
	w.must(err)
	mux := http.NewServeMux()
	b.Handle(mux, func(r *http.Request) string { return r.Header.Get("Asker") })
	n.Blobs, n.ended = b, make(chan struct{})
	n.live.Store(mux)
	n.server = httptest.NewServer(n.routes())
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	go func() {
		defer close(n.ended)
		b.Run(ctx)
	}()
}

func (n *node) stop() {
	if n.Blobs == nil {
		return
	}
	n.live.Store(nil)
	n.cancel()
	<-n.ended
	n.server.Close()
	if err := n.Close(); err != nil {
		n.world.Error(err)
	}
	n.Blobs = nil
}

// routes serves clients as package api does.
func (n *node) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /v1/files/have":          func(w http.ResponseWriter, r *http.Request) error { return n.Have(w, r, r.Header.Get("Client")) },
		"POST /v1/files/car":           func(w http.ResponseWriter, r *http.Request) error { return n.Upload(w, r, r.Header.Get("Client")) },
		"GET /v1/files/{cid}":          n.Status,
		"GET /v1/files/{cid}/receipts": n.Receipts, "GET /ipfs/{cid}": n.Gateway,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			err := answer(w, r)
			var told *refusal
			switch {
			case errors.As(err, &told):
				http.Error(w, told.Error(), told.status)
			case err != nil:
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	return mux
}

// ask is the member protocol without a network.
func (n *node) ask(ctx context.Context, member, method, path string, body []byte, limit int64) ([]byte, error) {
	for _, other := range n.world.nodes {
		if other.member.Name != member {
			continue
		}
		mux := other.live.Load()
		if mux == nil {
			return nil, fmt.Errorf("%s is away", member)
		}
		r := httptest.NewRequest(method, path, bytes.NewReader(body))
		r.Header.Set("Asker", n.member.Name)
		rec := httptest.NewRecorder()
		if lie := other.answer.Load(); lie != nil {
			(*lie)(rec, r)
		} else {
			mux.ServeHTTP(rec, r)
		}
		if rec.Code != http.StatusOK {
			return nil, fmt.Errorf("%d %s", rec.Code, rec.Body)
		}
		return io.ReadAll(io.LimitReader(rec.Body, limit))
	}
	return nil, fmt.Errorf("no member %s", member)
}

func (w *world) Origin() string { return "test.example/0123456789abcdef" }
func (w *world) Members() ledger.MemberSet {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.set
}

func (w *world) Wait(ctx context.Context, h ledger.Height) error {
	for {
		w.mu.Lock()
		have, grown := len(w.blocks), w.grown
		w.mu.Unlock()
		if ledger.Height(have) > h {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *world) Block(h ledger.Height) (ledger.Block, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.blocks[h], nil
}

// record makes a final block of one record with this evidence.
func (w *world) record(evidence ...ledger.Evidence) ledger.RecordID {
	w.Helper()
	r := w.signed(w.author, w.vkey, "notes", "deposit", `{"text":"x"}`, evidence...)
	w.final(r)
	return r.ID
}

// signed makes a record.
func (w *world) signed(by note.Signer, vkey, contract, action, fields string, evidence ...ledger.Evidence) *ledger.Record {
	w.Helper()
	var nonce [16]byte
	for i := range nonce {
		nonce[i] = byte(rand.N(256))
	}
	r, err := ledger.Statement{Action: action, After: ledger.Point{Size: 1, Root: tlog.RecordHash(nil)}, At: 1, By: []string{vkey},
		Contract: contract, Version: 1, Evidence: append([]ledger.Evidence{}, evidence...), Fields: json.RawMessage(fields), Ledger: w.Origin(),
		Nonce: hex.EncodeToString(nonce[:]), Seq: 1}.Sign(by)
	w.must(err)
	return r
}

// final makes a final block of these records.
func (w *world) final(records ...*ledger.Record) {
	var block ledger.Block
	for _, r := range records {
		block.Notes = append(block.Notes, r.Note)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocks = append(w.blocks, block)
	close(w.grown)
	w.grown = make(chan struct{})
}

// newAuthor makes another author's key.
func (w *world) newAuthor(name string) (note.Signer, string) {
	w.Helper()
	skey, vkey, err := note.GenerateKey(crand.Reader, name)
	w.must(err)
	signer, err := note.NewSigner(skey)
	w.must(err)
	return signer, vkey
}

// post sends a body to a node's client API.
func (n *node) post(path string, body []byte) (int, string) {
	n.world.Helper()
	resp, err := http.Post(n.server.URL+path, "", bytes.NewReader(body))
	n.world.must(err)
	return n.world.read(resp)
}

func (n *node) get(path string) (int, string) {
	n.world.Helper()
	resp, err := http.Get(n.server.URL + path)
	n.world.must(err)
	return n.world.read(resp)
}

func (w *world) read(resp *http.Response) (int, string) {
	w.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, string(body)
}

func (n *node) upload(f file) {
	n.world.Helper()
	if code, body := n.post("/v1/files/car", f.car()); code != http.StatusOK || !strings.Contains(body, `"root":true`) {
		n.world.Fatalf("upload: %d %s", code, body)
	}
}

// keepers are the nodes that are to keep a file, and the others.
func (w *world) keepers(c ledger.CID) (keepers, others []*node) {
	names := responsible(w.set, w.copies, c, nobody)
	for _, n := range w.nodes {
		if slices.Contains(names, n.member.Name) {
			keepers = append(keepers, n)
			continue
		}
		others = append(others, n)
	}
	return keepers, others
}

// waiting is how many bytes no root refers to.
func (s *store) waiting() int64 {
	_, total := s.loose.of(ourselves)
	return total
}

// stored waits until a node knows the receipts of so many members, and verifies them.
func (w *world) stored(n *node, f file, record ledger.RecordID, members int) {
	w.Helper()
	id := fileID{f.stored.CID, record}
	w.eventually("receipts", func() bool {
		receipts, err := n.store.receipts(storing, id)
		w.must(err)
		for member, msg := range receipts {
			s, err := ledger.OpenStorage(w.Origin(), *w.set.ByName(member), msg)
			if err != nil || s.CID != id.cid || s.Record != id.record || s.Bytes != f.stored.Size {
				w.Fatalf("receipt of %s: %v %v", member, s, err)
			}
		}
		return len(receipts) == members
	})
}

// whole says whether every block of a file is at a node, undamaged.
func (n *node) whole(f file) bool {
	for _, b := range f.blocks {
		if data, err := n.store.get(b.CID); err != nil || !bytes.Equal(data, b.Data) {
			return false
		}
	}
	return true
}

func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("never: %s", what)
		}
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
