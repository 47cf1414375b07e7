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
//	duplicate  the record is not on the ledger yet
//	version    the item is under this version, or new and this is the newest, or the action migrates it
//	C4         its time is at most two minutes after the block's
//	C3         seq is the item's last + 1, and prev the item's last record
//	name       a new item's name could not be taken for another by its look
//	action     the contract has this action
//	C2         the item's status allows it
//	C6         the item is not on hold, nor is another one that the action changes
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

// readItem returns an item, with status none if it does not exist.
func readItem(view View, space, name string) (*Item, error) {
	value, err := view.Get(space, name)
	if err != nil {
		return nil, err
	}
	return ParseItem(name, value)
}

// claimDigests adds a claim for each of the record's digests that nobody named before.
func claimDigests(changes []Change, view View, r *ledger.Record, height int64) ([]Change, *Refusal, error) {
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
		claim, err := ledger.EncodeCanonical(Claim{Height: height, Record: r.ID.String()})
		if err != nil {
			return nil, nil, fmt.Errorf("encode a claim of record %s: %w", r.ID, err)
		}
		changes = append(changes, Change{Space: DigestSpace, Name: name, Value: claim})
	}
	return changes, nil, nil
}
