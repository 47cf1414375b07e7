package order

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/peer"
)

// newTestGuard guards a node of three members in term 5 whose log has five
// entries of term 4, three of them applied. ids[3] was a member, ids[4] never.
func newTestGuard(t *testing.T) (*guard, []peer.ID) {
	t.Helper()
	ids := simIDs(t)
	s := newStorage(raft.NewInmemStore())
	if err := s.SetUint64(keyTerm, 5); err != nil {
		t.Fatal(err)
	}
	keep, err := newKeeper(s, 3, nil, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	for i := uint64(1); i <= 5; i++ {
		if err := s.StoreLog(&raft.Log{Index: i, Term: 4, Data: []byte("entry")}); err != nil {
			t.Fatal(err)
		}
	}
	keep.log = keep
	return &guard{limits: limits{appendEntries: 8, entry: 64}, keep: keep, patience: time.Minute,
		members:    func() []peer.ID { return ids[:3] },
		known:      func(p peer.ID) bool { return p == ids[3] },
		checkEntry: func(e []byte) error { return unless(string(e) != "forbidden") },
		checkSnapshot: func(text []byte) error {
			return unless(string(text) == "checkpoint")
		},
		refusals: make(map[Rule]uint64)}, ids
}

func unless(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("no")
}

func header(p peer.ID) raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: 3, ID: []byte(p.String()), Addr: []byte(p.String())}
}

func configurationOf(servers ...raft.Server) []byte {
	return raft.EncodeConfiguration(raft.Configuration{Servers: servers})
}

func TestGuardAppend(t *testing.T) {
	g, ids := newTestGuard(t)
	entry := func(kind raft.LogType, data string) func(*raft.AppendEntriesRequest) {
		return func(c *raft.AppendEntriesRequest) { c.Entries[0].Type, c.Entries[0].Data = kind, []byte(data) }
	}
	configuration := func(servers ...raft.Server) func(*raft.AppendEntriesRequest) {
		return entry(raft.LogConfiguration, string(configurationOf(servers...)))
	}
	elsewhere, nonvoter := server(ids[1]), server(ids[1])
	elsewhere.Address = "elsewhere"
	nonvoter.Suffrage = raft.Nonvoter
	staging := server(ids[1])
	staging.Suffrage = raft.Staging
	for _, test := range []struct {
		name string
		edit func(*raft.AppendEntriesRequest)
		want Rule // empty: admitted
	}{
		{"honest", func(*raft.AppendEntriesRequest) {}, ""},
		{"another id", func(c *raft.AppendEntriesRequest) { c.ID = []byte(ids[2].String()) }, RuleSender},
		{"another address", func(c *raft.AppendEntriesRequest) { c.Addr = []byte(ids[2].String()) }, RuleSender},
		{"no header", func(c *raft.AppendEntriesRequest) { c.RPCHeader = raft.RPCHeader{ProtocolVersion: 3} }, RuleSender},
		{"not a member", func(c *raft.AppendEntriesRequest) { c.RPCHeader = header(ids[4]) }, RuleSender},
		{"former member", func(c *raft.AppendEntriesRequest) { c.RPCHeader = header(ids[3]) }, RuleSender},
		{"term ahead", func(c *raft.AppendEntriesRequest) { c.Term = 1005 }, ""},
		{"term too far ahead", func(c *raft.AppendEntriesRequest) { c.Term = 1006 }, RuleTerm},
		{"greatest term", func(c *raft.AppendEntriesRequest) { c.Term = 1<<64 - 1 }, RuleTerm},
		{"greatest index", func(c *raft.AppendEntriesRequest) { c.PrevLogEntry = 1<<64 - 1 }, RuleMessage},
		{"greatest commit index", func(c *raft.AppendEntriesRequest) { c.LeaderCommitIndex = 1<<64 - 1 }, RuleMessage},
		{"gap", func(c *raft.AppendEntriesRequest) { c.Entries[0].Index++ }, RuleMessage},
		{"term falls", func(c *raft.AppendEntriesRequest) { c.Entries[0].Term = 3 }, RuleMessage},
		{"large entry", entry(raft.LogCommand, strings.Repeat("x", 65)), RuleEntry},
		{"forbidden entry", entry(raft.LogCommand, "forbidden"), RuleEntry},
		{"noop with data", entry(raft.LogNoop, "x"), RuleEntry},
		{"barrier", entry(raft.LogBarrier, ""), ""},
		{"deprecated type", entry(raft.LogRemovePeerDeprecated, ""), RuleEntry},
		{"unknown type", entry(99, ""), RuleEntry},
		{"configuration", configuration(server(ids[0]), nonvoter), ""},
		{"configuration with a former member", configuration(server(ids[0]), server(ids[3])), ""},
		{"configuration with a stranger", configuration(server(ids[0]), server(ids[4])), RuleConfiguration},
		{"configuration with a free name", configuration(raft.Server{ID: "me", Address: "me"}), RuleConfiguration},
		{"configuration with an address", configuration(server(ids[0]), elsewhere), RuleConfiguration},
		{"configuration without voters", configuration(nonvoter), RuleConfiguration},
		{"configuration with a member twice", configuration(server(ids[0]), server(ids[0])), RuleConfiguration},
		{"configuration with an old suffrage", configuration(server(ids[0]), staging), RuleConfiguration},
		{"empty configuration", configuration(), RuleConfiguration},
		{"garbage configuration", entry(raft.LogConfiguration, "\x81\xa7Servers\xdd\xff\xff\xff\xff"), RuleConfiguration},
		{"no configuration", entry(raft.LogConfiguration, ""), RuleConfiguration},
		{"huge configuration", entry(raft.LogConfiguration, strings.Repeat("x", maxConfiguration+1)), RuleConfiguration},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &raft.AppendEntriesRequest{RPCHeader: header(ids[1]), Term: 6,
				PrevLogEntry: 5, PrevLogTerm: 4, LeaderCommitIndex: 5,
				Entries: []*raft.Log{{Index: 6, Term: 6, Data: []byte("entry")}}}
			test.edit(c)
			from := ids[1]
			if strings.HasSuffix(test.name, "member") && strings.Count(test.name, " ") < 3 {
				from, _ = peer.Decode(string(c.ID))
			}
			checkRefusal(t, g.admit(from, c, nil), test.want)
		})
	}
}

