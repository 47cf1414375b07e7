package fullnode_test

import (
	"slices"
	"testing"
	"time"

	"evident/fullnode/testnet"
	"evident/lightclient/ledger"
)

// An evidence file goes to one node over HTTP; three members store it and sign for it, every node knows their receipts,
// and one whose blocks were wiped gets them back by itself.
func TestEvidenceFile(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	f := net.NewFile(1, 4<<20)
	record := storeFile(net, f)
	for i := range net.Nodes {
		net.Eventually(30*time.Second, "three receipts", func() bool { return len(net.StoredBy(i, record, f)) == 3 })
	}
	keeper := net.Keepers(net.StoredBy(0, record, f))[0]
	net.Stop(keeper)
	net.Wipe(keeper, "blobs")
	net.MustStart(keeper)
	net.Eventually(30*time.Second, "repaired", func() bool {
		return net.Download(keeper, f) == nil && len(net.StoredBy(keeper, record, f)) == 3
	})
	net.StopAndCheck()
}

// A member is lost for good: the one that is left takes its copy.
func TestStandIn(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.Pace.Retry, net.Pace.Recheck, net.Pace.StandIn = 50*time.Millisecond, 500*time.Millisecond, time.Second
	net.MustStart()
	f := net.NewFile(2, 4<<20)
	record := storeFile(net, f)
	net.Eventually(30*time.Second, "three receipts", func() bool { return len(net.StoredBy(0, record, f)) == 3 })
	keepers := net.Keepers(net.StoredBy(0, record, f))
	lost, fourth := keepers[0], 6-keepers[0]-keepers[1]-keepers[2]
	net.Stop(lost)
	net.Eventually(30*time.Second, "the fourth stores it", func() bool {
		return slices.Contains(net.StoredBy(fourth, record, f), net.Places[fourth].Member.Name) && net.Download(fourth, f) == nil
	})
	net.StopAndCheck(lost)
}

// storeFile uploads a file to the first node, and has a final record name it.
func storeFile(net *testnet.Net, f testnet.File) ledger.RecordID {
	net.Helper()
	if _, err := net.Upload(0, f, func(int) {}); err != nil {
		net.Fatal(err)
	}
	ada := net.NewAuthor("ada")
	s := ada.Statement("with a file")
	s.Evidence = []ledger.Evidence{f.Evidence()}
	record := ada.Sign(s)
	net.MustFinal(0, record)
	return record.ID
}
