package blobs

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"evident/lightclient/ledger"
)

// holds says whether a node keeps a file for a record.
func (n *node) holds(f file, record ledger.RecordID) bool {
	n.world.Helper()
	e, _, err := n.store.load(fileID{f.stored.CID, record})
	n.world.must(err)
	return e.Held
}

// index is the place of a node among the world's.
func (w *world) index(n *node) int { return slices.Index(w.nodes, n) }

// A member that is lost for good: the next in the order takes a copy, and gives it up when the member is back and well.
func TestStandInForALostMember(t *testing.T) {
	w := newTunedWorld(t, 5, 3, func(c *Config) { c.Pace.StandIn = 3 * time.Second }) // longer than a busy machine takes to store
	f := w.file(noiseOf(1, 3<<20))
	keepers, others := w.keepers(f.stored.CID)
	keepers[1].upload(f)
	record := w.record(f.public())
	w.stored(others[0], f, record, 3)
	lost := keepers[0]
	lost.stop()
	order := responsible(w.set, 4, f.stored.CID, nobody)
	next, fifth := others[0], others[1]
	if next.member.Name != order[3] {
		next, fifth = fifth, next
	}
	w.eventually("the next stores it", func() bool { return next.holds(f, record) && next.whole(f) })
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		if fifth.holds(f, record) || !next.holds(f, record) {
			t.Fatalf("the fifth holds it: %v, the next: %v", fifth.holds(f, record), next.holds(f, record))
		}
	}
	w.must(os.RemoveAll(filepath.Join(w.dir, lost.member.Name)))
	w.start(w.index(lost))
	w.eventually("the lost member is back", func() bool { return lost.holds(f, record) && lost.whole(f) })
	w.eventually("the stand-in lets it go", func() bool { return !next.holds(f, record) && !next.store.has(f.stored.CID) })
	for _, n := range w.nodes {
		w.stored(n, f, record, 3)
	}
}

// A member that is away for less than the patience moves nothing.
func TestShortAbsenceMovesNothing(t *testing.T) {
	w := newTunedWorld(t, 4, 3, func(c *Config) { c.Pace.StandIn = 10 * time.Second })
	f := w.file(noiseOf(1, 2<<20))
	keepers, others := w.keepers(f.stored.CID)
	keepers[1].upload(f)
	record := w.record(f.public())
	w.stored(others[0], f, record, 3)
	for range 3 {
		keepers[0].stop()
		time.Sleep(400 * time.Millisecond)
		w.start(w.index(keepers[0]))
		time.Sleep(400 * time.Millisecond)
	}
	if others[0].holds(f, record) || others[0].store.has(f.stored.CID) {
		t.Error("another stepped in")
	}
	w.stored(others[0], f, record, 3)
}

// A member without room is no reason to have fewer copies.
func TestStandInForAFullMember(t *testing.T) {
	var f file
	w := newTunedWorld(t, 4, 3, func(c *Config) {
		if c.Self == "member2.example" {
			c.Quotas.Kept = 1 << 20
		}
	})
	var keepers, others []*node
	for seed := byte(1); len(keepers) == 0 || keepers[0] != w.nodes[1]; seed++ {
		f = w.file(noiseOf(seed, 3<<20))
		keepers, others = w.keepers(f.stored.CID)
		if i := slices.Index(keepers, w.nodes[1]); i > 0 {
			keepers[0], keepers[i] = keepers[i], keepers[0]
		}
	}
	keepers[1].upload(f)
	record := w.record(f.public())
	w.eventually("the next stores it", func() bool { return others[0].holds(f, record) })
	w.stored(keepers[1], f, record, 3)
	if keepers[0].holds(f, record) {
		t.Error("a member keeps more than its operator allows")
	}
	w.eventually("the reason is told", func() bool {
		e, _, err := keepers[0].store.load(fileID{f.stored.CID, record})
		w.must(err)
		return e.Why != ""
	})
}

// A member that shows something that is no receipt keeps nothing, as far as the others can know.
func TestStandInForALiar(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 100))
	keepers, others := w.keepers(f.stored.CID)
	keepers[0].answer.Store(lies(ledger.AppendFrame(nil, []byte("trust me"))))
	others[0].upload(f)
	record := w.record(f.public())
	w.eventually("the next stores it", func() bool { return others[0].holds(f, record) })
}

