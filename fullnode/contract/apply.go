package contract

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"evident/lightclient/ledger"
)

// Fields of the state with a meaning to every contract that has them.
const (
	occurredAt = "occurred_at" // when the last event happened (rule C4)
	held       = "held"        // the record that put the item on hold, or "" (rule C6)
)

// Bounds of what one record may reach beside its own item.
const (
	maxReads   = 64  // values of the state
	maxTouched = 32  // items that it changes
	maxValue   = 200 // bytes of a value that a refusal shows
)

// call is one record meeting the state: all that expressions can see. It implements interpreter.Activation.
type call struct {
	engine   *Engine
	contract *Contract
	view     View
	record   *statement
	item     *Item // before the record
	touched  *Item
	input    map[string]any
	time     int64
	height   int64
	known    map[string]*Item
	reads    int
	err      error // the view's
}

var errReads = fmt.Errorf("more than %d other items would have to be read", maxReads)

func (c *call) ResolveName(name string) (any, bool) {
	switch name {
	case "input":
		return c.input, true
	case "item":
		return c.item, true
	case "record":
		return c.record, true
	case "touched":
		return c.touched, true
	case "ledger":
		return opaque{ledgerType, c}, true
	case "time":
		return c.time, true
	case "height":
		return c.height, true
	}
	return nil, false
}

// Parent is needed by interpreter.Activation: no scope is around this one.
func (c *call) Parent() interpreter.Activation { return nil }

// get reads a value of the state, within the bound.
func (c *call) get(space, name string) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	if c.reads++; c.reads > maxReads {
		return nil, errReads
	}
	var value []byte
	value, c.err = c.view.Get(space, name)
	return value, c.err
}

// find returns an item of a contract, with status none if it does not exist.
func (c *call) find(space, name string) (*Item, error) {
	key := space + "\x00" + name
	if item := c.known[key]; item != nil {
		return item, nil
	}
	item := &Item{name: name, Status: none}
	if name != "" {
		value, err := c.get(space, name)
		if err != nil {
			return nil, err
		}
		if value != nil {
			if item, err = parseItem(name, value); err != nil {
				c.err = err
				return nil, err
			}
		}
	}
	if c.known == nil {
		c.known = map[string]*Item{}
	}
	c.known[key] = item
	return item, nil
}

func (c *call) findOwn(name string) (*Item, error) {
	if name == c.item.name {
		return c.item, nil
	}
	return c.find(c.contract.name, name)
}

// lookup is ledger.item(name).
func (c *call) lookup(name string) ref.Val {
	item, err := c.findOwn(name)
	if err != nil {
		return types.NewErrFromString(err.Error())
	}
	return toValue(item)
}

// ancestors is ledger.ancestors(names): these items and all that they come from, nearest first.
func (c *call) ancestors(names ref.Val) ref.Val {
	queue, err := textsShape.native(names)
	if err != nil || c.contract.parents == "" {
		return types.NewErr("the contract does not say what an item's parents are")
	}
	var found []ref.Val
	seen := map[string]bool{}
	for rest := queue.([]any); len(rest) > 0; rest = rest[1:] {
		name := rest[0].(string)
		if seen[name] {
			continue
		}
		seen[name] = true
		item, err := c.findOwn(name)
		if err == nil && len(seen) > maxReads {
			err = errReads
		}
		if err != nil {
			return types.NewErrFromString(err.Error())
		}
		found = append(found, toValue(item))
		parents, _ := item.Fields[c.contract.parents].([]any)
		rest = append(rest, parents...)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, found)
}

// signed is ledger.signed(role, scope): whether somebody with that role signed the record.
func (c *call) signed(role, scope string) ref.Val {
	for _, key := range c.record.By {
		if v := c.holds(key, role, scope); v != types.False {
			return v
		}
	}
	return types.False
}

// holds is ledger.holds(key, role, scope): whether the key has the role at the block's time, by its place among the
// members or because a member vouches for it.
func (c *call) holds(key, role, scope string) ref.Val {
	if slices.Contains(c.engine.members[key], role) {
		return types.True
	}
	entry, err := c.find(registry, key)
	if err != nil {
		return types.NewErrFromString(err.Error())
	}
	grants, _ := entry.Fields["grants"].([]any)
	for _, one := range grants {
		if c.inForce(one.(map[string]any), role, scope) {
			return types.True
		}
	}
	return types.False
}

