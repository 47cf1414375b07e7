package casefile

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// Case is what the proofs of a package prove, in the order of the ledger: all
// that the generated entries are made of.
type Case struct {
	Genesis     *ledger.Genesis
	Fingerprint ledger.Fingerprint
	Origin      string
	Records     []Record

	thumbnails map[string][]byte // by their entries, of the package that is written or verified
}

// Record is one record of a case.
type Record struct {
	*proof.Proven
	File  []byte // the proof file
	Proof *proof.Proof
}

// NewCase takes proof files of one ledger, each of which must verify; which
// ledger that is, the caller has to know.
func NewCase(files [][]byte) (*Case, error) {
	if len(files) == 0 || len(files) > MaxRecords {
		return nil, fmt.Errorf("%w: a package has 1 to %d records", ledger.ErrLimit, MaxRecords)
	}
	c, known := new(Case), new(proof.Certificates)
	for _, file := range files {
		report := proof.Verify(file, proof.Options{Known: known})
		if report.Proven == nil {
			return nil, fmt.Errorf("%w: a proof does not verify: %s", ledger.ErrProof, report.Reason("en"))
		}
		if err := c.add(file, report); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.Records, inLedgerOrder)
	for i := 1; i < len(c.Records); i++ {
		if inLedgerOrder(c.Records[i-1], c.Records[i]) >= 0 {
			return nil, malformed("two proofs are of record %d in block %d", c.Records[i].Index, c.Records[i].Height)
		}
	}
	return c, nil
}

func inLedgerOrder(a, b Record) int {
	return cmp.Or(cmp.Compare(a.Height, b.Height), cmp.Compare(a.Index, b.Index))
}

// add takes a proof that verified.
func (c *Case) add(file []byte, report proof.Report) error {
	p, err := proof.Parse(file)
	if err != nil {
		return err
	}
	if len(c.Records) == 0 {
		if c.Genesis, err = ledger.ParseGenesis(p.Genesis); err != nil {
			return err
		}
		c.Fingerprint = report.Fingerprint
		c.Origin = c.Genesis.Origin(c.Fingerprint)
	}
	if report.Fingerprint != c.Fingerprint {
		return fmt.Errorf("%w: one package is of one ledger", ledger.ErrLedger)
	}
	c.Records = append(c.Records, Record{Proven: report.Proven, File: file, Proof: p})
	return nil
}

// Short is the record's id as far as people read it.
func (r *Record) Short() string { return r.ID.String()[:16] }

// Folder is where the record's entries are.
func (r *Record) Folder() string { return "records/" + r.Short() }

// PlainSHA256 is the digest of the bytes of an evidence file, and empty where
// it is sealed and not disclosed.
func (r *Record) PlainSHA256(index int) string {
	if e := r.Record.Evidence[index]; e.Mode != ledger.Sealed {
		return e.SHA256
	}
	for _, d := range r.Disclosures {
		if d.Index == int64(index) {
			return fmt.Sprintf("%x", d.SHA256)
		}
	}
	return ""
}

// Private is a private field of a record. The ledger holds a commitment to it.
type Private struct {
	Name, Value string // no value unless it is disclosed
	Disclosed   bool
}

// PrivateFields are those of the record, as far as the proof discloses them.
func (r *Record) PrivateFields() []Private {
	disclosed := map[ledger.PrivateField]string{}
	for _, o := range r.Proven.Private {
		if c, err := o.Commit(); err == nil {
			disclosed[c] = o.Value
		}
	}
	var out []Private
	for _, f := range ledger.PrivateFields(r.Record.Fields) {
		value, ok := disclosed[f]
		out = append(out, Private{f.Name, value, ok})
	}
	return out
}

// contentEntry is the entry for the bytes of an evidence file. The name is
// ours, but for a harmless ending; the author's stands in the record.
func (r *Record) contentEntry(index int) string {
	name := contentFolder + r.Short() + "/" + strconv.Itoa(index+1)
	ending := strings.ToLower(path.Ext(r.Record.Evidence[index].Name))
	if len(ending) > 1 && len(ending) <= 9 && isName(ending[1:]) {
		name += ending
	}
	return name
}

// record returns the record of that id, or nil.
func (c *Case) record(id string) *Record {
	for i := range c.Records {
		if c.Records[i].ID.String() == id {
			return &c.Records[i]
		}
	}
	return nil
}

// redactions lists what the records name and contents do not hold.
func (c *Case) redactions(contents []Content) []Redaction {
	given := map[Content]bool{}
	for _, x := range contents {
		given[x] = true
	}
	out := []Redaction{}
	for i := range c.Records {
		r := &c.Records[i]
		for n := range r.Record.Evidence {
			if !given[Content{r.contentEntry(n), int64(n), r.ID.String()}] {
				out = append(out, Redaction{Index: int64(n), Record: r.ID.String(), What: redactedContent})
			}
			if r.PlainSHA256(n) == "" {
				out = append(out, Redaction{Index: int64(n), Record: r.ID.String(), What: redactedDigest})
			}
		}
		for n, f := range r.PrivateFields() {
			if !f.Disclosed {
				out = append(out, Redaction{Field: f.Name, Index: int64(n), Record: r.ID.String(), What: redactedField})
			}
		}
	}
	return out
}

// artefacts are the entries that repeat the proofs, for other people's programs.
func (c *Case) artefacts() (map[string][]byte, error) {
	out := map[string][]byte{genesisName: c.Records[0].Proof.Genesis}
	for i := range c.Records {
		r := &c.Records[i]
		policy, err := r.Proof.Policy()
		if err != nil {
			return nil, err
		}
		for name, data := range map[string][]byte{
			proofName:           r.File,
			"record.txt":        r.Proof.Record,
			"header.txt":        r.Proof.Header.Text(),
			"certificate.txt":   r.Proof.Certificate,
			"header.tlog-proof": r.Proof.TlogProof(),
			"policy.txt":        policy,
		} {
			out[r.Folder()+"/"+name] = data
		}
	}
	return out, nil
}
