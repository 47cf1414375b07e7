package blobs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dgraph-io/badger/v4"

	"evident/lightclient/ledger"
)

// fileID names a file under one record.
type fileID struct {
	cid    ledger.CID
	record ledger.RecordID
}

func (id fileID) key(kind byte) []byte {
	return append(append([]byte{kind}, id.cid[:]...), id.record[:]...)
}

func (id fileID) String() string { return fmt.Sprintf("file %s of record %s", id.cid, id.record) }

const fileIDSize = len(ledger.CID{}) + len(ledger.RecordID{})

// parseFileID takes the last bytes of a key.
func parseFileID(key []byte) (id fileID) {
	tail := key[len(key)-fileIDSize:]
	copy(id.cid[:], tail)
	copy(id.record[:], tail[len(id.cid):])
	return id
}

// entry is what this node knows of a file.
type entry struct {
	Mode    ledger.Mode `json:"mode"`
	Bytes   int64       `json:"bytes"`
	By      []string    `json:"by"`      // the record's authors
	Place   int64       `json:"place"`   // of the record in the ledger, in order
	Began   bool        `json:"began"`   // a pin of it began here: blocks may refer to it
	Held    bool        `json:"held"`    // pinned here, and our receipt is signed
	Refused string      `json:"refused"` // why it will never be pinned: the record's CID does not name such a file
	Epoch   int64       `json:"epoch"`   // grows when what is under way for it is worth nothing any more
	Tries   int         `json:"tries"`   // fetches in a row that failed
	Due     int64       `json:"due"`     // Unix milliseconds; its place in the queue
	Why     string      `json:"why"`     // why the last look did not end well

	Missing map[string]int64 `json:"missing"` // members that have not shown that they keep it, since when, Unix milliseconds
	Spare   int64            `json:"spare"`   // kept here beyond need since then, Unix milliseconds; 0: needed
	Drop    bool             `json:"drop"`    // not kept here any more; its blocks may still be here

	Erased  string `json:"erased"`  // the record that had it erased
	Deleted bool   `json:"deleted"` // its blocks are gone; their bytes may still be on the disk
	Gone    bool   `json:"gone"`    // and those as well; our erasure receipt is signed if one is due
}

// place is where a record stands in the ledger; a block has less than 2^16 records.
func place(h ledger.Height, index int) int64 { return int64(h)<<16 | int64(index) }

// load reads the entry of a file; false if no final record names it.
func (s *store) load(id fileID) (e entry, ok bool, err error) {
	err = s.view(func(txn *badger.Txn) error {
		e, ok, err = loadTxn(txn, id)
		return err
	})
	return e, ok, err
}

func loadTxn(txn *badger.Txn, id fileID) (e entry, ok bool, err error) {
	item, err := txn.Get(id.key(keyFile))
	if err != nil {
		return e, false, ignoreMissing(err)
	}
	err = item.Value(func(v []byte) error { return json.Unmarshal(v, &e) })
	return e, err == nil, err
}

func storeTxn(txn *badger.Txn, id fileID, e entry) error {
	v, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return errors.Join(txn.Set(id.key(keyFile), v), txn.Set(dueKey(e.Due, id), nil))
}

func dueKey(due int64, id fileID) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{keyDue}, uint64(due)), id.key(0)[1:]...)
}

// change changes a file's entry and moves it in the queue.
func (s *store) change(id fileID, how func(*entry)) error {
	return s.update(func(txn *badger.Txn) error { return changeTxn(txn, id, how) })
}

func changeTxn(txn *badger.Txn, id fileID, how func(*entry)) error {
	e, ok, err := loadTxn(txn, id)
	if err != nil || !ok {
		return err
	}
	if err := txn.Delete(dueKey(e.Due, id)); err != nil {
		return err
	}
	how(&e)
	return storeTxn(txn, id, e)
}

// A root's epoch is one for all records that name it. It grows when a block of a pin is lost or deleted; references of
// older epochs say nothing any more about what is below them.
func epochTxn(txn *badger.Txn, c ledger.CID) (epoch int64, err error) {
	item, err := txn.Get(epochKey(c))
	if err != nil {
		return 0, ignoreMissing(err)
	}
	err = item.Value(func(v []byte) error { epoch = int64(binary.BigEndian.Uint64(v)); return nil })
	return epoch, err
}

func epochKey(c ledger.CID) []byte { return append([]byte{keyEpoch}, c[:]...) }

func nextEpochTxn(txn *badger.Txn, c ledger.CID) error {
	epoch, err := epochTxn(txn, c)
	if err != nil {
		return err
	}
	return txn.Set(epochKey(c), binary.BigEndian.AppendUint64(nil, uint64(epoch)+1))
}

// begin notes that a pin begins, and returns its epoch.
func (s *store) begin(id fileID) (epoch int64, err error) {
	err = s.update(func(txn *badger.Txn) error {
		if epoch, err = epochTxn(txn, id.cid); err != nil {
			return err
		}
		return changeTxn(txn, id, func(e *entry) { e.Began = true })
	})
	return epoch, err
}

// hold notes that a pin is whole, with our receipt for it; false if a block was lost or the file erased meanwhile.
func (s *store) hold(id fileID, entryEpoch, rootEpoch int64, self string, receipt []byte) (held bool, err error) {
	err = s.update(func(txn *badger.Txn) error {
		e, ok, err := loadTxn(txn, id)
		if err != nil {
			return err
		}
		epoch, err := epochTxn(txn, id.cid)
		held = ok && e.Epoch == entryEpoch && epoch == rootEpoch
		if err != nil || !held {
			return err
		}
		e.Held, e.Drop = true, false
		return errors.Join(storeTxn(txn, id, e), txn.Set(storing.key(id, self), receipt))
	})
	return held && err == nil, err
}

