package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient/author"
	"evident/lightclient/transfer"
)

func (p *program) fetchCommand() *cli.Command {
	return &cli.Command{
		Name:      "fetch",
		Usage:     p.say("bring the file of a record back from the members, open it and compare it with the record", "从成员处取回记录的文件，解封并与记录核对"),
		ArgsUsage: p.say("RECORD", "记录编号"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: p.say("`FILE` to write; its own name otherwise", "写入的`文件`；默认用其原名")},
			p.fileFlag(),
		},
		Action: p.fetch,
	}
}

func (p *program) fetch(ctx context.Context, c *cli.Command) error {
	file, err := p.fileOf(c, "evident fetch RECORD -o photo.jpg")
	if err != nil {
		return err
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	shown := newProgress(p, nil)
	shown.total = 1
	f, err := author.Fetch(ctx, client, p.home.Outbox().Secrets(), file.Record, file.Index, c.String("output"), func(t transfer.Progress) {
		shown.moving(p.say("fetching", "取回"), t)
	})
	shown.clear()
	if err != nil {
		return err
	}
	return p.result(map[string]any{"path": f.Path, "size": fmt.Sprint(f.Size), "record": file.Record.String()}, func() {
		p.line(p.say("✓ %s  %d bytes, exactly what was recorded", "✓ %s  %d 字节，与记录一致"), plain(f.Path), f.Size)
	})
}

// moving shows how far the bytes of one file are.
func (s *progress) moving(what string, t transfer.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal || time.Since(s.last) < redraw {
		return
	}
	s.last = time.Now()
	fmt.Fprintf(s.err, "\r\x1b[K  %s %s", what, s.amounts(t))
}

// amounts is a share, a rate and a time: "40% 12.5 MB/s 3m20s".
func (s *progress) amounts(t transfer.Progress) string {
	if t.Total == 0 {
		return ""
	}
	text := fmt.Sprintf("%d%%", 100*t.Done/t.Total)
	if t.Rate > 0 {
		text += fmt.Sprintf("  %.1f MB/s  %s", t.Rate/1e6, t.Left().Round(time.Second))
	}
	return text
}
