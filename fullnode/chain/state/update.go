package state

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/merkle"
)

// Update returns the tree that old becomes when every change's value is set under its key, as the given version, and what to
// write for it. The same arguments give the same result. Versions only grow, and no key is changed twice in one update.
func Update(kv KV, cache *Cache, old Root, version uint64, changes []merkle.Leaf) (Root, Writes, error) {
	if len(changes) == 0 {
		return old, Writes{}, nil
	}
	if old != (Root{}) && version <= old.version {
		return Root{}, Writes{}, fmt.Errorf("state: update version %d to %d: versions only grow", old.version, version)
	}
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b merkle.Leaf) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	for i := range changes[1:] {
		if changes[i].Key == changes[i+1].Key {
			return Root{}, Writes{}, fmt.Errorf("state: update to version %d: key %x is changed twice", version, changes[i].Key)
		}
	}
	u := &update{reader: reader{kv: kv, cache: cache}, version: version}
	u.writes.Put = make([]Put, 0, 2*len(changes))
	u.writes.Stale = make([][]byte, 0, 2*len(changes))
	root, err := u.root(old, changes)
	if err != nil {
		return Root{}, Writes{}, fmt.Errorf("update state to version %d: %w", version, err)
	}
	return root, u.writes, nil
}

type update struct {
	reader
	version uint64
	writes  Writes
	free    []byte         // room for keys and values
	scratch [nibbles]*node // one at a time for each depth that is not cached
}

func (u *update) root(old Root, changes []merkle.Leaf) (Root, error) {
	n := u.blank(0)
	if old != (Root{}) {
		if err := u.replace(n, old.version, 0, old.hash, changes); err != nil {
			return Root{}, err
		}
	}
	if err := u.apply(n, 0, changes); err != nil {
		return Root{}, err
	}
	return Root{u.version, n.hash()}, nil
}

// blank returns an empty node. The cache keeps the upper ones; below, the last one of the same depth is done with.
func (u *update) blank(depth int) *node {
	if depth < cachedDepths {
		return new(node)
	}
	if u.scratch[depth] == nil {
		u.scratch[depth] = new(node)
	}
	u.scratch[depth].reset()
	return u.scratch[depth]
}

// replace loads the stored node that n will replace.
func (u *update) replace(n *node, version uint64, depth int, hash tlog.Hash, changes []merkle.Leaf) error {
	if err := u.load(n, version, depth, &changes[0].Key, hash); err != nil {
		return err
	}
	u.writes.Stale = append(u.writes.Stale, u.nodeKey(version, depth, &changes[0].Key))
	return nil
}

// apply makes the changes, sorted and all of them below n, and stores n. It stores what is below before.
func (u *update) apply(n *node, depth int, changes []merkle.Leaf) error {
	key := &changes[0].Key
	for rest := changes; len(rest) > 0; {
		slot := nibble(&rest[0].Key, depth)
		size := 1
		for size < len(rest) && nibble(&rest[size].Key, depth) == slot {
			size++
		}
		if err := u.place(n, slot, depth, rest[:size]); err != nil {
			return err
		}
		rest = rest[size:]
	}
	n.version = u.version
	n.rehash()
	u.store(n, depth, key)
	return nil
}

// place makes the changes that fall into one slot of n.
func (u *update) place(n *node, slot, depth int, changes []merkle.Leaf) error {
	at := n.kinds[width+slot]
	alone := at == empty || at == leaf && n.leaves[slot].Key == changes[0].Key
	if alone && len(changes) == 1 {
		n.setLeaf(slot, &changes[0])
		return nil
	}
	depth++
	below := u.blank(depth)
	switch at {
	case leaf:
		old := &n.leaves[slot]
		below.setLeaf(nibble(&old.Key, depth), old)
	case inner:
		if err := u.replace(below, n.versions[slot], depth, n.hashes[width+slot], changes); err != nil {
			return err
		}
	}
	if err := u.apply(below, depth, changes); err != nil {
		return err
	}
	n.setInner(slot, u.version, below.hash())
	return nil
}

// store adds n to the writes and, if it is an upper node, to the cache.
func (u *update) store(n *node, depth int, key *tlog.Hash) {
	u.writes.Put = append(u.writes.Put, Put{u.nodeKey(n.version, depth, key), u.keep(n.append(u.room(maxNode)))})
	if depth < cachedDepths {
		u.cache.at(depth, key).Store(n)
	}
}

func (u *update) nodeKey(version uint64, depth int, key *tlog.Hash) []byte {
	return u.keep(appendKey(u.room(maxKey), version, depth, key))
}

// room returns an empty slice to which size bytes can be appended in place. An update writes thousands of short slices, so
// they are cut from few large ones.
func (u *update) room(size int) []byte {
	const chunk = 1 << 16
	if cap(u.free) < size {
		u.free = make([]byte, 0, chunk)
	}
	return u.free
}

// keep takes what was appended to room.
func (u *update) keep(b []byte) []byte {
	u.free = b[len(b):]
	return b[:len(b):len(b)]
}
