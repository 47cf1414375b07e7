package fullnode

import (
	"context"
	"errors"
	"time"

	"evident/fullnode/chain"
	"evident/lightclient/ledger"
)

const (
	// gather is how long a leader waits after a first record for others that
	// come with it, when the ledger was idle.
	gather = time.Millisecond
	// heartbeat is the time after which an idle ledger makes an empty block.
	heartbeat = 30 * time.Second
	// patience is how long a leader waits for a committed block to be final
	// before it proposes again: its proposal may have lost to another.
	patience = 5 * time.Second
)

// lead proposes blocks while this node leads: one Raft entry each, one open
// block at a time.
func (n *Node) lead(ctx context.Context) {
	for ctx.Err() == nil {
		if !n.mayLead() {
			sleep(ctx, 20*time.Millisecond)
			continue
		}
		head, _ := n.chain.Head()
		idle := heartbeat - n.clock.now().Sub(time.UnixMilli(head.Header.Time))
		notes := n.gather(ctx, idle)
		if notes == nil && n.clock.now().Sub(time.UnixMilli(head.Header.Time)) < heartbeat {
			continue
		}
		n.propose(ctx, head.Header, notes)
	}
}

// mayLead tells whether to propose. A leader without room for a block, or whose
// clock the others would not sign, hands over instead of proposing what must be refused; before it has
// heard theirs it does not know.
func (n *Node) mayLead() bool {
	if !n.order.IsLeader() || !n.ready.Load() {
		return false
	}
	if !n.clock.right() {
		n.log.Debug("this clock differs from the members' clocks: not leading", "by", n.clock.offset().Round(time.Millisecond))
		if err := n.order.TransferLeadership(); err != nil {
			n.log.Debug("hand over", "err", err)
		}
		return false
	}
	if n.chain.Room() != nil {
		n.yield()
		return false
	}
	_, ok := n.chain.Head() // block 0 comes from the genesis, not from a leader
	return ok
}

// yield hands over, because a leader that cannot keep the next block would hold
// up those that can; not more often than a block may take, in case no disk has
// room.
func (n *Node) yield() {
	if time.Since(n.yielded) < patience {
		return
	}
	n.yielded = time.Now()
	n.log.Warn("the disk is full: another node leads")
	if err := n.order.TransferLeadership(); err != nil {
		n.log.Debug("hand over", "err", err)
	}
}

// gather waits for records, for as long as the ledger may stay idle or a while,
// and returns the next block's.
func (n *Node) gather(ctx context.Context, idle time.Duration) [][]byte {
	limits := n.genesis.Limits
	if notes := n.intake.batch(int(limits.BlockRecords), int(limits.BlockBytes)); notes != nil {
		return notes
	}
	wait := time.NewTimer(min(max(idle, 0), interval))
	defer wait.Stop()
	select {
	case <-n.intake.toLead:
		sleep(ctx, gather)
	case <-wait.C:
	case <-ctx.Done():
	}
	return n.intake.batch(int(limits.BlockRecords), int(limits.BlockBytes))
}

func (n *Node) propose(ctx context.Context, parent ledger.Header, notes [][]byte) {
	p := chain.Proposal{
		Height: parent.Height + 1,
		Parent: parent.Hash(),
		Time:   max(n.clock.now().UnixMilli(), parent.Time+1),
		Notes:  notes,
	}
	if !n.clock.right() {
		return // it jumped while records were gathered, before its time was taken
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := n.order.Propose(ctx, p.Encode()); err != nil {
		n.log.Debug("not proposed", "height", p.Height, "err", err)
		if !errors.Is(err, context.Canceled) {
			sleep(ctx, 20*time.Millisecond)
		}
		return
	}
	if err := n.chain.Wait(ctx, p.Height); err != nil {
		n.log.Debug("not final yet", "height", p.Height, "err", err)
	}
}

// forward sends this node's own records to the leader: at once when they
// arrive, and again while they are not settled.
func (n *Node) forward(ctx context.Context) {
	again := time.NewTicker(2 * interval)
	defer again.Stop()
	leading := false
	for ctx.Err() == nil {
		all := false
		select {
		case <-n.intake.toForward:
		case <-again.C:
			all = true
			if err := n.intake.compact(); err != nil {
				n.log.Warn("journal", "err", err)
			}
		case <-ctx.Done():
			return
		}
		if now := n.order.IsLeader(); now != leading {
			if leading = now; !leading {
				n.intake.forget()
			}
		}
		n.forwardTo(ctx, all)
	}
}

func (n *Node) forwardTo(ctx context.Context, all bool) {
	leader, ok := n.order.Leader()
	if !ok || leader == n.host.ID() {
		return
	}
	name, known := n.peers.nameOf(leader)
	if !known {
		return
	}
	for ctx.Err() == nil {
		records := n.intake.unsent(name, all, maxForward)
		if len(records) == 0 {
			return
		}
		if err := n.peers.forward(ctx, name, records); err != nil {
			n.log.Debug("not forwarded", "leader", name, "records", len(records), "err", err)
			n.intake.notSent(records)
			return
		}
		if all {
			return // the rest comes with the next round
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
