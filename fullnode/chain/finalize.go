package chain

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain/state"
	"evident/lightclient/ledger"
)

// retention is for how many blocks the store keeps what was replaced: for readers, who hold a snapshot, and for Open, which
// executes the blocks after the newest stored tree again.
const retention = 2 * flushHeights

// Prepare puts the candidate's block on disk, so that the member may sign it (signing rule S5). A later one for the same
// height takes its place until one is final.
func (c *Chain) Prepare(cand *Candidate) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.extends(cand); err != nil {
		return fmt.Errorf("prepare block %d: %w", cand.Header.Height, err)
	}
	if err := c.store.room(); err != nil {
		return fmt.Errorf("prepare block %d: %w", cand.Header.Height, err)
	}
	b := c.store.write(cand.Header.Height)
	b.set(bodyKey(cand.Header.Height, cand.tip.hash), packBlock(cand.Block()))
	b.set([]byte{keyPrepared}, append(binary.BigEndian.AppendUint64(nil, uint64(cand.Header.Height)), cand.tip.hash[:]...))
	if err := b.commit(); err != nil {
		return fmt.Errorf("prepare block %d: %w", cand.Header.Height, err)
	}
	c.stored.Store(cand)
	return nil
}

// Stored returns the newest prepared candidate that is not final; nil if there is none. It survives a restart.
func (c *Chain) Stored() *Candidate { return c.stored.Load() }

// Finalize makes the candidate final under its certificate. When it returns, everything is on disk; if the process stops
// before, the block is not final here and nothing of it is seen.
func (c *Chain) Finalize(cand *Candidate, certificate *ledger.Certificate) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.finalize(cand, certificate); err != nil {
		return fmt.Errorf("finalize block %d: %w", cand.Header.Height, err)
	}
	return nil
}

func (c *Chain) finalize(cand *Candidate, certificate *ledger.Certificate) error {
	if err := c.extends(cand); err != nil {
		return err
	}
	if certificate.Tree != cand.Tree {
		return fmt.Errorf("%w: the certificate is for another block", ErrInvalid)
	}
	if err := c.store.room(); err != nil {
		return err
	}
	t := cand.tip
	t.Certificate = certificate
	flush := c.nodes.due(t.Header.Height)
	if err := c.writeFinal(cand, &t, flush); err != nil {
		return err
	}
	if !c.nodes.archive {
		c.store.discard(t.Header.Height)
	}
	c.why.add(cand.Refused)
	c.nodes.mu.Lock()
	defer c.nodes.mu.Unlock()
	c.nodes.moved(t.Header.Height, flush, cand.writes)
	c.stored.Store(nil)
	c.advance(&t)
	return nil
}

// extends refuses a candidate that was executed on another head than the present one.
func (c *Chain) extends(cand *Candidate) error {
	parent := c.tip.Load()
	switch next := parent.next(); {
	case cand.Header.Height < next:
		return ErrStale
	case cand.Header.Height > next:
		return ErrGap
	case parent != nil && cand.Header.Parent != parent.hash:
		return fmt.Errorf("%w: its parent is not the final block", ErrInvalid)
	}
	return nil
}

// writeFinal writes the block's parts; the last key of the last part is the pointer to the head.
func (c *Chain) writeFinal(cand *Candidate, t *tip, flush bool) error {
	h := cand.Header.Height
	b := c.store.write(h)
	b.set(heightKey(keyHeader, h), cand.Header.Text())
	if stored := c.stored.Load(); stored == nil || stored.tip.hash != t.hash {
		b.set(bodyKey(h, t.hash), packBlock(cand.Block()))
	}
	first := tlog.StoredHashCount(int64(h))
	for i := range cand.log {
		b.set(logKey(first+int64(i)), cand.log[i][:])
	}
	for key, value := range cand.values {
		b.set(valueKey(key), s2.Encode(nil, value))
	}
	if flush {
		c.nodes.flush(b, t, cand.writes)
	}
	index(b, cand)
	b.set(heightKey(keyCertificate, h), t.Certificate.Note)
	b.set([]byte{keyFinal}, encodeTip(t))
	return b.commit()
}

