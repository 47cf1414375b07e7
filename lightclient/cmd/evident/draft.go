package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"evident/lightclient/act"
	"evident/lightclient/store"
)

func (p *program) draftCommand() *cli.Command {
	key := &cli.StringFlag{Name: "key", Usage: p.say("`NAME` of the key to sign with", "签名密钥的`名称`")}
	return &cli.Command{
		Name:  "draft",
		Usage: p.say("records that several parties sign", "由多方签署的记录"),
		Commands: []*cli.Command{
			{Name: "show", Usage: p.say("show what is to be signed, and who has signed", "显示待签内容与签署情况"), ArgsUsage: p.say("FILE|LINK", "文件|链接"), Action: p.draftShow},
			{Name: "sign", Usage: p.say("sign a draft; a FILE is rewritten, a LINK printed anew", "签署草稿；文件将被改写，链接将重新输出"), ArgsUsage: p.say("FILE|LINK", "文件|链接"), Flags: []cli.Flag{key}, Action: p.draftSign},
			{Name: "link", Usage: p.say("print the draft as a link", "以链接输出草稿"), ArgsUsage: p.say("FILE", "文件"), Action: p.draftLink,
				Flags: []cli.Flag{&cli.StringFlag{Name: "pages", Usage: p.say("`URL` of the pages to open it with", "打开链接的页面`地址`")}}},
			{Name: "renew", Usage: p.say("compose it anew where its item is now; nobody may have signed", "按事项当前状态重新编制；须尚无人签署"), ArgsUsage: p.say("FILE", "文件"), Action: p.draftRenew},
			{Name: "submit", Usage: p.say("submit a draft that everybody has signed", "提交各方均已签署的草稿"), ArgsUsage: p.say("FILE|LINK", "文件|链接"), Action: p.draftSubmit,
				Flags: []cli.Flag{&cli.BoolFlag{Name: "dry-run", Usage: p.say("ask a node what would become of it, and submit nothing", "仅询问节点结果，不提交")}}},
		},
		Action: func(context.Context, *cli.Command) error {
			return usage(p.say("what about drafts?", "请指明操作"), "evident draft show FILE")
		},
	}
}

// openDraft reads the draft that a command is about: a file, or a link.
func (p *program) openDraft(c *cli.Command) (d *act.Draft, path string, err error) {
	if c.Args().Len() != 1 {
		return nil, "", usage(p.say("which draft?", "请指明草稿"), "evident draft show FILE")
	}
	arg := c.Args().First()
	if strings.Contains(arg, "#/draft/") {
		d, err = act.Parse([]byte(arg))
		return d, "", err
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, act.MaxDraftSize+1))
	if err != nil {
		return nil, "", err
	}
	d, err = act.Parse(data)
	return d, arg, err
}

// showDraft prints what is signed, in the words of the contract.
func (p *program) showDraft(d *act.Draft, contract *act.Contract) {
	rows, err := d.Show(contract, p.lang())
	if err != nil {
		p.line("%s", plain(err.Error()))
		return
	}
	var pairs []string
	for _, r := range rows {
		pairs = append(pairs, plain(r.Label), plain(r.Value))
	}
	p.rows(pairs...)
}

