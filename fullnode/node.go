// Package fullnode is a member's node. Raft orders records, the node executes
// every block itself, cosigns what it found, and makes a block final when a
// quorum of members found the same.
//
// Open reads top to bottom as the start-up order; Run works until its context
// ends; Close undoes Open in reverse. Three folders have three rules: guard/ is
// tiny, fsynced, never restored or deleted; ledger/ is append-only and can be
// rebuilt from peers; so can blobs/, as far as other members keep the same
// evidence files; raft/ is scratch. The journal holds what receipts were
// given for and is not final yet.
package fullnode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"evident/fullnode/blobs"
	"evident/fullnode/chain"
	"evident/fullnode/finality"
	"evident/fullnode/finality/guard"
	"evident/fullnode/order"
	"evident/lightclient/ledger"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/mod/sumdb/tlog"
)

// Node is an open node.
type Node struct {
	cfg     Config
	log     *slog.Logger
	genesis *ledger.Genesis
	origin  string
	self    ledger.Member
	id      *identity
	clock   *clock

	guard        *guard.Guard
	chain        *chain.Chain
	checker      *chain.Checker
	intake       *intake
	host         host.Host
	peers        *peers
	misbehaviour *misbehaviour
	seen         *seen
	blobs        *blobs.Blobs
	members      *http.Server
	order        *order.Order

	// What the clerk works on; see clerk.go.
	committed mailbox
	inbox     chan finality.Cosigned
	imports   chan imported
	own       atomic.Pointer[finality.Cosigned]
	behind    chan struct{} // has room for one signal: catch up
	yielded   time.Time     // when lead last handed over for want of room
	ready     atomic.Bool   // the peers were asked what this member signed last

	stop    context.CancelFunc
	failure atomic.Pointer[error] // why the node no longer cosigns
}

// Open opens a member's node: every folder, then the network, then Raft.
func Open(cfg Config) (n *Node, err error) {
	n = &Node{cfg: cfg, log: cfg.Log, clock: newClock(cfg.Now),
		inbox: make(chan finality.Cosigned, 1024), imports: make(chan imported), behind: make(chan struct{}, 1)}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	n.committed.signal = make(chan struct{}, 1)
	defer func() {
		if err != nil {
			n.Close()
		}
	}()

	// The genesis says who the members are; the node key says which one we are.
	genesisFile, err := os.ReadFile(cfg.Genesis)
	if err != nil {
		return n, fmt.Errorf("read genesis: %w", err)
	}
	if n.genesis, err = ledger.ParseGenesis(genesisFile); err != nil {
		return n, fmt.Errorf("read genesis %s: %w", cfg.Genesis, err)
	}
	n.origin = n.genesis.Origin(ledger.GenesisFingerprint(genesisFile))
	if n.id, err = readIdentity(cfg.Dir); err != nil {
		return n, err
	}
	self := n.genesis.Members.ByName(n.id.signer.Name())
	if self == nil || self.Node != n.id.vkey {
		return n, fmt.Errorf("the node key of %s belongs to no member of this genesis", n.id.signer.Name())
	}
	n.self = *self

	// The guard first: its lock keeps a second process out of the whole folder.
	if n.guard, err = guard.Open(filepath.Join(cfg.Dir, "guard"), n.origin, n.clock.now); err != nil {
		return n, fmt.Errorf("%s: %w", cfg.Dir, err)
	}
	if !slices.Equal(n.guard.Cosigner().Keys(), n.self.Keys) {
		return n, fmt.Errorf("the guard in %s holds other keys than the genesis gives to %s", cfg.Dir, n.self.Name)
	}

	// The ledger is verified against itself before anything is served from it.
	n.checker = chain.NewChecker()
	if n.chain, err = chain.Open(filepath.Join(cfg.Dir, "ledger"), genesisFile, chain.Options{Signed: n.guard.Last(), Free: cfg.Free, Checker: n.checker, Archive: cfg.Archive}); err != nil {
		return n, err
	}
	n.guard.Verified(n.size())
	if n.misbehaviour, err = openMisbehaviour(filepath.Join(cfg.Dir, "misbehaviour"), genesisFile, n.origin); err != nil {
		return n, err
	}
	n.seen = newSeen(n.origin, n.genesis.Members)
	if head, ok := n.chain.Head(); ok {
		n.seen.certificate(head.Certificate)
	}
	if n.intake, err = newIntake(n.chain, n.checker, n.id.signer, filepath.Join(cfg.Dir, "journal"), n.clock.now); err != nil {
		return n, err
	}

	// The network: one port, the evidence files' swarm and Raft on it, and the members' protocol, which asks both.
	if n.host, err = newHost(n.id, cfg.Listen); err != nil {
		return n, err
	}
	if n.peers, err = newPeers(n.host, n.genesis.Members, n.self.Name, n.clock); err != nil {
		return n, err
	}
	for _, m := range n.genesis.Members {
		if m.Name != n.self.Name {
			n.host.Peerstore().AddAddrs(n.peers.ids[m.Name], peerAddrs(append(cfg.Peers[m.Name], m.Addresses...)), 1<<62)
		}
	}
	if n.blobs, err = n.openBlobs(); err != nil {
		return n, err
	}
	if n.order, err = n.openOrder(); err != nil {
		return n, err
	}
	n.members, err = n.serveMembers()
	return n, err
}

// openBlobs opens this member's share of the evidence files.
func (n *Node) openBlobs() (*blobs.Blobs, error) {
	return blobs.Open(blobs.Config{
		Dir:    blobs.Folder(n.cfg.Dir),
		Ledger: n.chain,
		Limits: n.genesis.Limits,
		Self:   n.self.Name,
		Signer: n.id.signer,
		Host:   n.host,
		Peers:  n.peers.ids,
		Ask:    n.peers.do,
		Log:    n.log,
		Now:    n.clock.now,
		Free:   n.cfg.Free,
		Quotas: n.cfg.Files,
		Pace:   n.cfg.Pace,
	})
}

