package order

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/hashicorp/raft"
)

// errNotFound has the exact text Raft looks for.
var errNotFound = errors.New("not found")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Keys of the store: entries sort by index.
const (
	prefixEntry = 'e' // e index(8) → crc(4) term(8) type(1) data
	prefixValue = 'v' // v name     → crc(4) value
)

// store is Raft's storage in a Badger folder of its own. Each value carries a
// checksum over its key and content, because Badger may lose or alter an entry
// without an error when the disk does.
type store struct {
	db *badger.DB

	mu          sync.RWMutex
	first, last uint64
}

// openStore opens the folder, or says ErrDamaged when what is in it cannot be
// a log. A lock held by another process is no damage.
func openStore(dir string) (s *store, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make raft folder: %w", err)
	}
	if err := removeEmpty(dir); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%w: open store: %v", ErrDamaged, p)
		}
	}()
	db, err := badger.Open(storeOptions(dir))
	if err != nil && (strings.Contains(err.Error(), "directory lock") || errors.Is(err, os.ErrPermission)) {
		return nil, fmt.Errorf("open raft store: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: open store: %w", ErrDamaged, err)
	}
	s = &store{db: db}
	if err := s.findEnds(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrDamaged, err), db.Close())
	}
	return s, nil
}

// storeOptions is Badger's light profile. Entries stay in the LSM tree: in the
// value log, which only shrinks after a close, a busy Raft log grows without end.
func storeOptions(dir string) badger.Options {
	return badger.DefaultOptions(dir).
		WithLogger(nil).
		WithMetricsEnabled(false).
		WithSyncWrites(true).
		WithDetectConflicts(false).
		WithCompression(options.None).
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(16 << 20).
		WithBlockCacheSize(4 << 20).
		WithIndexCacheSize(4 << 20)
}

// removeEmpty deletes zero-length memtable and value log files: after a kill
// Badger may leave them and then refuse to open.
func removeEmpty(dir string) error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return fmt.Errorf("list raft folder: %w", err)
		}
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && info.Size() == 0 {
				if err := os.Remove(name); err != nil {
					return fmt.Errorf("remove empty file: %w", err)
				}
			}
		}
	}
	return nil
}

func (s *store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close raft store: %w", err)
	}
	return nil
}

func entryKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixEntry}, index)
}

func valueKey(name []byte) []byte { return append([]byte{prefixValue}, name...) }

// seal puts a checksum over key and content in front of content.
func seal(key, content []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, content)
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(content)), sum), content...)
}

func unseal(key, sealed []byte) ([]byte, error) {
	if len(sealed) < 4 {
		return nil, fmt.Errorf("value of %q is too short", key)
	}
	content := sealed[4:]
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, content)
	if binary.BigEndian.Uint32(sealed) != sum {
		return nil, fmt.Errorf("value of %q does not match its checksum", key)
	}
	return content, nil
}

// get returns the content at key, or errNotFound.
func (s *store) get(key []byte) (content []byte, err error) {
	err = s.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return errNotFound
		}
		if err != nil {
			return err
		}
		sealed, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		content, err = unseal(key, sealed)
		return err
	})
	return content, err
}

func (s *store) put(key, content []byte) error {
	return s.db.Update(func(txn *badger.Txn) error { return txn.Set(key, seal(key, content)) })
}

// findEnds reads the first and last index from the keys.
func (s *store) findEnds() error {
	return s.db.View(func(txn *badger.Txn) error {
		s.first, s.last = s.end(txn, false), s.end(txn, true)
		return nil
	})
}

func (s *store) end(txn *badger.Txn, reverse bool) uint64 {
	it := txn.NewIterator(badger.IteratorOptions{Reverse: reverse, Prefix: []byte{prefixEntry}})
	defer it.Close()
	from := []byte{prefixEntry}
	if reverse {
		from = entryKey(1<<64 - 1)
	}
	it.Seek(from)
	if !it.Valid() || len(it.Item().Key()) != 9 {
		return 0
	}
	return binary.BigEndian.Uint64(it.Item().Key()[1:])
}

