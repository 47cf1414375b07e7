package testnet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"evident/fullnode/chain"
	"evident/fullnode/finality/guard"
	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

// Witness is everything that clients and members were told, and that must hold
// for ever after.
type Witness struct {
	mu        sync.Mutex
	receipts  map[ledger.RecordID]bool
	finals    map[ledger.RecordID]ledger.Height
	cosigned  map[string]map[int64]tlog.Tree // by member and size
	conflicts []string
}

func newWitness() Witness {
	return Witness{receipts: map[ledger.RecordID]bool{}, finals: map[ledger.RecordID]ledger.Height{}, cosigned: map[string]map[int64]tlog.Tree{}}
}

func (w *Witness) promised(r *ledger.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.receipts[r.ID] = true
}

func (w *Witness) final(r *ledger.Record, h ledger.Height) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if before, known := w.finals[r.ID]; known && before != h {
		w.conflicts = append(w.conflicts, fmt.Sprintf("record %s final at %d and at %d", r.ID, before, h))
	}
	w.finals[r.ID] = h
}

func (w *Witness) finalSize() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	size := int64(0)
	for _, h := range w.finals {
		size = max(size, int64(h)+1)
	}
	return size
}

// Cosigned notes that a member's valid cosignature on a tree was seen.
func (w *Witness) Cosigned(member string, tree tlog.Tree) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cosigned[member] == nil {
		w.cosigned[member] = map[int64]tlog.Tree{}
	}
	if before, known := w.cosigned[member][tree.N]; known && before != tree {
		w.conflicts = append(w.conflicts, fmt.Sprintf("%s cosigned two trees of size %d", member, tree.N))
	}
	w.cosigned[member][tree.N] = tree
}

// CheckLedger verifies stopped nodes from genesis on: every byte of each one's
// ledger, the same blocks at the same heights in all, every record once, every
// record there that a client holds a final answer or a receipt for, and no
// member's signature on two trees of one size, guards included. Nodes whose
// indexes are given may be behind, and lack what came later.
func (c *Consortium) CheckLedger(behind ...int) {
	c.Helper()
	found := make([]*contents, len(c.Places))
	var checks sync.WaitGroup
	for i, p := range c.Places {
		checks.Go(func() {
			var err error
			if found[i], err = c.checkNode(p); err != nil {
				c.Errorf("ledger of %s: %v", p.Member.Name, err)
			}
		})
	}
	checks.Wait()
	var longest contents
	for i, one := range found {
		if one == nil {
			continue
		}
		common := min(len(one.headers), len(longest.headers))
		if !slices.Equal(one.headers[:common], longest.headers[:common]) {
			c.Errorf("the ledger of %s is another than that of members before it", c.Places[i].Member.Name)
		}
		if want := c.finalSize(); int64(len(one.headers)) < want && !slices.Contains(behind, i) {
			c.Errorf("%s has %d blocks, a client saw %d final", c.Places[i].Member.Name, len(one.headers), want)
		}
		if len(one.headers) > len(longest.headers) {
			longest = *one
		}
	}
	c.checkTold(longest.records)
}

// contents is what one node's ledger holds.
type contents struct {
	headers []tlog.Hash
	records map[ledger.RecordID]ledger.Height
}

// checkNode verifies one node; nil if it never started, or a test plays it.
func (c *Consortium) checkNode(p *Place) (*contents, error) {
	if _, err := os.Stat(filepath.Join(p.Dir, "ledger")); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	signed, err := c.checkGuard(p)
	if err != nil {
		return nil, err
	}
	stored, err := chain.Open(filepath.Join(p.Dir, "ledger"), c.File, chain.Options{Signed: signed})
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	if err := stored.Verify(context.Background(), nil); err != nil {
		return nil, err
	}
	found := &contents{records: map[ledger.RecordID]ledger.Height{}}
	head, ok := stored.Head()
	for h := ledger.Height(0); ok && h <= head.Header.Height; h++ {
		block, err := c.readBlock(stored, h)
		if err != nil {
			return nil, err
		}
		if err := found.add(block); err != nil {
			return nil, fmt.Errorf("block %d: %w", h, err)
		}
	}
	return found, nil
}

// add counts a block in, whose records must all be new.
func (f *contents) add(block ledger.Block) error {
	f.headers = append(f.headers, block.Header.Hash())
	for _, n := range block.Notes {
		r, err := ledger.ParseRecord(n)
		if err != nil {
			return err
		}
		if at, twice := f.records[r.ID]; twice {
			return fmt.Errorf("record %s stands at %d too", r.ID, at)
		}
		f.records[r.ID] = block.Header.Height
	}
	return nil
}

// readBlock returns a block and notes who cosigned it.
func (c *Consortium) readBlock(stored *chain.Chain, h ledger.Height) (ledger.Block, error) {
	text, err := stored.Certificate(h)
	if err != nil {
		return ledger.Block{}, err
	}
	certificate, err := ledger.OpenCertificate(c.Origin, c.Members(), text)
	if err != nil {
		return ledger.Block{}, err
	}
	for _, s := range certificate.Cosignatures {
		c.Cosigned(s.Member, certificate.Tree)
	}
	return stored.Block(h)
}

// checkGuard notes what a member's guard says it signed last. A guard that is
// no longer in its own folder signs nothing.
func (c *Consortium) checkGuard(p *Place) (tlog.Tree, error) {
	g, err := guard.Open(filepath.Join(p.Dir, "guard"), c.Origin, time.Now)
	if errors.Is(err, guard.ErrCopied) || errors.Is(err, guard.ErrMissing) {
		return tlog.Tree{}, nil
	}
	if err != nil {
		return tlog.Tree{}, err
	}
	defer g.Close()
	last := g.Last()
	if last.N > 0 {
		c.Cosigned(p.Member.Name, last)
	}
	return last, nil
}

// checkTold holds the ledgers to what clients were told.
func (c *Consortium) checkTold(records map[ledger.RecordID]ledger.Height) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, h := range c.finals {
		if at, ok := records[id]; !ok || at != h {
			c.Errorf("record %s was final at %d; found %v at %d", id, h, ok, at)
		}
	}
	for id := range c.receipts {
		if _, ok := records[id]; !ok {
			c.Errorf("record %s has a receipt and is in no block", id)
		}
	}
	for _, conflict := range c.conflicts {
		c.Error(conflict)
	}
	c.Logf("%d records final, %d receipts, cosignatures of %v", len(c.finals), len(c.receipts), slices.Sorted(maps.Keys(c.cosigned)))
}
