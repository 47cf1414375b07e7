package contract

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// maxReads bounds the values of the state that one record may read beside its own item.
const maxReads = 64

// call is one record meeting the state: all that expressions can see. It implements interpreter.Activation.
type call struct {
	block    *Block
	contract *Contract
	record   *statement
	item     *Item // before the record
	touched  *Item
	input    map[string]any
	known    map[[2]string]*Item // by contract and name
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
		return c.block.time, true
	case "height":
		return c.block.height, true
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
	value, c.err = c.block.view.Get(space, name)
	return value, c.err
}

// find returns an item of a contract, with status none if it does not exist.
func (c *call) find(space, name string) (*Item, error) {
	key := [2]string{space, name}
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
		c.known = map[[2]string]*Item{}
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
	if slices.Contains(c.block.engine.members[key], role) {
		return types.True
	}
	if role == memberRole {
		return types.False // nobody becomes a member by being vouched for
	}
	entry, err := c.find(registry, key)
	if err != nil {
		return types.NewErrFromString(err.Error())
	}
	grants, _ := entry.Fields["grants"].([]any)
	for _, one := range grants {
		if grant, ok := one.(map[string]any); ok && c.inForce(grant, role, scope) {
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
		number("since") <= c.block.time && (number("until") == 0 || c.block.time < number("until"))
}

// eval returns an expression's plain value.
func (c *call) eval(x *expression) (any, error) {
	v, _, err := x.program.Eval(c)
	if err != nil {
		return nil, err
	}
	return x.result.native(v)
}
