package lightclient

import "errors"

// ErrConflict says that a value is no longer the one it was to replace.
var ErrConflict = errors.New("the stored value has changed")

// Store keeps a few small named values for one ledger. Whoever can write to it
// can set the client back to any earlier state, but make it believe nothing:
// what is read from it is verified again.
type Store interface {
	// Read returns the value of a name, nil when there is none.
	Read(name string) ([]byte, error)

	// Swap replaces old by value, and is durable when it returns. It fails with
	// ErrConflict when another process, or another page, has replaced old. A
	// nil old means that there is no value.
	Swap(name string, old, value []byte) error
}

// The names in a store.
const (
	storedGenesis       = "genesis"
	storedPin           = "pinned"
	storedHead          = "head"
	storedFresh         = "fresh" // when the client last saw a fresh head
	storedContradiction = "contradiction"
)
