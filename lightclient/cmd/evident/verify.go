package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:        "verify",
		Usage:       p.say("verify a proof or a package, without any network", "离线验证证明或文件包"),
		ArgsUsage:   p.say("FILE [PROOF]|PACKAGE", "文件 [证明]|文件包"),
		Description: p.say("Exit code 0: valid. 1: altered. 2: cannot tell. Without PROOF, FILE.evident is taken; a FILE that is a proof is verified alone.", "退出码 0：有效；1：已被改动；2：无法判断。省略证明时取 文件.evident；若文件本身是证明，则单独验证。"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "html", Usage: p.say("also write the report as a page to `FILE`; never overwritten", "同时将报告写为网页`文件`；从不覆盖")},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := p.verify(ctx, c); err != nil {
				return cannotTell{err}
			}
			return nil
		},
	}
}

func (p *program) verify(ctx context.Context, c *cli.Command) error {
	if n := c.Args().Len(); n < 1 || n > 2 {
		return usage(p.say("which file?", "请指明文件"), "evident verify photo.jpg")
	}
	content, paths := c.Args().Get(0), []string{c.Args().Get(1)}
	if paths[0] == "" && isPackage(content) {
		return p.verifyPackage(ctx, content, c.String("html"))
	}
	if paths[0] == "" {
		var err error
		if content, paths, err = p.findProofs(content); err != nil {
			return err
		}
	}
	var options proof.Options
	var err error
	if options.Trusted, err = p.home.Trusted(); err != nil {
		return err
	}
	if content != "" {
		d, err := evidence.File(ctx, content, nil)
		if err != nil {
			return err
		}
		options.Content = &proof.Content{SHA256: d.SHA256, CID: d.CID, Size: d.Size}
	}
	if content == "" {
		if file, err := readProof(paths[0]); err != nil {
			return err
		} else if proof.IsItem(file) || proof.IsRefused(file) || proof.IsAccusation(file) {
			return p.verifyOther(file, options.Trusted, paths[0], c.String("html"))
		}
	}
	// Of several proofs beside a file, one that holds is enough.
	var report proof.Report
	var file []byte
	for _, path := range paths {
		if file, err = readProof(path); err != nil {
			return err
		}
		if report = proof.Verify(file, options); report.Verdict == proof.Valid {
			break
		}
	}
	if err := p.reportPage(c.String("html"), p.checkedProof(&report, cmp.Or(content, paths[0]))); err != nil {
		return err
	}
	if err := p.result(service.ReportOf(file, options), func() { p.report(&report) }); err != nil {
		return err
	}
	if code := report.Exit(); code != exitOK {
		return exitCode(code)
	}
	return nil
}

// findProofs returns the file to compare, and the proofs beside it, the newest
// first. A proof that is given itself is compared with nothing.
func (p *program) findProofs(path string) (content string, proofs []string, err error) {
	if strings.HasSuffix(path, ".evident") || strings.HasSuffix(path, accusationSuffix) || beginsProof(path) {
		return "", []string{path}, nil
	}
	if _, err := os.Stat(path); err != nil {
		return "", nil, err
	}
	for i := 1; ; i++ {
		next := path + ".evident"
		if i > 1 {
			next = fmt.Sprintf("%s.%d.evident", path, i)
		}
		if _, err := os.Stat(next); err != nil {
			break
		}
		proofs = append([]string{next}, proofs...)
	}
	if len(proofs) == 0 {
		return "", nil, usage(fmt.Sprintf(p.say("there is no proof %s.evident beside the file", "文件旁没有证明 %s.evident"), path),
			p.say("name it: evident verify FILE PROOF; or ask the ledger: evident show FILE", "请指明：evident verify 文件 证明；或查询账本：evident show 文件"))
	}
	return path, proofs, nil
}

// beginsProof tells whether a file begins like a proof, a state proof, a refused record or an accusation, whatever it is
// called.
func beginsProof(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 64)
	n, _ := io.ReadFull(f, start)
	start = start[:n]
	return proof.IsProof(start) || proof.IsItem(start) || proof.IsRefused(start) || proof.IsAccusation(start)
}

// readProof reads no more than a proof may have, and one byte: then it is too large.
func readProof(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return nil, errors.Join(err, fmt.Errorf("%s: %w", path, fs.ErrInvalid))
	}
	return io.ReadAll(io.LimitReader(f, proof.MaxSize+1))
}

// report prints the stages and the verdict.
func (p *program) report(r *proof.Report) {
	var rows [][]string
	for i := range r.Stages {
		s := &r.Stages[i]
		rows = append(rows, []string{statusSigns[s.Status], p.stageName(s.Name), plain(s.Text(p.lang()))})
	}
	p.table(rows)
	p.line("")
	p.line("%s  %s", p.verdict(r.Verdict), plain(r.Reason(p.lang())))
	if r.Proven != nil {
		p.line("")
		p.provenRows(r.Proven)
	}
	if r.Verdict == proof.UnknownLedger {
		p.compareWords()
	}
}

var statusSigns = map[proof.Status]string{proof.Passed: "✓", proof.Failed: "✗", proof.Absent: "·", proof.NotRun: " "}

func (p *program) verdict(v proof.Verdict) string {
	return map[proof.Verdict]string{
		proof.Valid: p.say("VALID", "有效"), proof.Altered: p.say("ALTERED", "已被改动"),
		proof.UnknownLedger: p.say("UNKNOWN LEDGER", "未知账本"), proof.Incomplete: p.say("INCOMPLETE", "不完整"),
	}[v]
}

func (p *program) compareWords() {
	p.line("  → " + p.say("compare the words with a printed copy of the consortium, then: evident trust GENESIS", "请与联盟公布的助记词核对，然后：evident trust 创世文件"))
}

func (p *program) stageName(name string) string {
	zh := map[string]string{
		proof.StageContainer: "容器", proof.StageContent: "内容", proof.StageDisclosure: "披露", proof.StageTogether: "批量", proof.StageSignature: "记录签名",
		proof.StageInclusion: "收录", proof.StageCertificate: "证书", proof.StageHistory: "成员沿革", proof.StageConsistency: "一致性",
		proof.StageState: "状态", proof.StageStorage: "存储", proof.StageRefusal: "拒绝", proof.StageCosignatures: "联署", proof.StageContradiction: "矛盾", proof.StageAnchors: "锚定",
	}
	return p.say(name, zh[name])
}

// provenRows prints what a proof proves, and what its author claims.
func (p *program) provenRows(r *proof.Proven) {
	rows := []string{
		p.say("record", "记录"), r.ID.String(),
		p.say("block", "区块"), fmt.Sprint(r.Height),
		p.say("existed by", "最迟存在于"), moment(r.ExistedBy * 1000),
		p.say("signed by", "签署者"), plain(names(r.Record.By)),
		p.say("claims", "作者声明"), plain(statementOf(r.Record.Fields)),
	}
	for _, e := range r.Record.Evidence {
		if e.Mode == ledger.Sealed {
			rows = append(rows, p.say("sealed file", "密封文件"), fmt.Sprintf("%s  %d B  %s", plain(e.Name), e.Size, e.CID))
			continue
		}
		rows = append(rows, p.say("file", "文件"), fmt.Sprintf("%s  %d B  %s", plain(e.Name), e.Size, e.SHA256))
	}
	p.rows(rows...)
	if r.State != nil {
		p.stateRows(r.State)
	}
	p.privateRows(r.Record.Fields, r.Private)
}
