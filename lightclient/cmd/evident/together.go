package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient/author"
)

// stampTogether makes one record of many files. What an earlier run signed goes on first.
func (p *program) stampTogether(ctx context.Context, c *cli.Command) error {
	a, err := p.author(ctx, c.String("key"))
	if err != nil {
		return err
	}
	a.Mode = modeOf(c)
	shown := newProgress(p, nil)
	err = a.Resume(ctx, shown.report, func(path string, s author.Stamped, err error) { shown.done(p.outcomeOf(path, s, err)) })
	if err != nil {
		return err
	}
	stamped, walked, err := a.StampTogether(ctx, c.Args().Slice(), c.String("statement"), shown.report)
	shown.clear()
	for _, s := range walked.Skipped {
		p.skipped(s.Path, s.Why)
	}
	if err != nil {
		return err
	}
	told := map[string]any{"files": walked.Files, "bytes": fmt.Sprint(walked.Bytes), "before": walked.Before, "skipped": int64(len(walked.Skipped)) + walked.More}
	if stamped.Before {
		return p.result(told, func() {
			p.line(p.say("Nothing new: %d files have their proof already.", "没有新文件：%d 个文件已有证明。"), walked.Before)
		})
	}
	r := stamped.Record
	told["record"], told["height"], told["existedBy"], told["proof"] = r.ID.String(), fmt.Sprint(r.Header.Height), r.ExistedBy().UnixMilli(), stamped.Proof
	return p.result(told, func() {
		p.line(p.say("✓ files %d, bytes %d, one record: %s", "✓ %d 个文件、%d 字节，一条记录：%s"), walked.Files, walked.Bytes, r.ID)
		p.line("  "+p.say("block %d  %s", "区块 %d  %s"), r.Header.Height, moment(r.ExistedBy().Truncate(time.Second).UnixMilli()))
		if walked.Before > 0 || len(walked.Skipped) > 0 {
			p.line("  "+p.say("%d files had a proof already; %d were skipped", "%d 个文件此前已有证明；跳过 %d 个"), walked.Before, int64(len(walked.Skipped))+walked.More)
		}
		if walked.Files > author.MaxProofFiles {
			p.line("  → " + p.say("so many proofs are not written at once; for one file: evident proof FILE", "数量众多，未逐一写出证明；单个文件请运行：evident proof 文件"))
			return
		}
		p.line("  → " + p.say("each file has its proof beside it; keep both together", "每个文件的证明在其旁；请将二者一并保存"))
	})
}
