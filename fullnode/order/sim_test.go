package order

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

var (
	schedules = flag.Int("schedules", 60, "number of simulated schedules")
	firstSeed = flag.Uint64("seed", 1, "seed of the first schedule")
)

// TestSchedules runs clusters in virtual time through partitions, crashes,
// lost folders and hand-overs, with the transport, guard, keeper and Raft of a
// real node. More: go test ./fullnode/order -run Schedules -schedules 10000
func TestSchedules(t *testing.T) {
	ids := simIDs(t)
	for seed := *firstSeed; seed < *firstSeed+uint64(*schedules); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { runSchedule(t, seed, ids) })
		})
	}
}

func simIDs(t *testing.T) (ids []peer.ID) {
	t.Helper()
	for range 7 {
		_, public, err := crypto.GenerateEd25519Key(nil)
		if err != nil {
			t.Fatal(err)
		}
		id, err := peer.IDFromPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// sim is one cluster and what it has agreed on so far.
type sim struct {
	t     *testing.T
	net   *simNet
	nodes []*simNode
	ids   []peer.ID

	mu    sync.Mutex // of the random numbers and of canon
	rng   *rand.Rand
	canon map[uint64]string   // what the first node to commit an index saw
	acked map[string]struct{} // what Propose said is committed
	fault []string            // forks and refusals
}

func newSim(t *testing.T, seed uint64, ids []peer.ID) *sim {
	s := &sim{t: t, ids: ids, rng: rand.New(rand.NewPCG(seed, 7)), canon: make(map[uint64]string), acked: make(map[string]struct{})}
	s.net = &simNet{sim: s, hosts: make(map[peer.ID]*simHost), cut: make(map[[2]peer.ID]bool)}
	for _, id := range ids {
		n := &simNode{sim: s, id: id}
		s.nodes = append(s.nodes, n)
		n.format()
		n.open(ids)
	}
	return s
}

func runSchedule(t *testing.T, seed uint64, ids []peer.ID) {
	s := newSim(t, seed, ids[:[]int{3, 4, 4, 5, 7}[seed%5]])
	defer s.stop()
	proposing, enough := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.proposeAll(proposing) }()
	defer enough()
	for range 20 {
		time.Sleep(time.Duration(200+s.pick(1500)) * time.Millisecond)
		s.disturb()
	}
	enough()
	<-done
	s.recover()
	s.check()
}

func (s *sim) stop() {
	for _, n := range s.nodes {
		if n.running() != nil {
			n.crash()
		}
	}
}

func (s *sim) pick(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

func (s *sim) proposeAll(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(time.Duration(10+s.pick(150)) * time.Millisecond)
		s.proposeOne(ctx, fmt.Sprint("entry ", i))
	}
}

func (s *sim) proposeOne(ctx context.Context, entry string) bool {
	for _, i := range s.order(len(s.nodes)) {
		o := s.nodes[i].running()
		if o == nil || !o.IsLeader() {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if o.Propose(ctx, []byte(entry)) == nil {
			s.mu.Lock()
			s.acked[entry] = struct{}{}
			s.mu.Unlock()
			return true
		}
		return false
	}
	return false
}

func (s *sim) order(n int) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.Perm(n)
}

// disturb does one thing to the cluster. At most a minority is down, and one
// folder is lost at a time.
func (s *sim) disturb() {
	n := s.nodes[s.pick(len(s.nodes))]
	switch s.pick(9) {
	case 0, 1:
		s.net.isolate(n.id, s.pick(2) == 0)
	case 2:
		s.net.cutOne(n.id, s.nodes[s.pick(len(s.nodes))].id)
	case 3, 4:
		s.net.heal()
	case 5, 6:
		if s.down() < (len(s.nodes)-1)/2 && n.running() != nil {
			n.crash()
		}
	case 7:
		if o := n.running(); o != nil && o.IsLeader() {
			_ = o.TransferLeadership() // it may fail for good reasons
		}
	case 8:
		s.loseFolder(n)
	}
	for _, n := range s.nodes {
		if n.running() == nil && s.pick(3) == 0 {
			n.open(nil)
		}
	}
}

func (s *sim) loseFolder(n *simNode) {
	for _, other := range s.nodes {
		o := other.running()
		if o == nil && other != n || o != nil && o.keep.joining.Load() {
			return
		}
	}
	if n.running() != nil {
		n.crash()
	}
	n.format()
	n.open(nil)
}

func (s *sim) down() (down int) {
	for _, n := range s.nodes {
		if n.running() == nil {
			down++
		}
	}
	return down
}

// recover ends all disturbance; the cluster then has half a minute.
func (s *sim) recover() {
	s.net.heal()
	for _, n := range s.nodes {
		if n.running() == nil {
			n.open(nil)
		}
	}
	for begun := time.Now(); !s.proposeOne(context.Background(), "the last entry"); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			s.t.Fatal("nothing can be proposed half a minute after the last disturbance")
		}
	}
	time.Sleep(15 * time.Second)
}

