package blobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"evident/lightclient/ledger"
)

// order is an author's order, in a final record, to erase a file.
type order struct {
	id   fileID // the file and the record that names it
	from ledger.RecordID
	by   []string
}

// orderOf finds an order to erase: action "erase" of the contract "files".
func orderOf(u *ledger.UnverifiedRecord) (order, bool) {
	if u.Contract != "files" || u.Action != "erase" {
		return order{}, false
	}
	var fields struct{ Record, CID string }
	if err := json.Unmarshal(u.Fields, &fields); err != nil {
		return order{}, false
	}
	c, err := ledger.ParseCID(fields.CID)
	if err != nil {
		return order{}, false
	}
	record, err := ledger.ParseRecordID(fields.Record)
	return order{fileID{c, record}, u.ID, u.By}, err == nil
}

// obey marks a file as erased under every record that names it, if each of them has an author who signed the order: what
// somebody else had kept too stays. Records that come later in the ledger name the file anew.
func (b *Blobs) obey(o order, place int64) error {
	ids, entries, err := b.store.filesOf(o.id.cid, math.MaxInt)
	if err != nil {
		return err
	}
	var erased []fileID
	named := false
	for i, e := range entries {
		if e.Place >= place {
			continue
		}
		if by := e.Erased; by != "" { // by this very order if it was obeyed by half when we stopped
			named = named || ids[i] == o.id && by == o.from.String()
			continue
		}
		named = named || ids[i] == o.id
		erased = append(erased, ids[i])
		if !slices.ContainsFunc(e.By, func(author string) bool { return slices.Contains(o.by, author) }) {
			b.Log.Info("a file is not erased: another author's record names it too", "file", o.id.String(), "other", ids[i].record.String())
			return nil
		}
	}
	if !named {
		return nil
	}
	for _, id := range erased {
		if err := b.store.erase(id, o.from, b.Self, b.Now()); err != nil {
			return err
		}
	}
	b.forgive(o.id.cid)
	b.interrupt(o.id.cid)
	return nil
}

// erase marks a file as erased: it is not held any more, and its blocks are to go.
func (s *store) erase(id fileID, order ledger.RecordID, self string, now time.Time) error {
	return s.update(func(txn *badger.Txn) error {
		return errors.Join(txn.Delete(storing.key(id, self)), changeTxn(txn, id, func(e *entry) {
			e.Erased, e.Held, e.Drop, e.Tries, e.Why, e.Due = order.String(), false, false, 0, "", now.UnixMilli()
			e.Epoch++
			e.Missing, e.Spare = nil, 0
		}))
	})
}

// release marks a file as not kept here any more, though the members keep it.
func (s *store) release(id fileID, self string, now time.Time) error {
	return s.update(func(txn *badger.Txn) error {
		return errors.Join(txn.Delete(storing.key(id, self)), changeTxn(txn, id, func(e *entry) {
			e.Held, e.Drop, e.Spare, e.Due = false, true, 0, now.UnixMilli()
			e.Epoch++
		}))
	})
}

// giveUp ends what a release began.
func (b *Blobs) giveUp(ctx context.Context, id fileID, e entry) error {
	if err := b.clear(ctx, id.cid, e); err != nil {
		return err
	}
	return b.store.change(id, func(now *entry) { now.Drop, now.Began = false, false })
}

// clear deletes a file's blocks, unless it is held here under another record.
func (b *Blobs) clear(ctx context.Context, c ledger.CID, e entry) error {
	if held, err := b.held(c); held || err != nil {
		return err
	}
	return b.store.unpin(ctx, fileRoot(c, e.Bytes), e.Began)
}

// held says whether some record has a file kept here.
func (b *Blobs) held(c ledger.CID) (bool, error) {
	_, entries, err := b.store.filesOf(c, math.MaxInt)
	return slices.ContainsFunc(entries, func(e entry) bool { return e.Held }), err
}

// erase deletes what is here of an erased file. Its bytes are taken off the disk together with those of other files, and
// only then the erasure receipt is signed. Afterwards the other members' erasure receipts are asked for. Each step may
// be done again, so that it does not matter where we stop.
func (b *Blobs) erase(ctx context.Context, id fileID, e entry) error {
	if e.Gone {
		return b.gatherErasures(ctx, id)
	}
	if !e.Deleted {
		if err := b.clear(ctx, id.cid, e); err != nil {
			return err
		}
		if err := b.store.change(id, func(now *entry) { now.Deleted = true }); err != nil {
			return err
		}
	}
	b.mu.Lock()
	if !slices.Contains(b.deleted, id) {
		b.deleted = append(b.deleted, id)
	}
	b.mu.Unlock()
	select {
	case b.shreds <- struct{}{}:
	default:
	}
	return errors.New("it is being erased")
}

