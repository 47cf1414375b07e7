package ledger_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	. "evident/lightclient/ledger"
)

func TestOpening(t *testing.T) {
	o := Opening{Name: "name", Salt: [32]byte{1}, Value: `林晓 "Xiao"`}
	c, err := o.Commit()
	if err != nil {
		t.Fatal(err)
	}
	text, err := EncodeCanonical(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, fields := range []string{string(text), `{"a":[[` + string(text) + `]]}`, `{"a":1,"b":{"c":` + string(text) + `}}`} {
		if err := o.Check(json.RawMessage(fields)); err != nil {
			t.Errorf("%s: %v", fields, err)
		}
	}
	// A text that looks like a commitment is none, nor is an object with more members.
	quoted, err := EncodeCanonical(map[string]string{"a": string(text)})
	if err != nil {
		t.Fatal(err)
	}
	for _, fields := range []string{`{}`, string(quoted), strings.Replace(string(text), `}`, `,"z":1}`, 1), `{"digest":"` + c.Digest + `"}`} {
		if err := o.Check(json.RawMessage(fields)); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", fields, err)
		}
	}
	for _, other := range []Opening{{"name", [32]byte{2}, o.Value}, {"nam", o.Salt, o.Value}, {"name", o.Salt, o.Value + " "}} {
		if err := other.Check(text); !errors.Is(err, ErrProof) {
			t.Errorf("another opening %v: %v", other, err)
		}
	}
	if _, err := (Opening{Name: "a\uFFFD"}).Commit(); !errors.Is(err, ErrFormat) {
		t.Errorf("a name that is lost bytes: %v", err)
	}
}

func TestPrivateFields(t *testing.T) {
	digest := strings.Repeat("0a", 32)
	one := func(name string) string { return `{"digest":"` + digest + `","name":"` + name + `"}` }
	fields := `{"a":[` + one("first") + `,` + one("second") + `],"b":{"c":` + one("third") + `},"d":{"digest":"short","name":"none"},"e":"` + strings.ReplaceAll(one("text"), `"`, `\"`) + `","f":7}`
	var names []string
	for _, f := range PrivateFields(json.RawMessage(fields)) {
		names = append(names, f.Name)
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