func (c *call) inForce(grant map[string]any, role, scope string) bool {
	named := func(field string) string { s, _ := grant[field].(string); return s }
	number := func(field string) int64 { n, _ := grant[field].(int64); return n }
	return named("role") == role && named("contract") == c.contract.name &&
		(named("scope") == "" || scope == "" || named("scope") == scope) &&
		number("since") <= c.time && (number("until") == 0 || c.time < number("until"))
}

// eval returns an expression's plain value.
func (c *call) eval(x *expression) (any, error) {
	v, _, err := x.program.Eval(c)
	if err != nil {
		return nil, err
	}
	return x.result.native(v)
}

// check evaluates a rule: nil if it holds.
func (c *call) check(r *rule) *Refusal {
	v, err := c.eval(r.condition)
	if v == true && err == nil {
		return nil
	}
	refusal := refuse(r.id, r.en, r.zh)
	for _, path := range r.condition.reads {
		refusal.Values[strings.Join(path, ".")] = c.show(path)
	}
	if err != nil {
		refusal.Values["why"] = clip(err.Error())
	}
	return refusal
}

// show returns a value that a rule read, as text.
func (c *call) show(path []string) string {
	v, _ := c.ResolveName(path[0])
	for _, field := range path[1:] {
		v, _ = member(v, field)
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return clip(v)
	}
	text, err := ledger.EncodeCanonical(v)
	if err != nil {
		return ""
	}
	return clip(string(text))
}

func clip(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxValue], "") + "…"
}

// apply runs an action's own rules, in the order in which the package comment lists them, and returns the changes.
func (c *call) apply() ([]Change, *Refusal) {
	a := c.contract.actions[c.record.Action]
	if a == nil {
		return nil, refuse("action", "the contract has no such action", "该合约没有此操作", "action", c.record.Action)
	}
	if !a.from[c.item.Status] {
		return nil, refuse("C2", "the item's status does not allow this action", "该事项的当前状态不允许此操作",
			"action", c.record.Action, "status", c.item.Status)
	}
	if hold, _ := c.item.Fields[held].(string); hold != "" && !a.whileHeld {
		return nil, refuse("C6", "the item is on hold", "该事项已被冻结", "action", c.record.Action, "held", hold)
	}
	c.input = decode(c.record.Fields).(map[string]any)
	if err := a.schema.Validate(c.input); err != nil {
		return nil, refuse("fields", "the fields do not have the form that the action wants", "字段不符合该操作要求的格式",
			"action", c.record.Action, "why", clip(err.Error()))
	}
	if refusal := c.checkAll(a); refusal != nil {
		return nil, refusal
	}
	touched, refusal := c.touchAll(a)
	if refusal != nil {
		return nil, refusal
	}
	item, refusal := c.after(a)
	if refusal != nil {
		return nil, refusal
	}
	return c.encode(append([]*Item{item}, touched...))
}

func (c *call) checkAll(a *action) *Refusal {
	if a.occurs {
		if refusal := c.checkOccurred(); refusal != nil {
			return refusal
		}
	}
	if a.signers != nil {
		if refusal := c.check(a.signers); refusal != nil {
			return refusal
		}
	}
	for i := range a.rules {
		if refusal := c.check(&a.rules[i]); refusal != nil {
			return refusal
		}
	}
	return nil
}

// checkOccurred is the part of rule C4 that speaks of what happened.
func (c *call) checkOccurred() *Refusal {
	at, _ := c.input[occurredAt].(int64)
	last, _ := c.item.Fields[occurredAt].(int64)
	if at > c.time+MaxAhead {
		return refuse("C4", "it would have happened more than two minutes after the block's time", "发生时间晚于区块时间两分钟以上",
			"input.occurred_at", number(at), "block", number(c.time))
	}
	if c.input["late"] != true && at < last {
		return refuse("C4", "it happened before the item's last event; mark the record late", "发生时间早于该事项的上一事件；请标记为补录",
			"input.occurred_at", number(at), "item.occurred_at", number(last))
	}
	return nil
}

// fields returns an item's fields with what the assignments make of them.
func (c *call) fields(before map[string]any, set []assignment) (map[string]any, *Refusal) {
	if len(set) == 0 {
		return before, nil
	}
	after := maps.Clone(before)
	if after == nil {
		after = map[string]any{}
	}
	for _, s := range set {
		v, err := c.eval(s.value)
		if err != nil {
			return nil, tooMuch("field", s.field, "why", clip(err.Error()))
		}
		if isZero(v) {
			delete(after, s.field)
			continue
		}
		after[s.field] = v
	}
	return after, nil
}

