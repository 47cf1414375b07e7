package casefile

import (
	"bytes"
	"compress/zlib"
	"io"
	"strconv"
	"strings"
)

// Two programs may compress the same page differently, so a PDF is compared as
// what it is made of: the found one must be the made one with each compressed
// stream put another way, its length and the offsets of the objects adapted,
// and not a byte else.

// SamePDF compares a PDF of a package with the one made by this program.
func SamePDF(found, made []byte) bool {
	c := comparison{found: found, made: made}
	for {
		stream := c.nextStream()
		if stream == nil {
			break
		}
		if !c.equalUpTo(stream.length) || !c.sameStream(stream) {
			return false
		}
	}
	return c.sameTail()
}

// comparison walks through both files, object by object.
type comparison struct {
	found, made     []byte
	atFound, atMade int
	moved           []shift
}

// shift says where bytes of the made file are in the found one.
type shift struct{ made, found int }

// stream is one of the made file.
type stream struct {
	length    int // where the digits of its length are
	lengthEnd int
	data      int
	size      int
}

const (
	lengthName  = "/Length "
	streamBegin = "\nstream\n"
)

// nextStream finds the next stream of the made file, which is known to be well formed.
func (c *comparison) nextStream() *stream {
	begin := bytes.Index(c.made[c.atMade:], []byte(streamBegin))
	if begin < 0 {
		return nil
	}
	s := &stream{data: c.atMade + begin + len(streamBegin)}
	object := c.atMade + max(0, bytes.LastIndex(c.made[c.atMade:c.atMade+begin], []byte(" obj\n")))
	name := bytes.Index(c.made[object:s.data], []byte(lengthName))
	if name < 0 {
		return nil
	}
	s.length = object + name + len(lengthName)
	s.lengthEnd = s.length + digitsAt(c.made[s.length:])
	s.size, _ = strconv.Atoi(string(c.made[s.length:s.lengthEnd]))
	if s.data+s.size > len(c.made) {
		return nil
	}
	return s
}

func digitsAt(b []byte) int {
	n := 0
	for n < len(b) && n < 9 && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// equalUpTo compares the files to a place in the made one, and moves on.
func (c *comparison) equalUpTo(end int) bool {
	n := end - c.atMade
	if c.atFound+n > len(c.found) || !bytes.Equal(c.made[c.atMade:end], c.found[c.atFound:c.atFound+n]) {
		return false
	}
	c.moved = append(c.moved, shift{c.atMade, c.atFound})
	c.atMade, c.atFound = end, c.atFound+n
	return true
}

// sameStream compares a length and the bytes that it counts.
func (c *comparison) sameStream(s *stream) bool {
	n := digitsAt(c.found[c.atFound:])
	size, err := strconv.Atoi(string(c.found[c.atFound : c.atFound+n]))
	if err != nil || strconv.Itoa(size) != string(c.found[c.atFound:c.atFound+n]) {
		return false
	}
	c.atMade, c.atFound = s.lengthEnd, c.atFound+n
	if !c.equalUpTo(s.data) || c.atFound+size > len(c.found) {
		return false
	}
	same := sameDeflated(c.found[c.atFound:c.atFound+size], c.made[s.data:s.data+s.size])
	c.atMade, c.atFound = s.data+s.size, c.atFound+size
	return same
}

// sameDeflated compares two streams; those that are not compressed are equal or not.
func sameDeflated(found, made []byte) bool {
	if bytes.Equal(found, made) {
		return true
	}
	want, err := zlib.NewReader(bytes.NewReader(made))
	if err != nil {
		return false
	}
	plain, err := io.ReadAll(want)
	if err != nil {
		return false
	}
	source := bytes.NewReader(found)
	got, err := zlib.NewReader(source)
	if err != nil {
		return false
	}
	inflated, err := io.ReadAll(io.LimitReader(got, int64(len(plain))+1))
	return err == nil && bytes.Equal(inflated, plain) && source.Len() == 0
}

// sameTail compares what follows the last stream, where the offsets of all
// objects are, moved as the objects are.
func (c *comparison) sameTail() bool {
	c.moved = append(c.moved, shift{c.atMade, c.atFound})
	table := bytes.LastIndex(c.made[c.atMade:], []byte("xref\n0 "))
	if table < 0 {
		return bytes.Equal(c.made[c.atMade:], c.found[c.atFound:])
	}
	lines := strings.SplitAfter(string(c.made[c.atMade+table:]), "\n")
	var want strings.Builder
	want.Write(c.made[c.atMade : c.atMade+table])
	for i, line := range lines {
		offset, rest, _ := strings.Cut(line, " ")
		switch n, err := strconv.Atoi(strings.TrimSuffix(offset, "\n")); {
		case err == nil && strings.HasPrefix(rest, "00000 n"):
			moved := strconv.Itoa(c.place(n))
			want.WriteString(strings.Repeat("0", max(0, 10-len(moved))) + moved + " " + rest)
		case err == nil && i > 0 && lines[i-1] == "startxref\n":
			want.WriteString(strconv.Itoa(c.place(n)) + "\n")
		default:
			want.WriteString(line)
		}
	}
	return want.String() == string(c.found[c.atFound:])
}

// place is where a byte of the made file, outside streams, is in the found one.
func (c *comparison) place(made int) int {
	for i := len(c.moved) - 1; i >= 0; i-- {
		if c.moved[i].made <= made {
			return c.moved[i].found + made - c.moved[i].made
		}
	}
	return made
}
