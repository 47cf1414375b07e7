package blobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
)

// order makes a final order to erase a file.
func (w *world) order(by note.Signer, vkey string, f file, record ledger.RecordID) *ledger.Record {
	w.Helper()
	return w.signed(by, vkey, "files", "erase", fmt.Sprintf(`{"cid":%q,"reason":"a person asked","record":%q}`, f.stored.CID, record))
}

// erased waits until a node knows that so many members have erased a file, and verifies what they signed.
func (w *world) erased(n *node, f file, record ledger.RecordID, members int) {
	w.Helper()
	id := fileID{f.stored.CID, record}
	w.eventually("erasure receipts", func() bool {
		receipts, err := n.store.receipts(erasing, id)
		w.must(err)
		for member, msg := range receipts {
			s, err := ledger.OpenErasure(w.Origin(), *w.set.ByName(member), msg)
			if err != nil || s.CID != id.cid || s.Record != id.record || s.Bytes != f.stored.Size {
				w.Fatalf("receipt of %s: %v %v", member, s, err)
			}
		}
		return len(receipts) == members
	})
}

// onDisk says whether bytes of a file can be found in a node's folder.
func (n *node) onDisk(f file) bool {
	n.world.Helper()
	names, err := filepath.Glob(filepath.Join(n.world.dir, n.member.Name, "*"))
	n.world.must(err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // Badger has just deleted it
		}
		n.world.must(err)
		for _, b := range f.blocks {
			if len(b.Data) > 64 && bytes.Contains(data, b.Data[len(b.Data)/2:len(b.Data)/2+32]) {
				return true
			}
		}
	}
	return false
}

// On the author's order the members delete a file, sign that it is gone, and never fetch it again; what another file
// needs stays.
func TestErasure(t *testing.T) {
	w := newWorld(t, 4)
	shared := noiseOf(9, 1<<20)
	f := w.file(append(bytes.Clone(shared), noiseOf(1, 3<<20)...))
	other := w.file(append(bytes.Clone(shared), noiseOf(2, 1<<20)...))
	small := w.file(noiseOf(3, 500))
	keepers, others := w.keepers(f.stored.CID)
	n := keepers[0]
	n.upload(f)
	n.upload(other)
	n.upload(small)
	record, kept, little := w.record(f.public()), w.record(other.public()), w.record(small.public())
	w.stored(n, f, record, 3)
	w.stored(n, other, kept, 3)
	w.stored(n, small, little, 3)
	for _, n := range keepers {
		if !n.onDisk(f) {
			t.Fatal("nothing to be erased is on the disk")
		}
	}
	w.final(w.order(w.author, w.vkey, f, record), w.order(w.author, w.vkey, small, little))
	for _, n := range w.nodes {
		w.erased(n, f, record, 3)
		w.erased(n, small, little, 3)
	}
	time.Sleep(500 * time.Millisecond)
	for _, n := range w.nodes {
		for _, b := range f.blocks {
			if n.store.has(b.CID) && b.CID != other.blocks[0].CID {
				t.Errorf("%s still has %s", n.member.Name, b.CID)
			}
		}
		gone := file{blocks: append(f.blocks[1:], small.blocks...)}
		if n.onDisk(gone) {
			t.Errorf("%s still has bytes of it on its disk", n.member.Name)
		}
		if problems := n.Problems(); len(problems) > 0 {
			t.Errorf("problems %q", problems)
		}
	}
	sharing, _ := w.keepers(other.stored.CID)
	for _, n := range sharing {
		if !n.whole(other) {
			t.Errorf("%s lost another file", n.member.Name)
		}
	}
	code, body := others[0].get("/v1/files/" + f.stored.CID.String() + "/receipts")
	if code != 200 || !strings.Contains(body, `"receipts":[]`) || strings.Count(body, "evident/erasure/v1") != 3 {
		t.Errorf("%d %s", code, body)
	}
	if code, body := others[0].get("/v1/files/" + f.stored.CID.String()); code != 200 || strings.Count(body, `"state":"erased"`) != 3 {
		t.Errorf("%d %s", code, body)
	}
	// Whoever records it anew has it kept anew.
	n.upload(f)
	w.stored(n, f, w.record(f.public()), 3)
}

