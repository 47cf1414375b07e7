package blobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// lowWater is the free space below which no block is taken in. It is above the ledger's own mark, so that a disk that
// fills with evidence stops evidence first, and records go on.
const lowWater = 256 << 20

// The first byte of a key says what it is. Numbers in keys are big-endian.
const (
	keyBlock = 'b' // digest → the block
	keySize  = 'n' // digest → its size: Badger itself knows the size of a large value only roughly
	keyLoose = 'l' // digest → Unix milliseconds since when no root refers to the block, its size, who sent it
	keyRef   = 'r' // digest, codec, root → epoch of the pin
	keyFile  = 'f' // CID, record → entry
	keyDue   = 'q' // Unix milliseconds, CID, record → nothing: when to look at the file again; one for each file
	keyEpoch = 'p' // CID → epoch of its pins
	// Receipts have the kinds of signed: CID, record, member → receipt.
	keyHeight = 'h' // → next height to look for files in
)

// What can be wrong with a block or with the disk.
var (
	ErrMissing = errors.New("the block is not here")
	ErrFull    = errors.New("not enough free space")
)

// store keeps blocks and what refers to them in one Badger. A block without a root is loose and goes away in time; a
// block is verified by whoever takes it in. Every change is one transaction that may be made twice, so a
// store that was killed needs no repair.
type store struct {
	dir   string
	free  func(dir string) (int64, error)
	now   func() time.Time
	loose tally // bytes of loose blocks

	// Whoever lets a block be deleted because nothing refers to it keeps others from referring to it meanwhile.
	referring sync.RWMutex
	littered  atomic.Bool // something was deleted, and its bytes may still be on the disk

	reclaiming sync.Mutex // Badger collects for one at a time

	using  sync.RWMutex // held for writing while the store is reopened
	db     *badger.DB
	synced atomic.Int64 // everything in files before this Unix nanosecond is on disk
}

func openStore(dir string, free func(string) (int64, error), now func() time.Time) (*store, error) {
	if free == nil {
		free = freeSpace
	}
	s := &store{dir: dir, free: free, now: now}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open blocks: %w", err)
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.count(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open opens Badger. A kill may leave files of no length behind, which Badger refuses; nothing was written to them yet.
func (s *store) open() error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		names, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil {
			return fmt.Errorf("open blocks: %w", err)
		}
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && info.Size() == 0 {
				os.Remove(name)
			}
		}
	}
	db, err := badger.Open(badger.DefaultOptions(s.dir).
		WithLogger(nil).
		WithMetricsEnabled(false).
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithNumLevelZeroTables(4).
		WithNumLevelZeroTablesStall(8).
		WithNumCompactors(2).
		WithValueThreshold(4 << 10).
		WithValueLogFileSize(64 << 20).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(4 << 20).
		WithCompactL0OnClose(true).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.OnTableRead))
	if err != nil {
		return fmt.Errorf("open blocks: %w", err)
	}
	s.db = db
	return nil
}

func (s *store) close() error {
	s.using.Lock()
	defer s.using.Unlock()
	return s.db.Close()
}

func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// room refuses bytes that would leave too little of the disk.
func (s *store) room(bytes int64) error {
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if free-bytes < lowWater {
		return fmt.Errorf("%w: %d MiB are free, %d are to stay free and %d are needed", ErrFull, free>>20, int64(lowWater)>>20, bytes>>20)
	}
	return nil
}

func (s *store) view(read func(*badger.Txn) error) error {
	s.using.RLock()
	defer s.using.RUnlock()
	return s.db.View(read)
}

// update changes what no other transaction changed since it was read.
func (s *store) update(change func(*badger.Txn) error) error {
	s.using.RLock()
	defer s.using.RUnlock()
	for {
		if err := s.db.Update(change); !errors.Is(err, badger.ErrConflict) {
			return err
		}
	}
}

// scan calls see with every key that has the prefix, in order, until it returns false. Keys and values are valid only inside.
func (s *store) scan(prefix []byte, see func(key []byte, item *badger.Item) (bool, error)) error {
	return s.view(func(txn *badger.Txn) error { return scanTxn(txn, prefix, prefix, see) })
}

func scanTxn(txn *badger.Txn, prefix, from []byte, see func(key []byte, item *badger.Item) (bool, error)) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		if more, err := see(it.Item().Key(), it.Item()); err != nil || !more {
			return err
		}
	}
	return nil
}

// count adds up what is loose.
func (s *store) count() error {
	return s.scan([]byte{keyLoose}, func(_ []byte, item *badger.Item) (bool, error) {
		return true, item.Value(func(v []byte) error {
			l := parseLoose(v)
			s.loose.add(l.from, l.size)
			return nil
		})
	})
}

// How much of a file of the value log has to be dead for the rest to be written anew: half for the sake of space, any for
// the sake of erasure.
const (
	halfDead = 0.5
	anyDead  = 1e-9
)

// reclaim gives the space of deleted blocks back to the disk. Badger knows what is dead in its value log only after its
// tables were merged, which it does when it closes.
func (s *store) reclaim(dead float64) error {
	s.reclaiming.Lock()
	defer s.reclaiming.Unlock()
	s.using.Lock()
	err := s.db.Close()
	if err == nil {
		err = s.open()
	}
	s.using.Unlock()
	for err == nil { // one file of the value log at a time, while nobody writes: Badger's own collection is not made for it
		s.using.Lock()
		err = s.db.RunValueLogGC(dead)
		s.using.Unlock()
	}
	if errors.Is(err, badger.ErrNoRewrite) {
		return nil
	}
	return fmt.Errorf("reclaim space: %w", err)
}

// sync puts everything that was stored on disk. Badger syncs its newest files only, so the value log's older ones that
// changed since the last time are ours to sync.
func (s *store) sync() error {
	s.using.RLock()
	defer s.using.RUnlock()
	start := time.Now().UnixNano()
	if err := s.db.Sync(); err != nil {
		return fmt.Errorf("sync blocks: %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("sync blocks: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), ".vlog") || info.ModTime().UnixNano() < s.synced.Load()-time.Minute.Nanoseconds() {
			continue
		}
		if err := syncFile(filepath.Join(s.dir, e.Name())); err != nil {
			return fmt.Errorf("sync blocks: %w", err)
		}
	}
	s.synced.Store(start)
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
