package blobs

import (
	"encoding/binary"
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

	"evident/lightclient/ledger"
)

// lowWater is the free space below which no block is taken in. It is above the ledger's own mark, so that a disk that
// fills with evidence stops evidence first, and records go on.
const lowWater = 256 << 20

// The first byte of a key says what it is. Numbers in keys are big-endian.
const (
	keyBlock   = 'b' // digest → the block
	keySize    = 'n' // digest → its size: Badger itself knows the size of a large value only roughly
	keyLoose   = 'l' // digest → Unix milliseconds since when no root refers to the block, its size
	keyRef     = 'r' // digest, codec, root → epoch of the pin
	keyFile    = 'f' // CID, record → entry
	keyDue     = 'q' // Unix milliseconds, CID, record → nothing: when to look at the file again; one for each file
	keyReceipt = 's' // CID, record, member → storage receipt
	keyHeight  = 'h' // → next height to look for files in
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
	loose atomic.Int64 // bytes of loose blocks

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
			_, size := parseLoose(v)
			s.loose.Add(size)
			return nil
		})
	})
}

func blockKey(c ledger.CID) []byte { return append([]byte{keyBlock}, c[4:]...) }
func sizeKey(c ledger.CID) []byte  { return append([]byte{keySize}, c[4:]...) }
func looseKey(c ledger.CID) []byte { return append([]byte{keyLoose}, c[4:]...) }

func refKey(c, root ledger.CID) []byte {
	return append(append(append([]byte{keyRef}, c[4:]...), c.Codec()), root[:]...)
}

func (s *store) formatLoose(size int) []byte {
	v := binary.BigEndian.AppendUint64(nil, uint64(s.now().UnixMilli()))
	return binary.BigEndian.AppendUint32(v, uint32(size))
}

func parseLoose(v []byte) (ms, size int64) {
	if len(v) != 12 {
		return 0, 0
	}
	return int64(binary.BigEndian.Uint64(v)), int64(binary.BigEndian.Uint32(v[8:]))
}

// size returns how long a block is, without reading it.
func (s *store) size(c ledger.CID) (n int, err error) {
	err = s.view(func(txn *badger.Txn) error {
		item, err := txn.Get(sizeKey(c))
		if err != nil {
			return missing(err)
		}
		return item.Value(func(v []byte) error { n = int(binary.BigEndian.Uint32(v)); return nil })
	})
	return n, err
}

func (s *store) has(c ledger.CID) bool {
	_, err := s.size(c)
	return err == nil
}

// get reads a block. One that is damaged is deleted, and so is missing from now on: it can be fetched again.
func (s *store) get(c ledger.CID) ([]byte, error) {
	size, err := s.size(c)
	if err != nil {
		return nil, err
	}
	var data []byte
	err = s.view(func(txn *badger.Txn) error {
		item, err := txn.Get(blockKey(c))
		if err != nil {
			return err
		}
		data, err = item.ValueCopy(nil)
		return err
	})
	// Badger hands out nothing, and no error, for a value whose checksum is wrong.
	if err == nil && len(data) == size {
		return data, nil
	}
	if gone := s.update(func(txn *badger.Txn) error { return deleteBlock(txn, c[4:]) }); gone != nil {
		return nil, fmt.Errorf("delete damaged block %s: %w", c, gone)
	}
	return nil, fmt.Errorf("%w: %s was damaged: %v", ErrMissing, c, err)
}

func deleteBlock(txn *badger.Txn, digest []byte) error {
	return errors.Join(txn.Delete(append([]byte{keyBlock}, digest...)), txn.Delete(append([]byte{keySize}, digest...)))
}

func missing(err error) error {
	if errors.Is(err, badger.ErrKeyNotFound) {
		return ErrMissing
	}
	return err
}

// put stores a block that was verified, loose if it is new here. What is here and loose is as fresh as if it came now.
func (s *store) put(c ledger.CID, data []byte) error {
	if s.has(c) {
		return s.freshen(c)
	}
	if err := s.room(int64(len(data))); err != nil {
		return err
	}
	var stored bool
	err := s.update(func(txn *badger.Txn) error {
		stored = false
		if _, err := txn.Get(sizeKey(c)); err == nil {
			return nil
		}
		size := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		if err := errors.Join(txn.Set(blockKey(c), data), txn.Set(sizeKey(c), size)); err != nil {
			return err
		}
		if referred, err := anyRef(txn, c); err != nil || referred {
			return err // it was lost, and comes back
		}
		stored = true
		return txn.Set(looseKey(c), s.formatLoose(len(data)))
	})
	if err != nil {
		return fmt.Errorf("store block %s: %w", c, err)
	}
	if stored {
		s.loose.Add(int64(len(data)))
	}
	return nil
}

