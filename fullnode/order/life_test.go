package order

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

func TestProposeRefuses(t *testing.T) {
	nodes := newTestCluster(t, 2, Tuning{MaxEntry: 100})
	leader := leaderOf(t, nodes)
	follower := nodes[0]
	if follower == leader {
		follower = nodes[1]
	}
	if err := leader.order.Propose(t.Context(), make([]byte, 101)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large entry: got %v, want %v", err, ErrTooLarge)
	}
	if err := leader.order.Propose(t.Context(), []byte("forbidden")); err == nil {
		t.Error("an entry that CheckEntry refuses was proposed")
	}
	eventually(t, 5*time.Second, "the follower knows the leader", func() bool {
		l, ok := follower.order.Leader()
		return ok && l == leader.host.ID()
	})
	var not ErrNotLeader
	if err := follower.order.Propose(t.Context(), []byte("entry")); !errors.As(err, &not) || not.Leader != leader.host.ID() {
		t.Errorf("on a follower: got %v, want the leader's name", err)
	}
	follower.order.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var unavailable ErrUnavailable
	if err := leader.order.Propose(ctx, []byte("entry")); !errors.As(err, &unavailable) && !errors.As(err, &not) {
		t.Errorf("without a majority: got %v, want %T", err, unavailable)
	}
}

func TestLeadershipIsAnnouncedAndHandedOver(t *testing.T) {
	nodes := newTestCluster(t, 3, Tuning{})
	leader := leaderOf(t, nodes)
	if leads := <-leader.order.LeaderChanges(); !leads {
		t.Error("the first notice says false")
	}
	propose(t, nodes, "one")
	if err := leader.order.TransferLeadership(); err != nil {
		t.Fatal(err)
	}
	if leads := <-leader.order.LeaderChanges(); leads {
		t.Error("the notice after the hand-over says true")
	}
	if next := leaderOf(t, nodes); next == leader {
		t.Error("the old leader still leads")
	}
}

// TestVotersFollowMembers adds a fourth member and removes the first.
func TestVotersFollowMembers(t *testing.T) {
	nodes := newTestCluster(t, 4, Tuning{})
	all := nodes[0].members()
	for _, n := range nodes {
		n.order.Close()
	}
	var members atomic.Pointer[[]peer.ID]
	set := func(m []peer.ID) { members.Store(&m) }
	set(all[:3])
	for _, n := range nodes {
		n.dir, n.members = filepath.Join(t.TempDir(), "raft"), func() []peer.ID { return *members.Load() }
	}
	for _, n := range nodes[:3] {
		n.open(all[:3])
	}
	nodes[3].open(nil)
	propose(t, nodes[:3], "one")
	set(all)
	eventually(t, 20*time.Second, "four voters", func() bool { return leaderOf(t, nodes[:3]).order.Stats().Voters == 4 })
	propose(t, nodes, "two")
	checkSame(t, nodes, []string{"one", "two"})
	set(all[1:])
	eventually(t, 20*time.Second, "three voters", func() bool { return leaderOf(t, nodes[1:]).order.Stats().Voters == 3 })
	propose(t, nodes[1:], "three")
	checkSame(t, nodes[1:], []string{"one", "two", "three"})
}

// TestSnapshotBoundsLogAndCatchesUp: the log is compacted, and a member that
// was away gets the snapshot instead of the entries.
func TestSnapshotBoundsLogAndCatchesUp(t *testing.T) {
	nodes := newTestCluster(t, 3, Tuning{SnapshotInterval: 100 * time.Millisecond, SnapshotThreshold: 32, TrailingLogs: 16})
	leader := leaderOf(t, nodes)
	away := nodes[0]
	if away == leader {
		away = nodes[1]
	}
	away.order.Close()
	rest := slices.DeleteFunc(slices.Clone(nodes), func(n *testNode) bool { return n == away })
	for range 120 {
		propose(t, rest, "entry")
	}
	eventually(t, 10*time.Second, "a short log", func() bool {
		first, last, err := leader.order.keep.ends()
		return err == nil && last-first < 80
	})
	away.open(nil)
	eventually(t, 10*time.Second, "a snapshot at the member that was away", func() bool {
		away.mu.Lock()
		defer away.mu.Unlock()
		return len(away.restored) > 0 && bytes.Equal(away.restored[0], []byte("checkpoint"))
	})
	propose(t, rest, "the last")
	eventually(t, 10*time.Second, "the newest entry there", func() bool { return slices.Contains(away.entries(), "the last") })
}

func TestInterruptedBootstrapIsRepeated(t *testing.T) {
	n := &testNode{t: t, host: newTestHost(t, anyPort), dir: filepath.Join(t.TempDir(), "raft"), at: make(map[string]time.Time)}
	self := []peer.ID{n.host.ID()}
	n.members = func() []peer.ID { return self }
	s := newTestStore(t, n.dir)
	if err := errors.Join(s.SetUint64(keyTerm, 1), s.Close()); err != nil {
		t.Fatal(err)
	}
	n.open(self)
	propose(t, []*testNode{n}, "one")
}

func TestFolderIsLocked(t *testing.T) {
	nodes := newTestCluster(t, 1, Tuning{})
	if _, err := Open(nodes[0].config(nil)); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("second open: got %v, want an error that is no damage", err)
	}
}
