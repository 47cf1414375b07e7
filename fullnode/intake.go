package fullnode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"evident/fullnode/api"
	"evident/fullnode/chain"
	"evident/fullnode/contract"
	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/note"
)

// promise is the time within which a record that was received is in a block.
const promise = 2 * time.Minute

// Limits of the pool of records that are not in a block yet.
const (
	maxPoolRecords = 20_000
	maxPoolBytes   = 64 << 20
)

// waiting is a record that is not in a block yet.
type waiting struct {
	id     ledger.RecordID
	note   []byte
	own    bool          // this node gave the receipt, and forwards it until it is settled
	sentTo string        // the leader that it was last forwarded to
	done   chan struct{} // closed when settled
	result api.Submission
}

// intake takes records in, keeps them until they are in a block, and tells
// those who wait what became of them.
type intake struct {
	chain   *chain.Chain
	checker *chain.Checker
	signer  note.Signer
	journal *journal
	now     func() time.Time

	toLead    chan struct{} // each has room for one signal: something arrived
	toForward chan struct{}

	mu    sync.Mutex
	pool  map[ledger.RecordID]*waiting
	queue []*waiting // the pool in order of arrival
	bytes int
}

func newIntake(c *chain.Chain, checker *chain.Checker, signer note.Signer, journalPath string, now func() time.Time) (*intake, error) {
	j, notes, err := openJournal(journalPath)
	if err != nil {
		return nil, err
	}
	in := &intake{chain: c, checker: checker, signer: signer, journal: j, now: now,
		pool: map[ledger.RecordID]*waiting{}, toLead: make(chan struct{}, 1), toForward: make(chan struct{}, 1)}
	for _, n := range notes {
		u, err := ledger.ParseRecord(n)
		if err != nil {
			continue // written by an older version with other rules: nothing to keep
		}
		if _, _, err := c.Record(u.ID); errors.Is(err, chain.ErrNotFound) {
			in.add(u.ID, n, true)
		}
	}
	return in, nil
}

// Submit takes a record in: checked, on disk, with a receipt. The same record
// again gives what became of it.
func (in *intake) Submit(ctx context.Context, msg []byte) (api.Submission, error) {
	checked := in.checker.Check(msg)
	if checked.Err != nil {
		return api.Submission{}, checked.Err
	}
	id := checked.Record.ID
	if s, ok := in.waits(id); ok {
		return s, nil
	}
	if err := in.chain.Room(); err != nil {
		return api.Submission{}, fmt.Errorf("%w: %w", api.ErrBusy, err)
	}
	refusal, err := in.dryRun(ctx, checked.Record)
	if err != nil {
		return api.Submission{}, err
	}
	if refusal != nil {
		return in.refuse(id, *refusal)
	}
	w, err := in.add(id, msg, true)
	if err != nil {
		return api.Submission{}, err
	}
	if err := in.journal.append(msg); err != nil {
		return api.Submission{}, err
	}
	receipt, err := in.receipt(id)
	if err != nil {
		return api.Submission{}, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	w.result.Receipt = receipt
	return w.result, nil
}

// Check tells whether a record would be refused now, without taking it in.
func (in *intake) Check(ctx context.Context, msg []byte) (*contract.Refusal, error) {
	checked := in.checker.Check(msg)
	if checked.Err != nil {
		return nil, checked.Err
	}
	return in.dryRun(ctx, checked.Record)
}

// A record may name a checkpoint that its author has seen and this node has not: then it is not judged on a state that is
// too old, unless the node stays behind.
const (
	maxAhead  = 16 // blocks
	catchUpIn = 2 * time.Second
)

func (in *intake) dryRun(ctx context.Context, r *ledger.Record) (*contract.Refusal, error) {
	if head, ok := in.chain.Head(); ok && r.After.Size > int64(head.Header.Height)+1 && r.After.Size <= int64(head.Header.Height)+maxAhead {
		patience, cancel := context.WithTimeout(ctx, catchUpIn)
		defer cancel()
		in.chain.Wait(patience, ledger.Height(r.After.Size-1)) // if it fails, the refusal speaks of what is here
	}
	refusal, err := in.chain.DryRun(r, in.now().UnixMilli())
	if errors.Is(err, chain.ErrGap) {
		return nil, fmt.Errorf("%w: no block is final here yet", api.ErrBusy)
	}
	return refusal, err
}

// Outcome waits until a record is final or refused.
func (in *intake) Outcome(ctx context.Context, id ledger.RecordID) (api.Submission, error) {
	in.mu.Lock()
	w := in.pool[id]
	in.mu.Unlock()
	if w != nil {
		select {
		case <-w.done:
			in.mu.Lock()
			defer in.mu.Unlock()
			return w.result, nil
		case <-ctx.Done():
			return api.Submission{}, ctx.Err()
		}
	}
	s, err := in.final(id)
	if errors.Is(err, chain.ErrNotFound) {
		if refusal, refused := in.chain.Refusal(id); refused {
			return in.refuse(id, *refusal)
		}
	}
	return s, err
}

// waits returns the receipt of a record that waits for its block. One that was
// only forwarded here, or comes from the journal, has none yet.
func (in *intake) waits(id ledger.RecordID) (api.Submission, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if w := in.pool[id]; w != nil && w.result.Receipt != nil {
		return w.result, true
	}
	return api.Submission{}, false
}

// final returns where a record is, or chain.ErrNotFound.
func (in *intake) final(id ledger.RecordID) (api.Submission, error) {
	place, _, err := in.chain.Record(id)
	if err != nil {
		return api.Submission{}, err
	}
	return api.Submission{ID: id, Height: place.Height, Final: true}, nil
}

// add puts a record into the pool, once.
func (in *intake) add(id ledger.RecordID, msg []byte, own bool) (*waiting, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if w := in.pool[id]; w != nil {
		w.own = w.own || own
		return w, nil
	}
	if len(in.pool) >= maxPoolRecords || in.bytes+len(msg) > maxPoolBytes {
		return nil, api.ErrBusy
	}
	w := &waiting{id: id, note: msg, own: own, done: make(chan struct{}), result: api.Submission{ID: id}}
	in.pool[id] = w
	in.queue = append(in.queue, w)
	in.bytes += len(msg)
	signal(in.toLead)
	signal(in.toForward)
	return w, nil
}

// forwarded takes in records that other members sent to this node as leader.
// One that is final already is refused as a duplicate when its block executes.
func (in *intake) forwarded(notes [][]byte) error {
	for _, checked := range in.checker.CheckAll(notes) {
		if checked.Err != nil {
			continue // an honest member has checked what it forwards
		}
		if _, err := in.add(checked.Record.ID, checked.Record.Note, false); err != nil {
			return err
		}
	}
	return nil
}

// batch returns the oldest waiting records that fit into a block.
func (in *intake) batch(maxRecords, maxBytes int) [][]byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	var notes [][]byte
	for _, w := range in.queue {
		if maxBytes -= len(w.note); len(notes) == maxRecords || maxBytes < 0 {
			break
		}
		notes = append(notes, w.note)
	}
	return notes
}