// A node that stopped while it obeyed an order obeys the rest of it when it comes by again.
func TestErasureGoesOn(t *testing.T) {
	w := newWorld(t, 1)
	f := w.file(noiseOf(1, 100))
	n := w.nodes[0]
	n.upload(f)
	records := []ledger.RecordID{w.record(f.public()), w.record(f.public())}
	for _, record := range records {
		w.stored(n, f, record, 1)
	}
	o := order{fileID{f.stored.CID, records[0]}, ledger.RecordID{7}, []string{w.vkey}}
	w.must(n.store.erase(o.id, o.from, n.Self, n.Now()))
	w.must(n.obey(o, place(9, 0)))
	for _, record := range records {
		if e, _, err := n.store.load(fileID{f.stored.CID, record}); err != nil || e.Erased != o.from.String() {
			t.Errorf("%s is erased by %q, %v", record, e.Erased, err)
		}
	}
}

// An order counts only if an author of every record that names the file signed it, and only for what was recorded before.
func TestErasureOfWhatOthersRecorded(t *testing.T) {
	w := newWorld(t, 4)
	ben, benKey := w.newAuthor("ben")
	f := w.file(noiseOf(1, 2<<20))
	keepers, _ := w.keepers(f.stored.CID)
	n := keepers[0]
	n.upload(f)
	ours := w.record(f.public())
	theirs := w.signed(ben, benKey, "notes", "deposit", "{}", f.public())
	w.final(theirs)
	w.stored(n, f, ours, 3)
	w.stored(n, f, theirs.ID, 3)
	for name, order := range map[string]*ledger.Record{
		"ours alone":             w.order(w.author, w.vkey, f, ours),
		"theirs alone":           w.order(ben, benKey, f, theirs.ID),
		"another's record":       w.order(ben, benKey, f, ours),
		"a record not there":     w.order(w.author, w.vkey, f, ledger.RecordID{1}),
		"another contract":       w.signed(w.author, w.vkey, "notes", "erase", fmt.Sprintf(`{"cid":%q,"record":%q}`, f.stored.CID, ours)),
		"another action":         w.signed(w.author, w.vkey, "files", "grant", fmt.Sprintf(`{"cid":%q,"record":%q}`, f.stored.CID, ours)),
		"no CID":                 w.signed(w.author, w.vkey, "files", "erase", fmt.Sprintf(`{"cid":"x","record":%q}`, ours)),
		"fields that are a list": w.signed(w.author, w.vkey, "files", "erase", `{"cid":[],"record":{}}`),
	} {
		w.final(order)
		time.Sleep(100 * time.Millisecond)
		for _, n := range keepers {
			if !n.holds(f, ours) || !n.holds(f, theirs.ID) || !n.whole(f) {
				t.Errorf("%s: it was erased", name)
			}
		}
	}
	one := w.file(noiseOf(2, 1<<20))
	n.upload(one)
	first := w.record(one.public())
	w.stored(n, one, first, 3)
	again := w.signed(w.author, w.vkey, "notes", "deposit", "{}", one.public())
	w.final(w.order(w.author, w.vkey, one, first), again)
	held, _ := w.keepers(one.stored.CID)
	w.erasedEntry(held[0], one, first)
	if e, _, err := held[0].store.load(fileID{one.stored.CID, again.ID}); err != nil || e.Erased != "" {
		t.Errorf("a record after the order was erased too: %v", err)
	}
}

