package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLibraryLoads(t *testing.T) {
	names, err := filepath.Glob("library/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) == commonFile {
			continue
		}
		c, err := Load(name, text)
		if err != nil {
			t.Error(err)
			continue
		}
		t.Logf("%s: %d bytes of definition, %d rules", c.Name(), len(c.Definition()), len(c.Rules()))
	}
}

const small = `name: small
version: 1
title: {en: Small, zh: 小}
item: {en: A thing, zh: 物}
roles:
  clerk: {en: Clerk, zh: 职员}
statuses:
  open: {en: Open, zh: 开}
types:
  part:
    properties:
      size: {type: integer, en: Size, zh: 大小}
state:
  count: {type: integer, en: Count, zh: 数}
  parts: {type: array, maxItems: 4, items: {$ref: part}, en: Parts, zh: 件}
actions:
  begin:
    title: {en: Begin, zh: 开始}
    from: [none]
    to: open
    signers: {expr: 'ledger.signed("clerk")', en: a clerk signs, zh: 须职员签署}
    input:
      required: [parts]
      properties:
        parts: {type: array, maxItems: 4, items: {$ref: part}, en: Parts, zh: 件}
    rules:
      - {id: few, expr: size(input.parts) > 0, en: no parts, zh: 无件}
    set:
      count: sum(input.parts.map(p, p.size))
      parts: input.parts
`