func checkRefusal(t *testing.T, err error, want Rule) {
	t.Helper()
	var r *Refusal
	switch {
	case want == "" && err != nil:
		t.Errorf("got %v, want no refusal", err)
	case want != "" && (!errors.As(err, &r) || r.Rule != want):
		t.Errorf("got %v, want a refusal by rule %s", err, want)
	}
}

func TestGuardVotes(t *testing.T) {
	g, ids := newTestGuard(t)
	vote := func(term, index, logTerm uint64) *raft.RequestVoteRequest {
		return &raft.RequestVoteRequest{RPCHeader: header(ids[1]), Term: term, LastLogIndex: index, LastLogTerm: logTerm}
	}
	preVote := func(term, index, logTerm uint64) *raft.RequestPreVoteRequest {
		return &raft.RequestPreVoteRequest{RPCHeader: header(ids[1]), Term: term, LastLogIndex: index, LastLogTerm: logTerm}
	}
	other := vote(6, 5, 4)
	other.RPCHeader = header(ids[2])
	for _, test := range []struct {
		name    string
		command any
		want    Rule
	}{
		{"honest vote", vote(6, 5, 4), ""},
		{"honest pre-vote", preVote(6, 5, 4), ""},
		{"vote for another", other, RuleSender},
		{"vote in a far term", vote(5000, 5, 4), RuleTerm},
		{"pre-vote in a far term", preVote(5000, 5, 4), RuleTerm},
		{"vote with a log of the future", vote(6, 5, 7), RuleMessage},
		{"vote with a log without end", vote(6, 1<<63, 4), RuleMessage},
		{"pre-vote with a log without end", preVote(6, 1<<63, 4), RuleMessage},
	} {
		t.Run(test.name, func(t *testing.T) { checkRefusal(t, g.admit(ids[1], test.command, nil), test.want) })
	}
	handOver := &raft.TimeoutNowRequest{RPCHeader: header(ids[1])}
	if err := g.admit(ids[1], handOver, nil); !errors.Is(err, errStale) {
		t.Errorf("hand-over from a follower: got %v, want %v", err, errStale)
	}
	if err := g.settled(ids[1], &raft.AppendEntriesRequest{Term: 5}, &raft.AppendEntriesResponse{Term: 5}); err != nil {
		t.Fatal(err)
	}
	if err := g.admit(ids[1], handOver, nil); err != nil {
		t.Errorf("hand-over from the leader: %v", err)
	}
	old := &raft.AppendEntriesRequest{RPCHeader: header(ids[1]), Term: 5, PrevLogEntry: 5, PrevLogTerm: 6}
	if err := g.admit(ids[1], old, nil); !errors.Is(err, errStale) {
		t.Errorf("entries newer than their sender's term: got %v, want %v", err, errStale)
	}
}

