package fullnode_test

import (
	"testing"
	"time"

	"evident/fullnode/testnet"
)

// However the members are cut off from each other, at most one side makes
// blocks final, and they agree when they meet again.
func TestPartitions(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	load := net.StartLoad(6)
	net.AwaitFinals(load, 20, 30*time.Second)
	leader := net.Leader()
	a, b, c := (leader+1)%4, (leader+2)%4, (leader+3)%4
	for _, tt := range []struct {
		name   string
		groups [][]int
		quorum bool
	}{
		{"a follower alone", [][]int{{leader, a, b}, {c}}, true},
		{"the leader alone", [][]int{{leader}, {a, b, c}}, true},
		{"two and two", [][]int{{leader, a}, {b, c}}, false},
		{"each alone", nil, false},
	} {
		net.Partition(tt.groups...)
		if tt.quorum {
			t.Logf("%s: 20 more final after %s", tt.name, net.AwaitFinals(load, 20, 30*time.Second))
		} else {
			time.Sleep(time.Second) // what is on its way
			before := load.Final.Load()
			time.Sleep(time.Second)
			if after := load.Final.Load(); after != before {
				t.Errorf("%s: %d records became final without a quorum", tt.name, after-before)
			}
		}
		net.Heal()
		t.Logf("%s, healed: 20 more final after %s", tt.name, net.AwaitFinals(load, 20, 30*time.Second))
		net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
	}
	load.Stop()
	net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
	net.StopAndCheck()
}
