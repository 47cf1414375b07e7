package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"evident/lightclient/ledger"
)

// An author's own node may offer a file instead of uploading it: a stream with a signed record and a CID that it names,
// in frames. The member pulls the blocks from that peer, and from no other, under the quotas of an upload. It answers with
// one frame: empty when it has all, or a sentence that says why it has not.
const (
	offerProtocol = protocol.ID("/evident/offer/1")
	offerPrefix   = protocol.ID("/evident/offer") // the beginning of bitswap's own name among offers
	maxOffer      = ledger.MaxRecordSize + 1024
	offersAtOnce  = 4
)

// errOffer says why an offer is not taken.
var errOffer = errors.New("this offer is not taken")

// offers are the peers that blocks are pulled from. The host has one handler for each protocol, and each pull one of its
// own, so what comes from a peer goes to the pull from that peer.
type offers struct {
	slots chan struct{}

	mu     sync.Mutex
	guests map[peer.ID]map[protocol.ID]network.StreamHandler
	ending bool
	busy   sync.WaitGroup
}

func newOffers() *offers {
	return &offers{slots: make(chan struct{}, offersAtOnce), guests: map[peer.ID]map[protocol.ID]network.StreamHandler{}}
}

// enter takes a slot for an offer of a peer, which may make one at a time.
func (o *offers) enter(p peer.ID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ending || o.guests[p] != nil {
		return fmt.Errorf("%w: one at a time", errOffer)
	}
	select {
	case o.slots <- struct{}{}:
	default:
		return fmt.Errorf("%w: this node pulls as many files as it can; upload it, or offer it again later", errOffer)
	}
	o.guests[p] = map[protocol.ID]network.StreamHandler{}
	o.busy.Add(1)
	return nil
}

func (o *offers) leave(p peer.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.guests, p)
	<-o.slots
	o.busy.Done()
}

// end waits for the offers that are under way, and takes no more.
func (o *offers) end() {
	o.mu.Lock()
	o.ending = true
	o.mu.Unlock()
	o.busy.Wait()
}

// hand gives a stream to the pull from its peer.
func (o *offers) hand(s network.Stream) {
	o.mu.Lock()
	handle := o.guests[s.Conn().RemotePeer()][s.Protocol()]
	o.mu.Unlock()
	if handle == nil {
		s.Reset()
		return
	}
	handle(s)
}

// guestHost is the node's host as the pull from one peer sees it.
type guestHost struct {
	host.Host
	offers *offers
	guest  peer.ID
}

func (h *guestHost) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	h.offers.mu.Lock()
	h.offers.guests[h.guest][id] = handle
	h.offers.mu.Unlock()
	h.Host.SetStreamHandler(id, h.offers.hand)
}

func (h *guestHost) NewStream(ctx context.Context, p peer.ID, ids ...protocol.ID) (network.Stream, error) {
	if p != h.guest {
		return nil, fmt.Errorf("%s offers nothing", p)
	}
	return h.Host.NewStream(ctx, p, ids...)
}

// offered answers the stream of an offer.
func (b *Blobs) offered(ctx context.Context, s network.Stream) {
	defer s.Close()
	s.SetDeadline(time.Now().Add(blockTimeout))
	text, err := io.ReadAll(io.LimitReader(s, maxOffer+1))
	if err != nil {
		s.Reset()
		return
	}
	why := ""
	if err := b.takeOffer(ctx, s.Conn().RemotePeer(), text); err != nil {
		b.Log.Debug("an offer", "peer", s.Conn().RemotePeer(), "err", err)
		why = sentence(err)
	}
	s.SetDeadline(time.Now().Add(blockTimeout))
	s.Write(ledger.AppendFrame(nil, []byte(why)))
}

// sentence is what a peer is told of an error; what goes wrong inside is ours.
func sentence(err error) string {
	var r *refusal
	if errors.As(told(err), &r) {
		return r.message + "; " + r.hint
	}
	if errors.Is(err, errOffer) || errors.Is(err, ledger.ErrSignature) || errors.Is(err, ledger.ErrLedger) {
		return err.Error()
	}
	return "the node could not take it: upload it, or use another node"
}

// takeOffer pulls the file that an offer is about.
func (b *Blobs) takeOffer(ctx context.Context, p peer.ID, text []byte) error {
	f, err := b.openOffer(text)
	if err != nil {
		return err
	}
	from := uploaderOf(p.String())
	if err := errors.Join(b.mayKeep(f.Bytes, f.By), b.mayWait(from, f.Bytes), b.store.room(f.Bytes)); err != nil {
		return err
	}
	if f.Bytes == 0 { // bitswap carries no empty blocks, and needs not
		if err := f.CID.Check(nil); err != nil {
			return err
		}
		return b.store.put(f.CID, nil, from)
	}
	if err := b.offers.enter(p); err != nil {
		return err
	}
	defer b.offers.leave(p)
	net := bsnet.NewFromIpfsHost(&guestHost{b.Host, b.offers, p}, bsnet.Prefix(offerPrefix))
	exchange := newExchange(ctx, net, b.store, bitswap.WithServerEnabled(false))
	defer exchange.Close()
	s := &swarm{store: b.store, exchange: exchange, patience: b.Pace.Patience, from: from, allow: func() error { return b.accepts(from) }}
	pull := pinning{store: b.store, root: f.CID, fetch: s.fetch}
	return pull.bring(ctx, fileRoot(f.CID, f.Bytes), map[ledger.CID]bool{})
}

// openOffer verifies the record of an offer, and finds the file in it.
func (b *Blobs) openOffer(text []byte) (File, error) {
	if len(text) > maxOffer {
		return File{}, fmt.Errorf("%w: it has over %d bytes", ledger.ErrLimit, maxOffer)
	}
	frames, err := ledger.ParseFrames(text, 2)
	if err != nil {
		return File{}, err
	}
	if len(frames) != 2 {
		return File{}, fmt.Errorf("%w: want a record and a CID", errOffer)
	}
	r, err := ledger.OpenRecord(frames[0])
	if err != nil {
		return File{}, err
	}
	if r.Ledger != b.Ledger.Origin() {
		return File{}, fmt.Errorf("%w: the record is for %s", ledger.ErrLedger, r.Ledger)
	}
	for _, f := range filesOf(&r.UnverifiedRecord) {
		if f.CID.String() == string(frames[1]) && f.Bytes <= MaxFile {
			return f, nil
		}
	}
	return File{}, fmt.Errorf("%w: the record asks for no such file to be kept", errOffer)
}
