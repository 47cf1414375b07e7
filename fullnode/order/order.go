// Package order puts block proposals into one order on every member's disk,
// with Raft over libp2p. Raft gives order, never trust: what comes out of this
// package is a sequence of opaque entries that an elected member proposed and
// a majority stored. Whether an entry is a valid block, and whether the block
// is final, is decided elsewhere, by every member for itself.
//
// The package promises that each entry is delivered to Committed in the log's
// order; that no message of a peer can make the node panic, rewrite an entry
// it has delivered, or speak for somebody else; and that the folder is
// scratch: a node whose folder is wiped joins again. It never interprets an
// entry and never signs anything. DESIGN.md has the reasons.
package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
)

// ErrDamaged says that the raft folder cannot be used as it is. It is scratch:
// remove it and open again.
var ErrDamaged = errors.New("raft folder is damaged")

// ErrTooLarge says that an entry is larger than Tuning.MaxEntry.
var ErrTooLarge = errors.New("entry is too large")

// ErrNotLeader says that the entry was not proposed, because this node does not lead.
type ErrNotLeader struct {
	Leader peer.ID // who does, or empty when unknown
}

func (e ErrNotLeader) Error() string {
	if e.Leader == "" {
		return "not the leader; no leader is known"
	}
	return fmt.Sprintf("not the leader; %s is", e.Leader)
}

// ErrUnavailable says that an entry has not been committed yet. It still may
// be, now or under a later leader.
type ErrUnavailable struct{ Why error }

func (e ErrUnavailable) Error() string { return "order is unavailable: " + e.Why.Error() }
func (e ErrUnavailable) Unwrap() error { return e.Why }

// Entry is one committed entry.
type Entry struct {
	Index, Term uint64
	Data        []byte
}

// Config is what a node gives to Open. Its callbacks come from several
// goroutines, so they must be safe for that, and they return at once.
type Config struct {
	Dir  string    // scratch folder of this package alone
	Host host.Host // listening; the peerstore knows the members' addresses

	// Members returns the node ids of the member set in force. Nobody else is heard.
	Members func() []peer.ID
	// Known says whether an id was a member at some height, so that it may be
	// named in an old configuration. Nil: only members are.
	Known func(peer.ID) bool
	// Bootstrap lists the voters of a new ledger. It is used only in an empty
	// folder.
	Bootstrap []peer.ID
	// Rejoin says that the node has taken part before, so that in an empty
	// folder it has forgotten its votes: it takes no part in elections until it
	// has caught up with a leader, or until no leader was heard for all of
	// Tuning.Patience, because all have lost their folders.
	Rejoin bool
	// Applied is the index of the newest entry whose effect this node holds
	// durably, 0 after the folder was wiped. Entries up to it are not
	// delivered again, no leader can replace them, and a folder that has lost
	// them is damaged.
	Applied uint64

	// CheckEntry is asked about each entry before it enters the log, old
	// entries included; an error refuses the leader's message.
	CheckEntry func(entry []byte) error
	// Appended tells that entries are in this node's log, before they are
	// committed. They may still be replaced. Optional.
	Appended func(entries [][]byte)
	// Committed takes the entries after Applied, in order, each once.
	Committed func(Entry)

	// Snapshot returns a small text that stands for everything committed so
	// far, or an error while it cannot: then the log is kept for longer.
	Snapshot func() ([]byte, error)
	// CheckSnapshot verifies a text from a leader before anything is changed.
	CheckSnapshot func(text []byte) error
	// Restore says that entries were skipped up to the snapshot text; the
	// node fetches what they led to. It is called again at each start, and
	// does nothing when the node is already there.
	Restore func(text []byte) error

	// Refused reports what the guard did not let pass. Optional.
	Refused func(*Refusal)
	Logger  *slog.Logger // optional; Raft's own lines are debug lines
	Tuning  Tuning
}

// Tuning has a default for each field that is zero.
type Tuning struct {
	MaxEntry          int           // bytes of an entry; 512 KiB
	MaxAppendEntries  int           // entries in one message; 8
	Heartbeat         time.Duration // without it for this long, followers elect; 500 ms
	CommitTimeout     time.Duration // how often an idle leader repeats the commit index; 50 ms
	SnapshotInterval  time.Duration // how often the log is looked at; 30 s
	SnapshotThreshold uint64        // entries since the last snapshot that make a new one; 1024
	TrailingLogs      uint64        // entries kept behind a snapshot; 1024
	Patience          time.Duration // how long a joining node waits for a leader; 1 min
}

