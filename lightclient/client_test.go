package lightclient_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

// world is a ledger of four members with a node each, and a client that
// follows it. The clock stands one second after the newest block.
type world struct {
	*testnode.Ledger
	nodes  []*testnode.Node
	memory *store.Memory
	late   time.Duration
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{Ledger: testnode.New(4), memory: new(store.Memory)}
	for i := range 4 {
		w.nodes = append(w.nodes, w.Node(i))
	}
	return w
}

func (w *world) requests() (n int64) {
	for _, node := range w.nodes {
		n += node.Requests.Load()
	}
	return n
}

func (w *world) now() time.Time {
	return time.UnixMilli(w.Head().Time).Add(2*time.Second + w.late)
}

func (w *world) config(sources ...Source) Config {
	return Config{Sources: sources, Store: w.memory, Now: w.now, Genesis: w.Consortium().File}
}

func (w *world) client(t testing.TB, sources ...Source) *Client {
	t.Helper()
	if len(sources) == 0 {
		for _, n := range w.nodes {
			sources = append(sources, n)
		}
	}
	c, err := Open(t.Context(), w.config(sources...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustSync(t testing.TB, c *Client) Head {
	t.Helper()
	h, err := c.Sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var photo = ledgertest.New(4).Statement().Evidence[0]

func idOf(t testing.TB, msg []byte) ledger.RecordID {
	t.Helper()
	r, err := ledger.ParseRecord(msg)
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func TestQueriesAreProven(t *testing.T) {
	w := newWorld(t)
	w.Grow(5)
	msg := w.Deposit("ada", "a photograph", photo)
	w.Add(w.Deposit("bea", "one"), msg, w.Deposit("cy", "three"))
	w.Grow(150)
	c := w.client(t)
	if h := mustSync(t, c); h.Header.Height != 149 {
		t.Errorf("head %d, want 149", h.Header.Height)
	}
	r, err := c.Record(t.Context(), idOf(t, msg))
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Height != 5 || r.Index != 1 || r.Certificate.Height() != 5 {
		t.Errorf("record at %d/%d under the certificate of %d", r.Header.Height, r.Index, r.Certificate.Height())
	}
	b, err := c.Block(t.Context(), 5)
	if err != nil || len(b.Records) != 3 || b.Records[1].ID != r.ID {
		t.Errorf("block 5: %v, %v", b.Records, err)
	}
	list, err := c.Blocks(t.Context(), nil, 100)
	if err != nil || len(list) != 100 || list[99].Height != 50 {
		t.Fatalf("blocks: %d, %v", len(list), err)
	}
	before := list[99].Height
	older, err := c.Blocks(t.Context(), &before, 100)
	if err != nil || len(older) != 50 || older[49].Height != 0 {
		t.Fatalf("older blocks: %d, %v", len(older), err)
	}
	certs, err := c.Certificates(t.Context(), list)
	if err != nil || certs[99].Height() != 50 || certs[0].Height() != 149 {
		t.Errorf("certificates: %v", err)
	}
	asked := w.requests()
	if _, err := c.Certificates(t.Context(), list[10:20]); err != nil || w.requests() != asked {
		t.Errorf("known certificates were asked for again: %v", err)
	}
	far := ledger.Height(20) // not linked to the head: proven by inclusion
	fresh := w.client(t)
	if older, err = fresh.Blocks(t.Context(), &far, 3); err != nil || older[0].Height != 19 {
		t.Fatalf("far blocks: %v, %v", older, err)
	}
	found, state, err := c.Lookup(t.Context(), [32]byte(mustHex(photo.SHA256)))
	if err != nil || found == nil || found.ID != r.ID || state.Head.Header.Height != 149 {
		t.Errorf("lookup: %v, %v", found, err)
	}
	if found, state, err = c.Lookup(t.Context(), [32]byte{1}); err != nil || found != nil || state.Value != nil {
		t.Errorf("lookup of nothing: %v, %v", found, err)
	}
	if s, err := c.State(t.Context(), "notes", r.ItemName()); err != nil || !strings.Contains(string(s.Value), `"seq":1`) {
		t.Errorf("state: %s, %v", s.Value, err)
	}
	hits, err := c.Search(t.Context(), r.ID.String()[:8])
	if err != nil || len(hits) != 1 || hits[0].ID != r.ID {
		t.Errorf("search: %v, %v", hits, err)
	}
	members, err := c.Members(t.Context())
	if err != nil || len(members) != 4 || members[3].Last == nil || members[3].Last.Height != 149 {
		t.Errorf("members: %+v, %v", members, err)
	}
	if _, err := c.Record(t.Context(), ledger.RecordID{1}); !errors.Is(err, ErrNotShown) {
		t.Errorf("a record nobody has: %v", err)
	}
	if _, err := c.Block(t.Context(), 150); !errors.Is(err, ErrNotShown) {
		t.Errorf("a block of the future: %v", err)
	}
}

func mustHex(s string) []byte {
	data, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return data
}

// crowded is a node whose quota for an author is used up.
type crowded struct{ *testnode.Node }

func (c crowded) Ask(ctx context.Context, q Question) (Answer, error) {
	if q.Method == "POST" && !c.Down.Load() {
		return Answer{Status: 429, Body: []byte(`{"error":{"code":"quota","message":"no more files by ada"}}`)}, nil
	}
	return c.Node.Ask(ctx, q)
}

// TestSubmitWithoutRoom has nodes refuse a record for want of room, which no waiting changes: one that has room is enough.
func TestSubmitWithoutRoom(t *testing.T) {
	for _, tt := range []struct {
		name  string
		other func(*testnode.Node) Source // the last of the four
		want  error
	}{
		{"none has room", func(n *testnode.Node) Source { return crowded{n} }, ErrQuota},
		{"the rest cannot be reached", func(n *testnode.Node) Source { n.Down.Store(true); return n }, ErrQuota},
		{"one has room", func(n *testnode.Node) Source { return n }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Grow(3)
			c := w.client(t, crowded{w.nodes[0]}, crowded{w.nodes[1]}, crowded{w.nodes[2]}, tt.other(w.nodes[3]))
			head := mustSync(t, c)
			_, err := c.Submit(t.Context(), w.DepositAfter("ada", "hello", ledger.Point{Size: head.Tree().N, Root: head.Tree().Hash}, photo), nil)
			if !errors.Is(err, tt.want) || errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			for _, n := range c.Nodes()[:3] {
				if n.State == NodeDown {
					t.Errorf("a node without room is held to be down: %v", n.Err)
				}
			}
		})
	}
}

func TestSubmitAndProve(t *testing.T) {
	w := newWorld(t)
	w.Grow(3)
	w.nodes[1].Down.Store(true)
	c := w.client(t)
	head := mustSync(t, c)
	w.Grow(7)
	for _, n := range w.nodes[2:] { // of two that are asked at once, one may say first that it is final, and promise nothing
		n.Down.Store(true)
	}
	msg := w.DepositAfter("ada", "hello", ledger.Point{Size: head.Tree().N, Root: head.Tree().Hash}, photo)
	var receipts []Receipt
	r, err := c.Submit(t.Context(), msg, func(r Receipt) { receipts = append(receipts, r) })
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Submit(t.Context(), msg, nil); err != nil || again.Header != r.Header {
		t.Errorf("again: block %d, %v", again.Header.Height, err)
	}
	if len(receipts) != 1 || receipts[0].Record != r.ID {
		t.Errorf("receipts %+v", receipts)
	}
	p, err := c.Proof(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	file, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := w.Consortium().Fingerprint
	report := proof.Verify(file, proof.Options{Trusted: &fingerprint})
	if report.Verdict != proof.Valid || !report.Proven.SignedAfter {
		t.Errorf("%s: %s", report.Verdict, report.Reason("en"))
	}
	if p.Certificate == nil || report.Proven.ExistedBy != r.ExistedBy().Unix() {
		t.Errorf("existed by %d, want %d", report.Proven.ExistedBy, r.ExistedBy().Unix())
	}
}

func TestSubmitRefused(t *testing.T) {
	w := newWorld(t)
	for _, n := range w.nodes {
		n.Refuse = "C2"
	}
	c := w.client(t)
	var refused *Refused
	if _, err := c.Submit(t.Context(), w.Deposit("ada", "x"), nil); !errors.As(err, &refused) || refused.Refusal.Reason.Rule != "C2" {
		t.Errorf("got %v", err)
	}
	for _, n := range c.Nodes() {
		if n.State != NodeOK {
			t.Errorf("a node that refuses is %s: %v", n.State, n.Err)
		}
	}
}

func TestStartAndRestart(t *testing.T) {
	w := newWorld(t)
	w.Grow(10)
	c := w.client(t)
	mustSync(t, c)
	if c.Pinned() {
		t.Error("nobody has confirmed the genesis")
	}
	if err := c.Confirm(ledger.Fingerprint{1}); !errors.Is(err, ErrGenesis) {
		t.Errorf("confirm another: %v", err)
	}
	if err := c.Confirm(w.Consortium().Fingerprint); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), Config{Store: w.memory, Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	if h, ok := again.Head(); !ok || h.Header.Height != 9 || !again.Pinned() {
		t.Errorf("after a restart: head %d, pinned %v", h.Header.Height, again.Pinned())
	}
	if _, err := Open(t.Context(), Config{Store: w.memory, Pin: ledger.Fingerprint{1}}); !errors.Is(err, ErrGenesis) {
		t.Errorf("another pin: %v", err)
	}
	pinned, err := Open(t.Context(), Config{Sources: []Source{w.nodes[0]}, Store: new(store.Memory), Pin: w.Consortium().Fingerprint})
	if err != nil || !pinned.Pinned() || !bytes.Equal(first(pinned.Genesis()), w.Consortium().File) {
		t.Errorf("genesis by its pin: %v", err)
	}
}

func first[A, B any](a A, _ B) A { return a }

func TestTwoClientsOneStore(t *testing.T) {
	w := newWorld(t)
	w.Grow(5)
	a, b := w.client(t), w.client(t)
	mustSync(t, a)
	w.Grow(9)
	mustSync(t, b)
	w.Grow(12)
	if h := mustSync(t, a); h.Header.Height != 11 {
		t.Errorf("head %d, want 11", h.Header.Height)
	}
}

func TestStale(t *testing.T) {
	w := newWorld(t)
	msg := w.Deposit("ada", "x", photo)
	w.Add(msg)
	c := w.client(t)
	for _, tt := range []struct {
		late time.Duration
		want bool
	}{{0, false}, {50 * time.Second, false}, {70 * time.Second, true}, {-time.Hour, true}} {
		w.late = tt.late
		_, err := c.State(t.Context(), "notes", idOf(t, msg).String())
		if errors.Is(err, ErrStale) != tt.want {
			t.Errorf("%s late: %v", tt.late, err)
		}
		if _, _, err := c.Lookup(t.Context(), [32]byte{}); err != nil {
			t.Errorf("%s late: absence at a height is true for ever: %v", tt.late, err)
		}
	}
}

func TestAwayTooLong(t *testing.T) {
	w := newWorld(t)
	w.Grow(5)
	c := w.client(t)
	for range 2 {
		mustSync(t, c)
		w.late = 29 * 24 * time.Hour // the ledger stands still; the client does not mind yet
	}
	w.Grow(20)
	w.late = 31 * 24 * time.Hour
	var old *ErrTooOld
	if _, err := c.Sync(t.Context()); !errors.As(err, &old) {
		t.Fatalf("got %v", err)
	}
	right := w.nodes[0].Tree(12)
	config := w.config(w.nodes[0], w.nodes[1])
	wrong := right
	wrong.Hash[0] ^= 1
	config.Anchor = wrong
	c, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sync(t.Context()); err == nil {
		t.Error("went on past a wrong anchor")
	}
	config.Anchor = right
	if c, err = Open(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if h := mustSync(t, c); h.Header.Height != 19 {
		t.Errorf("head %d, want 19", h.Header.Height)
	}
}

func TestDiscover(t *testing.T) {
	w := newWorld(t)
	here := map[string]*testnode.Node{}
	w.nodes[0].Hints = map[string]string{"stranger.example": "https://stranger.example"}
	for _, n := range w.nodes[:3] {
		here[n.Name()] = n
		w.nodes[0].Hints[n.Member.Name] = n.Name()
	}
	c := w.client(t, w.nodes[0])
	for range 2 {
		err := c.Discover(t.Context(), func(address string) (Source, error) {
			if n, ok := here[address]; ok {
				return n, nil
			}
			return nil, errors.New("cannot dial")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	members := map[string]bool{}
	for _, n := range c.Nodes() {
		members[n.Member] = true
	}
	if len(c.Nodes()) != 3 || len(members) != 3 {
		t.Errorf("nodes %+v", c.Nodes())
	}
	mustSync(t, c)
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Grow(5)
		c := w.client(t)
		mustSync(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		var got []ledger.Height
		done := make(chan error)
		go func() {
			done <- c.Follow(ctx, func(h ledger.Header) { got = append(got, h.Height) })
		}()
		time.Sleep(time.Second)
		for range 3 {
			w.Add()
			w.Add()
			time.Sleep(time.Second)
		}
		w.nodes[0].Down.Store(true)
		w.Add()
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if fmt.Sprint(got) != "[5 6 7 8 9 10 11]" {
			t.Errorf("followed %v", got)
		}
	})
}
