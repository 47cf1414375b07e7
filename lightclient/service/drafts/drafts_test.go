package drafts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/service/drafts"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

// ring holds one key, and what records hide.
type ring struct {
	signer   note.Signer
	verifier string
	private  map[ledger.RecordID][]ledger.Opening
}

func (r *ring) Verifiers(context.Context) ([]string, error) { return []string{r.verifier}, nil }

func (r *ring) Signer(_ context.Context, verifier string) (note.Signer, error) {
	if verifier != r.verifier {
		return nil, &service.Error{Code: "no_key", Message: "not here", Hint: "elsewhere"}
	}
	return r.signer, nil
}

func (r *ring) KeepPrivate(id ledger.RecordID, openings []ledger.Opening) error {
	r.private[id] = openings
	return nil
}

func (r *ring) Private(id ledger.RecordID) ([]ledger.Opening, error) { return r.private[id], nil }

type world struct {
	*testnode.Ledger
	fingerprint ledger.Fingerprint
	sources     []lightclient.Source
}

func newTestWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Ledger: testnode.New(4)}
	w.Grow(3)
	for i := range 4 {
		w.sources = append(w.sources, w.Node(i))
	}
	w.fingerprint = ledger.GenesisFingerprint(w.Consortium().File)
	return w
}

// desk is one party's machine.
func (w *world) desk(name string) *service.Service {
	s := service.New(func(ctx context.Context) (*lightclient.Client, error) {
		return lightclient.Open(ctx, lightclient.Config{Sources: w.sources, Store: new(store.Memory), Genesis: w.Consortium().File,
			Now: func() time.Time { return time.UnixMilli(w.Head().Time).Add(2 * time.Second) }})
	})
	signer, key := ledgertest.Author(name)
	drafts.Provide(s, &ring{signer, key, map[ledger.RecordID][]ledger.Opening{}})
	return s
}

func call[R any](t *testing.T, s *service.Service, method string, params any) (R, service.Error) {
	t.Helper()
	in, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		OK    R
		Error service.Error
	}
	if err := json.Unmarshal(s.Invoke(t.Context(), method, in), &out); err != nil {
		t.Fatal(err)
	}
	return out.OK, out.Error
}

func must[R any](t *testing.T, s *service.Service, method string, params any) R {
	t.Helper()
	out, failed := call[R](t, s, method, params)
	if failed.Code != "" {
		t.Fatalf("%s: %+v", method, failed)
	}
	return out
}

func prepared(by ...string) service.PrepareParams {
	p := service.PrepareParams{Contract: "notes", Action: "deposit", Fields: json.RawMessage(`{"text":"we agree"}`)}
	for _, name := range by {
		_, key := ledgertest.Author(name)
		p.By = append(p.By, key)
	}
	return p
}

func TestDraftGoesFromDeskToDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		ada, bob := w.desk("ada"), w.desk("bob")
		d := must[service.Draft](t, ada, "prepare", prepared("ada", "bob"))
		if len(d.By) != 2 || !d.By[0].Here || d.By[1].Here || d.By[0].Signed || d.Seq != 1 || d.Item != d.ID || !strings.Contains(d.Signed, "we agree") {
			t.Fatalf("prepared: %+v", d)
		}
		d = must[service.Draft](t, ada, "sign", service.SignParams{Text: d.Text, Key: d.By[0].Key})
		if _, failed := call[service.Submitted](t, ada, "submit", service.DraftParams{Text: d.Text}); failed.Code != "unsigned" {
			t.Errorf("submitted without bob: %+v", failed)
		}
		d = must[service.Draft](t, bob, "openDraft", service.DraftParams{Text: "https://node.example/" + d.Link})
		if !d.By[0].Signed || !d.By[1].Here {
			t.Fatalf("at bob's: %+v", d.By)
		}
		d = must[service.Draft](t, bob, "sign", service.SignParams{Text: d.Text, Key: d.By[1].Key})
		if checked := must[service.Checked](t, bob, "check", service.DraftParams{Text: d.Text}); !checked.Passed || checked.Refusal != nil {
			t.Errorf("check: %+v", checked)
		}
		done := must[service.Submitted](t, bob, "submit", service.DraftParams{Text: d.Text})
		if done.ID != d.ID || done.Height == "" || done.Refusal != nil {
			t.Errorf("submitted: %+v", done)
		}
		p := prepared("ada")
		p.Item = done.Item
		if next := must[service.Draft](t, ada, "prepare", p); next.Seq != 2 || next.Prev != done.ID {
			t.Errorf("the next draft: %+v", next)
		}
	})
}

func TestPrivateFieldsAreShownByChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(t)
		ada := w.desk("ada")
		p := prepared("ada")
		p.Private = map[string]map[string]string{"subject": {"name": "林晓", "born": "1994-03-02"}}
		d := must[service.Draft](t, ada, "prepare", p)
		if len(d.Private) != 2 || strings.Contains(d.Signed, "1994") {
			t.Fatalf("prepared: %+v", d)
		}
		d = must[service.Draft](t, ada, "sign", service.SignParams{Text: d.Text, Key: d.By[0].Key})
		must[service.Submitted](t, ada, "submit", service.DraftParams{Text: d.Text})
		known := must[service.PrivateFields](t, ada, "privateFields", service.RecordParams{ID: d.ID})
		if fmt.Sprint(known.Fields) != "[{born 1994-03-02} {name 林晓}]" {
			t.Errorf("known: %v", known.Fields)
		}
		shown := must[service.Disclosed](t, ada, "disclose", service.DiscloseParams{Record: d.ID, Names: []string{"name"}})
		report := proof.Verify([]byte(shown.Proof), proof.Options{Trusted: &w.fingerprint})
		if report.Verdict != proof.Valid || len(report.Proven.Private) != 1 || report.Proven.Private[0].Value != "林晓" {
			t.Errorf("the proof is %s: %s", report.Verdict, report.Reason("en"))
		}
		if strings.Contains(shown.Proof, "1994") {
			t.Error("the proof gives the other field away")
		}
		if _, failed := call[service.Disclosed](t, ada, "disclose", service.DiscloseParams{Record: d.ID, Names: []string{"income"}}); failed.Code != "bad_request" {
			t.Errorf("a field that is not there: %+v", failed)
		}
		if other := must[service.PrivateFields](t, w.desk("bob"), "privateFields", service.RecordParams{ID: d.ID}); len(other.Fields) != 0 {
			t.Errorf("bob knows %v", other.Fields)
		}
	})
}

func TestBadDrafts(t *testing.T) {
	w := newTestWorld(t)
	ada := w.desk("ada")
	d := must[service.Draft](t, ada, "prepare", prepared("ada"))
	_, eve := ledgertest.Author("eve")
	with := func(change func(*service.PrepareParams)) service.PrepareParams {
		p := prepared("ada")
		change(&p)
		return p
	}
	tests := []struct {
		name, method string
		params       any
		want         string
	}{
		{"a fraction", "prepare", with(func(p *service.PrepareParams) { p.Fields = json.RawMessage(`{"n":[{"m":1.5}]}`) }), "bad_request"},
		{"beyond 64 bits", "prepare", with(func(p *service.PrepareParams) { p.Fields = json.RawMessage(`{"n":9223372036854775808}`) }), "bad_request"},
		{"fields that are none", "prepare", with(func(p *service.PrepareParams) { p.Fields = json.RawMessage(`"x"`) }), "bad_request"},
		{"nobody signs", "prepare", with(func(p *service.PrepareParams) { p.By = nil }), "bad_draft"},
		{"no such contract", "prepare", with(func(p *service.PrepareParams) { p.Contract = "lottery" }), "no_contract"},
		{"a size that is none", "prepare", with(func(p *service.PrepareParams) { p.Evidence = []service.Evidence{{Size: "large"}} }), "bad_request"},
		{"a cut link", "openDraft", service.DraftParams{Text: d.Link[:len(d.Link)-9]}, "bad_draft"},
		{"not a draft", "openDraft", service.DraftParams{Text: "hello"}, "bad_draft"},
		{"another text", "openDraft", service.DraftParams{Text: strings.Replace(d.Text, "evident/draft/v1", "evident/draft/v2", 1)}, "bad_draft"},
		{"a key that is elsewhere", "sign", service.SignParams{Text: d.Text, Key: eve}, "no_key"},
		{"unsigned", "check", service.DraftParams{Text: d.Text}, "unsigned"},
		{"not a record", "disclose", service.DiscloseParams{Record: "x"}, "bad_request"},
	}
	for _, tt := range tests {
		if _, failed := call[any](t, ada, tt.method, tt.params); failed.Code != tt.want || failed.Hint == "" {
			t.Errorf("%s: %+v, want %s", tt.name, failed, tt.want)
		}
	}
	signed := must[service.Draft](t, ada, "sign", service.SignParams{Text: d.Text, Key: d.By[0].Key})
	if _, failed := call[service.Draft](t, w.desk("bob"), "sign", service.SignParams{Text: signed.Text, Key: bobKey()}); failed.Code != "not_a_signer" {
		t.Errorf("bob signs: %+v", failed)
	}
}

func bobKey() string {
	_, key := ledgertest.Author("bob")
	return key
}
