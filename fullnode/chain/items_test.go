package chain

import (
	"fmt"
	"slices"
	"testing"

	"evident/lightclient/ledger"
)

// correction is record number seq of the item that began with first.
func (w *world) correction(t testing.TB, first, prev *ledger.Record, seq int64) *ledger.Record {
	t.Helper()
	s := w.statement(int(1000 + seq))
	s.Action, s.Item, s.Prev, s.Seq = "correct", first.ID.String(), prev.ID.String(), seq
	s.Fields = []byte(`{"reason":"incorrect_data","text":"x"}`)
	return w.sign(t, s)
}

// An item is listed once, at its newest record, and pages of any size give the same list.
func TestItems(t *testing.T) {
	w := newTestWorld(t)
	c := w.begin(t)
	var first []*ledger.Record
	for i := range 7 {
		first = append(first, w.sign(t, w.statement(i)))
	}
	w.add(t, c, first[0].Note, first[1].Note, first[2].Note)
	second := w.correction(t, first[1], first[1], 2)
	w.add(t, c, first[3].Note, second.Note, first[4].Note)
	third := w.correction(t, first[1], second, 3)
	w.add(t, c, first[5].Note, first[6].Note, w.correction(t, first[0], first[0], 2).Note, third.Note)

	want := []string{}
	for _, i := range []int{1, 0, 6, 5, 4, 3, 2} {
		want = append(want, first[i].ID.String())
	}
	for _, limit := range []int{1, 2, 3, 7, 50} {
		var got []string
		for before := (Place{Height: ledger.MaxLogSize}); before.Index >= 0; {
			page, next, err := c.Items("notes", before, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range page {
				got = append(got, f.Item)
			}
			before = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %v, want %v", limit, got, want)
		}
	}
	if page, _, err := c.Items("note", Place{Height: ledger.MaxLogSize}, 9); err != nil || len(page) != 0 {
		t.Errorf("items of a contract whose name begins another's: %v, %v", page, err)
	}

	name := first[1].ID.String()
	for before, want := range map[ledger.RecordID][]ledger.RecordID{
		{}: {third.ID, second.ID, first[1].ID}, third.ID: {second.ID, first[1].ID}, first[1].ID: {},
	} {
		if got, err := c.ItemRecords("notes", name, before, 9); err != nil || !slices.Equal(got, want) {
			t.Errorf("records before %s: %v, %v", before, got, err)
		}
	}
	if got, err := c.ItemRecords("notes", name, ledger.RecordID{}, 2); err != nil || fmt.Sprint(got) != fmt.Sprint([]ledger.RecordID{third.ID, second.ID}) {
		t.Errorf("the newest two records: %v, %v", got, err)
	}
	if _, err := c.ItemRecords("notes", name, first[0].ID, 9); err == nil {
		t.Error("records before another item's record: no error")
	}
	if parents, children, err := c.Related("notes", name); err != nil || len(parents)+len(children) != 0 || parents == nil {
		t.Errorf("related: %v %v %v", parents, children, err)
	}
	checkLedger(t, c)
}