func (t Tuning) withDefaults() Tuning {
	setDefault(&t.MaxEntry, 512<<10)
	setDefault(&t.MaxAppendEntries, 8)
	setDefault(&t.Heartbeat, 500*time.Millisecond)
	setDefault(&t.CommitTimeout, 50*time.Millisecond)
	setDefault(&t.SnapshotInterval, 30*time.Second)
	setDefault(&t.SnapshotThreshold, 1024)
	setDefault(&t.TrailingLogs, 1024)
	setDefault(&t.Patience, time.Minute)
	return t
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

const (
	reconnectEvery = time.Second
	reconcileEvery = time.Second
	// quietElections is for how many election timeouts a joining node stays
	// silent: by then every candidacy it voted for and every leadership it
	// supported before it forgot them is over.
	quietElections = 4
	logCache       = 64 // entries
)

// Order is an open log.
type Order struct {
	cfg    Config
	log    *slog.Logger
	raft   *raft.Raft
	keep   *keeper
	guard  *guard
	net    streams
	wire   *transport
	closer func() error // of the storage

	leads   chan bool
	ready   atomic.Bool
	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
	err     error
}

// Open opens the folder, starts Raft and keeps the host connected to the members.
func Open(cfg Config) (*Order, error) {
	s, err := openStore(cfg.Dir)
	if err != nil {
		return nil, err
	}
	o, err := open(cfg, newStorage(s), hostStreams{cfg.Host}, s.Close)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	o.start(func(ctx context.Context) { keepConnected(ctx, cfg.Host, cfg.Members, reconnectEvery) })
	return o, nil
}

// open is Open over any storage and network.
func open(cfg Config, s storage, net streams, closer func() error) (*Order, error) {
	cfg = withDefaults(cfg)
	o := &Order{cfg: cfg, log: cfg.Logger, net: net, closer: closer, leads: make(chan bool, 1), stop: func() {}}
	if err := prepare(s, cfg); err != nil {
		return nil, err
	}
	keep, err := newKeeper(s, cfg.Applied, cfg.Appended, o.refusedApplied)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := keep.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	limits := limits{appendEntries: cfg.Tuning.MaxAppendEntries, entry: cfg.Tuning.MaxEntry}
	o.keep = keep
	o.guard = &guard{limits: limits, members: cfg.Members, known: cfg.Known, checkEntry: cfg.CheckEntry,
		checkSnapshot: cfg.CheckSnapshot, keep: keep, patience: cfg.Tuning.Patience, refusals: make(map[Rule]uint64)}
	o.wire = newTransport(net, o.guard, limits, o.refused)
	if err := o.startRaft(); err != nil {
		return nil, errors.Join(err, o.wire.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	o.running.Add(2)
	go func() { defer o.running.Done(); o.followLeadership(ctx) }()
	go func() { defer o.running.Done(); o.accept(ctx) }()
	return o, nil
}

func withDefaults(cfg Config) Config {
	cfg.Tuning = cfg.Tuning.withDefaults()
	if cfg.Known == nil {
		cfg.Known = func(peer.ID) bool { return false }
	}
	if cfg.CheckEntry == nil {
		cfg.CheckEntry = func([]byte) error { return nil }
	}
	if cfg.Snapshot == nil {
		cfg.Snapshot = func() ([]byte, error) { return nil, errors.New("this node makes no snapshots") }
	}
	if cfg.CheckSnapshot == nil {
		cfg.CheckSnapshot = func([]byte) error { return errors.New("this node takes no snapshots") }
	}
	if cfg.Restore == nil {
		cfg.Restore = func([]byte) error { return nil }
	}
	if cfg.Refused == nil {
		cfg.Refused = func(*Refusal) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// prepare writes the first configuration into an empty storage, or marks it as
// joining. Term 1 with an empty log is a bootstrap that was interrupted: nobody
// votes in term 1, so it can be done again.
func prepare(s storage, cfg Config) error {
	empty, err := isEmpty(s)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !empty {
		return nil
	}
	if cfg.Rejoin || len(cfg.Bootstrap) == 0 {
		// The mark comes first: without it, the voters below would let it vote.
		if err := (&keeper{storage: s}).setJoining(true); err != nil {
			return err
		}
	}
	if len(cfg.Bootstrap) == 0 {
		return nil
	}
	var configuration raft.Configuration
	for _, p := range cfg.Bootstrap {
		configuration.Servers = append(configuration.Servers, server(p))
	}
	entry := &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(configuration)}
	if err := s.SetUint64(keyTerm, 1); err != nil {
		return fmt.Errorf("bootstrap raft: %w", err)
	}
	if err := s.StoreLog(entry); err != nil {
		return fmt.Errorf("bootstrap raft: %w", err)
	}
	return nil
}

func server(p peer.ID) raft.Server {
	return raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(p.String()), Address: raft.ServerAddress(p.String())}
}

// startRaft starts Raft, which panics at start on what it cannot read.
func (o *Order) startRaft() (err error) {
	if o.keep.log, err = raft.NewLogCache(logCache, o.keep); err != nil {
		return fmt.Errorf("make log cache: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: start raft: %v", ErrDamaged, p)
		}
	}()
	machine := newFSM(o)
	o.raft, err = raft.NewRaft(o.raftConfig(), machine, o.keep.log, o.keep, o.keep, o.wire)
	if err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	machine.started.Store(true)
	return nil
}

func (o *Order) raftConfig() *raft.Config {
	t, c := o.cfg.Tuning, raft.DefaultConfig()
	c.LocalID = raft.ServerID(o.net.Self().String())
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = t.Heartbeat, t.Heartbeat, t.Heartbeat
	c.CommitTimeout = t.CommitTimeout
	c.MaxAppendEntries = t.MaxAppendEntries
	c.SnapshotInterval, c.SnapshotThreshold, c.TrailingLogs = t.SnapshotInterval, t.SnapshotThreshold, t.TrailingLogs
	c.ShutdownOnRemove = false
	c.NoLegacyTelemetry = true
	c.Logger = raftLogger(o.log)
	return c
}

// start runs work until Close.
func (o *Order) start(work func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := o.stop
	o.stop = func() { stop(); cancel() }
	o.running.Add(1)
	go func() { defer o.running.Done(); work(ctx) }()
}

// accept takes streams until ctx ends; a joining node first stays silent.
func (o *Order) accept(ctx context.Context) {
	if o.keep.joining.Load() {
		o.log.Info("joining: the raft folder is empty, waiting for a leader")
		select {
		case <-time.After(quietElections * o.cfg.Tuning.Heartbeat):
		case <-ctx.Done():
			return
		}
	}
	o.net.Accept(o.wire.serve)
	o.joinAlone(ctx)
	<-ctx.Done()
	o.net.Accept(nil)
}

// joinAlone lets a joining node into elections when nobody leads for all of its
// patience: then a majority has lost its folders, and waits like this one.
func (o *Order) joinAlone(ctx context.Context) {
	wait := time.NewTimer(o.cfg.Tuning.Patience)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return
	}
	if !o.keep.joining.Load() || o.guard.hasLeader() {
		return
	}
	o.log.Warn("nobody leads: taking part in elections without a log of earlier ones")
	if err := o.keep.setJoining(false); err != nil {
		o.log.Error("take part in elections", "err", err)
	}
}

// followLeadership turns Raft's notices into ours: leading begins when
// everything of earlier terms has been delivered.
func (o *Order) followLeadership(ctx context.Context) {
	reconcile := time.NewTicker(reconcileEvery)
	defer reconcile.Stop()
	for {
		select {
		case leads := <-o.raft.LeaderCh():
			o.setReady(leads && o.raft.Barrier(allowance(0)).Error() == nil)
		case <-reconcile.C:
			if o.raft.State() == raft.Leader && !o.ready.Load() {
				o.setReady(o.raft.Barrier(allowance(0)).Error() == nil)
			}
			if o.ready.Load() {
				o.reconcile()
			}
		case <-ctx.Done():
			return
		}
	}
}

func (o *Order) setReady(ready bool) {
	if o.ready.Swap(ready) == ready {
		return
	}
	o.log.Info("leadership", "leading", ready, "term", o.raft.CurrentTerm())
	select {
	case <-o.leads: // nobody took the older notice
	default:
	}
	o.leads <- ready
}

// Propose hands an entry to Raft and returns when a majority has stored it.
func (o *Order) Propose(ctx context.Context, entry []byte) error {
	if len(entry) > o.cfg.Tuning.MaxEntry {
		return fmt.Errorf("propose %d bytes, at most %d: %w", len(entry), o.cfg.Tuning.MaxEntry, ErrTooLarge)
	}
	if err := o.cfg.CheckEntry(entry); err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	if !o.IsLeader() {
		return o.notLeader()
	}
	f := o.raft.Apply(entry, enqueueTimeout(ctx))
	result := make(chan error, 1)
	go func() { result <- f.Error() }()
	select {
	case err := <-result:
		return o.proposed(f, err)
	case <-ctx.Done():
		return ErrUnavailable{ctx.Err()}
	case <-o.wire.closing.Done():
		return ErrUnavailable{errClosed}
	}
}

func enqueueTimeout(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(time.Until(deadline), time.Millisecond)
	}
	return time.Second
}

