package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// leafTree is an RFC 6962 tree over leaf hashes held in memory: the records of
// one block, whose root stands in the header.
type leafTree []tlog.Hash // stored hashes, as package tlog numbers them

// RecordsTree is the tree over the records of one block.
type RecordsTree struct {
	count  int64
	stored leafTree
}

// NewRecordsTree makes the tree over leaves, the tlog.RecordHash of each note in order.
func NewRecordsTree(leaves []tlog.Hash) RecordsTree {
	t := RecordsTree{count: int64(len(leaves)), stored: make(leafTree, 0, 2*len(leaves))}
	for i, leaf := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), leaf, t.stored)
		if err != nil {
			panic("ledger: tree in memory: " + err.Error())
		}
		t.stored = append(t.stored, hashes...)
	}
	return t
}

// Root returns the RFC 6962 root.
func (t RecordsTree) Root() tlog.Hash {
	root, err := tlog.TreeHash(t.count, t.stored)
	if err != nil {
		panic("ledger: tree in memory: " + err.Error())
	}
	return root
}

// Prove returns the inclusion path of the record at index; empty only for a single record.
func (t RecordsTree) Prove(index int64) (tlog.RecordProof, error) {
	if index < 0 || index >= t.count {
		return nil, fmt.Errorf("prove record %d of %d: no such record", index, t.count)
	}
	return tlog.ProveRecord(t.count, index, t.stored)
}

// ReadHashes implements tlog.HashReader.
func (t leafTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(t)) {
			return nil, fmt.Errorf("hash %d is not stored", x)
		}
		out[i] = t[x]
	}
	return out, nil
}

// CheckRecord checks that the leaf hash stands at index in the header's records.
func (h Header) CheckRecord(path tlog.RecordProof, index int64, leaf tlog.Hash) error {
	if index < 0 || index >= h.Records {
		return fmt.Errorf("%w: the block has no record %d", ErrProof, index)
	}
	if err := tlog.CheckRecord(path, h.Records, h.RecordsRoot, index, leaf); err != nil {
		return fmt.Errorf("%w: record %d is not in block %d", ErrProof, index, h.Height)
	}
	return nil
}

// CheckIncluded checks that the header is leaf number Height of the chain log tree.
func (h Header) CheckIncluded(path tlog.RecordProof, tree tlog.Tree) error {
	if h.Height >= Height(tree.N) {
		return fmt.Errorf("%w: block %d is not in a chain log of size %d", ErrProof, h.Height, tree.N)
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, int64(h.Height), h.Hash()); err != nil {
		return fmt.Errorf("%w: block %d is not in the chain log of size %d", ErrProof, h.Height, tree.N)
	}
	return nil
}
