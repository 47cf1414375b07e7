// Package contract decides what a record does to the ledger's state: the rules that every contract shares, and the
// rules of each one. A record either changes the state of one item or is refused, with the rule that refused it.
//
// Applying is pure, total and deterministic: the same record on the same state at the same block time gives the same
// result on every member, it never panics, and it reads nothing but what it is given. It does not check signatures; a
// ledger.Record has been checked.
//
// # Rules of every contract
//
//	ledger     the record is of this ledger
//	contract   the members agreed to this contract
//	version    in this version
//	duplicate  the record is not on the ledger yet
//	C4         its time is at most two minutes after the block's
//	C3         seq is the item's last + 1, and prev the item's last record
//	action     the contract has this action
//	C2         the item's status allows it
//	C5         nothing is overwritten: a correction says why
//
// # State
//
// An item's state is an Item in canonical JSON, under (contract, item). The first record that names a file's digest is
// kept for ever as a Claim under ("digest", the digest's 32 bytes). Sealed evidence has no digest to claim.
package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// DigestSpace is the space of the state tree that maps public digests to the first record that claimed each.
const DigestSpace = "digest"

// MaxAhead is how far a record's time may be ahead of its block's, in milliseconds.
const MaxAhead = 2 * 60 * 1000

// maxReads bounds what one record's rules may read besides its own item.
const maxReads = 64

// View reads the state that a record meets. A value that is absent is nil; an error is the store's, never the record's.
type View interface {
	Get(space, name string) (json.RawMessage, error)
}

// Item is the state of one item.
type Item struct {
	At      int64    `json:"at"`      // the last record's time, by its author's clock
	Authors []string `json:"authors"` // verifier keys that signed the first record
	First   string   `json:"first"`   // id of the first record
	Height  int64    `json:"height"`  // of the block with the last record
	Last    string   `json:"last"`    // id of the last record
	Seq     int64    `json:"seq"`     // of the last record
	Status  string   `json:"status"`  // a word of the contract
	Version int64    `json:"version"` // of the contract that applied the last record
}

// encode returns the canonical JSON. It is EncodeCanonical, five times as fast: every record on every member needs it.
func (i *Item) encode() (json.RawMessage, error) {
	authors, err := ledger.EncodeCanonical(i.Authors)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 256+len(authors))
	b = strconv.AppendInt(append(b, `{"at":`...), i.At, 10)
	b = append(append(b, `,"authors":`...), authors...)
	b = append(append(b, `,"first":"`...), i.First...)
	b = strconv.AppendInt(append(b, `","height":`...), i.Height, 10)
	b = append(append(b, `,"last":"`...), i.Last...)
	b = strconv.AppendInt(append(b, `","seq":`...), i.Seq, 10)
	b = append(append(b, `,"status":"`...), i.Status...)
	b = strconv.AppendInt(append(b, `","version":`...), i.Version, 10)
	return append(b, '}'), nil
}

// Claim is the state of a public digest: who named it first.
type Claim struct {
	Height int64  `json:"height"`
	Record string `json:"record"`
}

// Input is all that a contract's rules may look at.
type Input struct {
	Record *ledger.Record
	Item   *Item // before the record; nil for the first one
	Time   int64 // of the block, Unix milliseconds
	Height ledger.Height
	State  *Reader // other state
}

// Contract is the rules for one kind of record.
type Contract interface {
	Name() string
	Version() int64

	// Definition is the text that the members agree to: its digest stands in the genesis file.
	Definition() []byte

	// Apply returns the item's status after the record, or why the record is refused. The rules that all contracts
	// share have been checked, and the engine sets everything else in the item's state.
	Apply(in Input) (status string, refusal *Refusal)
}

// Digest is what the genesis file says of a contract.
func Digest(c Contract) tlog.Hash { return sha256.Sum256(c.Definition()) }

// Ref is the contract's entry in a genesis file.
func Ref(c Contract) ledger.ContractRef {
	return ledger.ContractRef{Digest: Digest(c), Name: c.Name(), Version: c.Version()}
}

// Library is every contract that this program can execute.
func Library() []Contract { return []Contract{Notes{}} }

// Reader gives a contract bounded access to state other than its item's.
type Reader struct {
	view  View
	reads int
	err   error
}

// Get returns a value, or nil if it is absent or the record has read too much already.
func (r *Reader) Get(space, name string) json.RawMessage {
	if r.err != nil {
		return nil
	}
	if r.reads++; r.reads > maxReads {
		return nil
	}
	value, err := r.view.Get(space, name)
	r.err = err
	return value
}

// Change is one value that a record sets.
type Change struct {
	Space, Name string
	Value       json.RawMessage
}

// Engine applies records of one ledger under the contracts of its genesis.
type Engine struct {
	origin    string
	contracts map[string]Contract
}

