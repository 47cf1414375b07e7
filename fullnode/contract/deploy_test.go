package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"evident/lightclient/ledger"
)

const ticketOne = `
name: tickets
version: 1
title: {en: Tickets, zh: 票}
item: {en: A ticket, zh: 票}
statuses: {valid: {en: Valid, zh: 有效}, used: {en: Used, zh: 已用}, recalled: {en: Recalled, zh: 召回}}
state:
  seat: {type: string, en: Seat, zh: 座位}
  price: {type: integer, en: Price, zh: 价格}
  from: {type: array, maxItems: 4, items: {type: string}, en: From, zh: 来源}
parents: from
actions:
  issue:
    title: {en: Issue, zh: 出票}
    from: [none]
    to: valid
    signers: anyone
    input:
      required: [seat]
      properties:
        seat: {type: string, en: Seat, zh: 座位}
        from: {type: array, maxItems: 4, items: {type: string}, en: From, zh: 来源}
    set: {seat: input.seat, price: "5", from: input.from}
  use: {title: {en: Use, zh: 使用}, from: [valid], to: used, signers: anyone}
  recall:
    title: {en: Recall, zh: 召回}
    from: [valid, used]
    to: recalled
    signers: anyone
    touches:
      - {id: all, names: item.from, to: recalled}
`

// ticketTwo calls a used ticket spent, keeps no price, and cannot recall.
const ticketTwo = `
name: tickets
version: 2
title: {en: Tickets, zh: 票}
item: {en: A ticket, zh: 票}
statuses: {valid: {en: Valid, zh: 有效}, spent: {en: Spent, zh: 已用}}
state:
  seat: {type: string, en: Seat, zh: 座位}
  class: {type: integer, en: Class, zh: 等级}
actions:
  issue:
    title: {en: Issue, zh: 出票}
    from: [none]
    to: valid
    signers: anyone
    input: {required: [seat], properties: {seat: {type: string, en: Seat, zh: 座位}}}
    set: {seat: input.seat, class: "1"}
  use: {title: {en: Use, zh: 使用}, from: [valid], to: spent, signers: anyone}
  migrate:
    title: {en: Migrate, zh: 迁移}
    migrates: 1
    from: [valid, used]
    to:
      - {status: spent, when: item.status == "used"}
      - {status: valid}
    signers: anyone
    set: {class: "2"}
`

// raw is a text of a step in which nothing stands for anything else.
type raw string

// deploy lays a definition down and has the named members agree to it.
func (s *stage) deploy(definition string, refuse string, by ...string) {
	s.t.Helper()
	c, err := Load("test.yaml", []byte(definition))
	if err != nil {
		s.t.Fatal(err)
	}
	var parts []any
	for i, text := range Split(c.Definition()) {
		part := fmt.Sprintf("part%d", i)
		s.play(s.contract, i, step{Do: "text", As: part, By: by[:1], Fields: map[string]any{"text": raw(text)}})
		parts = append(parts, "$"+part)
	}
	digest := Digest(c)
	s.play(s.contract, -1, step{Do: "deploy", Item: c.Name(), By: by, Refuse: refuse, Fields: map[string]any{
		"version": c.Version(), "digest": fmt.Sprintf("%x", digest[:]), "parts": parts}})
}

var all = []string{"member", "court", "regulator"}