// freshen lets a loose block stay for another while: somebody means to use it.
func (s *store) freshen(c ledger.CID) error {
	return s.update(func(txn *badger.Txn) error {
		item, err := txn.Get(looseKey(c))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		v, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		ms, size := parseLoose(v)
		if s.now().UnixMilli()-ms < time.Hour.Milliseconds() {
			return nil
		}
		return txn.Set(looseKey(c), s.formatLoose(int(size)))
	})
}

func anyRef(txn *badger.Txn, c ledger.CID) (found bool, err error) {
	prefix := append([]byte{keyRef}, c[4:]...)
	err = scanTxn(txn, prefix, prefix, func([]byte, *badger.Item) (bool, error) {
		found = true
		return false, nil
	})
	return found, err
}

// refer notes that a root's pin needs a block that is here, and everything below it was seen.
func (s *store) refer(c, root ledger.CID, epoch int64) error {
	var bound int64
	err := s.update(func(txn *badger.Txn) error {
		bound = 0
		if _, err := txn.Get(sizeKey(c)); err != nil {
			return missing(err)
		}
		item, err := txn.Get(looseKey(c))
		if err == nil {
			if err := item.Value(func(v []byte) error { _, bound = parseLoose(v); return nil }); err != nil {
				return err
			}
			if err := txn.Delete(looseKey(c)); err != nil {
				return err
			}
		}
		return txn.Set(refKey(c, root), binary.BigEndian.AppendUint64(nil, uint64(epoch)))
	})
	if err == nil {
		s.loose.Add(-bound)
	}
	return err
}

// referred says whether this pin of the root has seen a block and everything below it.
func (s *store) referred(c, root ledger.CID, epoch int64) (bool, error) {
	last, ok, err := s.lastRef(c, root)
	return ok && last == epoch, err
}

// pinned says whether any pin of the root refers to a block.
func (s *store) pinned(c, root ledger.CID) (bool, error) {
	_, ok, err := s.lastRef(c, root)
	return ok, err
}

func (s *store) lastRef(c, root ledger.CID) (epoch int64, ok bool, err error) {
	err = s.view(func(txn *badger.Txn) error {
		item, err := txn.Get(refKey(c, root))
		if err != nil {
			return ignoreMissing(err)
		}
		ok = true
		return item.Value(func(v []byte) error { epoch = int64(binary.BigEndian.Uint64(v)); return nil })
	})
	return epoch, ok, err
}

// sweep deletes the blocks that have been loose since before a time.
func (s *store) sweep(before time.Time) (blocks int, bytes int64, err error) {
	var old [][]byte
	err = s.scan([]byte{keyLoose}, func(key []byte, item *badger.Item) (bool, error) {
		return true, item.Value(func(v []byte) error {
			if ms, _ := parseLoose(v); ms < before.UnixMilli() {
				old = append(old, append([]byte(nil), key...))
			}
			return nil
		})
	})
	if err != nil {
		return 0, 0, fmt.Errorf("sweep: %w", err)
	}
	for _, key := range old {
		size, err := s.drop(key, before)
		if err != nil {
			return blocks, bytes, fmt.Errorf("sweep: %w", err)
		}
		if size >= 0 {
			blocks, bytes = blocks+1, bytes+size
		}
	}
	s.loose.Add(-bytes)
	return blocks, bytes, nil
}

// drop deletes one loose block, or returns -1 if it is wanted again.
func (s *store) drop(loose []byte, before time.Time) (size int64, err error) {
	err = s.update(func(txn *badger.Txn) error {
		size = -1
		item, err := txn.Get(loose)
		if err != nil {
			return ignoreMissing(err)
		}
		var ms, n int64
		if err := item.Value(func(v []byte) error { ms, n = parseLoose(v); return nil }); err != nil || ms >= before.UnixMilli() {
			return err
		}
		if err := txn.Delete(loose); err != nil {
			return err
		}
		size = n
		return deleteBlock(txn, loose[1:])
	})
	return size, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil
	}
	return err
}

// reclaim gives the space of deleted blocks back to the disk. Badger knows what is dead in its value log only after its
// tables were merged, which it does when it closes.
func (s *store) reclaim() error {
	s.using.Lock()
	err := s.db.Close()
	if err == nil {
		err = s.open()
	}
	s.using.Unlock()
	if err != nil {
		return fmt.Errorf("reclaim space: %w", err)
	}
	s.using.RLock()
	defer s.using.RUnlock()
	for err == nil {
		err = s.db.RunValueLogGC(0.5)
	}
	if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) {
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
