package order

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// maxTermJump bounds how far ahead of ours a peer's term may be: a term
	// near 2^64 would make every later election impossible.
	maxTermJump = 1000
	// maxJoinTerm is the bound for a node that knows no term yet.
	maxJoinTerm = 1 << 32
	// maxIndex keeps index arithmetic far from overflow.
	maxIndex = 1 << 48
)

// Rule names the rule a refused message broke.
type Rule string

const (
	RuleSender        Rule = "sender"        // not a member, or it speaks for somebody else
	RuleMessage       Rule = "message"       // does not decode, or contradicts itself
	RuleTerm          Rule = "term"          // a term too far ahead
	RuleEntry         Rule = "entry"         // an entry the node does not take into its log
	RuleConfiguration Rule = "configuration" // voters that are not members, or nonsense
	RuleSnapshot      Rule = "snapshot"      // a snapshot the node does not take
	RuleApplied       Rule = "applied"       // would change what this node has applied
)

// Refusal says which peer broke which rule. RuleApplied and RuleTerm from a
// leader that others follow mean that this node's log is of no more use: wipe
// the raft folder and join again.
type Refusal struct {
	Peer peer.ID // the sender
	Rule Rule
	Why  error
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("refused %s from %s: %v", r.Rule, r.Peer, r.Why)
}

func (r *Refusal) Unwrap() error { return r.Why }

// errAbstain answers vote requests at a node that is still joining, and
// errStale what an honest peer may send late. Neither is a refusal.
var (
	errAbstain = errors.New("this node has not caught up and does not vote")
	errStale   = errors.New("not from the leader of this term")
)

// guard decides which messages reach Raft. It holds no opinion on who should
// lead; it only knows what no honest member would send.
type guard struct {
	limits        limits
	members       func() []peer.ID
	known         func(peer.ID) bool
	checkEntry    func([]byte) error
	checkSnapshot func([]byte) error
	keep          *keeper
	patience      time.Duration // how long a joining node waits for a leader before it votes after all

	mu       sync.Mutex
	leader   peer.ID   // whose entries Raft took last
	term     uint64    // and in which term
	askedAt  time.Time // first vote request since then
	refusals map[Rule]uint64
}

// isMember says whether p may speak Raft with us now.
func (g *guard) isMember(p peer.ID) bool {
	for _, m := range g.members() {
		if m == p {
			return true
		}
	}
	return false
}

// admit checks a decoded request from the authenticated peer, cheapest rule
// first: 1 the peer is a member and speaks for itself; 2 the term is near
// ours; 3 the rules of the request's own kind.
func (g *guard) admit(from peer.ID, command any, snapshot []byte) error {
	if !g.isMember(from) {
		return &Refusal{from, RuleSender, errors.New("not a member")}
	}
	if err := checkSender(from, command); err != nil {
		return &Refusal{from, RuleSender, err}
	}
	if err := g.checkTerm(requestTerm(command)); err != nil {
		return &Refusal{from, RuleTerm, err}
	}
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		return g.admitAppend(from, c)
	case *raft.InstallSnapshotRequest:
		return g.admitSnapshot(from, c, snapshot)
	case *raft.RequestVoteRequest:
		if c.LastLogIndex > maxIndex || c.LastLogTerm > c.Term {
			return &Refusal{from, RuleMessage, fmt.Errorf("log ends at %d in term %d, vote for term %d", c.LastLogIndex, c.LastLogTerm, c.Term)}
		}
		return g.mayVote()
	case *raft.RequestPreVoteRequest:
		if c.LastLogIndex > maxIndex || c.LastLogTerm > c.Term {
			return &Refusal{from, RuleMessage, fmt.Errorf("log ends at %d in term %d, vote for term %d", c.LastLogIndex, c.LastLogTerm, c.Term)}
		}
		return g.mayVote()
	case *raft.TimeoutNowRequest:
		if !g.follows(from, g.keep.term.Load()) || g.keep.joining.Load() {
			return errStale // only the leader may hand over
		}
	}
	return nil
}

// checkSender compares the name in the message with the peer.
func checkSender(from peer.ID, command any) error {
	want := []byte(from.String())
	header := command.(raft.WithRPCHeader).GetRPCHeader()
	if !bytes.Equal(header.ID, want) || !bytes.Equal(header.Addr, want) {
		return fmt.Errorf("header names %.64q at %.64q", header.ID, header.Addr)
	}
	return nil
}