// shred takes the bytes of erased files off the disk, many at once, and signs that they are gone.
func (b *Blobs) shred(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.shreds:
		}
		b.mu.Lock()
		deleted := b.deleted
		b.deleted = nil
		b.mu.Unlock()
		if err := b.shredAll(ctx, deleted); err != nil && ctx.Err() == nil {
			b.Log.Error("erase files", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(b.Pace.Shred):
		}
	}
}

// shredAll ends the erasure of files whose blocks are deleted. Those that fail are still due.
func (b *Blobs) shredAll(ctx context.Context, files []fileID) error {
	if err := b.store.reclaim(anyDead); err != nil {
		return err
	}
	if err := b.store.sync(); err != nil {
		return err
	}
	for _, id := range files {
		e, ok, err := b.store.load(id)
		if err != nil {
			return err
		}
		if !ok || e.Gone {
			continue
		}
		receipt, err := b.erasureOf(id, e)
		if err != nil {
			return err
		}
		if err := b.store.gone(id, b.Self, receipt, b.Now()); err != nil {
			return err
		}
		b.Log.Info("evidence erased", "file", id.String(), "order", e.Erased)
		if receipt != nil {
			b.tell(ctx, erasing.path(), receipt)
		}
	}
	b.hurry()
	return b.reckon()
}

// erasureOf signs that a file is gone, if we kept it or were to keep it, and nobody had it kept again.
func (b *Blobs) erasureOf(id fileID, e entry) ([]byte, error) {
	if !e.Began && !slices.Contains(b.responsible(id.cid), b.Self) {
		return nil, nil
	}
	if held, err := b.held(id.cid); held || err != nil {
		return nil, err
	}
	return b.sign(b.statement(id, e).ErasureText())
}

// gone notes that an erased file's bytes are gone, with our receipt for it if one is due.
func (s *store) gone(id fileID, self string, receipt []byte, now time.Time) error {
	return s.update(func(txn *badger.Txn) error {
		var err error
		if receipt != nil {
			err = txn.Set(erasing.key(id, self), receipt)
		}
		return errors.Join(err, changeTxn(txn, id, func(e *entry) { e.Gone, e.Tries, e.Due = true, 0, now.UnixMilli() }))
	})
}

// gatherErasures asks the members who are to have erased a file for their receipts, and returns nil when all are here.
func (b *Blobs) gatherErasures(ctx context.Context, id fileID) error {
	stored, err := b.store.receipts(storing, id)
	if err != nil {
		return err
	}
	erased, err := b.store.receipts(erasing, id)
	if err != nil {
		return err
	}
	missing := 0
	for _, member := range slices.Compact(slices.Sorted(slices.Values(append(b.responsible(id.cid), slices.Collect(maps.Keys(stored))...)))) {
		if member == b.Self || erased[member] != nil {
			continue
		}
		msg, err := b.askReceipt(ctx, erasing, member, id)
		if err == nil && msg != nil {
			err = b.takeReceipt(erasing, id, member, msg)
		}
		if err != nil || msg == nil {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d members have not erased it, or do not answer", missing)
	}
	return nil
}

// unpin ends a root's need of its blocks, and deletes those that no other root needs: below before above, so that what
// is left after a stop can still be found from the root. Where a node is lost, what is below it is found among all
// references, if there were any.
func (s *store) unpin(ctx context.Context, root part, pinned bool) error {
	if err := s.update(func(txn *badger.Txn) error { return nextEpochTxn(txn, root.cid) }); err != nil {
		return fmt.Errorf("delete the blocks of %s: %w", root.cid, err)
	}
	lost := false
	seen := map[ledger.CID]bool{} // nodes
	var visit func(at part) error
	visit = func(at part) error {
		if at.level > 0 {
			if seen[at.cid] {
				return nil
			}
			seen[at.cid] = true
			below, err := s.below(at)
			if err != nil {
				lost = true
			}
			for _, child := range below {
				if err := visit(child); err != nil {
					return err
				}
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.unrefer(at.cid[4:], refKey(at.cid, root.cid))
	}
	if err := visit(root); err != nil {
		return fmt.Errorf("delete the blocks of %s: %w", root.cid, err)
	}
	if !lost || !pinned {
		return nil
	}
	return s.unreferAll(root.cid)
}

func (s *store) below(at part) ([]part, error) {
	data, err := s.get(at.cid)
	if err != nil {
		return nil, err
	}
	return at.children(data)
}

// unreferAll finds a root's references without its nodes.
func (s *store) unreferAll(root ledger.CID) error {
	var refs [][]byte
	err := s.scan([]byte{keyRef}, func(key []byte, _ *badger.Item) (bool, error) {
		if tail := key[len(key)-len(root):]; string(tail) == string(root[:]) {
			refs = append(refs, slices.Clone(key))
		}
		return true, nil
	})
	for _, ref := range refs {
		if err == nil {
			err = s.unrefer(ref[1:1+32], ref)
		}
	}
	if err != nil {
		return fmt.Errorf("delete what refers to %s: %w", root, err)
	}
	return nil
}
