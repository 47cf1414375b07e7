package act

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

type world struct {
	*testnode.Ledger
	nodes  []*testnode.Node
	client *lightclient.Client
}

func newTestWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Ledger: testnode.New(4)}
	w.Grow(3)
	var sources []lightclient.Source
	for i := range 4 {
		w.nodes = append(w.nodes, w.Node(i))
		sources = append(sources, w.nodes[i])
	}
	var err error
	w.client, err = lightclient.Open(t.Context(), lightclient.Config{Sources: sources, Store: new(store.Memory), Genesis: w.Consortium().File,
		Now: func() time.Time { return time.UnixMilli(w.Head().Time).Add(2 * time.Second) }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var (
	ada, adaKey = ledgertest.Author("ada")
	bob, bobKey = ledgertest.Author("bob")
	eve, _      = ledgertest.Author("eve")
)

func deposit(item string) Action {
	return Action{Contract: "notes", Action: "deposit", Item: item, Fields: map[string]any{"text": "we agree"}, By: []string{adaKey, bobKey}}
}

func (w *world) mustNew(t *testing.T, a Action) *Draft {
	t.Helper()
	d, err := New(t.Context(), w.client, a)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustSign(t *testing.T, d *Draft, signers ...note.Signer) {
	t.Helper()
	for _, s := range signers {
		if err := d.Sign(s); err != nil {
			t.Fatal(err)
		}
	}
}

// pass sends a draft to the next party, as a file or in a link.
func pass(t *testing.T, d *Draft, link bool) *Draft {
	t.Helper()
	data, err := d.Bytes()
	if link {
		var text string
		text, err = d.Link("https://node.example")
		data = []byte(text + "\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestDraftPassesFromPartyToParty(t *testing.T) {
	for _, link := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newTestWorld(t)
			d := w.mustNew(t, deposit(""))
			if got := d.Missing(); len(got) != 2 {
				t.Fatalf("missing %q, want both", got)
			}
			if _, err := Submit(t.Context(), w.client, d); !errors.Is(err, ErrSignaturesMissing) {
				t.Errorf("submitted without signatures: %v", err)
			}
			mustSign(t, d, bob) // in another order than they stand in the record
			d = pass(t, d, link)
			if got := d.Missing(); len(got) != 1 || got[0] != adaKey {
				t.Fatalf("missing %q, want ada", got)
			}
			if err := d.Sign(eve); !errors.Is(err, ErrNotASigner) {
				t.Errorf("eve signs: %v", err)
			}
			mustSign(t, d, ada, ada)
			d = pass(t, d, link)
			if err := d.Check(t.Context(), w.client); err != nil {
				t.Errorf("check: %v", err)
			}
			r, err := Submit(t.Context(), w.client, d)
			if err != nil || r.ID != d.ID() || r.ItemName() != d.ItemName() || r.Seq != 1 {
				t.Fatalf("record %v, err %v", r.Record, err)
			}
			next := w.mustNew(t, deposit(r.ItemName()))
			if next.Seq != 2 || next.Prev != r.ID.String() {
				t.Errorf("the next record is number %d after %s", next.Seq, next.Prev)
			}
		})
	}
}

func TestStaleDraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		first := w.mustNew(t, deposit("contract/7"))
		second := w.mustNew(t, deposit("contract/7"))
		mustSign(t, first, ada, bob)
		if _, err := Submit(t.Context(), w.client, first); err != nil {
			t.Fatal(err)
		}
		var moved *Moved
		if err := second.Current(t.Context(), w.client); !errors.As(err, &moved) || moved.Seq != 1 || moved.Want != 0 {
			t.Fatalf("got %v, want that the item moved on", err)
		}
		again, err := second.Rebase(t.Context(), w.client)
		if err != nil || again.Seq != 2 || again.Prev != first.ID().String() {
			t.Fatalf("rebased to %d after %s: %v", again.Seq, again.Prev, err)
		}
		if err := again.Current(t.Context(), w.client); err != nil {
			t.Error(err)
		}
		mustSign(t, second, ada)
		if _, err := second.Rebase(t.Context(), w.client); !errors.Is(err, ErrSigned) {
			t.Errorf("a signed draft was composed anew: %v", err)
		}
		mustSign(t, second, bob)
		if err := second.Check(t.Context(), w.client); !errors.As(err, &moved) {
			t.Errorf("check of a stale draft: %v", err)
		}
	})
}