func requestTerm(command any) uint64 {
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		return c.Term
	case *raft.RequestVoteRequest:
		return c.Term
	case *raft.RequestPreVoteRequest:
		return c.Term
	case *raft.InstallSnapshotRequest:
		return c.Term
	}
	return 0
}

// checkTerm bounds a term in a request or an answer.
func (g *guard) checkTerm(term uint64) error {
	bound := g.keep.term.Load() + maxTermJump
	if g.keep.joining.Load() {
		bound = max(bound, maxJoinTerm)
	}
	if term > bound {
		return fmt.Errorf("term %d, ours is %d", term, g.keep.term.Load())
	}
	return nil
}

// admitAppend: the entries follow the previous one in index and term, and each
// is one that Raft can take without harm.
func (g *guard) admitAppend(from peer.ID, c *raft.AppendEntriesRequest) error {
	if c.PrevLogEntry > maxIndex || c.LeaderCommitIndex > maxIndex {
		return &Refusal{from, RuleMessage, fmt.Errorf("entries after %d, commit index %d", c.PrevLogEntry, c.LeaderCommitIndex)}
	}
	term := c.PrevLogTerm
	for i, e := range c.Entries {
		if e.Index != c.PrevLogEntry+1+uint64(i) || e.Term < term {
			return &Refusal{from, RuleMessage, fmt.Errorf("entry %d of term %d at place %d after %d", e.Index, e.Term, i, c.PrevLogEntry)}
		}
		term = e.Term
	}
	// A leader that has just been replaced may still send, in its old term,
	// what its log has by now from the new leader.
	if term > c.Term {
		return errStale
	}
	for _, e := range c.Entries {
		if err := g.admitEntry(from, e); err != nil {
			return err
		}
	}
	return nil
}

func (g *guard) admitEntry(from peer.ID, e *raft.Log) error {
	switch e.Type {
	case raft.LogCommand:
		if len(e.Data) > g.limits.entry {
			return &Refusal{from, RuleEntry, fmt.Errorf("entry %d has %d bytes, at most %d", e.Index, len(e.Data), g.limits.entry)}
		}
		if err := g.checkEntry(e.Data); err != nil {
			return &Refusal{from, RuleEntry, fmt.Errorf("entry %d: %w", e.Index, err)}
		}
	case raft.LogNoop, raft.LogBarrier:
		if len(e.Data) > 0 {
			return &Refusal{from, RuleEntry, fmt.Errorf("entry %d: %s with %d bytes", e.Index, e.Type, len(e.Data))}
		}
	case raft.LogConfiguration:
		if err := g.checkConfiguration(e.Data); err != nil {
			return &Refusal{from, RuleConfiguration, fmt.Errorf("entry %d: %w", e.Index, err)}
		}
	default:
		return &Refusal{from, RuleEntry, fmt.Errorf("entry %d: type %s", e.Index, e.Type)}
	}
	return nil
}

// checkConfiguration: every server is a member, under its own name, once; and
// somebody votes.
func (g *guard) checkConfiguration(encoded []byte) error {
	configuration, err := decodeConfiguration(encoded)
	if err != nil {
		return err
	}
	seen, voters := make(map[raft.ServerID]bool), 0
	for _, s := range configuration.Servers {
		id, err := peer.Decode(string(s.ID))
		switch {
		case err != nil || raft.ServerID(id.String()) != s.ID:
			return fmt.Errorf("server %.64q is no peer id", s.ID)
		case string(s.Address) != string(s.ID):
			return fmt.Errorf("server %s at %.64q", s.ID, s.Address)
		case seen[s.ID]:
			return fmt.Errorf("server %s twice", s.ID)
		case s.Suffrage != raft.Voter && s.Suffrage != raft.Nonvoter:
			return fmt.Errorf("server %s is a %s", s.ID, s.Suffrage)
		case !g.isMember(id) && !g.known(id):
			return fmt.Errorf("server %s is not a member", s.ID)
		}
		seen[s.ID] = true
		if s.Suffrage == raft.Voter {
			voters++
		}
	}
	if voters == 0 {
		return errors.New("no voter")
	}
	return nil
}

