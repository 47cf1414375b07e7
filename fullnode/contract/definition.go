package contract

import (
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"evident/lightclient/ledger"
)

// Contract is the rules for one kind of record, compiled from a definition. It never changes.
type Contract struct {
	name       string
	version    int64
	definition []byte
	parents    string // the field that names an item's parents, or ""
	fields     map[string]*shape
	actions    map[string]*action
	statuses   []string
}

// Name returns the name under which records and the genesis call the contract.
func (c *Contract) Name() string { return c.name }

// Version returns the version of the definition.
func (c *Contract) Version() int64 { return c.version }

// Definition is the text that the members agree to, in canonical JSON: its digest stands in the genesis file.
func (c *Contract) Definition() []byte { return c.definition }

// Statuses returns every status that an item may have.
func (c *Contract) Statuses() []string { return slices.Clone(c.statuses) }

// Rules returns the ids of the rules that only this contract has, each as action.id.
func (c *Contract) Rules() []string {
	var ids []string
	for _, name := range sortedKeys(c.actions) {
		a := c.actions[name]
		if a.signers != nil {
			ids = append(ids, name+".C1")
		}
		for _, r := range a.rules {
			ids = append(ids, name+"."+r.id)
		}
		for _, t := range a.touches {
			if t.rule != nil {
				ids = append(ids, name+"."+t.id)
			}
		}
	}
	return ids
}

// has tells whether an item under this contract may have the status.
func (c *Contract) has(status string) bool { return slices.Contains(c.statuses, status) }

type action struct {
	migrates  int64 // version of the contract whose items it moves to this one, or 0
	from      map[string]bool
	to        []outcome // none: the status stays
	whileHeld bool
	input     *shape
	schema    *jsonschema.Schema
	occurs    bool // the input says when it happened (rule C4)
	signers   *rule
	rules     []rule
	set       []assignment
	touches   []touch
}

// rule is a condition and what a person is told if it does not hold.
type rule struct {
	id, en, zh string
	condition  *expression
}

type outcome struct {
	status string
	when   *expression // nil: always
}

type assignment struct {
	field string
	value *expression
}

// touch reads and changes other items of the contract in the same step.
type touch struct {
	id    string
	rule  *rule // nil: always
	names *expression
	to    string // "": the status stays
	set   []assignment
}

// loader compiles one definition.
type loader struct {
	source
	roles, statuses map[string]bool
	version         int64
	objects         map[string]*shape
	defs            map[string]any
	env             *cel.Env
	actionNodes     map[string]*yaml.Node
	input           *shape // of the action at hand
	migrating       bool   // the action at hand moves items from an older version
}

// Load compiles a definition. The error lists every problem that was found, each with the file's name and the line.
func Load(file string, text []byte) (*Contract, error) {
	d := &loader{source: source{file: file, included: map[*yaml.Node]string{}}, roles: map[string]bool{},
		statuses: map[string]bool{}, objects: map[string]*shape{}, defs: map[string]any{}}
	root, err := d.parse(text)
	if err != nil {
		return nil, err
	}
	if err := d.include(root); err != nil {
		return nil, err
	}
	c := d.contract(root)
	if err := d.err(); err != nil {
		return nil, err
	}
	definition := d.value(root).(map[string]any)
	delete(definition, "include") // what it includes is part of the definition
	if c.definition, err = ledger.EncodeCanonical(definition); err != nil {
		return nil, fmt.Errorf("%s:1: %w", file, err)
	}
	return c, nil
}

var topNames = []string{"name", "version", "title", "item", "statuses", "actions"}

