package order

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// fsm hands committed entries on. It keeps no state of its own but the place
// it has reached, never waits and never fails: the entries are opaque here.
type fsm struct {
	o       *Order
	reached uint64      // everything up to here is delivered or not to be
	started atomic.Bool // until then a restore is about our own snapshot
}

func newFSM(o *Order) *fsm { return &fsm{o: o, reached: o.cfg.Applied} }

// Apply delivers one entry. Its result is the term, which tells Propose in
// which term it was the leader.
func (f *fsm) Apply(e *raft.Log) any {
	f.deliver(e)
	return e.Term
}

func (f *fsm) deliver(e *raft.Log) {
	if e.Index <= f.reached {
		return
	}
	f.reached = e.Index
	f.o.keep.raise(e.Index)
	f.o.cfg.Committed(Entry{Index: e.Index, Term: e.Term, Data: e.Data})
}

// Snapshot asks the node for its text.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	text, err := f.o.cfg.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if len(text) > MaxSnapshot {
		return nil, fmt.Errorf("snapshot of %d bytes, at most %d", len(text), MaxSnapshot)
	}
	return snapshotText(text), nil
}

// Restore gives the node the text of a snapshot. At start the log may still
// hold entries behind the snapshot whose effect the node has lost, because it
// stopped before it was durable; Raft will not bring them again, so we do.
func (f *fsm) Restore(from io.ReadCloser) error {
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, MaxSnapshot+1))
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	if len(text) > MaxSnapshot {
		return errors.New("snapshot is too large")
	}
	if err := f.o.cfg.Restore(text); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	if err := f.o.keep.restored(); err != nil {
		return fmt.Errorf("drop log behind snapshot: %w", err)
	}
	if f.started.Load() {
		return nil
	}
	return f.redeliver()
}

func (f *fsm) redeliver() error {
	first, last, err := f.o.keep.ends()
	if err != nil {
		return fmt.Errorf("read ends of log: %w", err)
	}
	for i := max(first, f.reached+1); i <= min(last, f.o.keep.snapshotIndex()); i++ {
		var e raft.Log
		if err := f.o.keep.GetLog(i, &e); err != nil {
			return fmt.Errorf("read entry %d: %w", i, err)
		}
		if e.Type == raft.LogCommand {
			f.deliver(&e)
		}
	}
	return nil
}

// snapshotText is a snapshot that is complete already.
type snapshotText []byte

func (t snapshotText) Persist(to raft.SnapshotSink) error {
	if _, err := to.Write(t); err != nil {
		return err
	}
	return to.Close()
}

func (t snapshotText) Release() {}
