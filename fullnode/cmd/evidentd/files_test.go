package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"evident/fullnode/testnet"
	"evident/lightclient/ledger"
)

// storing is how long members may take to store a file on a busy machine.
const storing = time.Minute

// newTestFiles starts four real nodes, and an author.
func newTestFiles(t *testing.T) (*testnet.Processes, *testnet.Author) {
	t.Helper()
	net := testnet.NewProcesses(t, 4)
	net.Start()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("the nodes run"))
	return net, ada
}

// recorded has a final record name a file.
func recorded(net *testnet.Processes, ada *testnet.Author, f testnet.File) ledger.RecordID {
	s := ada.Statement("with a file")
	s.Evidence = []ledger.Evidence{f.Evidence()}
	r := ada.Sign(s)
	net.MustFinal(1, r)
	return r.ID
}

// allStored waits for three receipts on these nodes, which then give the whole file where it is stored.
func allStored(t *testing.T, net *testnet.Processes, record ledger.RecordID, f testnet.File, nodes ...int) []int {
	t.Helper()
	for _, i := range nodes {
		net.Eventually(storing, fmt.Sprintf("three receipts on node %d", i), func() bool { return len(net.StoredBy(i, record, f)) == 3 })
	}
	keepers := net.Keepers(net.StoredBy(nodes[0], record, f))
	for _, i := range keepers {
		if err := net.Download(i, f); err != nil {
			t.Error(err)
		}
	}
	return keepers
}

// A node is killed in the middle of an upload: the transfer goes on with what is missing, which is at most the block that
// was on its way, and nothing half is shown as whole.
func TestKillDuringUpload(t *testing.T) {
	net, ada := newTestFiles(t)
	f := net.NewFile(1, 40<<20)
	half := len(f.Blocks) / 2
	_, err := net.Upload(0, f, func(block int) {
		time.Sleep(5 * time.Millisecond)
		if block == half {
			net.Kill(0)
		}
	})
	if err == nil {
		t.Fatal("the upload ended well, with a node that was killed")
	}
	net.Start(0)
	net.Eventually(recovery, "the node is back", func() bool { return net.Size(0) > 0 })
	record := recorded(net, ada, f)
	for i := range net.Nodes {
		if net.Download(i, f) == nil || len(net.StoredBy(i, record, f)) > 0 {
			t.Errorf("node %d shows half a file as whole", i)
		}
	}
	missing, err := net.Upload(0, f, func(int) {})
	if lost := missing - (len(f.Blocks) - half); err != nil || lost > 1 || lost < 0 {
		t.Errorf("%d blocks had been sent, %d of %d were missing: %v", half, missing, len(f.Blocks), err)
	}
	allStored(t, net, record, f, 0, 1, 2, 3)
	net.StopAndCheck()
}

// A member is killed while it fetches a file from the others: it signs nothing before it has all, and goes on by itself.
func TestKillDuringReplication(t *testing.T) {
	net, ada := newTestFiles(t)
	f := net.NewFile(2, 96<<20)
	if _, err := net.Upload(0, f, func(int) {}); err != nil {
		t.Fatal(err)
	}
	record := recorded(net, ada, f)
	victim := -1
	net.Eventually(storing, "a member that has begun", func() bool {
		for i := 1; i < 4; i++ {
			if victim < 0 && net.Has(i, f.Blocks[5].CID) && !net.Has(i, f.Blocks[90].CID) {
				net.Kill(i)
				victim = i
			}
		}
		return victim > 0
	})
	if slices.Contains(net.Keepers(net.StoredBy(0, record, f)), victim) {
		t.Fatal("it signed before it had all")
	}
	net.Start(victim)
	keepers := allStored(t, net, record, f, 0, victim)
	if !slices.Contains(keepers, victim) {
		t.Errorf("node %d began and does not store it; %v do", victim, keepers)
	}
	net.StopAndCheck()
}

// A member whose blocks are wiped gets them back by itself: three receipts before and after, and the file from it.
func TestWipedBlocks(t *testing.T) {
	net, ada := newTestFiles(t)
	f := net.NewFile(3, 12<<20)
	if _, err := net.Upload(0, f, func(int) {}); err != nil {
		t.Fatal(err)
	}
	record := recorded(net, ada, f)
	keepers := allStored(t, net, record, f, 0, 1, 2, 3)
	for _, how := range []func(...int){net.Stop, net.Kill} {
		victim := keepers[1]
		how(victim)
		net.Wipe(victim, "blobs")
		net.Start(victim)
		allStored(t, net, record, f, victim)
		if again := allStored(t, net, record, f, keepers[0]); !slices.Equal(again, keepers) {
			t.Errorf("%v kept it, now %v do", keepers, again)
		}
	}
	net.StopAndCheck()
}

// An order to erase goes through real nodes: one is killed while it obeys, one was away, and both obey.
func TestEraseThroughKills(t *testing.T) {
	net, ada := newTestFiles(t)
	f := net.NewFile(4, 24<<20)
	if _, err := net.Upload(0, f, func(int) {}); err != nil {
		t.Fatal(err)
	}
	record := recorded(net, ada, f)
	keepers := allStored(t, net, record, f, 0, 1, 2, 3)
	away, killed, here := keepers[0], keepers[1], keepers[2]
	net.Stop(away)
	s := ada.Statement("")
	fields, err := json.Marshal(map[string]string{"cid": f.Stored.CID.String(), "reason": "a person asked", "record": record.String()})
	if err != nil {
		t.Fatal(err)
	}
	s.Contract, s.Action, s.Fields = "files", "erase", fields
	net.MustFinal(here, ada.Sign(s))
	net.Kill(killed)
	net.Start(killed, away)
	for _, i := range keepers {
		net.Eventually(storing, fmt.Sprintf("three erasure receipts on node %d", i), func() bool {
			return len(net.ErasedBy(i, record, f)) == 3 && len(net.StoredBy(i, record, f)) == 0
		})
		absent, err := net.Absent(i, f)
		if err != nil || len(absent) != len(f.Blocks) {
			t.Errorf("node %d still has %d blocks: %v", i, len(f.Blocks)-len(absent), err)
		}
	}
	net.StopAndCheck()
	for _, p := range net.Places {
		if out, code := evidentd(t, nil, "fsck", p.Dir); code != 0 {
			t.Errorf("fsck: %d %s", code, out)
		}
	}
}
