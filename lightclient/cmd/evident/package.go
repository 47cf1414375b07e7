package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/evidence"
	"evident/lightclient/proof"
	"evident/lightclient/service"
)

// isPackage tells whether a file is to be verified as a package: it begins like
// one, or it is a ZIP file without a proof of its own.
func isPackage(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if casefile.Begins(f) {
		return true
	}
	_, err = os.Stat(path + ".evident")
	return strings.HasSuffix(strings.ToLower(path), ".zip") && err != nil
}

// verifyPackage verifies a package; it asks nobody.
func (p *program) verifyPackage(ctx context.Context, path, page string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	trusted, err := p.home.Trusted()
	if err != nil {
		return err
	}
	report, err := casefile.Verify(f, info.Size(), casefile.Options{
		Trusted: trusted, Pages: paper.Pages, NewCID: newCID, Progress: p.percent(ctx),
	})
	p.clearPercent()
	if err != nil {
		return err
	}
	if err := p.reportPage(page, p.checkedPackage(&report, path)); err != nil {
		return err
	}
	if err := p.result(service.PackageReportOf(&report), func() { p.packageText(&report) }); err != nil {
		return err
	}
	if code := report.Exit(); code != exitOK {
		return exitCode(code)
	}
	return nil
}

func newCID() casefile.CIDWriter { return evidence.NewHasher() }

// percent shows on a terminal how far a package is read or written, and stops
// when the context does.
func (p *program) percent(ctx context.Context) func(done, total int64) error {
	shown, terminal := int64(-1), p.terminal()
	return func(done, total int64) error {
		if now := 100 * done / max(total, 1); terminal && now != shown {
			shown = now
			fmt.Fprintf(p.err, "\r  %d%%", now)
		}
		return ctx.Err()
	}
}

func (p *program) clearPercent() {
	if p.terminal() {
		fmt.Fprint(p.err, "\r\x1b[K")
	}
}

// shownRecords is how many records of a package are told one by one.
const shownRecords = 20

func (p *program) packageText(r *casefile.Report) {
	var rows [][]string
	for i := range r.Stages {
		s := &r.Stages[i]
		rows = append(rows, []string{statusSigns[s.Status], p.packageStage(s.Name), plain(s.Text(p.lang()))})
	}
	p.table(rows)
	p.line("")
	p.line("%s  %s", p.verdict(r.Verdict), plain(r.Reason(p.lang())))
	for i, one := range r.Proofs {
		if one.Proven == nil {
			continue
		}
		if i == shownRecords {
			p.line("  … %d", len(r.Proofs)-i)
			break
		}
		if i == 0 || len(r.Proofs) == 1 {
			p.line("")
		}
		if len(r.Proofs) == 1 {
			p.provenRows(one.Proven)
			break
		}
		p.line("  %s  %s  %s", one.Proven.ID, moment(one.Proven.ExistedBy*1000), plain(names(one.Proven.Record.By)))
	}
	if r.Verdict == proof.UnknownLedger {
		p.compareWords()
	}
}

func (p *program) packageStage(name string) string {
	zh := map[string]string{
		casefile.StageContainer: "容器", casefile.StageManifest: "清单", casefile.StageSums: "校验和", casefile.StageProofs: "证明",
		casefile.StageArtefacts: "文本", casefile.StageContent: "内容", casefile.StagePages: "页面", casefile.StageCustody: "保管",
		casefile.StageTime: "独立时间", casefile.StageRenewal: "更新",
	}
	return p.say(name, zh[name])
}
