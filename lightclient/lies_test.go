package lightclient_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

// TestBadNodes has one bad node beside three good ones: the client gets the
// right head, and knows what to think of the node.
func TestBadNodes(t *testing.T) {
	other := testnode.New(5)
	other.Grow(60)
	tests := []struct {
		name  string
		make  func(w *world) *testnode.Node
		state NodeState
		why   error
	}{
		{"another ledger", func(*world) *testnode.Node { return other.Node(4) }, NodeLied, ledger.ErrLedger},
		{"below the quorum", func(w *world) *testnode.Node {
			w.nodes[0].Signs = 2
			return w.nodes[0]
		}, NodeLied, ledger.ErrQuorum},
		{"an altered header", answering("/v1/head", `records 0`, `records 1`), NodeLied, ledger.ErrProof},
		{"an altered certificate", answering("/v1/head", `\n— member01.harbour.example `, `\n— member04.harbour.example `), NodeLied, ledger.ErrQuorum},
		{"a header that cannot be read", answering("/v1/head", `\nheight `, `\nheihgt `), NodeDown, ledger.ErrFormat},
		{"half an answer", func(w *world) *testnode.Node {
			w.nodes[0].Answer = func(_ string, body []byte) []byte { return body[:len(body)/2] }
			return w.nodes[0]
		}, NodeDown, ledger.ErrFormat},
		{"an endless answer", func(w *world) *testnode.Node {
			w.nodes[0].Answer = func(string, []byte) []byte { return bytes.Repeat([]byte(" "), 1<<20) }
			return w.nodes[0]
		}, NodeDown, ErrUnavailable},
		{"not reachable", func(w *world) *testnode.Node {
			w.nodes[0].Down.Store(true)
			return w.nodes[0]
		}, NodeDown, ErrUnavailable},
		{"slow", func(w *world) *testnode.Node {
			w.nodes[0].Delay = time.Minute
			return w.nodes[0]
		}, NodeDown, ErrUnavailable},
		{"an old head", func(w *world) *testnode.Node {
			w.nodes[0].Held = true
			return w.nodes[0]
		}, NodeBehind, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.Grow(40)
				bad := tt.make(w)
				w.Grow(50)
				c := w.client(t, bad, w.nodes[1], w.nodes[2], w.nodes[3])
				for range 8 { // each node is asked several times
					mustSync(t, c)
					time.Sleep(time.Minute)
				}
				if h := mustSync(t, c); h.Header.Height != 49 {
					t.Errorf("head %d, want 49", h.Header.Height)
				}
				got := c.Nodes()[0]
				if got.State != tt.state || tt.why != nil && !errors.Is(got.Err, tt.why) {
					t.Errorf("the node is %s: %v; want %s: %v", got.State, got.Err, tt.state, tt.why)
				}
				asked := bad.Requests.Load()
				mustSync(t, c)
				mustSync(t, c)
				mustSync(t, c)
				if tt.state == NodeLied && bad.Requests.Load() != asked {
					t.Error("a liar was asked again")
				}
			})
		})
	}
}

// answering makes the first node replace a text in its answers.
func answering(path, old, new string) func(w *world) *testnode.Node {
	return func(w *world) *testnode.Node {
		w.nodes[0].Answer = func(p string, body []byte) []byte {
			if !strings.HasPrefix(p, path) {
				return body
			}
			return bytes.Replace(body, []byte(old), []byte(new), 1)
		}
		return w.nodes[0]
	}
}

// TestNodeGoesBack is rule L2: a node that showed block 49 shows block 39.
func TestNodeGoesBack(t *testing.T) {
	w := newWorld(t)
	w.Grow(39)
	old := w.Node(0)
	old.Held = true
	w.Grow(40)
	restored := false
	w.nodes[0].Answer = func(p string, body []byte) []byte {
		if !restored || !strings.HasPrefix(p, "/v1/head") {
			return body
		}
		a, err := old.Ask(t.Context(), Question{Method: "GET", Path: "/v1/head", Limit: 1 << 20})
		if err != nil {
			t.Error(err)
		}
		return a.Body
	}
	c := w.client(t, w.nodes[0])
	mustSync(t, c)
	restored = true
	if h, err := c.Sync(t.Context()); err != nil || h.Header.Height != 39 {
		t.Errorf("head %d, %v; want 39 for ever", h.Header.Height, err)
	}
	if got := c.Nodes()[0]; got.State != NodeBehind {
		t.Errorf("the node is %s", got.State)
	}
}

