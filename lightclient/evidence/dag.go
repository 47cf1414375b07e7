package evidence

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash"
	"slices"
)

// The parameters of the profile unixfs-v1-2025.
const (
	leafSize  = 1 << 20
	nodeLinks = 1024
)

// Multicodec and multihash numbers that make up a CID.
const (
	cidV1        = 0x01
	codecRaw     = 0x55
	codecDagPB   = 0x70
	hashSHA256   = 0x12
	unixFSFile   = 2
	cidByteSize  = 4 + sha256.Size
	wireVarint   = 0
	wireBytes    = 2
	pbLink       = 2<<3 | wireBytes  // PBNode.Links
	pbData       = 1<<3 | wireBytes  // PBNode.Data
	linkHash     = 1<<3 | wireBytes  // PBLink.Hash
	linkName     = 2<<3 | wireBytes  // PBLink.Name
	linkTsize    = 3<<3 | wireVarint // PBLink.Tsize
	fileType     = 1<<3 | wireVarint // UnixFS Data.Type
	fileSize     = 3<<3 | wireVarint // UnixFS Data.filesize
	fileSubtotal = 4<<3 | wireVarint // UnixFS Data.blocksizes
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// child is a finished leaf or node, as its parent has to describe it.
type child struct {
	cid   [cidByteSize]byte
	bytes uint64 // of the file below it
	tree  uint64 // encoded, of itself and everything below it
}

// newChild takes its content's hash from sha; scratch is only there to save an allocation for each leaf of a long file.
func newChild(codec byte, sha hash.Hash, bytes, tree uint64, scratch []byte) child {
	c := child{bytes: bytes, tree: tree}
	copy(c.cid[:], sha.Sum(append(scratch[:0], cidV1, codec, hashSHA256, sha256.Size)))
	return c
}

// dag builds the balanced tree from the left, keeping only the open node of each level. An open node is closed when a
// further child arrives for it, never before, so a tree is no deeper than its leaves need.
type dag struct {
	leafSize int64
	links    int
	leaf     hash.Hash // the open leaf
	filled   int64     // bytes in it
	levels   []*node   // the open node of each level, lowest first
	scratch  []byte
}

func newDAG(leafSize int64, links int) *dag {
	return &dag{leafSize: leafSize, links: links, leaf: sha256.New(), scratch: make([]byte, 0, cidByteSize)}
}

func (d *dag) write(p []byte) {
	for len(p) > 0 {
		if d.filled == d.leafSize {
			d.add(0, d.closeLeaf())
			d.leaf.Reset()
			d.filled = 0
		}
		n := min(int64(len(p)), d.leafSize-d.filled)
		d.leaf.Write(p[:n])
		d.filled += n
		p = p[n:]
	}
}

func (d *dag) closeLeaf() child {
	return newChild(codecRaw, d.leaf, uint64(d.filled), uint64(d.filled), d.scratch)
}

func (d *dag) add(level int, c child) {
	if level == len(d.levels) {
		d.levels = append(d.levels, newNode())
	}
	n := d.levels[level]
	if n.links == d.links {
		d.add(level+1, n.close())
		n.reset()
	}
	n.add(c)
}

// root closes a copy of everything that is open, from the leaf up.
func (d *dag) root() string {
	open := &dag{leafSize: d.leafSize, links: d.links, levels: make([]*node, len(d.levels))}
	for i, n := range d.levels {
		open.levels[i] = n.clone()
	}
	top := d.closeLeaf()
	for level := 0; level < len(open.levels); level++ {
		open.add(level, top)
		top = open.levels[level].close()
	}
	return "b" + base32Lower.EncodeToString(top.cid[:])
}

// node is a dag-pb node under construction. Its links come first in the encoding, so they are hashed as they arrive and
// only the UnixFS block sizes, which follow them, have to be kept.
type node struct {
	sha     hash.Hash
	links   int
	encoded uint64 // bytes hashed
	bytes   uint64 // of the file below it
	below   uint64 // encoded bytes below it
	sizes   []byte // encoded UnixFS block sizes
	scratch []byte
}

func newNode() *node { return &node{sha: sha256.New(), scratch: make([]byte, 0, 64)} }

func (n *node) reset() {
	n.sha.Reset()
	*n = node{sha: n.sha, sizes: n.sizes[:0], scratch: n.scratch}
}

func (n *node) clone() *node {
	sha, err := n.sha.(hash.Cloner).Clone()
	if err != nil {
		panic("evidence: SHA-256 cannot be copied: " + err.Error())
	}
	c := *n
	c.sha, c.sizes, c.scratch = sha, slices.Clone(n.sizes), make([]byte, 0, cap(n.scratch))
	return &c
}

func (n *node) add(c child) {
	size := varintSize(c.tree)
	b := append(n.scratch[:0], pbLink, byte(1+1+cidByteSize+1+1+1+size))
	b = append(b, linkHash, cidByteSize)
	b = append(b, c.cid[:]...)
	b = append(b, linkName, 0, linkTsize)
	b = binary.AppendUvarint(b, c.tree)
	n.hash(b)

	n.sizes = binary.AppendUvarint(append(n.sizes, fileSubtotal), c.bytes)
	n.links++
	n.bytes += c.bytes
	n.below += c.tree
}

// close hashes the UnixFS part and returns the node as a child; the node needs a reset before it takes more links.
func (n *node) close() child {
	size := 2 + 1 + varintSize(n.bytes) + len(n.sizes)
	b := binary.AppendUvarint(append(n.scratch[:0], pbData), uint64(size))
	b = append(b, fileType, unixFSFile, fileSize)
	b = binary.AppendUvarint(b, n.bytes)
	n.hash(b)
	n.hash(n.sizes)
	return newChild(codecDagPB, n.sha, n.bytes, n.encoded+n.below, b)
}

func (n *node) hash(b []byte) {
	n.sha.Write(b)
	n.encoded += uint64(len(b))
}

func varintSize(v uint64) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], v)
}
