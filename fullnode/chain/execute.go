package chain

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain/state"
	"evident/fullnode/contract"
	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// The state that block 0 leaves: the digest of the member set.
const (
	ConsortiumSpace = "consortium"
	MembersName     = "members"
)

// Refused is a proposed record that is not in the block.
type Refused struct {
	ID      ledger.RecordID // zero if the bytes are not a record
	Refusal *contract.Refusal
}

// Candidate is a block with all that it does to the final state, none of it final yet.
type Candidate struct {
	Header  ledger.Header
	Tree    tlog.Tree // the chain log with this header: what members sign
	Records []*ledger.Record
	Refused []Refused

	tip    tip       // without certificate
	born   []descent // for the index of children
	log    []tlog.Hash
	values map[tlog.Hash]json.RawMessage // by state key
	writes state.Writes                  // nodes of the state tree
}

func newCandidate(h ledger.Header) *Candidate {
	return &Candidate{Header: h, values: map[tlog.Hash]json.RawMessage{}}
}

// Block returns the candidate's header and notes.
func (c *Candidate) Block() ledger.Block {
	b := ledger.Block{Header: c.Header, Notes: make([][]byte, len(c.Records))}
	for i, r := range c.Records {
		b.Notes[i] = r.Note
	}
	return b
}

// GenesisCandidate returns block 0, which follows from the genesis file alone.
func (c *Chain) GenesisCandidate() (*Candidate, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.genesisCandidate()
}

func (c *Chain) genesisCandidate() (*Candidate, error) {
	if c.tip.Load() != nil {
		return nil, fmt.Errorf("execute block 0: %w", ErrStale)
	}
	value, err := membersValue(c.members)
	if err != nil {
		return nil, fmt.Errorf("execute block 0: %w", err)
	}
	cand := newCandidate(c.header(0, tlog.Hash(c.print), c.genesis.Created))
	cand.values[merkle.Key(ConsortiumSpace, MembersName)] = value
	return cand, c.seal(cand, nil)
}

// membersValue is the state of ("consortium", "members").
func membersValue(digest tlog.Hash) (json.RawMessage, error) {
	return ledger.EncodeCanonical(struct {
		Digest tlog.Hash `json:"digest"`
	}{digest})
}

func (c *Chain) header(h ledger.Height, parent tlog.Hash, time int64) ledger.Header {
	return ledger.Header{Ledger: c.origin, Height: h, Parent: parent, Time: time, Members: c.members, Next: c.members}
}

// Execute returns what the proposal makes of the final state: the same on every member. A record that is invalid there,
// or stands in the ledger already, is left out and refused. The proposal itself is held to these conditions:
//
//  1. its height is the next (ErrStale, ErrGap);
//  2. its parent is the head, and its time is after the head's (ErrInvalid);
//  3. its records are within the limits of the genesis (ErrInvalid).
func (c *Chain) Execute(p Proposal) (*Candidate, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.execute(p)
}

func (c *Chain) execute(p Proposal) (*Candidate, error) {
	parent := c.tip.Load()
	if err := c.checkProposal(p, parent); err != nil {
		return nil, fmt.Errorf("execute block %d: %w", p.Height, err)
	}
	cand := newCandidate(c.header(p.Height, p.Parent, p.Time))
	leaves, err := c.apply(cand, p.Notes)
	if err != nil {
		return nil, fmt.Errorf("execute block %d: %w", p.Height, err)
	}
	if err := c.seal(cand, leaves); err != nil {
		return nil, fmt.Errorf("execute block %d: %w", p.Height, err)
	}
	return cand, nil
}

func (c *Chain) checkProposal(p Proposal, parent *tip) error {
	next := parent.next()
	switch {
	case p.Height < next:
		return ErrStale
	case p.Height > next || parent == nil:
		return ErrGap
	case p.Parent != parent.hash:
		return fmt.Errorf("%w: its parent is not the final block", ErrInvalid)
	case p.Time <= parent.Header.Time:
		return fmt.Errorf("%w: its time is not after its parent's", ErrInvalid)
	case int64(len(p.Notes)) > c.genesis.Limits.BlockRecords:
		return fmt.Errorf("%w: %d records, at most %d are allowed", ErrInvalid, len(p.Notes), c.genesis.Limits.BlockRecords)
	}
	size := int64(0)
	for _, n := range p.Notes {
		size += int64(len(n))
	}
	if size > c.genesis.Limits.BlockBytes {
		return fmt.Errorf("%w: %d bytes of records, at most %d are allowed", ErrInvalid, size, c.genesis.Limits.BlockBytes)
	}
	return nil
}

