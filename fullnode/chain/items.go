package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"evident/fullnode/contract"
	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// maxRelated bounds the parents, and the children, that one answer names.
const maxRelated = 256

// descent is a record whose item comes from another item of its contract.
type descent struct {
	contract, parent string
	index            int // of the record in its block
}

// Found is an item at its newest record. Like Hit it proves nothing.
type Found struct {
	Item   string
	Record ledger.RecordID
	Place
}

func contractPrefix(name string) []byte { return append(append([]byte{keyContract}, name...), 0) }

func childPrefix(contract, parent string) []byte {
	hash := sha256.Sum256([]byte(contract + "\x00" + parent))
	return append([]byte{keyChild}, hash[:8]...)
}

// Items returns up to limit items of a contract whose newest record is before a place, the newest first, and where the
// next page begins; a negative index says that there is none. An item that only another item's records touched is not
// among them.
func (c *Chain) Items(name string, before Place, limit int) ([]Found, Place, error) {
	places, err := c.newest(contractPrefix(name), before)
	if err != nil {
		return nil, Place{}, fmt.Errorf("list items of %s: %w", name, err)
	}
	var list []Found
	for _, place := range places {
		if len(list) == limit {
			return list, list[limit-1].Place, nil
		}
		u, err := c.at(place)
		if err != nil {
			return nil, Place{}, fmt.Errorf("list items of %s: %w", name, err)
		}
		item, err := c.itemState(name, u.ItemName())
		if err != nil {
			return nil, Place{}, fmt.Errorf("list items of %s: %w", name, err)
		}
		if u.Contract == name && item.Last == u.ID.String() {
			list = append(list, Found{u.ItemName(), u.ID, place})
		}
	}
	if len(places) == maxProbes {
		return list, places[maxProbes-1], nil
	}
	return list, Place{Index: -1}, nil
}

// newest returns the last places under an index prefix that are before a place, the newest first.
func (c *Chain) newest(prefix []byte, before Place) ([]Place, error) {
	r, err := c.read()
	if err != nil {
		return nil, nil // nothing is final
	}
	defer r.close()
	var places []Place
	err = r.eachBack(prefix, heightKey(0, before.Height)[1:], func(rest, list []byte) bool {
		if len(rest) != heightSize {
			return true
		}
		h := ledger.Height(binary.BigEndian.Uint64(rest))
		for ; len(list) >= 2; list = list[:len(list)-2] {
			place := Place{h, int64(binary.BigEndian.Uint16(list[len(list)-2:]))}
			if len(places) < maxProbes && (h < before.Height || place.Index < before.Index) {
				places = append(places, place)
			}
		}
		return len(places) < maxProbes
	})
	return places, err
}

// at reads the record at a place that an index names.
func (c *Chain) at(place Place) (*ledger.UnverifiedRecord, error) {
	b, err := c.block(place.Height)
	if err != nil {
		return nil, err
	}
	if place.Index >= b.Header.Records {
		return nil, fmt.Errorf("%w: an index names record %d of block %d", ErrDamaged, place.Index, place.Height)
	}
	u, err := ledger.ParseRecord(b.Notes[place.Index])
	if err != nil {
		return nil, fmt.Errorf("%w: record %d of block %d: %w", ErrDamaged, place.Index, place.Height, err)
	}
	return u, nil
}

