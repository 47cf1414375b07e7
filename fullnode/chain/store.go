package chain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"evident/lightclient/ledger"
)

// The first byte of a key says what it is; state nodes have state.KeyPrefix. Numbers in keys are big-endian, so that
// keys sort by height.
const (
	keyGenesis     = 'G' // → the genesis file
	keyFinal       = 'F' // → height, header hash and state root of the head: written last of all that a block changes
	keyTree        = 'T' // → the same of the newest block whose state tree is stored
	keyPrepared    = 'P' // → height and header hash of the newest prepared block
	keyBody        = 'B' // height, 8 bytes of header hash → packed block
	keyHeader      = 'H' // height → header text
	keyCertificate = 'C' // height → certificate
	keyLog         = 'L' // index → stored hash of the chain log
	keyPart        = 'W' // height, part → nothing, or the number of parts
	keyValue       = 'v' // 20 bytes of the state key → packed canonical JSON
	keyID          = 'i' // 8 bytes of record id, height → indexes
	keyAuthor      = 'a' // key name, 0, 4 bytes of key hash, height → indexes
	keyItem        = 'm' // 8 bytes of SHA-256 of the item, height → indexes
	keyDigest      = 'd' // 8 bytes of the digest, height → indexes
	keyContract    = 'c' // contract, 0, height → indexes
	keyChild       = 'p' // 8 bytes of SHA-256 of contract, 0, parent; height → indexes of the children's records
)

// store is Badger in managed mode: everything that block h writes has version h+1, and everything that is read at the
// head of height h is read at version h+1. So what a block wrote before its last part is on disk is never seen.
type store struct {
	db   *badger.DB
	dir  string
	lock *os.File
	free func(dir string) (int64, error)
}

// versionOf is the version of what the block at h writes.
func versionOf(h ledger.Height) uint64 { return uint64(h) + 1 }

func openStore(dir string, free func(string) (int64, error), synced bool) (*store, error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &store{dir: dir, lock: lock, free: free}
	if err := s.open(synced); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

func (s *store) open(synced bool) error {
	if err := s.room(); err != nil {
		return err
	}
	if err := tidy(s.dir); err != nil {
		return err
	}
	if err := checkManifest(s.dir); err != nil {
		return err
	}
	db, err := badger.OpenManaged(storeOptions(s.dir, synced))
	if err != nil {
		return openError(err)
	}
	s.db = db
	return nil
}

// openError finds the class of Badger's error, which has no types for most.
func openError(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// storeOptions is a small Badger: about 30 MB of memory at work. Blocks are large and never change, so they go to the
// value log and are never moved again; all the rest stays in the tables.
func storeOptions(dir string, synced bool) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(synced).
		WithLogger(nil).
		WithMetricsEnabled(false).
		WithDetectConflicts(false).
		WithMemTableSize(8 << 20).
		WithNumMemtables(2).
		WithNumLevelZeroTables(8).
		WithBaseLevelSize(64 << 20).
		WithBaseTableSize(8 << 20).
		WithNumLevelZeroTablesStall(16).
		WithNumCompactors(2).
		WithValueThreshold(4 << 10).
		WithValueLogFileSize(16 << 20).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(4 << 20).
		WithChecksumVerificationMode(options.OnTableRead)
}

func (s *store) close() error {
	err := s.db.Close()
	return errors.Join(err, s.lock.Close())
}

// room refuses new work when the disk is nearly full.
func (s *store) room() error {
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if free < lowWater {
		return fmt.Errorf("%w: %d MiB are free where %s is, %d are needed", ErrDiskFull, free>>20, s.dir, lowWater>>20)
	}
	return nil
}

// snapshot is the store as it was when the block before version was final.
type snapshot struct{ txn *badger.Txn }

func (s *store) at(version uint64) snapshot { return snapshot{s.db.NewTransactionAt(version, false)} }

func (v snapshot) close() { v.txn.Discard() }

// Get implements state.KV; the value is the caller's.
func (v snapshot) Get(key []byte) ([]byte, error) {
	item, err := v.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: read %q: %w", ErrDamaged, key, err)
	}
	return item.ValueCopy(nil)
}

