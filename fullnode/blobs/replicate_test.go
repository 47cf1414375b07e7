package blobs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"evident/lightclient/ledger"
)

func TestReplication(t *testing.T) {
	w := newWorld(t, 4)
	for _, size := range []int{0, 1, 1 << 20, 1<<20 + 1, 5 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			f := w.file(noiseOf(byte(size), size))
			w.nodes[0].upload(f)
			record := w.record(f.public())
			for _, n := range w.nodes {
				w.stored(n, f, record, 3)
			}
			keepers, _ := w.keepers(f.stored.CID)
			for _, n := range keepers {
				if !n.whole(f) {
					t.Errorf("%s signed a receipt and does not have it", n.member.Name)
				}
			}
		})
	}
}

// The record may come before the bytes, and the bytes to any node.
func TestRecordBeforeUpload(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 3<<20))
	record := w.record(f.public())
	time.Sleep(100 * time.Millisecond)
	_, others := w.keepers(f.stored.CID)
	others[0].upload(f)
	w.stored(w.nodes[0], f, record, 3)
}

func TestNothingIsPinnedWithoutARecord(t *testing.T) {
	w := newWorld(t, 4)
	f, digestOnly := w.file(noiseOf(1, 2<<20)), w.file(noiseOf(2, 2<<20))
	w.nodes[0].upload(f)
	w.nodes[0].upload(digestOnly)
	e := digestOnly.public()
	e.Mode = ledger.Digest
	w.record(e)
	time.Sleep(200 * time.Millisecond)
	for _, n := range w.nodes {
		if files, _, err := n.store.filesOf(f.stored.CID, 10); err != nil || len(files) > 0 {
			t.Errorf("files %v %v", files, err)
		}
	}
	n := w.nodes[0]
	n.clock.Store(int64(freshness - time.Minute))
	w.must(n.collect())
	if !n.whole(f) {
		t.Error("a fresh upload was deleted")
	}
	n.clock.Store(int64(freshness + time.Minute))
	w.must(n.collect())
	if n.store.has(f.stored.CID) || n.store.has(digestOnly.blocks[0].CID) || n.store.waiting() != 0 {
		t.Errorf("an upload without a record stays: %d bytes", n.store.waiting())
	}
}

// Two records name the same bytes, and two files share a block: nothing that a record names is collected.
func TestSharedBlocksStay(t *testing.T) {
	w := newWorld(t, 3)
	shared := noiseOf(1, 1<<20)
	one, two := w.file(append(shared[:len(shared):len(shared)], 1)), w.file(append(shared[:len(shared):len(shared)], 2))
	w.nodes[0].upload(one)
	w.nodes[0].upload(two)
	first, second := w.record(one.public()), w.record(one.public())
	w.stored(w.nodes[1], one, first, 3)
	w.stored(w.nodes[1], one, second, 3)
	n := w.nodes[0]
	n.clock.Store(int64(freshness + time.Minute))
	w.must(n.collect())
	if !n.whole(one) || n.store.has(two.stored.CID) {
		t.Errorf("one whole: %v, two there: %v", n.whole(one), n.store.has(two.stored.CID))
	}
}

func TestWipedMemberRepairsItself(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 5<<20))
	w.nodes[0].upload(f)
	record := w.record(f.public())
	w.stored(w.nodes[0], f, record, 3)
	keepers, _ := w.keepers(f.stored.CID)
	i := 0
	for w.nodes[i] != keepers[1] {
		i++
	}
	keepers[1].stop()
	w.must(os.RemoveAll(filepath.Join(w.dir, keepers[1].member.Name)))
	w.start(i)
	w.stored(keepers[1], f, record, 3)
	if !keepers[1].whole(f) {
		t.Error("it has receipts and not the file")
	}
}

// A member that promised and lost a block is seen by the audit of another, and repairs itself.
func TestLostBlockIsFoundByAudit(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 1<<20)) // one block: the audit cannot miss it
	w.nodes[0].upload(f)
	record := w.record(f.public())
	keepers, _ := w.keepers(f.stored.CID)
	auditor, loser := keepers[0], keepers[1]
	w.stored(auditor, f, record, 3)
	w.stored(loser, f, record, 3)
	id := fileID{f.stored.CID, record}
	w.must(loser.forget(f.stored.CID))
	e, _, err := auditor.store.load(id)
	w.must(err)
	w.must(auditor.audit(t.Context(), loser.member.Name, id, e))
	if problems := auditor.Problems(); len(problems) != 1 {
		t.Errorf("problems %q", problems)
	}
	w.eventually("repaired", func() bool { return loser.whole(f) })
	w.must(auditor.audit(t.Context(), loser.member.Name, id, e))
	if problems := auditor.Problems(); len(problems) != 0 {
		t.Errorf("problems %q", problems)
	}
	w.stored(auditor, f, record, 3)
}

