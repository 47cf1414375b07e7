package blobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ipfs/boxo/bitswap"
	bitswapnet "github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/errgroup"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// swarmPrefix keeps this bitswap apart from the public network's.
const swarmPrefix = protocol.ID("/evident")

// How blocks are asked for: so many at once, in so many requests side by side. Together they bound the memory that
// arriving blocks take, and are more than a connection holds.
const (
	askedAtOnce = 8
	askers      = 3
)

// swarm exchanges blocks with members and with nobody else.
type swarm struct {
	store    *store
	exchange *bitswap.Bitswap
	patience time.Duration
	from     uploader     // whom what comes counts against
	allow    func() error // whether one more block may come
}

func newSwarm(ctx context.Context, s *store, h host.Host, members map[peer.ID]bool, patience time.Duration) *swarm {
	gated := &gatedHost{h, members}
	exchange := newExchange(ctx, bsnet.NewFromIpfsHost(gated, bsnet.Prefix(swarmPrefix)), s,
		bitswap.WithPeerBlockRequestFilter(func(p peer.ID, _ cid.Cid) bool { return members[p] }),
		bitswap.EngineBlockstoreWorkerCount(8),
		bitswap.MaxOutstandingBytesPerPeer(8<<20),
		bitswap.MaxCidSize(uint(len(ledger.CID{}))))
	return &swarm{store: s, exchange: exchange, patience: patience, from: ourselves, allow: func() error { return nil }}
}

func newExchange(ctx context.Context, net bitswapnet.BitSwapNetwork, s *store, options ...bitswap.Option) *bitswap.Bitswap {
	return bitswap.New(ctx, net, nil, blockSource{s}, append(options,
		bitswap.ProviderSearchDelay(200*time.Millisecond),
		bitswap.RebroadcastDelay(2*time.Second),
		bitswap.WithoutDuplicatedBlockStats())...)
}

func (s *swarm) close() error { return s.exchange.Close() }

// fetch stores the missing blocks from whichever members have them. It gives up when no block has come for a while.
// What the swarm delivers has the right bytes; a block of another CID was never asked for, and is dropped.
func (s *swarm) fetch(ctx context.Context, missing []ledger.CID) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(s.patience, func() { cancel(fmt.Errorf("%w: no member sends it", ErrMissing)) })
	defer silence.Stop()
	session := s.exchange.NewSession(ctx)
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(askers)
	for len(missing) > 0 && asking.Err() == nil {
		batch := missing[:min(askedAtOnce, len(missing))]
		missing = missing[len(batch):]
		group.Go(func() error {
			arriving, err := session.GetBlocks(asking, foreignAll(batch))
			if err != nil {
				return fmt.Errorf("ask members for blocks: %w", err)
			}
			for b := range arriving {
				silence.Reset(s.patience)
				if err := s.keep(b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // it ended the asking too
}

func (s *swarm) keep(b blocks.Block) error {
	c, err := ledger.CIDFromBytes(b.Cid().Bytes())
	if err != nil {
		return err
	}
	if len(b.RawData()) > evidence.MaxBlock {
		return fmt.Errorf("%w: block %s has %d bytes", ErrDAG, c, len(b.RawData()))
	}
	if err := s.allow(); err != nil {
		return err
	}
	return s.store.put(c, b.RawData(), s.from)
}

func foreign(c ledger.CID) cid.Cid {
	out, err := cid.Cast(c[:])
	if err != nil {
		panic("blobs: a CID of the ledger is no CID: " + err.Error())
	}
	return out
}

func foreignAll(cids []ledger.CID) []cid.Cid {
	out := make([]cid.Cid, len(cids))
	for i, c := range cids {
		out[i] = foreign(c)
	}
	return out
}

// gatedHost is the node's host as the swarm sees it: members only, in both directions.
type gatedHost struct {
	host.Host
	members map[peer.ID]bool
}

func (h *gatedHost) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	h.Host.SetStreamHandler(id, func(s network.Stream) {
		if !h.members[s.Conn().RemotePeer()] {
			s.Reset()
			return
		}
		handle(s)
	})
}

func (h *gatedHost) NewStream(ctx context.Context, p peer.ID, ids ...protocol.ID) (network.Stream, error) {
	if !h.members[p] {
		return nil, fmt.Errorf("%s is no member", p)
	}
	return h.Host.NewStream(ctx, p, ids...)
}

// blockSource is the store as bitswap reads it. Bitswap stores nothing by itself.
type blockSource struct{ store *store }

var _ blockstore.Blockstore = blockSource{}

var errReadOnly = errors.New("blocks are stored by their pins and uploads only")

func (b blockSource) Has(_ context.Context, id cid.Cid) (bool, error) {
	c, err := ledger.CIDFromBytes(id.Bytes())
	return err == nil && b.store.has(c), nil
}

func (b blockSource) Get(_ context.Context, id cid.Cid) (blocks.Block, error) {
	c, err := ledger.CIDFromBytes(id.Bytes())
	if err != nil {
		return nil, ipld.ErrNotFound{Cid: id}
	}
	data, err := b.store.get(c)
	if err != nil {
		return nil, notFound(id, err)
	}
	return blocks.NewBlockWithCid(data, id)
}

func (b blockSource) GetSize(_ context.Context, id cid.Cid) (int, error) {
	c, err := ledger.CIDFromBytes(id.Bytes())
	if err != nil {
		return -1, ipld.ErrNotFound{Cid: id}
	}
	n, err := b.store.size(c)
	if err != nil {
		return -1, notFound(id, err)
	}
	return n, nil
}

func notFound(id cid.Cid, err error) error {
	if errors.Is(err, ErrMissing) {
		return ipld.ErrNotFound{Cid: id}
	}
	return err
}

func (blockSource) Put(context.Context, blocks.Block) error             { return errReadOnly }
func (blockSource) PutMany(context.Context, []blocks.Block) error       { return errReadOnly }
func (blockSource) DeleteBlock(context.Context, cid.Cid) error          { return errReadOnly }
func (blockSource) AllKeysChan(context.Context) (<-chan cid.Cid, error) { return nil, errReadOnly }
