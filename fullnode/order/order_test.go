package order

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// testNode is one member: a host that stays, and an Order that comes and goes.
type testNode struct {
	t       testing.TB
	host    host.Host
	dir     string
	members func() []peer.ID
	tuning  Tuning
	order   *Order

	mu        sync.Mutex
	committed []Entry
	at        map[string]time.Time
	restored  [][]byte
	refusals  []*Refusal
	applied   uint64
	rejoin    bool
}

var anyPort = libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0")

func newTestHost(t testing.TB, options ...libp2p.Option) host.Host {
	t.Helper()
	options = append(options, libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(noise.ID, noise.New), libp2p.DisableRelay())
	h, err := libp2p.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// newTestCluster makes n members that know each other's addresses; the first
// voters of them are bootstrapped and open.
func newTestCluster(t testing.TB, n int, tuning Tuning) []*testNode {
	t.Helper()
	nodes := make([]*testNode, n)
	var ids []peer.ID
	for i := range nodes {
		nodes[i] = &testNode{t: t, host: newTestHost(t, anyPort), dir: filepath.Join(t.TempDir(), "raft"), tuning: tuning, at: make(map[string]time.Time)}
		ids = append(ids, nodes[i].host.ID())
	}
	for _, a := range nodes {
		a.members = func() []peer.ID { return ids }
		for _, b := range nodes {
			a.host.Peerstore().AddAddrs(b.host.ID(), b.host.Addrs(), peerstore.PermanentAddrTTL)
		}
	}
	for _, node := range nodes {
		node.open(ids)
	}
	return nodes
}

func (n *testNode) open(bootstrap []peer.ID) {
	n.t.Helper()
	o, err := Open(n.config(bootstrap))
	if err != nil {
		n.t.Fatalf("open %s: %v", n.host.ID(), err)
	}
	n.order = o
	n.t.Cleanup(func() { o.Close() })
}

func (n *testNode) config(bootstrap []peer.ID) Config {
	return Config{Dir: n.dir, Host: n.host, Members: n.members, Bootstrap: bootstrap, Rejoin: n.rejoin, Applied: n.applied, Tuning: n.tuning,
		CheckEntry: func(e []byte) error {
			if string(e) == "forbidden" {
				return errors.New("forbidden")
			}
			return nil
		},
		Committed: n.commit,
		Snapshot:  func() ([]byte, error) { return []byte("checkpoint"), nil },
		CheckSnapshot: func(text []byte) error {
			if string(text) != "checkpoint" {
				return errors.New("no certificate")
			}
			return nil
		},
		Restore: func(text []byte) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.restored = append(n.restored, text)
			return nil
		},
		Refused: func(r *Refusal) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.refusals = append(n.refusals, r)
		},
	}
}

func (n *testNode) commit(e Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.committed = append(n.committed, e)
	n.at[string(e.Data)] = time.Now()
}

func (n *testNode) entries() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var data []string
	for _, e := range n.committed {
		data = append(data, string(e.Data))
	}
	return data
}

func (n *testNode) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.committed = nil
}

func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func leaderOf(t testing.TB, nodes []*testNode) *testNode {
	t.Helper()
	var leader *testNode
	eventually(t, 20*time.Second, "a leader", func() bool {
		for _, n := range nodes {
			if n.order.IsLeader() {
				leader = n
				return true
			}
		}
		return false
	})
	return leader
}

func propose(t testing.TB, nodes []*testNode, entry string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		err := leaderOf(t, nodes).order.Propose(ctx, []byte(entry))
		if err == nil {
			return
		}
		var not ErrNotLeader
		if !errors.As(err, &not) {
			t.Fatalf("propose %s: %v", entry, err)
		}
	}
}

func checkSame(t testing.TB, nodes []*testNode, want []string) {
	t.Helper()
	for i, n := range nodes {
		eventually(t, 20*time.Second, fmt.Sprintf("node %d has all entries", i), func() bool { return len(n.entries()) >= len(want) })
		if got := n.entries(); !slices.Equal(got, want) {
			t.Fatalf("node %d: got %d entries, want %d: %.200q", i, len(got), len(want), got)
		}
	}
}

func TestClusterKeepsOneOrder(t *testing.T) {
	nodes := newTestCluster(t, 4, Tuning{})
	started := time.Now()
	leader := leaderOf(t, nodes)
	t.Logf("first leader after %v", time.Since(started))
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprint("entry ", i))
		propose(t, nodes, want[i])
	}
	checkSame(t, nodes, want)

	leader.order.Close()
	rest := slices.DeleteFunc(slices.Clone(nodes), func(n *testNode) bool { return n == leader })
	stopped := time.Now()
	next := leaderOf(t, rest)
	t.Logf("next leader after %v", time.Since(stopped))
	want = append(want, "under the next leader")
	propose(t, rest, want[200])
	checkSame(t, rest, want)

	// The old leader comes back with its folder, knowing what it applied.
	leader.mu.Lock()
	leader.applied = leader.committed[len(leader.committed)-1].Index
	leader.mu.Unlock()
	leader.open(nil)
	checkSame(t, nodes, want)

	// A follower loses its folder: it gets everything again, in the same order.
	wiped := rest[0]
	if wiped == next {
		wiped = rest[1]
	}
	wiped.order.Close()
	wiped.dir = filepath.Join(t.TempDir(), "raft")
	wiped.forget()
	wiped.open(nil)
	if !wiped.order.Stats().Joining {
		t.Error("a node with an empty folder is not joining")
	}
	want = append(want, "while it joins")
	propose(t, nodes, want[201])
	checkSame(t, nodes, want)
	eventually(t, 10*time.Second, "the wiped node has joined", func() bool { return !wiped.order.Stats().Joining })
	for i, n := range nodes {
		if got := n.order.Stats().Refusals; len(got) > 0 {
			t.Errorf("node %d refused honest messages: %v", i, got)
		}
	}
}

// TestReturningMemberIsReached stops a member's host for long enough that
// libp2p would no longer dial it, and starts it again at the same address.
func TestReturningMemberIsReached(t *testing.T) {
	nodes := newTestCluster(t, 3, Tuning{})
	leader := leaderOf(t, nodes)
	away := nodes[0]
	if away == leader {
		away = nodes[1]
	}
	rest := slices.DeleteFunc(slices.Clone(nodes), func(n *testNode) bool { return n == away })
	propose(t, nodes, "one")
	checkSame(t, nodes, []string{"one"})
	id, addresses, key := away.host.ID(), away.host.Addrs(), away.host.Peerstore().PrivKey(away.host.ID())
	away.order.Close()
	away.host.Close()
	time.Sleep(4 * time.Second)
	propose(t, rest, "two")
	away.host = newTestHost(t, libp2p.Identity(key), libp2p.ListenAddrs(addresses...))
	if away.host.ID() != id {
		t.Fatal("the member came back as somebody else")
	}
	away.forget()
	returned := time.Now()
	away.open(nil) // it knows nobody's address: the others have to find it
	eventually(t, 5*time.Second, "the entry it missed", func() bool { return slices.Contains(away.entries(), "two") })
	t.Logf("it has the entry it missed after %v", time.Since(returned))
}