func tooMuch(pairs ...string) *Refusal {
	return refuse("limit", "the record asks for more than the contract can hold or compute", "该记录超出合约可保存或计算的范围", pairs...)
}

// after returns the record's item as the record leaves it.
func (c *call) after(a *action) (*Item, *Refusal) {
	r, item := c.record, *c.item
	if item.First == "" {
		item.Authors, item.First, item.Version = r.By, r.ID.String(), r.Version
	}
	for _, o := range a.to {
		if o.when == nil {
			item.Status = o.status
			break
		}
		yes, err := c.eval(o.when)
		if err != nil {
			return nil, tooMuch("status", o.status, "why", clip(err.Error()))
		}
		if yes == true {
			item.Status = o.status
			break
		}
	}
	var refusal *Refusal
	c.touched = nil
	if item.Fields, refusal = c.fields(item.Fields, a.set); refusal != nil {
		return nil, refusal
	}
	if a.occurs {
		item.Fields = maps.Clone(item.Fields)
		if item.Fields == nil {
			item.Fields = map[string]any{}
		}
		last, _ := c.item.Fields[occurredAt].(int64)
		if latest := max(last, c.input[occurredAt].(int64)); latest != 0 {
			item.Fields[occurredAt] = latest
		}
	}
	item.At, item.Height, item.Last, item.Seq = r.At, c.height, r.ID.String(), r.Seq
	return &item, nil
}

// touchAll returns the other items that the record changes. No item is changed twice.
func (c *call) touchAll(a *action) ([]*Item, *Refusal) {
	var changed []*Item
	seen := map[string]bool{c.item.name: true}
	for i := range a.touches {
		t := &a.touches[i]
		names, err := c.eval(t.names)
		if err != nil {
			return nil, tooMuch("touches", t.id, "why", clip(err.Error()))
		}
		for _, one := range names.([]any) {
			name := one.(string)
			if seen[name] || name == "" || len(name) > maxName || len(changed) == maxTouched {
				return nil, tooMuch("touches", t.id, "item", clip(name))
			}
			seen[name] = true
			item, refusal := c.touch(t, name)
			if refusal != nil {
				return nil, refusal
			}
			changed = append(changed, item)
		}
	}
	return changed, nil
}

// maxName is the longest name of an item that a record can have.
const maxName = 128

func (c *call) touch(t *touch, name string) (*Item, *Refusal) {
	before, err := c.findOwn(name)
	if err != nil {
		return nil, tooMuch("touches", t.id, "why", clip(err.Error()))
	}
	c.touched = before
	if t.rule != nil {
		if refusal := c.check(t.rule); refusal != nil {
			refusal.Values["touched"] = clip(name)
			return nil, refusal
		}
	}
	item := *before
	if item.Status == none {
		item.Authors, item.Version = []string{}, c.contract.version
	}
	if t.to != "" {
		item.Status = t.to
	}
	if item.Status == none {
		return nil, tooMuch("touches", t.id, "item", clip(name))
	}
	var refusal *Refusal
	if item.Fields, refusal = c.fields(item.Fields, t.set); refusal != nil {
		return nil, refusal
	}
	item.Height = c.height
	return &item, nil
}

func (c *call) encode(items []*Item) ([]Change, *Refusal) {
	changes := make([]Change, len(items))
	for i, item := range items {
		value, err := item.encode()
		if err == nil && len(value) > MaxItemSize {
			err = errors.New("the state of an item has at most 32 KiB")
		}
		if err != nil {
			return nil, tooMuch("item", clip(item.name), "why", clip(err.Error()))
		}
		changes[i] = Change{Space: c.contract.name, Name: item.name, Value: value}
	}
	changes[0].Parents = c.newParents(items[0])
	return changes, nil
}

// newParents returns what the record's item comes from and did not before.
func (c *call) newParents(after *Item) []string {
	if c.contract.parents == "" {
		return nil
	}
	before, _ := c.item.Fields[c.contract.parents].([]any)
	now, _ := after.Fields[c.contract.parents].([]any)
	var names []string
	for _, name := range now {
		if !slices.Contains(before, name) {
			names = append(names, name.(string))
		}
	}
	return names
}
