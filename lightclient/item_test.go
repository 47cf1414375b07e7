package lightclient_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
	"evident/lightclient/testnode"
)

// chainOf adds n records of one item, each in its own block, and returns them, the oldest first.
func chainOf(t *testing.T, l *testnode.Ledger, name string, n int, fields string) []*ledger.Record {
	t.Helper()
	signer, key := ledgertest.Author("ada")
	var list []*ledger.Record
	for i := range n {
		s := l.Consortium().Statement()
		s.By, s.Item, s.Seq, s.Evidence, s.Fields = []string{key}, name, int64(i+1), []ledger.Evidence{}, json.RawMessage(fields)
		if i > 0 {
			s.Prev = list[i-1].ID.String()
		}
		r, err := s.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		l.Add(r.Note)
		list = append(list, r)
	}
	return list
}

func TestItem(t *testing.T) {
	w := newWorld(t)
	records := chainOf(t, w.Ledger, "04012345678901/lot 7", 5, `{"text":"x"}`)
	c := w.client(t)
	item, err := c.Item(t.Context(), "notes", "04012345678901/lot 7")
	if err != nil || !item.Exists() || item.Item.Seq != 5 || len(item.Records) != 5 {
		t.Fatalf("item %+v, %v", item.Item, err)
	}
	for i, r := range item.Records {
		if want := records[4-i].ID; r.ID != want {
			t.Errorf("record %d is %s, want %s", i, r.ID, want)
		}
	}
	if item, err := c.Item(t.Context(), "notes", "nothing"); err != nil || item.Exists() || len(item.Records) != 0 {
		t.Errorf("an item that does not exist: %+v, %v", item.Item, err)
	}
	list, next, err := c.Items(t.Context(), "notes", "", 10)
	if err != nil || next != "" || len(list) != 1 || list[0].Item != "04012345678901/lot 7" {
		t.Errorf("items: %v %q %v", list, next, err)
	}
}

