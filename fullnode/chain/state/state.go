// Package state keeps the ledger's state tree: what every item is now, under one root that a block's header carries.
// It stores the tree that package merkle defines, version by version, and proves any key present or absent in any version
// that is still stored. It decides nothing about what a state means and never deletes a key.
//
// Nodes are stored under the height that wrote them and are never changed, so every height keeps its own tree until a
// pruner removes what Writes.Stale names. Update and Prove read through KV and write nothing: the caller stores an
// update's Writes and its Root together with the block, in one transaction.
package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/merkle"
)

// KeyPrefix is the first byte of every key that this package reads or writes.
const KeyPrefix = 's'

// KV reads stored nodes. Get returns ErrNotFound if there is no such key. The key is Get's only during the call; the value
// stays as it is until the next Get.
type KV interface {
	Get(key []byte) ([]byte, error)
}

var (
	// ErrNotFound says that a node is not stored: for an old root it has been pruned, for the newest the store is damaged.
	ErrNotFound = errors.New("state: not found")

	// ErrDamaged says that stored bytes are not the node that its parent, or the root, commits to.
	ErrDamaged = errors.New("state: damaged")
)

// A Root names one version of the tree. The zero Root is the empty tree.
type Root struct {
	version uint64
	hash    tlog.Hash
}

// RootSize is the size of an encoded Root.
const RootSize = 8 + tlog.HashSize

// Hash is what the header carries.
func (r Root) Hash() tlog.Hash { return r.hash }

// Encode returns the bytes to store with the block: the version that wrote the root node, big-endian, and the hash.
func (r Root) Encode() []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, RootSize), r.version), r.hash[:]...)
}

// ParseRoot accepts the output of Encode and nothing else.
func ParseRoot(b []byte) (Root, error) {
	if len(b) != RootSize {
		return Root{}, fmt.Errorf("%w: a root of %d bytes", ErrDamaged, len(b))
	}
	r := Root{binary.BigEndian.Uint64(b), tlog.Hash(b[8:])}
	if r.hash == merkle.Empty && r.version != 0 {
		return Root{}, fmt.Errorf("%w: an empty root with version %d", ErrDamaged, r.version)
	}
	return r, nil
}

// Writes are what an update changes in the store.
type Writes struct {
	Put []Put

	// Stale are the keys of the nodes that the old root reaches and the new one does not. Whoever keeps no proofs for
	// versions before the new one may remove them.
	Stale [][]byte
}

// A Put is one node to store.
type Put struct {
	Key, Value []byte
}
