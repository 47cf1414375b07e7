// Package contract decides what a record does to the ledger's state: the rules that every contract shares, and the
// rules of each one, which are data. A record either changes the state of its item, and of others that the contract
// names, or is refused, with the rule that refused it.
//
// Applying is total and deterministic: the same record on the same state at the same block time gives the same result
// on every member, it never panics, its work is bounded, and it reads nothing but what it is given. It does not check
// signatures; a ledger.Record has been checked. What a definition looks like stands in DESIGN.md.
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
//	C6         the item is not on hold
//	fields     the fields have the form of the action's JSON Schema (C7: integers only)
//	C4         what happened is neither ahead of the block, nor before the item's last event unless marked late
//	C1         those who have to sign have signed
//	…          the contract's own rules, C5 among them, in their order
//	limit      what the record makes of the state can be held and computed
//
// # State
//
// An item's state is an Item in canonical JSON, under (contract, item). The first record that names a file's digest is
// kept for ever as a Claim under ("digest", the digest's 32 bytes).
package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// DigestSpace is the space of the state tree that maps public digests to the first record that claimed each.
const DigestSpace = "digest"

// MaxAhead is how far a record's time may be ahead of its block's, in milliseconds.
const MaxAhead = 2 * 60 * 1000

// View reads the state that a record meets. A value that is absent is nil; an error is the store's, never the record's.
type View interface {
	Get(space, name string) (json.RawMessage, error)
}

// Claim is the state of a public digest: who named it first.
type Claim struct {
	Height int64  `json:"height"`
	Record string `json:"record"`
}

// Digest is what the genesis file says of a contract.
func Digest(c *Contract) tlog.Hash { return sha256.Sum256(c.definition) }

// Ref is the contract's entry in a genesis file.
func Ref(c *Contract) ledger.ContractRef {
	return ledger.ContractRef{Digest: Digest(c), Name: c.name, Version: c.version}
}

// Change is one value that a record sets.
type Change struct {
	Space, Name string
	Value       json.RawMessage
	Parents     []string // items of the same contract that it newly comes from
}

// Engine applies records of one ledger under the contracts of its genesis.
type Engine struct {
	origin    string
	contracts map[string]*Contract
	members   map[string][]string // roles by the key of a member's node
}

// NewEngine returns the engine for a genesis. It fails if the genesis names a contract that this program does not have
// with exactly that definition.
func NewEngine(origin string, refs []ledger.ContractRef, members ledger.MemberSet) (*Engine, error) {
	e := &Engine{origin: origin, contracts: map[string]*Contract{}, members: map[string][]string{}}
	for _, m := range members {
		e.members[m.Node] = append([]string{"member"}, m.Roles...)
	}
	library := Library()
	for _, ref := range refs {
		i := slices.IndexFunc(library, func(c *Contract) bool { return Ref(c) == ref })
		if i < 0 {
			return nil, fmt.Errorf("contract %s version %d with digest %s is not in this program", ref.Name, ref.Version, ref.Digest)
		}
		e.contracts[ref.Name] = library[i]
	}
	return e, nil
}

// InForce is a contract that the members agreed to, and since which block it is in force.
type InForce struct {
	ledger.ContractRef
	Since ledger.Height
}

// InForce returns the contracts of the genesis, by name.
func (e *Engine) InForce() []InForce {
	list := make([]InForce, 0, len(e.contracts))
	for _, name := range sortedKeys(e.contracts) {
		list = append(list, InForce{ContractRef: Ref(e.contracts[name])})
	}
	return list
}

// Definition returns the canonical JSON of a contract in force, or nil.
func (e *Engine) Definition(name string, version int64) []byte {
	if c := e.contracts[name]; c != nil && c.version == version {
		return c.definition
	}
	return nil
}

// Parents returns the items that an item of a contract comes from.
func (e *Engine) Parents(space string, item *Item) []string {
	names := []string{}
	if c := e.contracts[space]; c != nil && c.parents != "" {
		list, _ := item.Fields[c.parents].([]any)
		for _, name := range list {
			names = append(names, name.(string))
		}
	}
	return names
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
	one := &call{engine: e, contract: c, view: view, record: &statement{Record: r}, item: before, time: time, height: int64(height)}
	changes, refusal := one.apply()
	if one.err != nil {
		return nil, nil, one.err
	}
	if refusal != nil {
		return nil, refusal, nil
	}
	return claimDigests(changes, view, r, height)
}

func (e *Engine) find(r *ledger.Record) (*Contract, *Refusal) {
	if r.Ledger != e.origin {
		return nil, refuse("ledger", "the record is for another ledger", "该记录属于另一个账本",
			"ledger", r.Ledger, "want", e.origin)
	}
	c := e.contracts[r.Contract]
	if c == nil {
		return nil, refuse("contract", "this ledger has no such contract", "本账本没有此合约", "contract", r.Contract)
	}
	if r.Version != c.version {
		return nil, refuse("version", "the contract is in force in another version", "生效的是该合约的另一个版本",
			"contract", r.Contract, "version", number(r.Version), "want", number(c.version))
	}
	return c, nil
}

// readItem returns the record's item, with status none if it does not exist.
func readItem(view View, r *ledger.Record) (*Item, error) {
	name := r.ItemName()
	value, err := view.Get(r.Contract, name)
	if err != nil {
		return nil, err
	}
	return ParseItem(name, value)
}

// checkCommon holds the record to the rules of every contract that need the item's state or the time.
func checkCommon(r *ledger.Record, item *Item, time int64) *Refusal {
	id := r.ID.String()
	if item.First == id || item.Last == id {
		return refuse(Duplicate, "the record is on the ledger already", "该记录已在账本上", "record", id)
	}
	if r.At > time+MaxAhead {
		return refuse("C4", "the record's time is more than two minutes ahead of the block's; check the clock",
			"记录时间比区块时间超前两分钟以上，请检查时钟", "at", number(r.At), "block", number(time))
	}
	seq, prev := item.Seq+1, item.Last
	if r.Seq != seq || r.Prev != prev {
		return refuse("C3", "the record does not follow the item's last one", "该记录未接在该事项的最后一条记录之后",
			"seq", number(r.Seq), "want_seq", number(seq), "prev", r.Prev, "want_prev", prev)
	}
	return nil
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
		changes = append(changes, Change{Space: DigestSpace, Name: name, Value: claim})
	}
	return changes, nil, nil
}
