package certificate

import (
	"strings"

	"evident/lightclient/casefile"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// Finding is one stage of a verification, in words.
type Finding struct{ Stage, Status, Text string }

// Checked is what a verification of a proof or a package came to.
type Checked struct {
	Name     string // of the file
	Verdict  string
	Reason   string
	Findings []Finding
	Ledger   ledger.Fingerprint
	Words    []string // nil if no genesis was read
	Manifest string   // SHA-256, for a package
	Proofs   []proof.Report
	By       string // the program
	At       int64  // Unix milliseconds, by this machine's clock
}

// Report is a verification as one page of HTML, to be kept or printed.
func Report(c Checked, zh bool) ([]byte, error) {
	d := &Document{Chinese: zh, Digest: c.Manifest, Number: c.Name}
	d.Title = d.Say("Verification report", "验证报告")
	about := Rows{
		{d.Say("File", "文件"), text(c.Name)},
		{d.Say("Verdict", "结论"), important(c.Verdict)},
		{d.Say("Reason", "理由"), text(c.Reason)},
	}
	if c.Words != nil {
		about = append(about,
			Row{d.Say("Ledger, in words", "账本助记词"), important(strings.Join(c.Words, " "))},
			Row{d.Say("Fingerprint", "指纹"), hexadecimal(c.Ledger.String())})
	}
	d.add(append(about,
		Row{d.Say("Verified with", "验证程序"), text(c.By)},
		Row{d.Say("Verified at", "验证时间"), text(d.moment(c.At) + d.Say(" – by this machine's clock", "（本机时钟）"))}))
	d.section("A", "Stages", "各阶段")
	stages := Grid{Head: []string{d.Say("Stage", "阶段"), d.Say("Result", "结果"), d.Say("What was found", "说明")}, Share: []float64{.18, .12, .7}}
	for _, f := range c.Findings {
		stages.Rows = append(stages.Rows, []Value{text(f.Stage), text(f.Status), text(f.Text)})
	}
	d.add(stages)
	if proven := d.proven(c.Proofs); len(proven.Rows) > 0 {
		d.section("B", "What is proved", "所证明的记录")
		d.add(proven)
	}
	return drawHTML(d)
}

func (d *Document) proven(proofs []proof.Report) Grid {
	g := Grid{Head: []string{d.Say("Record", "记录"), d.Say("Existed by (UTC)", "最迟存在于（UTC）"), d.Say("Block", "区块"), d.Say("Signed by", "签署者")}, Share: []float64{.5, .2, .1, .2}}
	for _, r := range proofs {
		if r.Proven != nil {
			g.Rows = append(g.Rows, []Value{
				hexadecimal(r.Proven.ID.String()), text(shortTime(r.Proven.ExistedBy * 1000)), count(int(r.Proven.Height)),
				text(strings.Join(casefile.Signers(r.Proven.Record.By), ", ")),
			})
		}
	}
	return g
}
