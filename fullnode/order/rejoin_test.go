package order

import (
	"os"
	"testing"
	"time"
)

// TestAllFoldersLost: every member lost its folder, and each knows that it has
// taken part before. They wait for a leader in vain, and then elect one.
func TestAllFoldersLost(t *testing.T) {
	nodes := newTestCluster(t, 4, Tuning{Patience: 3 * time.Second})
	propose(t, nodes, "before")
	ids := nodes[0].members()
	for _, n := range nodes {
		if err := n.order.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(n.dir); err != nil {
			t.Fatal(err)
		}
		n.rejoin = true
		n.mu.Lock()
		n.applied, n.committed = 0, nil
		n.mu.Unlock()
	}
	for _, n := range nodes {
		n.open(ids)
	}
	propose(t, nodes, "after")
}

// TestOneFolderLost: the one that lost its folder waits for the leader that
// the others have, and neither stands nor votes meanwhile.
func TestOneFolderLost(t *testing.T) {
	nodes := newTestCluster(t, 4, Tuning{})
	propose(t, nodes, "before")
	ids := nodes[0].members()
	lost := nodes[3]
	if err := lost.order.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(lost.dir); err != nil {
		t.Fatal(err)
	}
	lost.rejoin = true
	lost.mu.Lock()
	lost.applied, lost.committed = 0, nil
	lost.mu.Unlock()
	lost.open(ids)
	if !lost.order.Stats().Joining {
		t.Error("it takes part in elections at once")
	}
	propose(t, nodes, "after")
	deadline := time.Now().Add(10 * time.Second)
	for lost.order.Stats().Joining {
		if time.Now().After(deadline) {
			t.Fatal("it is still joining")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
