package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"evident/lightclient"
	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

// maxText bounds a recipient or a shared key that is read from a file.
const maxText = 64 << 10

func readFull(r io.Reader, buf []byte) (int, error) {
	n, err := io.ReadFull(r, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// fileFlag says which file of a record is meant.
func (p *program) fileFlag() cli.Flag {
	return &cli.IntFlag{Name: "file", Usage: p.say("`NUMBER` of the file in the record, from 1; the first that the members keep otherwise", "记录中文件的`序号`，从 1 起；默认取成员保存的第一个")}
}

// fileOf reads the record's id and the flag.
func (p *program) fileOf(c *cli.Command, example string) (author.File, error) {
	id, err := ledger.ParseRecordID(c.Args().First())
	if err != nil || c.Args().Len() != 1 {
		return author.File{}, usage(p.say("which record? its id has 64 hexadecimal digits", "请指明记录：编号为 64 位十六进制数"), example)
	}
	return author.File{Record: id, Index: int(c.Int("file")) - 1}, nil
}

// author opens the key and the ledger.
func (p *program) author(ctx context.Context, key string) (*author.Author, error) {
	k, err := p.home.Keys().Open(key)
	if err != nil {
		return nil, err
	}
	client, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := client.Sync(ctx); err != nil {
		return nil, err
	}
	return &author.Author{Client: client, Key: k, Outbox: p.home.Outbox()}, nil
}

func (p *program) keyFlag() cli.Flag {
	return &cli.StringFlag{Name: "key", Usage: p.say("`NAME` of the key to sign with", "签名密钥的`名称`")}
}

func (p *program) shareCommand() *cli.Command {
	return &cli.Command{
		Name:      "share",
		Usage:     p.say("give another person the key of a sealed file, and record who got it", "将密封文件的密钥交给他人，并记录授予对象"),
		ArgsUsage: p.say("RECORD", "记录编号"),
		Description: p.say("The other person runs evident recipient, and with what you hand over: evident receive FILE. The record names them and their key, not what the file is.",
			"对方先运行 evident recipient，收到后再运行：evident receive 文件。记录只写明对方及其公钥，不含文件内容。"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "with", Required: true, Usage: p.say("`RECIPIENT` of the other person, or a file that holds it", "对方的`公钥`，或含公钥的文件")},
			&cli.StringFlag{Name: "to", Required: true, Usage: p.say("`NAME` by which the record calls them", "记录中对方的`称呼`")},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: p.say("`FILE` to write; the terminal otherwise", "写入的`文件`；默认输出到终端")},
			p.fileFlag(), p.keyFlag(),
		},
		Action: p.share,
	}
}

func (p *program) share(ctx context.Context, c *cli.Command) error {
	file, err := p.fileOf(c, "evident share RECORD --with wei.txt --to \"Wei Zhang\"")
	if err != nil {
		return err
	}
	recipient, err := textOr(c.String("with"), maxText)
	if err != nil {
		return err
	}
	out := c.String("output")
	if out != "" {
		if _, err := os.Lstat(out); err == nil {
			return fmt.Errorf("%w: %s", author.ErrFileExists, out)
		}
	}
	a, err := p.author(ctx, c.String("key"))
	if err != nil {
		return err
	}
	text, grant, err := a.Share(ctx, file, recipient, c.String("to"))
	if err != nil {
		return err
	}
	if out != "" {
		write := func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
		if _, err := writeNew(out, write); err != nil {
			return err
		}
	}
	return p.result(map[string]string{"text": text, "grant": grant.ID.String(), "height": fmt.Sprint(grant.Header.Height), "path": out}, func() {
		if out == "" {
			fmt.Fprint(p.out, text)
			return
		}
		p.line(p.say("✓ %s  hand it to them; nobody else can open it. The grant is record %s in block %d.", "✓ %s  请交给对方；他人无法打开。授予记录为 %s，在区块 %d。"), plain(out), grant.ID, grant.Header.Height)
	})
}

func (p *program) receiveCommand() *cli.Command {
	return &cli.Command{
		Name:      "receive",
		Usage:     p.say("take the key of a sealed file that somebody shared with you", "接收他人分享的密封文件密钥"),
		ArgsUsage: p.say("FILE", "文件"),
		Action:    p.receive,
	}
}

func (p *program) receive(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usage(p.say("receive what?", "请指明要接收的文件"), "evident receive key.age")
	}
	text, err := textOr(c.Args().First(), maxText)
	if err != nil {
		return err
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	file, secret, err := author.Receive(ctx, client, p.home.Outbox().Secrets(), text)
	if err != nil {
		return err
	}
	return p.result(map[string]any{"record": file.Record.String(), "file": file.Index + 1, "name": secret.Name, "size": fmt.Sprint(secret.Size)}, func() {
		p.line(p.say("✓ %s, %d bytes. Get it: evident fetch %s --file %d", "✓ %s，%d 字节。取回：evident fetch %s --file %d"), plain(secret.Name), secret.Size, file.Record, file.Index+1)
	})
}

