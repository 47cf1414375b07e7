package casefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"evident/lightclient/ledger"
)

// place is an entry in the ZIP file.
type place struct {
	name   string
	size   int64
	crc    uint32 // CRC-32 of the bytes
	offset int64  // of the local header
}

// What ZIP wants to know; everything that could vary is fixed.
const (
	signatureLocal     = 0x04034b50
	signatureCentral   = 0x02014b50
	signatureEnd       = 0x06054b50
	signatureEnd64     = 0x06064b50
	signatureLocator64 = 0x07064b50

	sizeLocal     = 30
	sizeCentral   = 46
	sizeEnd       = 22
	sizeEnd64     = 56
	sizeLocator64 = 20

	versionStored = 20
	versionLarge  = 45
	madeByUnix    = 3 << 8
	dosDate       = 0<<9 | 1<<5 | 1 // 1 January 1980, the first day that ZIP knows
	regularFile   = 0o100644 << 16

	large = 1<<32 - 1 // a number that is this or more stands in a ZIP64 field
)

// small is a number as the 32-bit field shows it.
func small(n int64) uint32 { return uint32(min(n, large)) }

// extra returns the ZIP64 field of the numbers that are too large, if any is.
func extra(numbers ...int64) []byte {
	var out []byte
	for _, n := range numbers {
		if n >= large {
			out = binary.LittleEndian.AppendUint64(out, uint64(n))
		}
	}
	if out == nil {
		return nil
	}
	head := binary.LittleEndian.AppendUint16([]byte{1, 0}, uint16(len(out)))
	return append(head, out...)
}

func version(extra []byte) uint16 {
	if extra != nil {
		return versionLarge
	}
	return versionStored
}

func appendFields(out []byte, fields ...any) []byte {
	for _, f := range fields {
		switch f := f.(type) {
		case uint16:
			out = binary.LittleEndian.AppendUint16(out, f)
		case uint32:
			out = binary.LittleEndian.AppendUint32(out, f)
		case uint64:
			out = binary.LittleEndian.AppendUint64(out, f)
		}
	}
	return out
}

// local returns the header in front of an entry's bytes.
func (p place) local() []byte {
	x := extra(p.size, p.size)
	out := appendFields(nil, uint32(signatureLocal), version(x), uint16(0), uint16(0), uint16(0), uint16(dosDate),
		p.crc, small(p.size), small(p.size), uint16(len(p.name)), uint16(len(x)))
	return append(append(out, p.name...), x...)
}

// central returns the entry's header in the directory.
func (p place) central() []byte {
	x := extra(p.size, p.size, p.offset)
	out := appendFields(nil, uint32(signatureCentral), version(x)|madeByUnix, version(x), uint16(0), uint16(0), uint16(0), uint16(dosDate),
		p.crc, small(p.size), small(p.size), uint16(len(p.name)), uint16(len(x)), uint16(0), uint16(0), uint16(0),
		uint32(regularFile), small(p.offset))
	return append(append(out, p.name...), x...)
}

// directory returns what stands behind the entries; at is its offset.
func directory(places []place, at int64) []byte {
	var out []byte
	for _, p := range places {
		out = append(out, p.central()...)
	}
	size := int64(len(out))
	if at >= large {
		out = appendFields(out, uint32(signatureEnd64), uint64(sizeEnd64-12), uint16(versionLarge|madeByUnix), uint16(versionLarge), uint32(0), uint32(0),
			uint64(len(places)), uint64(len(places)), uint64(size), uint64(at))
		out = appendFields(out, uint32(signatureLocator64), uint32(0), uint64(at+size), uint32(1))
	}
	return appendFields(out, uint32(signatureEnd), uint16(0), uint16(0), uint16(len(places)), uint16(len(places)),
		small(size), small(at), uint16(0))
}

// writer writes entries one behind the other.
type writer struct {
	w      io.Writer
	at     int64
	places []place
}

