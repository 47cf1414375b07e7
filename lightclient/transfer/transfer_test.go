package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/testnode"
	. "evident/lightclient/transfer"
)

// sealed is a file, its secret and what its record would say.
type sealed struct {
	content []byte
	secret  *seal.Secret
	stored  evidence.Stored
}

func newSealed(t *testing.T, size int) *sealed {
	t.Helper()
	s := &sealed{content: make([]byte, size)}
	rand.NewChaCha8([32]byte{}).Read(s.content)
	var err error
	if s.secret, err = seal.NewSecret("", "", int64(size)); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sealed) pass(t *testing.T) func(func(evidence.Block) error) error {
	return func(emit func(evidence.Block) error) (err error) {
		s.stored, err = s.secret.Seal(t.Context(), bytes.NewReader(s.content), emit)
		return err
	}
}

func newNodes(n int) (*testnode.Ledger, []*testnode.Node, []lightclient.Source) {
	l := testnode.New(4)
	var nodes []*testnode.Node
	var sources []lightclient.Source
	for i := range n {
		nodes = append(nodes, l.Node(i))
		sources = append(sources, nodes[i])
	}
	return l, nodes, sources
}

func TestUploadAndFetch(t *testing.T) {
	for _, size := range []int{0, 1, 1 << 20, 11<<20 + 7} {
		_, _, sources := newNodes(3)
		s := newSealed(t, size)
		var last Progress
		if err := Upload(t.Context(), sources, 0, func(p Progress) { last = p }, s.pass(t)); err != nil {
			t.Fatal(err)
		}
		if last.Done != s.stored.Size {
			t.Errorf("progress ends at %d of %d", last.Done, s.stored.Size)
		}
		if err := s.fetch(t.Context(), sources); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func (s *sealed) fetch(ctx context.Context, sources []lightclient.Source) error {
	p, err := seal.Open(ctx, &Blocks{Sources: sources}, s.secret.Evidence(s.stored), s.secret)
	if err != nil {
		return err
	}
	var got bytes.Buffer
	if err := p.Copy(&got); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), s.content) {
		return errors.New("something else was fetched")
	}
	return nil
}

// TestResume breaks an upload off after every number of blocks, and counts what is sent again.
func TestResume(t *testing.T) {
	s := newSealed(t, 9<<20)
	stop := errors.New("stop")
	for broken := range 9 {
		_, nodes, sources := newNodes(1)
		blocks := 0
		err := Upload(t.Context(), sources, 0, nil, func(emit func(evidence.Block) error) error {
			return s.pass(t)(func(b evidence.Block) error {
				if blocks++; blocks > broken {
					return stop
				}
				return emit(b)
			})
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		sent := 0
		before := nodes[0].Blocks()
		nodes[0].Change(func(n *testnode.Node) { n.Answer = counting(&sent) })
		if err := Upload(t.Context(), sources, 0, nil, s.pass(t)); err != nil {
			t.Fatal(err)
		}
		if total := nodes[0].Blocks(); sent != total-before {
			t.Errorf("broken off after %d blocks: %d of %d were there, %d sent", broken, before, total, sent)
		}
	}
}

// counting adds up the blocks that a node says it got.
func counting(sent *int) func(string, []byte) []byte {
	return func(path string, body []byte) []byte {
		var n int
		if _, err := fmt.Sscanf(string(body), `{"blocks":%d}`, &n); err == nil && path == "/v1/files/car" {
			*sent += n
		}
		return body
	}
}

func TestAnotherNodeTakesOver(t *testing.T) {
	_, nodes, sources := newNodes(3)
	nodes[0].Full = true
	nodes[1].Answer = func(_ string, body []byte) []byte { return []byte("nonsense") }
	s := newSealed(t, 3<<20)
	if err := Upload(t.Context(), sources, 0, nil, s.pass(t)); err != nil {
		t.Fatal(err)
	}
	if nodes[2].Blocks() == 0 {
		t.Error("the third node has nothing")
	}
}

// TestNoRoom has no node take the file: whoever waits is told so, and not left waiting.
func TestNoRoom(t *testing.T) {
	for _, tt := range []struct {
		name string
		down bool // the other node cannot be reached
	}{{"all nodes are full", false}, {"one is full, one cannot be reached", true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, nodes, sources := newNodes(2)
				nodes[0].Full, nodes[1].Full = true, true
				nodes[1].Down.Store(tt.down)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				err := Upload(ctx, sources, 0, nil, newSealed(t, 10).pass(t))
				if !errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable) {
					t.Errorf("got %v, want that there is no room, and nothing that would pass by itself", err)
				}
			})
		})
	}
}

// TestLyingNodes has all nodes but one give wrong blocks; the file is fetched, or not at all.
func TestLyingNodes(t *testing.T) {
	_, nodes, sources := newNodes(3)
	s := newSealed(t, 2<<20)
	if err := Upload(t.Context(), sources, 0, nil, s.pass(t)); err != nil {
		t.Fatal(err)
	}
	for i, answer := range []func(string, []byte) []byte{
		func(_ string, body []byte) []byte { return append([]byte{body[0] ^ 1}, body[1:]...) },
		func(string, []byte) []byte { return make([]byte, evidence.MaxBlock+1) },
	} {
		nodes[i].Change(func(n *testnode.Node) { n.Answer = answer })
	}
	if err := s.fetch(t.Context(), sources); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.fetch(ctx, sources[:2]); err == nil {
		t.Error("fetched from liars")
	}
}

func TestReceipts(t *testing.T) {
	l, nodes, sources := newNodes(4)
	s := newSealed(t, 100)
	if err := Upload(t.Context(), sources, 0, nil, s.pass(t)); err != nil {
		t.Fatal(err)
	}
	e := s.secret.Evidence(s.stored)
	note := l.Deposit("ada", "", e)
	id := mustID(t, note)
	c := l.Consortium()
	held := Ledger{c.Origin, c.Genesis.Members}
	if got := Receipts(t.Context(), sources, held, id, e); len(got) != 0 {
		t.Errorf("%d receipts before the record is on the ledger", len(got))
	}
	l.Add(note)
	if got := Await(t.Context(), sources, held, id, e, 3); len(got) != 3 {
		t.Errorf("%d receipts", len(got))
	}
	forge := func(old, new string) func(string, []byte) []byte {
		return func(_ string, body []byte) []byte { return bytes.ReplaceAll(body, []byte(old), []byte(new)) }
	}
	for _, n := range nodes {
		n.Change(func(n *testnode.Node) { n.Answer = forge("time 1", "time 2") })
	}
	if got := Receipts(t.Context(), sources, held, id, e); len(got) != 0 {
		t.Errorf("%d forged receipts are believed", len(got))
	}
	for _, n := range nodes {
		n.Change(func(n *testnode.Node) { n.Answer = nil })
	}
	e.Size++
	if got := Receipts(t.Context(), sources, held, id, e); len(got) != 0 {
		t.Errorf("%d receipts for another size are believed", len(got))
	}
}

func mustID(t *testing.T, note []byte) ledger.RecordID {
	t.Helper()
	r, err := ledger.ParseRecord(note)
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func TestUploadEnds(t *testing.T) {
	_, nodes, sources := newNodes(2)
	for _, n := range nodes {
		n.Down.Store(true)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s := newSealed(t, 10)
	if err := Upload(ctx, sources, 0, nil, s.pass(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := Upload(t.Context(), nil, 0, nil, s.pass(t)); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no node") {
		t.Errorf("without nodes: %v", err)
	}
}