// Import makes a block final that comes from a peer, with its certificate. It is checked in this order:
//
//  1. its height is the next (ErrStale, ErrGap);
//  2. the certificate is a quorum's, for a chain log of that size;
//  3. the header extends the chain log to what the certificate says (ErrInvalid);
//  4. the records are those of the header (ErrProof);
//  5. executing them gives that header: if not, it is this ledger that is wrong, since a quorum signed it (ErrDamaged).
//
// ErrInvalid, and the classes of package ledger, say that the peer lied.
func (c *Chain) Import(block ledger.Block, certificate []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.importBlock(block, certificate); err != nil {
		return fmt.Errorf("import block %d: %w", block.Header.Height, err)
	}
	return nil
}

func (c *Chain) importBlock(block ledger.Block, certificate []byte) error {
	h := block.Header
	parent := c.tip.Load()
	if next := parent.next(); h.Height < next {
		return ErrStale
	} else if h.Height > next {
		return ErrGap
	}
	cert, err := ledger.OpenCertificate(c.origin, c.genesis.Members, certificate)
	if err != nil {
		return err
	}
	var log edge
	if parent != nil {
		log = parent.log
	}
	if log, _ = log.grow(h.Hash()); log.tree() != cert.Tree {
		return fmt.Errorf("%w: the certificate is for another block", ErrInvalid)
	}
	if err := checkRecords(block); err != nil {
		return err
	}
	cand, err := c.replay(block)
	if err != nil {
		return err
	}
	return c.finalize(cand, cert)
}

func checkRecords(block ledger.Block) error {
	leaves := make([]tlog.Hash, len(block.Notes))
	for i, n := range block.Notes {
		leaves[i] = tlog.RecordHash(n)
	}
	if int64(len(leaves)) != block.Header.Records || ledger.NewRecordsTree(leaves).Root() != block.Header.RecordsRoot {
		return fmt.Errorf("%w: the records are not those of the header", ledger.ErrProof)
	}
	return nil
}

// replay executes a block that a quorum, or this node before a restart, executed; the header has to be the same.
func (c *Chain) replay(block ledger.Block) (*Candidate, error) {
	h := block.Header
	if stored := c.stored.Load(); stored != nil && stored.Header == h {
		return stored, nil
	}
	var cand *Candidate
	var err error
	if h.Height == 0 {
		cand, err = c.genesisCandidate()
	} else {
		cand, err = c.execute(Proposal{Height: h.Height, Parent: h.Parent, Time: h.Time, Notes: block.Notes})
	}
	if err != nil {
		return nil, err
	}
	if cand.Header != h {
		return nil, fmt.Errorf("%w: executing block %d gives another header", ErrDamaged, h.Height)
	}
	return cand, nil
}

// encodeTip is height, header hash and state root.
func encodeTip(t *tip) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.Header.Height))
	b = append(b, t.hash[:]...)
	return append(b, t.state.Encode()...)
}

func parseTip(b []byte) (ledger.Height, tlog.Hash, state.Root, error) {
	if len(b) != 8+tlog.HashSize+state.RootSize {
		return 0, tlog.Hash{}, state.Root{}, fmt.Errorf("%w: a pointer to a block has %d bytes", ErrDamaged, len(b))
	}
	root, err := state.ParseRoot(b[8+tlog.HashSize:])
	if err != nil {
		return 0, tlog.Hash{}, state.Root{}, stateError(err)
	}
	return ledger.Height(binary.BigEndian.Uint64(b)), tlog.Hash(b[8 : 8+tlog.HashSize]), root, nil
}

func bodyKey(h ledger.Height, hash tlog.Hash) []byte {
	return append(heightKey(keyBody, h), hash[:8]...)
}

func logKey(index int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyLog}, uint64(index))
}