func (o *Order) proposed(f raft.ApplyFuture, err error) error {
	switch {
	case err == nil:
		o.wire.announce(position{f.Index(), f.Response().(uint64)})
		return nil
	case errors.Is(err, raft.ErrNotLeader):
		return o.notLeader()
	}
	return ErrUnavailable{err}
}

func (o *Order) notLeader() error {
	leader, _ := o.Leader()
	if leader == o.net.Self() {
		leader = "" // about to begin or to end
	}
	return ErrNotLeader{leader}
}

// Leader returns who leads, as far as this node knows.
func (o *Order) Leader() (peer.ID, bool) {
	_, id := o.raft.LeaderWithID()
	p, err := peer.Decode(string(id))
	return p, err == nil
}

// IsLeader says whether Propose may succeed here.
func (o *Order) IsLeader() bool { return o.ready.Load() && o.raft.State() == raft.Leader }

// LeaderChanges yields true when this node begins to lead, having delivered
// every entry of earlier leaders, and false when it ends. Only the newest
// notice is kept for a slow reader.
func (o *Order) LeaderChanges() <-chan bool { return o.leads }

// TransferLeadership asks the most advanced follower to take over.
func (o *Order) TransferLeadership() error {
	if err := o.raft.LeadershipTransfer().Error(); err != nil {
		return fmt.Errorf("transfer leadership: %w", err)
	}
	return nil
}

