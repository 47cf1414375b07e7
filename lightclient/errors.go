package lightclient

import (
	"errors"
	"fmt"
	"time"

	"evident/lightclient/ledger"
)

var (
	// ErrUnavailable wraps why a node, or every node, gave no usable answer.
	ErrUnavailable = errors.New("no usable answer")
	// ErrFull means that a node has no room for a file now.
	ErrFull = errors.New("the node has no room")
	// ErrQuota means that a node takes no more from this client or author now.
	ErrQuota = errors.New("the node takes no more from you")
	// ErrNotShown means that no node showed what was asked for. That is not a
	// proof that it does not exist.
	ErrNotShown = errors.New("no node shows it")
	// ErrStale means that the newest head is too old to say what is so now.
	ErrStale = errors.New("the newest verified head is stale")
	// ErrStore means that the client's own memory failed: it cannot go on.
	ErrStore = errors.New("the client's store failed")
	// ErrGenesis means that a genesis is not the pinned one.
	ErrGenesis = errors.New("not the pinned genesis")
	// ErrNoContract means that the members are proven not to have agreed to a
	// contract, or to a version of it.
	ErrNoContract = errors.New("this ledger has no such contract")
	// ErrMembersChanged means that the head is certified by a member set that
	// this client has no proof of.
	ErrMembersChanged = errors.New("the member set has changed")
)

// ErrLied says that a node was proven wrong. The client asks it no more, and
// keeps Said as evidence.
type ErrLied struct {
	Node string
	Why  error
	Said []byte // the answer, as it came
}

// Error implements error.
func (e *ErrLied) Error() string { return fmt.Sprintf("node %s lied: %v", e.Node, e.Why) }

// Unwrap returns why.
func (e *ErrLied) Unwrap() error { return e.Why }

// ErrTooOld says that the client has seen no fresh head for longer than the keys
// of the members should be trusted for (rule L5).
type ErrTooOld struct{ Since, Now time.Time }

// Error implements error.
func (e *ErrTooOld) Error() string {
	return fmt.Sprintf("this client last saw the ledger on %s, more than %d days ago: old keys could have been stolen since; a fresh checkpoint has to be confirmed first",
		e.Since.UTC().Format(time.DateOnly), int(maxAway.Hours()/24))
}

// Refused is a member's signed statement that a record breaks a rule.
type Refused struct {
	Member  string
	Refusal ledger.Refusal
	Note    []byte
}

// Error implements error.
func (e *Refused) Error() string {
	return fmt.Sprintf("%s refused the record by rule %s: %s", e.Member, e.Refusal.Reason.Rule, e.Refusal.Reason.En)
}

// lie tells a proven lie from an answer that could have been damaged on its
// way: a wrong signature or proof and another ledger are statements, bytes
// that do not parse are not.
func lie(err error) bool {
	for _, class := range []error{ledger.ErrSignature, ledger.ErrLedger, ledger.ErrQuorum, ledger.ErrProof} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