// must is Get of something that is there unless the store is damaged.
func (v snapshot) must(what string, key []byte) ([]byte, error) {
	value, err := v.Get(key)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, what)
	}
	return value, err
}

// scan calls visit with what follows prefix in each key that has it, in order, until visit returns false.
func (v snapshot) scan(prefix []byte, visit func(rest []byte) bool) {
	v.scanFrom(prefix, prefix, visit)
}

// scanFrom is scan from a key on.
func (v snapshot) scanFrom(prefix, from []byte, visit func(rest []byte) bool) {
	it := v.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		if !visit(it.Item().Key()[len(prefix):]) {
			return
		}
	}
}

// each calls visit with the rest of every key that has prefix, and its value, until visit returns false.
func (v snapshot) each(prefix []byte, visit func(rest, value []byte) bool) error {
	it := v.txn.NewIterator(badger.IteratorOptions{Prefix: prefix, PrefetchValues: true, PrefetchSize: 16})
	defer it.Close()
	it.Rewind()
	for more := true; more; it.Next() {
		if !it.Valid() {
			return nil
		}
		err := it.Item().Value(func(value []byte) error {
			more = visit(it.Item().Key()[len(prefix):], value)
			return nil
		})
		if err != nil {
			return fmt.Errorf("%w: read %q: %w", ErrDamaged, it.Item().Key(), err)
		}
	}
	return nil
}

// eachBack calls visit as each does, in descending order, for keys whose rest begins at most with from.
func (v snapshot) eachBack(prefix, from []byte, visit func(rest, value []byte) bool) error {
	it := v.txn.NewIterator(badger.IteratorOptions{Prefix: prefix, PrefetchValues: true, PrefetchSize: 16, Reverse: true})
	defer it.Close()
	it.Seek(slices.Concat(prefix, from))
	for more := true; more && it.Valid(); it.Next() {
		err := it.Item().Value(func(value []byte) error {
			more = visit(it.Item().Key()[len(prefix):], value)
			return nil
		})
		if err != nil {
			return fmt.Errorf("%w: read %q: %w", ErrDamaged, it.Item().Key(), err)
		}
	}
	return nil
}

// batch collects the writes of one block. If they are too many for one transaction of Badger they become several parts,
// of which each has the mark of its number and the last one their count: none of them counts before the last is there.
type batch struct {
	store   *store
	version uint64
	txn     *badger.Txn
	parts   uint16
	err     error
}

func (s *store) write(h ledger.Height) *batch {
	return &batch{store: s, version: versionOf(h), txn: s.db.NewTransactionAt(versionOf(h), true), parts: 1}
}

func (b *batch) set(key, value []byte) {
	if b.err == nil {
		b.err = b.txn.Set(key, value)
	}
	if !errors.Is(b.err, badger.ErrTxnTooBig) {
		return
	}
	if b.err = b.txn.CommitAt(b.version, nil); b.err != nil {
		return
	}
	b.parts++
	b.txn = b.store.db.NewTransactionAt(b.version, true)
	b.set(partKey(b.version, b.parts), nil)
	b.set(key, value)
}

// commit writes the last part; after it everything is on disk.
func (b *batch) commit() error {
	defer b.txn.Discard()
	if b.parts > 1 {
		b.set(partKey(b.version, 0), binary.BigEndian.AppendUint16(nil, b.parts))
	}
	if b.err != nil {
		return b.err
	}
	return b.txn.CommitAt(b.version, nil)
}

func heightKey(prefix byte, h ledger.Height) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, uint64(h))
}

func partKey(version uint64, part uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64([]byte{keyPart}, version), part)
}

// discard lets Badger drop what was replaced before the retention.
func (s *store) discard(h ledger.Height) {
	if h > retention {
		s.db.SetDiscardTs(uint64(h - retention))
	}
}
