package swarm

import (
	"bytes"
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
)

// member is a node that pulls what it is offered, and then answers.
type member struct {
	member   ledger.Member
	host     host.Host
	exchange *bitswap.Bitswap
	answer   string
	pull     []cid.Cid
	pulled   map[string][]byte
}

func newMember(t *testing.T) *member {
	public, private, err := ed25519.GenerateKey(crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := note.NewEd25519VerifierKey("member.example", public)
	if err != nil {
		t.Fatal(err)
	}
	key, err := crypto.UnmarshalEd25519PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(libp2p.Identity(key), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	m := &member{member: ledger.Member{Name: "member.example", Node: vkey}, host: h, pulled: map[string][]byte{}}
	m.exchange = bitswap.New(context.Background(), bsnet.NewFromIpfsHost(h, bsnet.Prefix(offerPrefix)), nil, blockstore.NewBlockstore(datastore.NewMapDatastore()))
	h.SetStreamHandler(offerProtocol, func(s network.Stream) {
		defer s.Close()
		if _, err := io.ReadAll(s); err != nil {
			return
		}
		for _, c := range m.pull {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			if b, err := m.exchange.GetBlock(ctx, c); err == nil {
				m.pulled[c.String()] = b.RawData()
			}
			cancel()
		}
		s.Write(ledger.AppendFrame(nil, []byte(m.answer)))
	})
	t.Cleanup(func() {
		m.exchange.Close()
		h.Close()
	})
	return m
}

// offer offers a file to the member.
func (m *member) offer(ctx context.Context, s *Swarm, record []byte, f *File) error {
	return s.Offer(ctx, m.member, []string{m.host.Addrs()[0].String()}, record, f)
}

func newSwarm(t *testing.T) *Swarm {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// newFile writes a file, and says which blocks it has in a form.
func newFile(t *testing.T, size int, sealed bool) (*File, []evidence.Block) {
	t.Helper()
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size)}).Read(content)
	path := filepath.Join(t.TempDir(), "file")
	form := evidence.AsItIs(int64(size))
	err := os.WriteFile(path, content, 0o600)
	if sealed && err == nil {
		var secret *seal.Secret
		if secret, err = seal.NewSecret("file", "", int64(size)); err == nil {
			form, err = secret.Form()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []evidence.Block
	_, err = evidence.Store(t.Context(), bytes.NewReader(content), form, func(b evidence.Block) error {
		all = append(all, evidence.Block{CID: b.CID, Data: bytes.Clone(b.Data)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Index(t.Context(), path, form)
	if err != nil {
		t.Fatal(err)
	}
	return f, all
}

func foreign(t *testing.T, c ledger.CID) cid.Cid {
	out, err := cid.Cast(c[:])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every block of a file, sealed or not, is made again from the file, and goes to the member that it was offered to.
func TestOffer(t *testing.T) {
	for _, size := range []int{1, 1 << 20, 3<<20 + 5} {
		for _, sealed := range []bool{false, true} {
			f, all := newFile(t, size, sealed)
			m := newMember(t)
			for _, b := range all {
				m.pull = append(m.pull, foreign(t, b.CID))
			}
			if err := m.offer(t.Context(), newSwarm(t), []byte("record"), f); err != nil {
				t.Fatal(err)
			}
			for i, b := range all {
				if got, ok := m.pulled[m.pull[i].String()]; !ok || !bytes.Equal(got, b.Data) {
					t.Errorf("%d bytes, sealed %v: block %d has %d bytes, want %d", size, sealed, i, len(got), len(b.Data))
				}
			}
		}
	}
}

// Nobody gets what was not offered to them, and nothing when the offer is over.
func TestOnlyWhatIsOffered(t *testing.T) {
	s := newSwarm(t)
	one, oneBlocks := newFile(t, 2<<20, false)
	two, twoBlocks := newFile(t, 1<<20, false)
	a, b := newMember(t), newMember(t)
	a.pull = append(a.pull, foreign(t, oneBlocks[0].CID), foreign(t, twoBlocks[0].CID))
	b.pull = append(b.pull, foreign(t, oneBlocks[0].CID), foreign(t, twoBlocks[0].CID))
	done := make(chan error, 2)
	go func() { done <- a.offer(t.Context(), s, nil, one) }()
	go func() { done <- b.offer(t.Context(), s, nil, two) }()
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	if len(a.pulled) != 1 || a.pulled[a.pull[0].String()] == nil || len(b.pulled) != 1 || b.pulled[b.pull[1].String()] == nil {
		t.Errorf("the members got %d and %d blocks", len(a.pulled), len(b.pulled))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := a.exchange.GetBlock(ctx, foreign(t, oneBlocks[1].CID)); err == nil {
		t.Error("it is served when the offer is over")
	}
}

// A file that has changed is not sent.
func TestChangedFile(t *testing.T) {
	f, all := newFile(t, 2<<20, true)
	if err := os.WriteFile(f.path, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMember(t)
	m.pull = append(m.pull, foreign(t, all[0].CID))
	if err := m.offer(t.Context(), newSwarm(t), nil, f); err != nil {
		t.Fatal(err)
	}
	if len(m.pulled) > 0 {
		t.Error("a block of other bytes was sealed with the same key, and sent")
	}
	if _, err := f.block(all[0].CID); !errors.Is(err, evidence.ErrChanged) {
		t.Errorf("got %v", err)
	}
}

func TestOfferEnds(t *testing.T) {
	f, _ := newFile(t, 100, false)
	s := newSwarm(t)
	m := newMember(t)
	m.answer = "the quota is used up"
	if err := m.offer(t.Context(), s, nil, f); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), m.answer) {
		t.Errorf("refused: %v", err)
	}
	m.host.SetStreamHandler(offerProtocol, func(s network.Stream) { s.Reset() })
	if err := m.offer(t.Context(), s, nil, f); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("broken off: %v", err)
	}
	m.host.SetStreamHandler(offerProtocol, func(network.Stream) {}) // never answers
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := m.offer(ctx, s, nil, f); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up: %v", err)
	}
	for _, addresses := range [][]string{nil, {"nowhere"}, {"https://member.example"}} {
		if err := s.Offer(t.Context(), m.member, addresses, nil, f); err == nil {
			t.Errorf("offered to %q", addresses)
		}
	}
	impostor := m.member
	impostor.Node = newMember(t).member.Node
	if err := s.Offer(t.Context(), impostor, []string{m.host.Addrs()[0].String()}, nil, f); err == nil {
		t.Error("offered to a node with another key")
	}
}
