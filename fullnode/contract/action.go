package contract

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"go.yaml.in/yaml/v3"
)

// maxClauses bounds what is computed for one record.
const maxClauses = 64

func (d *loader) action(name string, n *yaml.Node) *action {
	m := d.object(n, []string{"title", "from", "signers"}, []string{"to", "input", "rules", "set", "touches", "while_held", "migrates"})
	d.message(m["title"])
	a := &action{}
	if m["migrates"] != nil {
		a.migrates = d.migration(m)
	}
	d.migrating = a.migrates != 0
	a.from = d.from(m["from"])
	if m["while_held"] != nil {
		a.whileHeld = m["while_held"].Value == "true"
	}
	var schema map[string]any
	var err error
	a.input, schema = d.objectShape(name+".input", m["input"])
	if a.schema, err = d.compileSchema(schema); err != nil {
		d.fail(n, "the input is no JSON Schema: %v", err)
	}
	d.objects[a.input.name], d.input = a.input, a.input
	e, err := d.env.Extend(cel.Variable("input", a.input.celType()))
	if err != nil {
		d.fail(n, "make the environment: %v", err)
		return a
	}
	a.occurs = d.occurs(m["input"], a.input)
	if s := m["signers"]; s != nil && s.Value != "anyone" {
		r := d.rule(e, s, "C1")
		a.signers = &r
	}
	seen := map[string]bool{}
	for _, one := range d.list(m["rules"]) {
		r := d.rule(e, one, "")
		if seen[r.id] {
			d.fail(one, "rule %q stands twice", r.id)
		}
		seen[r.id] = true
		a.rules = append(a.rules, r)
	}
	a.to = d.to(e, m["to"])
	a.set = d.assignments(e, m["set"])
	a.touches = d.touches(e, m["touches"])
	if len(a.rules) > maxClauses || len(a.to) > maxClauses || len(a.set) > maxClauses || len(a.touches) > maxClauses {
		d.fail(n, "an action has at most %d rules, outcomes, assignments and touches each", maxClauses)
	}
	return a
}

// occurs checks that an action that says when it happened keeps it, so that rule C4 can be checked.
func (d *loader) occurs(n *yaml.Node, input *shape) bool {
	at := input.fields[occurredAt]
	if at == nil {
		return false
	}
	late, kept := input.fields["late"], d.objects["item"].fields[occurredAt]
	if at.kind != types.IntKind || late == nil || late.kind != types.BoolKind || kept == nil || kept.kind != types.IntKind {
		d.fail(n, "an input with occurred_at has late too, and the state has occurred_at")
	}
	if !slices.ContainsFunc(d.list(d.members(n)["required"]), func(one *yaml.Node) bool { return one.Value == occurredAt }) {
		d.fail(n, "an input with occurred_at requires it")
	}
	return true
}

// migration reads the version from which an action moves items. What it starts from are statuses of that version, so
// they are named, and it says which status of this one follows.
func (d *loader) migration(m map[string]*yaml.Node) int64 {
	from := d.whole(m["migrates"])
	if from < 1 || from >= d.version {
		d.fail(m["migrates"], "an action migrates from an older version")
	}
	if m["to"] == nil {
		d.fail(m["migrates"], "an action that migrates says to which status")
	}
	return from
}

func (d *loader) from(n *yaml.Node) map[string]bool {
	from := map[string]bool{}
	if n != nil && n.Kind == yaml.ScalarNode && n.Value == "any" && !d.migrating {
		for status := range d.statuses {
			from[status] = true
		}
		return from
	}
	for _, one := range d.list(n) {
		if d.migrating {
			d.text(one)
		} else {
			d.status(one, none)
		}
		from[one.Value] = true
	}
	return from
}

func (d *loader) status(n *yaml.Node, also string) string {
	if name := d.text(n); !d.statuses[name] && name != also {
		d.fail(n, "status %q is not declared", name)
	}
	return n.Value
}

func (d *loader) to(e *cel.Env, n *yaml.Node) []outcome {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []outcome{{status: d.status(n, "")}}
	}
	var to []outcome
	list := d.list(n)
	for i, one := range list {
		m := d.object(one, []string{"status"}, []string{"when"})
		if m["status"] == nil {
			continue
		}
		o := outcome{status: d.status(m["status"], "")}
		if last := i == len(list)-1; last != (m["when"] == nil) {
			d.fail(one, "every outcome but the last says when")
		} else if !last {
			o.when = d.expression(e, m["when"], truthShape)
		}
		to = append(to, o)
	}
	return to
}

func (d *loader) rule(e *cel.Env, n *yaml.Node, id string) rule {
	needed := []string{"expr", "en", "zh"}
	if id == "" {
		needed = append(needed, "id")
	}
	m := d.object(n, needed, nil)
	if id == "" {
		id = d.text(m["id"])
	}
	return rule{id: id, en: d.text(m["en"]), zh: d.text(m["zh"]), condition: d.expression(e, m["expr"], truthShape)}
}

func (d *loader) expression(e *cel.Env, n *yaml.Node, want *shape) *expression {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		d.fail(n, "want an expression")
		return nil
	}
	x, err := d.compile(e, n.Value, want)
	if err != nil {
		d.fail(n, "%v in %q", err, n.Value)
	}
	return x
}

func (d *loader) assignments(e *cel.Env, n *yaml.Node) []assignment {
	members := d.members(n)
	own := itemMembers()
	var set []assignment
	for _, field := range sortedKeys(members) {
		want := d.objects["item"].fields[field]
		if want == nil || own[field] != nil {
			d.fail(members[field], "the state has no field %q", field)
			continue
		}
		set = append(set, assignment{field, d.expression(e, members[field], want)})
	}
	return set
}

func (d *loader) touches(e *cel.Env, n *yaml.Node) []touch {
	var touches []touch
	inner, err := e.Extend(cel.Variable("touched", itemType))
	if err != nil {
		d.fail(n, "make the environment: %v", err)
		return nil
	}
	for _, one := range d.list(n) {
		m := d.object(one, []string{"id", "names"}, []string{"rule", "to", "set"})
		t := touch{id: d.text(m["id"]), names: d.expression(e, m["names"], textsShape)}
		if m["rule"] != nil {
			r := d.rule(inner, m["rule"], t.id)
			t.rule = &r
		}
		if m["to"] != nil {
			t.to = d.status(m["to"], "")
		}
		t.set = d.assignments(inner, m["set"])
		touches = append(touches, t)
	}
	return touches
}