// Stats is a picture of the log for people and metrics.
type Stats struct {
	Term, Last, Committed, Applied, Snapshot uint64
	Leader                                   peer.ID
	Leading, Joining                         bool
	Voters, Reachable                        int
	Refusals                                 map[Rule]uint64
}

// Stats returns the present state.
func (o *Order) Stats() Stats {
	leader, _ := o.Leader()
	s := Stats{Term: o.raft.CurrentTerm(), Last: o.raft.LastIndex(), Committed: o.raft.CommitIndex(),
		Applied: o.keep.floor.Load(), Snapshot: o.keep.snapshotIndex(), Leader: leader,
		Leading: o.IsLeader(), Joining: o.keep.joining.Load(), Refusals: o.guard.counts()}
	for _, p := range o.cfg.Members() {
		if p != o.net.Self() && o.net.Reachable(p) {
			s.Reachable++
		}
	}
	if f := o.raft.GetConfiguration(); f.Error() == nil {
		for _, v := range f.Configuration().Servers {
			if v.Suffrage == raft.Voter {
				s.Voters++
			}
		}
	}
	return s
}

func (o *Order) refused(r *Refusal) {
	o.log.Warn("refused raft message", "peer", r.Peer, "rule", string(r.Rule), "why", r.Why)
	o.cfg.Refused(r)
}

// refusedApplied reports what the keeper refused to Raft.
func (o *Order) refusedApplied(why error) {
	r := &Refusal{o.wire.author(), RuleApplied, why}
	o.guard.count(r)
	o.refused(r)
}

// Close stops Raft and closes the folder. A leader's followers notice after an
// election timeout; TransferLeadership first spares them that.
func (o *Order) Close() error {
	o.once.Do(func() {
		o.stop()
		o.wire.Close() // lets Raft's waiting calls go
		err := o.raft.Shutdown().Error()
		o.running.Wait()
		o.err = errors.Join(err, o.closer())
	})
	return o.err
}