// apply runs the records' contracts, in order, and returns the leaves of the valid ones.
func (c *Chain) apply(cand *Candidate, notes [][]byte) ([]tlog.Hash, error) {
	checked := c.checker.CheckAll(notes)
	snap := c.store.at(uint64(cand.Header.Height))
	defer snap.close()
	view := overlay{snap, cand.values}
	block := c.engine.Block(view, cand.Header.Time, cand.Header.Height)
	leaves := make([]tlog.Hash, 0, len(notes))
	cand.Records = make([]*ledger.Record, 0, len(notes))
	for _, one := range checked {
		if one.Err != nil {
			cand.Refused = append(cand.Refused, Refused{Refusal: contract.Malformed(one.Err)})
			continue
		}
		changes, refusal, err := block.Apply(one.Record)
		if err != nil {
			return nil, engineError(err)
		}
		if refusal != nil {
			cand.Refused = append(cand.Refused, Refused{one.Record.ID, refusal})
			continue
		}
		for _, change := range changes {
			view.values[merkle.Key(change.Space, change.Name)] = change.Value
			for _, parent := range change.Parents {
				cand.born = append(cand.born, descent{change.Space, parent, len(cand.Records)})
			}
		}
		leaves = append(leaves, one.Leaf)
		cand.Records = append(cand.Records, one.Record)
	}
	return leaves, nil
}

// seal completes the header from the records' leaves and the changed values.
func (c *Chain) seal(cand *Candidate, leaves []tlog.Hash) error {
	h := &cand.Header
	var root state.Root
	var log edge
	if parent := c.tip.Load(); parent != nil {
		root, log = parent.state, parent.log
	}
	root, err := c.update(cand, root)
	if err != nil {
		return err
	}
	h.Records, h.RecordsRoot, h.State = int64(len(leaves)), ledger.NewRecordsTree(leaves).Root(), root.Hash()
	cand.tip = tip{Head: Head{Header: *h}, hash: h.Hash(), state: root}
	cand.tip.log, cand.log = log.grow(cand.tip.hash)
	cand.Tree = cand.tip.log.tree()
	return nil
}

// update returns the tree that the candidate's values make of its parent's.
func (c *Chain) update(cand *Candidate, parent state.Root) (state.Root, error) {
	changes := make([]merkle.Leaf, 0, len(cand.values))
	for key, value := range cand.values {
		changes = append(changes, merkle.Leaf{Key: key, Value: sha256.Sum256(value)})
	}
	r := c.nodes.reader(c.store)
	defer r.close()
	root, writes, err := state.Update(r, &c.nodes.cache, parent, uint64(cand.Header.Height), changes)
	if err != nil {
		return state.Root{}, stateError(err)
	}
	cand.writes = writes
	return root, nil
}

// DryRun says what would become of a record now, in a block of that time: nil if it would be applied.
func (c *Chain) DryRun(r *ledger.Record, time int64) (*contract.Refusal, error) {
	t := c.tip.Load()
	if t == nil {
		return nil, fmt.Errorf("try record %s: %w", r.ID, ErrGap)
	}
	snap := c.store.at(uint64(t.next()))
	defer snap.close()
	_, refusal, err := c.engine.Block(overlay{snap, nil}, max(time, t.Header.Time+1), t.next()).Apply(r)
	if err != nil {
		return nil, fmt.Errorf("try record %s: %w", r.ID, err)
	}
	return refusal, nil
}

// overlay is the state with the values that the block has set so far. It implements contract.View.
type overlay struct {
	snapshot
	values map[tlog.Hash]json.RawMessage
}

func (o overlay) Get(space, name string) (json.RawMessage, error) {
	key := merkle.Key(space, name)
	if value, ok := o.values[key]; ok {
		return value, nil
	}
	value, err := o.value(key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return value, err
}

// value reads what the state holds under a key.
func (v snapshot) value(key tlog.Hash) (json.RawMessage, error) {
	packed, err := v.Get(valueKey(key))
	if err != nil {
		return nil, err
	}
	value, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("%w: unpack a value: %w", ErrDamaged, err)
	}
	return value, nil
}

// engineError is the class of what the engine returns: its view failed, or the program is not the others'.
func engineError(err error) error {
	if errors.Is(err, contract.ErrCannotRun) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// stateError is the class of what package state returns for the newest tree, where everything has to be there.
func stateError(err error) error {
	if errors.Is(err, state.ErrDamaged) || errors.Is(err, state.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

func valueKey(key tlog.Hash) []byte { return append([]byte{keyValue}, key[:20]...) }

// refusals remembers the newest refusals, so that a client can ask why.
type refusals struct {
	mu    sync.Mutex
	byID  map[ledger.RecordID]*contract.Refusal
	order []ledger.RecordID // a ring
	next  int
}

const maxRefusals = 4096

func (r *refusals) add(refused []Refused) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		r.byID = map[ledger.RecordID]*contract.Refusal{}
	}
	for _, one := range refused {
		if one.ID == (ledger.RecordID{}) || one.Refusal.Rule == contract.Duplicate {
			continue
		}
		if _, known := r.byID[one.ID]; !known {
			r.remember(one.ID)
		}
		r.byID[one.ID] = one.Refusal
	}
}

func (r *refusals) remember(id ledger.RecordID) {
	if len(r.order) < maxRefusals {
		r.order = append(r.order, id)
		return
	}
	delete(r.byID, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % maxRefusals
}

func (r *refusals) get(id ledger.RecordID) (*contract.Refusal, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	refusal, ok := r.byID[id]
	return refusal, ok
}
