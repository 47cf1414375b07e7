package app

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"evident/app/swarm"
	"evident/lightclient/author"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/testnode"
	"evident/lightclient/transfer"
)

func (f *fakeStamper) setCopies(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.copies = n
}

func (f *fakeStamper) offers() (offered []int, unheld int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.offered), f.unheld
}

// TestOffersUntilStored offers a file again and again as long as too few members keep it, and a file that enough keep never.
func TestOffersUntilStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.copies = 2
		b := newBench(t, f, filepath.Join(t.TempDir(), "queue"))
		seal := func(path string) {
			if _, err := b.add(service.StampParams{Paths: []string{path}, Mode: "sealed"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		seal("/a")
		f.setCopies(1)
		seal("/b")
		if got, _ := f.offers(); !slices.Equal(got, []int{1}) || !slices.Equal(b.states(), []string{final, storing}) {
			t.Fatalf("offered %v, %v", got, b.states())
		}
		time.Sleep(offerEvery - time.Second) // members are asked meanwhile
		if got, _ := f.offers(); len(got) != 1 {
			t.Errorf("offered %v within the pause", got)
		}
		time.Sleep(2 * b.recheck)
		if got, _ := f.offers(); !slices.Equal(got, []int{1, 1}) {
			t.Errorf("offered %v after the pause", got)
		}
		f.setCopies(2)
		time.Sleep(2*offerEvery + b.recheck)
		if got, _ := f.offers(); len(got) != 2 || b.states()[1] != final {
			t.Errorf("offered %v, %v", got, b.states())
		}
		b.end()
	})
}

// TestOfferBlocksNothing holds an offer: others go on, one file is offered at a time, and all end when enough members keep
// the file, or the program ends.
func TestOfferBlocksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.copies, f.hold = 1, make(chan struct{})
		b := newBench(t, f, filepath.Join(t.TempDir(), "queue"))
		if _, err := b.add(service.StampParams{Paths: []string{"/a", "/b"}, Mode: "sealed"}); err != nil {
			t.Fatal(err)
		}
		b.hand(t, "/c")
		time.Sleep(3 * b.recheck)
		if got, _ := f.offers(); !slices.Equal(got, []int{1}) || !slices.Equal(b.states(), []string{storing, storing, final}) {
			t.Fatalf("offered %v, %v", got, b.states())
		}
		f.setCopies(2)
		time.Sleep(2 * b.recheck)
		if got, ended := f.offers(); !slices.Equal(b.states(), []string{final, final, final}) || len(got) != 1 || ended != 1 {
			t.Errorf("%v: offered %v, %d ended", b.states(), got, ended)
		}
		f.setCopies(1)
		if _, err := b.add(service.StampParams{Paths: []string{"/d"}, Mode: "sealed"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.end()
		if _, ended := f.offers(); ended != 2 {
			t.Errorf("%d ended with the program", ended)
		}
	})
}

// fakeNode takes offers as the test says.
type fakeNode struct {
	refuse map[string]bool

	mu     sync.Mutex
	took   []string // names of members
	record []byte
	file   *swarm.File
	closed bool
}

func (n *fakeNode) Offer(_ context.Context, m ledger.Member, addresses []string, record []byte, f *swarm.File) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse[m.Name] || !slices.Equal(addresses, []string{"/dns4/" + m.Name + "/tcp/1", "https://" + m.Name}) {
		return swarm.ErrRefused
	}
	n.took, n.record, n.file = append(n.took, m.Name), record, f
	return nil
}

func (n *fakeNode) Close() error {
	n.closed = true
	return nil
}

// newTestNodes starts four nodes that do not say where they are.
func newTestNodes(t *testing.T) (nodes []*testnode.Node, urls []string) {
	t.Helper()
	l := testnode.New(4)
	for i := range 4 {
		nodes = append(nodes, l.Node(i))
		server := httptest.NewServer(nodes[i])
		t.Cleanup(func() {
			server.CloseClientConnections()
			server.Close()
		})
		urls = append(urls, server.URL)
	}
	return nodes, urls
}

// tellAddresses makes them tell, and returns the names of their members.
func tellAddresses(nodes []*testnode.Node) (names []string) {
	urls, addresses := map[string]string{}, map[string][]string{}
	for _, n := range nodes {
		name := n.Member.Name
		names, urls[name], addresses[name] = append(names, name), "http://"+name, []string{"/dns4/" + name + "/tcp/1"}
	}
	for _, n := range nodes {
		n.Change(func(n *testnode.Node) { n.Hints, n.Addresses = urls, addresses })
	}
	return names
}

// TestOffer offers the very bytes that a record names to those who have not signed, and nothing of a file that has changed.
func TestOffer(t *testing.T) {
	for _, mode := range []ledger.Mode{ledger.Sealed, ledger.Public} {
		t.Run(string(mode), func(t *testing.T) {
			nodes, urls := newTestNodes(t)
			own, starts := new(fakeNode), 0
			t.Cleanup(func() { // after the app's end
				if !own.closed {
					t.Error("the node is not closed")
				}
			})
			a, _ := newTestApp(t, t.TempDir(), urls...)
			a.author.node.start = func() (node, error) { starts++; return own, nil }
			path := write(t, filepath.Join(t.TempDir(), "a.bin"), string(noise(2<<20+5)))
			out, err := a.author.stamp(t.Context(), order{Path: path, Mode: string(mode)}, func(author.Progress) {})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.author.offer(t.Context(), out.Stamped, 1); !errors.Is(err, errNobody) || starts != 0 {
				t.Errorf("without addresses: %v, %d starts", err, starts)
			}
			names := tellAddresses(nodes)
			s := out.Stamped
			s.Receipts = []transfer.Receipt{{Member: names[1]}}
			own.refuse = map[string]bool{names[0]: true}
			if err := a.author.offer(t.Context(), s, 1); !errors.Is(err, swarm.ErrRefused) {
				t.Errorf("one refuses: %v", err)
			}
			e := s.Record.Evidence[0]
			if !reflect.DeepEqual(own.took, names[2:3]) || string(own.record) != string(s.Record.Note) || own.file.Stored.CID.String() != e.CID || own.file.Stored.Size != e.Size {
				t.Errorf("offered %+v to %q", own.file.Stored, own.took)
			}
			if err := a.author.offer(t.Context(), s, 9); !errors.Is(err, swarm.ErrRefused) || !reflect.DeepEqual(own.took, []string{names[2], names[2], names[3]}) || starts != 1 {
				t.Errorf("offered to %q, %d starts: %v", own.took, starts, err)
			}
			own.took = nil
			write(t, path, string(noise(2<<20 + 6)[1:]))
			if err := a.author.offer(t.Context(), s, 1); !errors.Is(err, evidence.ErrChanged) || own.took != nil {
				t.Errorf("changed: %v", err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := a.author.offer(t.Context(), s, 1); !errors.Is(err, os.ErrNotExist) || own.took != nil {
				t.Errorf("gone: %v", err)
			}
		})
	}
}
