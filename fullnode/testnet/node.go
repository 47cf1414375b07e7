package testnet

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"evident/fullnode"
	"evident/fullnode/blobs"
)

// Clock is a member's clock that a test sets.
type Clock struct{ offset atomic.Int64 }

// Now is the time by this clock.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Set puts the clock ahead of the real one; negative is behind.
func (c *Clock) Set(ahead time.Duration) { c.offset.Store(int64(ahead)) }

// Net is a consortium of nodes in this process.
type Net struct {
	*Consortium
	Nodes []*Node
	Pace  blobs.Pace // of the work on evidence files
	cuts  cuts
}

// Node is one of them.
type Node struct {
	*fullnode.Node // nil while it is stopped
	Clock          Clock
	Full           atomic.Bool // its disk has no room
	place          *Place
	config         fullnode.Config
	stop           context.CancelFunc
	done           chan error
	leads          leadership
	watched        bool // its connections are; see Partition
}

// New founds a consortium of n members whose nodes are not started yet. They
// are stopped when the test ends.
func New(t testing.TB, n int) *Net {
	t.Helper()
	return newNet(Found(t, n))
}

func newNet(c *Consortium) *Net {
	net := &Net{Consortium: c}
	for i, p := range c.Places {
		net.Nodes = append(net.Nodes, &Node{place: p, config: c.Config(i)})
	}
	c.Cleanup(net.StopAll)
	return net
}

// Start opens node i and runs it.
func (n *Net) Start(i int) error {
	node := n.Nodes[i]
	node.leads.reset(n.TB, i)
	cfg := node.config
	cfg.Free, cfg.Pace = node.free, n.Pace
	cfg.Now, cfg.Log = node.Clock.Now, slog.New(slog.NewTextHandler(&node.leads, nil))
	listener, err := net.Listen("tcp", node.place.HTTP)
	if err != nil {
		return err
	}
	open, err := fullnode.Open(cfg)
	if err != nil {
		listener.Close()
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	node.Node, node.stop, node.done, node.watched = open, stop, make(chan error, 1), false
	n.applyCuts()
	go func() {
		served := make(chan error, 1)
		go func() { served <- open.Serve(ctx, listener, fstest.MapFS{}, "test") }()
		err := open.Run(ctx)
		if ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", errClosed, err)
			stop()
		}
		<-served
		node.done <- err
	}()
	return nil
}

func (n *Node) free(string) (int64, error) {
	if n.Full.Load() {
		return 1 << 20, nil
	}
	return 1 << 40, nil
}

// MustStart starts these nodes, or all.
func (n *Net) MustStart(nodes ...int) {
	n.Helper()
	for _, i := range n.orAll(nodes) {
		n.must(n.Start(i))
	}
}

func (n *Net) orAll(nodes []int) []int {
	if len(nodes) == 0 {
		for i := range n.Nodes {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// Stop stops node i and closes its folders.
func (n *Net) Stop(i int) {
	n.Helper()
	node := n.Nodes[i]
	if node.Node == nil {
		return
	}
	node.stop()
	if err := <-node.done; err != nil {
		n.Errorf("%s: %v", node.place.Member.Name, err)
	}
	if err := node.Node.Close(); err != nil {
		n.Errorf("close %s: %v", node.place.Member.Name, err)
	}
	node.Node = nil
	node.leads.reset(n.TB, i)
}

// StopAll stops every node that runs.
func (n *Net) StopAll() {
	for i := range n.Nodes {
		n.Stop(i)
	}
}

// AwaitOrdered waits until node i makes blocks final by itself, from what Raft
// delivers to it: it has caught up, and it has joined.
func (n *Net) AwaitOrdered(within time.Duration, i int) {
	n.Helper()
	author := n.NewAuthor("ordered")
	mark := filepath.Join(n.Places[i].Dir, "raft", "applied")
	os.Remove(mark)
	n.Eventually(within, n.Places[i].Member.Name+" follows Raft", func() bool {
		n.MustFinal(i, author.Deposit("tick"))
		_, err := os.Stat(mark)
		return err == nil
	})
}

// StopAndCheck waits until the running nodes are level, stops them, and checks
// what all hold.
func (n *Net) StopAndCheck(behind ...int) {
	n.Helper()
	var running []int
	for i, node := range n.Nodes {
		if node.Node != nil && !slices.Contains(behind, i) {
			running = append(running, i)
		}
	}
	n.AwaitLevel(30*time.Second, running...)
	n.StopAll()
	n.CheckLedger(behind...)
}
