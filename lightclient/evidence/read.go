package evidence

import (
	"context"
	"fmt"
	"io"
	"sync"

	"evident/lightclient/ledger"
)

// MaxBlock is the longest block that anybody has to take: boxo's own limit for bitswap. Ours have at most a MiB.
const MaxBlock = 2 << 20

// Blocks gets a block from somewhere. What it returns is not believed; it may be called from several goroutines.
type Blocks interface {
	Block(ctx context.Context, cid ledger.CID) ([]byte, error)
}

// Reader is a stored file that is read from its blocks, each of which is held to its CID and to the shape of the tree. It
// keeps the path to one leaf and a few leaves in memory.
//
// It reads ahead: while a leaf is used, the next ones are on their way, the more of them the longer the reading goes on in
// order. A jump, to the header of an age file or to a place in a film, costs one leaf.
type Reader struct {
	ctx    context.Context // of all its reading: an io.ReaderAt has no other place for it
	blocks Blocks
	root   ledger.CID
	size   int64
	shape  shape

	mu    sync.Mutex
	last  int64           // leaf that was read last
	ahead int64           // leaves to ask for at a time
	nodes []openNode      // the last node read of each level, highest first
	near  map[int64]*leaf // leaves that are here or on their way
}

// openNode is a node on the path to the leaf read last.
type openNode struct {
	index    int64 // among the nodes of its level
	children []ledger.CID
}

// leaf is one leaf on its way; done is closed when it is here.
type leaf struct {
	done chan struct{}
	data []byte
	err  error
}

// Ahead is how many leaves a Reader asks for at a time, at most.
const Ahead = 8

// maxSize keeps the arithmetic of shapes within 64 bits.
const maxSize = ledger.MaxLogSize

// OpenReader reads the file that root is the tree of. size is the one in the record. ctx bounds all reading.
func OpenReader(ctx context.Context, blocks Blocks, root ledger.CID, size int64) (*Reader, error) {
	return openReader(ctx, blocks, root, size, profile)
}

func openReader(ctx context.Context, blocks Blocks, root ledger.CID, size int64, s shape) (*Reader, error) {
	if size < 0 || size > maxSize {
		return nil, fmt.Errorf("%w: a file of %d bytes", ledger.ErrLimit, size)
	}
	f := &Reader{ctx: ctx, blocks: blocks, root: root, size: size, shape: s, last: -2, ahead: 1, near: map[int64]*leaf{}}
	if isLeaf := root.Codec() == ledger.CodecRaw; isLeaf != (s.height(size) == 0) {
		return nil, fmt.Errorf("open %s: %w", root, ErrTree)
	}
	f.nodes = make([]openNode, s.height(size))
	for i := range f.nodes {
		f.nodes[i].index = -1
	}
	return f, nil
}

// Size returns the file's length.
func (f *Reader) Size() int64 { return f.size }

// ReadAt implements io.ReaderAt.
func (f *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: %w", f.root, ledger.ErrLimit)
	}
	for n < len(p) && off < f.size {
		data, err := f.leaf(off / f.shape.leaf)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], data[off%f.shape.leaf:])
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// leaf returns a leaf, and has the next ones fetched.
func (f *Reader) leaf(index int64) ([]byte, error) {
	leaves := max((f.size+f.shape.leaf-1)/f.shape.leaf, 1)
	f.mu.Lock()
	f.pace(index)
	f.forget(index)
	var wanted *leaf
	for i := index; i < min(index+f.ahead, leaves); i++ {
		l, err := f.fetch(i)
		if err != nil {
			if i > index {
				break // whoever needs it will see why
			}
			f.mu.Unlock()
			return nil, err
		}
		if i == index {
			wanted = l
		}
	}
	f.mu.Unlock()
	select {
	case <-wanted.done:
	case <-f.ctx.Done():
		return nil, f.ctx.Err()
	}
	if wanted.err != nil { // not kept: the next try may find a better node
		f.mu.Lock()
		if f.near[index] == wanted {
			delete(f.near, index)
		}
		f.mu.Unlock()
	}
	return wanted.data, wanted.err
}

// pace finds how far to read ahead.
func (f *Reader) pace(index int64) {
	switch index {
	case f.last:
	case f.last + 1:
		f.ahead = min(2*f.ahead, Ahead)
	default:
		f.ahead = 1
	}
	f.last = index
}

// forget makes room around a leaf. What lies elsewhere may stay for a while: age reads the end before the beginning.
func (f *Reader) forget(index int64) {
	for i := range f.near {
		if len(f.near) > 2*Ahead && (i < index || i > index+Ahead) {
			delete(f.near, i)
		}
	}
}

// fetch starts to get a leaf, unless it is here or on its way.
func (f *Reader) fetch(index int64) (*leaf, error) {
	if l := f.near[index]; l != nil {
		return l, nil
	}
	cid, err := f.find(index)
	if err != nil {
		return nil, err
	}
	l := &leaf{done: make(chan struct{})}
	f.near[index] = l
	go func() {
		defer close(l.done)
		want := min(f.shape.leaf, f.size-index*f.shape.leaf)
		if l.data, l.err = f.block(cid); l.err == nil && int64(len(l.data)) != want {
			l.data, l.err = nil, fmt.Errorf("read leaf %s: %w", cid, ErrTree)
		}
	}()
	return l, nil
}

// find walks down to a leaf and returns its CID. Nodes that lie on the way to the last leaf are not read again.
func (f *Reader) find(index int64) (ledger.CID, error) {
	cid := f.root
	for i := range f.nodes {
		level := len(f.nodes) - i
		below := index / (f.shape.span(level-1) / f.shape.leaf) // the child, among those of its level
		at := below / f.shape.width                             // the node, likewise
		n := &f.nodes[i]
		if n.index != at {
			data, err := f.block(cid)
			if err != nil {
				return ledger.CID{}, err
			}
			span := f.shape.span(level)
			children, err := f.shape.decode(level, min(span, f.size-at*span), data)
			if err != nil {
				return ledger.CID{}, fmt.Errorf("read node %s: %w", cid, err)
			}
			*n = openNode{at, children}
		}
		cid = n.children[below%f.shape.width]
	}
	return cid, nil
}

// block gets a block and checks that it is the one.
func (f *Reader) block(cid ledger.CID) ([]byte, error) {
	data, err := f.blocks.Block(f.ctx, cid)
	if err != nil {
		return nil, fmt.Errorf("get block %s: %w", cid, err)
	}
	if len(data) > MaxBlock {
		return nil, fmt.Errorf("%w: a block of %d bytes", ledger.ErrLimit, len(data))
	}
	if err := cid.Check(data); err != nil {
		return nil, err
	}
	return data, nil
}
