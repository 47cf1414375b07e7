package blobs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"

	"evident/lightclient/ledger"
)

func blockKey(c ledger.CID) []byte { return append([]byte{keyBlock}, c[4:]...) }
func sizeKey(c ledger.CID) []byte  { return append([]byte{keySize}, c[4:]...) }
func looseKey(c ledger.CID) []byte { return append([]byte{keyLoose}, c[4:]...) }

func refKey(c, root ledger.CID) []byte {
	return append(append(append([]byte{keyRef}, c[4:]...), c.Codec()), root[:]...)
}

// loose says since when no root refers to a block, its size, and who sent it.
type loose struct {
	ms, size int64
	from     uploader
}

func (l loose) format() []byte {
	v := binary.BigEndian.AppendUint64(nil, uint64(l.ms))
	v = binary.BigEndian.AppendUint32(v, uint32(l.size))
	return binary.BigEndian.AppendUint64(v, uint64(l.from))
}

func parseLoose(v []byte) loose {
	if len(v) != 20 {
		return loose{}
	}
	return loose{int64(binary.BigEndian.Uint64(v)), int64(binary.BigEndian.Uint32(v[8:])), uploader(binary.BigEndian.Uint64(v[12:]))}
}

// looseTxn reads what is noted of a loose block; false if it is not loose.
func looseTxn(txn *badger.Txn, key []byte) (l loose, ok bool, err error) {
	item, err := txn.Get(key)
	if err != nil {
		return l, false, ignoreMissing(err)
	}
	err = item.Value(func(v []byte) error { l = parseLoose(v); return nil })
	return l, err == nil, err
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

// put stores a block that was verified, loose if it is new here. What is here and loose is as fresh as if it came now,
// and is now this sender's.
func (s *store) put(c ledger.CID, data []byte, from uploader) error {
	if stays, err := s.freshen(c, from, true); stays || err != nil {
		return err
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
		return txn.Set(looseKey(c), loose{s.now().UnixMilli(), int64(len(data)), from}.format())
	})
	if err != nil {
		return fmt.Errorf("store block %s: %w", c, err)
	}
	if stored {
		s.loose.add(from, int64(len(data)))
	}
	return nil
}

// freshen lets a loose block stay for another while: its sender means to use it. Another one only asks, or sends it too
// and takes it over. It says whether the block will be here for long enough to build on: one that is not, or that somebody
// else left here and that may be deleted before the rest has come, has to be sent.
func (s *store) freshen(c ledger.CID, from uploader, sent bool) (stays bool, err error) {
	var before, after loose
	err = s.update(func(txn *badger.Txn) error {
		stays, before, after = false, loose{}, loose{}
		if _, err := txn.Get(sizeKey(c)); err != nil {
			return ignoreMissing(err)
		}
		l, ok, err := looseTxn(txn, looseKey(c))
		age := s.now().UnixMilli() - l.ms
		if stays = !ok || from == l.from || sent || age < freshness.Milliseconds()/2; err != nil || !ok || !stays {
			return err
		}
		if from == l.from && age < time.Hour.Milliseconds() || from != l.from && !sent {
			return nil
		}
		before, after = l, loose{s.now().UnixMilli(), l.size, from}
		return txn.Set(looseKey(c), after.format())
	})
	if err == nil && after.from != before.from {
		s.loose.add(before.from, -before.size)
		s.loose.add(after.from, after.size)
	}
	return stays && err == nil, err
}

// isLoose says whether no root refers to a block that is here.
func (s *store) isLoose(c ledger.CID) (ok bool, err error) {
	err = s.view(func(txn *badger.Txn) error {
		_, ok, err = looseTxn(txn, looseKey(c))
		return err
	})
	return ok, err
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
	s.referring.RLock()
	defer s.referring.RUnlock()
	var bound loose
	err := s.update(func(txn *badger.Txn) error {
		if _, err := txn.Get(sizeKey(c)); err != nil {
			return missing(err)
		}
		var ok bool
		var err error
		if bound, ok, err = looseTxn(txn, looseKey(c)); err != nil {
			return err
		}
		if ok {
			if err := txn.Delete(looseKey(c)); err != nil {
				return err
			}
		}
		return txn.Set(refKey(c, root), binary.BigEndian.AppendUint64(nil, uint64(epoch)))
	})
	if err == nil {
		s.loose.add(bound.from, -bound.size)
	}
	return err
}

// unrefer ends a root's need of a block, and deletes the block if no other root needs it.
func (s *store) unrefer(digest []byte, ref []byte) error {
	s.referring.Lock()
	defer s.referring.Unlock()
	var gone loose
	err := s.update(func(txn *badger.Txn) error {
		gone = loose{}
		if err := txn.Delete(ref); err != nil {
			return err
		}
		prefix, needed := append([]byte{keyRef}, digest...), false
		err := scanTxn(txn, prefix, prefix, func([]byte, *badger.Item) (bool, error) {
			needed = true
			return false, nil
		})
		if err != nil || needed {
			return err
		}
		key := append([]byte{keyLoose}, digest...)
		if gone, _, err = looseTxn(txn, key); err != nil {
			return err
		}
		return errors.Join(txn.Delete(key), deleteBlock(txn, digest))
	})
	if err == nil {
		s.loose.add(gone.from, -gone.size)
		s.littered.Store(true)
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
			if parseLoose(v).ms < before.UnixMilli() {
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
			s.littered.Store(true)
		}
	}
	return blocks, bytes, nil
}

// drop deletes one loose block, or returns -1 if it is wanted again.
func (s *store) drop(key []byte, before time.Time) (size int64, err error) {
	var l loose
	err = s.update(func(txn *badger.Txn) error {
		size = -1
		var ok bool
		var err error
		if l, ok, err = looseTxn(txn, key); err != nil || !ok || l.ms >= before.UnixMilli() {
			return err
		}
		size = l.size
		return errors.Join(txn.Delete(key), deleteBlock(txn, key[1:]))
	})
	if err == nil && size >= 0 {
		s.loose.add(l.from, -l.size)
	}
	return size, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil
	}
	return err
}
