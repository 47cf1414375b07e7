package proof_test

import (
	"slices"
	"testing"

	"evident/lightclient/ledger"
	. "evident/lightclient/proof"
)

// TestAddStorage takes the receipts that a proof can show, in any order, and leaves the others.
func TestAddStorage(t *testing.T) {
	f := newFixture(t, shape{sealed: true})
	m := &maker{t: t, chain: f.Chain}
	asIs := func(*ledger.Storage) {}
	good := m.storedBy(f, asIs, 3, 0, 1)
	bad := slices.Concat(m.storedBy(f, func(s *ledger.Storage) { s.Bytes++ }, 2), m.storedBy(f, func(s *ledger.Storage) { s.Record[0] ^= 1 }, 2), [][]byte{nil, []byte("hello\n"), {0xff}})
	p := f.parse(t)
	if err := p.AddStorage(slices.Concat(bad, good[:2])); err != nil {
		t.Fatal(err)
	}
	if err := p.AddStorage(slices.Concat(good[1:], bad)); err != nil {
		t.Fatal(err)
	}
	file, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r := f.verify(file)
	if r.Verdict != Valid || len(r.Proven.Storage) != 3 {
		t.Fatalf("%d members, %s: %s", len(r.Proven.Storage), r.Verdict, r.Reason("en"))
	}
	checkTexts(t, r)
	for i, member := range []int{0, 1, 3} {
		if got, want := r.Proven.Storage[i], f.Set[member]; got.Member != want.Name || got.Organisation != want.Organisation {
			t.Errorf("%d: %+v", i, got)
		}
	}
}

// TestOfTogether makes the same file as Encode.
func TestOfTogether(t *testing.T) {
	for _, entries := range [][]Entry{{entryOf("a", "hello")}, {entryOf("a", "a"), entryOf("<b> & 港口", "hello"), entryOf("c", "c")}} {
		f := newFixture(t, shape{together: entries, since: true, state: true, before: 3})
		p := f.parse(t)
		one := p.Together[0]
		p.Together = nil
		base, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := OfTogether(base, one)
		if err != nil || string(got) != string(f.file) {
			t.Errorf("%v\ngot  %.200s\nwant %.200s", err, got, f.file)
		}
		r := f.verify(got)
		checkTexts(t, r)
		if r.Verdict != Valid || len(r.Proven.Entries) != 1 {
			t.Errorf("%s: %s", r.Verdict, r.Reason("en"))
		}
		if _, err := OfTogether(base[:len(base)-1], one); err == nil {
			t.Error("a cut proof was continued")
		}
	}
}
