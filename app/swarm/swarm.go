// Package swarm is the desktop's own small node of the members' private swarm. It offers a member a file that a signed
// record names, and serves the file's blocks over bitswap while the member pulls them: to that member only, and nothing
// but what was offered. It listens nowhere, asks for nothing and keeps nothing.
//
// It is the second way to bring a file to the members; package transfer, which needs no record first and reads the file
// once, is the first. The queue offers a file when too few members have it by then. fullnode/blobs/DESIGN.md compares them.
package swarm

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/bitswap/server"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multiaddr"

	"evident/lightclient/ledger"
)

// The protocol of offers, and the beginning of bitswap's own name among offers. The stream of an offer carries the
// record and the CID in frames, and back one frame: empty when the member has all blocks, or why it has not.
const (
	offerProtocol = protocol.ID("/evident/offer/1")
	offerPrefix   = protocol.ID("/evident/offer")
	maxAnswer     = 4 << 10
)

// ErrRefused means that a member does not take an offer. Its reason follows.
var ErrRefused = errors.New("the member does not take the file")

// Swarm serves the files that are being offered.
type Swarm struct {
	host   host.Host
	server *server.Server
	stop   func()

	mu     sync.Mutex
	offers map[peer.ID]map[ledger.CID]*File // by root
}

// New starts a node with a key of its own, which is nobody's and is not kept.
func New() (*Swarm, error) {
	h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		return nil, fmt.Errorf("start the swarm: %w", err)
	}
	s := &Swarm{host: h, offers: map[peer.ID]map[ledger.CID]*File{}}
	net := bsnet.NewFromIpfsHost(h, bsnet.Prefix(offerPrefix))
	s.server = server.New(context.Background(), net, source{s},
		server.WithPeerBlockRequestFilter(func(p peer.ID, id cid.Cid) bool { return s.offered(p, id) != nil }),
		server.MaxOutstandingBytesPerPeer(8<<20))
	net.Start(receiver{s.server})
	s.stop = net.Stop
	return s, nil
}

// Close stops serving; offers that are under way end.
func (s *Swarm) Close() error {
	s.stop()
	s.server.Close()
	return s.host.Close()
}

// Offer has a member's node, found at one of its multiaddrs, pull a file that a signed record names. It returns when the
// node has all of it. What the node has already is not sent again, so an offer that was broken off may be made again.
func (s *Swarm) Offer(ctx context.Context, m ledger.Member, addresses []string, record []byte, f *File) error {
	info, err := nodeOf(m, addresses)
	if err != nil {
		return fmt.Errorf("offer a file to %s: %w", m.Name, err)
	}
	if err := s.host.Connect(ctx, info); err != nil {
		return fmt.Errorf("offer a file: %w", err)
	}
	s.serve(info.ID, f)
	defer s.unserve(info.ID, f)
	stream, err := s.host.NewStream(ctx, info.ID, offerProtocol)
	if err != nil {
		return fmt.Errorf("offer a file: %w", err)
	}
	defer stream.Reset()
	defer context.AfterFunc(ctx, func() { stream.Reset() })()
	text := ledger.AppendFrame(ledger.AppendFrame(nil, record), []byte(f.Stored.CID.String()))
	if _, err := stream.Write(text); err != nil {
		return fmt.Errorf("offer a file: %w", err)
	}
	if err := stream.CloseWrite(); err != nil {
		return fmt.Errorf("offer a file: %w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(stream, maxAnswer))
	if ctx.Err() != nil {
		return fmt.Errorf("offer a file: %w", context.Cause(ctx))
	}
	frames, parseErr := ledger.ParseFrames(answer, 1)
	switch {
	case err != nil || parseErr != nil || len(frames) != 1:
		return fmt.Errorf("offer a file: the node broke off: %w", errors.Join(err, parseErr))
	case len(frames[0]) > 0:
		return fmt.Errorf("%w: %s", ErrRefused, frames[0])
	}
	return nil
}

// nodeOf is the peer whose key is a member's node key. Where it is are only hints.
func nodeOf(m ledger.Member, addresses []string) (info peer.AddrInfo, err error) {
	_, text, _ := strings.Cut(strings.TrimPrefix(m.Node, m.Name+"+"), "+")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return info, errors.New("its node key is none")
	}
	key, err := crypto.UnmarshalEd25519PublicKey(raw[1:])
	if err != nil {
		return info, err
	}
	if info.ID, err = peer.IDFromPublicKey(key); err != nil {
		return info, err
	}
	for _, address := range addresses {
		if at, err := multiaddr.NewMultiaddr(address); err == nil {
			info.Addrs = append(info.Addrs, at)
		}
	}
	if len(info.Addrs) == 0 {
		return info, errors.New("no address of its node is known")
	}
	return info, nil
}

func (s *Swarm) serve(p peer.ID, f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offers[p] == nil {
		s.offers[p] = map[ledger.CID]*File{}
	}
	s.offers[p][f.Stored.CID] = f
}

func (s *Swarm) unserve(p peer.ID, f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.offers[p], f.Stored.CID)
}

// offered finds the file of a block that was offered to a peer, or nil.
func (s *Swarm) offered(p peer.ID, id cid.Cid) *File {
	c, err := ledger.CIDFromBytes(id.Bytes())
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.offers[p] {
		if f.has(c) {
			return f
		}
	}
	return nil
}

// source is what is offered to anybody, as bitswap reads it; to whom a block goes the filter has decided.
type source struct{ s *Swarm }

func (b source) find(id cid.Cid) (*File, ledger.CID, error) {
	b.s.mu.Lock()
	var peers []peer.ID
	for p := range b.s.offers {
		peers = append(peers, p)
	}
	b.s.mu.Unlock()
	for _, p := range peers {
		if f := b.s.offered(p, id); f != nil {
			c, err := ledger.CIDFromBytes(id.Bytes())
			return f, c, err
		}
	}
	return nil, ledger.CID{}, ipld.ErrNotFound{Cid: id}
}

func (b source) Has(_ context.Context, id cid.Cid) (bool, error) {
	_, _, err := b.find(id)
	return err == nil, nil
}

func (b source) GetSize(_ context.Context, id cid.Cid) (int, error) {
	f, c, err := b.find(id)
	if err != nil {
		return -1, err
	}
	return f.size(c), nil
}

func (b source) Get(_ context.Context, id cid.Cid) (blocks.Block, error) {
	f, c, err := b.find(id)
	if err != nil {
		return nil, err
	}
	data, err := f.block(c)
	if err != nil {
		return nil, ipld.ErrNotFound{Cid: id}
	}
	return blocks.NewBlockWithCid(data, id)
}

var errReadOnly = errors.New("only what is offered is served")

func (source) Put(context.Context, blocks.Block) error             { return errReadOnly }
func (source) PutMany(context.Context, []blocks.Block) error       { return errReadOnly }
func (source) DeleteBlock(context.Context, cid.Cid) error          { return errReadOnly }
func (source) AllKeysChan(context.Context) (<-chan cid.Cid, error) { return nil, errReadOnly }

// receiver is a server that hears of no errors: what goes wrong, the member's answer tells.
type receiver struct{ *server.Server }

func (receiver) ReceiveError(error) {}