// A member that keeps failing is replaced: the fourth takes a copy.
func TestAnotherStepsIn(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 1<<20))
	w.nodes[0].upload(f)
	record := w.record(f.public())
	keepers, others := w.keepers(f.stored.CID)
	fourth, liar := others[0], keepers[0]
	w.stored(fourth, f, record, 3)
	liar.answer.Store(lies(ledger.AppendFrame(nil, []byte("something else"))))
	id := fileID{f.stored.CID, record}
	e, _, err := fourth.store.load(id)
	w.must(err)
	w.must(fourth.audit(t.Context(), liar.member.Name, id, e))
	w.eventually("the fourth stores it", func() bool {
		e, _, err := fourth.store.load(id)
		w.must(err)
		return e.Held && fourth.whole(f)
	})
	if code, body := fourth.get("/v1/files/" + f.stored.CID.String()); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

// A member's own audit finds what its disk lost.
func TestOwnAudit(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 100))
	w.nodes[0].upload(f)
	record := w.record(f.public())
	keepers, _ := w.keepers(f.stored.CID)
	n := keepers[0]
	w.stored(n, f, record, 3)
	w.must(n.forget(f.stored.CID))
	id := fileID{f.stored.CID, record}
	e, _, err := n.store.load(id)
	w.must(err)
	w.must(n.audit(t.Context(), n.Self, id, e))
	w.eventually("repaired", func() bool { return n.whole(f) })
	w.stored(n, f, record, 3)
}

func TestFullDisk(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 3<<20))
	keepers, others := w.keepers(f.stored.CID)
	keepers[0].full.Store(true)
	if code, body := keepers[0].post("/v1/files/car", f.car()); code != 507 {
		t.Errorf("upload to a full disk: %d %s", code, body)
	}
	if problems := keepers[0].Problems(); len(problems) != 1 {
		t.Errorf("problems %q", problems)
	}
	others[0].upload(f)
	record := w.record(f.public())
	w.stored(others[0], f, record, 2)
	keepers[0].full.Store(false)
	w.stored(others[0], f, record, 3)
}

// Nobody has the bytes when the node stops; the file is still due after the restart.
func TestRetriesSurviveARestart(t *testing.T) {
	w := newWorld(t, 3)
	f := w.file(noiseOf(1, 2<<20))
	record := w.record(f.public())
	time.Sleep(100 * time.Millisecond)
	for i, n := range w.nodes {
		n.stop()
		w.start(i)
	}
	w.nodes[2].upload(f)
	w.stored(w.nodes[0], f, record, 3)
}

func TestReceiptsThatAreRefused(t *testing.T) {
	w := newWorld(t, 3)
	f := w.file(noiseOf(1, 10))
	record := w.record(f.public())
	n, other := w.nodes[0], w.nodes[1]
	w.eventually("known", func() bool {
		_, ok, _ := n.store.load(fileID{f.stored.CID, record})
		return ok
	})
	good := ledger.Storage{Ledger: w.Origin(), Record: record, CID: f.stored.CID, Bytes: 10, Time: 1}
	tests := []struct {
		name   string
		change func(*ledger.Storage)
		from   *node
		want   bool
	}{
		{"bytes", func(s *ledger.Storage) { s.Bytes = 11 }, other, false},
		{"ledger", func(s *ledger.Storage) { s.Ledger = "other.example/0" }, other, false},
		{"record", func(s *ledger.Storage) { s.Record[0] ^= 1 }, other, false},
		{"another's", func(*ledger.Storage) {}, w.nodes[2], false},
		{"good", func(*ledger.Storage) {}, other, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := good
			tt.change(&s)
			msg := sign(t, tt.from.signer, s.Text())
			_, err := other.ask(t.Context(), n.member.Name, "POST", "/files/receipt", msg, 100)
			if (err == nil) != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestResponsible(t *testing.T) {
	var set ledger.MemberSet
	for i := range 7 {
		set = append(set, ledger.Member{Name: fmt.Sprintf("m%d", i)})
	}
	count := map[string]int{}
	for i := range 2000 {
		c := ledger.NewCID(ledger.CodecRaw, [32]byte{byte(i), byte(i >> 8)})
		names := responsible(set, 3, c, nobody)
		if len(names) != 3 {
			t.Fatal(names)
		}
		for _, n := range names {
			count[n]++
		}
		without := responsible(set, 3, c, func(m string) bool { return m == names[0] })
		if without[0] != names[1] || without[1] != names[2] {
			t.Fatalf("%v became %v: more than one share moved", names, without)
		}
	}
	for m, n := range count {
		if n < 700 || n > 1000 {
			t.Errorf("%s keeps %d of 2000 files, want about 857", m, n)
		}
	}
	if got := responsible(set[:2], 3, ledger.CID{}, nobody); len(got) != 2 {
		t.Error(got)
	}
}