func (s *store) FirstIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.first, nil
}

func (s *store) LastIndex() (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.last, nil
}

func (s *store) GetLog(index uint64, entry *raft.Log) error {
	content, err := s.get(entryKey(index))
	if errors.Is(err, errNotFound) {
		return raft.ErrLogNotFound
	}
	if err != nil {
		return fmt.Errorf("read log entry %d: %w", index, err)
	}
	if len(content) < 9 {
		return fmt.Errorf("read log entry %d: too short", index)
	}
	*entry = raft.Log{Index: index, Term: binary.BigEndian.Uint64(content), Type: raft.LogType(content[8]), Data: content[9:]}
	return nil
}

func (s *store) StoreLog(entry *raft.Log) error { return s.StoreLogs([]*raft.Log{entry}) }

// StoreLogs writes in index order. Entries too large for one transaction go
// into several; a crash between them leaves a shorter log, which is a valid one.
func (s *store) StoreLogs(entries []*raft.Log) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.inTransactions(len(entries), func(i int, set func(k, v []byte) error) error {
		e := entries[i]
		content := append(uint64Bytes(e.Term), byte(e.Type))
		key := entryKey(e.Index)
		return set(key, seal(key, append(content, e.Data...)))
	})
	if err != nil {
		return errors.Join(fmt.Errorf("store log entries: %w", err), s.findEnds())
	}
	for _, e := range entries {
		if s.first == 0 || e.Index < s.first {
			s.first = e.Index
		}
		s.last = max(s.last, e.Index)
	}
	return nil
}

// DeleteRange removes a prefix or a suffix of the log.
func (s *store) DeleteRange(from, to uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to = max(from, s.first), min(to, s.last)
	if s.last == 0 || from > to {
		return nil
	}
	keys := s.keys(from, to)
	if to == s.last {
		slices.Reverse(keys) // a crash midway through a suffix leaves no gap
	}
	err := s.inTransactions(len(keys), func(i int, set func(k, v []byte) error) error { return set(keys[i], nil) })
	return errors.Join(err, s.findEnds())
}

// keys lists the entries that exist: a snapshot from a peer leaves a hole in
// the indexes, as wide as that peer liked.
func (s *store) keys(from, to uint64) (keys [][]byte) {
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefixEntry}})
	defer it.Close()
	for it.Seek(entryKey(from)); it.Valid() && bytes.Compare(it.Item().Key(), entryKey(to)) <= 0; it.Next() {
		keys = append(keys, it.Item().KeyCopy(nil))
	}
	return keys
}

// inTransactions calls do for 0..n-1 and commits as often as Badger needs; a
// nil value deletes.
func (s *store) inTransactions(n int, do func(i int, set func(k, v []byte) error) error) error {
	txn := s.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	write := func(k, v []byte) error {
		if v == nil {
			return txn.Delete(k)
		}
		return txn.Set(k, v)
	}
	set := func(k, v []byte) error {
		err := write(k, v)
		if !errors.Is(err, badger.ErrTxnTooBig) {
			return err
		}
		if err := txn.Commit(); err != nil {
			return err
		}
		txn = s.db.NewTransaction(true)
		return write(k, v)
	}
	for i := range n {
		if err := do(i, set); err != nil {
			return err
		}
	}
	return txn.Commit()
}

// Set and Get keep Raft's vote and our own marks.
func (s *store) Set(key, value []byte) error { return s.put(valueKey(key), value) }

// Get returns an error that says exactly "not found" for an unknown key.
func (s *store) Get(key []byte) ([]byte, error) { return s.get(valueKey(key)) }

func (s *store) SetUint64(key []byte, value uint64) error { return s.Set(key, uint64Bytes(value)) }

func (s *store) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("value of %q has %d bytes, not 8", key, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
