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
		tryAll(t, c)
	})
}

// tryAll does every action of a contract with nothing and with something in its fields, on items of every status.
func tryAll(t *testing.T, c *Contract) {
	t.Helper()
	e := &Engine{origin: origin, genesis: map[string]*Contract{c.name: c}, members: map[string][]string{"key": {memberRole}}, quorum: 1}
	for _, name := range sortedKeys(c.actions) {
		for _, status := range append([]string{none}, c.statuses...) {
			for _, fields := range []string{`{}`, `{"late":true,"occurred_at":1}`} {
				view := &world{state: map[string]json.RawMessage{}}
				r := &ledger.Record{UnverifiedRecord: ledger.UnverifiedRecord{Statement: ledger.Statement{Action: name, Contract: c.name,
					Ledger: origin, Version: c.version, Seq: 1, Item: "item", At: now, By: []string{"key"}, Fields: json.RawMessage(fields)}}}
				if status != none {
					value, err := (&Item{Authors: []string{}, Status: status, Version: c.version}).appendJSON(nil)
					if err != nil {
						t.Fatal(err)
					}
					view.state[c.name+"\x00item"] = value
				}
				if changes, refusal, err := e.Block(view, now, 1).Apply(r); err != nil || (refusal == nil) == (len(changes) == 0) {
					t.Errorf("%s from %s: %d changes, refusal %v, error %v", name, status, len(changes), refusal, err)
				}
			}
		}
	}
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