// A history that does not lead from the proven state to record 1 is not returned.
func TestItemHistoryIsComplete(t *testing.T) {
	tests := []struct {
		name, value string // with the ids of the item's three records as $1 to $3, another item's as $4
		want        error
	}{
		{"true", `{"first":"$1","last":"$3","seq":3,"status":"recorded"}`, nil},
		{"a record is left out at the end", `{"first":"$1","last":"$2","seq":3,"status":"recorded"}`, ledger.ErrProof},
		{"one too few", `{"first":"$1","last":"$3","seq":2,"status":"recorded"}`, ledger.ErrProof},
		{"another item's record", `{"first":"$1","last":"$4","seq":1,"status":"recorded"}`, ledger.ErrProof},
		{"another first record", `{"first":"$2","last":"$3","seq":3,"status":"recorded"}`, ledger.ErrProof},
		{"a record that is not there", `{"first":"$1","last":"` + strings.Repeat("0", 64) + `","seq":3,"status":"recorded"}`, ErrNotShown},
		{"more than can be listed", `{"first":"$1","last":"$3","seq":10001,"status":"recorded"}`, ledger.ErrLimit},
		{"no record yet", `{"first":"","last":"","seq":0,"status":"recorded"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			ids := []string{}
			for _, r := range append(chainOf(t, w.Ledger, "item", 3, `{"text":"x"}`), chainOf(t, w.Ledger, "other", 1, `{"text":"x"}`)...) {
				ids = append(ids, r.ID.String())
			}
			w.Set("notes", "item", strings.NewReplacer("$1", ids[0], "$2", ids[1], "$3", ids[2], "$4", ids[3]).Replace(tt.value))
			w.Grow(20)
			if _, err := w.client(t).Item(t.Context(), "notes", "item"); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRelated(t *testing.T) {
	w := newWorld(t)
	chainOf(t, w.Ledger, "flour", 1, `{"text":"x"}`)
	chainOf(t, w.Ledger, "dough", 1, `{"made_from":["flour"]}`)
	chainOf(t, w.Ledger, "bread", 1, `{"made_from":["dough","flour"]}`)
	for _, n := range w.nodes {
		n.Change(func(n *testnode.Node) { n.Children = map[string][]string{"notes/dough": {"bread", "flour", "nothing"}} })
	}
	parents, children, err := w.client(t).Related(t.Context(), "notes", "dough", "made_from")
	names := func(list []Relative) (out []string) {
		for _, r := range list {
			out = append(out, r.Name)
		}
		return out
	}
	if err != nil || !slices.Equal(names(parents), []string{"flour"}) || !slices.Equal(names(children), []string{"bread"}) {
		t.Errorf("parents %v, children %v, %v", names(parents), names(children), err)
	}
}

func TestContract(t *testing.T) {
	w := newWorld(t)
	two, three := `{"name":"notes","version":2}`, `{"name":"notes","version":3}`
	digest := ledger.GenesisFingerprint([]byte(two)) // a SHA-256
	w.Set(ContractsSpace, "notes", fmt.Sprintf(`{"fields":{"versions":[{"digest":"%s","since":3,"version":2}]}}`, digest))
	w.Grow(5)
	for _, n := range w.nodes {
		n.Change(func(n *testnode.Node) {
			n.Definitions = map[string]string{"notes/1": "notes/1", "notes/2": two, "notes/3": three}
		})
	}
	c := w.client(t)
	got, err := c.Contract(t.Context(), "notes", 2)
	if err != nil || string(got.Definition) != two || got.Since != 3 || got.Deployed == nil {
		t.Errorf("a deployed contract: %+v, %v", got, err)
	}
	if v, err := c.Newest(t.Context(), "notes"); err != nil || v != 2 {
		t.Errorf("the newest version is %d, %v", v, err)
	}
	for name, version := range map[string]int64{"notes": 3, "other": 1} {
		if _, err := c.Contract(t.Context(), name, version); !errors.Is(err, ErrNoContract) {
			t.Errorf("%s version %d: %v", name, version, err)
		}
	}
	if list, err := c.Contracts(t.Context()); err != nil || len(list) != 1 || list[0].Name != "notes" {
		t.Errorf("contracts: %v, %v", list, err)
	}
	for _, n := range w.nodes {
		n.Change(func(n *testnode.Node) { n.Definitions = map[string]string{"notes/2": three} })
	}
	var lied *ErrLied
	if _, err := w.client(t).Contract(t.Context(), "notes", 2); !errors.As(err, &lied) {
		t.Errorf("another definition: %v", err)
	}
}

// What an item was after each block, from the one node that keeps it.
func TestStateAt(t *testing.T) {
	w := newWorld(t)
	records := chainOf(t, w.Ledger, "BILL-2026/7", 4, `{"holder":"Bo"}`)
	w.Grow(30)
	for _, n := range w.nodes[1:] {
		n.Change(func(n *testnode.Node) { n.Forgets = true })
	}
	c := w.client(t)
	for seq, r := range records {
		got, err := c.Record(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.StateAt(t.Context(), "notes", "BILL-2026/7", got.Header.Height)
		if err != nil || !strings.Contains(string(s.Value), r.ID.String()) || s.Head.Header.Height != got.Header.Height {
			t.Fatalf("after record %d: %s, %v", seq+1, s.Value, err)
		}
		made, err := c.ItemProof("notes", "BILL-2026/7", s)
		if err != nil {
			t.Fatal(err)
		}
		file, err := made.Encode()
		if err != nil {
			t.Fatal(err)
		}
		trusted := c.Trusted().Fingerprint
		if report := proof.VerifyItem(file, &trusted); report.Verdict != proof.Valid || report.Item.Height != got.Header.Height {
			t.Errorf("the state proof is %s: %s", report.Verdict, report.Reason("en"))
		}
	}
	if s, err := c.StateAt(t.Context(), "notes", "BILL-2026/7", 0); err != nil || s.Value != nil {
		t.Errorf("at block 0: %s, %v", s.Value, err)
	}
	w.nodes[0].Down.Store(true)
	if _, err := c.StateAt(t.Context(), "notes", "BILL-2026/7", 2); !errors.Is(err, ErrNotShown) {
		t.Errorf("nobody keeps it: %v", err)
	}
}
