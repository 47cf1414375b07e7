package contract

import "fmt"

// Migrations returns the actions that move an item of an older version and this status to this one.
func (c *Contract) Migrations(version int64, status string) []string {
	var names []string
	for _, name := range sortedKeys(c.actions) {
		if a := c.actions[name]; a.migrates == version && a.from[status] {
			names = append(names, name)
		}
	}
	return names
}

// Lost says what an older version allows or keeps and this one does not, each in a sentence.
func (c *Contract) Lost(old *Contract) []string {
	var lost []string
	for _, name := range sortedKeys(old.actions) {
		was, now := old.actions[name], c.actions[name]
		if was.migrates != 0 {
			continue
		}
		if now == nil {
			lost = append(lost, fmt.Sprintf("there is no action %s any more", name))
			continue
		}
		for _, status := range sortedKeys(was.from) {
			if !now.from[status] {
				lost = append(lost, fmt.Sprintf("action %s no longer starts from %s", name, status))
			}
		}
	}
	for _, field := range sortedKeys(old.fields) {
		if c.fields[field] == nil {
			lost = append(lost, fmt.Sprintf("field %s is dropped when an item is migrated", field))
		}
	}
	return lost
}