// A file that is also a part of another one, which is kept here, is not let go again and again.
func TestSpareLeafOfAnotherFile(t *testing.T) {
	w := newTunedWorld(t, 4, 1, func(*Config) {})
	leaf := noiseOf(1, 1<<20)
	one := w.file(leaf)
	keeper, _ := w.keepers(one.stored.CID)
	var whole file
	for extra := byte(0); ; extra++ { // kept by another member
		whole = w.file(append(leaf[:len(leaf):len(leaf)], extra))
		if other, _ := w.keepers(whole.stored.CID); other[0] != keeper[0] {
			keeper = append(keeper, other[0])
			break
		}
	}
	n := keeper[1]
	n.upload(whole)
	w.stored(n, whole, w.record(whole.public()), 1)
	record := w.record(one.public())
	w.stored(n, one, record, 1)
	time.Sleep(200 * time.Millisecond)
	e, _, err := n.store.load(fileID{one.stored.CID, record})
	if err != nil || e.Epoch != 0 || e.Drop || !n.whole(whole) {
		t.Errorf("%+v, %v", e, err)
	}
}

// Another member set: who is responsible now fetches, and who is no more lets go.
func TestChangedOrder(t *testing.T) {
	w := newWorld(t, 5)
	all := w.set
	var f file
	for seed := byte(1); ; seed++ { // a file that the fifth member is to keep
		f = w.file(noiseOf(seed, 2<<20))
		if names := responsible(all, 3, f.stored.CID, nobody); slices.Contains(names, all[4].Name) {
			break
		}
	}
	w.mu.Lock()
	w.set = all[:4]
	w.mu.Unlock()
	before, _ := w.keepers(f.stored.CID)
	before[0].upload(f)
	record := w.record(f.public())
	w.stored(before[0], f, record, 3)
	w.mu.Lock()
	w.set = all
	w.mu.Unlock()
	after, others := w.keepers(f.stored.CID)
	for _, n := range after {
		w.eventually(n.member.Name+" stores it", func() bool { return n.holds(f, record) && n.whole(f) })
	}
	for _, n := range others {
		w.eventually(n.member.Name+" lets it go", func() bool { return !n.holds(f, record) && !n.store.has(f.stored.CID) })
	}
	w.stored(after[0], f, record, 3)
}

// Copies is what the members agreed on.
func TestCopies(t *testing.T) {
	for _, copies := range []int{1, 2, 4} {
		w := newTunedWorld(t, 4, copies, func(*Config) {})
		f := w.file(noiseOf(1, 1<<20))
		w.nodes[0].upload(f)
		record := w.record(f.public())
		w.stored(w.nodes[0], f, record, copies)
		keepers, others := w.keepers(f.stored.CID)
		for _, n := range others {
			w.eventually("what was only uploaded is let go", func() bool { return !n.store.has(f.stored.CID) })
		}
		for _, n := range keepers {
			if !n.whole(f) {
				t.Errorf("%d copies: %s has none", copies, n.member.Name)
			}
		}
	}
}

