package merkle

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	headSize = 3
	leafSize = 2 * tlog.HashSize

	// MaxProofSize is the size of the longest encoded proof.
	MaxProofSize = headSize + MaxDepth/8 + MaxDepth*tlog.HashSize + leafSize
)

// A Proof is the path from the root to the place where a key is, or would be. It is only a claim until
// CheckPresent or CheckAbsent has accepted it.
type Proof struct {
	// Siblings are the hashes beside the path, the root's first. One may be Empty, but not the last.
	Siblings []tlog.Hash

	// Other is the leaf that stands at the key's place and shows by its own key that the key is absent.
	Other *Leaf
}

// Encode returns the canonical bytes of p.
func (p Proof) Encode() []byte {
	n := len(p.Siblings)
	mask := make([]byte, maskSize(n))
	b := make([]byte, headSize, headSize+len(mask)+n*tlog.HashSize+leafSize)
	binary.BigEndian.PutUint16(b[1:], uint16(n))
	b = append(b, mask...)
	mask = b[headSize:]
	for i := range p.Siblings {
		if p.Siblings[i] != Empty {
			mask[i/8] |= 0x80 >> (i % 8)
			b = append(b, p.Siblings[i][:]...)
		}
	}
	if p.Other != nil {
		b[0] = 1
		b = append(b, p.Other.Key[:]...)
		b = append(b, p.Other.Value[:]...)
	}
	return b
}

// ParseProof accepts the output of Encode, for a path that a tree can have, and nothing else.
func ParseProof(b []byte) (Proof, error) {
	if len(b) < headSize || len(b) > MaxProofSize {
		return Proof{}, ErrEncoding
	}
	others, n := int(b[0]), int(binary.BigEndian.Uint16(b[1:]))
	if others > 1 || n > MaxDepth || len(b) < headSize+maskSize(n) {
		return Proof{}, ErrEncoding
	}
	mask, rest := b[headSize:headSize+maskSize(n)], b[headSize+maskSize(n):]
	if !canonicalMask(mask, n) || len(rest) != ones(mask)*tlog.HashSize+others*leafSize {
		return Proof{}, ErrEncoding
	}
	p := Proof{Siblings: make([]tlog.Hash, n)}
	for i := range p.Siblings {
		if mask[i/8]&(0x80>>(i%8)) == 0 {
			continue
		}
		rest = rest[copy(p.Siblings[i][:], rest):]
		if p.Siblings[i] == Empty {
			return Proof{}, ErrEncoding
		}
	}
	if others == 1 {
		p.Other = new(Leaf)
		rest = rest[copy(p.Other.Key[:], rest):]
		copy(p.Other.Value[:], rest)
	}
	return p, nil
}

func maskSize(n int) int { return (n + 7) / 8 }

// canonicalMask says whether the last of the n bits is 1 and every bit after it is 0.
func canonicalMask(mask []byte, n int) bool {
	if n == 0 {
		return true
	}
	last := byte(0x80) >> ((n - 1) % 8)
	return mask[len(mask)-1]&(last<<1-1) == last
}

func ones(mask []byte) int {
	n := 0
	for _, m := range mask {
		n += bits.OnesCount8(m)
	}
	return n
}
