package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"evident/lightclient/ledger"
)

// responsible returns the members that keep a file, by rendezvous hashing: each member's claim is a hash of its name and
// the CID, and the highest claims win. So everybody agrees, files spread evenly, and a member that comes or goes moves
// only its own share. Members for which out says true are passed over.
func responsible(members ledger.MemberSet, copies int, c ledger.CID, out func(member string) bool) []string {
	type claim struct {
		weight uint64
		member string
	}
	var claims []claim
	for _, m := range members {
		if !out(m.Name) {
			sum := sha256.Sum256(append([]byte("evident/replica/v1\n"+m.Name+"\n"), c[:]...))
			claims = append(claims, claim{binary.BigEndian.Uint64(sum[:]), m.Name})
		}
	}
	slices.SortFunc(claims, func(a, b claim) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	var names []string
	for _, c := range claims[:min(copies, len(claims))] {
		names = append(names, c.member)
	}
	return names
}

// nobody is passed over.
func nobody(string) bool { return false }

// responsible are the members that keep a file when all is well.
func (b *Blobs) responsible(c ledger.CID) []string {
	set := b.Ledger.Members()
	return responsible(set, b.Limits.Keepers(set), c, nobody)
}

// keepers are the members that keep a file now, as far as this node knows: the next in the order stand in for those
// that are out.
func (b *Blobs) keepers(c ledger.CID, e entry) []string {
	set := b.Ledger.Members()
	return responsible(set, b.Limits.Keepers(set), c, func(m string) bool { return b.out(m, c, e) })
}

// slowest is the slowest line over which a member may still fetch a file before another one steps in, in bytes a second.
const slowest = 1 << 20

// out says whether another member steps in for this one: for long enough it has failed the audits of the file, could not
// be reached, or had no room for it.
func (b *Blobs) out(member string, c ledger.CID, e entry) bool {
	if b.failsFor(member, c) >= b.Pace.StandIn {
		return true
	}
	since, missing := e.Missing[member]
	patience := b.Pace.StandIn + time.Duration(e.Bytes/slowest)*time.Second
	return missing && b.Now().Sub(time.UnixMilli(since)) >= patience
}

// gather asks members for their storage receipts: the keepers, who must have one, those who are responsible but for whom
// others stand in, and all whose receipt is here, for they may have lost the file and say so. It returns nil when all
// keepers have shown that they keep it, and notes in e since when who has not.
func (b *Blobs) gather(ctx context.Context, id fileID, e *entry, keepers []string) error {
	known, err := b.store.receipts(storing, id)
	if err != nil {
		return err
	}
	shown := map[string]bool{b.Self: e.Held}
	set := b.Ledger.Members()
	for _, member := range slices.Concat(keepers, b.responsible(id.cid), slices.Collect(maps.Keys(known))) {
		if _, asked := shown[member]; asked || set.ByName(member) == nil {
			continue
		}
		if shown[member], err = b.confirm(ctx, id, member); err != nil {
			return err
		}
	}
	e.Missing = stillMissing(e.Missing, shown, b.Self, b.Now())
	missing := 0
	for _, member := range keepers {
		if member != b.Self && !shown[member] {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d members have not stored it, or do not answer", missing, len(keepers))
	}
	return nil
}

// stillMissing is since when each member that was asked has not shown that it keeps a file. As long as nobody keeps it,
// its blocks may not have been sent yet, and nobody is missing.
func stillMissing(before map[string]int64, shown map[string]bool, self string, now time.Time) map[string]int64 {
	if !slices.Contains(slices.Collect(maps.Values(shown)), true) {
		return nil
	}
	missing := map[string]int64{}
	for member, shows := range shown {
		if shows || member == self {
			continue
		}
		missing[member] = now.UnixMilli()
		if since, known := before[member]; known {
			missing[member] = since
		}
	}
	return missing
}

// confirm says whether a member shows its storage receipt, and keeps it.
func (b *Blobs) confirm(ctx context.Context, id fileID, member string) (bool, error) {
	msg, err := b.askReceipt(ctx, storing, member, id)
	switch {
	case err != nil:
		return false, nil // not reached: nothing is known
	case msg == nil:
		return false, b.store.dropReceipt(id, member)
	}
	if err := b.takeReceipt(storing, id, member, msg); err != nil {
		b.Log.Debug("a storage receipt that is none", "member", member, "err", err)
		return false, nil
	}
	return true, nil
}

// spare lets go what this member keeps beyond need, when all who are to keep it have shown it again and again: a
// stand-in's copy after a while, the blocks of an upload at once.
func (b *Blobs) spare(id fileID, e *entry) error {
	switch now := b.Now().UnixMilli(); {
	case !e.Held:
		if loose, err := b.store.isLoose(id.cid); !loose || err != nil {
			return err
		}
	case e.Spare == 0:
		e.Spare = now
		return nil
	case now-e.Spare < b.Pace.Release.Milliseconds():
		return nil
	}
	return b.store.release(id, b.Self, b.Now())
}
