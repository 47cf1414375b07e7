package casefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"evident/lightclient/ledger"
)

// ErrChanged means that a file's bytes are not those that were read before, or
// not those of the record.
var ErrChanged = errors.New("the file is not the one that the record names")

// File is the bytes of an evidence file, to go into a package.
type File struct {
	Record ledger.RecordID
	Index  int // of the evidence in the record
	Open   func() (io.ReadCloser, error)
}

// Page is an entry for people at the top of the package.
type Page struct {
	Name string
	Data []byte
}

// Pages are made of a case and its manifest; the same arguments make the same
// bytes. The manifest has their names, ascending, before they are made.
type Pages struct {
	Names []string
	Make  func(c *Case, m *Manifest, manifestSHA256 string) ([]Page, error)

	Pictures Pictures // zero: the pages show none
}

// Export says how a package is made.
type Export struct {
	Files    []File
	Exporter string                        // the program, with its version
	At       int64                         // Unix milliseconds, by the clock of whoever exports
	Pages    Pages                         // zero: none
	Progress func(done, total int64) error // called while files go into the package; an error stops it
}

// part is an entry that is ready to be written.
type part struct {
	Entry
	crc  uint32
	open func() (io.ReadCloser, error)
}

func generated(name string, data []byte) part {
	entry, crc, err := digestOf(name, bytes.NewReader(data))
	if err != nil {
		panic("casefile: bytes in memory cannot be read: " + err.Error())
	}
	return part{entry, crc, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// Write writes the package of a case. Each file is read twice: for the
// manifest, which comes first, and into the package.
func (c *Case) Write(w io.Writer, x Export) error {
	m, parts, err := c.parts(x)
	if err != nil {
		return err
	}
	manifest, err := m.encode()
	if err != nil {
		return err
	}
	if _, err := parseManifest(manifest); err != nil {
		return err
	}
	first := generated(manifestName, manifest)
	if x.Pages.Make != nil {
		pages, err := x.Pages.Make(c, m, first.SHA256)
		if err != nil {
			return fmt.Errorf("make the certificate: %w", err)
		}
		for _, p := range pages {
			parts = append(parts, generated(p.Name, p.Data))
		}
	}
	parts = append([]part{first}, inOrder(parts)...)
	list := generated(sumsName, sums(entriesOf(parts)))
	return writeParts(w, slices.Insert(parts, 1, list), x.Progress)
}

func inOrder(parts []part) []part {
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.Name, b.Name) })
	return parts
}

func entriesOf(parts []part) []Entry {
	out := make([]Entry, len(parts))
	for i, p := range parts {
		out[i] = p.Entry
	}
	return out
}

// parts makes the manifest and every entry that it lists.
func (c *Case) parts(x Export) (*Manifest, []part, error) {
	m := c.manifest(x.Exporter, x.At)
	parts, err := c.contentParts(m, x.Files)
	if err != nil {
		return nil, nil, err
	}
	m.Redacted = c.redactions(m.Contents)
	if x.Pages.Make != nil {
		small, err := c.thumbnailParts(x.Files, x.Pages.Pictures)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, small...)
	}
	artefacts, err := c.artefacts()
	if err != nil {
		return nil, nil, err
	}
	for name, data := range artefacts {
		parts = append(parts, generated(name, data))
	}
	for name, data := range c.documents(m) {
		parts = append(parts, generated(name, data))
	}
	m.Pages = append(m.Pages, x.Pages.Names...)
	m.Entries = entriesOf(inOrder(parts))
	return m, parts, nil
}

func (c *Case) manifest(exporter string, at int64) *Manifest {
	m := &Manifest{
		Contents: []Content{}, Edition: edition, Exported: Exported{at, exportedNote}, Exporter: exporter,
		Fingerprint: c.Fingerprint.String(), Format: format, Ledger: c.Origin, Pages: []string{},
	}
	for i := range c.Records {
		m.Records = append(m.Records, c.Records[i].ID.String())
	}
	return m
}

// contentParts digests the files and checks that they are the ones recorded.
func (c *Case) contentParts(m *Manifest, files []File) ([]part, error) {
	var parts []part
	for _, f := range files {
		r := c.record(f.Record.String())
		if r == nil || f.Index < 0 || f.Index >= len(r.Record.Evidence) {
			return nil, malformed("record %s names no file %d", f.Record, f.Index+1)
		}
		p, err := f.digest(r)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
		m.Contents = append(m.Contents, Content{p.Name, int64(f.Index), r.ID.String()})
	}
	slices.SortFunc(m.Contents, func(a, b Content) int { return strings.Compare(a.Entry, b.Entry) })
	for i := 1; i < len(m.Contents); i++ {
		if m.Contents[i-1].Entry == m.Contents[i].Entry {
			return nil, malformed("%s is given twice", m.Contents[i].Entry)
		}
	}
	return parts, nil
}

func (f File) digest(r *Record) (part, error) {
	name := r.contentEntry(f.Index)
	content, err := f.Open()
	if err != nil {
		return part{}, fmt.Errorf("read %s: %w", name, err)
	}
	defer content.Close()
	entry, crc, err := digestOf(name, content)
	if err != nil {
		return part{}, err
	}
	if !r.holds(f.Index, entry) {
		return part{}, fmt.Errorf("%s: %w", name, ErrChanged)
	}
	return part{entry, crc, f.Open}, nil
}

// holds tells whether an entry is the bytes of an evidence file.
func (r *Record) holds(index int, e Entry) bool {
	recorded := r.Record.Evidence[index]
	return e.SHA256 == r.PlainSHA256(index) && (recorded.Mode == ledger.Sealed || e.Size == recorded.Size)
}

func writeParts(w io.Writer, parts []part, report func(done, total int64) error) error {
	total := int64(0)
	for _, p := range parts {
		total += p.Size
	}
	if total > MaxSize/2 || len(parts) > maxEntries {
		return fmt.Errorf("%w: a package has at most %d entries and %d bytes", ledger.ErrLimit, maxEntries, int64(MaxSize/2))
	}
	z := &writer{w: w}
	done := int64(0)
	for _, p := range parts {
		d := newDigester()
		seen := io.Writer(d)
		if report != nil {
			seen = io.MultiWriter(d, &progress{report, &done, total})
		}
		if err := z.addPart(p, seen); err != nil {
			return err
		}
		if d.entry(p.Name) != p.Entry {
			return fmt.Errorf("%s: %w", p.Name, ErrChanged)
		}
	}
	return z.close()
}

// addPart copies an entry, and shows its bytes to seen.
func (z *writer) addPart(p part, seen io.Writer) error {
	content, err := p.open()
	if err != nil {
		return fmt.Errorf("read %s: %w", p.Name, err)
	}
	defer content.Close()
	return z.add(p.Name, p.Size, p.crc, io.TeeReader(content, seen))
}