func TestContradictions(t *testing.T) {
	tests := []struct {
		name       string
		ours, fork int // lengths of the two histories, which part at 20
	}{
		{"of one size", 25, 25},
		{"the other is longer", 25, 60},
		{"the other is shorter", 60, 25},
		{"the other is much shorter", 160, 21},
		{"only the last block", 21, 21},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Grow(20)
			fork := w.Fork()
			fork.Add(w.Deposit("mallory", "in the other history"))
			fork.Grow(tt.fork)
			w.Grow(tt.ours)
			evil := fork.Node(0)
			c := w.client(t, w.nodes[1])
			h := mustSync(t, c)

			// The same store, and now a node of the other history too.
			c = w.client(t, evil, w.nodes[1])
			_, err := c.Sync(t.Context())
			var found *Contradiction
			if !errors.As(err, &found) {
				t.Fatalf("got %v", err)
			}
			if err := found.Check(c.Trusted()); err != nil {
				t.Errorf("the evidence does not hold: %v", err)
			}
			if len(found.Members) != 3 {
				t.Errorf("%v signed both, want three", found.Members)
			}
			accusations := 0
			for _, file := range found.Accusations {
				fingerprint := c.Trusted().Fingerprint
				if r := proof.VerifyAccusation([]byte(file), &fingerprint); r.Verdict == proof.Valid && r.Accused.Member == found.Members[accusations] {
					accusations++
				}
			}
			if accusations != 3 {
				t.Errorf("%d of three accusations hold", accusations)
			}
			if now, _ := c.Head(); now.Tree() != h.Tree() {
				t.Errorf("the head moved to %d", now.Header.Height)
			}
			if _, err := c.Record(t.Context(), ledger.RecordID{}); !errors.As(err, &found) {
				t.Errorf("the client went on: %v", err)
			}
			if _, err := Open(t.Context(), w.config(w.nodes[1])); !errors.As(err, &found) || len(found.Accusations) != 3 {
				t.Errorf("a restart forgot it: %v", err)
			}
			testAccusations(t, found.Accusations)
			found.Members = found.Members[:2]
			if err := found.Check(c.Trusted()); !errors.Is(err, ledger.ErrSignature) {
				t.Errorf("evidence that names too few: %v", err)
			}
			found.Second = found.First
			if err := found.Check(c.Trusted()); !errors.Is(err, ledger.ErrProof) {
				t.Errorf("evidence of nothing: %v", err)
			}
		})
	}
}

// testAccusations has nodes that tell of accusations, true ones and others: a
// client that saw one history only learns who signed two.
func testAccusations(t *testing.T, files []string) {
	t.Helper()
	w := newWorld(t)
	w.Grow(3)
	w.nodes[0].Accusations = []string{files[0], "{}", strings.Replace(files[1], "member", "mumber", 1)}
	w.nodes[1].Accusations = []string{files[2], files[0]}
	found, err := w.client(t, w.nodes[0], w.nodes[1], w.nodes[2]).Accusations(t.Context())
	if err != nil || len(found) != 2 || found[0].File != files[0] || found[1].File != files[2] || found[0].Member >= found[1].Member {
		t.Errorf("got %d accusations, %v; want the two that hold", len(found), err)
	}
}