// erasedEntry waits until a node has obeyed an order.
func (w *world) erasedEntry(n *node, f file, record ledger.RecordID) {
	w.Helper()
	w.eventually("obeyed", func() bool {
		e, _, err := n.store.load(fileID{f.stored.CID, record})
		w.must(err)
		return e.Gone
	})
}

// A member that was away obeys when it is back; one whose blocks were wiped meanwhile does not fetch them.
func TestErasureWhileAway(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 2<<20))
	keepers, _ := w.keepers(f.stored.CID)
	w.nodes[0].upload(f)
	record := w.record(f.public())
	for _, n := range keepers {
		w.stored(n, f, record, 3)
	}
	away, wiped, here := keepers[0], keepers[1], keepers[2]
	away.stop()
	wiped.stop()
	w.must(os.RemoveAll(filepath.Join(w.dir, wiped.member.Name)))
	w.final(w.order(w.author, w.vkey, f, record))
	w.erasedEntry(here, f, record)
	w.start(w.index(away))
	w.start(w.index(wiped))
	for _, n := range keepers {
		w.erased(n, f, record, 3)
		if n.store.has(f.stored.CID) || n.onDisk(f) {
			t.Errorf("%s still has it", n.member.Name)
		}
	}
}

// An order that comes while a member still fetches the file ends the fetching.
func TestErasureDuringReplication(t *testing.T) {
	w := newWorld(t, 4)
	f := w.file(noiseOf(1, 5<<20))
	keepers, _ := w.keepers(f.stored.CID)
	n := keepers[0]
	partly := f
	partly.blocks = append(f.blocks[:3:3], f.blocks[len(f.blocks)-1]) // the rest never comes
	n.upload(partly)
	record := w.record(f.public())
	id := fileID{f.stored.CID, record}
	w.eventually("pinning", func() bool {
		pinned, err := n.store.pinned(f.blocks[0].CID, f.stored.CID)
		w.must(err)
		e, _, err := n.store.load(id)
		w.must(err)
		return e.Began || pinned
	})
	w.final(w.order(w.author, w.vkey, f, record))
	w.erased(n, f, record, 3)
	for _, n := range w.nodes {
		for _, b := range f.blocks {
			if n.store.has(b.CID) {
				t.Errorf("%s has %s", n.member.Name, b.CID)
			}
		}
	}
}

// Erasing stops after any number of blocks, and goes on; a node of the tree that is lost hides nothing.
func TestErasureStopsAnywhere(t *testing.T) {
	for stop := range 9 {
		t.Run(fmt.Sprint(stop), func(t *testing.T) {
			w := newWorld(t, 1)
			n := w.nodes[0]
			f := w.file(noiseOf(1, 6<<20))
			n.upload(f)
			record := w.record(f.public())
			w.stored(n, f, record, 1)
			if stop == 8 {
				w.must(n.forget(f.stored.CID)) // as a bad disk does
			} else {
				left := stop
				err := n.store.unpin(countdown{t.Context(), &left}, fileRoot(f.stored.CID, f.stored.Size), true)
				if stop < len(f.blocks) && !errors.Is(err, context.Canceled) {
					t.Fatalf("got %v", err)
				}
			}
			w.final(w.order(w.author, w.vkey, f, record))
			n.stop()
			w.start(0)
			w.erased(n, f, record, 1)
			for _, b := range f.blocks {
				pinned, err := n.store.pinned(b.CID, f.stored.CID)
				if n.store.has(b.CID) || pinned || err != nil {
					t.Errorf("%s: here %v, referred to %v, %v", b.CID, n.store.has(b.CID), pinned, err)
				}
			}
			if waiting := n.store.waiting(); waiting != 0 {
				t.Errorf("%d bytes are loose", waiting)
			}
		})
	}
}

// countdown is a context that ends after it was looked at so many times.
type countdown struct {
	context.Context
	left *int
}

func (c countdown) Err() error {
	if *c.left--; *c.left < 0 {
		return context.Canceled
	}
	return nil
}
