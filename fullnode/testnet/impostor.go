package testnet

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"evident/fullnode"
	"evident/lightclient/ledger"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/gostream"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/mod/sumdb/tlog"
)

// memberProtocol is what members say to each other beside Raft.
const memberProtocol = "/evident/member/1"

// Impostor plays a member in the place of its node: it has the member's keys
// and says what the test wants. It takes no part in Raft.
type Impostor struct {
	c     *Consortium
	place *Place
	host  host.Host
}

// Play starts an impostor in the place of member i, which answers with handler.
func (c *Consortium) Play(i int, handler http.Handler) *Impostor {
	c.Helper()
	p := c.Places[i]
	key, err := nodeKey(p.Dir)
	c.must(err)
	h, err := libp2p.New(libp2p.Identity(key), libp2p.ListenAddrStrings(p.Listen), libp2p.DisableRelay())
	c.must(err)
	listener, err := gostream.Listen(h, memberProtocol)
	c.must(err)
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	m := &Impostor{c: c, place: p, host: h}
	c.Cleanup(func() { server.Close(); h.Close() })
	return m
}

func nodeKey(dir string) (crypto.PrivKey, error) {
	data, err := os.ReadFile(filepath.Join(dir, "node.key"))
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(strings.TrimSpace(string(data)), "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil {
		return nil, err
	}
	key, _, err := crypto.GenerateEd25519Key(bytes.NewReader(seed[1:]))
	return key, err
}

// Ask sends a request to the node of member i and returns its answer.
func (m *Impostor) Ask(i int, method, path string, body []byte) (int, []byte, error) {
	return m.AskAt(m.c.Places[i], method, path, body)
}

// AskAt asks a node that may be of another consortium.
func (m *Impostor) AskAt(p *Place, method, path string, body []byte) (int, []byte, error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return m.dial(ctx, p) }}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(method, "http://"+p.Member.Name+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second, Transport: transport}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	return resp.StatusCode, data, err
}

func (m *Impostor) dial(ctx context.Context, p *Place) (net.Conn, error) {
	id, err := fullnode.PeerID(p.Member)
	if err != nil {
		return nil, err
	}
	addr, err := ma.NewMultiaddr(p.Listen)
	if err != nil {
		return nil, err
	}
	if err := m.host.Connect(ctx, peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{addr}}); err != nil {
		return nil, err
	}
	return gostream.Dial(ctx, m.host, id, memberProtocol)
}

// Cosignature is this member's cosignature on any tree, as members send it.
func (m *Impostor) Cosignature(tree tlog.Tree) []byte {
	i := 0
	for m.c.Places[i] != m.place {
		i++
	}
	return fmt.Appendf(nil, "%s\n%s", ledger.FormatCheckpoint(m.c.Origin, tree), m.c.SignUnguarded(i, tree))
}
