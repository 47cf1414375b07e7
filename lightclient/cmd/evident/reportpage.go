package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/proof"
)

// reportPage writes a verification as a page, if a name for it was given.
func (p *program) reportPage(path string, checked certificate.Checked) error {
	if path == "" {
		return nil
	}
	checked.By, checked.At = "evident "+version(), time.Now().UnixMilli()
	page, err := certificate.Report(checked, p.lang() == "zh")
	if err != nil {
		return err
	}
	_, err = writeNew(path, func(w io.Writer) error { _, err := w.Write(page); return err })
	if errors.Is(err, fs.ErrExist) {
		return &problem{"exists", fmt.Sprintf(p.say("%s is there already", "%s 已存在"), path), p.say("choose another name: --html NAME.html", "请另选名称：--html 名称.html")}
	}
	return err
}

func (p *program) checkedProof(r *proof.Report, name string) certificate.Checked {
	c := certificate.Checked{Name: filepath.Base(name), Verdict: p.verdict(r.Verdict), Reason: r.Reason(p.lang()), Ledger: r.Fingerprint, Words: r.Words, Proofs: []proof.Report{*r}}
	for i := range r.Stages {
		s := &r.Stages[i]
		c.Findings = append(c.Findings, certificate.Finding{Stage: p.stageName(s.Name), Status: p.statusName(s.Status), Text: s.Text(p.lang())})
	}
	return c
}

func (p *program) checkedPackage(r *casefile.Report, name string) certificate.Checked {
	c := certificate.Checked{Name: filepath.Base(name), Verdict: p.verdict(r.Verdict), Reason: r.Reason(p.lang()), Ledger: r.Fingerprint, Words: r.Words, Manifest: r.SHA256, Proofs: r.Proofs}
	for i := range r.Stages {
		s := &r.Stages[i]
		c.Findings = append(c.Findings, certificate.Finding{Stage: p.packageStage(s.Name), Status: p.statusName(s.Status), Text: s.Text(p.lang())})
	}
	return c
}

func (p *program) statusName(s proof.Status) string {
	zh := map[proof.Status]string{proof.Passed: "通过", proof.Failed: "未通过", proof.Absent: "无", proof.NotRun: "未执行"}
	return p.say(string(s), zh[s])
}
