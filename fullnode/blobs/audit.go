package blobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"evident/lightclient/ledger"
)

// audits checks random blocks of random files of random members, this one included.
func (b *Blobs) audits(ctx context.Context) {
	every(ctx, b.Pace.Audit, func() {
		id, e, ok, err := b.store.random()
		if err == nil && ok {
			err = b.auditSome(ctx, id, e)
		}
		if err != nil && ctx.Err() == nil {
			b.Log.Error("audit", "err", err)
		}
	})
}

// auditSome audits one of the members that promised to keep the file.
func (b *Blobs) auditSome(ctx context.Context, id fileID, e entry) error {
	receipts, err := b.store.receipts(storing, id)
	if err != nil || len(receipts) == 0 || e.Erased != "" {
		return err
	}
	var members []string
	for m := range receipts {
		members = append(members, m)
	}
	slices.Sort(members)
	return b.audit(ctx, members[rand.N(len(members))], id, e)
}

// audit goes from the root to the leaf at a random place of the file, with blocks from that member alone.
func (b *Blobs) audit(ctx context.Context, member string, id fileID, e entry) error {
	get := func(c ledger.CID) ([]byte, error) { return b.askBlock(ctx, member, id, c) }
	if member == b.Self {
		get = b.store.get
	}
	at := rand.N(max(e.Bytes, 1))
	err := walk(fileRoot(id.cid, e.Bytes), at, at+1, get, func(ledger.CID, []byte) error { return nil })
	lost := errors.Is(err, ErrMissing) || errors.Is(err, ledger.ErrProof) || errors.Is(err, ErrDAG)
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil:
		b.metrics.audits.WithLabelValues(member, "passed").Inc()
		b.recovered(member, id.cid)
		return nil
	case !lost:
		b.metrics.audits.WithLabelValues(member, "unreachable").Inc()
		b.Log.Debug("audit", "member", member, "err", err)
		return nil
	}
	b.metrics.audits.WithLabelValues(member, "failed").Inc()
	b.Log.Warn("a member does not give back what it promised to keep", "member", member, "file", id.String(), "err", err)
	if member == b.Self {
		return b.lose(id.cid)
	}
	b.fails(member, id.cid)
	return b.lookSoon(id)
}

// lose has a file fetched again, of which something is missing here, under every record that names it.
func (b *Blobs) lose(c ledger.CID) error {
	defer b.hurry()
	ids, _, err := b.store.filesOf(c, math.MaxInt)
	for _, id := range ids {
		err = errors.Join(err, b.store.dropReceipt(id, b.Self), b.store.lost(id, b.Now()))
	}
	return err
}

// lookSoon has a file looked at when another member may have to step in.
func (b *Blobs) lookSoon(id fileID) error {
	return b.store.change(id, func(e *entry) {
		e.Due = min(e.Due, b.Now().Add(b.Pace.StandIn).UnixMilli())
	})
}

func (b *Blobs) fails(member string, c ledger.CID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := failure{member, c}
	if _, known := b.failing[f]; !known && len(b.failing) < maxFailing {
		b.failing[f] = b.Now()
	}
}

// maxFailing bounds what is remembered of failed audits; the next audit finds the rest again.
const maxFailing = 10_000

func (b *Blobs) recovered(member string, c ledger.CID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failing, failure{member, c})
}

// forgive forgets the failures of a file that nobody is to keep any more.
func (b *Blobs) forgive(c ledger.CID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.failing, func(f failure, _ time.Time) bool { return f.cid == c })
}

// failsFor is how long a member has failed the audits of a file.
func (b *Blobs) failsFor(member string, c ledger.CID) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	since, failing := b.failing[failure{member, c}]
	if !failing {
		return -1
	}
	return b.Now().Sub(since)
}

// Problems says which members do not give back what they promised to keep, and whether there is room.
func (b *Blobs) Problems() []string {
	var out []string
	b.mu.Lock()
	count := map[string]int{}
	for f := range b.failing {
		count[f.member]++
	}
	b.mu.Unlock()
	for _, m := range b.Ledger.Members() {
		if n := count[m.Name]; n > 0 {
			out = append(out, fmt.Sprintf("%s does not give back %d evidence files that it promised to keep", m.Name, n))
		}
	}
	if err := b.store.room(0); err != nil {
		out = append(out, "no evidence files are taken in: "+err.Error())
	}
	return out
}
