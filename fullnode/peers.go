package fullnode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"evident/lightclient/ledger"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/gostream"
)

// memberProtocol is what members say to each other beside Raft: HTTP on
// authenticated libp2p streams, answered to members only.
const memberProtocol = protocol.ID("/evident/member/1")

// clockHeader carries the answering member's clock, Unix milliseconds.
const clockHeader = "Evident-Clock"

// Limits of what members send each other.
const (
	maxForward = 1 << 20 // bytes of record notes in one request
	maxCatchUp = 8 << 20 // bytes of blocks in one answer
)

// peers asks the other members' nodes. Their answers are as hostile as any.
type peers struct {
	host   host.Host
	client *http.Client
	clock  *clock
	ids    map[string]peer.ID // by member name, without this one
}

func newPeers(h host.Host, members ledger.MemberSet, self string, c *clock) (*peers, error) {
	p := &peers{host: h, clock: c, ids: map[string]peer.ID{}}
	for _, m := range members {
		id, err := PeerID(m)
		if err != nil {
			return nil, err
		}
		if m.Name != self {
			p.ids[m.Name] = id
		}
	}
	p.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			name, _, _ := strings.Cut(addr, ":")
			return gostream.Dial(ctx, h, p.ids[name], memberProtocol)
		},
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}}
	return p, nil
}

func (p *peers) names() []string {
	var names []string
	for name := range p.ids {
		names = append(names, name)
	}
	return names
}

// nameOf returns the member whose node this peer is.
func (p *peers) nameOf(id peer.ID) (string, bool) {
	for name, other := range p.ids {
		if other == id {
			return name, true
		}
	}
	return "", false
}

// slowest is the slowest line, in bytes per second, over which a long answer
// may still arrive.
const slowest = 100_000

// do asks one member's node and returns at most limit bytes.
func (p *peers) do(ctx context.Context, member, method, path string, body []byte, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second+time.Duration(limit/slowest)*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+member+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", member, err)
	}
	defer resp.Body.Close()
	if ms, err := strconv.ParseInt(resp.Header.Get(clockHeader), 10, 64); err == nil {
		p.clock.heard(member, time.UnixMilli(ms), sent)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", member, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("ask %s: the answer is larger than %d bytes", member, limit)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: %s: %s", member, resp.Status, strings.TrimSpace(string(data[:min(len(data), 200)])))
	}
	return data, nil
}

// cosignature tells a member one of ours, as a note of its two lines, and
// returns what it has on that size: a certificate, its own cosignature, or nothing.
func (p *peers) cosignature(ctx context.Context, member string, msg []byte) ([]byte, error) {
	return p.do(ctx, member, http.MethodPost, "/cosignature", msg, ledger.MaxCertificateSize)
}

// latest returns the newest cosignature of ours that a member knows of.
func (p *peers) latest(ctx context.Context, member string) ([]byte, error) {
	return p.do(ctx, member, http.MethodGet, "/latest", nil, ledger.MaxCosignatureSize)
}

// head returns the size of a member's final chain log, as it says.
func (p *peers) head(ctx context.Context, member string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	data, err := p.do(ctx, member, http.MethodGet, "/head", nil, 32)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(data), 10, 64)
}

// blocks returns framed blocks from a height on, each followed by its certificate.
func (p *peers) blocks(ctx context.Context, member string, from ledger.Height) ([][]byte, error) {
	data, err := p.do(ctx, member, http.MethodGet, fmt.Sprintf("/blocks?from=%d", from), nil, maxCatchUp)
	if err != nil {
		return nil, err
	}
	frames, err := ledger.ParseFrames(data, maxCatchUp/100)
	if err == nil && len(frames)%2 != 0 {
		err = errors.New("a block without certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s for blocks: %w", member, err)
	}
	return frames, nil
}

// forward sends records to the leader.
func (p *peers) forward(ctx context.Context, member string, records []*waiting) error {
	var body []byte
	for _, w := range records {
		body = ledger.AppendFrame(body, w.note)
	}
	_, err := p.do(ctx, member, http.MethodPost, "/records", body, 64)
	return err
}

// serveMembers answers members on the member protocol until the host closes.
func (n *Node) serveMembers() (*http.Server, error) {
	listener, err := gostream.Listen(n.host, memberProtocol)
	if err != nil {
		return nil, fmt.Errorf("serve members: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cosignature", n.handleCosignature)
	mux.HandleFunc("GET /latest", n.handleLatest)
	mux.HandleFunc("POST /records", n.handleRecords)
	mux.HandleFunc("GET /head", n.handleHead)
	mux.HandleFunc("GET /blocks", n.handleBlocks)
	n.blobs.Handle(mux, asker)
	server := &http.Server{
		Handler:           n.membersOnly(mux),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	go server.Serve(listener)
	return server, nil
}

// memberKey is the context key of the member who asks.
type memberKey struct{}

// membersOnly lets no other peer in: libp2p has authenticated the remote address.
func (n *Node) membersOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := peer.Decode(r.RemoteAddr)
		name, known := n.peers.nameOf(id)
		if err != nil || !known {
			http.Error(w, "only members may ask this", http.StatusForbidden)
			return
		}
		w.Header().Set(clockHeader, strconv.FormatInt(n.clock.now().UnixMilli(), 10))
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), memberKey{}, name)))
	})
}

func asker(r *http.Request) string { return r.Context().Value(memberKey{}).(string) }

// handleCosignature takes a member's cosignature in. A member that is late
// gets what it misses: our certificate of that size, or our own cosignature.
func (n *Node) handleCosignature(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ledger.MaxCosignatureSize))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	c, err := parseCosigned(n.origin, asker(r), body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.cosigned(r.Context(), c)
	if head, ok := n.chain.Head(); ok && head.Certificate.Tree.N >= c.Tree.N {
		if certificate, err := n.chain.Certificate(ledger.Height(c.Tree.N - 1)); err == nil {
			w.Write(certificate)
			return
		}
	}
	if own := n.ownCosignature(); own.Tree.N == c.Tree.N {
		w.Write(formatCosigned(n.origin, own))
	}
}

func (n *Node) handleLatest(w http.ResponseWriter, r *http.Request) {
	if c, ok := n.seen.newest(asker(r)); ok {
		w.Write(formatCosigned(n.origin, c))
	}
}

func (n *Node) handleRecords(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForward+maxForward/16))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if !n.order.IsLeader() {
		http.Error(w, "not the leader", http.StatusMisdirectedRequest)
		return
	}
	notes, err := ledger.ParseFrames(body, ledger.MaxBlockRecords)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := n.intake.forwarded(notes); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "taken")
}

func (n *Node) handleHead(w http.ResponseWriter, r *http.Request) {
	size := int64(0)
	if head, ok := n.chain.Head(); ok {
		size = head.Certificate.Tree.N
	}
	io.WriteString(w, strconv.FormatInt(size, 10))
}

func (n *Node) handleBlocks(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.ParseUint(r.URL.Query().Get("from"), 10, 63)
	head, ok := n.chain.Head()
	if err != nil || !ok {
		http.Error(w, "nothing from there", http.StatusNotFound)
		return
	}
	var out []byte
	for h := ledger.Height(from); h <= head.Header.Height; h++ {
		block, err := n.chain.Block(h)
		if err != nil {
			break
		}
		certificate, err := n.chain.Certificate(h)
		if err != nil {
			break
		}
		next := ledger.AppendFrame(ledger.AppendFrame(nil, block.Encode()), certificate)
		if len(out)+len(next) > maxCatchUp {
			break
		}
		out = append(out, next...)
	}
	w.Write(out)
}
