package contract

// Bounds of the other items that a record changes.
const (
	maxTouched = 32
	maxName    = 128 // bytes: the longest name that a record can have
)

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
			item, refusal := c.touch(a, t, name)
			if refusal != nil {
				return nil, refusal
			}
			changed = append(changed, item)
		}
	}
	return changed, nil
}

func (c *call) touch(a *action, t *touch, name string) (*Item, *Refusal) {
	before, err := c.findOwn(name)
	if err != nil {
		return nil, tooMuch("touches", t.id, "why", clip(err.Error()))
	}
	if refusal := c.checkHold(a, before); refusal != nil {
		return nil, refusal
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
	if refusal := c.checkTouched(&item); refusal != nil {
		return nil, refusal
	}
	if item.Status == none {
		return nil, tooMuch("touches", t.id, "item", clip(name))
	}
	var refusal *Refusal
	if item.Fields, refusal = c.fields(item.Fields, t.set); refusal != nil {
		return nil, refusal
	}
	item.Height = c.block.height
	return &item, nil
}

// checkTouched refuses to give an item that is under another version a status which that version does not have.
func (c *call) checkTouched(item *Item) *Refusal {
	if item.Version == c.contract.version || item.Status == none {
		return nil
	}
	versions, err := c.block.Versions(c.contract.name)
	if err != nil {
		c.err = err
		return tooMuch()
	}
	for _, v := range versions {
		if v.version == item.Version && v.has(item.Status) {
			return nil
		}
	}
	return refuse("version", "another item is under a version of the contract without that status", "另一事项所适用的合约版本没有该状态",
		"touched", clip(item.name), "version", number(item.Version), "status", item.Status)
}
