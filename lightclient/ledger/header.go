package ledger

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxHeaderSize bounds the text of a header, in bytes.
const MaxHeaderSize = 1024

// MaxLogSize bounds the size of a chain log, and every other number of a format
// that has no smaller limit. Up to it numbers are exact in every JSON reader;
// near 2^63 the loops of package tlog would not end.
const MaxLogSize = 1 << 53

const headerPurpose = "evident/block/v1"

// Height is a block's position from genesis, which is 0.
type Height uint64

// Header is what a block commits to. Its text is a leaf of the chain log.
type Header struct {
	Ledger      string    // origin of the ledger
	Height      Height    //
	Parent      tlog.Hash // Hash of the parent header; at height 0, the genesis fingerprint
	Time        int64     // Unix milliseconds, by the leader's clock: for order and rules only
	Records     int64     // number of records
	RecordsRoot tlog.Hash // RFC 6962 root over the record notes, in order
	State       tlog.Hash // root of the state tree after this block
	Members     tlog.Hash // digest of the member set that certifies this block
	Next        tlog.Hash // digest of the member set that certifies the next block
}

// Text returns the header's canonical text, nine lines.
func (h Header) Text() []byte {
	return fmt.Appendf(nil, "%s\nledger %s\nheight %d\nparent %s\ntime %d\nrecords %d %s\nstate %s\nmembers %s\nnext %s\n",
		headerPurpose, h.Ledger, h.Height, h.Parent, h.Time, h.Records, h.RecordsRoot, h.State, h.Members, h.Next)
}

// Hash returns the header's leaf hash in the chain log (RFC 6962).
func (h Header) Hash() tlog.Hash { return tlog.RecordHash(h.Text()) }

// ParseHeader parses the canonical text of a header, and nothing else.
func ParseHeader(text []byte) (Header, error) {
	if len(text) > MaxHeaderSize {
		return Header{}, tooLarge("a header", len(text), MaxHeaderSize)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 10 || lines[0] != headerPurpose || lines[9] != "" {
		return Header{}, malformed("header: want the nine lines of %s", headerPurpose)
	}
	var h Header
	r := lineReader{lines: lines[1:9]}
	h.Ledger = r.next("ledger")
	h.Height = Height(r.number("height"))
	h.Parent = r.hash("parent")
	h.Time = r.number("time")
	count, root, _ := strings.Cut(r.next("records"), " ")
	h.Records = r.parseNumber(count)
	h.RecordsRoot = r.parseHash(root)
	h.State = r.hash("state")
	h.Members = r.hash("members")
	h.Next = r.hash("next")
	if r.err != nil {
		return Header{}, malformed("header: %v", r.err)
	}
	if err := CheckOrigin(h.Ledger); err != nil {
		return Header{}, err
	}
	if h.Height >= MaxLogSize || h.Time > MaxLogSize || h.Records > MaxBlockRecords {
		return Header{}, fmt.Errorf("%w: header: height %d, time %d, %d records", ErrLimit, h.Height, h.Time, h.Records)
	}
	if string(h.Text()) != string(text) {
		return Header{}, malformed("header: not the canonical text")
	}
	return h, nil
}

// lineReader reads "word value" lines in a fixed order and keeps the first error.
type lineReader struct {
	lines []string
	err   error
}

func (r *lineReader) next(word string) string {
	line := r.lines[0]
	r.lines = r.lines[1:]
	value, ok := strings.CutPrefix(line, word+" ")
	if !ok {
		r.fail("want a line %q", word)
	}
	return value
}

func (r *lineReader) number(word string) int64   { return r.parseNumber(r.next(word)) }
func (r *lineReader) hash(word string) tlog.Hash { return r.parseHash(r.next(word)) }

func (r *lineReader) parseNumber(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		r.fail("%q is not a number of 0 or more", s)
	}
	return n
}

func (r *lineReader) parseHash(s string) tlog.Hash {
	h, err := ParseHash(s)
	if err != nil {
		r.fail("%q is not a hash", s)
	}
	return h
}

func (r *lineReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// ParseHash parses the base64 text of a hash, as tlog.Hash prints it.
func ParseHash(s string) (tlog.Hash, error) {
	data, ok := decodeBase64([]byte(s), tlog.HashSize)
	if !ok {
		return tlog.Hash{}, malformed("%q is not the base64 text of 32 bytes", clip(s))
	}
	return tlog.Hash(data), nil
}
