package fullnode

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"evident/lightclient/ledger"
)

// needBlocks asks for a catch-up; asking twice is asking once.
func (n *Node) needBlocks() {
	signal(n.behind)
}

// catchUp fetches final blocks from peers when the clerk cannot reach them by
// itself: after an absence, without its ledger/ or raft/ folder, or when Raft's
// log no longer reaches back. Any peer will do: each block is verified.
func (n *Node) catchUp(ctx context.Context) {
	for {
		select {
		case <-n.behind:
		case <-ctx.Done():
			return
		}
		for _, i := range rand.Perm(len(n.peers.names())) {
			name := n.peers.names()[i]
			if err := n.fetchFrom(ctx, name); err != nil && ctx.Err() == nil {
				n.log.Debug("catch up", "from", name, "err", err)
			}
		}
	}
}

// fetchFrom takes blocks from one peer until it has no more.
func (n *Node) fetchFrom(ctx context.Context, name string) error {
	for ctx.Err() == nil {
		size := n.size()
		theirs, err := n.peers.head(ctx, name)
		if err != nil || theirs <= size {
			return err
		}
		frames, err := n.peers.blocks(ctx, name, ledger.Height(size))
		if err != nil {
			return err
		}
		if len(frames) == 0 {
			return errors.New("it says that it has more blocks, and gives none")
		}
		for i := 0; i < len(frames); i += 2 {
			if err := n.importBlock(ctx, frames[i], frames[i+1]); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// importBlock parses a peer's block and waits until the clerk has taken it in.
func (n *Node) importBlock(ctx context.Context, framed, certificate []byte) error {
	block, err := ledger.ParseBlock(framed)
	if err != nil {
		return fmt.Errorf("a peer's block: %w", err)
	}
	if int64(block.Header.Height) < n.size() {
		return nil // final meanwhile, by itself
	}
	in := imported{block: block, certificate: certificate, done: make(chan error, 1)}
	select {
	case n.imports <- in:
		return <-in.done
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watchPeers asks each member what this one signed last: a guard that is an
// old copy must not sign. The node is ready when a quorum, with this member,
// has answered. After that it looks every second whether one is ahead of what
// this node has had for that second: then Raft does not bring it.
func (n *Node) watchPeers(ctx context.Context) {
	var answered atomic.Int64
	answer := func() {
		if int(answered.Add(1)) == n.genesis.Members.Quorum() {
			n.ready.Store(true)
		}
	}
	answer() // this member's own, from its guard
	var wg sync.WaitGroup
	for _, name := range n.peers.names() {
		wg.Go(func() { n.watchPeer(ctx, name, answer) })
	}
	wg.Wait()
}

// watchPeer watches one member: none waits for another's answer.
func (n *Node) watchPeer(ctx context.Context, name string, answer func()) {
	asked, before := false, int64(-1)
	for ctx.Err() == nil {
		if !asked && n.askAboutUs(ctx, name) {
			asked = true
			answer()
		}
		size := n.size()
		if theirs, err := n.peers.head(ctx, name); err == nil && theirs > size && size == before {
			n.needBlocks()
		}
		before = size
		if asked {
			sleep(ctx, interval)
			continue
		}
		sleep(ctx, interval/4)
	}
}

func (n *Node) askAboutUs(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	answer, err := n.peers.latest(ctx, name)
	if err != nil {
		return false
	}
	if len(answer) > 0 {
		if c, err := parseCosigned(n.origin, n.self.Name, answer); err == nil {
			n.askedAboutUs(c)
		}
	}
	return true
}

// snapshot is what a Raft snapshot holds: the newest certificate, no more.
func (n *Node) snapshot() ([]byte, error) {
	head, ok := n.chain.Head()
	if !ok {
		return nil, errors.New("no block is final yet")
	}
	return head.Certificate.Note, nil
}

// checkSnapshot verifies the certificate that a leader sends as a snapshot.
func (n *Node) checkSnapshot(text []byte) error {
	_, err := ledger.OpenCertificate(n.origin, n.genesis.Members, text)
	return err
}

// restore learns from a snapshot how far the ledger reaches; the blocks come
// from peers.
func (n *Node) restore(text []byte) error {
	c, err := ledger.OpenCertificate(n.origin, n.genesis.Members, text)
	if err != nil {
		return err
	}
	n.committed.raise(c.Tree.N)
	if c.Tree.N > n.size() {
		n.needBlocks()
	}
	return nil
}
