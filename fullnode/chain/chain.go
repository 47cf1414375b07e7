// Package chain keeps one ledger on disk: its blocks, their certificates, the state they lead to, and indexes over them.
// What it holds as final has a certificate that it checked and a result that it computed; it never serves bytes that it
// did not compare with a hash, and it never changes or deletes a final block.
//
// A block passes through Execute (a candidate: what the block does to the final state), Prepare (fsynced, so that a
// member may sign it) and Finalize (with its certificate). Import does all of it for a block that comes from a peer.
// DESIGN.md says how this lies in the store and what is true if we stop at any point.
package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain/state"
	"evident/fullnode/contract"
	"evident/lightclient/ledger"
)

// What can be wrong. Every error of this package wraps one of these or a class of package ledger.
var (
	ErrNotFound    = errors.New("not found")
	ErrDamaged     = errors.New("ledger is damaged")                            // fatal: stored bytes are not what their hash says
	ErrLocked      = errors.New("another process uses the ledger")              // at Open
	ErrReadOnly    = errors.New("the ledger's folder cannot be written")        // at Open
	ErrOtherLedger = errors.New("the folder holds another ledger")              // at Open
	ErrForked      = errors.New("the ledger contradicts what the guard signed") // fatal
	ErrBehindGuard = errors.New("the ledger is behind what the guard signed")   // sign nothing before it caught up
	ErrDiskFull    = errors.New("not enough free space")                        // until there is space again
	ErrStale       = errors.New("the height is final already")
	ErrGap         = errors.New("blocks before it are missing")
	ErrInvalid     = errors.New("the block is invalid")
)

// Options are what a Chain needs besides its folder and genesis.
type Options struct {
	Signed  tlog.Tree                       // newest checkpoint in the guard; zero: none
	Free    func(dir string) (int64, error) // free bytes where dir is; nil asks the system
	Checker *Checker                        // shared with whoever checks records first; nil: an own one
	Archive bool                            // keep the state of every block from now on, for StateAt
}

// Head is the newest final block.
type Head struct {
	Header      ledger.Header
	Certificate *ledger.Certificate
}

// tip is the head with all that the next block builds on. It never changes.
type tip struct {
	Head
	hash  tlog.Hash // of the header
	log   edge      // chain log of size height + 1
	state state.Root
}

// next returns the height of the next block.
func (t *tip) next() ledger.Height {
	if t == nil {
		return 0
	}
	return t.Header.Height + 1
}

// Chain is one ledger. Reads may run at any time beside each other and beside one write.
type Chain struct {
	store   *store
	file    []byte // genesis
	genesis *ledger.Genesis
	print   ledger.Fingerprint
	origin  string
	members tlog.Hash // digest of the set
	engine  *contract.Engine
	checker *Checker
	signed  tlog.Tree

	tip    atomic.Pointer[tip] // nil: not even block 0 is final
	nodes  nodes
	blocks blockCache
	why    refusals

	writing sync.Mutex // held while a candidate is executed or written
	stored  atomic.Pointer[Candidate]

	waiting sync.Mutex
	changed chan struct{} // closed when the tip changes
}

// Open opens the ledger of a genesis in dir, or begins it. It checks, in this order:
//
//  1. nobody else has the folder open, it can be written and it is this ledger's;
//  2. every table of the store has its checksum;
//  3. the head's header, its certificate and the chain log agree, and the state's root is there;
//  4. the newest blocks follow each other, with records, certificates and everything derived from them;
//  5. the chain log has the root that the guard signed, as far as it reaches;
//  6. this program can execute every contract in force.
func Open(dir string, genesis []byte, opts Options) (*Chain, error) {
	g, err := ledger.ParseGenesis(genesis)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	c := &Chain{file: bytes.Clone(genesis), genesis: g, print: ledger.GenesisFingerprint(genesis), members: g.Members.Digest(),
		checker: opts.Checker, signed: opts.Signed, changed: make(chan struct{})}
	c.nodes.pending, c.nodes.archive = map[string][]byte{}, opts.Archive
	c.origin = g.Origin(c.print)
	if c.engine, err = contract.NewEngine(c.origin, g.Contracts, g.Members); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if c.checker == nil {
		c.checker = NewChecker()
	}
	if opts.Free == nil {
		opts.Free = freeSpace
	}
	if c.store, err = openStore(dir, opts.Free, true); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	err = c.load()
	if err == nil && c.tip.Load() != nil {
		_, err = c.Contracts()
	}
	if err != nil {
		c.store.close()
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return c, nil
}

// Close releases the folder. Nobody may be reading or writing.
func (c *Chain) Close() error { return c.store.close() }

// Room returns ErrDiskFull while there is not enough free space for another block.
func (c *Chain) Room() error { return c.store.room() }

// Genesis returns the genesis file.
func (c *Chain) Genesis() []byte { return c.file }

// Fingerprint returns the fingerprint of the genesis file.
func (c *Chain) Fingerprint() ledger.Fingerprint { return c.print }

// Origin returns the ledger's name in every signed text.
func (c *Chain) Origin() string { return c.origin }

// Limits returns the genesis settings for the size of blocks.
func (c *Chain) Limits() ledger.Limits { return c.genesis.Limits }

// Members returns the member set in force.
func (c *Chain) Members() ledger.MemberSet { return c.genesis.Members }

// Head returns the newest final block; false: not even block 0 is final.
func (c *Chain) Head() (Head, bool) {
	t := c.tip.Load()
	if t == nil {
		return Head{}, false
	}
	return t.Head, true
}

// Wait returns when the block at height h is final.
func (c *Chain) Wait(ctx context.Context, h ledger.Height) error {
	for {
		c.waiting.Lock()
		changed := c.changed
		c.waiting.Unlock()
		if c.tip.Load().next() > h {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// advance makes t the head that readers see.
func (c *Chain) advance(t *tip) {
	c.tip.Store(t)
	c.waiting.Lock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.waiting.Unlock()
}

// BehindGuard returns ErrBehindGuard until the ledger, with what is prepared, reaches the newest checkpoint that the
// guard held at Open. Until then the node must not sign.
func (c *Chain) BehindGuard() error {
	size := int64(c.tip.Load().next())
	if stored := c.stored.Load(); stored != nil && stored.Tree == c.signed {
		return nil
	}
	if size < c.signed.N {
		return fmt.Errorf("%w: the ledger has %d blocks, the guard signed %d", ErrBehindGuard, size, c.signed.N)
	}
	return nil
}

// Refusal says why a record was left out of a block lately; false if it was not.
func (c *Chain) Refusal(id ledger.RecordID) (*contract.Refusal, bool) { return c.why.get(id) }
