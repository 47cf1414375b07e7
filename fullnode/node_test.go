package fullnode_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"evident/fullnode/testnet"
	"evident/lightclient/ledger"
)

func TestRecordsBecomeFinalOnEveryNode(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	for i := range net.Nodes {
		net.MustFinal(i, ada.Deposit(fmt.Sprintf("through node %d", i)))
	}
	load := net.StartLoad(8)
	net.AwaitFinals(load, 200, 30*time.Second)
	load.Stop()
	net.AwaitLevel(10*time.Second, 0, 1, 2, 3)
	t.Logf("slowest record %s", time.Duration(load.Slowest.Load()))
	net.StopAndCheck()
}

// A ledger of one member, for trials, keeps working without its Raft folder.
func TestSingleMember(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 1)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("alone"))
	net.Stop(0)
	net.Wipe(0, "raft")
	net.MustStart()
	net.MustFinal(0, ada.Deposit("without raft"))
	net.StopAndCheck()
}

// The same record through every node at once is one record, and every answer
// says so.
func TestSameRecordEverywhere(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("warm"))
	for n := range 40 {
		r := ada.Deposit(fmt.Sprint(n))
		heights := make(chan ledger.Height, 12)
		for k := range cap(heights) {
			go func() {
				time.Sleep(time.Duration(k*n%25) * time.Millisecond)
				a, err := net.Submit(context.Background(), k%4, r, 10*time.Second)
				if err != nil || a.Status != "final" {
					t.Errorf("record %d, copy %d: %v, %q %s", n, k, err, a.Status, a.Refusal)
				}
				heights <- a.Height
			}()
		}
		first := <-heights
		for range cap(heights) - 1 {
			if h := <-heights; h != first {
				t.Errorf("record %d is at %d and at %d", n, first, h)
			}
		}
	}
	net.StopAndCheck()
}
