package order

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// attacker speaks the protocol from a host of its own.
type attacker struct {
	t      *testing.T
	net    hostStreams
	limits limits
}

// send delivers one message to a node and returns its answer.
func (a *attacker) send(to *testNode, command any, snapshot []byte, response any) error {
	a.t.Helper()
	return a.sendFrame(to, encodeRequest(command, snapshot), response)
}

func (a *attacker) sendFrame(to *testNode, frame []byte, response any) error {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := a.net.host.Connect(ctx, peer.AddrInfo{ID: to.host.ID(), Addrs: to.host.Addrs()}); err != nil {
		a.t.Fatal(err)
	}
	s, err := a.net.Open(ctx, to.host.ID())
	if err != nil {
		return err
	}
	defer s.Close()
	s.SetDeadline(time.Now().Add(time.Second))
	if _, err := s.Write(frame); err != nil {
		return err
	}
	k, answer, err := readFrame(s, maxAnswer)
	if err != nil {
		return err
	}
	return decodeAnswer(k, answer, response)
}

// TestHostileMember lets the fourth member attack three honest ones: they go
// on, with one order, and what they have applied stays.
func TestHostileMember(t *testing.T) {
	nodes := newTestCluster(t, 4, Tuning{})
	evil := nodes[3]
	evil.order.Close()
	honest := nodes[:3]
	var want []string
	for _, entry := range []string{"one", "two", "three"} {
		want = append(want, entry)
		propose(t, honest, entry)
	}
	checkSame(t, honest, want)
	a := &attacker{t: t, net: hostStreams{evil.host}}
	me := func() raft.RPCHeader { return header(evil.host.ID()) }
	name := []byte(evil.host.ID().String())

	for _, victim := range honest {
		stats := victim.order.Stats()
		var said answerError
		if err := a.send(victim, &raft.TimeoutNowRequest{RPCHeader: me()}, nil, new(raft.TimeoutNowResponse)); !errors.As(err, &said) {
			t.Errorf("a hand-over by a follower was answered by %v", err)
		}
		// It claims to lead and replaces an entry that is applied.
		usurp := &raft.AppendEntriesRequest{RPCHeader: me(), Leader: name, Term: stats.Term + 5, PrevLogEntry: 1, PrevLogTerm: 1, LeaderCommitIndex: 1}
		for i := uint64(2); i <= 5; i++ {
			usurp.Entries = append(usurp.Entries, &raft.Log{Index: i, Term: stats.Term + 5, Data: []byte("replaced")})
		}
		response := new(raft.AppendEntriesResponse)
		if err := a.send(victim, usurp, nil, response); err != nil || response.Success {
			t.Errorf("replacing applied entries: success %v, error %v", response.Success, err)
		}
		garbage := &raft.AppendEntriesRequest{RPCHeader: me(), Leader: name, Term: stats.Term + 5,
			PrevLogEntry: stats.Last, PrevLogTerm: stats.Term,
			Entries: []*raft.Log{{Index: stats.Last + 1, Term: stats.Term + 5, Type: raft.LogConfiguration, Data: []byte{0xc1}}}}
		alone := &raft.InstallSnapshotRequest{RPCHeader: me(), Leader: name, SnapshotVersion: 1, Term: stats.Term + 5,
			LastLogIndex: 1000, LastLogTerm: 1, ConfigurationIndex: 1, Configuration: configurationOf(raft.Server{ID: "me", Address: "me"})}
		forged := &raft.InstallSnapshotRequest{RPCHeader: me(), Leader: name, SnapshotVersion: 1, Term: stats.Term + 5,
			LastLogIndex: 1000, LastLogTerm: 1, ConfigurationIndex: 1, Configuration: configurationOf(server(evil.host.ID()))}
		last := &raft.RequestVoteRequest{RPCHeader: me(), Candidate: name, Term: 1<<64 - 1, LastLogIndex: stats.Last, LastLogTerm: stats.Term, LeadershipTransfer: true}
		other := &raft.RequestVoteRequest{RPCHeader: header(honest[0].host.ID()), Candidate: []byte(honest[0].host.ID().String()), Term: stats.Term + 1}
		for _, c := range []any{garbage, alone, forged, last, other} {
			if err := a.send(victim, c, []byte("no certificate"), nil); !errors.As(err, &said) {
				t.Errorf("%T was answered by %v", c, err)
			}
		}
		for _, frame := range [][]byte{{0, 0, 0, 1, 99}, {0xff, 0xff, 0xff, 0xff, 1}, {0, 0, 0, 0}, encodeAppend(usurp)[:20]} {
			if err := a.sendFrame(victim, append(frame, make([]byte, 64)...), nil); err == nil {
				t.Errorf("frame %x was answered", frame)
			}
		}
	}
	want = append(want, "four")
	propose(t, honest, "four")
	checkSame(t, honest, want)
	rules := make(map[Rule]bool)
	for _, n := range honest {
		n.mu.Lock()
		for _, r := range n.refusals {
			if r.Peer != evil.host.ID() {
				t.Errorf("an honest member is blamed: %v", r)
			}
		}
		n.mu.Unlock()
		for rule := range n.order.Stats().Refusals {
			rules[rule] = true
		}
	}
	for _, rule := range []Rule{RuleSender, RuleMessage, RuleTerm, RuleConfiguration, RuleSnapshot, RuleApplied} {
		if !rules[rule] {
			t.Errorf("nobody refused by rule %s", rule)
		}
	}
}

