package ledgertest

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// Chain is a chain log that grows by blocks.
type Chain struct {
	*Consortium
	Headers []ledger.Header
	Set     ledger.MemberSet // in force for the next block

	stored stored
	leaves []merkle.Leaf
}

// NewChain founds a consortium of n members and makes its block 0.
func NewChain(n int) *Chain {
	c := &Chain{Consortium: New(n)}
	c.Set = c.Genesis.Members
	c.Add(c.Set)
	return c
}

// Add appends a block of notes and announces the member set of the next block.
func (c *Chain) Add(next ledger.MemberSet, notes ...[]byte) ledger.Header {
	leaves := make([]tlog.Hash, len(notes))
	for i, n := range notes {
		leaves[i] = tlog.RecordHash(n)
	}
	h := ledger.Header{
		Ledger: c.Origin, Height: ledger.Height(len(c.Headers)), Parent: tlog.Hash(c.Fingerprint),
		Time: Created + 30_000*int64(len(c.Headers)), Records: int64(len(notes)),
		RecordsRoot: ledger.NewRecordsTree(leaves).Root(),
		State:       c.subtree(c.leaves, 0), Members: c.Set.Digest(), Next: next.Digest(),
	}
	if h.Height > 0 {
		h.Parent = c.Headers[h.Height-1].Hash()
	}
	c.stored = append(c.stored, must(tlog.StoredHashes(int64(h.Height), h.Text(), c.stored))...)
	c.Headers = append(c.Headers, h)
	c.Set = next
	return h
}

// Tree returns the chain log now.
func (c *Chain) Tree() tlog.Tree {
	n := int64(len(c.Headers))
	return tlog.Tree{N: n, Hash: must(tlog.TreeHash(n, c.stored))}
}

// At returns the chain log when it had a smaller size.
func (c *Chain) At(size int64) tlog.Tree {
	return tlog.Tree{N: size, Hash: must(tlog.TreeHash(size, c.stored))}
}

// Prove returns the inclusion path of a header in the log of a size.
func (c *Chain) Prove(h ledger.Height, size int64) tlog.RecordProof {
	return must(tlog.ProveRecord(size, int64(h), c.stored))
}

// ProveTree returns the consistency path between two sizes.
func (c *Chain) ProveTree(from, to int64) tlog.TreeProof {
	return must(tlog.ProveTree(to, from, c.stored))
}

// SetState puts a value in the state tree, from the next block on.
func (c *Chain) SetState(space, name string, value []byte) {
	leaf := merkle.Leaf{Key: merkle.Key(space, name), Value: sha256.Sum256(value)}
	if i := slices.IndexFunc(c.leaves, func(l merkle.Leaf) bool { return l.Key == leaf.Key }); i >= 0 {
		c.leaves = slices.Clone(c.leaves) // copies of this chain keep the old value
		c.leaves[i] = leaf
		return
	}
	c.leaves = append(c.leaves, leaf)
}

// ProveState returns the proof for a key of the state tree.
func (c *Chain) ProveState(key tlog.Hash) merkle.Proof {
	var p merkle.Proof
	leaves := c.leaves
	for level := 0; len(leaves) > 1; level++ {
		left, right := split(leaves, level)
		if bit(key, level) == 1 {
			left, right = right, left
		}
		p.Siblings = append(p.Siblings, c.subtree(right, level+1))
		leaves = left
	}
	if len(leaves) == 1 && leaves[0].Key != key {
		p.Other = &leaves[0]
	}
	return p
}

func (c *Chain) subtree(leaves []merkle.Leaf, level int) tlog.Hash {
	switch len(leaves) {
	case 0:
		return merkle.Empty
	case 1:
		return merkle.LeafHash(leaves[0].Key, leaves[0].Value)
	}
	left, right := split(leaves, level)
	return merkle.NodeHash(c.subtree(left, level+1), c.subtree(right, level+1))
}

func split(leaves []merkle.Leaf, level int) (left, right []merkle.Leaf) {
	for _, l := range leaves {
		if bit(l.Key, level) == 0 {
			left = append(left, l)
		} else {
			right = append(right, l)
		}
	}
	return left, right
}

func bit(key tlog.Hash, i int) byte { return key[i/8] >> (7 - i%8) & 1 }

type stored []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(s)) {
			return nil, fmt.Errorf("hash %d is not stored", x)
		}
		out[i] = s[x]
	}
	return out, nil
}