// TestForkedBlock has one history at the head, and another certificate for a
// block inside it.
func TestForkedBlock(t *testing.T) {
	w := newWorld(t)
	w.Grow(20)
	fork := w.Fork()
	fork.Add(w.Deposit("mallory", "in the other history"))
	w.Grow(40)
	evil := fork.Node(0)
	w.nodes[0].Answer = func(path string, body []byte) []byte {
		var theirs, ours map[string]any
		a, err := evil.Ask(t.Context(), Question{Method: "GET", Path: path, Limit: 1 << 20})
		switch {
		case err != nil || a.Status != 200 || json.Unmarshal(a.Body, &theirs) != nil:
			a, _ = evil.Ask(t.Context(), Question{Method: "GET", Path: "/v1/blocks/20", Limit: 1 << 20})
			json.Unmarshal(a.Body, &theirs)
			if json.Unmarshal(body, &ours) != nil || ours["records"] == nil {
				return body
			}
			ours["certificate"] = theirs["certificate"]
			body, _ = json.Marshal(ours)
			return body
		case strings.HasPrefix(path, "/v1/blocks/20"):
			return a.Body
		}
		return body
	}
	c := w.client(t, w.nodes[0])
	_, err := c.Block(t.Context(), 20)
	var found *Contradiction
	if !errors.As(err, &found) || found.Check(c.Trusted()) != nil {
		t.Errorf("got %v", err)
	}
}

// TestNodesDieInTheMiddle kills the nodes one after the other, each while it
// is being asked.
func TestNodesDieInTheMiddle(t *testing.T) {
	w := newWorld(t)
	msg := w.Deposit("ada", "x")
	w.Add(msg)
	var asked atomic.Int64
	for _, n := range w.nodes[:3] {
		n.Answer = func(_ string, body []byte) []byte {
			if asked.Add(1) > 4 {
				n.Down.Store(true)
				return body[:len(body)/3]
			}
			return body
		}
	}
	c := w.client(t)
	for range 5 {
		mustSync(t, c)
		if _, err := c.Record(t.Context(), idOf(t, msg)); err != nil {
			t.Fatal(err)
		}
	}
	w.nodes[3].Down.Store(true)
	if _, err := c.Sync(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("with no node left: %v", err)
	}
}

// TestOldStateIsNotPresent has a node that answers with a true, but old state.
func TestOldStateIsNotPresent(t *testing.T) {
	w := newWorld(t)
	w.Grow(5)
	w.nodes[0].Held = true
	w.Add(w.Deposit("ada", "x", photo))
	c := w.client(t, w.nodes[0], w.nodes[1])
	for range 4 {
		r, _, err := c.Lookup(t.Context(), [32]byte(mustHex(photo.SHA256)))
		if err != nil || r == nil {
			t.Fatalf("the old node was believed: %v, %v", r, err)
		}
	}
	c = w.client(t, w.nodes[0]) // it knows the newer head
	if _, _, err := c.Lookup(t.Context(), [32]byte(mustHex(photo.SHA256))); err == nil {
		t.Error("absent, by a node that is behind")
	}
}

