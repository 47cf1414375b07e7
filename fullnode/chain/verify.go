package chain

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/dgraph-io/badger/v4"

	"evident/lightclient/ledger"
)

// verifyPrefix begins the name of the temporary folder.
const verifyPrefix = "verify-"

// Verify recomputes the whole ledger from its genesis: it imports every stored block, with its certificate, into a second,
// temporary ledger beside the first, and wants the same keys and bytes in both. So it finds every signature, hash, root
// and index that is not what it has to be. It needs as much free space again, and nothing is written meanwhile. progress, if
// not nil, hears of each block.
func (c *Chain) Verify(ctx context.Context, progress func(done, of ledger.Height)) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	r, err := c.read()
	if err != nil {
		return nil // nothing is final
	}
	defer r.close()
	if err := c.store.db.VerifyChecksum(); err != nil {
		return fmt.Errorf("verify ledger: %w: %w", ErrDamaged, err)
	}
	dir, err := os.MkdirTemp(c.store.dir, verifyPrefix)
	if err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	defer os.RemoveAll(dir)
	again, err := c.scratch(dir)
	if err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	defer again.Close()
	for h := ledger.Height(0); h <= r.tip.Header.Height; h++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("verify ledger: %w", err)
		}
		if err := c.replayInto(again, r, h); err != nil {
			return fmt.Errorf("verify block %d: %w", h, err)
		}
		if progress != nil {
			progress(h, r.tip.Header.Height)
		}
	}
	rebuilt, err := again.read()
	if err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	defer rebuilt.close()
	if err := sameKeys(r.snapshot, rebuilt.snapshot); err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	return nil
}

// scratch is an empty ledger of the same genesis that need not survive anything.
func (c *Chain) scratch(dir string) (*Chain, error) {
	s, err := openStore(dir, c.store.free, false)
	if err != nil {
		return nil, err
	}
	again := &Chain{store: s, file: c.file, genesis: c.genesis, print: c.print, origin: c.origin, members: c.members,
		engine: c.engine, checker: NewChecker(), changed: make(chan struct{})}
	again.nodes.pending, again.nodes.also = map[string][]byte{}, c.nodes.stored
	if err := again.load(); err != nil {
		again.Close()
		return nil, err
	}
	return again, nil
}

func (c *Chain) replayInto(again *Chain, r reading, h ledger.Height) error {
	header, err := r.header(h)
	if err != nil {
		return err
	}
	block, err := r.body(header)
	if err != nil {
		return err
	}
	certificate, err := r.must("the certificate", heightKey(keyCertificate, h))
	if err != nil {
		return err
	}
	if err := again.Import(block.Block, certificate); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// sameKeys compares two stores key by key. What only says how blocks were written does not count: prepared blocks that
// did not become final, and the marks of parts.
func sameKeys(a, b snapshot) error {
	x, y := newWalk(a), newWalk(b)
	defer x.Close()
	defer y.Close()
	for ; x.Valid() && y.Valid(); x.step() {
		if !bytes.Equal(x.Item().Key(), y.Item().Key()) {
			return fmt.Errorf("%w: key %q here, %q after computing it again", ErrDamaged, x.Item().Key(), y.Item().Key())
		}
		if err := sameValue(x.Item(), y.Item()); err != nil {
			return err
		}
		y.step()
	}
	if x.Valid() || y.Valid() {
		return fmt.Errorf("%w: one of them has more keys than computing it again gives", ErrDamaged)
	}
	return nil
}

func sameValue(x, y *badger.Item) error {
	value, err := y.ValueCopy(nil)
	if err != nil {
		return err
	}
	err = x.Value(func(stored []byte) error {
		if !bytes.Equal(stored, value) {
			return fmt.Errorf("%w: the value of key %q is another after computing it again", ErrDamaged, x.Key())
		}
		return nil
	})
	return err
}

// walk iterates over the keys that follow from the blocks alone.
type walk struct{ *badger.Iterator }

func newWalk(s snapshot) walk {
	w := walk{s.txn.NewIterator(badger.IteratorOptions{})}
	w.Rewind()
	w.settle()
	return w
}

func (w walk) step() {
	w.Next()
	w.settle()
}

// settle moves on to a key that counts. Bodies have been compared when they were imported.
func (w walk) settle() {
	for w.Valid() {
		switch w.Item().Key()[0] {
		case keyPrepared, keyPart, keyBody:
			w.Next()
		default:
			return
		}
	}
}
