package casefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// Options are what the caller knows.
type Options struct {
	Trusted  *ledger.Fingerprint           // of the ledger to trust; nil: a person must confirm the words
	Pages    Pages                         // zero: the pages are not compared
	NewCID   func() CIDWriter              // nil: the CIDs of files are not compared
	Progress func(done, total int64) error // called while the package is read; an error stops it
}

// CIDWriter computes the CID of the bytes that are written to it.
type CIDWriter interface {
	io.Writer
	CID() string
}

// verification holds what the stages have established so far.
type verification struct {
	Report
	opts    Options
	r       io.ReaderAt
	places  []place
	entries []Entry           // with digests, in the order of places
	cids    map[string]string // of the entries that are files
	known   *Case
}

// Verify checks a package. A stage that fails keeps those behind it from
// running: what they say would rest on it. The error is one of reading, or of
// Options.Progress.
func Verify(r io.ReaderAt, size int64, opts Options) (Report, error) {
	v := &verification{Report: Report{Verdict: proof.Incomplete}, opts: opts, r: r, cids: map[string]string{}}
	for _, name := range stageNames {
		v.Stages = append(v.Stages, Stage{Name: name, Status: proof.NotRun, Code: "not_run"})
	}
	v.set(StageCustody, proof.Absent, "custody.absent")
	v.set(StageTime, proof.Absent, "time.absent")
	v.set(StageRenewal, proof.Absent, "renewal.absent")
	for _, stage := range []func() (bool, error){
		func() (bool, error) { return v.checkContainer(size) }, v.checkManifest, v.checkSums, v.checkProofs,
		v.checkArtefacts, v.checkContent, v.checkPages,
	} {
		if ok, err := stage(); !ok || err != nil {
			return v.Report, err
		}
	}
	v.Verdict = proof.UnknownLedger
	if opts.Trusted != nil && *opts.Trusted == v.Fingerprint {
		v.Verdict = proof.Valid
	}
	return v.Report, nil
}

// set records the result of a stage; values are pairs of a name and a text.
func (v *verification) set(stage string, status proof.Status, code string, values ...string) {
	s := v.Stage(stage)
	s.Status, s.Code = status, code
	for i := 0; i+1 < len(values); i += 2 {
		if s.Values == nil {
			s.Values = map[string]string{}
		}
		s.Values[values[i]] = values[i+1]
	}
}

// fail ends the verification: the package is not what was exported.
func (v *verification) fail(stage, code string, values ...string) (bool, error) {
	v.Verdict = proof.Altered
	v.set(stage, proof.Failed, code, values...)
	return false, nil
}

// checkContainer finds the entries and reads all of them once.
func (v *verification) checkContainer(size int64) (bool, error) {
	places, err := openContainer(v.r, size)
	switch {
	case errors.Is(err, errForeign), errors.Is(err, errCut):
		code := map[bool]string{true: "container.cut", false: "container.foreign"}[errors.Is(err, errCut)]
		v.set(StageContainer, proof.Failed, code)
		return false, nil
	case errors.Is(err, ledger.ErrLimit):
		return v.fail(StageContainer, "container.limit", "error", err.Error())
	case errors.Is(err, ledger.ErrFormat):
		return v.fail(StageContainer, "container.format", "error", err.Error())
	case err != nil:
		return false, err
	}
	v.places = places
	seen := io.Discard
	if v.opts.Progress != nil {
		seen = &progress{v.opts.Progress, new(int64), size}
	}
	for _, p := range places {
		entry, crc, err := v.readEntry(p, seen)
		if err != nil {
			return false, fmt.Errorf("read %s: %w", p.name, err)
		}
		if crc != p.crc {
			return v.fail(StageContainer, "container.crc", "entry", p.name)
		}
		v.entries = append(v.entries, entry)
	}
	v.set(StageContainer, proof.Passed, "container.ok", "entries", strconv.Itoa(len(places)), "bytes", strconv.FormatInt(size, 10))
	return true, nil
}

