package contract

import (
	"bytes"
	"errors"
	"maps"
	"slices"
)

// Fields of the state with a meaning to every contract that has them.
const (
	occurredAt = "occurred_at" // when the last event happened (rule C4)
	held       = "held"        // the record that put the item on hold, or "" (rule C6)
)

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
	if refusal := c.checkHold(a, c.item); refusal != nil {
		return nil, refusal
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

// checkHold is rule C6, of the record's item and of every other one that it would change.
func (c *call) checkHold(a *action, item *Item) *Refusal {
	hold, _ := item.Fields[held].(string)
	if hold == "" || a.whileHeld {
		return nil
	}
	return refuse("C6", "the item is on hold", "该事项已被冻结", "action", c.record.Action, "held", hold, "item", clip(item.name))
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
	if at > c.block.time+MaxAhead {
		return refuse("C4", "it would have happened more than two minutes after the block's time", "发生时间晚于区块时间两分钟以上",
			"input.occurred_at", number(at), "block", number(c.block.time))
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
		if !c.contract.fields[s.field].fits(v) {
			return nil, tooMuch("field", s.field, "why", "it is longer than the contract says")
		}
		after[s.field] = v
	}
	return after, nil
}

func tooMuch(pairs ...string) *Refusal {
	return refuse("limit", "the record asks for more than the contract can hold or compute", "该记录超出合约可保存或计算的范围", pairs...)
}

// known returns those of an older version's fields that this contract keeps too.
func (c *Contract) known(fields map[string]any) map[string]any {
	kept := map[string]any{}
	for name, v := range fields {
		if c.fields[name] != nil {
			kept[name] = v
		}
	}
	return kept
}

// after returns the record's item as the record leaves it.
func (c *call) after(a *action) (*Item, *Refusal) {
	r, item := c.record, *c.item
	if a.migrates != 0 {
		item.Version, item.Fields = c.contract.version, c.contract.known(item.Fields)
	}
	if item.First == "" {
		item.Authors, item.First, item.Version = r.By, r.id, r.Version
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
		at, _ := c.input[occurredAt].(int64)
		if latest := max(last, at); latest != 0 {
			item.Fields[occurredAt] = latest
		}
	}
	item.At, item.Height, item.Last, item.Seq = r.At, c.block.height, r.id, r.Seq
	return &item, nil
}

func (c *call) encode(items []*Item) ([]Change, *Refusal) {
	changes := make([]Change, len(items))
	for i, item := range items {
		value, err := item.appendJSON(c.block.room[:0])
		if err == nil && len(value) > MaxItemSize {
			err = errors.New("the state of an item has at most 32 KiB")
		}
		if err != nil {
			return nil, tooMuch("item", clip(item.name), "why", clip(err.Error()))
		}
		changes[i] = Change{Space: c.contract.name, Name: item.name, Value: bytes.Clone(value)}
		c.block.room = value
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
