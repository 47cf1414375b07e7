package state

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/merkle"
)

const (
	width   = 16            // slots of a node: one for each nibble
	nibbles = 64            // of a key: the deepest node is at depth 63
	maxNode = 4 + 16*64 + 4 // bytes of a node full of leaves, which are longer than inner slots
	maxKey  = 1 + 8 + 1 + 32
)

// kind says how many keys a subtree has.
type kind uint8

const (
	empty kind = iota
	leaf       // exactly one
	inner      // several
)

// node is four levels of the binary tree. Its slots and the subtrees over them form a heap: 1 is the node itself, 2 and 3
// its halves, and so on down to the slots, 16 to 31.
type node struct {
	version  uint64 // that wrote it
	dirty    uint32 // bit i: hash i is not up to date
	kinds    [2 * width]kind
	hashes   [2 * width]tlog.Hash
	versions [width]uint64 // of the slots that are another node
	leaves   []merkle.Leaf // of the slots that are a leaf; may be nil if none is, as in the upper nodes of a large tree
}

func (n *node) hash() tlog.Hash { return n.hashes[1] }

// reset empties n and keeps its room for leaves.
func (n *node) reset() { *n = node{leaves: n.leaves} }

// copyOf makes n equal to c, and apart from it.
func (n *node) copyOf(c *node) {
	*n = *c
	n.leaves = nil
	if slices.Contains(c.kinds[width:], leaf) {
		n.leaves = slices.Clone(c.leaves)
	}
}

func (n *node) setLeaf(slot int, l *merkle.Leaf) {
	if n.leaves == nil {
		n.leaves = make([]merkle.Leaf, width)
	}
	n.leaves[slot] = *l
	n.set(slot, leaf, merkle.LeafHash(l.Key, l.Value))
}

func (n *node) setInner(slot int, version uint64, hash tlog.Hash) {
	n.versions[slot] = version
	n.set(slot, inner, hash)
}

func (n *node) set(slot int, k kind, hash tlog.Hash) {
	n.kinds[width+slot] = k
	n.hashes[width+slot] = hash
	n.dirty |= 1 << (width + slot)
}

// rehash brings every subtree over a changed slot up to date, each once.
func (n *node) rehash() {
	for i := width - 1; i > 0; i-- {
		if n.dirty>>(2*i)&3 != 0 {
			n.join(i)
			n.dirty |= 1 << i
		}
	}
	n.dirty = 0
}

// join derives a subtree from its halves; one that has a single leaf is that leaf.
func (n *node) join(i int) {
	left, right := 2*i, 2*i+1
	switch {
	case n.kinds[right] == empty && n.kinds[left] != inner:
		n.kinds[i], n.hashes[i] = n.kinds[left], n.hashes[left]
	case n.kinds[left] == empty && n.kinds[right] != inner:
		n.kinds[i], n.hashes[i] = n.kinds[right], n.hashes[right]
	default:
		n.kinds[i], n.hashes[i] = inner, merkle.NodeHash(n.hashes[left], n.hashes[right])
	}
}

// leafUnder returns the only leaf under heap position i.
func (n *node) leafUnder(i int) *merkle.Leaf {
	for i < width {
		i *= 2
		if n.kinds[i] == empty {
			i++
		}
	}
	return &n.leaves[i-width]
}

// append adds the stored form: two bits for each slot's kind, the slots in order, a checksum. A leaf is its key and value,
// another node its version and hash. The hashes guard everything but the versions; the checksum guards those too, so that a
// damaged one is not copied into a new node.
func (n *node) append(b []byte) []byte {
	start := len(b)
	var kinds uint32
	for slot := range width {
		kinds |= uint32(n.kinds[width+slot]) << (2 * slot)
	}
	b = binary.BigEndian.AppendUint32(b, kinds)
	for slot := range width {
		switch n.kinds[width+slot] {
		case leaf:
			b = append(b, n.leaves[slot].Key[:]...)
			b = append(b, n.leaves[slot].Value[:]...)
		case inner:
			b = binary.AppendUvarint(b, n.versions[slot])
			b = append(b, n.hashes[width+slot][:]...)
		}
	}
	return binary.BigEndian.AppendUint32(b, checksum(b[start:]))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errSize     = errors.New("impossible size")
	errChecksum = errors.New("wrong checksum")
	errShort    = errors.New("bytes missing")
	errTrailing = errors.New("trailing bytes")
	errSlot     = errors.New("impossible slot")
	errHash     = errors.New("wrong hash")
)

// parse reads the stored form of a node at this depth into n, which is empty, and leaves the hashes over the slots to rehash.
func (n *node) parse(b []byte, depth int) error {
	if len(b) < 8 || len(b) > maxNode {
		return errSize
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if checksum(b) != sum {
		return errChecksum
	}
	kinds, b := binary.BigEndian.Uint32(b), b[4:]
	for slot := range width {
		size, err := n.parseSlot(b, depth, slot, kind(kinds>>(2*slot)&3))
		if err != nil {
			return err
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return errTrailing
	}
	return nil
}

// parseSlot returns how many bytes the slot took.
func (n *node) parseSlot(b []byte, depth, slot int, k kind) (int, error) {
	switch {
	case k == empty:
		return 0, nil
	case k == leaf && len(b) >= 2*tlog.HashSize:
		l := merkle.Leaf{Key: tlog.Hash(b[:32]), Value: tlog.Hash(b[32:64])}
		if nibble(&l.Key, depth) != slot {
			return 0, errSlot
		}
		n.setLeaf(slot, &l)
		return 2 * tlog.HashSize, nil
	case k == inner && depth < nibbles-1:
		version, size := binary.Uvarint(b)
		if size <= 0 || len(b) < size+tlog.HashSize {
			return 0, errShort
		}
		n.setInner(slot, version, tlog.Hash(b[size:size+tlog.HashSize]))
		return size + tlog.HashSize, nil
	}
	return 0, errSlot
}

// nibble is the slot that key takes in a node at this depth.
func nibble(key *tlog.Hash, depth int) int {
	return int(key[depth/2]>>(4-depth%2*4)) & 15
}

// appendKey adds the key of the node that a version wrote at this depth on the way to key. Keys sort by version, so a
// block's nodes lie side by side in the store.
func appendKey(b []byte, version uint64, depth int, key *tlog.Hash) []byte {
	b = append(b, KeyPrefix)
	b = binary.BigEndian.AppendUint64(b, version)
	b = append(b, byte(depth))
	b = append(b, key[:(depth+1)/2]...)
	if depth%2 == 1 {
		b[len(b)-1] &= 0xf0
	}
	return b
}