// readEntry digests an entry, and shows its bytes to seen.
func (v *verification) readEntry(p place, seen io.Writer) (Entry, uint32, error) {
	d := newDigester()
	to := io.MultiWriter(d, seen)
	var cid CIDWriter
	if v.opts.NewCID != nil && strings.HasPrefix(p.name, contentFolder) && p.name != excludedName {
		cid = v.opts.NewCID()
		to = io.MultiWriter(d, cid, seen)
	}
	if _, err := copyPieces(to, p.content(v.r)); err != nil {
		return Entry{}, 0, err
	}
	if cid != nil {
		v.cids[p.name] = cid.CID()
	}
	return d.entry(p.name), d.crc.Sum32(), nil
}

// progress tells how many bytes have gone by.
type progress struct {
	report func(done, total int64) error
	done   *int64
	total  int64
}

// Write implements io.Writer.
func (p *progress) Write(b []byte) (int, error) {
	*p.done += int64(len(b))
	return len(b), p.report(*p.done, p.total)
}

// read returns the bytes of an entry of at most limit bytes.
func (v *verification) read(i int, limit int64) ([]byte, error) {
	p := v.places[i]
	if p.size > limit {
		return nil, fmt.Errorf("%w: %s has at most %d bytes", ledger.ErrLimit, p.name, limit)
	}
	b := make([]byte, p.size)
	if _, err := io.ReadFull(p.content(v.r), b); err != nil {
		return nil, fmt.Errorf("read %s: %w", p.name, err)
	}
	return b, nil
}

// index returns where the entry of that name is, or -1.
func (v *verification) index(name string) int {
	i, ok := slices.BinarySearchFunc(v.places[2:], name, func(p place, name string) int { return strings.Compare(p.name, name) })
	if !ok {
		return -1
	}
	return i + 2
}

// checkManifest checks, in this order, that
//
//  1. the manifest is canonical, and of a version that we know;
//  2. it lists exactly the entries that there are, but for itself, the sums and
//     the pages it names;
//  3. every entry has its size and digests.
func (v *verification) checkManifest() (bool, error) {
	file, err := v.read(0, maxManifest)
	if errors.Is(err, ledger.ErrLimit) {
		return v.fail(StageManifest, "manifest.format", "error", err.Error())
	} else if err != nil {
		return false, err
	}
	if at := bytes.Index(file, []byte(magic)); at >= 0 && !bytes.HasPrefix(file[at+len(magic):], []byte(`1"`)) {
		v.set(StageManifest, proof.Failed, "manifest.version")
		return false, nil
	}
	m, err := parseManifest(file)
	if err != nil {
		return v.fail(StageManifest, "manifest.format", "error", err.Error())
	}
	if len(m.Pages) > 0 && !slices.Equal(m.Pages, screenPages) && !slices.Equal(m.Pages, allPages) {
		return v.fail(StageManifest, "manifest.format", "error", "the pages are not those of a package")
	}
	listed := slices.Clone(m.Entries)
	for _, entry := range v.entries[2:] {
		if slices.Contains(m.Pages, entry.Name) {
			continue
		}
		switch {
		case len(listed) == 0 || entry.Name < listed[0].Name:
			return v.fail(StageManifest, "manifest.added", "entry", entry.Name)
		case entry.Name > listed[0].Name:
			return v.fail(StageManifest, "manifest.missing", "entry", listed[0].Name)
		case entry != listed[0]:
			return v.fail(StageManifest, "manifest.differs", "entry", entry.Name)
		}
		listed = listed[1:]
	}
	if len(listed) > 0 {
		return v.fail(StageManifest, "manifest.missing", "entry", listed[0].Name)
	}
	for _, name := range m.Pages {
		if v.index(name) < 0 {
			return v.fail(StageManifest, "manifest.missing", "entry", name)
		}
	}
	v.Manifest, v.SHA256 = m, v.entries[0].SHA256
	v.set(StageManifest, proof.Passed, "manifest.ok", "entries", strconv.Itoa(len(m.Entries)), "sha256", v.SHA256)
	return true, nil
}

