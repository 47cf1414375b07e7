package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/urfave/cli/v3"

	"evident/lightclient/author"
	"evident/lightclient/ledger"
)

func (p *program) stampCommand() *cli.Command {
	return &cli.Command{
		Name:      "stamp",
		Usage:     p.say("record files, wait until that is final, and write FILE.evident", "为文件存证，等待终局，并写出 FILE.evident"),
		ArgsUsage: p.say("FILE…", "文件…"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "statement", Aliases: []string{"m"}, Usage: p.say("`TEXT` to sign with the files", "与文件一同签署的`文字`")},
			&cli.BoolFlag{Name: "together", Usage: p.say("make one record of all files and folders, by digest, and a proof for each file", "将全部文件与目录按摘要合为一条记录，并为每个文件写出证明")},
			p.keyFlag(),
		},
		Description: p.say("By digest (the default), a file never leaves this machine. Sealed, the members keep a ciphertext that only you can open; public, the file itself, for everybody. An interrupted upload goes on when the same command is run again.",
			"默认仅摘要：文件不离开本机。密封：成员保存仅您可解的密文；公开：成员保存文件本身，任何人可读。上传中断后，再次运行同一命令即可继续。"),
		MutuallyExclusiveFlags: []cli.MutuallyExclusiveFlags{{Flags: [][]cli.Flag{
			{&cli.BoolFlag{Name: "digest", Usage: p.say("record the digest and send no file", "仅记录摘要，不发送文件")}},
			{&cli.BoolFlag{Name: "sealed", Usage: p.say("seal the files here, and have the members keep them", "在本机密封文件，由成员保存")}},
			{&cli.BoolFlag{Name: "public", Usage: p.say("have the members keep the files, for everybody to read", "由成员保存文件，任何人可读")}},
		}}},
		Action: p.stamp,
	}
}

// modeOf reads the flags.
func modeOf(c *cli.Command) ledger.Mode {
	switch {
	case c.Bool("sealed"):
		return ledger.Sealed
	case c.Bool("public"):
		return ledger.Public
	}
	return ledger.Digest
}

// outcome is what became of one file.
type outcome struct {
	Path      string   `json:"path"`
	Proof     string   `json:"proof,omitempty"`
	Record    string   `json:"record,omitempty"`
	Height    string   `json:"height,omitempty"`
	ExistedBy int64    `json:"existedBy,omitempty"` // Unix milliseconds
	Before    bool     `json:"before"`              // it was stamped before
	StoredBy  []string `json:"storedBy,omitempty"`  // members who signed that they keep the file
	Error     string   `json:"error,omitempty"`
	Hint      string   `json:"hint,omitempty"`
}

func (p *program) stamp(ctx context.Context, c *cli.Command) error {
	if c.Bool("together") {
		return p.stampTogether(ctx, c)
	}
	key, err := p.home.Keys().Open(c.String("key"))
	if err != nil {
		return err
	}
	paths, err := p.expand(ctx, c.Args().Slice())
	if err != nil {
		return err
	}
	left, err := p.home.Outbox().Entries()
	if err != nil {
		return err
	}
	if len(paths) == 0 && len(left) == 0 {
		return usage(p.say("there is no file to stamp", "没有可存证的文件"), "evident stamp photo.jpg")
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	if _, err := client.Sync(ctx); err != nil {
		return err
	}
	a := &author.Author{Mode: modeOf(c), Client: client, Key: key, Outbox: p.home.Outbox()}
	for _, entry := range left {
		paths = append(paths, entry.Path)
	}
	shown := newProgress(p, paths)
	if a.Mode != ledger.Digest {
		shown.counted = author.Sending
	}
	var mu sync.Mutex
	var outcomes []outcome
	done := func(path string, s author.Stamped, err error) {
		mu.Lock()
		defer mu.Unlock()
		o := p.outcomeOf(path, s, err)
		outcomes = append(outcomes, o)
		shown.done(o)
	}
	if err := a.Resume(ctx, shown.report, done); err != nil { // what an earlier run left
		return err
	}
	a.StampAll(ctx, paths[:len(paths)-len(left)], c.String("statement"), shown.report, done)
	shown.clear()
	return p.stamped(ctx, outcomes)
}

// stamped prints the outcomes.
func (p *program) stamped(ctx context.Context, outcomes []outcome) error {
	failed := 0
	for _, o := range outcomes {
		if o.Error != "" {
			failed++
		}
	}
	slices.SortFunc(outcomes, func(a, b outcome) int { return cmp.Compare(a.Path, b.Path) })
	err := p.result(map[string]any{"files": outcomes, "failed": failed}, func() {
		final := len(outcomes) - failed
		switch {
		case final > 0:
			p.line(p.say("%d of %d files are final, each with its proof beside it. Keep file and proof together.",
				"%d/%d 个文件已终局，证明在文件旁。请将文件与证明一并保存。"), final, len(outcomes))
		case ctx.Err() == nil:
			p.line(p.say("No file was recorded.", "没有文件被存证。"))
		}
		if ctx.Err() != nil {
			p.line(p.say("Interrupted. What was signed lies in the outbox: run evident stamp again to go on.", "已中断。已签名的记录在发件箱中：再次运行 evident stamp 即可继续。"))
		}
	})
	if err == nil && failed > 0 {
		return exitCode(exitFailed)
	}
	return err
}

func (p *program) outcomeOf(path string, s author.Stamped, err error) outcome {
	o := outcome{Path: path}
	if err != nil {
		e := p.explain(err)
		o.Error, o.Hint = e.Message, e.Hint
		return o
	}
	o.Proof, o.Record, o.Before = s.Proof, s.Record.ID.String(), s.Before
	o.Height, o.ExistedBy = strconv.FormatUint(uint64(s.Record.Header.Height), 10), s.Record.ExistedBy().UnixMilli()
	for _, r := range s.Receipts {
		o.StoredBy = append(o.StoredBy, r.Member)
	}
	return o
}

// expand replaces folders by the files in them. What cannot be stamped is told
// at once; a file that was named is taken as it is, and fails by itself.
func (p *program) expand(ctx context.Context, args []string) ([]string, error) {
	var paths []string
	named := map[string]bool{}
	for _, arg := range args {
		full, err := filepath.Abs(arg)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(arg); err != nil {
			return nil, err
		}
		named[full] = true
	}
	err := author.Walk(ctx, args, func(path string, _ fs.FileInfo) error {
		paths = append(paths, path)
		return nil
	}, func(path string, why error) {
		if named[path] {
			paths = append(paths, path)
			return
		}
		p.skipped(path, why)
	})
	slices.Sort(paths)
	return paths, err
}

// skipped tells what is left out; what is hidden is left out without a word.
func (p *program) skipped(path string, why error) {
	if !p.json && !errors.Is(why, author.ErrHidden) {
		fmt.Fprintf(p.err, "- %s\n  %s\n", plain(path), plain(p.explain(why).Message))
	}
}
