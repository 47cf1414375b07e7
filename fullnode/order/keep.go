package order

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// storage is what Raft writes: its log, its term and vote, its one snapshot.
// Every write is durable when the call returns.
type storage interface {
	raft.LogStore
	raft.StableStore
	raft.SnapshotStore
}

// stored makes a storage of a log and values.
type stored struct {
	raft.LogStore
	raft.StableStore
	snapshots
}

func newStorage(s interface {
	raft.LogStore
	raft.StableStore
}) storage {
	return stored{s, s, snapshots{s}}
}

var (
	keyTerm    = []byte("CurrentTerm") // the name Raft itself uses
	keyJoining = []byte("order/joining")

	errApplied = errors.New("would change entries that are applied")
	errGap     = errors.New("would leave a gap in the log")
)

// keeper stands between Raft and its storage. Raft believes any sender that
// names a high term; the keeper makes sure that such a sender can at most stop
// this node's log, and never rewrite what the node has acted on.
type keeper struct {
	storage
	log      raft.LogStore // this keeper behind Raft's cache
	appended func(entries [][]byte)
	refused  func(why error)

	mu      sync.Mutex // serialises writes to the log against the rules below
	floor   atomic.Uint64
	term    atomic.Uint64
	joining atomic.Bool
}

// newKeeper reads back what it has to know. applied is the newest entry the
// node holds the effect of.
func newKeeper(s storage, applied uint64, appended func([][]byte), refused func(error)) (*keeper, error) {
	k := &keeper{storage: s, appended: appended, refused: refused}
	term, err := s.GetUint64(keyTerm)
	if err != nil && err.Error() != errNotFound.Error() {
		return nil, fmt.Errorf("read term: %w", err)
	}
	k.term.Store(term)
	joining, err := s.Get(keyJoining)
	if err != nil && err.Error() != errNotFound.Error() {
		return nil, fmt.Errorf("read joining mark: %w", err)
	}
	k.joining.Store(len(joining) > 0)
	k.raise(max(applied, k.snapshotIndex()))
	return k, nil
}

// raise records that everything up to index is applied.
func (k *keeper) raise(index uint64) {
	for {
		old := k.floor.Load()
		if index <= old || k.floor.CompareAndSwap(old, index) {
			return
		}
	}
}

// setJoining marks, durably, whether this node still has to catch up before
// its vote counts.
func (k *keeper) setJoining(on bool) error {
	mark := []byte{}
	if on {
		mark = []byte{1}
	}
	if err := k.Set(keyJoining, mark); err != nil {
		return fmt.Errorf("write joining mark: %w", err)
	}
	k.joining.Store(on)
	return nil
}

func (k *keeper) snapshotIndex() uint64 {
	metas, err := k.List()
	if err != nil || len(metas) == 0 {
		return 0
	}
	return metas[0].Index
}

// SetUint64 also remembers the term, which bounds the terms peers may name.
func (k *keeper) SetUint64(key []byte, value uint64) error {
	if err := k.storage.SetUint64(key, value); err != nil {
		return err
	}
	if string(key) == string(keyTerm) {
		k.term.Store(value)
	}
	return nil
}

func (k *keeper) StoreLog(entry *raft.Log) error { return k.StoreLogs([]*raft.Log{entry}) }

// StoreLogs appends, and only appends: the entries follow the log's last
// entry, or the snapshot, without a gap.
func (k *keeper) StoreLogs(entries []*raft.Log) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, err := k.LastIndex()
	if err != nil {
		return err
	}
	for i, e := range entries {
		switch {
		case e.Index <= k.floor.Load():
			return k.refuse(fmt.Errorf("store entry %d: %w (up to %d)", e.Index, errApplied, k.floor.Load()))
		case i > 0 && e.Index != entries[i-1].Index+1,
			i == 0 && e.Index != last+1 && e.Index != k.snapshotIndex()+1:
			return k.refuse(fmt.Errorf("store entry %d after %d: %w", e.Index, last, errGap))
		}
	}
	if err := k.storage.StoreLogs(entries); err != nil {
		return err
	}
	k.notice(entries)
	return nil
}

