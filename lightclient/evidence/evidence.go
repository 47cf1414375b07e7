// Package evidence names an evidence file by its content: one pass over the bytes gives the SHA-256 that people compare
// and the CID under which IPFS stores the same bytes.
//
// The CID is the root of the file's UnixFS tree under the profile unixfs-v1-2025: CIDv1, SHA-256, raw leaves of 1 MiB,
// dag-pb nodes of at most 1,024 links, balanced. Any IPFS importer with these parameters computes the same CID, so a
// record made here can be checked with tools that are not ours. For the five bytes "hello":
//
//	sha256  2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
//	cid     bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq
//	size    5
//
// The package never holds a file in memory, whatever its size, and never sends a byte anywhere.
package evidence

import (
	"crypto/sha256"
	"hash"
)

// Digest is what identifies a file's content.
type Digest struct {
	SHA256 [32]byte
	CID    string
	Size   int64
}

// Hasher computes a Digest from bytes written to it in pieces of any size.
type Hasher struct {
	whole hash.Hash
	dag   *dag
	size  int64
}

// NewHasher returns a Hasher over no bytes yet.
func NewHasher() *Hasher { return newHasher(leafSize, nodeLinks) }

func newHasher(leaf int64, links int) *Hasher {
	return &Hasher{whole: sha256.New(), dag: newDAG(leaf, links)}
}

// Write adds p to the content. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	h.whole.Write(p)
	h.dag.write(p)
	h.size += int64(len(p))
	return len(p), nil
}

// Sum returns the Digest of everything written so far; more may be written afterwards.
func (h *Hasher) Sum() Digest {
	d := Digest{CID: h.dag.root(), Size: h.size}
	h.whole.Sum(d.SHA256[:0])
	return d
}