// checkSums checks that SHA256SUMS has every other entry, in order.
func (v *verification) checkSums() (bool, error) {
	want := sums(slices.Delete(slices.Clone(v.entries), 1, 2))
	if same, err := v.same(1, want); !same || err != nil {
		if err != nil {
			return false, err
		}
		return v.fail(StageSums, "sums.differs")
	}
	v.set(StageSums, proof.Passed, "sums.ok")
	return true, nil
}

// same compares an entry with what it has to be.
func (v *verification) same(i int, want []byte) (bool, error) {
	if i >= 0 && strings.HasSuffix(v.places[i].name, ".pdf") && v.places[i].size <= 2*int64(len(want)) {
		got, err := v.read(i, 2*int64(len(want)))
		return err == nil && SamePDF(got, want), err
	}
	if i < 0 || v.places[i].size != int64(len(want)) {
		return false, nil
	}
	got, err := v.read(i, int64(len(want)))
	return bytes.Equal(got, want), err
}

// checkProofs verifies every proof, and that they are of one ledger.
func (v *verification) checkProofs() (bool, error) {
	c, known := new(Case), new(proof.Certificates)
	left := int64(maxProofs)
	for _, id := range v.Manifest.Records {
		name := "records/" + id[:min(16, len(id))] + "/" + proofName
		i := v.index(name)
		if i < 0 {
			return v.fail(StageProofs, "proofs.missing", "entry", name)
		}
		if left -= v.places[i].size; left < 0 || v.places[i].size > proof.MaxSize {
			return v.fail(StageProofs, "proofs.limit")
		}
		file, err := v.read(i, proof.MaxSize)
		if err != nil {
			return false, err
		}
		report := proof.Verify(file, proof.Options{Trusted: v.opts.Trusted, Known: known})
		v.Proofs = append(v.Proofs, report)
		v.Fingerprint, v.Words = report.Fingerprint, report.Words
		switch {
		case report.Proven == nil:
			return v.fail(StageProofs, "proofs.wrong", "record", id, "error", report.Reason("en"))
		case report.Proven.ID.String() != id || c.add(file, report) != nil:
			return v.fail(StageProofs, "proofs.other", "entry", name)
		}
	}
	last := c.Records[len(c.Records)-1]
	v.known = c
	v.set(StageProofs, proof.Passed, "proofs.ok", "proofs", strconv.Itoa(len(c.Records)), "time", Moment(last.ExistedBy*1000))
	return true, nil
}

// checkArtefacts checks that what repeats the proofs does, and that the
// manifest is the one that a writer makes of these proofs and entries.
func (v *verification) checkArtefacts() (bool, error) {
	artefacts, err := v.known.artefacts()
	if err != nil {
		return false, err
	}
	count := len(artefacts)
	if entry, err := v.compare(artefacts); entry != "" || err != nil {
		if err != nil {
			return false, err
		}
		return v.fail(StageArtefacts, "artefacts.differs", "entry", entry)
	}
	err = v.readThumbnails()
	if err != nil && !errors.Is(err, ledger.ErrFormat) && !errors.Is(err, ledger.ErrLimit) {
		return false, err
	}
	if err == nil {
		err = v.checkClaims(count)
	}
	if err != nil {
		return v.fail(StageManifest, "manifest.claims", "error", err.Error())
	}
	v.set(StageArtefacts, proof.Passed, "artefacts.ok")
	return true, nil
}

// compare returns the name of the first entry that is not as wanted. It takes
// out of want what is.
func (v *verification) compare(want map[string][]byte) (string, error) {
	for _, p := range v.places {
		data, ok := want[p.name]
		if !ok {
			continue
		}
		if same, err := v.same(v.index(p.name), data); !same || err != nil {
			return p.name, err
		}
		delete(want, p.name)
	}
	missing := ""
	for name := range want {
		missing = max(missing, name)
	}
	return missing, nil
}

