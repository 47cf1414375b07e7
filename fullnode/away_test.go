package fullnode_test

import (
	"testing"
	"time"

	"evident/fullnode/testnet"
)

// A node that was away for many blocks comes back by itself.
func TestBackAfterManyBlocks(t *testing.T) {
	t.Parallel()
	blocks := 10_000
	if testing.Short() {
		blocks = 300
	}
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	net.AwaitLevel(10*time.Second, 0, 1, 2, 3)
	net.StopAll()
	began := time.Now()
	net.Grow(blocks, 0, 1, 2)
	t.Logf("%d blocks made in %s", blocks, time.Since(began).Round(time.Millisecond))
	for _, node := range net.Nodes {
		node.Clock.Set(time.Duration(blocks) * time.Millisecond)
	}
	net.MustStart(0, 1, 2)
	net.MustFinal(0, ada.Deposit("after"))
	began = time.Now()
	net.MustStart(3)
	opened := time.Since(began)
	net.AwaitLevel(3*time.Minute, 0, 1, 2, 3)
	t.Logf("caught up in %s, of which opening took %s", time.Since(began).Round(time.Millisecond), opened.Round(time.Millisecond))
	net.Stop(0) // now it is needed for the quorum
	net.MustFinal(3, ada.Deposit("with its cosignature"))
	net.MustStart(0)
	net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
	net.StopAll()
	net.Wipe(1, "ledger") // these two are copies of the first's, which takes long enough
	net.Wipe(2, "ledger")
	net.CheckLedger()
}
