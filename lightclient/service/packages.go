package service

import (
	"io"

	"evident/lightclient/casefile"
	"evident/lightclient/ledger"
)

// Packages: what a lawyer files, see package casefile.

// PackageReport says what was found in a package.
type PackageReport struct {
	Verdict     string          `json:"verdict" ts:"\"valid\" | \"altered\" | \"unknown ledger\" | \"incomplete\""`
	Exit        int             `json:"exit" ts:"0 | 1 | 2"`
	Stages      []Stage         `json:"stages"`
	Ledger      string          `json:"ledger"`
	Fingerprint string          `json:"fingerprint"`
	Words       []string        `json:"words"`
	Manifest    string          `json:"manifestSha256"`
	Exporter    string          `json:"exporter"`
	ExportedAt  int64           `json:"exportedAt"` // by the exporter's clock
	Records     []PackageRecord `json:"records"`
}

// PackageRecord is one record of a package, as its proof has it.
type PackageRecord struct {
	ID        string     `json:"id"`
	Height    string     `json:"height"`
	ExistedBy int64      `json:"existedBy"`
	Verdict   string     `json:"verdict" ts:"\"valid\" | \"altered\" | \"unknown ledger\" | \"incomplete\""`
	Contract  string     `json:"contract"`
	Action    string     `json:"action"`
	By        []Author   `json:"by"`
	Evidence  []Evidence `json:"evidence"`

	Private []PrivateField `json:"private"` // as disclosed
}

// VerifyPackageParams names a package on the desktop's disk.
type VerifyPackageParams struct {
	Job     string `json:"job"`
	Path    string `json:"path"`
	Genesis string `json:"genesis,omitempty"` // fingerprint of the ledger to trust
}

// ExportParams says what goes into a package: records, each with the earlier
// records of its item if wanted, the files that the author has at hand, and the
// chosen private fields.
type ExportParams struct {
	Job     string   `json:"job"`
	Records []string `json:"records"`
	History bool     `json:"history"`
	Content bool     `json:"content"`

	Disclose []string `json:"disclose"` // names of private fields to disclose
}

// Exported is a package that was written.
type Exported struct {
	Path    string `json:"path"` // empty: the dialog was closed
	Records int    `json:"records"`
	Files   int    `json:"files"`
	Size    string `json:"size"`
}

// VerifyPackage verifies a package and tells the result. genesis is the
// fingerprint to trust, or empty.
func VerifyPackage(r io.ReaderAt, size int64, genesis string, options casefile.Options) (PackageReport, error) {
	if genesis != "" {
		trusted, err := ledger.ParseFingerprint(genesis)
		if err != nil {
			return PackageReport{}, err
		}
		options.Trusted = &trusted
	}
	report, err := casefile.Verify(r, size, options)
	if err != nil {
		return PackageReport{}, err
	}
	return PackageReportOf(&report), nil
}

// PackageReportOf tells what a verification came to.
func PackageReportOf(r *casefile.Report) PackageReport {
	out := PackageReport{Verdict: string(r.Verdict), Exit: r.Exit(), Stages: []Stage{}, Words: []string{}, Manifest: r.SHA256, Records: []PackageRecord{}}
	for i := range r.Stages {
		s := &r.Stages[i]
		out.Stages = append(out.Stages, Stage{Name: s.Name, Status: string(s.Status), En: s.Text("en"), Zh: s.Text("zh")})
	}
	if r.Words != nil {
		out.Fingerprint, out.Words = r.Fingerprint.String(), r.Words
	}
	if m := r.Manifest; m != nil {
		out.Exporter, out.ExportedAt = m.Exporter, m.Exported.At
	}
	for _, one := range r.Proofs {
		if p := one.Proven; p != nil {
			out.Ledger = p.Record.Ledger
			out.Records = append(out.Records, PackageRecord{
				ID: p.ID.String(), Height: height(p.Height), ExistedBy: p.ExistedBy * 1000, Verdict: string(one.Verdict),
				Contract: p.Record.Contract, Action: p.Record.Action, By: authorsOf(p.Record.By), Evidence: EvidenceOf(p.Record.Evidence),
				Private: disclosedOf(p),
			})
		}
	}
	return out
}