func (d *loader) contract(root *yaml.Node) *Contract {
	m := d.object(root, topNames, []string{"roles", "types", "state", "parents", "include"})
	c := &Contract{name: d.text(m["name"]), actions: map[string]*action{}}
	if m["version"] != nil {
		d.version = d.whole(m["version"])
	}
	c.version = d.version
	if !isWord(c.name) || c.version < 1 || c.version > ledger.MaxLogSize {
		d.fail(root, "a contract has a word as its name, and a version from 1")
	}
	d.message(m["title"])
	d.message(m["item"])
	d.words(m["roles"], d.roles)
	d.words(m["statuses"], d.statuses)
	c.statuses = sortedKeys(d.statuses)
	if d.statuses[none] {
		d.fail(m["statuses"], "none is the status of an item that does not exist")
	}
	d.types(m["types"])
	d.state(m["state"])
	c.fields = d.ownFields()
	c.parents = d.parents(m["parents"])
	var err error
	if d.env, err = newEnv(c.name, &provider{d.objects}); err != nil {
		d.fail(root, "make the environment: %v", err)
		return c
	}
	d.actionNodes = d.members(m["actions"])
	for _, name := range sortedKeys(d.actionNodes) {
		if !isWord(name) {
			d.fail(d.actionNodes[name], "%q is not a name: a-z, 0-9 and _", name)
		}
		c.actions[name] = d.action(name, d.actionNodes[name])
	}
	if len(d.problems) == 0 {
		d.checkReach(c, root)
	}
	return c
}

// words reads declared words with their names in both languages.
func (d *loader) words(n *yaml.Node, into map[string]bool) {
	members := d.members(n)
	for _, word := range sortedKeys(members) {
		if !isWord(word) {
			d.fail(members[word], "%q is not a word: a-z, 0-9 and _", word)
		}
		d.message(members[word])
		into[word] = true
	}
}

// reserved names mean something else in expressions.
var reserved = []string{"item", "record", "evidence", "ledger", "input", "touched", "time", "height"}

// types reads the named objects, in the order of the text: a type may use those above it, so none contains itself.
func (d *loader) types(n *yaml.Node) {
	if n == nil {
		return
	}
	members := d.members(n)
	for i := 0; i+1 < len(n.Content) && len(members) > 0; i += 2 {
		name := n.Content[i].Value
		if !isWord(name) || slices.Contains(reserved, name) {
			d.fail(n.Content[i], "%q is not a name for a type", name)
		}
		d.objects[name], d.defs[name] = d.namedType(name, n.Content[i+1])
	}
}

func (d *loader) namedType(name string, n *yaml.Node) (*shape, any) {
	s, schema := d.objectShape(name, n)
	return s, schema
}

// state reads the fields that the contract keeps of an item.
func (d *loader) state(n *yaml.Node) {
	fields := d.fieldShapes(n)
	own := itemMembers()
	members := d.members(n)
	for _, field := range sortedKeys(fields) {
		if own[field] != nil {
			d.fail(members[field], "every item has %q already", field)
		}
		own[field] = fields[field]
	}
	d.objects["item"] = &shape{kind: types.StructKind, name: "item", fields: own}
	d.objects["record"], d.objects["evidence"] = recordShape, evidenceShape
}

// ownFields are those of the state that only this contract has.
func (d *loader) ownFields() map[string]*shape {
	fields := maps.Clone(d.objects["item"].fields)
	for name := range itemMembers() {
		delete(fields, name)
	}
	return fields
}

func (d *loader) parents(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	field := d.objects["item"].fields[d.text(n)]
	if field == nil || field.kind != types.ListKind || field.elem.kind != types.StringKind {
		d.fail(n, "parents is a field that lists names of items")
	}
	return n.Value
}

// checkReach refuses actions that can never be done and statuses that no item can have.
func (d *loader) checkReach(c *Contract, root *yaml.Node) {
	reached, done := map[string]bool{none: true}, map[string]bool{}
	for grown := true; grown; {
		grown = false
		for name, a := range c.actions {
			if done[name] || a.migrates == 0 && !slices.ContainsFunc(sortedKeys(a.from), func(s string) bool { return reached[s] }) {
				continue
			}
			done[name], grown = true, true
			for _, o := range a.to {
				reached[o.status] = true
			}
			for _, t := range a.touches {
				reached[t.to] = true
			}
		}
	}
	for _, name := range sortedKeys(c.actions) {
		if !done[name] {
			d.fail(d.actionNodes[name], "action %q can never be done", name)
		}
		if c.actions[name].migrates == 0 && c.actions[name].from[none] && len(c.actions[name].to) == 0 {
			d.fail(d.actionNodes[name], "action %q begins an item and gives it no status", name)
		}
	}
	for _, status := range c.statuses {
		if !reached[status] {
			d.fail(root, "status %q can never be reached", status)
		}
	}
}