// check: one sequence everywhere, nothing acknowledged lost, nothing refused.
func (s *sim) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.fault {
		s.t.Error(f)
	}
	committed := make(map[string]bool)
	for _, data := range s.canon {
		committed[data] = true
	}
	for entry := range s.acked {
		if !committed[entry] {
			s.t.Errorf("%q was acknowledged and is lost", entry)
		}
	}
	for i, n := range s.nodes {
		for index, data := range s.canon {
			if n.have[index] != data {
				s.t.Errorf("node %d: index %d is %q, want %q", i, index, n.have[index], data)
			}
		}
		if n.order.keep.joining.Load() {
			s.t.Errorf("node %d is still joining", i)
		}
	}
}

func (s *sim) faulty(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = append(s.fault, fmt.Sprintf(format, args...))
}

// simNode is a member: what its disk holds, and what runs.
type simNode struct {
	sim   *sim
	id    peer.ID
	disk  storage
	host  *simHost
	order *Order

	have    map[uint64]string // the node's own ledger
	reached uint64
	applied uint64 // of this, durable when it crashes

	fetchless bool // the others do not answer
}

// format gives the node an empty raft folder; its ledger stays.
func (n *simNode) format() {
	n.disk, n.applied = newStorage(raft.NewInmemStore()), 0
	if n.have == nil {
		n.have = make(map[uint64]string)
	}
}

func (n *simNode) open(bootstrap []peer.ID) {
	n.reached = n.applied
	n.host = &simHost{net: n.sim.net, id: n.id}
	cfg := Config{Members: func() []peer.ID { return n.sim.ids }, Bootstrap: bootstrap, Applied: n.applied,
		Committed: n.commit,
		Snapshot:  n.snapshot,
		CheckSnapshot: func(text []byte) error {
			_, err := strconv.ParseUint(string(text), 10, 64)
			return err
		},
		Restore: n.restore,
		Refused: func(r *Refusal) { n.sim.faulty("%s: %v", n.id, r) },
		Tuning: Tuning{SnapshotInterval: 2 * time.Second, SnapshotThreshold: 16, TrailingLogs: 24,
			CommitTimeout: 50 * time.Millisecond},
	}
	o, err := open(cfg, n.disk, n.host, func() error { return nil })
	if err != nil {
		n.sim.t.Fatalf("open: %v", err)
	}
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	n.order = o
}

func (n *simNode) running() *Order {
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	return n.order
}

// crash cuts the node off first, so that what runs on cannot reach anybody.
// The ledger may have missed the newest entries.
func (n *simNode) crash() {
	n.sim.net.remove(n.host)
	synctest.Wait()
	n.order.Close()
	lost := uint64(n.sim.pick(3))
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	n.order = nil
	for ; lost > 0 && n.reached > 0 && n.applied < n.reached; lost-- {
		delete(n.have, n.reached)
		n.reached--
	}
	n.applied = n.reached
}

func (n *simNode) commit(e Entry) {
	data := string(e.Data)
	s := n.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.canon[e.Index]; ok && old != data {
		s.fault = append(s.fault, fmt.Sprintf("fork at %d: %q and %q", e.Index, old, data))
	}
	if e.Index <= n.reached {
		s.fault = append(s.fault, fmt.Sprintf("entry %d was delivered after %d", e.Index, n.reached))
	}
	s.canon[e.Index] = data
	n.have[e.Index], n.reached = data, e.Index
}

func (n *simNode) snapshot() ([]byte, error) {
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	if n.sim.rng.IntN(3) == 0 {
		return nil, errors.New("a block is not final yet")
	}
	return []byte(strconv.FormatUint(n.reached, 10)), nil
}

// restore fetches what the snapshot stands for from the others.
func (n *simNode) restore(text []byte) error {
	upTo, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return err
	}
	if n.fetchless {
		return nil
	}
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	for index, data := range n.sim.canon {
		if index <= upTo {
			n.have[index] = data
		}
	}
	return nil
}

// simNet joins hosts with pipes that take time, stall and break.
type simNet struct {
	sim   *sim
	mu    sync.Mutex
	hosts map[peer.ID]*simHost
	cut   map[[2]peer.ID]bool // from, to
	pipes []*simPipe
}

