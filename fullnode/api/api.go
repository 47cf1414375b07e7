// Package api is what a full node says over HTTP: one handler for a TCP port
// and for libp2p streams alike, specified in README.md.
//
// It answers with the signed and hashed texts themselves and the proofs that
// lead to them, so nobody has to believe it. It decides nothing about the
// ledger: it reads what is final and hands records to the intake. Whatever
// comes in meets a limit first: of bytes, of time, and of requests at once.
package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain"
	"evident/fullnode/contract"
	"evident/fullnode/finality"
	"evident/lightclient/ledger"
)

// Protocol is the libp2p protocol whose streams carry this HTTP.
const Protocol = "/evident/http/1"

// Ledger is the final ledger, as package chain keeps it. What is asked for and
// not there is a chain.ErrNotFound.
type Ledger interface {
	Genesis() []byte
	Origin() string
	Members() ledger.MemberSet
	Head() (chain.Head, bool)
	Wait(ctx context.Context, h ledger.Height) error
	Header(h ledger.Height) (ledger.Header, error)
	Certificate(h ledger.Height) ([]byte, error)
	Block(h ledger.Height) (ledger.Block, error)
	Record(id ledger.RecordID) (chain.Place, []byte, error)
	ProveRecord(p chain.Place) (tlog.RecordProof, error)
	ProveHeader(h ledger.Height, size int64) (tlog.RecordProof, error)
	ProveTree(from, to int64) (tlog.TreeProof, error)
	HashReader() tlog.HashReader
	State(space, name string) (chain.StateAnswer, error)
	StateAt(space, name string, h ledger.Height) (chain.StateAnswer, error)
	Search(query string, limit int) ([]chain.Hit, error)
	Contracts() ([]contract.InForce, error)
	Definition(name string, version int64) ([]byte, error)
	Items(contract string, before chain.Place, limit int) ([]chain.Found, chain.Place, error)
	ItemRecords(contract, item string, before ledger.RecordID, limit int) ([]ledger.RecordID, error)
	Related(contract, item string) (parents, children []string, err error)
}

var _ Ledger = (*chain.Chain)(nil)

// Intake takes records in. Its errors wrap a class of package ledger if the
// record is at fault, and ErrBusy if it should be sent again later.
type Intake interface {
	// Submit takes a record in, once: on return it is on disk and on its way,
	// or it was there before, or it is refused.
	Submit(ctx context.Context, note []byte) (Submission, error)
	// Outcome waits until a submitted record is final or refused.
	Outcome(ctx context.Context, id ledger.RecordID) (Submission, error)
	// Check says what would refuse the record on the newest state, or nil.
	Check(ctx context.Context, note []byte) (*contract.Refusal, error)
}

// ErrBusy is an intake that takes no more records for the moment.
var ErrBusy = errors.New("busy")

// Submission is what became of a record so far: final, refused or received.
type Submission struct {
	ID      ledger.RecordID
	Height  ledger.Height
	Final   bool   // in the block at Height, under a certificate
	Receipt []byte // signed note: taken in, with a promise
	Refusal []byte // signed note: refused, and why
}

// pending says that nothing has become of it yet.
func (s Submission) pending() bool { return !s.Final && s.Refusal == nil }

// Node is what the program knows beyond the ledger.
type Node interface {
	Member() string                                   // whose node this is
	Nodes() []NodeHint                                // where the members' nodes are now
	Cosigned(member string) (finality.Cosigned, bool) // the newest cosignature seen
	Accusations() []string                            // of members who cosigned two histories: files
	Problems() []Problem                              // what is wrong now
}

// Files keeps evidence files, and answers for them. An error may implement Told.
type Files interface {
	Have(w http.ResponseWriter, r *http.Request, client string) error   // which blocks are not here
	Upload(w http.ResponseWriter, r *http.Request, client string) error // blocks, as a CAR
	Status(w http.ResponseWriter, r *http.Request) error                // who stores a file
	Receipts(w http.ResponseWriter, r *http.Request) error              // and promised it
	Gateway(w http.ResponseWriter, r *http.Request) error               // blocks, to be verified by their CIDs
	Admit(note []byte) error                                            // whether this node may keep what a record names
}

// Told is an error from behind the API that says itself what the client is told.
type Told interface {
	error
	Told() (status int, code, message, hint string)
}

// Config is what an API stands on.
type Config struct {
	Ledger   Ledger
	Intake   Intake
	Node     Node
	Files    Files
	Pages    fs.FS    // the explorer, index.html at its root
	Hosts    []string // names it answers to, besides the loopback ones and its address, without port
	Registry *prometheus.Registry
	Log      *slog.Logger
	Now      func() time.Time
	Version  string // of the program
}