// openOrder joins Raft. Damage in raft/ costs nothing: it is scratch. A node
// that ever took part and lost the folder joins again.
func (n *Node) openOrder() (*order.Order, error) {
	var voters []peer.ID
	for _, m := range n.genesis.Members {
		id, err := PeerID(m)
		if err != nil {
			return nil, err
		}
		voters = append(voters, id)
	}
	applied, size := n.readApplied()
	n.committed.raise(size) // more than our own size only if the ledger was lost
	cfg := order.Config{
		Dir:           filepath.Join(n.cfg.Dir, "raft", "log"),
		Host:          n.host,
		Members:       func() []peer.ID { return voters },
		Bootstrap:     voters,
		Rejoin:        (n.size() > 0 || n.guard.Last().N > 0) && len(voters) > 1, // a single member has nobody to join
		Applied:       applied,
		CheckEntry:    n.checkEntry,
		Appended:      n.appended,
		Committed:     n.entryCommitted,
		Snapshot:      n.snapshot,
		CheckSnapshot: n.checkSnapshot,
		Restore:       n.restore,
		Logger:        n.log,
	}
	o, err := order.Open(cfg)
	if !errors.Is(err, order.ErrDamaged) {
		return o, err
	}
	n.log.Warn("the Raft folder is damaged; joining anew", "err", err)
	if err := os.RemoveAll(filepath.Dir(cfg.Dir)); err != nil {
		return nil, fmt.Errorf("wipe the Raft folder: %w", err)
	}
	cfg.Applied = 0
	return order.Open(cfg)
}

// storeApplied keeps Raft's index of the newest final block, and the ledger's
// size then. It is not synced: an older index only makes Raft deliver again
// what is dropped as final.
func (n *Node) storeApplied(index uint64, size int64) {
	if index == 0 {
		return
	}
	if err := os.WriteFile(n.appliedPath(), fmt.Appendf(nil, "%d %d", index, size), 0o600); err != nil {
		n.log.Debug("store Raft's index", "err", err)
	}
}

func (n *Node) readApplied() (index uint64, size int64) {
	data, err := os.ReadFile(n.appliedPath())
	if err != nil {
		return 0, 0
	}
	if _, err := fmt.Sscanf(string(data), "%d %d", &index, &size); err != nil {
		return 0, 0
	}
	return index, size
}

func (n *Node) appliedPath() string { return filepath.Join(n.cfg.Dir, "raft", "applied") }

// Run works until ctx ends or the node's own state is unknown.
func (n *Node) Run(ctx context.Context) error {
	ctx, n.stop = context.WithCancel(ctx)
	defer n.stop()
	var wg sync.WaitGroup
	for _, work := range []func(context.Context){n.lead, n.forward, n.catchUp, n.watchPeers, n.blobs.Run} {
		wg.Go(func() { work(ctx) })
	}
	err := n.clerk(ctx)
	n.stop()
	wg.Wait()
	return err
}

// Close stops what Open started, last first: nothing may arrive at a part that
// is closed already.
func (n *Node) Close() error {
	var errs []error
	if n.members != nil {
		errs = append(errs, n.members.Close())
	}
	if n.order != nil {
		errs = append(errs, n.order.Close())
	}
	if n.blobs != nil {
		errs = append(errs, n.blobs.Close())
	}
	if n.host != nil {
		errs = append(errs, n.host.Close())
	}
	if n.intake != nil {
		errs = append(errs, n.intake.journal.close())
	}
	if n.chain != nil {
		errs = append(errs, n.chain.Close())
	}
	if n.guard != nil {
		errs = append(errs, n.guard.Close())
	}
	return errors.Join(errs...)
}

// Chain is the node's verified ledger.
func (n *Node) Chain() *chain.Chain { return n.chain }

// Host is the node's libp2p host.
func (n *Node) Host() host.Host { return n.host }

// size is the size of the final chain log.
func (n *Node) size() int64 {
	if head, ok := n.chain.Head(); ok {
		return head.Certificate.Tree.N
	}
	return 0
}

// finalTree is the final chain log.
func (n *Node) finalTree() tlog.Tree {
	if head, ok := n.chain.Head(); ok {
		return head.Certificate.Tree
	}
	return tlog.Tree{}
}

// fail ends this member's signing and keeps the reason for its operator.
func (n *Node) fail(err error) {
	n.guard.Stop(err)
	if n.failure.CompareAndSwap(nil, &err) {
		n.log.Error("this node cosigns no more", "err", err)
	}
}

// Failure says why this node cosigns no more, or nil.
func (n *Node) Failure() error {
	if p := n.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// ownCosignature returns this member's newest cosignature.
func (n *Node) ownCosignature() finality.Cosigned {
	if c := n.own.Load(); c != nil {
		return *c
	}
	return finality.Cosigned{}
}

// askedAboutUs looks at what a peer says we signed last. Something that our
// guard does not know means that this guard is an old copy, which must not sign.
func (n *Node) askedAboutUs(c finality.Cosigned) {
	if _, err := n.guard.Cosigner().Open(n.origin, c.Tree, c.Lines); err != nil {
		return // not our signature: a lie, and of no use
	}
	last := n.guard.Last()
	if c.Tree.N > last.N || c.Tree.N == last.N && c.Tree != last {
		n.fail(fmt.Errorf("%w: a peer holds our cosignature of size %d, the guard ends at %d", guard.ErrCopied, c.Tree.N, last.N))
	}
}

// interval is how often slow work looks around.
const interval = time.Second