func TestRefusalIsExplainedBeforeSubmitting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		d := w.mustNew(t, deposit(""))
		mustSign(t, d, ada, bob)
		for _, n := range w.nodes {
			n.Refuse = "C1"
		}
		var refused *lightclient.Refused
		err := d.Check(t.Context(), w.client)
		if !errors.As(err, &refused) || refused.Refusal.Reason.Rule != "C1" || refused.Member == "" {
			t.Errorf("got %v, want the rule", err)
		}
	})
}

// Of several nodes that were sent a record one may refuse it because another took it: it is on the ledger.
func TestRecordedThoughRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		d := w.mustNew(t, deposit("contract/10"))
		mustSign(t, d, ada, bob)
		record, err := d.Record()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range w.nodes {
			n.Refuse = "C3"
		}
		w.Add(record.Note)
		if r, err := Submit(t.Context(), w.client, d); err != nil || r.ID != d.ID() {
			t.Errorf("a record that is on the ledger: %v", err)
		}
	})
}

// A node that is behind refuses by C3 what follows a record that it has not seen.
func TestNodeThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		d := w.mustNew(t, deposit("contract/8"))
		mustSign(t, d, ada, bob)
		for _, n := range w.nodes {
			n.Refuse = "C3"
		}
		go func() {
			time.Sleep(time.Second)
			for _, n := range w.nodes {
				n.Change(func(n *testnode.Node) { n.Refuse = "" })
			}
		}()
		if r, err := Submit(t.Context(), w.client, d); err != nil || r.ID != d.ID() {
			t.Errorf("submitted while nodes are behind: %v", err)
		}
		late := w.mustNew(t, deposit("contract/9"))
		mustSign(t, late, ada, bob)
		for _, n := range w.nodes {
			n.Change(func(n *testnode.Node) { n.Refuse = "C3" })
		}
		began := time.Now()
		var refused *lightclient.Refused
		if _, err := Submit(t.Context(), w.client, late); !errors.As(err, &refused) || time.Since(began) > 10*time.Second {
			t.Errorf("nodes that stay behind: %v after %s", err, time.Since(began))
		}
	})
}

func TestPrivateFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		a := deposit("")
		a.Private = map[string]map[string]string{"subject": {"name": "林晓", "born": "1996-02-29"}}
		d := w.mustNew(t, a)
		if strings.Contains(string(d.Fields), "林晓") || strings.Contains(string(d.Fields), "1996") {
			t.Fatalf("the record says what is private: %s", d.Fields)
		}
		d = pass(t, d, true)
		if len(d.Private) != 2 || d.Private[0].Name != "born" || d.Private[1].Value != "林晓" {
			t.Fatalf("openings %v", d.Private)
		}
		for _, o := range d.Private {
			if err := o.Check(d.Fields); err != nil {
				t.Error(err)
			}
			o.Value += "!"
			if err := o.Check(d.Fields); !errors.Is(err, ledger.ErrProof) {
				t.Errorf("another value: %v", err)
			}
		}
		other := w.mustNew(t, a)
		if bytes.Equal(other.Fields, d.Fields) {
			t.Error("two records commit to the same values in the same way")
		}
		d.Private[0].Value = "1996-03-01"
		file, err := d.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(file); !errors.Is(err, ledger.ErrProof) {
			t.Errorf("a draft that lies about what is signed: %v", err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		for _, tt := range []struct {
			name   string
			change func(*Action)
			want   error
		}{
			{"no such contract", func(a *Action) { a.Contract = "lottery" }, ErrNoContract},
			{"nobody signs", func(a *Action) { a.By = nil }, ledger.ErrFormat},
			{"no key", func(a *Action) { a.By = []string{"ada"} }, ledger.ErrFormat},
			{"a float", func(a *Action) { a.Fields = map[string]any{"share": 0.5} }, ledger.ErrFormat},
			{"too large", func(a *Action) { a.Fields = map[string]any{"text": strings.Repeat("x", ledger.MaxRecordSize)} }, ledger.ErrLimit},
		} {
			a := deposit("")
			tt.change(&a)
			if _, err := New(t.Context(), w.client, a); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		}
		d := w.mustNew(t, deposit(""))
		foreign := testnode.New(5)
		s := d.Statement
		s.Ledger = foreign.Consortium().Origin
		other, err := draft(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Current(t.Context(), w.client); !errors.Is(err, ledger.ErrLedger) {
			t.Errorf("a draft of another ledger: %v", err)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		d := w.mustNew(t, deposit(""))
		mustSign(t, d, ada)
		file, err := d.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		link, err := d.Link("https://node.example")
		if err != nil {
			t.Fatal(err)
		}
		text := string(file)
		for _, tt := range []struct {
			name, file string
			want       error
		}{
			{"nothing", "", ledger.ErrFormat},
			{"another format", strings.Replace(text, "draft/v1", "draft/v2", 1), ledger.ErrFormat},
			{"another text than was signed", strings.Replace(text, "we agree", "we don't", 1), ledger.ErrSignature},
			{"a signature changed", strings.Replace(text, "— ada ", "— ada A", 1), ledger.ErrSignature},
			{"a signature twice", strings.Replace(text, "— ada", text[strings.Index(text, "— ada"):strings.Index(text, `","private"`)]+"— ada", 1), ledger.ErrFormat},
			{"a stranger's line", strings.Replace(text, `","private"`, `— eve AAAAAAAA\n","private"`, 1), ledger.ErrFormat},
			{"unknown member", strings.Replace(text, `{"format"`, `{"extra":1,"format"`, 1), ledger.ErrFormat},
			{"white space", strings.Replace(text, `,"note"`, `, "note"`, 1), ledger.ErrFormat},
			{"too large", `{"` + strings.Repeat("x", MaxDraftSize), ledger.ErrLimit},
			{"a link that was cut", link[:len(link)-9], ledger.ErrFormat},
			{"a link with a typing error", strings.Replace(link, linkMark, linkMark+"!", 1), ledger.ErrFormat},
		} {
			if _, err := Parse([]byte(tt.file)); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		}
	})
}

func TestShow(t *testing.T) {
	const definition = `{"actions":{"deposit":{"input":{"properties":{
		"amount":{"en":"Amount","format":"money","zh":"金额"},"at":{"en":"When","format":"time","zh":"时间"},"currency":{"en":"Currency","zh":"币种"},
		"holder":{"en":"Holder","format":"key","zh":"持票人"},"lots":{"en":"Lots","items":{"$ref":"lot"},"zh":"批次"},"open":{"en":"Open","zh":"公开"},
		"share":{"en":"Share","format":"share","zh":"份额"},"t":{"en":"Temperature","format":"celsius","zh":"温度"}}},"title":{"en":"Deposit","zh":"存证"}}},
		"title":{"en":"Notes","zh":"笔记"},"types":{"lot":{"properties":{"lot":{"en":"Lot","zh":"批号"},"wait":{"en":"Wait","format":"duration","zh":"等待"}}}}}`
	c, err := ParseContract([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		a := deposit("")
		a.Fields = map[string]any{"amount": 125000001, "at": int64(1763848800000), "currency": "CNY", "holder": bobKey, "open": true, "other": "x",
			"lots": []any{map[string]any{"lot": "M2411", "wait": 90000}}, "share": 5050, "t": -1805}
		a.Private = map[string]map[string]string{"subject": {"name": "林晓"}}
		d := w.mustNew(t, a)
		mustSign(t, d, ada)
		rows, err := d.Show(c, "zh")
		if err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(rows)
		for _, want := range []string{"笔记 (notes 1)", "存证 (deposit)", "1250000.01 CNY", "2025-11-22 22:00:00 UTC", `"持票人","value":"bob"`, "批号 M2411, 等待 1m30s",
			`"公开","value":"是"`, "50.50 %", "-18.05 °C", "name: 林晓（私密）", "ada, 已签署", "bob, 待签署", `"other","value":"x"`} {
			if !strings.Contains(string(got), want) {
				t.Errorf("it does not show %s:\n%s", want, got)
			}
		}
		d.Private = nil
		if rows, err = d.Show(c, "en"); err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(rows); !strings.Contains(string(got), `"name: private"`) {
			t.Errorf("without an opening: %s", got)
		}
	})
}

func FuzzParse(f *testing.F) {
	s := ledgertest.New(4).Statement()
	s.By = []string{adaKey, bobKey}
	d, err := draft(s, nil)
	if err != nil {
		f.Fatal(err)
	}
	if err := d.Sign(bob); err != nil {
		f.Fatal(err)
	}
	file, err := d.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	link, err := d.Link("")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(link))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data)
		if err != nil {
			return
		}
		again, err := d.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := unlink(data); err != nil || !bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), bytes.TrimSuffix(plain, []byte("\n"))) {
			t.Errorf("accepted a draft that is written otherwise: %v", err)
		}
	})
}
