package chain

import "golang.org/x/mod/sumdb/tlog"

// edge is the right edge of an RFC 6962 tree: the roots of its complete subtrees, the largest first. It is all that a
// tree needs to grow. It never changes.
type edge struct {
	size  int64
	roots []tlog.Hash
}

// grow returns the edge with one more leaf, and the hashes to store for it in tlog's order.
func (e edge) grow(leaf tlog.Hash) (edge, []tlog.Hash) {
	roots := e.roots
	stored := []tlog.Hash{leaf}
	for full := e.size; full&1 == 1; full >>= 1 {
		leaf = tlog.NodeHash(roots[len(roots)-1], leaf)
		roots = roots[:len(roots)-1]
		stored = append(stored, leaf)
	}
	return edge{e.size + 1, append(roots[:len(roots):len(roots)], leaf)}, stored
}

// tree returns size and root; the edge has at least one leaf.
func (e edge) tree() tlog.Tree {
	root := e.roots[len(e.roots)-1]
	for i := len(e.roots) - 2; i >= 0; i-- {
		root = tlog.NodeHash(e.roots[i], root)
	}
	return tlog.Tree{N: e.size, Hash: root}
}

// edgeIndexes returns where a tree of this size stores the roots of its complete subtrees.
func edgeIndexes(size int64) []int64 {
	var indexes []int64
	for level, start := 62, int64(0); level >= 0; level-- {
		if size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, start>>level))
			start += 1 << level
		}
	}
	return indexes
}
