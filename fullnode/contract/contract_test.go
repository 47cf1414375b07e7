package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
)

const (
	origin = "harbour.example/1f0a9c3b55d20e77"
	now    = 1763848800000

	maxText = 4096
)

// world is a state and the engine on it.
type world struct {
	t       testing.TB
	engine  *Engine
	state   map[string]json.RawMessage
	broken  error
	signers []note.Signer
	keys    []string
}

func (w *world) Get(space, name string) (json.RawMessage, error) {
	return w.state[space+"\x00"+name], w.broken
}

func newTestWorld(t testing.TB) *world {
	t.Helper()
	engine, err := NewEngine(origin, []ledger.ContractRef{Ref(Find("notes"))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, engine: engine, state: map[string]json.RawMessage{}}
	for _, name := range []string{"ada", "<贝>"} {
		seed := sha256.Sum256([]byte(name))
		skey, vkey, err := note.GenerateKey(bytes.NewReader(seed[:]), name)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		w.signers, w.keys = append(w.signers, signer), append(w.keys, vkey)
	}
	return w
}

func (w *world) deposit() ledger.Statement {
	return ledger.Statement{Ledger: origin, Contract: "notes", Version: 1, Action: "deposit", Seq: 1, At: now,
		After: ledger.Point{Size: 1}, By: w.keys, Fields: json.RawMessage(`{"text":"港口"}`), Evidence: []ledger.Evidence{},
		Nonce: strings.Repeat("0a", 16)}
}

func (w *world) correct(first, last *ledger.Record, seq int64) ledger.Statement {
	s := w.deposit()
	s.Action, s.Item, s.Seq, s.Prev = "correct", first.ID.String(), seq, last.ID.String()
	s.Fields = json.RawMessage(`{"reason":"incorrect_data","text":""}`)
	return s
}

func (w *world) sign(s ledger.Statement) *ledger.Record {
	w.t.Helper()
	var signers []note.Signer
	for _, key := range s.By {
		for i := range w.keys {
			if w.keys[i] == key {
				signers = append(signers, w.signers[i])
			}
		}
	}
	r, err := s.Sign(signers...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// try applies a record and returns the rule that refused it.
func (w *world) try(r *ledger.Record, height ledger.Height) string {
	w.t.Helper()
	changes, refusal, err := w.engine.Block(w, now, height).Apply(r)
	if err != nil {
		w.t.Fatal(err)
	}
	if refusal != nil {
		if refusal.En == "" || refusal.Zh == "" || len(changes) > 0 {
			w.t.Errorf("refusal %+v with %d changes", refusal, len(changes))
		}
		return refusal.Rule
	}
	for _, c := range changes {
		w.state[c.Space+"\x00"+c.Name] = c.Value
	}
	return ""
}

func files(labels ...string) []ledger.Evidence {
	list := []ledger.Evidence{}
	for _, l := range labels {
		digest := sha256.Sum256([]byte(l))
		list = append(list, ledger.Evidence{CID: ledger.NewCID(ledger.CodecRaw, digest).String(), Mode: ledger.Digest, Name: l,
			SHA256: hex.EncodeToString(digest[:])})
	}
	return list
}

// sealed returns the same files as sealed evidence.
func sealed(labels ...string) []ledger.Evidence {
	list := files(labels...)
	for i := range list {
		list[i].Mode, list[i].Commit, list[i].SHA256 = ledger.Sealed, ledger.Commitment([32]byte{1}, [32]byte{2}).String(), ""
	}
	return list
}

func TestDeposit(t *testing.T) {
	tests := []struct {
		name, rule string
		change     func(s *ledger.Statement)
	}{
		{"good", "", func(s *ledger.Statement) {}},
		{"sealed evidence only", "", func(s *ledger.Statement) { s.Fields, s.Evidence = json.RawMessage(`{"text":""}`), sealed("a", "b") }},
		{"evidence only", "", func(s *ledger.Statement) { s.Fields, s.Evidence = json.RawMessage(`{"text":""}`), files("a", "a") }},
		{"longest text", "", func(s *ledger.Statement) { s.Fields = fieldText(maxText) }},
		{"at the limit of time", "", func(s *ledger.Statement) { s.At = now + MaxAhead }},
		{"from the past", "", func(s *ledger.Statement) { s.At = 0 }},
		{"future-dated", "C4", func(s *ledger.Statement) { s.At = now + MaxAhead + 1 }},
		{"other ledger", "ledger", func(s *ledger.Statement) { s.Ledger = "harbour.example/0000000000000000" }},
		{"unknown contract", "contract", func(s *ledger.Statement) { s.Contract = "copyright" }},
		{"unknown version", "version", func(s *ledger.Statement) { s.Version = 2 }},
		{"unknown action", "action", func(s *ledger.Statement) { s.Action = "burn" }},
		{"own name", "item", func(s *ledger.Statement) { s.Item = "mine" }},
		{"text too long", "text", func(s *ledger.Statement) { s.Fields = fieldText(maxText + 1) }},
		{"nothing", "empty", func(s *ledger.Statement) { s.Fields = json.RawMessage(`{"text":""}`) }},
		{"no text", "fields", func(s *ledger.Statement) { s.Fields = json.RawMessage(`{}`) }},
		{"text of another kind", "fields", func(s *ledger.Statement) { s.Fields = json.RawMessage(`{"text":1}`) }},
		{"member in another case", "fields", func(s *ledger.Statement) { s.Fields = json.RawMessage(`{"Text":"a"}`) }},
		{"unknown member", "fields", func(s *ledger.Statement) { s.Fields = json.RawMessage(`{"text":"a","to":"b"}`) }},
		{"does not begin", "C3", func(s *ledger.Statement) {
			s.Seq, s.Prev, s.Item = 2, strings.Repeat("ab", 32), strings.Repeat("ab", 32)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestWorld(t)
			s := w.deposit()
			tt.change(&s)
			r := w.sign(s)
			if got := w.try(r, 3); got != tt.rule {
				t.Fatalf("rule %q, want %q", got, tt.rule)
			}
			if tt.rule == "" && w.try(r, 4) != Duplicate {
				t.Error("the record was applied twice")
			}
		})
	}
}

func fieldText(characters int) json.RawMessage {
	return json.RawMessage(`{"text":"` + strings.Repeat("港", characters) + `"}`)
}

func TestCorrect(t *testing.T) {
	tests := []struct {
		name, rule, status string
		change             func(w *world, s *ledger.Statement)
	}{
		{"wrong data", "", "corrected", func(*world, *ledger.Statement) {}},
		{"did not occur", "", "withdrawn", func(w *world, s *ledger.Statement) {
			s.Fields = json.RawMessage(`{"reason":"did_not_occur","text":"x"}`)
		}},
		{"new evidence", "", "corrected", func(w *world, s *ledger.Statement) { s.Evidence = files("b") }},
		{"signers in another order", "", "corrected", func(w *world, s *ledger.Statement) { s.By = []string{w.keys[1], w.keys[0]} }},
		{"one signer missing", "signers", "", func(w *world, s *ledger.Statement) { s.By = w.keys[:1] }},
		{"no such reason", "C5", "", func(w *world, s *ledger.Statement) { s.Fields = json.RawMessage(`{"reason":"typo","text":""}`) }},
		{"no reason", "fields", "", func(w *world, s *ledger.Statement) { s.Fields = json.RawMessage(`{"text":"x"}`) }},
		{"seq left out", "C3", "", func(w *world, s *ledger.Statement) { s.Seq = 3 }},
		{"not the last record", "C3", "", func(w *world, s *ledger.Statement) { s.Prev = strings.Repeat("ab", 32) }},
		{"no such item", "C3", "", func(w *world, s *ledger.Statement) { s.Item = strings.Repeat("ab", 32) }},
		{"deposit again", "C2", "", func(w *world, s *ledger.Statement) { s.Action = "deposit" }},
		{"text too long", "text", "", func(w *world, s *ledger.Statement) {
			s.Fields = json.RawMessage(`{"reason":"incorrect_data",` + string(fieldText(maxText + 1)[1:]))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestWorld(t)
			first := w.sign(w.deposit())
			if rule := w.try(first, 3); rule != "" {
				t.Fatal(rule)
			}
			s := w.correct(first, first, 2)
			tt.change(w, &s)
			r := w.sign(s)
			if got := w.try(r, 4); got != tt.rule {
				t.Fatalf("rule %q, want %q", got, tt.rule)
			}
			want := Item{At: now, Authors: w.keys, First: first.ID.String(), Height: 3, Last: first.ID.String(), Seq: 1, Status: "deposited", Version: 1}
			if tt.rule == "" {
				want.Height, want.Last, want.Seq, want.Status = 4, r.ID.String(), 2, tt.status
			}
			text, err := ledger.EncodeCanonical(want)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.state["notes\x00"+first.ID.String()]; !bytes.Equal(got, text) {
				t.Errorf("item is %s, want %s", got, text)
			}
			if tt.status == "withdrawn" {
				if got := w.try(w.sign(w.correct(first, r, 3)), 5); got != "C2" {
					t.Errorf("correcting what did not occur: rule %q, want C2", got)
				}
			}
		})
	}
}

func TestCreateWithoutItem(t *testing.T) {
	w := newTestWorld(t)
	s := w.deposit()
	s.Action, s.Fields = "correct", json.RawMessage(`{"reason":"incorrect_data","text":""}`)
	if got := w.try(w.sign(s), 1); got != "C2" {
		t.Errorf("correcting nothing: rule %q, want C2", got)
	}
}

func TestFirstClaimStays(t *testing.T) {
	w := newTestWorld(t)
	for i, labels := range [][]string{{"a", "b", "a"}, {"b", "c"}, {"a"}} {
		s := w.deposit()
		s.At, s.Evidence = now-int64(i), files(labels...)
		if rule := w.try(w.sign(s), ledger.Height(i+1)); rule != "" {
			t.Fatal(rule)
		}
	}
	for label, want := range map[string]int64{"a": 1, "b": 1, "c": 2} {
		digest := sha256.Sum256([]byte(label))
		var claim Claim
		if err := json.Unmarshal(w.state[DigestSpace+"\x00"+string(digest[:])], &claim); err != nil || claim.Height != want {
			t.Errorf("%s is claimed at %d, %v, want %d", label, claim.Height, err, want)
		}
	}
}

// TestSealedClaimsNothing holds that a sealed file leaves no digest in the state, and does not disturb those of others.
func TestSealedClaimsNothing(t *testing.T) {
	w := newTestWorld(t)
	s := w.deposit()
	s.Evidence = append(sealed("a"), files("b")...)
	if rule := w.try(w.sign(s), 1); rule != "" {
		t.Fatal(rule)
	}
	claims := 0
	for name := range w.state {
		if strings.HasPrefix(name, DigestSpace+"\x00") {
			claims++
		}
	}
	if claims != 1 {
		t.Errorf("%d claims, want only the open file's", claims)
	}
}

func TestStoreErrorIsNoRefusal(t *testing.T) {
	w := newTestWorld(t)
	w.broken = errors.New("disk")
	if _, refusal, err := w.engine.Block(w, now, 1).Apply(w.sign(w.deposit())); !errors.Is(err, w.broken) || refusal != nil {
		t.Errorf("got %v, %v", refusal, err)
	}
}

func TestDefinitionNamesEveryRule(t *testing.T) {
	for _, want := range []string{"deposit", "correct", "deposited", "corrected", "withdrawn", "did_not_occur", "incorrect_data", "C5", "signers", "item", "empty", fmt.Sprint(maxText)} {
		if !bytes.Contains(Find("notes").Definition(), []byte(want)) {
			t.Errorf("the definition does not mention %s", want)
		}
	}
	if _, err := NewEngine(origin, []ledger.ContractRef{{Name: "notes", Version: 1}}, nil); err == nil {
		t.Error("a contract with another digest is accepted")
	}
}
