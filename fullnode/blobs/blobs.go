// Package blobs keeps the bytes of evidence files. It promises that a file is pinned only because a final record names
// it, that a storage receipt is signed only when all its blocks are verified and on disk, and that whatever comes from
// outside is checked against its CID before it is stored. It never serves files as pages, and never decrypts.
//
// A block arrives over HTTP (http.go) or from another member (swarm.go) and lies loose in the store (store.go) until a
// root that a record names refers to it (dag.go). The members that are responsible for a file fetch it, pin it and sign
// receipts (replicate.go); audits find out who lost what (audit.go). DESIGN.md has the reasons.
package blobs

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
)

// freshness is how long an upload may wait for its record.
const freshness = 24 * time.Hour

// Ledger is the final ledger, as package chain keeps it.
type Ledger interface {
	Origin() string
	Members() ledger.MemberSet
	Wait(ctx context.Context, h ledger.Height) error
	Block(h ledger.Height) (ledger.Block, error)
}

// Ask asks another member's node by the member protocol and returns at most limit bytes.
type Ask func(ctx context.Context, member, method, path string, body []byte, limit int64) ([]byte, error)

// Config is what the evidence files of one member stand on.
type Config struct {
	Dir    string // the store's folder
	Ledger Ledger
	Limits ledger.Limits      // of the genesis: how many members keep a file
	Self   string             // this member
	Signer note.Signer        // its node key
	Host   host.Host          //
	Peers  map[string]peer.ID // the other members' nodes
	Ask    Ask
	Quotas Quotas
	Log    *slog.Logger
	Now    func() time.Time
	Free   func(dir string) (int64, error) // free bytes where dir is; the system's when nil
	Pace   Pace
}

// Pace is how often slow work is done. Zero values mean the defaults.
type Pace struct {
	Retry    time.Duration // first wait after a failed fetch; doubled up to Recheck. Default 2 s
	Recheck  time.Duration // between looks at a file that is well. Default 1 h
	Audit    time.Duration // between audits. Default 10 s
	Patience time.Duration // a fetch fails when no block came for so long. Default 30 s
	StandIn  time.Duration // another member steps in for one that has not shown for so long that it keeps a file. Default 30 min
	Release  time.Duration // a stand-in gives its copy up when all others were well for so long. Default 24 h
	Shred    time.Duration // between two times that erased bytes are taken off the disk. Default 10 s
}

func (p *Pace) fill() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&p.Retry, 2 * time.Second}, {&p.Recheck, time.Hour}, {&p.Audit, 10 * time.Second},
		{&p.Patience, 30 * time.Second}, {&p.StandIn, 30 * time.Minute}, {&p.Release, 24 * time.Hour}, {&p.Shred, 10 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// Blobs is one member's share of the evidence files.
type Blobs struct {
	Config
	store   *store
	swarm   *swarm
	offers  *offers
	metrics *metrics
	cancel  context.CancelFunc // ends the swarm and the offers
	wake    chan struct{}      // has room for one signal: a file is due

	mu      sync.Mutex
	busy    map[ledger.CID]context.CancelFunc // a worker looks at it; calling the function has it let go
	failing map[failure]time.Time             // since when
	usage   usage                             // what is kept here, and for whom
	deleted []fileID                          // erased files whose bytes are still to be taken off the disk
	shreds  chan struct{}                     // has room for one signal: there are some
}

// failure is a member that does not give a file back, which it promised to keep.
type failure struct {
	member string
	cid    ledger.CID
}

// Open opens the store and joins the swarm.
func Open(c Config) (*Blobs, error) {
	c.Pace.fill()
	if err := c.Quotas.fill(); err != nil {
		return nil, err
	}
	s, err := openStore(c.Dir, c.Free, c.Now)
	if err != nil {
		return nil, err
	}
	members := map[peer.ID]bool{}
	for _, id := range c.Peers {
		members[id] = true
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &Blobs{Config: c, store: s, swarm: newSwarm(ctx, s, c.Host, members, c.Pace.Patience), offers: newOffers(), cancel: cancel,
		wake: make(chan struct{}, 1), shreds: make(chan struct{}, 1), busy: map[ledger.CID]context.CancelFunc{}, failing: map[failure]time.Time{}}
	b.metrics = newMetrics(b)
	c.Host.SetStreamHandler(offerProtocol, func(s network.Stream) { b.offered(ctx, s) })
	return b, b.reckon()
}

// Close leaves the swarm and closes the store. Run must have ended.
func (b *Blobs) Close() error {
	b.Host.RemoveStreamHandler(offerProtocol)
	b.cancel()
	b.offers.end()
	err := b.swarm.close()
	return errors.Join(err, b.store.close())
}

// Run replicates, audits and tidies up until ctx ends.
func (b *Blobs) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, work := range []func(context.Context){b.follow, b.tend, b.audits, b.tidy, b.shred} {
		wg.Go(func() { work(ctx) })
	}
	wg.Wait()
}

// Register adds the metrics to a registry.
func (b *Blobs) Register(r prometheus.Registerer) error { return b.metrics.register(r) }

// File is one evidence file that the members keep because a record names it.
type File struct {
	Record ledger.RecordID
	CID    ledger.CID
	Mode   ledger.Mode
	Bytes  int64
	By     []string // the record's authors
}

// filesOf lists the files that a record asks the members to keep.
func filesOf(u *ledger.UnverifiedRecord) []File {
	var files []File
	for _, e := range u.Evidence {
		c, err := ledger.ParseCID(e.CID)
		if err == nil && (e.Mode == ledger.Public || e.Mode == ledger.Sealed) {
			files = append(files, File{Record: u.ID, CID: c, Mode: e.Mode, Bytes: e.Size, By: u.By})
		}
	}
	return files
}

// tidy deletes uploads that no record came for.
func (b *Blobs) tidy(ctx context.Context) {
	collect := func() {
		if err := b.collect(); err != nil {
			b.Log.Error("collect unused blocks", "err", err)
		}
	}
	collect() // a node that restarts often tidies up too
	every(ctx, time.Hour, collect)
}

func (b *Blobs) collect() error {
	if err := b.reckon(); err != nil {
		return err
	}
	blocks, bytes, err := b.store.sweep(b.Now().Add(-freshness))
	if err != nil {
		return err
	}
	if blocks > 0 {
		b.Log.Info("deleted blocks that no record names", "blocks", blocks, "bytes", bytes)
	}
	if !b.store.littered.Swap(false) {
		return nil
	}
	return b.store.reclaim(halfDead)
}

// every calls do at each interval, until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// Folder is where a node whose data is in dir keeps its blocks.
func Folder(dir string) string { return filepath.Join(dir, "blobs") }
