package testnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// Node serves a ledger. It is a lightclient.Source and an http.Handler. Set its
// behaviour before it is asked, or by Change.
type Node struct {
	Member      ledger.Member
	Answer      func(path string, body []byte) []byte // what it says instead of body; nil: the truth
	Delay       time.Duration                         // before each answer
	Down        atomic.Bool                           // it cannot be reached
	Held        bool                                  // it stays where it is
	Refuse      string                                // the rule by which it refuses every record
	Hints       map[string]string                     // the members' addresses, as it tells them
	Addresses   map[string][]string                   // those of the same members in their own network
	Full        bool                                  // it takes no blocks of files
	Definitions map[string]string                     // of contracts, by name/version
	Children    map[string][]string                   // of an item, by contract/name, as it tells them
	Forgets     bool                                  // it is no archive
	Accusations []string                              // that it has
	Signs       int                                   // how many members sign its certificates; 0: a quorum

	Requests, Bytes atomic.Int64 // what was asked, and how long the answers were

	ledger *Ledger
	chain  ledgertest.Chain // what it serves
	files  map[ledger.CID][]byte
	mux    *http.ServeMux
	moved  chan struct{}
}

// Node adds a node of the member with that number, 0 being the first.
func (l *Ledger) Node(member int) *Node {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := &Node{Member: l.chain.Set[member], ledger: l, chain: l.chain, files: map[ledger.CID][]byte{}, mux: http.NewServeMux(), moved: make(chan struct{}, 1)}
	l.nodes = append(l.nodes, n)
	for path, serve := range map[string]func(*http.Request) (any, error){
		"GET /v1/genesis":                         n.genesis,
		"GET /v1/head":                            n.head,
		"GET /v1/blocks":                          n.headers,
		"GET /v1/blocks/{height}":                 n.block,
		"GET /v1/blocks/{height}/certificate":     n.certificate,
		"GET /v1/records/{id}":                    n.record,
		"GET /v1/state/{space}/{name}":            n.state,
		"GET /v1/search":                          n.search,
		"GET /v1/contracts":                       n.contracts,
		"GET /v1/contracts/{name}/{version}":      n.definition,
		"GET /v1/items/{contract}":                n.itemList,
		"GET /v1/items/{contract}/{item}/records": n.itemRecords,
		"GET /v1/items/{contract}/{item}/related": n.itemRelated,
		"GET /v1/members":                         n.members,
		"GET /v1/misbehaviour":                    n.misbehaviour,
		"GET /v1/nodes":                           n.hints,
		"GET /v1/status":                          n.status,
		"GET /tile/{level}/{place...}":            n.tile,
		"POST /v1/records":                        n.submit,
		"POST /v1/records/check":                  n.check,
		"POST /v1/files/have":                     n.have,
		"POST /v1/files/car":                      n.upload,
		"GET /v1/files/{cid}/receipts":            n.receipts,
		"GET /ipfs/{cid}":                         n.raw,
	} {
		n.mux.HandleFunc(path, n.serve(serve))
	}
	n.mux.HandleFunc("GET /v1/events", n.events)
	return n
}

func (n *Node) catchUp() {
	if n.Held {
		return
	}
	n.chain = n.ledger.chain
	select {
	case n.moved <- struct{}{}:
	default:
	}
}

// Name implements lightclient.Source.
func (n *Node) Name() string { return n.Member.Addresses[0] }

// Ask implements lightclient.Source.
func (n *Node) Ask(ctx context.Context, q lightclient.Question) (lightclient.Answer, error) {
	if n.Down.Load() {
		return lightclient.Answer{}, errors.New("connection refused")
	}
	select {
	case <-time.After(n.Delay):
	case <-ctx.Done():
		return lightclient.Answer{}, ctx.Err()
	}
	w := httptest.NewRecorder()
	n.mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, q.Method, q.Path, strings.NewReader(string(q.Body))))
	body := w.Body.Bytes()
	if w.Code == http.StatusOK && n.Answer != nil {
		body = n.Answer(q.Path, body)
	}
	n.Requests.Add(1)
	n.Bytes.Add(int64(len(body)))
	if int64(len(body)) > q.Limit {
		return lightclient.Answer{}, errors.New("the answer is too long")
	}
	return lightclient.Answer{Status: w.Code, Body: body}, nil
}

// Listen implements lightclient.Source.
func (n *Node) Listen(ctx context.Context, _ string, heard func()) error {
	for {
		select {
		case <-n.moved:
			heard()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ServeHTTP implements http.Handler, for clients that come over a socket.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n.Down.Load() {
		panic(http.ErrAbortHandler)
	}
	time.Sleep(n.Delay)
	if n.Answer == nil || r.URL.Path == "/v1/events" {
		n.mux.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	n.mux.ServeHTTP(rec, r)
	w.WriteHeader(rec.Code)
	w.Write(n.Answer(r.URL.RequestURI(), rec.Body.Bytes()))
}

func (n *Node) events(w http.ResponseWriter, r *http.Request) {
	for {
		select {
		case <-n.moved:
			io.WriteString(w, "event: block\n\n")
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// cert returns the certificate of a block.
func (n *Node) cert(size int64) []byte {
	set := n.chain.Genesis.Members
	seconds := n.chain.Headers[size-1].Time/1000 + 1
	signs := n.Signs
	if signs == 0 {
		signs = set.Quorum()
	}
	tree := n.chain.At(size)
	msg := append(ledger.FormatCheckpoint(n.chain.Origin, tree), '\n')
	for i := range signs {
		msg = append(msg, n.chain.Cosign(set[i], tree, seconds+int64(i)).Lines...)
	}
	return msg
}

// Change changes its behaviour while it may be asked.
func (n *Node) Change(change func(*Node)) {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	change(n)
	n.catchUp()
}

// Tree returns the chain log that the node served when it had a size.
func (n *Node) Tree(size int64) tlog.Tree { return n.chain.At(size) }

func (n *Node) size() int64 { return int64(len(n.chain.Headers)) }

func (n *Node) receipt(id ledger.RecordID) string {
	now := n.chain.Headers[n.size()-1].Time
	r := ledger.Receipt{Ledger: n.chain.Origin, Record: id, Received: now, Promise: now + 120_000}
	return string(must(note.Sign(&note.Note{Text: r.Text()}, nodeSigner(n.Member.Name))))
}

func (n *Node) refusal(id ledger.RecordID) string {
	r := ledger.Refusal{Ledger: n.chain.Origin, Record: id, At: n.chain.Headers[n.size()-1].Time,
		Reason: n.reason()}
	return string(must(note.Sign(&note.Note{Text: must(r.Text())}, nodeSigner(n.Member.Name))))
}

func (n *Node) reason() ledger.Reason {
	return ledger.Reason{Rule: n.Refuse, En: "no", Zh: "否", Values: map[string]string{}}
}

func proofOf[T ~[]tlog.Hash](p T) T {
	if p == nil {
		return T{}
	}
	return p
}

// refusedError is an answer that is not a success.
type refusedError struct {
	status        int
	code, message string
}

func (e *refusedError) Error() string { return e.message }

func missing(format string, args ...any) error {
	return &refusedError{http.StatusNotFound, "not_found", fmt.Sprintf(format, args...)}
}
