// Package merkle checks that a key is present in the ledger's state tree with a given value, or that it is absent.
// It needs nothing but the proof and a root that the caller already trusts, because a certified header carries it.
// It holds no tree and makes no proofs: the full node's package state does that.
//
// # Tree
//
// The tree is binary. A key's bits, the highest first, say at each level whether to go left (0) or right (1).
// A subtree without keys has the hash Empty, 32 zero bytes. A subtree with exactly one key has that leaf's hash, at whatever
// depth it is. Every other subtree has the hash of its two halves. So a set of keys and values has exactly one root, in
// whatever order they came, and a path is only as long as it must be to tell two keys apart.
//
//	key  = SHA-256(space ‖ 0x00 ‖ name)
//	leaf = SHA-256(0x02 ‖ key ‖ value)
//	node = SHA-256(0x03 ‖ left ‖ right)
//
// The prefixes are not RFC 6962's 0x00 and 0x01, so no hash in this tree is also a hash in a log.
//
// # Proof
//
// A proof is a few hundred bytes:
//
//	1 byte    1 if another leaf stands at the key's place, else 0
//	2 bytes   n, the number of siblings from the root to that place, big-endian, at most 256
//	⌈n/8⌉     one bit for each sibling, the root's first, the highest bit first: 1 if it follows, 0 if it is Empty;
//	          the last of the n bits is 1 and the bits after it are 0
//	32 bytes  for each sibling that is not Empty, the root's first
//	64 bytes  key and value of the other leaf, if the first byte says so
//
// For example, with the two leaves key 00…00 value 11…11 and key 80…00 value 22…22, this proves under the root
// 76ac87d94f7ceedd4aa804780d19cd25039c366ace0be09a127f6e4ed155ac11 that the first is present (one sibling, the second leaf):
//
//	00 0001 80 7156549a28d7e7ba0c7bf1f96b250ebbf2097afd67926b01be72f60e0e26e816
package merkle

import (
	"crypto/sha256"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxDepth is the longest path: a key has no more bits.
const MaxDepth = 256

// Empty is the hash of a subtree without keys.
var Empty tlog.Hash

// A Leaf is a key and the digest of the value that the ledger holds for it.
type Leaf struct {
	Key, Value tlog.Hash
}

// Every refusal is an ErrProof; the others say which condition failed.
var (
	ErrProof    = errors.New("merkle: proof refused")
	ErrEncoding = error(refusal("bytes are not the encoding of a proof"))
	ErrShape    = error(refusal("path is not one that a state tree can have"))
	ErrOther    = error(refusal("proof names a leaf that does not fit the claim"))
	ErrRoot     = error(refusal("path does not lead to the root"))
)

type refusal string

func (r refusal) Error() string { return ErrProof.Error() + ": " + string(r) }
func (r refusal) Unwrap() error { return ErrProof }

// Key returns the place of a name in the tree. Spaces keep contracts apart; a space has no zero byte in it.
func Key(space, name string) tlog.Hash {
	b := make([]byte, 0, len(space)+1+len(name))
	b = append(b, space...)
	b = append(b, 0)
	return sha256.Sum256(append(b, name...))
}

// LeafHash is the hash of a subtree that holds one key.
func LeafHash(key, value tlog.Hash) tlog.Hash { return hash(2, &key, &value) }

// NodeHash is the hash of a subtree that holds several keys.
func NodeHash(left, right tlog.Hash) tlog.Hash { return hash(3, &left, &right) }

func hash(prefix byte, a, b *tlog.Hash) tlog.Hash {
	var in [1 + 2*tlog.HashSize]byte
	in[0] = prefix
	copy(in[1:], a[:])
	copy(in[1+tlog.HashSize:], b[:])
	return sha256.Sum256(in[:])
}

// CheckPresent returns nil if p proves that the tree with this root holds value under key. It checks in this order that
//  1. the path is one that a tree can have (ErrShape);
//  2. no other leaf stands at the key's place (ErrOther);
//  3. the key's leaf and the siblings give the root (ErrRoot).
func CheckPresent(root, key, value tlog.Hash, p Proof) error {
	if !p.possible() {
		return ErrShape
	}
	if p.Other != nil {
		return ErrOther
	}
	if p.fold(key, LeafHash(key, value)) != root {
		return ErrRoot
	}
	return nil
}

// CheckAbsent returns nil if p proves that the tree with this root does not hold key. It checks in this order that
//  1. the path is one that a tree can have (ErrShape);
//  2. the leaf at the key's place, if there is one, is another key's (ErrOther);
//  3. that leaf belongs there: it agrees with key in every bit that the path has used (ErrOther);
//  4. that leaf, or Empty, and the siblings give the root (ErrRoot).
func CheckAbsent(root, key tlog.Hash, p Proof) error {
	if !p.possible() {
		return ErrShape
	}
	at := Empty
	if p.Other != nil {
		if p.Other.Key == key {
			return ErrOther
		}
		if !agree(&key, &p.Other.Key, len(p.Siblings)) {
			return ErrOther
		}
		at = LeafHash(p.Other.Key, p.Other.Value)
	}
	if p.fold(key, at) != root {
		return ErrRoot
	}
	return nil
}

// possible says whether the path could occur. Its last sibling holds a key: the tree splits only where two keys part.
func (p Proof) possible() bool {
	n := len(p.Siblings)
	return n <= MaxDepth && (n == 0 || p.Siblings[n-1] != Empty)
}

// fold returns the root that follows from the hash at the key's place.
func (p Proof) fold(key, at tlog.Hash) tlog.Hash {
	for i := len(p.Siblings) - 1; i >= 0; i-- {
		if bit(&key, i) == 0 {
			at = NodeHash(at, p.Siblings[i])
		} else {
			at = NodeHash(p.Siblings[i], at)
		}
	}
	return at
}

func bit(key *tlog.Hash, i int) byte { return key[i/8] >> (7 - i%8) & 1 }

func agree(a, b *tlog.Hash, bits int) bool {
	for i := range bits {
		if bit(a, i) != bit(b, i) {
			return false
		}
	}
	return true
}