func TestGuardSnapshot(t *testing.T) {
	g, ids := newTestGuard(t)
	for _, test := range []struct {
		name string
		edit func(*raft.InstallSnapshotRequest)
		text string
		want Rule
	}{
		{"honest", func(*raft.InstallSnapshotRequest) {}, "checkpoint", ""},
		{"unverified text", func(*raft.InstallSnapshotRequest) {}, "chalkpoint", RuleSnapshot},
		{"far term", func(c *raft.InstallSnapshotRequest) { c.Term = 5000 }, "checkpoint", RuleTerm},
		{"far index", func(c *raft.InstallSnapshotRequest) { c.LastLogIndex = 1 << 60 }, "checkpoint", RuleSnapshot},
		{"old version", func(c *raft.InstallSnapshotRequest) { c.SnapshotVersion = 0 }, "checkpoint", RuleSnapshot},
		{"configuration of the future", func(c *raft.InstallSnapshotRequest) { c.ConfigurationIndex = 101 }, "checkpoint", RuleSnapshot},
		{"sender alone", func(c *raft.InstallSnapshotRequest) { c.Configuration = configurationOf(server(ids[4])) }, "checkpoint", RuleConfiguration},
		{"garbage configuration", func(c *raft.InstallSnapshotRequest) { c.Configuration = []byte{0xc1} }, "checkpoint", RuleConfiguration},
		{"other log, applied", func(c *raft.InstallSnapshotRequest) { c.LastLogIndex, c.LastLogTerm = 2, 3 }, "checkpoint", RuleApplied},
		{"other log, not applied", func(c *raft.InstallSnapshotRequest) { c.LastLogIndex, c.LastLogTerm = 5, 5 }, "checkpoint", RuleApplied},
		{"our log", func(c *raft.InstallSnapshotRequest) { c.LastLogIndex, c.LastLogTerm = 5, 4 }, "checkpoint", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &raft.InstallSnapshotRequest{RPCHeader: header(ids[1]), SnapshotVersion: 1, Term: 6,
				LastLogIndex: 100, LastLogTerm: 6, ConfigurationIndex: 1, Configuration: configurationOf(server(ids[1]))}
			test.edit(c)
			checkRefusal(t, g.admit(ids[1], c, []byte(test.text)), test.want)
		})
	}
	held := &raft.InstallSnapshotRequest{RPCHeader: header(ids[1]), SnapshotVersion: 1, Term: 6,
		LastLogIndex: 3, LastLogTerm: 4, ConfigurationIndex: 1, Configuration: configurationOf(server(ids[1]))}
	if err := g.admit(ids[1], held, []byte("checkpoint")); !errors.Is(err, errHeld) {
		t.Errorf("snapshot of what is applied: got %v, want %v", err, errHeld)
	}
}

func TestJoiningNodeAbstains(t *testing.T) {
	g, ids := newTestGuard(t)
	if err := g.keep.setJoining(true); err != nil {
		t.Fatal(err)
	}
	vote := &raft.RequestVoteRequest{RPCHeader: header(ids[1]), Term: 6, LastLogIndex: 5, LastLogTerm: 4}
	if err := g.admit(ids[1], vote, nil); !errors.Is(err, errAbstain) {
		t.Fatalf("vote while joining: got %v, want %v", err, errAbstain)
	}
	settle := func(commit, term uint64) {
		t.Helper()
		c := &raft.AppendEntriesRequest{Term: term, PrevLogEntry: 5, PrevLogTerm: 4, LeaderCommitIndex: commit}
		if err := g.settled(ids[1], c, &raft.AppendEntriesResponse{Term: term, Success: true}); err != nil {
			t.Fatal(err)
		}
	}
	settle(5, 5) // committed under an earlier leader: there may be more
	settle(6, 4) // not all of it is here
	if !g.keep.joining.Load() {
		t.Fatal("joined before it had caught up")
	}
	settle(5, 4)
	if g.keep.joining.Load() {
		t.Fatal("still joining with everything committed")
	}
	if err := g.admit(ids[1], vote, nil); err != nil {
		t.Errorf("vote after joining: %v", err)
	}
}

