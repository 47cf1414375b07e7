package evidence

import (
	"encoding/binary"
	"fmt"

	"evident/lightclient/ledger"
)

// Level is the level of the root of a file of size bytes. Leaves have level 0.
func Level(size int64) int { return profile.height(size) }

// Span is how many bytes of a file lie below a full node of a level; the last node of a level may be less full.
func Span(level int) int64 { return profile.span(level) }

// Children returns the CIDs in the block of a node, level above 0, below which size bytes of a file lie. The block has to
// be exactly the one that Split makes of these children, so it can lie about nothing but them.
func Children(level int, size int64, block []byte) ([]ledger.CID, error) {
	return profile.decode(level, size, block)
}

// SizeOf returns what the block of a node says of the size of the file below it. Children holds the block to it.
func SizeOf(node []byte) (int64, error) {
	rest := node
	for len(rest) > 0 {
		field := rest[0]
		length, n := binary.Uvarint(rest[1:])
		if n <= 0 || length > uint64(len(rest)-1-n) {
			break
		}
		value := rest[1+n : 1+n+int(length)]
		if rest = rest[1+n+int(length):]; field == pbLink {
			continue
		}
		if field != pbData || len(value) < 3 || value[0] != fileType || value[1] != unixFSFile || value[2] != fileSize {
			break
		}
		size, n := binary.Uvarint(value[3:])
		if n <= 0 || size > maxSize {
			break
		}
		return int64(size), nil
	}
	return 0, fmt.Errorf("%w: it says no size", ErrTree)
}