// What a quota refuses says what to do, and leaves room for others.
func TestQuotas(t *testing.T) {
	w := newTunedWorld(t, 1, 1, func(c *Config) { c.Quotas = Quotas{Uploader: 5 << 20, Waiting: 9 << 20, Author: 5 << 20} })
	n := w.nodes[0]
	one, two, three := w.file(noiseOf(1, 3<<20)), w.file(noiseOf(2, 3<<20)), w.file(noiseOf(3, 3<<20))
	send := func(client string, f file) int {
		r, err := http.NewRequest("POST", n.server.URL+"/v1/files/car", car(f))
		w.must(err)
		r.Header.Set("Client", client)
		resp, err := http.DefaultClient.Do(r)
		w.must(err)
		code, _ := w.read(resp)
		return code
	}
	for _, tt := range []struct {
		name, client string
		f            file
		want         int
	}{
		{"the first", "a", one, http.StatusOK},
		{"more of the same client", "a", two, http.StatusTooManyRequests},
		{"another client", "b", two, http.StatusOK},
		{"too many together", "c", three, http.StatusInsufficientStorage},
	} {
		if code := send(tt.client, tt.f); code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, code, tt.want)
		}
	}
	record := w.record(one.public())
	w.stored(n, one, record, 1)
	if own, _ := n.store.loose.of(uploaderOf("a")); own > 1<<20 {
		t.Errorf("a final record names them, and %d bytes still count against the uploader", own)
	}
	if code := send("a", two); code != http.StatusOK {
		t.Errorf("after the record: %d", code)
	}
	// The author has 3 of 5 MiB: the next record is refused before it is final, and not kept after it.
	w.eventually("counted", func() bool { return n.mayKeep(3<<20, []string{w.vkey}) != nil })
	if err := n.Admit(w.signed(w.author, w.vkey, "notes", "deposit", "{}", two.public()).Note); err == nil {
		t.Error("a record beyond the author's quota was taken in")
	}
	refused := w.record(two.public())
	time.Sleep(200 * time.Millisecond)
	if n.holds(two, refused) {
		t.Error("a file beyond the author's quota is kept")
	}
	ben, vkey := w.newAuthor("ben")
	r := w.signed(ben, vkey, "notes", "deposit", "{}", two.public())
	w.must(n.Admit(r.Note))
	w.final(r)
	w.stored(n, two, r.ID, 1)
	w.must(n.reckon())
	if n.usage.total != one.stored.Size+two.stored.Size || n.usage.author[vkey] != two.stored.Size {
		t.Errorf("counted %+v", n.usage)
	}
}

// An upload that goes on from another address, as of a laptop that slept, has all its blocks when its record comes.
func TestUploadGoesOnElsewhere(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	f := w.file(noiseOf(1, 2<<20))
	absent := func(client string) (list []string) {
		body, err := json.Marshal([]string{f.blocks[0].CID.String()})
		w.must(err)
		r, err := http.NewRequest(http.MethodPost, n.server.URL+"/v1/files/have", bytes.NewReader(body))
		w.must(err)
		r.Header.Set("Client", client)
		resp, err := http.DefaultClient.Do(r)
		w.must(err)
		_, text := w.read(resp)
		w.must(json.Unmarshal([]byte(text), &list))
		return list
	}
	w.must(n.store.put(f.blocks[0].CID, f.blocks[0].Data, uploaderOf("home")))
	if list := absent("train"); len(list) != 0 {
		t.Errorf("just uploaded, and asked for again: %q", list)
	}
	n.clock.Store(int64(freshness - time.Minute))
	if list := absent("train"); len(list) != 1 {
		t.Error("a block that is deleted in a minute was said to be here")
	}
	w.must(n.store.put(f.blocks[0].CID, f.blocks[0].Data, uploaderOf("train")))
	n.clock.Store(int64(freshness + time.Minute))
	w.must(n.collect())
	if list := absent("train"); len(list) != 0 {
		t.Error("a block that was sent again is gone")
	}
}

// Uploads without a record cannot be kept alive by others' questions.
func TestOthersDoNotFreshen(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	f := w.file(noiseOf(1, 100))
	c := f.stored.CID
	w.must(n.store.put(c, f.blocks[0].Data, uploaderOf("a")))
	n.clock.Store(int64(freshness - time.Minute))
	if stays, err := n.store.freshen(c, uploaderOf("b"), false); stays || err != nil {
		t.Errorf("who asks for a block that is about to go is told that it stays: %v", err)
	}
	n.clock.Store(int64(freshness + time.Minute))
	w.must(n.collect())
	if n.store.has(c) {
		t.Error("another's question kept it")
	}
	w.must(n.store.put(c, f.blocks[0].Data, uploaderOf("a")))
	w.must(n.store.put(c, f.blocks[0].Data, uploaderOf("b")))
	if own, total := n.store.loose.of(uploaderOf("b")); own != 100 || total != 100 {
		t.Errorf("who sends a block again does not pay for it: %d of %d", own, total)
	}
}
