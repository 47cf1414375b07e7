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
		if err = b.note(height, block); err == nil {
			height++
			b.hurry()
		}
	}
	if ctx.Err() == nil {
		b.Log.Error("evidence files of new blocks are not looked at any more", "height", height, "err", err)
	}
}

// note notes what a block's records say of files, in their order. If we stop in the middle, it is done again.
func (b *Blobs) note(height ledger.Height, block ledger.Block) error {
	for i, n := range block.Notes {
		u, err := ledger.ParseRecord(n)
		if err != nil {
			continue
		}
		if err := b.store.add(filesOf(u), place(height, i), b.Now()); err != nil {
			return err
		}
		if order, ok := orderOf(u); ok {
			if err := b.obey(order, place(height, i)); err != nil {
				return err
			}
		}
	}
	return b.store.looked(height)
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
			looking, cancel := context.WithCancel(ctx)
			if !b.take(id.cid, cancel) {
				cancel()
				continue
			}
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				b.look(looking, id)
				b.leave(id.cid)
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

// take makes one worker look at a file; two records may name the same bytes, and one at a time is enough.
func (b *Blobs) take(c ledger.CID, letGo context.CancelFunc) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy[c] != nil {
		return false
	}
	b.busy[c] = letGo
	return true
}

func (b *Blobs) leave(c ledger.CID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy[c]()
	delete(b.busy, c)
}

// interrupt has whoever looks at a file let go.
func (b *Blobs) interrupt(c ledger.CID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if letGo := b.busy[c]; letGo != nil {
		letGo()
	}
}

