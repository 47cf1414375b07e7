package blobs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// workers is how many files are looked at side by side.
const workers = 4

// follow notes the files of every final block, from where it stopped.
func (b *Blobs) follow(ctx context.Context) {
	height, err := b.store.nextHeight()
	for err == nil {
		if err = b.Ledger.Wait(ctx, height); err != nil {
			break
		}
		var block ledger.Block
		if block, err = b.Ledger.Block(height); err != nil {
			break
		}
		if err = b.store.add(height, filesOfBlock(block), b.Now()); err == nil {
			height++
			b.hurry()
		}
	}
	if ctx.Err() == nil {
		b.Log.Error("evidence files of new blocks are not looked at any more", "height", height, "err", err)
	}
}

func filesOfBlock(block ledger.Block) []File {
	var files []File
	for _, n := range block.Notes {
		if u, err := ledger.ParseRecord(n); err == nil {
			files = append(files, filesOf(u)...)
		}
	}
	return files
}

// hurry has the queue looked at now.
func (b *Blobs) hurry() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// tend looks at each file when it is due.
func (b *Blobs) tend(ctx context.Context) {
	slots := make(chan struct{}, workers)
	tick := time.NewTicker(min(time.Second, b.Pace.Retry))
	defer tick.Stop()
	defer func() { // wait for those who still work
		for range workers {
			slots <- struct{}{}
		}
	}()
	for ctx.Err() == nil {
		ids, err := b.store.due(b.Now(), 4*workers)
		if err != nil {
			b.Log.Error("look for files that are due", "err", err)
		}
		for _, id := range ids {
			if !b.take(id) {
				continue
			}
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				b.look(ctx, id)
				b.leave(id)
				b.hurry()
			}()
		}
		select {
		case <-ctx.Done():
		case <-b.wake:
		case <-tick.C:
		}
	}
}

// take makes one worker look at a file; two records may name the same bytes, and one pin at a time is enough.
func (b *Blobs) take(id fileID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for other := range b.busy {
		if other.cid == id.cid {
			return false
		}
	}
	b.busy[id] = true
	return true
}

func (b *Blobs) leave(id fileID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.busy, id)
}

// look brings one file further: pinned here if this member is responsible, and the other members' receipts known. Then
// it says when to look again.
func (b *Blobs) look(ctx context.Context, id fileID) {
	e, ok, outcome := b.store.load(id)
	if outcome == nil && ok {
		outcome = b.bring(ctx, id, e)
	}
	if ctx.Err() != nil {
		return // it is still due after the restart
	}
	again := b.Now()
	refused := ""
	switch {
	case errors.Is(outcome, ErrDAG), errors.Is(outcome, ledger.ErrLimit):
		b.Log.Warn("a record names a file that cannot be kept", "file", id.String(), "err", outcome)
		refused = outcome.Error()
		again = again.Add(b.Pace.Recheck)
	case outcome != nil:
		b.Log.Debug("a file is not stored everywhere yet", "file", id.String(), "err", outcome)
		again = again.Add(b.backoff(e.Tries))
	default:
		again = again.Add(b.Pace.Recheck)
	}
	err := b.store.change(id, func(now *entry) {
		if now.Epoch != e.Epoch {
			return // it was lost meanwhile, and is due
		}
		now.Refused, now.Due, now.Tries = refused, again.UnixMilli(), now.Tries+1
		if outcome == nil {
			now.Tries = 0
		}
	})
	if err != nil {
		b.Log.Error("remember a file", "file", id.String(), "err", err)
	}
}

// backoff is the wait after so many failures.
func (b *Blobs) backoff(tries int) time.Duration {
	return min(b.Pace.Retry<<min(tries, 20), b.Pace.Recheck)
}

// bring returns nil when nothing is left to do for a file.
func (b *Blobs) bring(ctx context.Context, id fileID, e entry) error {
	if e.Refused != "" {
		return nil
	}
	keepers := responsible(b.Ledger.Members(), b.copies(), id.cid, func(m string) bool { return b.failsFor(m, id.cid) >= b.Pace.StandIn })
	if slices.Contains(keepers, b.Self) && !e.Held {
		if err := b.hold(ctx, id, e); err != nil {
			return err
		}
	}
	return b.gather(ctx, id, keepers)
}