// TestEveryByteFlipped changes every byte of every answer, and accepts an
// error or the very same value, and nothing else.
func TestEveryByteFlipped(t *testing.T) {
	w := newWorld(t)
	w.Grow(6)
	msg := w.DepositAfter("ada", "a photograph", ledger.Point{Size: 5, Root: w.nodes[0].Tree(5).Hash}, photo)
	w.Add(w.Deposit("bea", "one"), msg, w.Deposit("cy", "three"))
	w.Grow(11)
	id := idOf(t, msg)
	digest := [32]byte(mustHex(photo.SHA256))
	honest := w.client(t, w.nodes[1])
	asked, err := honest.Record(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		ask        func(ctx context.Context, c *Client) (any, error)
	}{
		{"genesis", "/v1/genesis", func(ctx context.Context, _ *Client) (any, error) {
			config := Config{Sources: []Source{w.nodes[0]}, Store: new(store.Memory), Pin: w.Consortium().Fingerprint}
			c, err := Open(ctx, config)
			if err != nil {
				return nil, err
			}
			file, _ := c.Genesis()
			return file, nil
		}},
		{"head", "/v1/head", func(ctx context.Context, c *Client) (any, error) {
			h, err := c.Sync(ctx)
			return h.Header, err
		}},
		{"blocks", "/v1/blocks?", func(ctx context.Context, c *Client) (any, error) {
			return c.Blocks(ctx, nil, 5)
		}},
		{"block", "/v1/blocks/6", func(ctx context.Context, c *Client) (any, error) {
			return c.Block(ctx, 6)
		}},
		{"record", "/v1/records/", func(ctx context.Context, c *Client) (any, error) {
			return c.Record(ctx, id)
		}},
		{"certificate", "/v1/blocks/6/certificate", func(ctx context.Context, c *Client) (any, error) {
			return c.Record(ctx, id)
		}},
		{"presence", "/v1/state/", func(ctx context.Context, c *Client) (any, error) {
			r, s, err := c.Lookup(ctx, digest)
			if r == nil {
				return nil, err
			}
			return []any{r.ID, r.Header, string(s.Value), s.Head.Header}, err
		}},
		{"absence", "/v1/state/", func(ctx context.Context, c *Client) (any, error) {
			r, s, err := c.Lookup(ctx, [32]byte{7})
			return []any{r == nil, string(s.Value), s.Head.Header}, err
		}},
		{"members", "/v1/members", func(ctx context.Context, c *Client) (any, error) {
			members, err := c.Members(ctx)
			for i := range members { // a cosignature that does not verify is not shown
				members[i].Last = nil
			}
			return members, err
		}},
		{"receipt", "/v1/records", func(ctx context.Context, c *Client) (any, error) {
			var receipts []Receipt
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := c.Submit(ctx, msg, func(r Receipt) { receipts = append(receipts, r) })
			return receipts, err
		}},
		{"tiles", "/tile/", func(ctx context.Context, c *Client) (any, error) {
			p, err := c.Proof(ctx, asked)
			if err != nil {
				return nil, err
			}
			file, err := p.Encode()
			if err != nil {
				return nil, err
			}
			fingerprint := w.Consortium().Fingerprint
			report := proof.Verify(file, proof.Options{Trusted: &fingerprint})
			return []any{report.Verdict, report.Proven.Height, report.Proven.ExistedBy}, nil
		}},
	}
	step := 1
	if testing.Short() {
		step = 13
	}
	f := &flipper{}
	w.nodes[0].Answer = f.answer
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ask := func(flip int) (got any, answer []byte, err error) {
				synctest.Test(t, func(t *testing.T) {
					f.set(tt.path, flip)
					w.memory = new(store.Memory)
					got, err = tt.ask(t.Context(), w.client(t, w.nodes[0]))
				})
				return got, f.set("none", -1), err
			}
			want, answer, err := ask(-1)
			size := len(answer)
			if err != nil || size == 0 {
				t.Fatalf("the truth: %v, %d bytes", err, size)
			}
			same := 0
			for flip := 0; flip < size; flip += step {
				if insideSignature(answer, flip) && flip%97 != 0 {
					continue
				}
				got, _, err := ask(flip)
				if err == nil && !reflect.DeepEqual(got, want) {
					t.Fatalf("byte %d: got %v, want %v", flip, got, want)
				}
				if err == nil {
					same++
				}
			}
			t.Logf("%d bytes, %d of them without meaning", size, same)
		})
	}
}

// insideSignature says whether the byte is one of an ML-DSA-44 signature, of
// which package proof flips each; here one in 97 shows what the client makes of
// that.
func insideSignature(answer []byte, i int) bool {
	const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	foreign := func(r rune) bool { return !strings.ContainsRune(base64, r) }
	begin, end := bytes.LastIndexFunc(answer[:i+1], foreign), bytes.IndexFunc(answer[i:], foreign)
	return end > 0 && i+end-begin > 3000 && i > begin+16
}

// flipper changes one bit of the answers to some questions. Questions that were
// given up may still be under way while it is set.
type flipper struct {
	mu   sync.Mutex
	path string
	flip int
	last []byte
}

// set returns the last answer since it was set before.
func (f *flipper) set(path string, flip int) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.last
	f.path, f.flip, f.last = path, flip, nil
	return last
}

func (f *flipper) answer(path string, body []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.HasPrefix(path, f.path) {
		return body
	}
	f.last = body
	if f.flip >= 0 && f.flip < len(body) {
		body = bytes.Clone(body)
		body[f.flip] ^= 1 << (f.flip % 8)
	}
	return body
}
