package ledger

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Limits of a block.
const (
	MaxBlockBytes   = 4 << 20 // of all its record notes
	MaxBlockRecords = 10_000
)

// maxFramedBlock bounds a framed block: its records, and room for its header and the lengths.
const maxFramedBlock = MaxBlockBytes + 64<<10

// Block is a header with its record notes, in order. Holding one says nothing
// of their agreement: CheckRecords does.
type Block struct {
	Header Header
	Notes  [][]byte
}

// Encode returns the block as frames: the header's text, then each note, each
// behind its length as an unsigned varint.
func (b Block) Encode() []byte {
	out := AppendFrame(nil, b.Header.Text())
	for _, n := range b.Notes {
		out = AppendFrame(out, n)
	}
	return out
}

// ParseBlock parses a framed block whose records are those of its header.
func ParseBlock(data []byte) (Block, error) {
	if len(data) > maxFramedBlock {
		return Block{}, tooLarge("a block", len(data), maxFramedBlock)
	}
	frames, err := ParseFrames(data, MaxBlockRecords+1)
	if err != nil {
		return Block{}, err
	}
	if len(frames) == 0 {
		return Block{}, malformed("block: no header")
	}
	h, err := ParseHeader(frames[0])
	if err != nil {
		return Block{}, err
	}
	b := Block{Header: h, Notes: frames[1:]}
	leaves, size := make([]tlog.Hash, len(b.Notes)), 0
	for i, n := range b.Notes {
		leaves[i] = tlog.RecordHash(n)
		size += len(n)
	}
	if size > MaxBlockBytes {
		return Block{}, tooLarge("the records of a block", size, MaxBlockBytes)
	}
	if int64(len(leaves)) != h.Records || NewRecordsTree(leaves).Root() != h.RecordsRoot {
		return Block{}, fmt.Errorf("%w: the records are not those of header %d", ErrProof, h.Height)
	}
	return b, nil
}

// AppendFrame appends data behind its length as an unsigned varint.
func AppendFrame(out, data []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(data))), data...)
}

// ParseFrames splits data into at most limit frames, which share its memory.
func ParseFrames(data []byte, limit int) ([][]byte, error) {
	var frames [][]byte
	for len(data) > 0 {
		size, n := binary.Uvarint(data)
		if n <= 0 || n > 1 && data[n-1] == 0 || size > uint64(len(data)-n) {
			return nil, malformed("frames: a length is wrong")
		}
		if len(frames) == limit {
			return nil, fmt.Errorf("%w: more than %d frames", ErrLimit, limit)
		}
		frames = append(frames, data[n:n+int(size):n+int(size)])
		data = data[n+int(size):]
	}
	return frames, nil
}
