package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// An archive proves what an item was after every block, also after many more blocks, a restart and a compaction; another
// ledger says that it does not have it.
func TestArchive(t *testing.T) {
	w := newTestWorld(t)
	dir := t.TempDir()
	c := w.open(t, dir, Options{Archive: true})
	w.genesisBlock(t, c)
	first := w.sign(t, w.statement(0))
	last := first
	w.add(t, c, first.Note)
	name := first.ID.String()
	for i := range 3 * retention {
		if i%5 == 4 {
			last = w.correction(t, first, last, int64(i/5+2))
			w.add(t, c, last.Note)
			continue
		}
		w.add(t, c, w.notes(t, 100+2*i, 102+2*i)...)
	}
	check := func(c *Chain) {
		t.Helper()
		head, _ := c.Head()
		values := map[string]bool{}
		for h := ledger.Height(1); h <= head.Header.Height; h++ {
			a, err := c.StateAt("notes", name, h)
			if err != nil {
				t.Fatal(err)
			}
			if err := merkle.CheckPresent(a.Header.State, merkle.Key("notes", name), sha256.Sum256(a.Value), a.Proof); err != nil || a.Header.Height != h {
				t.Fatalf("block %d: %v", h, err)
			}
			values[string(a.Value)] = true
		}
		if want := 1 + 3*retention/5; len(values) != want {
			t.Errorf("the item had %d states, want %d", len(values), want)
		}
		a, err := c.StateAt("notes", name, 0)
		if err != nil || a.Value != nil || merkle.CheckAbsent(a.Header.State, merkle.Key("notes", name), a.Proof) != nil {
			t.Errorf("before it began: %s, %v", a.Value, err)
		}
	}
	check(c)
	if err := c.store.db.Flatten(1); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = w.open(t, dir, Options{Archive: true})
	check(c)
	checkLedger(t, c)
	c.Close()

	c = w.open(t, dir, Options{}) // no archive any more
	defer c.Close()
	w.add(t, c)
	if err := c.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	head, _ := c.Head()
	if _, err := c.StateAt("notes", name, head.Header.Height); err != nil {
		t.Error(err)
	}
	if _, err := c.StateAt("notes", name, head.Header.Height+1); !errors.Is(err, ErrNotFound) {
		t.Errorf("a block of the future: %v", err)
	}

	plain := w.begin(t)
	for range 2 * retention {
		w.add(t, plain)
	}
	kept := ""
	for h := ledger.Height(0); h <= 2*retention; h++ {
		if _, err := plain.StateAt("notes", name, h); err == nil {
			kept += fmt.Sprint(" ", h)
		} else if !errors.Is(err, ErrNotKept) {
			t.Errorf("block %d: %v", h, err)
		}
	}
	if kept == "" {
		t.Error("not even the newest state is kept")
	}
}
