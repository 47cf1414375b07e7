package chain

import (
	"errors"
	"fmt"
	"sync"

	"evident/fullnode/chain/state"
	"evident/lightclient/ledger"
)

// When the nodes of the state tree go to disk: the upper ones change with every block, and are written once for many.
const (
	flushHeights = 16
	flushBytes   = 8 << 20
)

// nodes are the newest nodes of the state tree: those in the store at one version, and those that blocks after it wrote,
// in memory. If the process stops, Open executes these blocks again.
type nodes struct {
	mu      sync.RWMutex // to read, while a proof is made; to write, while the head moves
	cache   state.Cache
	stored  ledger.Height // the store has the nodes of the tree after this block
	pending map[string][]byte
	bytes   int
	archive bool          // every block's nodes go to disk, and stay
	also    ledger.Height // a height whose nodes go to disk, when a ledger is computed again
}

// nodeReader reads the newest nodes. It implements state.KV.
type nodeReader struct {
	snapshot
	pending map[string][]byte
}

// reader is valid while mu, or the chain's writing, is held.
func (n *nodes) reader(s *store) nodeReader {
	return nodeReader{s.at(versionOf(n.stored)), n.pending}
}

func (r nodeReader) Get(key []byte) ([]byte, error) {
	place := nodePlace(key)
	if node, ok := r.pending[string(place)]; ok {
		return node, nil
	}
	node, err := r.snapshot.Get(place)
	if errors.Is(err, ErrNotFound) {
		return nil, state.ErrNotFound
	}
	return node, err
}

// nodePlace drops the version from a key of package state, which is KeyPrefix, the version in 8 bytes, and the node's place.
// The store has versions of its own, and drops old ones by itself: so nothing replaced has to be deleted.
func nodePlace(key []byte) []byte {
	place := make([]byte, 0, len(key)-8)
	return append(append(place, key[0]), key[9:]...)
}

// add takes what the block at h wrote.
func (n *nodes) add(writes state.Writes) {
	for _, put := range writes.Put {
		place := string(nodePlace(put.Key))
		n.bytes += len(put.Value) - len(n.pending[place])
		n.pending[place] = put.Value
	}
}

// due says whether the nodes have to go to disk with the block at h.
func (n *nodes) due(h ledger.Height) bool {
	return h%flushHeights == 0 || n.bytes > flushBytes || n.archive || h == n.also
}

// flush writes all nodes that are not on disk to the batch of the block at h, whose own are writes.
func (n *nodes) flush(b *batch, t *tip, writes state.Writes) {
	newer := make(map[string]bool, len(writes.Put))
	for _, put := range writes.Put {
		place := nodePlace(put.Key)
		newer[string(place)] = true
		b.set(place, put.Value)
	}
	for place, node := range n.pending {
		if !newer[place] {
			b.set([]byte(place), node)
		}
	}
	b.set([]byte{keyTree}, encodeTip(t))
}

// moved is what is true once the block of t is on disk, with or without the nodes.
func (n *nodes) moved(h ledger.Height, flushed bool, writes state.Writes) {
	if !flushed {
		n.add(writes)
		return
	}
	n.stored, n.pending, n.bytes = h, map[string][]byte{}, 0
}

// rebuild executes the blocks after the newest stored tree again, to have their nodes.
func (c *Chain) rebuild(t *tip) error {
	snap := c.store.at(versionOf(t.Header.Height))
	defer snap.close()
	text, err := snap.must("the pointer to the state tree", []byte{keyTree})
	if err != nil {
		return err
	}
	h, _, root, err := parseTip(text)
	if err != nil {
		return err
	}
	c.nodes.stored = h
	r := reading{snap, t}
	for h++; h <= t.Header.Height; h++ {
		if root, err = c.redo(r, h, root); err != nil {
			return fmt.Errorf("execute block %d again: %w", h, err)
		}
	}
	if root != t.state {
		return fmt.Errorf("%w: the state is not the head's", ErrDamaged)
	}
	return nil
}

// redo executes a final block again on the tree of its parent.
func (c *Chain) redo(r reading, h ledger.Height, root state.Root) (state.Root, error) {
	header, err := r.header(h)
	if err != nil {
		return root, err
	}
	block, err := r.body(header)
	if err != nil {
		return root, err
	}
	cand := newCandidate(header)
	if _, err := c.apply(cand, block.Notes); err != nil {
		return root, err
	}
	if root, err = c.update(cand, root); err != nil {
		return root, err
	}
	if root.Hash() != header.State {
		return root, fmt.Errorf("%w: its state root is another", ErrDamaged)
	}
	c.nodes.add(cand.writes)
	return root, nil
}