// NewEngine returns the engine for a genesis. It fails if the genesis names a contract that this program does not have
// with exactly that definition.
func NewEngine(origin string, refs []ledger.ContractRef) (*Engine, error) {
	e := &Engine{origin: origin, contracts: map[string]Contract{}}
	library := Library()
	for _, ref := range refs {
		i := slices.IndexFunc(library, func(c Contract) bool { return Ref(c) == ref })
		if i < 0 {
			return nil, fmt.Errorf("contract %s version %d with digest %s is not in this program", ref.Name, ref.Version, ref.Digest)
		}
		e.contracts[ref.Name] = library[i]
	}
	return e, nil
}

// Apply returns what the record changes in a block of this height and time, or why it is refused. An error is the
// view's: then nothing is known of the record.
func (e *Engine) Apply(view View, r *ledger.Record, time int64, height ledger.Height) ([]Change, *Refusal, error) {
	c, refusal := e.find(r)
	if refusal != nil {
		return nil, refusal, nil
	}
	before, err := readItem(view, r)
	if err != nil {
		return nil, nil, err
	}
	if refusal := checkCommon(r, before, time); refusal != nil {
		return nil, refusal, nil
	}
	reader := &Reader{view: view}
	status, refusal := c.Apply(Input{Record: r, Item: before, Time: time, Height: height, State: reader})
	if reader.err != nil || refusal != nil {
		return nil, refusal, reader.err
	}
	item, err := after(r, before, status, height).encode()
	if err != nil {
		return nil, nil, fmt.Errorf("encode the state of item %s: %w", r.ItemName(), err)
	}
	return claimDigests([]Change{{r.Contract, r.ItemName(), item}}, view, r, height)
}

func (e *Engine) find(r *ledger.Record) (Contract, *Refusal) {
	if r.Ledger != e.origin {
		return nil, refuse("ledger", "the record is for another ledger", "该记录属于另一个账本",
			"ledger", r.Ledger, "want", e.origin)
	}
	c := e.contracts[r.Contract]
	if c == nil {
		return nil, refuse("contract", "this ledger has no such contract", "本账本没有此合约", "contract", r.Contract)
	}
	if r.Version != c.Version() {
		return nil, refuse("version", "the contract is in force in another version", "生效的是该合约的另一个版本",
			"contract", r.Contract, "version", number(r.Version), "want", number(c.Version()))
	}
	return c, nil
}

func readItem(view View, r *ledger.Record) (*Item, error) {
	value, err := view.Get(r.Contract, r.ItemName())
	if err != nil || value == nil {
		return nil, err
	}
	item := new(Item)
	if err := json.Unmarshal(value, item); err != nil {
		return nil, fmt.Errorf("read the state of item %s: %w", r.ItemName(), err)
	}
	return item, nil
}

// checkCommon holds the record to the rules of every contract that need the item's state or the time.
func checkCommon(r *ledger.Record, item *Item, time int64) *Refusal {
	id := r.ID.String()
	if item != nil && (item.First == id || item.Last == id) {
		return refuse(Duplicate, "the record is on the ledger already", "该记录已在账本上", "record", id)
	}
	if r.At > time+MaxAhead {
		return refuse("C4", "the record's time is more than two minutes ahead of the block's; check the clock",
			"记录时间比区块时间超前两分钟以上，请检查时钟", "at", number(r.At), "block", number(time))
	}
	seq, prev := int64(1), ""
	if item != nil {
		seq, prev = item.Seq+1, item.Last
	}
	if r.Seq != seq || r.Prev != prev {
		return refuse("C3", "the record does not follow the item's last one", "该记录未接在该事项的最后一条记录之后",
			"seq", number(r.Seq), "want_seq", number(seq), "prev", r.Prev, "want_prev", prev)
	}
	return nil
}

func after(r *ledger.Record, before *Item, status string, height ledger.Height) *Item {
	item := Item{Authors: r.By, First: r.ID.String()}
	if before != nil {
		item = *before
	}
	item.At, item.Height, item.Last = r.At, int64(height), r.ID.String()
	item.Seq, item.Status, item.Version = r.Seq, status, r.Version
	return &item
}

// claimDigests adds a claim for each of the record's digests that nobody named before.
func claimDigests(changes []Change, view View, r *ledger.Record, height ledger.Height) ([]Change, *Refusal, error) {
	for _, evidence := range r.Evidence {
		if evidence.Mode == ledger.Sealed {
			continue
		}
		digest, err := hex.DecodeString(evidence.SHA256)
		if err != nil {
			return nil, nil, fmt.Errorf("evidence of record %s: %w", r.ID, err)
		}
		name := string(digest)
		known, err := view.Get(DigestSpace, name)
		if err != nil {
			return nil, nil, err
		}
		if known != nil || slices.ContainsFunc(changes, func(c Change) bool { return c.Space == DigestSpace && c.Name == name }) {
			continue
		}
		claim, err := ledger.EncodeCanonical(Claim{Height: int64(height), Record: r.ID.String()})
		if err != nil {
			return nil, nil, fmt.Errorf("encode a claim of record %s: %w", r.ID, err)
		}
		changes = append(changes, Change{DigestSpace, name, claim})
	}
	return changes, nil, nil
}
