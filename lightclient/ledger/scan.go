package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Scanner reads canonical JSON whose members the caller knows. Canonical JSON
// has one order and one spelling, so nothing needs to be looked up: the caller
// expects the names in their order and reads the values between them. After
// the first error every method returns a zero value; Close returns the error.
type Scanner struct {
	rest []byte
	err  error
}

// maxEscape is the length of the longest escape of one byte, \u0000.
const maxEscape = 6

// NewScanner returns a Scanner at the beginning of data, which it never changes.
func NewScanner(data []byte) *Scanner { return &Scanner{rest: data} }

// Expect reads exactly text.
func (s *Scanner) Expect(text string) {
	if s.err == nil && !s.Has(text) {
		s.fail("want %s", text)
	}
}

// Has reads text if it comes next, and tells whether it did.
func (s *Scanner) Has(text string) bool {
	if s.err != nil || len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// Int reads a whole number of 64 bits.
func (s *Scanner) Int() int64 {
	end := 0
	for end < len(s.rest) && (s.rest[end] == '-' || s.rest[end] >= '0' && s.rest[end] <= '9') {
		end++
	}
	digits := s.rest[:end]
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || digits[0] == '0' && end > 1 || digits[0] == '-' && digits[1] == '0' {
		s.fail("want a whole number of 64 bits")
		return 0
	}
	s.rest = s.rest[end:]
	return n
}

// Text reads a text of at most limit bytes.
func (s *Scanner) Text(limit int) string {
	raw, escaped := s.text()
	if len(raw) > maxEscape*limit {
		s.err = tooLarge("a text", len(raw), limit)
		return ""
	}
	if escaped {
		raw = unescape(raw)
	}
	if len(raw) > limit {
		s.err = tooLarge("a text", len(raw), limit)
		return ""
	}
	return string(raw)
}

// Hash reads the base64 text of a hash.
func (s *Scanner) Hash() tlog.Hash {
	raw, _ := s.text()
	if s.err != nil {
		return tlog.Hash{}
	}
	h, err := ParseHash(string(raw))
	if err != nil {
		s.err = err
	}
	return h
}

// List reads a list of at most limit values, each with item.
func (s *Scanner) List(limit int, item func()) {
	s.Expect("[")
	if s.Has("]") {
		return
	}
	for n := 0; s.err == nil; n++ {
		if n == limit {
			s.err = fmt.Errorf("%w: a list has at most %d values", ErrLimit, limit)
			return
		}
		item()
		if !s.Has(",") {
			break
		}
	}
	s.Expect("]")
}

// Object reads an object of freely chosen members, nested at most 8 deep.
func (s *Scanner) Object() json.RawMessage {
	start := s.rest
	if len(start) == 0 || start[0] != '{' {
		s.fail("want a JSON object")
	}
	s.value(maxDepth)
	return json.RawMessage(start[:len(start)-len(s.rest)])
}

// Close returns the first error, if there was one or if bytes are left.
func (s *Scanner) Close() error {
	if s.err == nil && len(s.rest) > 0 {
		s.fail("want nothing more")
	}
	return s.err
}

func (s *Scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = malformed("JSON: %s, have %q", fmt.Sprintf(format, args...), s.rest[:min(len(s.rest), 24)])
	}
}

// value reads one value of any kind, nested at most depth deep.
func (s *Scanner) value(depth int) {
	if depth < 0 && s.err == nil {
		s.err = fmt.Errorf("%w: JSON is nested too deep", ErrLimit)
	}
	if s.err != nil || len(s.rest) == 0 {
		s.fail("want a value")
		return
	}
	switch s.rest[0] {
	case '{':
		s.object(depth)
	case '[':
		s.List(len(s.rest), func() { s.value(depth - 1) })
	case '"':
		s.text()
	default:
		if !s.Has("true") && !s.Has("false") && !s.Has("null") {
			s.Int()
		}
	}
}

// object reads an object whose names ascend, by the bytes of their UTF-8.
func (s *Scanner) object(depth int) {
	s.Expect("{")
	if s.Has("}") {
		return
	}
	var last []byte
	for first := true; s.err == nil; first = false {
		name := s.name()
		if !first && bytes.Compare(last, name) >= 0 {
			s.fail("names are not sorted, or one stands twice, before")
			return
		}
		last = name
		s.Expect(":")
		s.value(depth - 1)
		if !s.Has(",") {
			break
		}
	}
	s.Expect("}")
}

func (s *Scanner) name() []byte {
	raw, escaped := s.text()
	if escaped {
		return unescape(raw)
	}
	return raw
}

// text reads a string in its only spelling, and returns what stands between the quotes.
func (s *Scanner) text() (raw []byte, escaped bool) {
	start := s.rest
	s.Expect(`"`)
	for i := 1; s.err == nil && i < len(start); {
		switch c := start[i]; {
		case c == '"':
			s.rest = start[i+1:]
			return start[1:i], escaped
		case c == '\\':
			n := escapeSize(start[i:])
			if n == 0 {
				s.fail("an escape is not canonical in")
				return nil, false
			}
			escaped = true
			i += n
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(start[i:])
			if r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
				s.fail("a text has bytes that are not UTF-8, or U+FFFD, U+2028 or U+2029, in")
				return nil, false
			}
			i += n
		case c < 0x20:
			s.fail("a control character is not escaped in")
			return nil, false
		default:
			i++
		}
	}
	s.fail("want a text")
	return nil, false
}

// unescape replaces the escapes that text has accepted.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(out, raw...)
		}
		out = append(out, raw[:i]...)
		switch c := raw[i+1]; c {
		case 'u':
			out = append(out, (raw[i+4]-'0')<<4|byte(strings.IndexByte(lowHex, raw[i+5])))
		case '"', '\\':
			out = append(out, c)
		default:
			out = append(out, "\b\f\n\r\t"[strings.IndexByte("bfnrt", c)])
		}
		raw = raw[escapeSize(raw[i:])+i:]
	}
}

const lowHex = "0123456789abcdef"

// escapeSize returns the length of the canonical escape that b begins with, or 0.
func escapeSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2
	}
	if len(b) < 6 || string(b[1:4]) != "u00" || b[4] != '0' && b[4] != '1' {
		return 0
	}
	low := strings.IndexByte(lowHex, b[5])
	if low < 0 || b[4] == '0' && strings.IndexByte("\b\f\n\r\t", byte(low)) >= 0 {
		return 0
	}
	return 6
}
