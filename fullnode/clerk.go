package fullnode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"evident/fullnode/chain"
	"evident/fullnode/finality"
	"evident/fullnode/finality/guard"
	"evident/fullnode/order"
	"evident/lightclient/ledger"
)

// reminder is how long a block may be open before the clerk tells its
// cosignature again and asks for what it misses.
const reminder = 250 * time.Millisecond

// imported is a block from a peer, on its way to the clerk.
type imported struct {
	block       ledger.Block
	certificate []byte
	done        chan error
}

// clerk is the state of the one goroutine that executes, cosigns and makes
// final. Everything it does goes through here, so that a block is finished
// before the next one begins.
type clerk struct {
	*Node
	finality  *finality.State
	candidate *chain.Candidate // the open block, on disk but not final
	index     uint64           // its place in Raft's log; 0 for one that did not come from there
	signed    bool             // this member cosigned it
	opened    time.Time

	// While the disk has no room:
	unprepared  bool                // the open block is not on disk yet
	certificate *ledger.Certificate // the open block has one and is not final on disk
}

// clerk works until ctx ends. It returns an error only when the node's own
// state is unknown.
func (n *Node) clerk(ctx context.Context) error {
	c := &clerk{Node: n, finality: finality.New(n.origin, n.genesis.Members, n.finalTree())}
	tick := time.NewTicker(reminder)
	defer tick.Stop()
	if err := c.resume(ctx); err != nil {
		return err
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-n.committed.signal:
		case in := <-n.inbox:
			err = c.step(ctx, in)
		case b := <-n.imports:
			b.done <- c.adopt(b)
		case <-tick.C:
			err = c.remind(ctx)
		}
		if err == nil {
			err = c.advance(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// resume opens block 0 on a new ledger, or the block that was executed but not
// final when the node stopped.
func (c *clerk) resume(ctx context.Context) error {
	if candidate := c.chain.Stored(); candidate != nil {
		return c.open(ctx, candidate)
	}
	if _, ok := c.chain.Head(); ok {
		return nil
	}
	candidate, err := c.chain.GenesisCandidate()
	if err != nil {
		return err
	}
	return c.prepare(ctx, candidate)
}

// advance executes the committed proposals, in the order of the log. The first
// that fits on the final block counts, on every member alike; one that does not
// fit is nothing, whatever its height.
func (c *clerk) advance(ctx context.Context) error {
	for c.candidate == nil {
		p, ok, behind := c.committed.take(c.size())
		if behind {
			c.needBlocks()
		}
		if !ok {
			return nil
		}
		candidate, err := c.chain.Execute(p.Proposal)
		if errors.Is(err, chain.ErrStale) || errors.Is(err, chain.ErrGap) || errors.Is(err, chain.ErrInvalid) {
			continue
		}
		if err != nil {
			return fmt.Errorf("execute block %d: %w", p.Height, err)
		}
		c.index = p.index
		if err := c.prepare(ctx, candidate); err != nil {
			return err
		}
	}
	return nil
}

// prepare puts the executed block on disk (S5) and opens it.
func (c *clerk) prepare(ctx context.Context, candidate *chain.Candidate) error {
	err := c.chain.Prepare(candidate)
	if errors.Is(err, chain.ErrDiskFull) {
		c.log.Warn("the disk is full: this node waits for room", "height", candidate.Header.Height)
		c.candidate, c.unprepared, c.opened = candidate, true, time.Now()
		return nil
	}
	if err != nil {
		return fmt.Errorf("prepare block %d: %w", candidate.Header.Height, err)
	}
	return c.open(ctx, candidate)
}

func (c *clerk) open(ctx context.Context, candidate *chain.Candidate) error {
	c.candidate, c.unprepared, c.signed, c.opened = candidate, false, false, time.Now()
	return c.step(ctx, finality.Candidate{Tree: candidate.Tree})
}

// step lets finality decide, and does what it says.
func (c *clerk) step(ctx context.Context, in finality.Input) error {
	outputs := c.finality.Step(in)
	if in, ok := in.(finality.Cosigned); ok {
		if kept, ok := c.finality.Latest(in.Member); ok {
			c.seen.note(kept)
		}
	}
	for _, out := range outputs {
		switch out := out.(type) {
		case finality.Cosign:
			if err := c.cosign(ctx); err != nil {
				return err
			}
		case finality.Certified:
			return c.finalize(out.Certificate)
		case finality.Behind:
			c.needBlocks()
		case finality.Diverged:
			c.fail(fmt.Errorf("a quorum cosigned another block %d than this node executed: run evidentd fsck", out.Certificate.Height()))
		case finality.Misbehaviour:
			c.accuse(out)
		}
	}
	return nil
}

// cosign asks the guard. A refusal is no failure: the others may go on.
func (c *clerk) cosign(ctx context.Context) error {
	if c.signed || !c.ready.Load() {
		return nil
	}
	block := guard.Block{Header: c.candidate.Header, Log: c.chain.HashReader()}
	if head, ok := c.chain.Head(); ok {
		block.Parent, block.Final = &head.Header, head.Certificate
	}
	tree, signature, err := c.guard.Cosign(block)
	if err != nil {
		c.log.Debug("not cosigned", "height", c.candidate.Header.Height, "err", err)
		return nil
	}
	if tree != c.candidate.Tree {
		c.fail(fmt.Errorf("the ledger computed another tree for block %d than the guard", c.candidate.Header.Height))
		return nil
	}
	c.signed = true
	own := finality.Cosigned{Member: c.self.Name, Tree: tree, Lines: signature.Lines}
	c.own.Store(&own)
	c.tell(ctx, own)
	return c.step(ctx, own)
}

// tell sends our cosignature to every member, and takes in what they answer.
func (n *Node) tell(ctx context.Context, own finality.Cosigned) {
	msg := formatCosigned(n.origin, own)
	for _, name := range n.peers.names() {
		go func() {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			answer, err := n.peers.cosignature(ctx, name, msg)
			if err != nil || len(answer) == 0 {
				return
			}
			if n.size() >= own.Tree.N {
				return // final here since: what the others have on it is no news
			}
			if certificate, err := ledger.OpenCertificate(n.origin, n.genesis.Members, answer); err == nil {
				n.learn(ctx, certificate)
				return
			}
			if c, err := parseCosigned(n.origin, name, answer); err == nil {
				n.cosigned(ctx, c)
			}
		}()
	}
}

// learn hands the cosignatures of a certificate to the clerk, one by one.
func (n *Node) learn(ctx context.Context, c *ledger.Certificate) {
	for _, s := range c.Cosignatures {
		n.cosigned(ctx, finality.Cosigned{Member: s.Member, Tree: c.Tree, Lines: s.Lines})
	}
}

// cosigned hands a cosignature to the clerk.
func (n *Node) cosigned(ctx context.Context, c finality.Cosigned) {
	select {
	case n.inbox <- c:
	case <-ctx.Done():
	}
}

// finalize makes the open block final, on disk and for everyone who waits. On
// a full disk the certificate is kept until there is room.
func (c *clerk) finalize(certificate *ledger.Certificate) error {
	candidate := c.candidate
	err := c.chain.Finalize(candidate, certificate)
	if errors.Is(err, chain.ErrDiskFull) {
		c.certificate = certificate
		return nil
	}
	if err != nil {
		return fmt.Errorf("finalize block %d: %w", candidate.Header.Height, err)
	}
	c.intake.settle(candidate.Header.Height, candidate.Records, candidate.Refused)
	c.storeApplied(c.index, certificate.Tree.N)
	return c.closed(certificate)
}

// adopt takes a final block from a peer in, verified and executed by the chain.
func (c *clerk) adopt(b imported) error {
	if err := c.chain.Import(b.block, b.certificate); err != nil {
		if errors.Is(err, chain.ErrDamaged) {
			c.fail(err) // a quorum signed the block: what is wrong is this ledger
		}
		return err
	}
	head, _ := c.chain.Head()
	var records []*ledger.Record
	for _, checked := range c.checker.CheckAll(b.block.Notes) {
		records = append(records, checked.Record) // import has accepted every one
	}
	c.intake.settle(head.Header.Height, records, nil)
	return c.closed(head.Certificate)
}

func (c *clerk) closed(certificate *ledger.Certificate) error {
	c.candidate, c.certificate, c.unprepared = nil, nil, false
	c.seen.certificate(certificate)
	c.finality.Step(finality.Final{Tree: certificate.Tree})
	return nil
}

// remind repeats, for a block that stays open, what a message may have lost:
// the guard is asked again (a clock may have caught up), and so are the peers.
func (c *clerk) remind(ctx context.Context) error {
	if c.candidate == nil || time.Since(c.opened) < reminder {
		return nil
	}
	if c.unprepared {
		return c.prepare(ctx, c.candidate)
	}
	if c.certificate != nil {
		return c.finalize(c.certificate)
	}
	if err := c.cosign(ctx); err != nil || c.candidate == nil {
		return err
	}
	if own := c.ownCosignature(); own.Tree == c.candidate.Tree {
		c.tell(ctx, own)
	}
	if time.Since(c.opened) > 4*reminder {
		c.needBlocks()
	}
	return nil
}

func (n *Node) accuse(m finality.Misbehaviour) {
	n.log.Error("a member cosigned two trees of one size", "member", m.Member, "size", m.First.Tree.N)
	if err := n.misbehaviour.keep(m); err != nil {
		n.log.Error("keep the accusation", "member", m.Member, "err", err)
	}
}

// ordered is a proposal with its place in Raft's log.
type ordered struct {
	chain.Proposal
	index uint64
}

// maxMailbox bounds the proposals that wait for the clerk. An honest leader has
// one open; more wait only where a member lags behind a quorum of the others.
const maxMailbox = 64

// mailbox is the queue between Raft, which never waits, and the clerk. Which
// proposal counts for a height is decided by its place in the log, so nothing
// may be executed behind a proposal that was passed over: floor is the size
// that the ledger has to reach, by blocks from peers, before the clerk goes on.
type mailbox struct {
	signal chan struct{}

	mu     sync.Mutex
	queue  []ordered
	floor  int64
	passed int64 // proposals passed over since the queue was last full
}

// put returns false when there was no room and the proposal was passed over.
// One whose height cannot be reached by what came before it is nothing to any
// member, and raises no floor.
func (m *mailbox) put(p ordered, size int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == maxMailbox {
		if m.passed++; int64(p.Height) < max(size, m.floor)+maxMailbox+m.passed {
			m.floor = max(m.floor, int64(p.Height)+1)
		}
		return false
	}
	m.queue = append(m.queue, p)
	signal(m.signal)
	return true
}

// raise sets the size that the ledger has to reach first.
func (m *mailbox) raise(floor int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.floor = max(m.floor, floor)
}

// take returns the next proposal that is not final yet; behind says that blocks
// are missing before the next one.
func (m *mailbox) take(size int64) (p ordered, ok, behind bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.queue) > 0 && int64(m.queue[0].Height) < size {
		m.queue = m.queue[1:]
	}
	if size < m.floor {
		return p, false, true
	}
	m.passed = 0
	if len(m.queue) == 0 {
		return p, false, false
	}
	p = m.queue[0]
	m.queue = m.queue[1:]
	return p, true, false
}

// entryCommitted is Raft's word on the order. It returns at once.
func (n *Node) entryCommitted(e order.Entry) {
	p, err := chain.ParseProposal(e.Data)
	if err != nil || p.Height < ledger.Height(n.size()) {
		return // every member drops it alike, or it is final already
	}
	if !n.committed.put(ordered{p, e.Index}, n.size()) {
		n.needBlocks()
	}
}

// appended begins to check signatures as soon as a proposal is in our log: by
// the time it is committed, they are checked.
func (n *Node) appended(entries [][]byte) {
	go func() {
		for _, e := range entries {
			if p, err := chain.ParseProposal(e); err == nil && p.Height >= ledger.Height(n.size()) {
				n.checker.CheckAll(p.Notes)
			}
		}
	}()
}

// checkEntry refuses what no honest leader sends before it enters our log. A
// time that we would not sign (S4) must not become the next block's.
func (n *Node) checkEntry(entry []byte) error {
	p, err := chain.ParseProposal(entry)
	if err != nil {
		return err
	}
	if ahead := time.UnixMilli(p.Time).Sub(n.clock.now()); p.Height >= ledger.Height(n.size()) && ahead > guard.MaxAhead {
		return fmt.Errorf("the proposed block is %s ahead of this clock", ahead.Round(time.Second))
	}
	return nil
}