func (k *keeper) notice(entries []*raft.Log) {
	var commands [][]byte
	for _, e := range entries {
		if e.Type == raft.LogCommand {
			commands = append(commands, e.Data)
		}
	}
	if len(commands) > 0 && k.appended != nil {
		k.appended(commands)
	}
}

// DeleteRange drops what the snapshot covers, or a suffix nobody acted on.
func (k *keeper) DeleteRange(from, to uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if to > k.snapshotIndex() && from <= k.floor.Load() {
		return k.refuse(fmt.Errorf("truncate log from %d: %w (up to %d)", from, errApplied, k.floor.Load()))
	}
	first, last, err := k.ends()
	if err != nil || last == 0 {
		return err // Raft asks once more for what restored has dropped
	}
	if from, to = max(from, first), min(to, last); from > to {
		return nil
	}
	return k.storage.DeleteRange(from, to)
}

func (k *keeper) refuse(why error) error {
	k.refused(why)
	return why
}

// GetLog also knows the entry that a peer's snapshot ends with, by its term:
// Raft compares it when a new leader's log goes on from there.
func (k *keeper) GetLog(index uint64, entry *raft.Log) error {
	err := k.storage.GetLog(index, entry)
	if !errors.Is(err, raft.ErrLogNotFound) {
		return err
	}
	metas, listErr := k.List()
	if listErr != nil || len(metas) == 0 || metas[0].Index != index {
		return err
	}
	*entry = raft.Log{Index: index, Term: metas[0].Term, Type: raft.LogNoop}
	return nil
}

// termAt returns the term of the entry at index.
func (k *keeper) termAt(index uint64) (uint64, bool) {
	var e raft.Log
	if err := k.GetLog(index, &e); err != nil {
		return 0, false
	}
	return e.Term, true
}

// restored follows a snapshot. A log that ends before it need not lead to it:
// Raft would keep its entries and, as a leader, hand them on as committed.
func (k *keeper) restored() error {
	snapshot := k.snapshotIndex()
	k.raise(snapshot)
	first, last, err := k.ends()
	if err != nil || last == 0 || last >= snapshot {
		return err
	}
	return k.log.DeleteRange(first, last)
}

func (k *keeper) ends() (first, last uint64, err error) {
	if first, err = k.FirstIndex(); err != nil {
		return 0, 0, err
	}
	last, err = k.LastIndex()
	return first, last, err
}

// check reads everything back: one entry after the other without a gap, from
// the snapshot on, and nothing missing below applied. A log that fails is
// damaged; it is scratch, so the node wipes it and joins again.
func (k *keeper) check() error {
	first, last, err := k.ends()
	if err != nil {
		return err
	}
	if _, err := k.List(); err != nil {
		return err
	}
	snapshot, term := k.snapshotIndex(), uint64(0)
	if first > snapshot+1 {
		return fmt.Errorf("log begins at %d, snapshot ends at %d", first, snapshot)
	}
	for i := first; i <= last && i > 0; i++ {
		if term, err = k.checkEntry(i, term); err != nil {
			return fmt.Errorf("check entry %d: %w", i, err)
		}
	}
	if max(last, snapshot) < k.floor.Load() {
		return fmt.Errorf("log ends at %d, but %d is applied", max(last, snapshot), k.floor.Load())
	}
	return nil
}

func (k *keeper) checkEntry(index, after uint64) (term uint64, err error) {
	var e raft.Log
	if err := k.storage.GetLog(index, &e); err != nil {
		return 0, err
	}
	if e.Index != index || e.Term < after || e.Term > k.term.Load() {
		return 0, fmt.Errorf("it has index %d and term %d, after term %d", e.Index, e.Term, after)
	}
	if e.Type == raft.LogConfiguration {
		if _, err := decodeConfiguration(e.Data); err != nil {
			return 0, err
		}
	}
	return e.Term, nil
}

// isEmpty says that a storage holds no log, no snapshot and no term but 1.
func isEmpty(s storage) (bool, error) {
	term, err := s.GetUint64(keyTerm)
	if err != nil && err.Error() != errNotFound.Error() {
		return false, err
	}
	last, err := s.LastIndex()
	if err != nil {
		return false, err
	}
	metas, err := s.List()
	return term <= 1 && last == 0 && len(metas) == 0, err
}

func uint64Bytes(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