func (n *simNet) blocked(from, to peer.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[[2]peer.ID{from, to}]
}

// isolate cuts a node off: either its streams break, or they stall.
func (n *simNet) isolate(id peer.ID, broken bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.sim.ids {
		n.cut[[2]peer.ID{id, other}], n.cut[[2]peer.ID{other, id}] = true, true
	}
	if broken {
		n.breakPipes(id)
	}
}

func (n *simNet) breakPipes(id peer.ID) {
	kept := n.pipes[:0]
	for _, p := range n.pipes {
		if p.from == id || p.to == id {
			p.Conn.Close()
			continue
		}
		kept = append(kept, p)
	}
	n.pipes = kept
}

// cutOne stalls one direction between two nodes.
func (n *simNet) cutOne(from, to peer.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]peer.ID{from, to}] = true
}

func (n *simNet) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
}

func (n *simNet) remove(h *simHost) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h.gone = true
	delete(n.hosts, h.id)
	n.breakPipes(h.id)
}

// simHost is one node's place in the network.
type simHost struct {
	net    *simNet
	id     peer.ID
	handle func(peer.ID, stream)
	gone   bool
}

func (h *simHost) Self() peer.ID { return h.id }

func (h *simHost) Reachable(p peer.ID) bool {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return h.net.hosts[p] != nil
}

func (h *simHost) Accept(handle func(peer.ID, stream)) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.handle = handle
	if handle != nil {
		h.net.hosts[h.id] = h
	}
}

func (h *simHost) Open(ctx context.Context, p peer.ID) (stream, error) {
	for h.net.blocked(h.id, p) || h.net.blocked(p, h.id) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	far := h.net.hosts[p]
	if far == nil || far.handle == nil || h.gone {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	a, b := &simPipe{Conn: here, net: h.net, from: h.id, to: p}, &simPipe{Conn: there, net: h.net, from: p, to: h.id}
	h.net.pipes = append(h.net.pipes, a, b)
	go far.handle(h.id, b)
	return a, nil
}

// simPipe delays each message, and holds it back while its direction is cut.
type simPipe struct {
	net.Conn
	net      *simNet
	from, to peer.ID
	mu       sync.Mutex
	deadline time.Time
}

func (p *simPipe) SetDeadline(at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = at
	return p.Conn.SetDeadline(at)
}

func (p *simPipe) expired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.deadline.IsZero() && time.Now().After(p.deadline)
}

func (p *simPipe) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(200+p.net.sim.pick(4000)) * time.Microsecond)
	for p.net.blocked(p.from, p.to) && !p.expired() {
		time.Sleep(20 * time.Millisecond)
	}
	return p.Conn.Write(b)
}

// TestWipedVoterDoesNotLoseEntries: A and B of three have stored an entry, B
// loses its folder, A is away. If B voted, C would lead without the entry.
func TestWipedVoterDoesNotLoseEntries(t *testing.T) {
	ids := simIDs(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, ids[:3])
		defer s.stop()
		time.Sleep(5 * time.Second)
		a := s.leader()
		b, c := s.nodes[(a+1)%3], s.nodes[(a+2)%3]
		s.net.isolate(c.id, false)
		if !s.proposeOne(context.Background(), "kept") {
			t.Fatal("two of three cannot commit")
		}
		s.net.heal()
		s.net.isolate(s.nodes[a].id, true)
		b.crash()
		b.format()
		b.open(nil)
		time.Sleep(20 * time.Second)
		if c.order.IsLeader() || b.order.IsLeader() {
			t.Fatal("a leader without the committed entry")
		}
		s.recover()
		s.check()
	})
}

// leader waits for one.
func (s *sim) leader() int {
	for {
		for i, n := range s.nodes {
			if n.order.IsLeader() {
				return i
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestFolderBehindSnapshotIsDeliveredAgain: the node lost the effect of
// entries that its snapshot covers, because it stopped before it was durable.
func TestFolderBehindSnapshotIsDeliveredAgain(t *testing.T) {
	ids := simIDs(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, ids[:1])
		defer s.stop()
		s.leader()
		for i := range 20 {
			s.proposeOne(context.Background(), fmt.Sprint("entry ", i))
		}
		n := s.nodes[0]
		for n.order.keep.snapshotIndex() == 0 {
			time.Sleep(time.Second)
		}
		n.crash()
		n.have, n.applied = make(map[uint64]string), 5
		n.fetchless = true
		n.open(nil)
		for i := uint64(6); i <= 20; i++ {
			if n.have[i] != s.canon[i] {
				t.Errorf("index %d: got %q, want %q", i, n.have[i], s.canon[i])
			}
		}
	})
}