// itemState reads an item at the head; one that does not exist has no fields and no records.
func (c *Chain) itemState(space, name string) (*contract.Item, error) {
	r, err := c.read()
	if err != nil {
		return nil, err
	}
	defer r.close()
	value, err := r.value(merkle.Key(space, name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	item, err := contract.ParseItem(name, value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return item, nil
}

// ItemRecords returns up to limit ids of an item's records, the newest first: from its last one on, or from the one
// before a record of it.
func (c *Chain) ItemRecords(space, name string, before ledger.RecordID, limit int) ([]ledger.RecordID, error) {
	next := ""
	if before == (ledger.RecordID{}) {
		item, err := c.itemState(space, name)
		if err != nil {
			return nil, fmt.Errorf("read records of item %s: %w", name, err)
		}
		next = item.Last
	} else {
		var err error
		if next, err = c.previous(before, space, name); err != nil {
			return nil, fmt.Errorf("read records of item %s: %w", name, err)
		}
	}
	ids := []ledger.RecordID{}
	for next != "" && len(ids) < limit {
		id, err := ledger.ParseRecordID(next)
		if err != nil {
			return nil, fmt.Errorf("%w: records of item %s: %w", ErrDamaged, name, err)
		}
		ids = append(ids, id)
		if next, err = c.previous(id, space, name); err != nil {
			return nil, fmt.Errorf("read records of item %s: %w", name, err)
		}
	}
	return ids, nil
}

// previous returns what a record of the item names as the one before it.
func (c *Chain) previous(id ledger.RecordID, space, name string) (string, error) {
	place, _, err := c.Record(id)
	if err != nil {
		return "", err
	}
	u, err := c.at(place)
	if err != nil {
		return "", err
	}
	if u.Contract != space || u.ItemName() != name {
		return "", fmt.Errorf("record %s of item %s: %w", id, name, ErrNotFound)
	}
	return u.Prev, nil
}

// Related returns the items that an item comes from, and those that come from it, by the contract's parents.
func (c *Chain) Related(space, name string) (parents, children []string, err error) {
	if parents, err = c.parents(space, name); err != nil {
		return nil, nil, fmt.Errorf("read parents of item %s: %w", name, err)
	}
	places, err := c.newest(childPrefix(space, name), Place{Height: ledger.MaxLogSize})
	if err != nil {
		return nil, nil, fmt.Errorf("read children of item %s: %w", name, err)
	}
	children = []string{}
	for _, place := range places[:min(len(places), maxRelated)] {
		u, err := c.at(place)
		if err != nil {
			return nil, nil, fmt.Errorf("read children of item %s: %w", name, err)
		}
		of, err := c.parents(space, u.ItemName())
		if err != nil {
			return nil, nil, fmt.Errorf("read children of item %s: %w", name, err)
		}
		if child := u.ItemName(); slices.Contains(of, name) && !slices.Contains(children, child) {
			children = append(children, child)
		}
	}
	return parents, children, nil
}

func (c *Chain) parents(space, name string) ([]string, error) {
	item, err := c.itemState(space, name)
	if err != nil {
		return nil, err
	}
	rules, err := c.version(space, item.Version)
	if errors.Is(err, ErrNotFound) {
		return []string{}, nil
	}
	if err != nil {
		return nil, err
	}
	return rules.Parents(item), nil
}

// Contracts returns the contracts in force in the next block, by name and version.
func (c *Chain) Contracts() ([]contract.InForce, error) {
	block, done, err := c.atHead()
	if err != nil {
		return nil, fmt.Errorf("list contracts: %w", err)
	}
	defer done()
	all, err := block.All()
	if err != nil {
		return nil, fmt.Errorf("list contracts: %w", err)
	}
	return all, nil
}

// Definition returns the canonical JSON of a contract in force.
func (c *Chain) Definition(name string, version int64) ([]byte, error) {
	found, err := c.version(name, version)
	if err != nil {
		return nil, fmt.Errorf("read contract %s version %d: %w", name, version, err)
	}
	return found.Definition(), nil
}

// version returns ErrNotFound if that version is not in force.
func (c *Chain) version(name string, version int64) (*contract.Contract, error) {
	block, done, err := c.atHead()
	if err != nil {
		return nil, err
	}
	defer done()
	list, err := block.Versions(name)
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		if v.Version() == version {
			return v.Contract, nil
		}
	}
	return nil, ErrNotFound
}

// atHead is what the next block would begin with. done ends it.
func (c *Chain) atHead() (*contract.Block, func(), error) {
	r, err := c.read()
	if err != nil {
		return nil, nil, err
	}
	return c.engine.Block(overlay{r.snapshot, nil}, r.tip.Header.Time, r.tip.next()), r.close, nil
}
