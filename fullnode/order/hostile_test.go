package order

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// attacker speaks the protocol from a host of its own.
type attacker struct {
	t   *testing.T
	net hostStreams
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

	for _, victim := range honest {
		stats := victim.order.Stats()
		var said answerError
		if err := a.send(victim, &raft.TimeoutNowRequest{RPCHeader: me()}, nil, new(raft.TimeoutNowResponse)); !errors.As(err, &said) {
			t.Errorf("a hand-over by a follower was answered by %v", err)
		}
		// It claims to lead and replaces an entry that is applied.
		usurp := &raft.AppendEntriesRequest{RPCHeader: me(), Term: stats.Term + 5, PrevLogEntry: 1, PrevLogTerm: 1, LeaderCommitIndex: 1}
		for i := uint64(2); i <= 5; i++ {
			usurp.Entries = append(usurp.Entries, &raft.Log{Index: i, Term: stats.Term + 5, Data: []byte("replaced")})
		}
		response := new(raft.AppendEntriesResponse)
		if err := a.send(victim, usurp, nil, response); err != nil || response.Success {
			t.Errorf("replacing applied entries: success %v, error %v", response.Success, err)
		}
		garbage := &raft.AppendEntriesRequest{RPCHeader: me(), Term: stats.Term + 5,
			PrevLogEntry: stats.Last, PrevLogTerm: stats.Term,
			Entries: []*raft.Log{{Index: stats.Last + 1, Term: stats.Term + 5, Type: raft.LogConfiguration, Data: []byte{0xc1}}}}
		alone := &raft.InstallSnapshotRequest{RPCHeader: me(), SnapshotVersion: 1, Term: stats.Term + 5,
			LastLogIndex: 1000, LastLogTerm: 1, ConfigurationIndex: 1, Configuration: configurationOf(raft.Server{ID: "me", Address: "me"})}
		forged := &raft.InstallSnapshotRequest{RPCHeader: me(), SnapshotVersion: 1, Term: stats.Term + 5,
			LastLogIndex: 1000, LastLogTerm: 1, ConfigurationIndex: 1, Configuration: configurationOf(server(evil.host.ID()))}
		last := &raft.RequestVoteRequest{RPCHeader: me(), Term: 1<<64 - 1, LastLogIndex: stats.Last, LastLogTerm: stats.Term, LeadershipTransfer: true}
		other := &raft.RequestVoteRequest{RPCHeader: header(honest[0].host.ID()), Term: stats.Term + 1}
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