// TestProblems changes one thing in a good definition, and wants one problem with its line.
func TestProblems(t *testing.T) {
	if _, err := Load("small.yaml", []byte(small)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, new, want string }{
		{"not YAML", "name: small", "name: [", "small.yaml:2: did not find"},
		{"alias", "version: 1", "version: &a 1", ":2: anchors and aliases"},
		{"float", "version: 1", "version: 1.5", ":2: \"1.5\" is neither"},
		{"null", "version: 1", "version:", "is neither a text"},
		{"twice", "version: 1", "version: 1\nversion: 2", ":3: \"version\" stands twice"},
		{"hexadecimal", "version: 1", "version: 0x1", ":2: \"0x1\" is not a whole number"},
		{"no version", "version: 1\n", "", "\"version\" is missing"},
		{"name", "name: small", "name: Small", "a word as its name"},
		{"unknown member", "version: 1", "version: 1\nowner: me", ":3: \"owner\" is not known here"},
		{"unknown format", "{type: integer, en: Count, zh: 数}", "{type: integer, format: key, en: Count, zh: 数}", ":14: the format of type integer is one of time"},
		{"no Chinese", "{en: Begin, zh: 开始}", "{en: Begin}", ":18: \"zh\" is missing"},
		{"no English in a rule", "en: no parts, ", "", ":27: \"en\" is missing"},
		{"empty message", "en: no parts", `en: ""`, ":27: want a text"},
		{"no label", "  count: {type: integer, en: Count, zh: 数}", "  count: {type: integer, zh: 数}", ":14: \"count\" has no label in en"},
		{"unknown status in from", "from: [none]", "from: [none, shut]", ":19: status \"shut\" is not declared"},
		{"unknown status in to", "to: open", "to: shut", ":20: status \"shut\" is not declared"},
		{"unknown status in a rule", "size(input.parts) > 0", `item.status != "shut"`, ":27: status \"shut\" is not declared"},
		{"unknown status in a list", "size(input.parts) > 0", `'!(item.status in ["open", "shut"])'`, ":27: status \"shut\" is not declared"},
		{"unreachable status", "  open: {en: Open, zh: 开}", "  open: {en: Open, zh: 开}\n  shut: {en: Shut, zh: 关}", "status \"shut\" can never be reached"},
		{"unreachable action", "from: [none]", "from: [open]", "action \"begin\" can never be done"},
		{"no status", "    to: open\n", "", "gives it no status"},
		{"unknown role", `signed("clerk")`, `signed("boss")`, ":21: role \"boss\" is not declared"},
		{"computed role", `signed("clerk")`, `signed(record.id)`, ":21: a role is named by a literal"},
		{"unknown variable", "size(input.parts) > 0", "size(inputs.parts) > 0", ":27: undeclared reference"},
		{"unknown field", "size(input.parts) > 0", "size(input.pieces) > 0", ":27: undefined field 'pieces'"},
		{"unknown field of a part", "p.size)", "p.weight)", ":29: undefined field 'weight'"},
		{"not a truth", "size(input.parts) > 0", "size(input.parts)", ":27: it is a int, want a bool"},
		{"other type", "count: sum", "count: string", ":29: undeclared reference to 'string'"},
		{"wrong type of a field", "parts: input.parts", "parts: record.by", ":30: it is a list(string)"},
		{"unknown field to set", "count: sum", "total: sum", ":29: the state has no field \"total\""},
		{"own member to set", "parts: input.parts", "seq: item.seq", ":30: the state has no field \"seq\""},
		{"reserved field", "  count: {type", "  seq: {type", "every item has \"seq\" already"},
		{"double", "size(input.parts) > 0", "1.5 < 2.0", ":27:"},
		{"double hidden", "size(input.parts) > 0", "'[1.5] == [1.5]'", ":27: a literal is a whole number"},
		{"bytes", "size(input.parts) > 0", `b"a" == b"a"`, ":27: a literal is"},
		{"null literal", "size(input.parts) > 0", "null == null", ":27: a literal is"},
		{"map", "size(input.parts) > 0", `'{"a": 1} == {"a": 1}'`, ":27: maps have no order"},
		{"clock", "size(input.parts) > 0", `timestamp("2025-01-01T00:00:00Z") == timestamp("2025-01-01T00:00:00Z")`, "undeclared reference to 'timestamp'"},
		{"division", "size(input.parts) > 0", "height / 2 > 0", ":27: undeclared reference to '_/_'"},
		{"regular expression", "size(input.parts) > 0", `record.id.matches("a*")`, "undeclared reference to 'matches'"},
		{"loop over an object", "size(input.parts) > 0", "input.parts.all(p, p.all(q, true))", ":27: "},
		{"too long", "size(input.parts) > 0", "size(input.parts) > 0" + strings.Repeat(" || true", 300), ":27: "},
		{"too deep", "size(input.parts) > 0", strings.Repeat("(", 60) + "true" + strings.Repeat(")", 60), ":27: "},
		{"syntax", "size(input.parts) > 0", "size(input.parts >", ":27: Syntax error"},
		{"rule twice", "    set:", "      - {id: few, expr: 'true', en: x, zh: x}\n    set:", ":28: rule \"few\" stands twice"},
		{"unknown type", "items: {$ref: part}, en: Parts, zh: 件}\nactions", "items: {$ref: piece}, en: Parts, zh: 件}\nactions", ":15: type \"piece\" is not declared"},
		{"recursive type", "      size: {type: integer", "      inner: {$ref: part, en: x, zh: x}\n      size: {type: integer", ":12: type \"part\" is not declared before"},
		{"type with a used name", "  part:", "  item:", "\"item\" is not a name for a type"},
		{"number", "      size: {type: integer", "      size: {type: number", ":12: type is integer"},
		{"unknown keyword", "      size: {type: integer", "      size: {type: integer, multipleOf: 2", ":12: \"multipleOf\" is not known here"},
		{"list without limit", "maxItems: 4, items: {$ref: part}, en: Parts, zh: 件}\n    rules", "items: {$ref: part}, en: Parts, zh: 件}\n    rules", ":25: maxItems is 0 to 256"},
		{"required and unknown", "required: [parts]", "required: [pieces]", ":23: \"pieces\" is required"},
		{"bad pattern", "      size: {type: integer", "      name: {type: string, pattern: '(', en: x, zh: x}\n      size: {type: integer", "no JSON Schema"},
		{"parents", "actions:", "parents: count\nactions:", "parents is a field that lists"},
		{"outcomes", "to: open", "to: [{status: open, when: 'true'}]", "every outcome but the last"},
		{"event without state", "      properties:\n        parts", "      properties:\n        occurred_at: {type: integer, en: x, zh: x}\n        parts", "an input with occurred_at has late too"},
		{"include", "version: 1", "version: 1\ninclude: other", "only common can be included"},
		{"common", "version: 1", "version: 1\ninclude: common", ""},
		{"clash with common", "state:", "include: common\nstate:\n  held: {type: string, en: x, zh: x}", ":15: \"held\" comes with include: common"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(small, tt.old) {
				t.Fatalf("nothing to change: %s", tt.old)
			}
			_, err := Load("small.yaml", []byte(strings.Replace(small, tt.old, tt.new, 1)))
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("problems %v\nwant %s", err, tt.want)
			}
		})
	}
}
