// Package evidence is the way of an evidence file's bytes: it names a file by its content, makes the blocks in which it is
// stored, and reads them back from people who must not be trusted.
//
// Naming: one pass over the bytes gives the SHA-256 that people compare and the CID under which IPFS stores the same
// bytes. The CID is the root of the file's UnixFS tree under the profile unixfs-v1-2025: CIDv1, SHA-256, raw leaves of
// 1 MiB, dag-pb nodes of at most 1,024 links, balanced. Any IPFS importer with these parameters computes the same CID, so
// a record made here can be checked with tools that are not ours. For the five bytes "hello":
//
//	sha256  2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
//	cid     bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq
//	size    5
//
// Storing: Split makes the blocks of a file in one pass, leaves first and the root last. Store does the same for what is
// not the file itself but made of it, such as its sealed Form in package seal.
//
// Reading: the size in the record fixes the shape of the whole tree, and the CID its content. Every block is held to both
// before its bytes are used, so whoever serves blocks can withhold them and do nothing else.
//
// The package never holds a file in memory, whatever its size, and never sends a byte anywhere.
package evidence

import (
	"crypto/sha256"
	"errors"
	"hash"
)

var (
	// ErrChanged means that the file was written to or replaced while it was read, so there is no one content to name.
	ErrChanged = errors.New("the file changed while it was being read")
	// ErrNotFile means that the path leads to something without a content of its own: a folder, a device, a pipe.
	ErrNotFile = errors.New("not a regular file")
	// ErrTree means that a block has its CID, but is not the node that a file of this size has at this place.
	ErrTree = errors.New("not a node of the tree of a file of this size")
)

// Digest is what identifies a file's content.
type Digest struct {
	SHA256 [32]byte
	CID    string
	Size   int64
}

// Hasher computes a Digest from bytes written to it in pieces of any size.
type Hasher struct {
	whole  hash.Hash
	leaf   hash.Hash         // the open leaf
	filled int64             // bytes in it
	digest [sha256.Size]byte // of the last leaf; here to save an allocation for each
	shape  shape
	tree   *tree
	size   int64
}

// NewHasher returns a Hasher over no bytes yet.
func NewHasher() *Hasher { return newHasher(LeafSize, nodeLinks) }

func newHasher(leaf, links int64) *Hasher {
	return &Hasher{whole: sha256.New(), leaf: sha256.New(), shape: shape{leaf, links}, tree: &tree{width: int(links)}}
}

// Write adds p to the content. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	h.whole.Write(p)
	h.write(p)
	return len(p), nil
}

// write adds p to the tree.
func (h *Hasher) write(p []byte) {
	h.size += int64(len(p))
	for len(p) > 0 {
		if h.filled == h.shape.leaf {
			h.tree.add(0, h.closeLeaf()) // fails only where blocks are emitted
			h.leaf.Reset()
			h.filled = 0
		}
		n := min(int64(len(p)), h.shape.leaf-h.filled)
		h.leaf.Write(p[:n])
		h.filled += n
		p = p[n:]
	}
}

func (h *Hasher) closeLeaf() child {
	h.leaf.Sum(h.digest[:0])
	return leafOf(h.digest, int(h.filled))
}

// Sum returns the Digest of everything written so far; more may be written afterwards.
func (h *Hasher) Sum() Digest {
	root, _ := h.tree.clone().finish(h.closeLeaf()) // fails only where blocks are emitted
	d := Digest{CID: root.cid.String(), Size: h.size}
	h.whole.Sum(d.SHA256[:0])
	return d
}

// CID returns the CID of everything written so far.
func (h *Hasher) CID() string { return h.Sum().CID }
