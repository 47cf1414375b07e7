package contract

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"evident/lightclient/ledger"
)

// FuzzLoad: a definition compiles or has problems, and what compiles can be executed.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(small))
	names, _ := filepath.Glob("library/*.yaml")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Load("fuzz.yaml", text)
		if err != nil {
			return
		}
		again, err := Load("again.yaml", c.Definition())
		if c.Name() == "" || err == nil && Digest(again) != Digest(c) {
			t.Errorf("the canonical definition is another contract: %v", err)
		}
	})
}

// FuzzApply: whatever the fields, a record is applied within the limits or refused.
func FuzzApply(f *testing.F) {
	s := newTestStage(f, "copyright")
	for _, c := range Library() {
		for _, name := range sortedKeys(c.actions) {
			f.Add(c.Name(), name, "item", "", []byte(`{}`), int64(0))
			f.Add(c.Name(), name, "", "", []byte(`{"text":"港","shares":[1,2],"occurred_at":9223372036854775807}`), int64(now))
		}
	}
	f.Fuzz(func(t *testing.T, contract, action, item, status string, fields []byte, at int64) {
		object, err := ledger.CanonicalObject(fields)
		if err != nil {
			return
		}
		r := &ledger.Record{UnverifiedRecord: ledger.UnverifiedRecord{Statement: ledger.Statement{Action: action, Contract: contract,
			Ledger: origin, Version: 1, Seq: 1, Item: item, At: at, By: []string{s.key("ada")}, Fields: object}}}
		view := &world{state: map[string]json.RawMessage{}}
		if Find(contract) != nil && status != "" {
			value, err := (&Item{Authors: r.By, Status: status, Version: 1, Fields: map[string]any{"holder": r.By[0]}}).appendJSON(nil)
			if err != nil || json.Unmarshal(value, new(Item)) != nil || len(status) > ledger.MaxNameSize {
				return
			}
			if _, err := parseItem(item, value); err != nil {
				return
			}
			view.state[contract+"\x00"+item] = value
		}
		changes, refusal, err := s.engine.Block(view, now, 1).Apply(r)
		if err != nil || (refusal == nil) == (len(changes) == 0) {
			t.Fatalf("%d changes, refusal %v, error %v", len(changes), refusal, err)
		}
		for _, c := range changes {
			if err := ledger.DecodeCanonical(c.Value, new(json.RawMessage)); err != nil || len(c.Value) > MaxItemSize {
				t.Errorf("state %s: %v", c.Value, err)
			}
		}
	})
}