// unsent returns this node's own records that were not forwarded to the leader
// yet, and marks them; again makes it all of them.
func (in *intake) unsent(leader string, again bool, maxBytes int) []*waiting {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []*waiting
	for _, w := range in.queue {
		if !w.own || w.sentTo == leader && !again {
			continue
		}
		if maxBytes -= len(w.note); maxBytes < 0 {
			break
		}
		w.sentTo = leader
		out = append(out, w)
	}
	return out
}

// notSent takes the marks away that unsent made.
func (in *intake) notSent(records []*waiting) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, w := range records {
		w.sentTo = ""
	}
}

// settle ends the waiting for the records of a final block and for those that
// its execution refused.
func (in *intake) settle(height ledger.Height, records []*ledger.Record, refused []chain.Refused) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, r := range records {
		in.finish(r.ID, api.Submission{ID: r.ID, Height: height, Final: true})
	}
	for _, r := range refused {
		if in.pool[r.ID] == nil {
			continue
		}
		if s, err := in.refuse(r.ID, *r.Refusal); err == nil {
			in.finish(r.ID, s)
		}
	}
	kept := in.queue[:0]
	for _, w := range in.queue {
		if in.pool[w.id] == w {
			kept = append(kept, w)
		}
	}
	clear(in.queue[len(kept):])
	in.queue = kept
}

func (in *intake) finish(id ledger.RecordID, result api.Submission) {
	w := in.pool[id]
	if w == nil {
		return
	}
	result.Receipt = w.result.Receipt
	w.result = result
	delete(in.pool, id)
	in.bytes -= len(w.note)
	close(w.done)
}

// forget drops what others forwarded: this node leads no longer, and they will
// forward it to the next leader.
func (in *intake) forget() {
	in.mu.Lock()
	defer in.mu.Unlock()
	kept := in.queue[:0]
	for _, w := range in.queue {
		if w.own {
			kept = append(kept, w)
			continue
		}
		delete(in.pool, w.id)
		in.bytes -= len(w.note)
	}
	clear(in.queue[len(kept):])
	in.queue = kept
}

// compact writes the journal anew when most of it is settled.
func (in *intake) compact() error {
	if in.journal.bytes() < maxPoolBytes/16 {
		return nil
	}
	return in.journal.rewrite(func() [][]byte {
		in.mu.Lock()
		defer in.mu.Unlock()
		var own [][]byte
		for _, w := range in.queue {
			if w.own {
				own = append(own, w.note)
			}
		}
		return own
	})
}

func (in *intake) receipt(id ledger.RecordID) ([]byte, error) {
	now := in.now()
	text := ledger.Receipt{Ledger: in.chain.Origin(), Record: id, Received: now.UnixMilli(), Promise: now.Add(promise).UnixMilli()}.Text()
	return in.sign(text)
}

// refuse signs the refusal of a record. One that is on the ledger already is
// not refused to its author: it is final.
func (in *intake) refuse(id ledger.RecordID, r contract.Refusal) (api.Submission, error) {
	if s, err := in.final(id); err == nil {
		return s, nil
	}
	text, err := ledger.Refusal{Ledger: in.chain.Origin(), Record: id, At: in.now().UnixMilli(), Reason: ledger.Reason(r)}.Text()
	if err != nil {
		return api.Submission{}, fmt.Errorf("refuse record: %w", err)
	}
	signed, err := in.sign(text)
	return api.Submission{ID: id, Refusal: signed}, err
}

func (in *intake) sign(text string) ([]byte, error) {
	msg, err := note.Sign(&note.Note{Text: text}, in.signer)
	if err != nil {
		return nil, fmt.Errorf("sign with the node key: %w", err)
	}
	return msg, nil
}

// signal tells without waiting; telling twice is telling once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
