package order

import (
	"slices"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/peer"
)

// reconcile brings Raft's voters one step closer to the member set, on the
// leader: a new member first receives the log without a vote; one that holds
// the newest entries gets its vote; one that is no longer a member goes. Raft
// takes one change at a time, and each step leaves a valid configuration.
func (o *Order) reconcile() {
	f := o.raft.GetConfiguration()
	if f.Error() != nil {
		return
	}
	members, servers := o.cfg.Members(), f.Configuration().Servers
	for _, p := range members {
		if change := o.admission(p, servers); change != nil {
			o.note("admit", p, change(f.Index()))
			return
		}
	}
	for _, s := range servers {
		p, err := peer.Decode(string(s.ID))
		if err == nil && !slices.Contains(members, p) {
			o.note("remove", p, o.raft.RemoveServer(s.ID, f.Index(), allowance(0)))
			return
		}
	}
}

// admission returns the change that p needs next, or nil.
func (o *Order) admission(p peer.ID, servers []raft.Server) func(after uint64) raft.IndexFuture {
	want := server(p)
	i := slices.IndexFunc(servers, func(s raft.Server) bool { return s.ID == want.ID })
	switch {
	case i < 0:
		return func(after uint64) raft.IndexFuture {
			return o.raft.AddNonvoter(want.ID, want.Address, after, allowance(0))
		}
	case servers[i].Suffrage != raft.Voter && o.wire.hasCaughtUp(p, o.raft.CommitIndex()):
		return func(after uint64) raft.IndexFuture {
			return o.raft.AddVoter(want.ID, want.Address, after, allowance(0))
		}
	}
	return nil
}

func (o *Order) note(change string, p peer.ID, f raft.IndexFuture) {
	if err := f.Error(); err != nil {
		o.log.Debug("raft voters", "change", change, "peer", p, "error", err)
		return
	}
	o.log.Info("raft voters", "change", change, "peer", p)
}

// hasCaughtUp says whether p's log reaches to about commit.
func (t *transport) hasCaughtUp(p peer.ID, commit uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.progressOf(p).held
	return held.term == t.guard.keep.term.Load() && held.index+uint64(t.limits.appendEntries) >= commit
}