func TestJoiningNodeVotesWhenNobodyLeads(t *testing.T) {
	g, _ := newTestGuard(t)
	if err := g.keep.setJoining(true); err != nil {
		t.Fatal(err)
	}
	g.patience = 20 * time.Millisecond
	if err := g.mayVote(); !errors.Is(err, errAbstain) {
		t.Fatalf("first request: got %v", err)
	}
	time.Sleep(2 * g.patience)
	if err := g.mayVote(); err != nil {
		t.Errorf("after patience: %v", err)
	}
}

func TestAnswersFromFarTermsAreRefused(t *testing.T) {
	g, _ := newTestGuard(t)
	for _, response := range []any{&raft.AppendEntriesResponse{Term: 1 << 63}, &raft.RequestVoteResponse{Term: 1 << 63},
		&raft.RequestPreVoteResponse{Term: 1 << 63}, &raft.InstallSnapshotResponse{Term: 1 << 63}} {
		if g.checkTerm(responseTerm(response)) == nil {
			t.Errorf("%T with term 2^63 was not refused", response)
		}
	}
}

func TestKeeper(t *testing.T) {
	entry := func(index uint64) []*raft.Log { return []*raft.Log{{Index: index, Term: 5}} }
	for _, test := range []struct {
		name string
		do   func(*keeper) error
		want error
	}{
		{"append", func(k *keeper) error { return k.StoreLogs(entry(6)) }, nil},
		{"append after a gap", func(k *keeper) error { return k.StoreLogs(entry(7)) }, errGap},
		{"overwrite", func(k *keeper) error { return k.StoreLogs(entry(5)) }, errGap},
		{"overwrite what is applied", func(k *keeper) error { return k.StoreLogs(entry(3)) }, errApplied},
		{"append with a gap inside", func(k *keeper) error { return k.StoreLogs(append(entry(6), entry(8)...)) }, errGap},
		{"truncate above", func(k *keeper) error { return k.DeleteRange(4, 5) }, nil},
		{"truncate what is applied", func(k *keeper) error { return k.DeleteRange(3, 5) }, errApplied},
		{"truncate everything", func(k *keeper) error { return k.DeleteRange(1, 5) }, errApplied},
		{"truncate the prefix", func(k *keeper) error { return k.DeleteRange(1, 2) }, errApplied},
		{"compact behind a snapshot", func(k *keeper) error { return errors.Join(saveSnapshot(k, 3), k.DeleteRange(1, 3)) }, nil},
		{"compact beyond a snapshot", func(k *keeper) error { return errors.Join(saveSnapshot(k, 2), k.DeleteRange(1, 3)) }, errApplied},
		{"append after a snapshot", func(k *keeper) error {
			return errors.Join(saveSnapshot(k, 9), k.restored(), k.StoreLogs(entry(10)))
		}, nil},
		{"a log before its snapshot is dropped", func(k *keeper) error {
			err := errors.Join(saveSnapshot(k, 9), k.restored())
			first, last, _ := k.ends()
			return errors.Join(err, unless(first == 0 && last == 0))
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, _ := newTestGuard(t)
			refused := 0
			g.keep.refused = func(error) { refused++ }
			err := test.do(g.keep)
			if (test.want == nil) != (err == nil) || !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if (test.want != nil) != (refused == 1) {
				t.Errorf("%d refusals reported", refused)
			}
		})
	}
}

func saveSnapshot(s raft.SnapshotStore, index uint64) error {
	to, err := s.Create(1, index, 4, raft.Configuration{}, 1, nil)
	if err != nil {
		return err
	}
	return snapshotText("checkpoint").Persist(to)
}
