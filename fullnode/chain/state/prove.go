package state

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/merkle"
)

// Prove returns the value that the tree has under key, nil if there is none, and the proof of either for merkle.CheckPresent
// or merkle.CheckAbsent.
func Prove(kv KV, cache *Cache, root Root, key tlog.Hash) (value *tlog.Hash, p merkle.Proof, err error) {
	if root == (Root{}) {
		return nil, merkle.Proof{}, nil
	}
	r, n := &reader{kv: kv, cache: cache}, new(node)
	version, hash := root.version, root.hash
	for depth := 0; ; depth++ {
		if err := r.load(n, version, depth, &key, hash); err != nil {
			return nil, merkle.Proof{}, fmt.Errorf("prove state key %x: %w", key, err)
		}
		i := 1
		for bit := 3; bit >= 0 && n.kinds[i] == inner; bit-- {
			i = 2*i + nibble(&key, depth)>>bit&1
			p.Siblings = append(p.Siblings, n.hashes[i^1])
		}
		switch n.kinds[i] {
		case empty:
			return nil, p, nil
		case leaf:
			l := *n.leafUnder(i)
			if l.Key == key {
				return &l.Value, p, nil
			}
			p.Other = &l
			return nil, p, nil
		}
		version, hash = n.versions[i-width], n.hashes[i]
	}
}
