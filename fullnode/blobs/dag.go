package blobs

import (
	"context"
	"errors"
	"fmt"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// MaxFile bounds a file, in bytes: 1 TiB, two levels of nodes above its leaves.
const MaxFile = 1 << 40

// ErrDAG is a DAG that is not that of a file of the size in the record. It will not become one.
var ErrDAG = errors.New("not the DAG of a file of this size")

// part is the subtree of a file that a block is the root of. The file's size decides what it has to look like.
type part struct {
	cid   ledger.CID
	level int   // 0 is a leaf
	start int64 // place of its first byte in the file
	size  int64 // bytes of the file
}

func fileRoot(c ledger.CID, size int64) part {
	return part{cid: c, level: evidence.Level(size), size: size}
}

// children reads the part's block, which has to be exactly what a file of that size has there.
func (p part) children(data []byte) ([]part, error) {
	if p.level == 0 {
		return nil, p.checkLeaf(len(data))
	}
	if p.cid.Codec() != ledger.CodecDagPB {
		return nil, fmt.Errorf("%w: %s is a leaf where a node is to be", ErrDAG, p.cid)
	}
	cids, err := evidence.Children(p.level, p.size, data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDAG, p.cid, err)
	}
	parts := make([]part, len(cids))
	span := evidence.Span(p.level - 1)
	for i, c := range cids {
		before := int64(i) * span
		parts[i] = part{cid: c, level: p.level - 1, start: p.start + before, size: min(span, p.size-before)}
	}
	return parts, nil
}

func (p part) checkLeaf(bytes int) error {
	if p.cid.Codec() != ledger.CodecRaw || int64(bytes) != p.size {
		return fmt.Errorf("%w: leaf %s has %d bytes instead of %d", ErrDAG, p.cid, bytes, p.size)
	}
	return nil
}

// pinning makes one root refer to every block of its file. A block is referred to after all below it, so that a
// reference says: everything below is here. That makes a pin resumable, and it visits a block once, however many
// paths lead to it.
type pinning struct {
	store *store
	root  ledger.CID
	epoch int64 // a pin of a later epoch looks at every block again
	// fetch stores the blocks that are missing here, or says why it cannot.
	fetch func(ctx context.Context, missing []ledger.CID) error
}

// pin makes the root's whole file stay.
func (p *pinning) pin(ctx context.Context, size int64) error {
	// The root always proves the size: another record may have had it pinned with another one.
	root := fileRoot(p.root, size)
	data, err := p.read(ctx, p.root)
	if err != nil {
		return err
	}
	if _, err := root.children(data); err != nil {
		return err
	}
	return p.visit(ctx, root)
}

func (p *pinning) visit(ctx context.Context, at part) error {
	if seen, err := p.store.referred(at.cid, p.root, p.epoch); seen || err != nil {
		return err
	}
	if at.level == 0 {
		return p.visitLeaf(ctx, at)
	}
	data, err := p.read(ctx, at.cid)
	if err != nil {
		return err
	}
	below, err := at.children(data)
	if err != nil {
		return err
	}
	if at.level == 1 {
		if err := p.fetchAll(ctx, below); err != nil {
			return err
		}
	}
	for _, child := range below {
		if err := p.visit(ctx, child); err != nil {
			return err
		}
	}
	return p.store.refer(at.cid, p.root, p.epoch)
}

// visitLeaf needs not read it: the store knows its size.
func (p *pinning) visitLeaf(ctx context.Context, at part) error {
	if err := p.fetchAll(ctx, []part{at}); err != nil {
		return err
	}
	n, err := p.store.size(at.cid)
	if err != nil {
		return fmt.Errorf("%s: %w", at.cid, err)
	}
	if err := at.checkLeaf(n); err != nil {
		return err
	}
	return p.store.refer(at.cid, p.root, p.epoch)
}

// bring fetches what is missing below a part, and refers to nothing.
func (p *pinning) bring(ctx context.Context, at part, seen map[ledger.CID]bool) error {
	if seen[at.cid] {
		return nil
	}
	seen[at.cid] = true
	data, err := p.read(ctx, at.cid)
	if err != nil {
		return err
	}
	below, err := at.children(data)
	if err != nil || at.level == 1 {
		return errors.Join(err, p.fetchAll(ctx, below))
	}
	for _, child := range below {
		if err := p.bring(ctx, child, seen); err != nil {
			return err
		}
	}
	return nil
}

func (p *pinning) read(ctx context.Context, c ledger.CID) ([]byte, error) {
	data, err := p.store.get(c)
	if !errors.Is(err, ErrMissing) {
		return data, err
	}
	if err := p.fetch(ctx, []ledger.CID{c}); err != nil {
		return nil, err
	}
	return p.store.get(c)
}

// fetchAll fetches what is missing, each block once.
func (p *pinning) fetchAll(ctx context.Context, parts []part) error {
	var missing []ledger.CID
	asked := map[ledger.CID]bool{}
	for _, at := range parts {
		if !asked[at.cid] && !p.store.has(at.cid) {
			missing = append(missing, at.cid)
		}
		asked[at.cid] = true
	}
	if len(missing) == 0 {
		return nil
	}
	return p.fetch(ctx, missing)
}

// walk visits the blocks of a file that hold its bytes from … to (exclusive), parents first. It visits the block of a
// part that is wanted whole only once, whatever paths lead to it.
func walk(root part, from, to int64, get func(ledger.CID) ([]byte, error), see func(ledger.CID, []byte) error) error {
	seen := map[ledger.CID]bool{}
	var visit func(at part) error
	visit = func(at part) error {
		if seen[at.cid] {
			return nil
		}
		data, err := get(at.cid)
		if err != nil {
			return err
		}
		below, err := at.children(data)
		if err != nil {
			return err
		}
		seen[at.cid] = at.start >= from && at.start+at.size <= to
		if err := see(at.cid, data); err != nil {
			return err
		}
		for _, child := range below {
			if child.start+child.size > from && child.start < to {
				if err := visit(child); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return visit(root)
}
