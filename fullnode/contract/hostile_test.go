package contract

import (
	"fmt"
	"strings"
	"testing"
)

// A definition that a quorum could agree to by mistake: what it makes of the state can be held and read again, or is
// refused; nothing panics.
const hostile = `
name: hostile
version: 1
title: {en: Hostile, zh: 恶意}
item: {en: An item, zh: 事项}
roles: {court: {en: Court, zh: 法院}}
statuses: {open: {en: Open, zh: 开}}
types:
  small: {properties: {a: {type: string, en: a, zh: a}}}
  other: {properties: {b: {type: string, en: b, zh: b}}}
state:
  from: {type: array, maxItems: 4, items: {type: string}, en: From, zh: 来源}
  list: {type: array, maxItems: 4, items: {$ref: small}, en: List, zh: 列表}
  held: {type: string, format: record, en: Held by record, zh: 冻结记录}
parents: from
actions:
  begin:
    title: {en: Begin, zh: 开始}
    from: [none]
    to: open
    signers: anyone
  hold: {title: {en: Hold, zh: 冻结}, from: [open], while_held: true, signers: anyone, set: {held: record.id}}
  parents: {title: {en: x, zh: x}, from: [open], signers: anyone, set: {from: '["a", 1]'}}
  objects: {title: {en: x, zh: x}, from: [open], signers: anyone, set: {list: '[small{a: "x"}, other{b: "x"}]'}}
  names: {title: {en: x, zh: x}, from: [open], signers: anyone, touches: [{id: t, names: '["a", 1]', to: open}]}
  ancestors:
    {title: {en: x, zh: x}, from: [open], signers: anyone, rules: [{id: r, expr: 'ledger.ancestors(["a", 1]).all(a, true)', en: x, zh: x}]}
  touch:
    title: {en: x, zh: x}
    from: [open]
    signers: anyone
    input: {required: [item], properties: {item: {type: string, en: Item, zh: 事项}}}
    touches: [{id: t, names: '[input.item]', to: open}]
  touch_held:
    title: {en: x, zh: x}
    from: [open]
    while_held: true
    signers: anyone
    input: {required: [item], properties: {item: {type: string, en: Item, zh: 事项}}}
    touches: [{id: t, names: '[input.item]', to: open}]
`

func TestHostileDefinition(t *testing.T) {
	s := newTestStage(t, Contracts)
	s.deploy(hostile, "", all...)
	c := &Contract{name: "hostile"}
	for i, one := range []step{
		{Do: "begin", As: "a"},
		{Do: "begin", As: "b"},
		{Do: "parents", Item: "$a", Refuse: "limit"},
		{Do: "objects", Item: "$a", Refuse: "limit"},
		{Do: "names", Item: "$a", Refuse: "limit"},
		{Do: "ancestors", Item: "$a", Refuse: "r"},
		{Do: "touch", Item: "$a", Fields: map[string]any{"item": "$b"}},
		{Do: "hold", Item: "$b"},
		{Do: "touch", Item: "$a", Fields: map[string]any{"item": "$b"}, Refuse: "C6"}, // rule C6: a hold blocks what others do to the item too
		{Do: "touch_held", Item: "$a", Fields: map[string]any{"item": "$b"}},
	} {
		one.By = []string{"ada"}
		s.play(c, i, one)
	}
}

// What differs between machines or programs, or has no bound, is no definition.
func TestUnboundedDefinitions(t *testing.T) {
	nested := &strings.Builder{}
	for i := range 12 {
		fmt.Fprintf(nested, "  t%d: {properties: {a: {$ref: %s, en: a, zh: a}}}\n", i+1, fmt.Sprint("t", i))
	}
	rules := strings.Repeat("{id: r%d, expr: 'true', en: x, zh: x}, ", 200)
	var ids []any
	for i := range 200 {
		ids = append(ids, i)
	}
	const state = "  seat: {type: string, en: Seat, zh: 座位}\n"
	tests := []struct{ name, old, new, want string }{
		{"a state deeper than canonical JSON", "state:\n", "types:\n  t0: {properties: {a: {type: string, en: a, zh: a}}}\n" + nested.String() + "state:\n  deep: {$ref: t12, en: x, zh: x}\n",
			"nested deeper"},
		{"letters by a version of Unicode", state, `  seat: {type: string, pattern: '^\p{L}+$', en: Seat, zh: 座位}` + "\n", "pattern"},
		{"letters without case", state, `  seat: {type: string, pattern: '(?i)^k$', en: Seat, zh: 座位}` + "\n", "pattern"},
		{"a pattern that takes memory", state, `  seat: {type: string, pattern: '((a{30}){30}){1}b{900}c{900}d{900}e{900}f{900}g{900}', en: Seat, zh: 座位}` + "\n", "pattern"},
		{"a length that 32 bits do not hold", state, "  seat: {type: string, maxLength: 4294967296, en: Seat, zh: 座位}\n", "maxLength"},
		{"a least length that 32 bits do not hold", state, "  seat: {type: string, minLength: 4294967296, en: Seat, zh: 座位}\n", "minLength"},
		{"more rules than a record can be held to", "    set: {seat: input.seat", "    rules: [" + strings.TrimSuffix(fmt.Sprintf(rules, ids...), ", ") + "]\n    set: {seat: input.seat", "at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(ticketOne, tt.old, tt.new, 1)
			if text == ticketOne {
				t.Fatal("the definition is not changed")
			}
			if _, err := Load("test.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Types that contain each other many times are compared once.
func TestFollowsIsBounded(t *testing.T) {
	var types strings.Builder
	types.WriteString("types:\n  t0: {properties: {a: {type: string, en: a, zh: a}}}\n")
	for i := range 4 {
		fmt.Fprintf(&types, "  t%d:\n    properties:\n", i+1)
		for field := range 100 {
			fmt.Fprintf(&types, "      f%d: {$ref: t%d, en: a, zh: a}\n", field, i)
		}
	}
	one := strings.Replace(ticketOne, "state:\n", types.String()+"state:\n  deep: {$ref: t4, en: x, zh: x}\n", 1)
	load := func(text string) *Contract {
		c, err := Load("test.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := load(strings.Replace(one, "version: 1", "version: 2", 1)).Follows([]InForce{{load(one), 1}}); err != nil {
		t.Error(err)
	}
}
