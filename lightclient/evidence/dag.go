package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"evident/lightclient/ledger"
)

// The parameters of the profile unixfs-v1-2025.
const (
	LeafSize  = 1 << 20 // bytes in every leaf but the last
	nodeLinks = 1024
)

// The numbers of the dag-pb and UnixFS encodings.
const (
	unixFSFile   = 2
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

// Block is one block of a tree: a leaf or a node. Data is the maker's, and good
// only until the function that it was given to returns.
type Block struct {
	CID  ledger.CID
	Data []byte
}

// child is a finished leaf or node, as its parent has to describe it.
type child struct {
	cid   ledger.CID
	bytes uint64 // of the file below it
	tree  uint64 // encoded, of itself and everything below it
}

func leafOf(digest [sha256.Size]byte, size int) child {
	return child{ledger.NewCID(ledger.CodecRaw, digest), uint64(size), uint64(size)}
}

// tree builds the balanced tree from the left, keeping only the open node of each level. An open node is closed when a
// further child arrives for it, never before, so a tree is no deeper than its leaves need.
type tree struct {
	width int
	open  []*node           // of each level, lowest first
	emit  func(Block) error // nil: nobody wants the nodes
}

func (t *tree) add(level int, c child) error {
	if level == len(t.open) {
		t.open = append(t.open, new(node))
	}
	n := t.open[level]
	if n.count == t.width {
		closed, err := t.close(n)
		if err != nil {
			return err
		}
		if err := t.add(level+1, closed); err != nil {
			return err
		}
		n.reset()
	}
	n.add(c)
	return nil
}

// finish adds the last leaf, closes everything from there up and returns the root, which is emitted last.
func (t *tree) finish(last child) (child, error) {
	for level := 0; level < len(t.open); level++ {
		if err := t.add(level, last); err != nil {
			return child{}, err
		}
		var err error
		if last, err = t.close(t.open[level]); err != nil {
			return child{}, err
		}
	}
	return last, nil
}

func (t *tree) close(n *node) (child, error) {
	data := n.encode()
	c := child{ledger.NewCID(ledger.CodecDagPB, sha256.Sum256(data)), n.bytes, n.below + uint64(len(data))}
	if t.emit == nil {
		return c, nil
	}
	return c, t.emit(Block{c.cid, data})
}

// clone copies what is open, so that it can be finished and still grow.
func (t *tree) clone() *tree {
	c := &tree{width: t.width, open: make([]*node, len(t.open))}
	for i, n := range t.open {
		open := *n
		open.links, open.sizes = slices.Clone(n.links), slices.Clone(n.sizes)
		c.open[i] = &open
	}
	return c
}

// node is a dag-pb node under construction.
type node struct {
	count int
	links []byte // encoded
	sizes []byte // encoded UnixFS block sizes
	bytes uint64 // of the file below it
	below uint64 // encoded bytes below it
}

func (n *node) reset() { *n = node{links: n.links[:0], sizes: n.sizes[:0]} }

func (n *node) add(c child) {
	n.links = append(n.links, pbLink, byte(2+len(c.cid)+2+1+varintSize(c.tree)), linkHash, byte(len(c.cid)))
	n.links = append(n.links, c.cid[:]...)
	n.links = append(n.links, linkName, 0, linkTsize)
	n.links = binary.AppendUvarint(n.links, c.tree)
	n.sizes = binary.AppendUvarint(append(n.sizes, fileSubtotal), c.bytes)
	n.count++
	n.bytes += c.bytes
	n.below += c.tree
}

// encode returns the block; the node needs a reset before it takes more links.
func (n *node) encode() []byte {
	b := append(n.links, pbData)
	b = binary.AppendUvarint(b, uint64(3+varintSize(n.bytes)+len(n.sizes)))
	b = append(b, fileType, unixFSFile, fileSize)
	b = binary.AppendUvarint(b, n.bytes)
	n.links = append(b, n.sizes...)
	return n.links
}

func varintSize(v uint64) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], v)
}

// shape is the form of every tree with these parameters. It depends on the
// file's size alone, so a reader knows what each node has to look like before
// it sees it, and a node can lie about nothing but its children's CIDs.
type shape struct {
	leaf  int64
	width int64
}

var profile = shape{LeafSize, nodeLinks}

// span is what a full subtree of a level holds; level 0 is a leaf.
func (s shape) span(level int) int64 {
	span := s.leaf
	for range level {
		span *= s.width
	}
	return span
}

// height is the level of the root of a file.
func (s shape) height(size int64) int {
	level := 0
	for s.span(level) < size {
		level++
	}
	return level
}

// children returns what a node of a level above the leaves, over size bytes, says of its children but for their CIDs.
func (s shape) children(level int, size int64) []child {
	full := s.full(level)
	return s.split(full, level, size)
}

// full describes the full subtree of each level below the given one.
func (s shape) full(level int) []child {
	full := []child{{bytes: uint64(s.leaf), tree: uint64(s.leaf)}}
	for l := 1; l < level; l++ {
		full = append(full, s.describe(slices.Repeat(full[l-1:], int(s.width))))
	}
	return full
}

// split divides size bytes among the children of a node: all are full but the last.
func (s shape) split(full []child, level int, size int64) []child {
	below := full[level-1]
	count := (size + int64(below.bytes) - 1) / int64(below.bytes)
	list := slices.Repeat([]child{below}, int(count))
	rest := size - (count-1)*int64(below.bytes)
	switch {
	case rest == int64(below.bytes):
	case level == 1:
		list[count-1] = child{bytes: uint64(rest), tree: uint64(rest)}
	default:
		list[count-1] = s.describe(s.split(full, level-1, rest))
	}
	return list
}

// describe returns what a node's parent says of it, but for its CID.
func (s shape) describe(children []child) child {
	n := s.node(children)
	return child{bytes: n.bytes, tree: n.below + uint64(len(n.encode()))}
}

func (s shape) node(children []child) *node {
	n := new(node)
	for _, c := range children {
		n.add(c)
	}
	return n
}

// decode returns the CIDs in a node's block, which has to be exactly the block that the builder makes of them.
func (s shape) decode(level int, size int64, data []byte) ([]ledger.CID, error) {
	codec := byte(ledger.CodecDagPB)
	if level == 1 {
		codec = ledger.CodecRaw
	}
	children := s.children(level, size)
	cids := make([]ledger.CID, len(children))
	rest := data
	for i := range children {
		length := 2 + 2 + len(cids[i]) + 2 + 1 + varintSize(children[i].tree)
		if len(rest) < length {
			return nil, ErrTree
		}
		cid, err := ledger.CIDFromBytes(rest[4 : 4+len(cids[i])])
		if err != nil || cid.Codec() != codec {
			return nil, ErrTree
		}
		children[i].cid, cids[i] = cid, cid
		rest = rest[length:]
	}
	if !bytes.Equal(s.node(children).encode(), data) {
		return nil, ErrTree
	}
	return cids, nil
}
