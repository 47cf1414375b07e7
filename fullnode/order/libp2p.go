package order

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

// Protocol is the libp2p protocol of Raft's messages.
const Protocol protocol.ID = "/evident/raft/1"

const dialTimeout = 3 * time.Second

// hostStreams are streams of a libp2p host, whose far end the handshake of the
// connection has authenticated.
type hostStreams struct{ host host.Host }

func (h hostStreams) Self() peer.ID { return h.host.ID() }

// Reachable also asks whether p speaks the protocol now: its host may be up
// while its order is not, and libp2p tells when that changes.
func (h hostStreams) Reachable(p peer.ID) bool {
	if h.host.Network().Connectedness(p) != network.Connected {
		return false
	}
	spoken, err := h.host.Peerstore().SupportsProtocols(p, Protocol)
	return err == nil && len(spoken) > 0
}

func (h hostStreams) Open(ctx context.Context, p peer.ID) (stream, error) {
	s, err := h.host.NewStream(network.WithNoDial(ctx, "keepConnected dials"), p, Protocol)
	if err != nil {
		return nil, err
	}
	return hostStream{s}, nil
}

func (h hostStreams) Accept(handle func(peer.ID, stream)) {
	if handle == nil {
		h.host.RemoveStreamHandler(Protocol)
		return
	}
	h.host.SetStreamHandler(Protocol, func(s network.Stream) { handle(s.Conn().RemotePeer(), hostStream{s}) })
}

// hostStream aborts when it is closed; half-closed streams have no use here.
type hostStream struct{ network.Stream }

func (s hostStream) Close() error { return s.Reset() }

// keepConnected connects the host to every member until ctx ends. libp2p
// itself waits longer after each failed dial, up to minutes; a member that
// returns must be reached within a second or so.
func keepConnected(ctx context.Context, h host.Host, members func() []peer.ID, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var dialling sync.Map // peer.ID: a dial may take longer than a tick
	for ctx.Err() == nil {
		for _, p := range members() {
			if p == h.ID() || h.Network().Connectedness(p) == network.Connected {
				continue
			}
			if _, busy := dialling.LoadOrStore(p, true); !busy {
				go func() { dial(ctx, h, p); dialling.Delete(p) }()
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// dial connects to p at the addresses the host's peerstore has for it. That it
// fails is no news: the next tick tries again.
func dial(ctx context.Context, h host.Host, p peer.ID) {
	if s, ok := h.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(p)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	_ = h.Connect(ctx, peer.AddrInfo{ID: p})
}
