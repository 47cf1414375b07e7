package casefile

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync"

	"evident/lightclient/ledger"
)

// Manifest says what is in a package. Its SHA-256 stands on every page for
// people, so it names the pages but not their digests; SHA256SUMS has those.
type Manifest struct {
	Contents    []Content   `json:"contents"`    // the files that are in the package
	Edition     int64       `json:"edition"`     // of the texts for people
	Entries     []Entry     `json:"entries"`     // all but the manifest, the sums and the pages
	Exported    Exported    `json:"exported"`    //
	Exporter    string      `json:"exporter"`    // the program, with its version
	Fingerprint string      `json:"fingerprint"` // of the genesis
	Format      string      `json:"format"`      //
	Ledger      string      `json:"ledger"`      // origin
	Pages       []string    `json:"pages"`       //
	Records     []string    `json:"records"`     // ids, in the order of the ledger
	Redacted    []Redaction `json:"redacted"`    // what the records name and the package leaves out
}

// Content is a file that a record names, and the entry that holds it.
type Content struct {
	Entry  string `json:"entry"`
	Index  int64  `json:"index"` // of the evidence in the record
	Record string `json:"record"`
}

// Entry is one entry of the package.
type Entry struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	SHA512 string `json:"sha512"`
	Size   int64  `json:"size"`
}

// Exported is when the package was made, by the clock of whoever made it.
type Exported struct {
	At   int64  `json:"at"` // Unix milliseconds
	Note string `json:"note"`
}

const exportedNote = "not evidence of time"

// Redaction is something that a record names and the package leaves out.
type Redaction struct {
	Field  string `json:"field,omitempty"` // name of a private field
	Index  int64  `json:"index"`           // of the evidence, or among the record's private fields
	Record string `json:"record"`
	What   string `json:"what"`
}

// What can be left out.
const (
	redactedContent = "content" // the bytes of a file
	redactedDigest  = "digest"  // what the commitment of a sealed file hides
	redactedField   = "field"   // and that of a private field
)

// encode returns the manifest's bytes: one line of canonical JSON.
func (m *Manifest) encode() ([]byte, error) {
	line, err := ledger.EncodeCanonical(m)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(line, '\n'), nil
}

const magic = `"format":"evident/package/v`

// parseManifest accepts what encode makes.
func parseManifest(file []byte) (*Manifest, error) {
	if len(file) > maxManifest {
		return nil, fmt.Errorf("%w: a manifest has at most %d bytes", ledger.ErrLimit, maxManifest)
	}
	line, ok := bytes.CutSuffix(file, []byte("\n"))
	if !ok {
		return nil, malformed("manifest: want one line that ends with a line feed")
	}
	m := new(Manifest)
	if err := ledger.DecodeCanonical(line, m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	switch {
	case m.Format != format || m.Exported.Note != exportedNote:
		return nil, malformed("manifest: format %q is not known", m.Format)
	case len(m.Exporter) > maxName || Plain(m.Exporter) != m.Exporter || m.Exported.At < 0 || m.Exported.At > ledger.MaxLogSize:
		return nil, malformed("manifest: exporter is a short text, and exported.at a time")
	case len(m.Records) == 0 || len(m.Records) > MaxRecords:
		return nil, fmt.Errorf("%w: a package has 1 to %d records", ledger.ErrLimit, MaxRecords)
	}
	return m, nil
}

// digester reads bytes once for everything that a package says of them.
type digester struct {
	size   int64
	crc    hash.Hash32
	sha256 hash.Hash
	sha512 hash.Hash
}

func newDigester() *digester {
	return &digester{crc: crc32.NewIEEE(), sha256: sha256.New(), sha512: sha512.New()}
}

// piece is how much of a file is read at once: enough for its digests to be
// computed side by side.
const piece = 1 << 20

// Write implements io.Writer.
func (d *digester) Write(b []byte) (int, error) {
	d.size += int64(len(b))
	var beside sync.WaitGroup
	if len(b) >= piece/4 {
		beside.Go(func() { d.sha512.Write(b) })
	} else {
		d.sha512.Write(b)
	}
	d.crc.Write(b)
	d.sha256.Write(b)
	beside.Wait()
	return len(b), nil
}

var pieces = sync.Pool{New: func() any { return new([piece]byte) }}

// copyPieces is io.Copy for a digester.
func copyPieces(to io.Writer, from io.Reader) (int64, error) {
	buffer := pieces.Get().(*[piece]byte)
	defer pieces.Put(buffer)
	return io.CopyBuffer(to, from, buffer[:])
}

func (d *digester) entry(name string) Entry {
	return Entry{name, hex.EncodeToString(d.sha256.Sum(nil)), hex.EncodeToString(d.sha512.Sum(nil)), d.size}
}

// sums is the text of SHA256SUMS, in the order of the entries.
func sums(entries []Entry) []byte {
	var out []byte
	for _, e := range entries {
		out = fmt.Appendf(out, "%s  %s\n", e.SHA256, e.Name)
	}
	return out
}

// digestOf reads a reader to its end.
func digestOf(name string, r io.Reader) (Entry, uint32, error) {
	d := newDigester()
	if _, err := copyPieces(d, r); err != nil {
		return Entry{}, 0, fmt.Errorf("read %s: %w", name, err)
	}
	return d.entry(name), d.crc.Sum32(), nil
}