// add writes an entry whose size and CRC-32 are known, and no other bytes.
func (z *writer) add(name string, size int64, crc uint32, content io.Reader) error {
	p := place{name, size, crc, z.at}
	header := p.local()
	if _, err := z.w.Write(header); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	n, err := copyPieces(z.w, io.LimitReader(content, size+1))
	if err == nil && n != size {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	z.at += int64(len(header)) + size
	z.places = append(z.places, p)
	return nil
}

func (z *writer) close() error {
	if _, err := z.w.Write(directory(z.places, z.at)); err != nil {
		return fmt.Errorf("write directory: %w", err)
	}
	return nil
}

var (
	errForeign = errors.New("not a package")
	errCut     = errors.New("the package ends too early")
)

// openContainer finds the entries of a package. It checks, in this order, that
//
// Begins tells whether a file begins like a package.
func Begins(r io.ReaderAt) bool {
	begin := make([]byte, sizeLocal+len(manifestName))
	_, err := r.ReadAt(begin, 0)
	return err == nil && bytes.HasPrefix(begin, []byte("PK\x03\x04")) && bytes.HasSuffix(begin, []byte(manifestName))
}

//  1. the file is within its limits and begins like a ZIP file;
//  2. it ends with a directory within its limits;
//  3. the names are plain, in order, and none stands twice;
//  4. headers and directory are the bytes that a writer of these entries makes,
//     without a gap: nothing is hidden, linked, compressed or named twice.
func openContainer(r io.ReaderAt, size int64) ([]place, error) {
	var first [4]byte
	if _, err := r.ReadAt(first[:], 0); err != nil || binary.LittleEndian.Uint32(first[:]) != signatureLocal {
		return nil, errForeign
	}
	if size > MaxSize {
		return nil, fmt.Errorf("%w: a package has at most %d bytes", ledger.ErrLimit, int64(MaxSize))
	}
	at, count, err := findDirectory(r, size)
	if err != nil {
		return nil, err
	}
	tail := make([]byte, size-at)
	if err := readAt(r, tail, at); err != nil {
		return nil, err
	}
	places, err := parseDirectory(tail, count)
	if err != nil {
		return nil, err
	}
	if err := checkNames(places); err != nil {
		return nil, err
	}
	if !bytes.Equal(directory(places, at), tail) {
		return nil, malformed("the directory is not as a package has it")
	}
	return places, checkLocals(r, places, at)
}

// findDirectory reads the end of the file, where the directory's place stands.
func findDirectory(r io.ReaderAt, size int64) (at int64, count int, err error) {
	end := make([]byte, min(size, sizeEnd64+sizeLocator64+sizeEnd))
	if err := readAt(r, end, size-int64(len(end))); err != nil {
		return 0, 0, err
	}
	if len(end) < sizeEnd {
		return 0, 0, errCut
	}
	last := end[len(end)-sizeEnd:]
	if binary.LittleEndian.Uint32(last) != signatureEnd {
		return 0, 0, lastBytes(r, size)
	}
	count = int(binary.LittleEndian.Uint16(last[10:]))
	length, at := int64(binary.LittleEndian.Uint32(last[12:])), int64(binary.LittleEndian.Uint32(last[16:]))
	behind := int64(sizeEnd)
	if at == large && len(end) == sizeEnd64+sizeLocator64+sizeEnd {
		at = int64(binary.LittleEndian.Uint64(end[48:]))
		behind += sizeEnd64 + sizeLocator64
	}
	if count > maxEntries || length > maxDirectory {
		return 0, 0, fmt.Errorf("%w: a package has at most %d entries", ledger.ErrLimit, maxEntries)
	}
	if at < 0 || at != size-behind-length {
		return 0, 0, malformed("the directory is not at the end")
	}
	return at, count, nil
}

// lastBytes tells a file that was cut from one that was added to.
func lastBytes(r io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, 1<<16+sizeEnd))
	if err := readAt(r, tail, size-int64(len(tail))); err != nil {
		return err
	}
	if i := bytes.LastIndex(tail, appendFields(nil, uint32(signatureEnd), uint32(0))); i >= 0 && len(tail)-i > sizeEnd {
		return malformed("bytes stand behind the end")
	}
	return errCut
}

func parseDirectory(b []byte, count int) ([]place, error) {
	var places []place
	for range count {
		if len(b) < sizeCentral || binary.LittleEndian.Uint32(b) != signatureCentral {
			return nil, malformed("the directory ends too early")
		}
		n, x := int(binary.LittleEndian.Uint16(b[28:])), int(binary.LittleEndian.Uint16(b[30:]))
		if n > maxName || len(b) < sizeCentral+n+x {
			return nil, malformed("a name has at most %d bytes", maxName)
		}
		p := place{
			name: string(b[sizeCentral : sizeCentral+n]), crc: binary.LittleEndian.Uint32(b[16:]),
			size: int64(binary.LittleEndian.Uint32(b[24:])), offset: int64(binary.LittleEndian.Uint32(b[42:])),
		}
		fields := b[sizeCentral+n : sizeCentral+n+x]
		if p.size == large && len(fields) >= 20 {
			p.size = int64(binary.LittleEndian.Uint64(fields[4:]))
		}
		if p.offset == large && len(fields) >= 12 {
			p.offset = int64(binary.LittleEndian.Uint64(fields[len(fields)-8:]))
		}
		places = append(places, p)
		b = b[sizeCentral+n+x:]
	}
	return places, nil
}

// checkNames wants the manifest, the sums, and then names that ascend.
func checkNames(places []place) error {
	if len(places) < 2 || places[0].name != manifestName || places[1].name != sumsName {
		return malformed("the first entries are %s and %s", manifestName, sumsName)
	}
	for i, p := range places {
		if !isName(p.name) {
			return malformed("%q is not a name for an entry", p.name)
		}
		if i > 2 && places[i-1].name >= p.name {
			return malformed("entries are not in order, or one stands twice: %s", p.name)
		}
	}
	return nil
}

// isName tells whether a name is harmless on every system.
func isName(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || part[len(part)-1] == '.' || strings.ContainsFunc(part, isOdd) {
			return false
		}
	}
	return true
}

func isOdd(r rune) bool {
	plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
	return !plain
}

// checkLocals checks that the entries stand one behind the other up to end.
func checkLocals(r io.ReaderAt, places []place, end int64) error {
	at := int64(0)
	for _, p := range places {
		want := p.local()
		got := make([]byte, len(want))
		if p.offset != at || p.size < 0 || at > end-int64(len(want))-p.size {
			return malformed("%s is not where it belongs", p.name)
		}
		if err := readAt(r, got, at); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return malformed("the header of %s is not the one in the directory", p.name)
		}
		at += int64(len(want)) + p.size
	}
	if at != end {
		return malformed("bytes stand between the entries and the directory")
	}
	return nil
}

// content reads the bytes of an entry.
func (p place) content(r io.ReaderAt) *io.SectionReader {
	return io.NewSectionReader(r, p.offset+int64(len(p.local())), p.size)
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		return fmt.Errorf("read package: %w", err)
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: package: %s", ledger.ErrFormat, fmt.Sprintf(format, args...))
}