// lost makes a file that was held here be fetched again, now.
func (s *store) lost(id fileID, now time.Time) error {
	return s.update(func(txn *badger.Txn) error {
		return errors.Join(nextEpochTxn(txn, id.cid), changeTxn(txn, id, func(e *entry) {
			if e.Held {
				e.Held, e.Epoch, e.Tries, e.Due = false, e.Epoch+1, 0, now.UnixMilli()
			}
		}))
	})
}

// add notes the files of a record at its place in the ledger. Doing it twice changes nothing.
func (s *store) add(files []File, place int64, now time.Time) error {
	return s.update(func(txn *badger.Txn) error {
		for _, f := range files {
			id := fileID{f.CID, f.Record}
			if _, known, err := loadTxn(txn, id); known || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if err := storeTxn(txn, id, entry{Mode: f.Mode, Bytes: f.Bytes, By: f.By, Place: place, Due: now.UnixMilli()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// looked notes that a height was looked at.
func (s *store) looked(height ledger.Height) error {
	return s.update(func(txn *badger.Txn) error {
		return txn.Set([]byte{keyHeight}, binary.BigEndian.AppendUint64(nil, uint64(height)+1))
	})
}

// nextHeight is the first height that was not looked at.
func (s *store) nextHeight() (h ledger.Height, err error) {
	err = s.view(func(txn *badger.Txn) error {
		item, err := txn.Get([]byte{keyHeight})
		if err != nil {
			return ignoreMissing(err)
		}
		return item.Value(func(v []byte) error { h = ledger.Height(binary.BigEndian.Uint64(v)); return nil })
	})
	return h, err
}

// due returns at most limit files that are due, the longest waiting first.
func (s *store) due(now time.Time, limit int) (ids []fileID, err error) {
	end := binary.BigEndian.AppendUint64([]byte{keyDue}, uint64(now.UnixMilli())+1)
	err = s.scan([]byte{keyDue}, func(key []byte, _ *badger.Item) (bool, error) {
		if bytes.Compare(key, end) >= 0 || len(ids) == limit {
			return false, nil
		}
		ids = append(ids, parseFileID(key))
		return true, nil
	})
	return ids, err
}

// filesOf returns the entries of a CID, at most limit.
func (s *store) filesOf(c ledger.CID, limit int) (ids []fileID, entries []entry, err error) {
	err = s.scan(append([]byte{keyFile}, c[:]...), func(key []byte, item *badger.Item) (bool, error) {
		var e entry
		if err := item.Value(func(v []byte) error { return json.Unmarshal(v, &e) }); err != nil {
			return false, err
		}
		ids, entries = append(ids, parseFileID(key)), append(entries, e)
		return len(ids) < limit, nil
	})
	return ids, entries, err
}

// random returns some file, or false if there is none: the first from a random CID on.
func (s *store) random() (id fileID, e entry, ok bool, err error) {
	start := id.key(keyFile)
	start = start[:1+4] // CIDs have one beginning
	copy(start[1:], []byte{1, ledger.CodecRaw + byte(rand.N(2))*(ledger.CodecDagPB-ledger.CodecRaw), 0x12, 32})
	start = binary.BigEndian.AppendUint64(start, rand.Uint64())
	for _, from := range [][]byte{start, {keyFile}} {
		err = s.view(func(txn *badger.Txn) error {
			return scanTxn(txn, []byte{keyFile}, from, func(key []byte, item *badger.Item) (bool, error) {
				id, ok = parseFileID(key), true
				return false, item.Value(func(v []byte) error { return json.Unmarshal(v, &e) })
			})
		})
		if ok || err != nil {
			return id, e, ok, err
		}
	}
	return id, e, false, nil
}

// signed is a kind of receipt: the first byte of its keys.
type signed byte

// The receipts of members.
const (
	storing signed = 's' // a storage receipt
	erasing signed = 'e' // an erasure receipt
)

// path is where members tell each other, and ask for, receipts.
func (k signed) path() string {
	if k == erasing {
		return "/files/erasure"
	}
	return "/files/receipt"
}

func (k signed) key(id fileID, member string) []byte { return append(id.key(byte(k)), member...) }

// keepReceipt keeps a member's receipt; the newest counts. Who erased a file keeps it no more.
func (s *store) keepReceipt(kind signed, id fileID, member string, msg []byte) error {
	return s.update(func(txn *badger.Txn) error {
		if kind == erasing {
			if err := txn.Delete(storing.key(id, member)); err != nil {
				return err
			}
		}
		return txn.Set(kind.key(id, member), msg)
	})
}

// dropReceipt forgets a storage receipt that the member itself says is no longer true.
func (s *store) dropReceipt(id fileID, member string) error {
	return s.update(func(txn *badger.Txn) error { return txn.Delete(storing.key(id, member)) })
}

// receipts returns the receipts of a kind for a file by member.
func (s *store) receipts(kind signed, id fileID) (map[string][]byte, error) {
	out := map[string][]byte{}
	prefix := kind.key(id, "")
	err := s.scan(prefix, func(key []byte, item *badger.Item) (bool, error) {
		v, err := item.ValueCopy(nil)
		out[string(key[len(prefix):])] = v
		return true, err
	})
	return out, err
}