func TestStrangersAreNotHeard(t *testing.T) {
	nodes := newTestCluster(t, 1, Tuning{})
	stranger := newTestHost(t, anyPort)
	a := &attacker{t: t, net: hostStreams{stranger}}
	vote := &raft.RequestPreVoteRequest{RPCHeader: header(stranger.ID()), Term: 2}
	if err := a.send(nodes[0], vote, nil, new(raft.RequestPreVoteResponse)); err == nil {
		t.Error("a stranger was answered")
	}
}

func TestInboundStreamsAreLimited(t *testing.T) {
	nodes := newTestCluster(t, 2, Tuning{})
	propose(t, nodes, "one")
	net, victim := hostStreams{nodes[0].host}, nodes[1].host
	refused := 0
	for range 3 * maxInboundStreams {
		s, err := net.Open(t.Context(), victim.ID())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		s.SetDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := s.Write([]byte{0}); err != nil {
			refused++
			continue
		}
		if _, err := s.Read(make([]byte, 1)); errors.Is(err, network.ErrReset) {
			refused++
		}
	}
	if refused < 2*maxInboundStreams {
		t.Errorf("%d of %d streams were refused", refused, 3*maxInboundStreams)
	}
}

func TestProposeRefuses(t *testing.T) {
	nodes := newTestCluster(t, 2, Tuning{MaxEntry: 100})
	leader := leaderOf(t, nodes)
	follower := nodes[0]
	if follower == leader {
		follower = nodes[1]
	}
	if err := leader.order.Propose(t.Context(), make([]byte, 101)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large entry: got %v, want %v", err, ErrTooLarge)
	}
	if err := leader.order.Propose(t.Context(), []byte("forbidden")); err == nil {
		t.Error("an entry that CheckEntry refuses was proposed")
	}
	eventually(t, 5*time.Second, "the follower knows the leader", func() bool {
		l, ok := follower.order.Leader()
		return ok && l == leader.host.ID()
	})
	var not ErrNotLeader
	if err := follower.order.Propose(t.Context(), []byte("entry")); !errors.As(err, &not) || not.Leader != leader.host.ID() {
		t.Errorf("on a follower: got %v, want the leader's name", err)
	}
	follower.order.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var unavailable ErrUnavailable
	if err := leader.order.Propose(ctx, []byte("entry")); !errors.As(err, &unavailable) && !errors.As(err, &not) {
		t.Errorf("without a majority: got %v, want %T", err, unavailable)
	}
}

