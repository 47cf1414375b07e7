package state

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"
)

// Every block rewrites the upper nodes, so they are worth keeping: 4,369 nodes, 10 MiB at most.
const (
	cachedDepths = 4
	cachedNodes  = 1 + 16 + 16*16 + 16*16*16
)

// Cache keeps the newest updates' upper nodes, checked, one for each path, so it is never larger than the tree's upper part.
// A node in it never changes. It is used only where version and hash are those that are looked for: a proof for an old
// height, or an update that was never stored, cannot be given or leave behind a wrong node. The zero Cache is empty and ready;
// one update and any number of proofs may share it.
type Cache struct {
	nodes [cachedNodes]atomic.Pointer[node]
}

// at returns the place of the node at this depth, less than cachedDepths, on the way to key.
func (c *Cache) at(depth int, key *tlog.Hash) *atomic.Pointer[node] {
	before := (1<<(4*depth) - 1) / (width - 1)
	return &c.nodes[before+int(binary.BigEndian.Uint16(key[:])>>(16-4*depth))]
}

// reader loads nodes and checks each against the hash that its parent has for it.
type reader struct {
	kv    KV
	cache *Cache
	key   [maxKey]byte
}

// load sets n to the node that a version wrote at this depth on the way to key.
func (r *reader) load(n *node, version uint64, depth int, key *tlog.Hash, want tlog.Hash) error {
	if depth < cachedDepths {
		if c := r.cache.at(depth, key).Load(); c != nil && c.version == version && c.hash() == want {
			n.copyOf(c)
			return nil
		}
	}
	if err := r.read(n, version, depth, key, want); err != nil {
		return fmt.Errorf("load node %x at depth %d of version %d: %w", key[:(depth+1)/2], depth, version, err)
	}
	return nil
}

func (r *reader) read(n *node, version uint64, depth int, key *tlog.Hash, want tlog.Hash) error {
	stored, err := r.kv.Get(appendKey(r.key[:0], version, depth, key))
	if err != nil {
		return err
	}
	n.reset()
	n.version = version
	if err := n.parse(stored, depth); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	n.rehash()
	if n.hash() != want {
		return fmt.Errorf("%w: %w", ErrDamaged, errHash)
	}
	return nil
}