// checkClaims checks that the manifest says what the proofs do, and that no
// entry is there that a package does not have. artefacts is how many repeat
// the proofs, all of which are there.
func (v *verification) checkClaims(artefacts int) error {
	m := v.Manifest
	want := v.known.manifest(m.Exporter, m.Exported.At)
	if m.Ledger != want.Ledger || m.Fingerprint != want.Fingerprint {
		return malformed("the proofs are of another ledger")
	}
	for i := 1; i < len(m.Records); i++ {
		if inLedgerOrder(v.known.Records[i-1], v.known.Records[i]) >= 0 {
			return malformed("the records are not in the order of the ledger")
		}
	}
	for i, x := range m.Contents {
		r := v.known.record(x.Record)
		if r == nil || x.Index < 0 || x.Index >= int64(len(r.Record.Evidence)) || r.contentEntry(int(x.Index)) != x.Entry ||
			i > 0 && m.Contents[i-1].Entry >= x.Entry || v.index(x.Entry) < 0 {
			return malformed("no record names the file %s", x.Entry)
		}
	}
	if !slices.Equal(m.Redacted, v.known.redactions(m.Contents)) {
		return malformed("what is left out is not listed")
	}
	if got, want := len(m.Entries), artefacts+len(m.Contents)+len(v.known.thumbnails)+len(v.known.documents(m)); got != want {
		return malformed("%d entries, want %d", got, want)
	}
	return nil
}

// checkContent compares the digests of the files with the records. The CID of a
// sealed file is its ciphertext's, which the package does not hold.
func (v *verification) checkContent() (bool, error) {
	for _, x := range v.Manifest.Contents {
		r := v.known.record(x.Record)
		if !r.holds(int(x.Index), v.entries[v.index(x.Entry)]) {
			return v.fail(StageContent, "content.differs", "entry", x.Entry)
		}
		recorded := r.Record.Evidence[x.Index]
		if cid, ok := v.cids[x.Entry]; ok && recorded.Mode != ledger.Sealed && cid != recorded.CID {
			return v.fail(StageContent, "content.cid", "entry", x.Entry)
		}
		if shows, err := v.checkThumbnail(r, x); !shows || err != nil {
			if err != nil {
				return false, err
			}
			return v.fail(StageContent, "content.thumbnail", "entry", x.Entry)
		}
	}
	files, excluded := len(v.Manifest.Contents), 0
	for _, x := range v.Manifest.Redacted {
		if x.What == redactedContent {
			excluded++
		}
	}
	code, status := "content.ok", proof.Passed
	switch {
	case files > 0 && excluded > 0:
		code = "content.part"
	case excluded > 0:
		code, status = "content.excluded", proof.Absent
	case files == 0:
		code, status = "content.none", proof.Absent
	}
	v.set(StageContent, status, code, "files", strconv.Itoa(files), "excluded", strconv.Itoa(excluded))
	return true, nil
}

// checkPages makes the texts and pages for people again. Other editions of
// this program wrote other texts: those are not compared.
func (v *verification) checkPages() (bool, error) {
	documents := v.known.documents(v.Manifest)
	if v.Manifest.Edition != edition {
		for name := range documents {
			if v.index(name) < 0 {
				return v.fail(StagePages, "pages.differs", "entry", name)
			}
		}
		v.set(StagePages, proof.NotRun, "pages.edition")
		return true, nil
	}
	code := "pages.texts"
	if v.opts.Pages.Make != nil && len(v.Manifest.Pages) > 0 {
		pages, err := v.opts.Pages.Make(v.known, v.Manifest, v.SHA256)
		if err != nil {
			return false, fmt.Errorf("make the certificate: %w", err)
		}
		code = "pages.ok"
		if len(pages) < len(v.Manifest.Pages) {
			code = "pages.part"
		}
		for _, p := range pages {
			if slices.Contains(v.Manifest.Pages, p.Name) {
				documents[p.Name] = p.Data
			}
		}
	}
	if entry, err := v.compare(documents); entry != "" || err != nil {
		if err != nil {
			return false, err
		}
		return v.fail(StagePages, "pages.differs", "entry", entry)
	}
	v.set(StagePages, proof.Passed, code)
	return true, nil
}
