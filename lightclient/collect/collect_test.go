package collect

import (
	"errors"
	"slices"
	"testing"

	"evident/lightclient/casefile"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
)

// TestDisclose puts chosen private fields into a proof that had none.
func TestDisclose(t *testing.T) {
	all := ledgertest.ReadVectors("../testdata/vectors", "proof")
	at := slices.IndexFunc(all, func(v ledgertest.Vector) bool { return v.Name == "proof/private-all" })
	p, err := proof.Parse(all[at].Data)
	if err != nil {
		t.Fatal(err)
	}
	openings := p.Private
	p.Private = nil
	bare, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	hand := func(ledger.RecordID) ([]ledger.Opening, error) { return openings, nil }
	empty := func(ledger.RecordID) ([]ledger.Opening, error) { return nil, errors.New("nothing is kept here") }
	for _, tt := range []struct {
		name    string
		file    []byte
		options Options
		want    []string
		missing bool
	}{
		{"none", bare, Options{Private: hand}, nil, false},
		{"one", bare, Options{Private: hand, Disclose: []string{"born"}}, []string{"born"}, false},
		{"two", bare, Options{Private: hand, Disclose: []string{"note", "name"}}, []string{"name", "note"}, false},
		{"one that is disclosed already", all[at].Data, Options{Private: hand, Disclose: []string{"born"}}, []string{"name", "born", "note"}, false},
		{"one that the record has not", bare, Options{Private: hand, Disclose: []string{"born", "seat"}}, []string{"born"}, true},
		{"its value is not here", bare, Options{Private: empty, Disclose: []string{"born"}}, nil, true},
		{"nobody keeps values", bare, Options{Disclose: []string{"born"}}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, err := Disclose(tt.file, ledger.RecordID{}, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			c, err := casefile.NewCase([][]byte{file})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range c.Records[0].Proven.Private {
				got = append(got, f.Name)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("disclosed %q, want %q", got, tt.want)
			}
			if err := tt.options.CheckDisclosed(c); errors.Is(err, ErrNotPrivate) != tt.missing {
				t.Errorf("got %v, want an error: %v", err, tt.missing)
			}
		})
	}
}
