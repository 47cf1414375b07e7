package testnet

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// cuts is which nodes cannot reach each other.
type cuts struct {
	mu    sync.Mutex
	sides map[peer.ID]int // nil: all can
}

func (c *cuts) apart(a, b peer.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sides != nil && c.sides[a] != c.sides[b]
}

// Partition cuts the running nodes into groups; a node that is in none is alone.
func (n *Net) Partition(groups ...[]int) {
	n.cuts.mu.Lock()
	n.cuts.sides = map[peer.ID]int{}
	for i, node := range n.Nodes {
		if node.Node != nil {
			n.cuts.sides[node.Host().ID()] = -1 - i
		}
	}
	for side, group := range groups {
		for _, i := range group {
			n.cuts.sides[n.Nodes[i].Host().ID()] = side
		}
	}
	n.cuts.mu.Unlock()
	n.applyCuts()
}

// Heal ends the partition.
func (n *Net) Heal() {
	n.cuts.mu.Lock()
	defer n.cuts.mu.Unlock()
	n.cuts.sides = nil
}

// applyCuts closes the connections that are cut, and each that is made later
// as soon as it is: a message may slip through, as it may in a real network.
func (n *Net) applyCuts() {
	for _, node := range n.Nodes {
		if node.Node == nil {
			continue
		}
		h := node.Host()
		closeCut := func(_ network.Network, conn network.Conn) {
			if n.cuts.apart(conn.LocalPeer(), conn.RemotePeer()) {
				conn.Close()
			}
		}
		if !node.watched {
			node.watched = true
			h.Network().Notify(&network.NotifyBundle{ConnectedF: closeCut})
		}
		for _, conn := range h.Network().Conns() {
			closeCut(nil, conn)
		}
	}
}