// API is the handler.
type API struct {
	Config
	genesis     *ledger.Genesis
	fingerprint ledger.Fingerprint
	hosts       map[string]bool
	events      eventCache
	heartbeat   time.Duration // between events
	requests    *slots        // all that answer at once
	blocks      *slots        // answers of megabytes
	waiters     *slots        // submissions that wait for the final block
	subscribers *slots        // event streams
	uploads     *slots        // CARs on their way in
	downloads   *slots        // blocks and CARs on their way out
	metrics     *metrics
	handler     http.Handler
}

// New makes the handler.
func New(c Config) (*API, error) {
	genesis, err := ledger.ParseGenesis(c.Ledger.Genesis())
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	pages, err := newPages(c.Pages, c.Node.Nodes)
	if err != nil {
		return nil, fmt.Errorf("api: pages: %w", err)
	}
	a := &API{
		Config:      c,
		genesis:     genesis,
		fingerprint: ledger.GenesisFingerprint(c.Ledger.Genesis()),
		hosts:       map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true},
		heartbeat:   heartbeat,
		requests:    newSlots(maxRequests),
		blocks:      newSlots(maxBlocks),
		waiters:     newSlots(maxWaiters),
		subscribers: newSlots(maxSubscribers),
		uploads:     newSlots(maxUploads),
		downloads:   newSlots(maxDownloads),
	}
	for _, h := range c.Hosts {
		a.hosts[strings.ToLower(h)] = true
	}
	if a.metrics, err = newMetrics(a); err != nil {
		return nil, fmt.Errorf("api: metrics: %w", err)
	}
	a.handler = a.border(a.routes(pages))
	return a, nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// endpoint answers a request, or returns why not before it has written anything.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// route is one line of the API.
type route struct {
	method, path string
	slots        *slots // how many may be answered at once
	answer       endpoint
}

func (a *API) table() []route {
	return []route{
		{"GET", "/checkpoint", a.requests, a.checkpoint},
		{"GET", "/tile/{path...}", a.requests, a.tile},
		{"GET", "/v1/genesis", a.requests, a.genesisFile},
		{"GET", "/v1/status", a.requests, a.status},
		{"GET", "/v1/members", a.requests, a.members},
		{"GET", "/v1/nodes", a.requests, a.nodes},
		{"GET", "/v1/misbehaviour", a.requests, a.misbehaviour},
		{"GET", "/v1/health", a.requests, a.health},
		{"GET", "/v1/head", a.requests, a.head},
		{"GET", "/v1/blocks", a.requests, a.blockList},
		{"GET", "/v1/blocks/{height}", a.blocks, a.block},
		{"GET", "/v1/blocks/{height}/raw", a.blocks, a.blockRaw},
		{"GET", "/v1/blocks/{height}/certificate", a.requests, a.blockCertificate},
		{"GET", "/v1/records/{id}", a.requests, a.record},
		{"GET", "/v1/state/{contract}/{item}", a.requests, a.item},
		{"GET", "/v1/state/digest/{digest}", a.requests, a.digest},
		{"GET", "/v1/search", a.requests, a.search},
		{"GET", "/v1/contracts", a.requests, a.contracts},
		{"GET", "/v1/contracts/{contract}/{version}", a.requests, a.definition},
		{"GET", "/v1/items/{contract}", a.requests, a.items},
		{"GET", "/v1/items/{contract}/{item}/records", a.requests, a.itemRecords},
		{"GET", "/v1/items/{contract}/{item}/related", a.requests, a.itemRelated},
		{"GET", "/v1/events", a.subscribers, a.stream},
		{"POST", "/v1/records", a.waiters, a.submit},
		{"POST", "/v1/records/check", a.requests, a.check},
		{"POST", "/v1/files/have", a.requests, byClient(a.Files.Have)},
		{"POST", "/v1/files/car", a.uploads, byClient(a.Files.Upload)},
		{"GET", "/v1/files/{cid}", a.requests, a.Files.Status},
		{"GET", "/v1/files/{cid}/receipts", a.requests, a.Files.Receipts},
		{"GET", "/ipfs/{cid}", a.downloads, a.Files.Gateway},
		{"GET", "/metrics", a.requests, a.metrics.serve},
	}
}

// routes makes the mux: each line of the table, and the pages at every other path.
func (a *API) routes(pages *pages) *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range a.table() {
		mux.Handle(rt.path, a.endpoint(rt))
	}
	mux.Handle("/", a.endpoint(route{"GET", "/", a.requests, pages.serve}))
	return mux
}
