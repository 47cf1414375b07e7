package blobs

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-datastore"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"evident/lightclient/ledger"
)

// guest is an author's node that serves what it likes.
type guest struct {
	*world
	host     host.Host
	blocks   blockstore.Blockstore
	exchange *bitswap.Bitswap
}

func (w *world) newGuest() *guest {
	w.Helper()
	_, private, err := ed25519.GenerateKey(crand.Reader)
	w.must(err)
	g := &guest{world: w, host: newHost(w, private), blocks: blockstore.NewBlockstore(datastore.NewMapDatastore())}
	g.exchange = bitswap.New(context.Background(), bsnet.NewFromIpfsHost(g.host, bsnet.Prefix(offerPrefix)), nil, g.blocks)
	w.Cleanup(func() {
		g.exchange.Close()
		g.host.Close()
	})
	return g
}

func (g *guest) serve(f file) {
	g.Helper()
	for _, b := range f.blocks {
		block, err := blocks.NewBlockWithCid(b.Data, foreign(b.CID))
		g.must(err)
		g.must(g.blocks.Put(context.Background(), block))
	}
}

// offer makes an offer and returns the answer.
func (g *guest) offer(n *node, text []byte) (string, error) {
	g.Helper()
	g.must(g.host.Connect(context.Background(), peer.AddrInfo{ID: n.host.ID(), Addrs: n.host.Addrs()}))
	s, err := g.host.NewStream(context.Background(), n.host.ID(), offerProtocol)
	g.must(err)
	defer s.Close()
	_, err = s.Write(text)
	if err = errors.Join(err, s.CloseWrite()); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(s)
	if err != nil {
		return "", err
	}
	frames, err := ledger.ParseFrames(answer, 1)
	if err != nil || len(frames) != 1 {
		return "", fmt.Errorf("answered %q: %w", answer, err)
	}
	return string(frames[0]), nil
}

func offerOf(record []byte, c ledger.CID) []byte {
	return ledger.AppendFrame(ledger.AppendFrame(nil, record), []byte(c.String()))
}

// An author's own node offers a file, a member pulls it, and the members keep it when its record is final.
func TestOffer(t *testing.T) {
	w := newWorld(t, 4)
	g := w.newGuest()
	for i, size := range []int{0, 100, 5 << 20} {
		f := w.file(noiseOf(byte(i), size))
		g.serve(f)
		r := w.signed(w.author, w.vkey, "notes", "deposit", "{}", f.public())
		if why, err := g.offer(w.nodes[0], offerOf(r.Note, f.stored.CID)); why != "" || err != nil {
			t.Fatalf("%d bytes: %q, %v", size, why, err)
		}
		if !w.nodes[0].whole(f) {
			t.Errorf("%d bytes: it says that it has all", size)
		}
		w.final(r)
		for _, n := range w.nodes {
			w.stored(n, f, r.ID, 3)
		}
	}
}

func TestOffersThatAreRefused(t *testing.T) {
	w := newTunedWorld(t, 1, 1, func(c *Config) { c.Quotas.Uploader, c.Quotas.Author = 8<<20, 6<<20 })
	n, g := w.nodes[0], w.newGuest()
	f, long := w.file(noiseOf(1, 3<<20)), w.file(noiseOf(2, 7<<20))
	g.serve(f)
	g.serve(long)
	wrong := f.public()
	wrong.Size++
	digest := f.public()
	digest.Mode = ledger.Digest
	good := w.signed(w.author, w.vkey, "notes", "deposit", "{}", f.public()).Note
	altered := []byte(strings.Replace(string(good), `"at":1`, `"at":2`, 1))
	absent := w.file(noiseOf(3, 2<<20))
	note := func(e ledger.Evidence) []byte { return w.signed(w.author, w.vkey, "notes", "deposit", "{}", e).Note }
	tests := []struct {
		name string
		text []byte
		want string
	}{
		{"nothing", nil, "not taken"},
		{"no frames", []byte("hello"), "frames"},
		{"no record", ledger.AppendFrame(ledger.AppendFrame(nil, []byte("x")), []byte(f.stored.CID.String())), "note"},
		{"endless", make([]byte, maxOffer+1), "limit"},
		{"signature", offerOf(altered, f.stored.CID), "signature"},
		{"file that it does not name", offerOf(good, long.stored.CID), "no such file"},
		{"digest only", offerOf(note(digest), f.stored.CID), "no such file"},
		{"size that is not the file's", offerOf(note(wrong), f.stored.CID), "not the DAG"},
		{"more than the author may", offerOf(note(long.public()), long.stored.CID), "quota"},
		{"blocks that do not come", offerOf(note(absent.public()), absent.stored.CID), "does not have it"},
		{"good", offerOf(good, f.stored.CID), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			why, err := g.offer(n, tt.text)
			if err != nil || tt.want == "" && why != "" || !strings.Contains(why, tt.want) {
				t.Errorf("%q, %v, want %q", why, err, tt.want)
			}
		})
	}
	if own, _ := n.store.loose.of(uploaderOf(g.host.ID().String())); own != f.stored.Size+int64(len(f.blocks[3].Data)) {
		t.Errorf("%d bytes count against the peer", own)
	}
}

// What was offered by one peer is asked of nobody else, and who offers gets nothing.
func TestOfferAsksNobodyElse(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	one, two := w.newGuest(), w.newGuest()
	f, secret := w.file(noiseOf(1, 2<<20)), w.file(noiseOf(2, 1<<20))
	n.upload(secret)
	two.serve(f) // and does not offer it
	w.must(two.host.Connect(context.Background(), peer.AddrInfo{ID: n.host.ID(), Addrs: n.host.Addrs()}))
	r := w.signed(w.author, w.vkey, "notes", "deposit", "{}", f.public())
	done := make(chan string, 1)
	go func() {
		why, _ := one.offer(n, offerOf(r.Note, f.stored.CID))
		done <- why
	}()
	time.Sleep(200 * time.Millisecond)
	if why, err := one.offer(n, offerOf(r.Note, f.stored.CID)); err != nil || !strings.Contains(why, "one at a time") {
		t.Errorf("a second offer of the peer: %q, %v", why, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := one.exchange.GetBlock(ctx, foreign(secret.stored.CID)); err == nil {
		t.Error("who offers something got a block")
	}
	if why := <-done; !strings.Contains(why, "does not have it") || n.store.has(f.stored.CID) {
		t.Errorf("it came from another peer: %q", why)
	}
}