func (p *program) draftShow(ctx context.Context, c *cli.Command) error {
	d, _, err := p.openDraft(c)
	if err != nil {
		return err
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	contract, err := p.contract(ctx, client, d.Contract, d.Version)
	if err != nil {
		return err
	}
	current := d.Current(ctx, client)
	rows, err := d.Show(contract, p.lang())
	if err != nil {
		return err
	}
	return p.result(map[string]any{"record": d.ID().String(), "rows": rows, "missing": append([]string{}, d.Missing()...), "current": current == nil}, func() {
		p.showDraft(d, contract)
		if current != nil {
			p.line("✗ %s", p.moved(current))
		}
	})
}

// moved says that a draft can no longer be taken.
func (p *program) moved(err error) string {
	var m *act.Moved
	if !errors.As(err, &m) {
		return plain(err.Error())
	}
	return fmt.Sprintf(p.say("The item has moved on: its last record is number %d, this draft follows number %d. Compose it anew: evident draft renew FILE, or evident act.",
		"事项已有新记录：最新为第 %d 条，本草稿接第 %d 条。请重新编制：evident draft renew 文件，或 evident act。"), m.Seq, m.Want)
}

func (p *program) draftSign(ctx context.Context, c *cli.Command) error {
	d, path, err := p.openDraft(c)
	if err != nil {
		return err
	}
	key, err := p.home.Keys().Open(c.String("key"))
	if err != nil {
		return err
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	contract, err := p.contract(ctx, client, d.Contract, d.Version)
	if err != nil {
		return err
	}
	if err := d.Current(ctx, client); err != nil {
		return &problem{"moved", p.moved(err), p.say("it was not signed", "未签署")}
	}
	if err := d.Sign(key); err != nil {
		return err
	}
	if err := p.keepOpenings(d); err != nil {
		return err
	}
	link := ""
	if path == "" {
		if link, err = d.Link(strings.SplitN(c.Args().First(), "/#", 2)[0]); err != nil {
			return err
		}
	} else if err := rewrite(path, d); err != nil {
		return err
	}
	return p.result(map[string]any{"record": d.ID().String(), "missing": append([]string{}, d.Missing()...), "link": link}, func() {
		p.showDraft(d, contract)
		if link != "" {
			p.line("%s", link)
		}
		if len(d.Missing()) == 0 {
			p.line(p.say("Everybody has signed: evident draft submit", "各方均已签署：evident draft submit"))
		}
	})
}

func rewrite(path string, d *act.Draft) error {
	data, err := d.Bytes()
	if err != nil {
		return err
	}
	return store.WriteFile(path, data, 0o600)
}

func (p *program) draftLink(_ context.Context, c *cli.Command) error {
	d, _, err := p.openDraft(c)
	if err != nil {
		return err
	}
	pages, err := p.pages(c)
	if err != nil {
		return err
	}
	link, err := d.Link(pages)
	if err != nil {
		return err
	}
	return p.result(map[string]string{"link": link}, func() { p.line("%s", link) })
}

// pages is the address of the pages that open a link.
func (p *program) pages(c *cli.Command) (string, error) {
	pages := c.String("pages")
	if pages == "" {
		start, err := p.home.Start(p.nodes)
		if err != nil {
			return "", err
		}
		pages = start.Nodes[0]
	}
	return strings.TrimSuffix(pages, "/"), nil
}

func (p *program) draftRenew(ctx context.Context, c *cli.Command) error {
	d, path, err := p.openDraft(c)
	if err != nil {
		return err
	}
	if path == "" {
		return usage(p.say("only a file is renewed", "仅可更新文件"), "evident draft renew FILE")
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	if d, err = d.Rebase(ctx, client); err != nil {
		return err
	}
	if err := p.keepOpenings(d); err != nil {
		return err
	}
	if err := rewrite(path, d); err != nil {
		return err
	}
	return p.result(map[string]any{"record": d.ID().String(), "seq": d.Seq}, func() {
		p.line(p.say("Composed anew: it follows record number %d.", "已重新编制：接第 %d 条记录。"), d.Seq-1)
	})
}

func (p *program) draftSubmit(ctx context.Context, c *cli.Command) error {
	d, _, err := p.openDraft(c)
	if err != nil {
		return err
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	contract, err := p.contract(ctx, client, d.Contract, d.Version)
	if err != nil {
		return err
	}
	var moved *act.Moved
	if err := d.Current(ctx, client); errors.As(err, &moved) {
		return &problem{"moved", p.moved(err), p.say("nothing was recorded", "未记录任何内容")}
	}
	return p.submit(ctx, client, contract, d, c.Bool("dry-run"))
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