// hold fetches and pins a file, signs the receipt and tells the others. The order is the promise: all blocks verified,
// then on disk, then the receipt kept, then told.
func (b *Blobs) hold(ctx context.Context, id fileID, e entry) error {
	if e.Bytes > MaxFile {
		return fmt.Errorf("%w: a file has at most %d bytes", ledger.ErrLimit, int64(MaxFile))
	}
	if !b.store.has(id.cid) {
		// Whether anybody has the root is one short question each; a record may name bytes that nobody ever sent.
		if err := b.fetchRoot(ctx, id); err != nil {
			return err
		}
	}
	if err := b.store.room(e.Bytes); err != nil {
		return err
	}
	p := pinning{store: b.store, root: id.cid, epoch: e.Epoch, fetch: b.swarm.fetch}
	if err := p.pin(ctx, e.Bytes); err != nil {
		return err
	}
	if err := b.store.sync(); err != nil {
		return err
	}
	text := ledger.Storage{Ledger: b.Ledger.Origin(), Record: id.record, CID: id.cid, Bytes: e.Bytes, Time: b.Now().UnixMilli()}.Text()
	receipt, err := note.Sign(&note.Note{Text: text}, b.Signer)
	if err != nil {
		return fmt.Errorf("sign storage receipt: %w", err)
	}
	held, err := b.store.hold(id, e.Epoch, b.Self, receipt)
	if err != nil || !held {
		return err // lost again meanwhile: it is due
	}
	b.Log.Info("evidence stored", "file", id.String(), "bytes", e.Bytes)
	for member := range b.Peers {
		if _, err := b.Ask(ctx, member, http.MethodPost, "/files/receipt", receipt, 64); err != nil {
			b.Log.Debug("tell a storage receipt", "member", member, "err", err) // it will ask
		}
	}
	return nil
}

// fetchRoot gets the root block from the first member that has it.
func (b *Blobs) fetchRoot(ctx context.Context, id fileID) error {
	for member := range b.Peers {
		data, err := b.askBlock(ctx, member, id, id.cid)
		if err != nil {
			continue
		}
		return b.store.put(id.cid, data)
	}
	return fmt.Errorf("%w: no member that can be reached has the root %s", ErrMissing, id.cid)
}

// gather asks the responsible members whose receipts are not here, and returns nil when all are. A member whose receipt
// is here is asked too: it may have lost the file and say so.
func (b *Blobs) gather(ctx context.Context, id fileID, keepers []string) error {
	missing := 0
	for _, member := range keepers {
		if member == b.Self {
			continue
		}
		msg, err := b.askReceipt(ctx, member, id)
		switch {
		case err != nil:
			missing++ // not reached: nothing is known
		case msg == nil:
			missing++
			if err := b.store.dropReceipt(id, member); err != nil {
				return err
			}
		default:
			if err := b.takeReceipt(id, member, msg); err != nil {
				return err
			}
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d members have not stored it, or do not answer", missing, len(keepers))
	}
	return nil
}

// takeReceipt verifies a member's storage receipt and keeps it.
func (b *Blobs) takeReceipt(id fileID, member string, msg []byte) error {
	m := b.Ledger.Members().ByName(member)
	if m == nil {
		return fmt.Errorf("%s is no member", member)
	}
	s, err := ledger.OpenStorage(b.Ledger.Origin(), *m, msg)
	if err != nil {
		return fmt.Errorf("storage receipt of %s: %w", member, err)
	}
	e, known, err := b.store.load(id)
	if err != nil {
		return err
	}
	if !known || s.CID != id.cid || s.Record != id.record || s.Bytes != e.Bytes {
		return fmt.Errorf("%w: the storage receipt of %s is for another file", ledger.ErrProof, member)
	}
	return b.store.keepReceipt(id, member, msg)
}

// askReceipt asks a member for its storage receipt; nil if it says that it does not hold the file.
func (b *Blobs) askReceipt(ctx context.Context, member string, id fileID) ([]byte, error) {
	return b.askFrame(ctx, member, "/files/receipt?"+id.query().Encode(), ledger.MaxReceiptSize)
}

// askBlock asks one member for a block of a file, and verifies it.
func (b *Blobs) askBlock(ctx context.Context, member string, id fileID, c ledger.CID) ([]byte, error) {
	q := id.query()
	q.Set("block", c.String())
	data, err := b.askFrame(ctx, member, "/files/block?"+q.Encode(), evidence.MaxBlock)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("%w: %s does not have %s", ErrMissing, member, c)
	}
	return data, c.Check(data)
}

// askFrame asks for a thing that comes in one frame, or nil if it is not there.
func (b *Blobs) askFrame(ctx context.Context, member, path string, limit int64) ([]byte, error) {
	data, err := b.Ask(ctx, member, http.MethodGet, path, nil, limit+8)
	if err != nil {
		return nil, err
	}
	frames, err := ledger.ParseFrames(data, 1)
	if err != nil || len(frames) == 0 {
		return nil, err
	}
	return frames[0], nil
}

func (id fileID) query() url.Values {
	return url.Values{"cid": {id.cid.String()}, "record": {id.record.String()}}
}
