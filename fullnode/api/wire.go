package api

import (
	"encoding/json"

	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/contract"
	"evident/lightclient/ledger"
)

// The JSON of the API. Heights, sizes and counts are numbers of at most 2^53;
// hashes and proofs are standard base64; record ids and digests are hexadecimal;
// headers, certificates, records, receipts and refusals are texts, byte for
// byte. Times end in their unit: Ms is Unix milliseconds, Sec is POSIX seconds.
// A list is never null. A reader ignores members that it does not know.

// Status is the answer of /v1/status: who answers, and where it stands.
type Status struct {
	Ledger      string        `json:"ledger"` // origin
	Name        string        `json:"name"`   // of the ledger
	Fingerprint string        `json:"fingerprint"`
	Words       []string      `json:"words"`   // the fingerprint as twelve words
	Member      string        `json:"member"`  // whose node this is
	Version     string        `json:"version"` // of the program
	Height      ledger.Height `json:"height"`  // newest final block
	Size        int64         `json:"size"`    // of the chain log: height+1
	HeaderMs    int64         `json:"headerMs"`
	CertifiedMs int64         `json:"certifiedMs"` // the certificate's time
	NowMs       int64         `json:"nowMs"`       // this node's clock
	Members     int           `json:"members"`
	Quorum      int           `json:"quorum"`
	Faults      int           `json:"faults"`
	Limits      ledger.Limits `json:"limits"` // of blocks, from genesis
}

// Members is the answer of /v1/members: the set in force at the newest height.
type Members struct {
	Height  ledger.Height `json:"height"`
	Digest  tlog.Hash     `json:"digest"` // as the header names the set
	Quorum  int           `json:"quorum"`
	Members []Member      `json:"members"`
}

// Member is a member as genesis has it, and the newest cosignature of it that
// this node has seen; that there is no newer one is only told.
type Member struct {
	ledger.Member
	Checkpoint  string `json:"checkpoint,omitempty"`  // the text it cosigned
	Cosignature string `json:"cosignature,omitempty"` // its signature line, which holds the time
}

// Nodes is the answer of /v1/nodes: hints, never trusted.
type Nodes struct {
	Nodes []NodeHint `json:"nodes"`
}

// Misbehaviour is the answer of /v1/misbehaviour.
type Misbehaviour struct {
	Accusations []string `json:"accusations"` // files of package proof
}

// NodeHint is where a member's node may be reached.
type NodeHint struct {
	Member    string   `json:"member"`
	URLs      []string `json:"urls"`      // http and https
	Addresses []string `json:"addresses"` // libp2p multiaddrs
}

// Head is the answer of /v1/head: all that a client needs to move its
// checkpoint forward, in one request.
type Head struct {
	Certificate string           `json:"certificate"`
	Header      string           `json:"header"`      // of the newest block the certificate makes final
	Inclusion   tlog.RecordProof `json:"inclusion"`   // of the header in the certificate's tree
	Consistency tlog.TreeProof   `json:"consistency"` // from the tree of size ?from; empty without one
}

// BlockEntry is one of /v1/blocks, which answers a list, newest first.
type BlockEntry struct {
	Height  ledger.Height `json:"height"`
	Header  string        `json:"header"`
	Records int64         `json:"records"`
}

// Block is the answer of /v1/blocks/H.
type Block struct {
	Header      string           `json:"header"`
	Inclusion   tlog.RecordProof `json:"inclusion"` // of the header in the tree of Size
	Size        int64            `json:"size"`
	Records     []string         `json:"records"`     // notes, in order
	Certificate string           `json:"certificate"` // the block's own, of size H+1
}

// Record is the answer of /v1/records/ID.
type Record struct {
	ID        string           `json:"id"`
	Note      string           `json:"note"`
	Height    ledger.Height    `json:"height"`
	Index     int64            `json:"index"` // place in the block
	Count     int64            `json:"count"` // of the block's records
	Path      tlog.RecordProof `json:"path"`  // of the record in the block
	Header    string           `json:"header"`
	Inclusion tlog.RecordProof `json:"inclusion"` // of the header in the tree of Size
	Size      int64            `json:"size"`
}

// State is the answer of /v1/state/…: what the ledger holds for one name after
// the newest final block, and that block's head.
type State struct {
	Height ledger.Height `json:"height"`
	Head
	Value json.RawMessage `json:"value,omitempty"` // canonical JSON, byte for byte; without it the proof is of absence
	Proof []byte          `json:"proof"`           // package merkle's encoding
}

// Search is the answer of /v1/search: places to look, nothing proven.
type Search struct {
	Hits []Hit `json:"hits"`
}

// Hit is where a record may be.
type Hit struct {
	ID     string        `json:"id"`
	Height ledger.Height `json:"height"`
}

// ContractEntry is one of /v1/contracts, which answers a list by name and version.
type ContractEntry struct {
	Name    string        `json:"name"`
	Version int64         `json:"version"`
	Digest  tlog.Hash     `json:"digest"` // SHA-256 of the definition
	Since   ledger.Height `json:"since"`  // the first block under it; 0: by the genesis
}

// Items is the answer of /v1/items/CONTRACT: places to look, nothing proven.
type Items struct {
	Items []ItemEntry `json:"items"`
	Next  string      `json:"next"` // what before= continues with; empty at the end
}

// ItemEntry is an item at its newest record.
type ItemEntry struct {
	Item   string        `json:"item"`
	Record string        `json:"record"`
	Height ledger.Height `json:"height"`
}

// ItemRecords is the answer of /v1/items/CONTRACT/ITEM/records, newest first.
type ItemRecords struct {
	Records []string `json:"records"`
}

// Related is the answer of /v1/items/CONTRACT/ITEM/related.
type Related struct {
	Parents  []string `json:"parents"`
	Children []string `json:"children"`
}

// Submitted is the answer to POST /v1/records.
type Submitted struct {
	ID      string        `json:"id"`
	Status  string        `json:"status"`            // received, final or refused
	Receipt string        `json:"receipt,omitempty"` // note signed by the node: its promise to include the record
	Height  ledger.Height `json:"height"`            // of the record's block; 0 unless final
	Refusal string        `json:"refusal,omitempty"` // note signed by the node, if refused
}

// Checked is the answer to POST /v1/records/check.
type Checked struct {
	Accepted bool              `json:"accepted"`
	Refusal  *contract.Refusal `json:"refusal,omitempty"`
}

// Event is the data of a "block" event; the event's id is the height.
type Event struct {
	Height      ledger.Height `json:"height"`
	Header      string        `json:"header"`
	Certificate string        `json:"certificate"`
}

// Health is the answer of /v1/health.
type Health struct {
	Status   string    `json:"status"` // ok, degraded (serves, with a problem) or failing (do not rely on it; HTTP 503)
	Problems []Problem `json:"problems"`
}

// Problem is one thing that is wrong with a node now.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Failing bool   `json:"failing"` // it makes the node failing, not only degraded
}

// Failure is the body of every answer from 400 up.
type Failure struct {
	Error Error `json:"error"`
}

// Error is what went wrong, for programs (Code) and for people.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}