// A contract is in force from the block after a quorum agreed; items stay under the version they began with until they
// are migrated, and then are under the new one alone.
func TestVersionsSideBySide(t *testing.T) {
	s := newTestStage(t, Contracts)
	tickets := &Contract{name: "tickets"} // the name is all that playing a step needs
	issue := func(as string, under int64, refuse string) step {
		return step{Do: "issue", As: as, Under: under, By: []string{"ada"}, Refuse: refuse, Fields: map[string]any{"seat": as}}
	}
	s.play(tickets, 1, issue("early", 1, "contract"))
	s.deploy(ticketOne, "", all...)
	s.height-- // the very block that deployed it
	s.play(tickets, 2, issue("early", 1, "contract"))
	s.play(tickets, 3, issue("a", 1, ""))
	s.play(tickets, 4, issue("b", 1, ""))
	s.play(tickets, 5, issue("c", 2, "version"))
	s.deploy(ticketTwo, "", all...)

	steps := []step{
		issue("d", 1, "version"), issue("d", 2, ""),
		{Do: "use", Item: "$a", Under: 2, By: []string{"ada"}, Refuse: "version"},
		{Do: "use", Item: "$a", Under: 1, By: []string{"ada"}, Want: "used"},
		{Do: "use", Item: "$d", Under: 1, By: []string{"ada"}, Refuse: "version"},
		{Do: "use", Item: "$d", Under: 2, By: []string{"ada"}, Want: "spent"},
		{Do: "migrate", Item: "$d", Under: 2, By: []string{"ada"}, Refuse: "C2"},
		{Do: "migrate", Item: "$a", Under: 1, By: []string{"ada"}, Refuse: "action"},
		{Do: "migrate", Item: "$a", Under: 2, By: []string{"ada"}, Want: "spent", State: map[string]any{"class": 2, "price": nil, "seat": "a"}},
		{Do: "migrate", Item: "$a", Under: 2, By: []string{"ada"}, Refuse: "C2"},
		{Do: "use", Item: "$a", Under: 1, By: []string{"ada"}, Refuse: "version"},
		{Do: "migrate", Item: "$b", Under: 2, By: []string{"ada"}, Want: "valid"},
		{Do: "use", Item: "$b", Under: 2, By: []string{"ada"}, Want: "spent"},
	}
	for i, one := range steps {
		s.play(tickets, 10+i, one)
	}
	if a := s.itemState("tickets", s.names["a"]); a.Version != 2 || a.Seq != 3 {
		t.Errorf("a migrated item has version %d and seq %d", a.Version, a.Seq)
	}
	versions, err := s.engine.Block(s, s.clock, s.height).All()
	if err != nil || fmt.Sprint(len(versions)) != fmt.Sprint(len(Library())+2) {
		t.Errorf("%d contracts are in force, %v", len(versions), err)
	}
}

// A record under one version does not leave an item of another in a status that it does not have.
func TestTouchAcrossVersions(t *testing.T) {
	s := newTestStage(t, Contracts)
	tickets := &Contract{name: "tickets"}
	s.deploy(ticketOne, "", all...)
	s.play(tickets, 1, step{Do: "issue", As: "a", By: []string{"ada"}, Fields: map[string]any{"seat": "a"}})
	s.play(tickets, 2, step{Do: "issue", As: "b", By: []string{"ada"}, Fields: map[string]any{"seat": "b", "from": []any{"$a"}}})
	s.deploy(ticketTwo, "", all...)
	s.play(tickets, 3, step{Do: "migrate", Item: "$a", Under: 2, By: []string{"ada"}, Want: "valid"})
	s.play(tickets, 4, step{Do: "recall", Item: "$b", By: []string{"ada"}, Refuse: "version"})
}