func TestLeadershipIsAnnouncedAndHandedOver(t *testing.T) {
	nodes := newTestCluster(t, 3, Tuning{})
	leader := leaderOf(t, nodes)
	if leads := <-leader.order.LeaderChanges(); !leads {
		t.Error("the first notice says false")
	}
	propose(t, nodes, "one")
	if err := leader.order.TransferLeadership(); err != nil {
		t.Fatal(err)
	}
	if leads := <-leader.order.LeaderChanges(); leads {
		t.Error("the notice after the hand-over says true")
	}
	if next := leaderOf(t, nodes); next == leader {
		t.Error("the old leader still leads")
	}
}

// TestVotersFollowMembers adds a fourth member and removes the first.
func TestVotersFollowMembers(t *testing.T) {
	nodes := newTestCluster(t, 4, Tuning{})
	all := nodes[0].members()
	for _, n := range nodes {
		n.order.Close()
	}
	var members atomic.Pointer[[]peer.ID]
	set := func(m []peer.ID) { members.Store(&m) }
	set(all[:3])
	for _, n := range nodes {
		n.dir, n.members = filepath.Join(t.TempDir(), "raft"), func() []peer.ID { return *members.Load() }
	}
	for _, n := range nodes[:3] {
		n.open(all[:3])
	}
	nodes[3].open(nil)
	propose(t, nodes[:3], "one")
	set(all)
	eventually(t, 20*time.Second, "four voters", func() bool { return leaderOf(t, nodes[:3]).order.Stats().Voters == 4 })
	propose(t, nodes, "two")
	checkSame(t, nodes, []string{"one", "two"})
	set(all[1:])
	eventually(t, 20*time.Second, "three voters", func() bool { return leaderOf(t, nodes[1:]).order.Stats().Voters == 3 })
	propose(t, nodes[1:], "three")
	checkSame(t, nodes[1:], []string{"one", "two", "three"})
}

// TestSnapshotBoundsLogAndCatchesUp: the log is compacted, and a member that
// was away gets the snapshot instead of the entries.
func TestSnapshotBoundsLogAndCatchesUp(t *testing.T) {
	nodes := newTestCluster(t, 3, Tuning{SnapshotInterval: 100 * time.Millisecond, SnapshotThreshold: 32, TrailingLogs: 16})
	leader := leaderOf(t, nodes)
	away := nodes[0]
	if away == leader {
		away = nodes[1]
	}
	away.order.Close()
	rest := slices.DeleteFunc(slices.Clone(nodes), func(n *testNode) bool { return n == away })
	for range 120 {
		propose(t, rest, "entry")
	}
	eventually(t, 10*time.Second, "a short log", func() bool {
		first, last, err := leader.order.keep.ends()
		return err == nil && last-first < 80
	})
	away.open(nil)
	eventually(t, 10*time.Second, "a snapshot at the member that was away", func() bool {
		away.mu.Lock()
		defer away.mu.Unlock()
		return len(away.restored) > 0 && bytes.Equal(away.restored[0], []byte("checkpoint"))
	})
	propose(t, rest, "the last")
	eventually(t, 10*time.Second, "the newest entry there", func() bool { return slices.Contains(away.entries(), "the last") })
}

// TestWireRoundTrip: every message decodes to what was encoded, and no prefix
// or extension of it decodes.
func TestWireRoundTrip(t *testing.T) {
	l := limits{appendEntries: 8, entry: 64}
	for _, c := range testMessages() {
		frame := encodeRequest(c, []byte("checkpoint"))
		k, body, err := readFrame(bytes.NewReader(frame), l.frame())
		if err != nil {
			t.Fatal(err)
		}
		got, snapshot, err := decodeRequest(k, body, l)
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		if again := encodeRequest(got, snapshot); !bytes.Equal(again, frame) {
			t.Errorf("%T: got %x, want %x", c, again, frame)
		}
		for n := range body {
			if _, _, err := decodeRequest(k, body[:n], l); err == nil {
				t.Errorf("%T: %d of %d bytes decode", c, n, len(body))
			}
		}
		if _, _, err := decodeRequest(k, append(body, 0), l); err == nil {
			t.Errorf("%T: one byte more decodes", c)
		}
	}
}

