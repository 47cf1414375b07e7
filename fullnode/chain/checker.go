package chain

import (
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// checkedBytes bounds the notes whose result is remembered: what is submitted now is in a block within seconds.
const checkedBytes = 8 << 20

// Checked is what is known of the bytes of a record for ever: whether it is one, with every signature.
type Checked struct {
	Leaf   tlog.Hash
	Record *ledger.Record // nil if Err is not
	Err    error
}

// Checker parses record notes and verifies their signatures, each distinct note once and on all cores, however often and
// from however many sides it is asked. It keeps the newest results.
type Checker struct {
	mu         sync.Mutex
	young, old map[tlog.Hash]*checking
	bytes      int // of the notes in young
}

type checking struct {
	once sync.Once
	Checked
}

// NewChecker returns a checker that knows nothing yet.
func NewChecker() *Checker { return &Checker{young: map[tlog.Hash]*checking{}} }

// Check checks one note, which must not change afterwards.
func (k *Checker) Check(note []byte) Checked {
	leaf := tlog.RecordHash(note)
	entry := k.entry(leaf, len(note))
	entry.once.Do(func() {
		entry.Leaf = leaf
		entry.Record, entry.Err = ledger.OpenRecord(note)
	})
	return entry.Checked
}

// CheckAll checks notes on all cores.
func (k *Checker) CheckAll(notes [][]byte) []Checked {
	results := make([]Checked, len(notes))
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(notes)); i = next.Add(1) - 1 {
			results[i] = k.Check(notes[i])
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(notes)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return results
}

func (k *Checker) entry(leaf tlog.Hash, size int) *checking {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.young[leaf]; e != nil {
		return e
	}
	e := k.old[leaf]
	if e == nil {
		e = new(checking)
	}
	if k.bytes += size; k.bytes > checkedBytes/2 {
		k.old, k.young, k.bytes = k.young, map[tlog.Hash]*checking{}, size
	}
	k.young[leaf] = e
	return e
}
