package fullnode_test

import (
	"path/filepath"
	"testing"
	"time"

	"evident/fullnode/testnet"
)

// A node that lost a folder comes back by itself and signs again.
func TestLostFolders(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	net.AwaitLevel(10*time.Second, 0, 1, 2, 3)
	for i, lost := range [][]string{{"raft"}, {"ledger"}, {"raft", "ledger"}} {
		net.Stop(i)
		net.MustFinal(3, ada.Deposit("while a node is away"))
		for _, part := range lost {
			net.Wipe(i, part)
		}
		net.MustStart(i)
		net.AwaitLevel(20*time.Second, i, 3)
		net.AwaitOrdered(20*time.Second, i)
		other := (i + 1) % 3
		net.Stop(other) // now the one that came back is needed for the quorum
		net.MustFinal(i, ada.Deposit("with its cosignature"))
		net.MustStart(other)
		net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
	}
	net.StopAndCheck()
}

// A promise is on disk: the record of a receipt is final after the node that
// gave it was stopped at once.
func TestReceiptOutlivesRestart(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	for i := range 3 { // no quorum: nothing becomes final
		net.Stop(i + 1)
	}
	r := ada.Deposit("promised")
	if a, err := net.Submit(t.Context(), 0, r, 0); err != nil || a.Status != "received" || a.Receipt == "" {
		t.Fatalf("submit: %v, %+v", err, a)
	}
	net.Stop(0)
	net.MustStart()
	net.Eventually(20*time.Second, "the promised record is final", func() bool {
		a, err := net.Submit(t.Context(), 1, r, 0)
		return err == nil && a.Status == "final"
	})
	net.AwaitLevel(10*time.Second, 0, 1, 2, 3)
	net.StopAndCheck()
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