func testMessages() []any {
	h := raft.RPCHeader{ProtocolVersion: 3, ID: []byte("id"), Addr: []byte("address")}
	return []any{
		&raft.AppendEntriesRequest{RPCHeader: h, Term: 7, Leader: []byte("id"), PrevLogEntry: 300, PrevLogTerm: 6, LeaderCommitIndex: 299,
			Entries: []*raft.Log{{Index: 301, Term: 7, Data: []byte("data")}, {Index: 302, Term: 7, Type: raft.LogNoop}}},
		&raft.RequestVoteRequest{RPCHeader: h, Term: 7, Candidate: []byte("id"), LastLogIndex: 1, LastLogTerm: 2, LeadershipTransfer: true},
		&raft.RequestPreVoteRequest{RPCHeader: h, Term: 7, LastLogIndex: 1, LastLogTerm: 2},
		&raft.InstallSnapshotRequest{RPCHeader: h, SnapshotVersion: 1, Term: 7, Leader: []byte("id"), LastLogIndex: 5, LastLogTerm: 6, Configuration: []byte("c"), ConfigurationIndex: 1},
		&raft.TimeoutNowRequest{RPCHeader: h},
	}
}

func TestAnswerRoundTrip(t *testing.T) {
	h := raft.RPCHeader{ProtocolVersion: 3, ID: []byte("id"), Addr: []byte("address")}
	for want, got := range map[any]any{
		&raft.AppendEntriesResponse{RPCHeader: h, Term: 7, LastLog: 9, Success: true, NoRetryBackoff: true}: new(raft.AppendEntriesResponse),
		&raft.RequestVoteResponse{RPCHeader: h, Term: 7, Granted: true}:                                     new(raft.RequestVoteResponse),
		&raft.RequestPreVoteResponse{RPCHeader: h, Term: 7, Granted: true}:                                  new(raft.RequestPreVoteResponse),
		&raft.InstallSnapshotResponse{RPCHeader: h, Term: 7, Success: true}:                                 new(raft.InstallSnapshotResponse),
		&raft.TimeoutNowResponse{RPCHeader: h}:                                                              new(raft.TimeoutNowResponse),
	} {
		frame := encodeAnswer(want, nil)
		if err := decodeAnswer(kind(frame[4]), frame[5:], got); err != nil || !bytes.Equal(encodeAnswer(got, nil), frame) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	frame := encodeAnswer(nil, errors.New(strings.Repeat("no", 1000)))
	var said answerError
	if err := decodeAnswer(kind(frame[4]), frame[5:], new(raft.TimeoutNowResponse)); !errors.As(err, &said) || len(said) > 512 {
		t.Errorf("got %v, want a short reason", err)
	}
}

func FuzzMessages(f *testing.F) {
	for _, c := range testMessages() {
		f.Add(encodeRequest(c, []byte("checkpoint")))
	}
	f.Add(encodeAnswer(&raft.AppendEntriesResponse{Term: 7}, nil))
	l := limits{appendEntries: 8, entry: 64}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, body, err := readFrame(bytes.NewReader(b), l.frame())
		if err != nil {
			return
		}
		_ = decodeAnswer(k, body, new(raft.AppendEntriesResponse)) // must not panic
		c, _, err := decodeRequest(k, body, l)
		if err != nil {
			return
		}
		if r, ok := c.(*raft.AppendEntriesRequest); ok {
			for _, e := range r.Entries {
				_, _ = decodeConfiguration(e.Data) // must not panic
			}
		}
	})
}