func (p *program) eraseCommand() *cli.Command {
	return &cli.Command{
		Name:      "erase",
		Usage:     p.say("order the members to erase a stored file, and show who has", "要求成员删除所存文件，并显示已删除者"),
		ArgsUsage: p.say("RECORD", "记录编号"),
		Description: p.say("The members obey if an author of every record that names the file signs the order. The records stay, and so does the fact that it was erased. The reason can be read by everybody.",
			"仅当列有该文件的每条记录都有作者签署此要求时，成员才会执行。记录保留，删除的事实亦保留。理由任何人可读。"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "reason", Required: true, Usage: p.say("`TEXT` for everybody to read", "任何人可读的`理由`")},
			p.fileFlag(), p.keyFlag(),
		},
		Action: p.erase,
	}
}

func (p *program) erase(ctx context.Context, c *cli.Command) error {
	file, err := p.fileOf(c, "evident erase RECORD --reason \"personal data\"")
	if err != nil {
		return err
	}
	a, err := p.author(ctx, c.String("key"))
	if err != nil {
		return err
	}
	got, err := a.Erase(ctx, file, c.String("reason"))
	if err != nil {
		return err
	}
	told := map[string]any{"order": got.Record.ID.String(), "erased": membersOf(got.Gone), "kept": membersOf(got.Kept)}
	return p.result(told, func() {
		p.line(p.say("The order is record %s in block %d.", "要求为记录 %s，在区块 %d。"), got.Record.ID, got.Record.Header.Height)
		var rows [][]string
		for _, r := range got.Gone {
			rows = append(rows, []string{"✓", r.Member, p.say("erased", "已删除"), moment(r.Time)})
		}
		for _, r := range got.Kept {
			rows = append(rows, []string{"·", r.Member, p.say("has not said so yet", "尚未确认"), ""})
		}
		p.table(rows)
		if len(got.Gone) == 0 || len(got.Kept) > 0 {
			p.line("  → "+p.say("the order stays; look again later: evident show %s", "要求持续有效；请稍后再查看：evident show %s"), file.Record)
		}
	})
}

func membersOf(receipts []transfer.Receipt) []string {
	names := []string{}
	for _, r := range receipts {
		names = append(names, r.Member)
	}
	return names
}

func (p *program) proofCommand() *cli.Command {
	return &cli.Command{
		Name:      "proof",
		Usage:     p.say("write the proof of a file that was recorded together with others, or the newest proof of a record", "写出批量存证中单个文件的证明，或某条记录的最新证明"),
		ArgsUsage: p.say("FILE|RECORD", "文件|记录编号"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: p.say("`PROOF` to write; FILE.evident otherwise; never overwritten", "写出的`证明`；默认为 文件.evident；从不覆盖")},
		},
		Action: p.proof,
	}
}

func (p *program) proof(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usage(p.say("the proof of what?", "请指明对象"), "evident proof photo.jpg")
	}
	arg := c.Args().First()
	made, err := p.makeProof(ctx, arg)
	if err != nil {
		return err
	}
	out := c.String("output")
	if out == "" {
		out = arg + ".evident"
	}
	size, err := writeNew(out, func(w io.Writer) error { _, err := w.Write(made); return err })
	if err != nil {
		return err
	}
	return p.result(map[string]any{"proof": out, "size": fmt.Sprint(size)}, func() {
		p.line(p.say("✓ %s  %d bytes", "✓ %s  %d 字节"), plain(filepath.Base(out)), size)
	})
}

func (p *program) makeProof(ctx context.Context, arg string) ([]byte, error) {
	if recordID.MatchString(arg) {
		id, err := ledger.ParseRecordID(arg)
		if err != nil {
			return nil, err
		}
		client, err := p.client(ctx)
		if err != nil {
			return nil, err
		}
		return newestProof(ctx, client, id)
	}
	ids, err := p.home.Outbox().TogetherRecords()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if file, err := p.home.Outbox().TogetherProof(id, arg); err == nil {
			return file, nil
		}
	}
	return nil, &problem{"no_proof", fmt.Sprintf(p.say("%s was not recorded together with others in this home", "本目录没有 %s 的批量存证"), plain(arg)),
		p.say("record it: evident stamp FILE; or name a record", "请先存证：evident stamp 文件；或指明记录编号")}
}

// newestProof asks for the proof of a record as it can be made today.
func newestProof(ctx context.Context, client *lightclient.Client, id ledger.RecordID) ([]byte, error) {
	record, err := client.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	made, err := author.Proof(ctx, client, record)
	if err != nil {
		return nil, err
	}
	return made.Encode()
}
