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
	d := &document{zh: zh, digest: c.Manifest, number: c.Name}
	d.title = d.say("Verification report", "验证报告")
	about := rows{
		{d.say("File", "文件"), text(c.Name)},
		{d.say("Verdict", "结论"), important(c.Verdict)},
		{d.say("Reason", "理由"), text(c.Reason)},
	}
	if c.Words != nil {
		about = append(about,
			row{d.say("Ledger, in words", "账本助记词"), important(strings.Join(c.Words, " "))},
			row{d.say("Fingerprint", "指纹"), hexadecimal(c.Ledger.String())})
	}
	d.add(append(about,
		row{d.say("Verified with", "验证程序"), text(c.By)},
		row{d.say("Verified at", "验证时间"), text(d.moment(c.At) + d.say(" – by this machine's clock", "（本机时钟）"))}))
	d.section("A", "Stages", "各阶段")
	stages := grid{head: []string{d.say("Stage", "阶段"), d.say("Result", "结果"), d.say("What was found", "说明")}, share: []float64{.18, .12, .7}}
	for _, f := range c.Findings {
		stages.rows = append(stages.rows, []value{text(f.Stage), text(f.Status), text(f.Text)})
	}
	d.add(stages)
	if proven := d.proven(c.Proofs); len(proven.rows) > 0 {
		d.section("B", "What is proved", "所证明的记录")
		d.add(proven)
	}
	_, page, err := drawHTML(d, nil)
	return page, err
}

func (d *document) proven(proofs []proof.Report) grid {
	g := grid{head: []string{d.say("Record", "记录"), d.say("Existed by (UTC)", "最迟存在于（UTC）"), d.say("Block", "区块"), d.say("Signed by", "签署者")}, share: []float64{.5, .2, .1, .2}}
	for _, r := range proofs {
		if r.Proven != nil {
			g.rows = append(g.rows, []value{
				hexadecimal(r.Proven.ID.String()), text(shortTime(r.Proven.ExistedBy * 1000)), count(int(r.Proven.Height)),
				text(strings.Join(casefile.Signers(r.Proven.Record.By), ", ")),
			})
		}
	}
	return g
}