// decodeConfiguration is Raft's decoder, which panics on bytes it cannot read.
func decodeConfiguration(encoded []byte) (configuration raft.Configuration, err error) {
	if len(encoded) > maxConfiguration {
		return configuration, fmt.Errorf("configuration of %d bytes", len(encoded))
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decode configuration: %v", p)
		}
	}()
	return raft.DecodeConfiguration(encoded), nil
}

// admitSnapshot: a snapshot leads forward from what is applied, over a log it
// does not contradict, and carries a small text the node can verify.
func (g *guard) admitSnapshot(from peer.ID, c *raft.InstallSnapshotRequest, text []byte) error {
	refuse := func(format string, args ...any) error {
		return &Refusal{from, RuleSnapshot, fmt.Errorf(format, args...)}
	}
	if c.SnapshotVersion != raft.SnapshotVersionMax || c.LastLogIndex == 0 || c.LastLogIndex > maxIndex ||
		c.ConfigurationIndex > c.LastLogIndex {
		return refuse("version %d up to %d, configuration of %d", c.SnapshotVersion, c.LastLogIndex, c.ConfigurationIndex)
	}
	if c.LastLogTerm > c.Term {
		return errStale // as in admitAppend
	}
	if err := g.checkConfiguration(c.Configuration); err != nil {
		return &Refusal{from, RuleConfiguration, fmt.Errorf("snapshot: %w", err)}
	}
	if err := g.checkSnapshot(text); err != nil {
		return refuse("%w", err)
	}
	return g.compareSnapshot(from, c)
}

// compareSnapshot: a snapshot within our log must agree with it. Raft keeps
// its log over such a snapshot, and an entry of another term in it would block
// the log for good. When we no longer have the entry to compare, the snapshot
// is an old message: the log has gone beyond it.
func (g *guard) compareSnapshot(from peer.ID, c *raft.InstallSnapshotRequest) error {
	last, err := g.keep.LastIndex()
	if err != nil {
		return err
	}
	if c.LastLogIndex > max(last, g.keep.floor.Load()) {
		return nil
	}
	term, ok := g.keep.termAt(c.LastLogIndex)
	switch {
	case !ok:
		return errStale
	case term != c.LastLogTerm:
		return &Refusal{from, RuleApplied, fmt.Errorf("snapshot up to %d of term %d: our log has term %d there", c.LastLogIndex, c.LastLogTerm, term)}
	case c.LastLogIndex <= g.keep.floor.Load():
		return errHeld
	}
	return nil
}

// errHeld says that a snapshot tells nothing new: its sender may go on.
var errHeld = errors.New("snapshot is already held")

// mayVote keeps a joining node out of elections. The node may have voted, or
// taken entries, before its folder was wiped, and does not remember. It gives
// up abstaining when candidates have asked for all of patience and no leader
// was heard: then a majority has lost its folders, and only votes bring order back.
func (g *guard) mayVote() error {
	if !g.keep.joining.Load() {
		return nil
	}
	g.mu.Lock()
	now := time.Now()
	if g.askedAt.IsZero() {
		g.askedAt = now
	}
	waited := now.Sub(g.askedAt) >= g.patience
	g.mu.Unlock()
	if !waited {
		return errAbstain
	}
	return g.keep.setJoining(false)
}

// hasLeader says whether Raft took entries from a leader since this node started.
func (g *guard) hasLeader() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leader != ""
}

// settled learns from an append that Raft took: who leads, and whether a
// joining node has caught up. It has when it holds the leader's commit index
// at an entry of the leader's own term: then it holds everything that was
// ever committed.
func (g *guard) settled(from peer.ID, c *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) error {
	if r.Term != c.Term {
		return nil
	}
	g.mu.Lock()
	g.leader, g.term, g.askedAt = from, c.Term, time.Time{}
	g.mu.Unlock()
	if !r.Success || !g.keep.joining.Load() || c.LeaderCommitIndex == 0 ||
		c.LeaderCommitIndex > c.PrevLogEntry+uint64(len(c.Entries)) {
		return nil
	}
	if term, ok := g.keep.termAt(c.LeaderCommitIndex); ok && term == c.Term {
		return g.keep.setJoining(false)
	}
	return nil
}

// follows says whether p is the leader Raft takes entries from in term.
func (g *guard) follows(p peer.ID, term uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leader == p && g.term == term
}

// count keeps the number of refusals by rule.
func (g *guard) count(r *Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refusals[r.Rule]++
}

func (g *guard) counts() map[Rule]uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.refusals)
}
