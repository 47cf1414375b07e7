package evidence

import "evident/lightclient/ledger"

// Level is the level of the root of a file of size bytes. Leaves have level 0.
func Level(size int64) int { return profile.height(size) }

// Span is how many bytes of a file lie below a full node of a level; the last node of a level may be less full.
func Span(level int) int64 { return profile.span(level) }

// Children returns the CIDs in the block of a node, level above 0, below which size bytes of a file lie. The block has to
// be exactly the one that Split makes of these children, so it can lie about nothing but them.
func Children(level int, size int64, block []byte) ([]ledger.CID, error) {
	return profile.decode(level, size, block)
}