// What a new version must not do, and what the members cannot deploy.
func TestRefusedDefinitions(t *testing.T) {
	three := strings.NewReplacer("version: 2", "version: 3", "migrates: 1", "migrates: 2", "[valid, used]", "[valid, spent]", `== "used"`, `== "spent"`).Replace(ticketTwo)
	tests := []struct{ name, definition, want string }{
		{"the next version", three, ""},
		{"an old version", ticketOne, "version 1 is in force already"},
		{"the same version", ticketTwo, "version 2 is in force already"},
		{"a field of another type", strings.NewReplacer("class: {type: integer", "class: {type: string", `class: "1"`, "class: input.seat", `class: "2"`, "class: item.seat").Replace(three),
			`field "class" has another type, or is shorter, than in version 2`},
		{"another type than two versions ago", strings.Replace(three, "class: {type: integer", "price: {type: string, en: x, zh: x}\n  class: {type: integer", 1), `field "price" has another type, or is shorter, than in version 1`},
		{"a migration from a status that was not", strings.Replace(three, "[valid, spent]", "[valid, used]", 1), `starts from "used", which is no status of version 2`},
		{"a migration from a version that was not", strings.NewReplacer("version: 3", "version: 9", "migrates: 2", "migrates: 5").Replace(three), "version 5, which is not in force"},
		{"a field that becomes shorter", strings.Replace(three, "seat: {type: string,", "seat: {type: string, maxLength: 4,", 1), `field "seat" has another type, or is shorter, than in version 1`},
		{"the place of the digests", strings.Replace(ticketOne, "name: tickets", "name: digest", 1), "the ledger keeps digests there"},
		{"the contract that deploys", strings.Replace(ticketOne, "name: tickets", "name: contracts", 1), "is part of the program"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestStage(t, Contracts)
			s.deploy(ticketOne, "", all...)
			s.deploy(ticketTwo, "", all...)
			block := s.engine.Block(s, s.clock, s.height+1)
			c, err := Load("test.yaml", []byte(tt.definition))
			if err == nil {
				var before []InForce
				if before, err = block.Versions(c.Name()); err != nil {
					t.Fatal(err)
				}
				err = c.Follows(before)
			}
			if got := fmt.Sprint(err); err == nil && tt.want != "" || !strings.Contains(got, tt.want) || err != nil && tt.want == "" {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// The canonical definition of every contract of the library is itself a definition, the same one, and fits the records
// that carry it.
func TestLibraryCanBeDeployed(t *testing.T) {
	for _, c := range Library() {
		again, err := compile(c.Definition(), Digest(c))
		if err != nil {
			t.Errorf("%s: %v", c.Name(), err)
			continue
		}
		if Digest(again) != Digest(c) {
			t.Errorf("%s: the canonical definition has another digest", c.Name())
		}
		parts := Split(c.Definition())
		if strings.Join(parts, "") != string(c.Definition()) || len(parts) > 16 {
			t.Errorf("%s: split into %d parts", c.Name(), len(parts))
		}
		for _, part := range parts {
			text, err := ledger.EncodeCanonical(part)
			if err != nil || len(text) > ledger.MaxRecordSize-4096 {
				t.Errorf("%s: a part has %d bytes, %v", c.Name(), len(text), err)
			}
		}
	}
	if got := strings.Join(Split([]byte(strings.Repeat("港", 10_000))), ""); got != strings.Repeat("港", 10_000) {
		t.Error("a split text is not the text")
	}
}

// A definition in force that does not compile stops the engine: nothing is refused or accepted any more.
func TestCannotRun(t *testing.T) {
	s := newTestStage(t, Contracts)
	s.deploy(ticketOne, "", all...)
	for name, value := range s.state {
		s.state[name] = json.RawMessage(strings.Replace(string(value), `\"version\":1`, `\"version\":1,\"newer\":1`, 1))
	}
	tickets := &Contract{name: "tickets"}
	r := s.make(tickets, step{Do: "issue", By: []string{"ada"}, Fields: map[string]any{"seat": "1"}})
	other, err := NewEngine(origin, []ledger.ContractRef{Ref(Find(Contracts))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, refusal, err := other.Block(s, s.clock, s.height+1).Apply(r); !errors.Is(err, ErrCannotRun) || refusal != nil {
		t.Errorf("got refusal %v, error %v", refusal, err)
	}
	if _, err := NewEngine(origin, []ledger.ContractRef{{Name: "notes", Version: 2}}, nil); !errors.Is(err, ErrCannotRun) {
		t.Errorf("a genesis with another definition: %v", err)
	}
}
