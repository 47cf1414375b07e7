package evidence

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"evident/lightclient/ledger"
)

// A CAR (CARv1) is a header and then blocks, each with its CID, each part behind its length. Ours has at most one root,
// which says what the blocks belong to and nothing about which are there.

// The header is one map in dag-cbor, {"roots": […], "version": 1}, whose only freedom is the root.
const (
	carBefore = "\xa2eroots"
	carNone   = "\x80"
	carOne    = "\x81\xd8\x2a\x58\x25\x00" // a list of one tag 42 with 37 bytes, the first of them 0
	carAfter  = "gversion\x01"
)

// CARWriter writes blocks.
type CARWriter struct{ w io.Writer }

// NewCARWriter writes the header.
func NewCARWriter(w io.Writer, root *ledger.CID) (*CARWriter, error) {
	header := carBefore + carNone
	if root != nil {
		header = carBefore + carOne + string(root[:])
	}
	c := &CARWriter{w}
	return c, c.section([]byte(header + carAfter))
}

// Write writes a block.
func (c *CARWriter) Write(b Block) error { return c.section(b.CID[:], b.Data) }

func (c *CARWriter) section(parts ...[]byte) error {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	if _, err := c.w.Write(binary.AppendUvarint(nil, uint64(length))); err != nil {
		return fmt.Errorf("write CAR: %w", err)
	}
	for _, p := range parts {
		if _, err := c.w.Write(p); err != nil {
			return fmt.Errorf("write CAR: %w", err)
		}
	}
	return nil
}

// CARReader reads blocks from somebody who is not trusted.
type CARReader struct {
	r   *bufio.Reader
	buf []byte
}

// NewCARReader reads the header. It accepts what CARWriter writes; root is nil if there is none.
func NewCARReader(r io.Reader) (c *CARReader, root *ledger.CID, err error) {
	c = &CARReader{r: bufio.NewReaderSize(r, 64<<10)}
	longest := len(carBefore) + len(carOne) + len(ledger.CID{}) + len(carAfter)
	header, err := c.section(longest)
	if err == io.EOF {
		return nil, nil, fmt.Errorf("%w: CAR: no header", ledger.ErrFormat)
	}
	if err != nil {
		return nil, nil, err
	}
	if string(header) == carBefore+carNone+carAfter {
		return c, nil, nil
	}
	rest, before := bytes.CutPrefix(header, []byte(carBefore+carOne))
	cid, after := bytes.CutSuffix(rest, []byte(carAfter))
	if !before || !after {
		return nil, nil, fmt.Errorf("%w: CAR: want a header of version 1 with at most one root", ledger.ErrFormat)
	}
	parsed, err := ledger.CIDFromBytes(cid)
	if err != nil {
		return nil, nil, err
	}
	return c, &parsed, nil
}

// Next returns the next block, which has been checked, or io.EOF. Its data is good until the next call.
func (c *CARReader) Next() (Block, error) {
	var b Block
	section, err := c.section(len(b.CID) + MaxBlock)
	if err != nil {
		return Block{}, err
	}
	if len(section) < len(b.CID) {
		return Block{}, fmt.Errorf("%w: CAR: a section without a CID", ledger.ErrFormat)
	}
	if b.CID, err = ledger.CIDFromBytes(section[:len(b.CID)]); err != nil {
		return Block{}, err
	}
	b.Data = section[len(b.CID):]
	return b, b.CID.Check(b.Data)
}

// section reads a part behind its length. Its buffer grows only with what has arrived.
func (c *CARReader) section(limit int) ([]byte, error) {
	length, err := c.length()
	if err != nil {
		return nil, err
	}
	if length > uint64(limit) {
		return nil, fmt.Errorf("%w: CAR: a section of %d bytes, at most %d are allowed", ledger.ErrLimit, length, limit)
	}
	for c.buf = c.buf[:0]; len(c.buf) < int(length); {
		start := len(c.buf)
		c.buf = append(c.buf, make([]byte, min(int(length)-start, 64<<10))...)
		if _, err := io.ReadFull(c.r, c.buf[start:]); err != nil {
			return nil, cut(err)
		}
	}
	return c.buf, nil
}

// length reads an unsigned varint without needless bytes; io.EOF if there is none.
func (c *CARReader) length() (uint64, error) {
	var bytes [binary.MaxVarintLen32]byte
	for i := range bytes {
		b, err := c.r.ReadByte()
		if err != nil {
			if i == 0 && err == io.EOF {
				return 0, io.EOF
			}
			return 0, cut(err)
		}
		bytes[i] = b
		if b < 0x80 {
			if b == 0 && i > 0 {
				break
			}
			length, _ := binary.Uvarint(bytes[:i+1])
			return length, nil
		}
	}
	return 0, fmt.Errorf("%w: CAR: a length that is not a short varint", ledger.ErrFormat)
}

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: CAR: it ends too early", ledger.ErrFormat)
	}
	return fmt.Errorf("read CAR: %w", err)
}