// look brings one file further: pinned here if this member is responsible, and the other members' receipts known; or
// gone from here if it was erased or is no more needed. Then it says when to look again.
func (b *Blobs) look(ctx context.Context, id fileID) {
	e, ok, outcome := b.store.load(id)
	epoch := e.Epoch
	if outcome == nil && ok {
		outcome = b.bring(ctx, id, &e)
	}
	if ctx.Err() != nil {
		return // it is still due
	}
	again := b.Now()
	refused, why := "", ""
	switch {
	case errors.Is(outcome, ErrDAG), errors.Is(outcome, ledger.ErrLimit):
		b.Log.Warn("a record names a file that cannot be kept", "file", id.String(), "err", outcome)
		refused = outcome.Error()
		again = again.Add(b.Pace.Recheck)
	case outcome != nil:
		b.Log.Debug("a file is not stored everywhere yet", "file", id.String(), "err", outcome)
		why = outcome.Error()
		again = again.Add(b.backoff(e.Tries))
	default:
		again = again.Add(b.Pace.Recheck)
	}
	err := b.store.change(id, func(now *entry) {
		if now.Epoch != epoch || now.Erased != e.Erased {
			return // it was lost or erased meanwhile, and is due
		}
		now.Refused, now.Why, now.Due, now.Tries = refused, why, again.UnixMilli(), now.Tries+1
		now.Missing, now.Spare = e.Missing, e.Spare
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

// bring returns nil when nothing is left to do for a file now. It notes in e what it found out.
func (b *Blobs) bring(ctx context.Context, id fileID, e *entry) error {
	switch {
	case e.Erased != "":
		return b.erase(ctx, id, *e)
	case e.Drop:
		if err := b.giveUp(ctx, id, *e); err != nil {
			return err
		}
	case e.Refused != "":
		return nil
	}
	keepers := b.keepers(id.cid, *e)
	ours := slices.Contains(keepers, b.Self)
	var holding error
	if ours && !e.Held {
		holding = b.hold(ctx, id, *e)
	}
	// Even who cannot hold it asks the others, so that it knows who does.
	outcome := errors.Join(holding, b.gather(ctx, id, e, keepers))
	if ours || outcome != nil {
		e.Spare = 0
		return outcome
	}
	return b.spare(id, e)
}

// hold fetches and pins a file, signs the receipt and tells the others. The order is the promise: all blocks verified,
// then on disk, then the receipt kept, then told.
func (b *Blobs) hold(ctx context.Context, id fileID, e entry) error {
	if e.Bytes > MaxFile {
		return fmt.Errorf("%w: a file has at most %d bytes", ledger.ErrLimit, int64(MaxFile))
	}
	if !e.Began { // what is only mended was counted before
		if err := b.mayKeep(e.Bytes, e.By); err != nil {
			return err
		}
	}
	if err := b.store.room(e.Bytes); err != nil {
		return err
	}
	if !b.store.has(id.cid) {
		// Whether anybody has the root is one short question each; a record may name bytes that nobody ever sent.
		if err := b.fetchRoot(ctx, id); err != nil {
			return err
		}
	}
	epoch, err := b.store.begin(id)
	if err != nil {
		return err
	}
	p := pinning{store: b.store, root: id.cid, epoch: epoch, fetch: b.swarm.fetch}
	if err := p.pin(ctx, e.Bytes); err != nil {
		return err
	}
	if err := b.store.sync(); err != nil {
		return err
	}
	receipt, err := b.sign(b.statement(id, e).Text())
	if err != nil {
		return err
	}
	held, err := b.store.hold(id, e.Epoch, epoch, b.Self, receipt)
	if err != nil || !held {
		return err // lost again or erased meanwhile: it is due
	}
	if !e.Began {
		b.keeps(e)
	}
	b.Log.Info("evidence stored", "file", id.String(), "bytes", e.Bytes)
	b.tell(ctx, storing.path(), receipt)
	return nil
}

// statement is what a receipt of ours says now.
func (b *Blobs) statement(id fileID, e entry) ledger.Storage {
	return ledger.Storage{Ledger: b.Ledger.Origin(), Record: id.record, CID: id.cid, Bytes: e.Bytes, Time: b.Now().UnixMilli()}
}

func (b *Blobs) sign(text string) ([]byte, error) {
	receipt, err := note.Sign(&note.Note{Text: text}, b.Signer)
	if err != nil {
		return nil, fmt.Errorf("sign a receipt: %w", err)
	}
	return receipt, nil
}

// tell tells every member a receipt of ours. Who is not reached will ask.
func (b *Blobs) tell(ctx context.Context, path string, receipt []byte) {
	for member := range b.Peers {
		if _, err := b.Ask(ctx, member, http.MethodPost, path, receipt, 64); err != nil {
			b.Log.Debug("tell a receipt", "member", member, "err", err)
		}
	}
}

// fetchRoot gets the root block from the first member that has it.
func (b *Blobs) fetchRoot(ctx context.Context, id fileID) error {
	for member := range b.Peers {
		data, err := b.askBlock(ctx, member, id, id.cid)
		if err != nil {
			continue
		}
		return b.store.put(id.cid, data, ourselves)
	}
	return fmt.Errorf("%w: no member that can be reached has the root %s", ErrMissing, id.cid)
}

// takeReceipt verifies a member's receipt of either kind and keeps it.
func (b *Blobs) takeReceipt(kind signed, id fileID, member string, msg []byte) error {
	got, s, err := b.openReceipt(kind, member, msg)
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", member, err)
	}
	e, known, err := b.store.load(got)
	if err != nil {
		return err
	}
	if !known || got != id || s.Bytes != e.Bytes || (kind == erasing) != (e.Erased != "") {
		return fmt.Errorf("%w: the receipt of %s is for another file", ledger.ErrProof, member)
	}
	return b.store.keepReceipt(kind, id, member, msg)
}

// openReceipt verifies a member's receipt, and says which file it is for.
func (b *Blobs) openReceipt(kind signed, member string, msg []byte) (fileID, ledger.Storage, error) {
	m := b.Ledger.Members().ByName(member)
	if m == nil {
		return fileID{}, ledger.Storage{}, fmt.Errorf("%s is no member", member)
	}
	open := ledger.OpenStorage
	if kind == erasing {
		open = ledger.OpenErasure
	}
	s, err := open(b.Ledger.Origin(), *m, msg)
	return fileID{s.CID, s.Record}, s, err
}

// askReceipt asks a member for its receipt of a kind; nil if it says that it has signed none, or that it is true no more.
func (b *Blobs) askReceipt(ctx context.Context, kind signed, member string, id fileID) ([]byte, error) {
	return b.askFrame(ctx, member, kind.path()+"?"+id.query().Encode(), ledger.MaxReceiptSize)
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
