package lightclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// Source is one full node. It carries a question there and brings back what
// the node said; nothing it returns is believed.
type Source interface {
	// Name is the node's address, for messages. It is unique among sources.
	Name() string

	// Ask returns the node's answer, whatever its status. It gives up when ctx
	// ends, and without reading on when the body is longer than q.Limit.
	Ask(ctx context.Context, q Question) (Answer, error)

	// Listen opens the event stream at path and calls heard for whatever
	// arrives, until ctx ends or the stream breaks. What the events say is not
	// passed on: they are a reason to ask, nothing more.
	Listen(ctx context.Context, path string, heard func()) error
}

// Question is a request of the nodes' HTTP interface.
type Question struct {
	Method string // GET or POST
	Path   string // from the node's root, with its query
	Body   []byte // of a POST
	Limit  int64  // the longest answer, in bytes
}

// Answer is what a node said.
type Answer struct {
	Status int
	Body   []byte
}

// The longest answers. JSON may double the length of a note by its escapes.
const (
	maxGenesis = ledger.MaxGenesisSize
	maxHead    = 2*ledger.MaxCertificateSize + 16<<10
	maxRecord  = 2*ledger.MaxRecordSize + 16<<10
	maxState   = 256 << 10
	maxSmall   = 256 << 10
	maxBlock   = 2*ledger.MaxBlockBytes + 64*ledger.MaxBlockRecords
)

// UnverifiedHead is a node's claim about the newest final block.
type UnverifiedHead struct {
	Certificate string           `json:"certificate"` // note
	Header      string           `json:"header"`      // text of the newest header
	Consistency tlog.TreeProof   `json:"consistency"` // from the size asked for
	Inclusion   tlog.RecordProof `json:"inclusion"`   // of the header under the certificate
}

// UnverifiedHeader is a header in a list of blocks.
type UnverifiedHeader struct {
	Header string `json:"header"`
}

// UnverifiedBlock is a block with the path of its header in the log of the
// size asked for, and its own certificate.
type UnverifiedBlock struct {
	Header      string           `json:"header"`
	Inclusion   tlog.RecordProof `json:"inclusion"`
	Records     []string         `json:"records"`
	Certificate string           `json:"certificate"`
}

// UnverifiedRecord is a record with its path in the block and the block's in
// the log of the size asked for.
type UnverifiedRecord struct {
	Note      string           `json:"note"`
	Index     int64            `json:"index"`
	Path      tlog.RecordProof `json:"path"`
	Header    string           `json:"header"`
	Inclusion tlog.RecordProof `json:"inclusion"`
}

// UnverifiedState is the value of an item, or that it has none, at the newest
// block of the node.
type UnverifiedState struct {
	UnverifiedHead
	Value json.RawMessage `json:"value"` // missing or null: absent
	Proof []byte          `json:"proof"` // package merkle
}

// UnverifiedHit is a record that a node's search suggests.
type UnverifiedHit struct {
	ID string `json:"id"`
}

// UnverifiedReceipt is a node's answer to a submitted record.
type UnverifiedReceipt struct {
	Receipt string        `json:"receipt"`
	Status  string        `json:"status"`
	Height  ledger.Height `json:"height"` // of the record's block, once it is final
	Refusal string        `json:"refusal"`
}

// UnverifiedCosignature is the newest cosignature of a member that a node knows.
type UnverifiedCosignature struct {
	Name       string `json:"name"`
	Checkpoint string `json:"checkpoint"`
	Lines      string `json:"cosignature"`
}

func head(from int64) Question {
	return get(fmt.Sprintf("/v1/head?from=%d", from), maxHead)
}

func headers(before ledger.Height, limit int) Question {
	return get(fmt.Sprintf("/v1/blocks?before=%d&limit=%d", before, limit), int64(limit)*(2*ledger.MaxHeaderSize)+maxSmall)
}

func block(h ledger.Height, size int64) Question {
	return get(fmt.Sprintf("/v1/blocks/%d?size=%d", h, size), maxBlock)
}

func certificate(h ledger.Height) Question {
	return get(fmt.Sprintf("/v1/blocks/%d/certificate", h), ledger.MaxCertificateSize)
}

func record(id ledger.RecordID, size int64) Question {
	return get(fmt.Sprintf("/v1/records/%s?size=%d", id, size), maxRecord)
}

func item(space, name string, from int64) Question {
	return get(fmt.Sprintf("/v1/state/%s/%s?from=%d", url.PathEscape(space), url.PathEscape(name), from), maxState)
}

func itemAt(space, name string, h ledger.Height, size int64) Question {
	return get(fmt.Sprintf("/v1/state/%s/%s?height=%d&size=%d", url.PathEscape(space), url.PathEscape(name), h, size), maxState)
}

func search(query string) Question {
	return get("/v1/search?q="+url.QueryEscape(query), maxSmall)
}

func get(path string, limit int64) Question {
	return Question{Method: "GET", Path: path, Limit: limit}
}

// submit waits at the node for at most the given seconds; 0: not at all.
func submit(note []byte, seconds int) Question {
	q := Question{Method: "POST", Path: "/v1/records", Body: note, Limit: maxSmall}
	if seconds > 0 {
		q.Path += "?wait=final&timeout=" + strconv.Itoa(seconds) + "s"
	}
	return q
}

// failure explains an answer that is not a success.
func (a Answer) failure() error {
	var said struct {
		Error struct{ Code, Message string } `json:"error"`
	}
	if json.Unmarshal(a.Body, &said) != nil || said.Error.Message == "" {
		said.Error.Message = "status " + strconv.Itoa(a.Status)
	}
	message := strings.ToValidUTF8(said.Error.Message, "?")
	if len(message) > 200 {
		message = message[:200] + "…"
	}
	switch said.Error.Code {
	case "not_found":
		return fmt.Errorf("%w: %s", ErrNotShown, message)
	case "quota":
		return fmt.Errorf("%w: %s", ErrQuota, message)
	case "full":
		return fmt.Errorf("%w: %s", ErrFull, message)
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, message)
}
