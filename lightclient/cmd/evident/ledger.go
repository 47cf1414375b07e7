package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

func (p *program) headCommand() *cli.Command {
	return &cli.Command{
		Name:   "head",
		Usage:  p.say("show the newest final block, and the nodes", "显示最新终局区块与各节点"),
		Action: p.head,
	}
}

func (p *program) head(ctx context.Context, _ *cli.Command) error {
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	if _, err := client.Sync(ctx); err != nil {
		return err
	}
	client.Survey(ctx)
	s, err := ask[service.Status](ctx, p, "status", service.None{})
	if err != nil {
		return err
	}
	return p.result(s, func() {
		p.line(p.say("Ledger %s", "账本 %s"), s.Ledger)
		age := (time.Duration(s.HeadAgeMs) * time.Millisecond).Round(time.Second)
		p.rows(
			p.say("newest block", "最新区块"), s.Height,
			p.say("certified", "认证时间"), fmt.Sprintf(p.say("%s, %s ago", "%s（%s 前）"), moment(s.HeadTime), age),
			p.say("quorum", "法定数"), fmt.Sprintf(p.say("%d of %d members", "%[2]d 个成员中的 %[1]d 个"), s.Quorum, s.Members),
		)
		if s.Stale {
			p.line("  ! " + p.say("This head is stale: the ledger stands still, the nodes are cut off, or this clock is wrong.", "该区块已过时：账本停滞、节点断连，或本机时钟有误。"))
		}
		var rows [][]string
		for _, n := range s.Sources {
			rows = append(rows, []string{n.URL, n.State, n.Height, plain(n.Error)})
		}
		p.table(rows)
	})
}

func (p *program) trustCommand() *cli.Command {
	return &cli.Command{
		Name:      "trust",
		Usage:     p.say("show the twelve words of the ledger, or pin a genesis", "显示账本的十二个助记词，或固定创世文件"),
		ArgsUsage: p.say("[GENESIS]", "[创世文件]"),
		Flags: []cli.Flag{&cli.StringFlag{Name: "pin", Usage: p.say(
			"pin the genesis that the nodes serve, if it has this `FINGERPRINT` or these twelve words", "若节点提供的创世文件具有此`指纹`或这十二个助记词，则固定它")}},
		Action: p.trust,
	}
}

func (p *program) trust(ctx context.Context, c *cli.Command) error {
	switch {
	case c.Args().Len() > 1:
		return usage(p.say("one genesis at a time", "一次只能固定一个创世文件"), "evident trust GENESIS")
	case c.Args().Len() == 1:
		file, err := os.ReadFile(c.Args().First())
		if err != nil {
			return err
		}
		return p.pin(file)
	case c.String("pin") != "":
		return p.pinServed(ctx, c.String("pin"))
	}
	if f, err := p.home.Trusted(); err != nil {
		return err
	} else if f != nil && len(p.nodes) == 0 {
		return p.words(*f, true)
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	return p.words(client.Trusted().Fingerprint, client.Pinned())
}

func (p *program) pin(file []byte) error {
	f, err := p.home.Pin(file)
	if errors.Is(err, ledger.ErrFormat) || errors.Is(err, ledger.ErrLimit) {
		return &problem{"not_a_genesis", err.Error(), p.say("ask a member for the genesis file of the ledger", "请向联盟成员索取账本的创世文件")}
	}
	if err != nil {
		return err
	}
	return p.words(f, true)
}

// pinServed pins what the nodes serve if a person has confirmed it.
func (p *program) pinServed(ctx context.Context, confirmed string) error {
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	f := client.Trusted().Fingerprint
	if confirmed != f.String() && !slices.Equal(strings.Fields(strings.ToLower(confirmed)), f.Words()) {
		return &problem{"genesis", fmt.Sprintf(p.say("the nodes serve another ledger: %s", "节点提供的是另一账本：%s"), strings.Join(f.Words(), " ")),
			p.say("do not trust it; ask a member for the right nodes", "请勿信任；请向联盟成员询问正确的节点")}
	}
	if err := client.Confirm(f); err != nil {
		return err
	}
	if len(p.nodes) > 0 {
		if err := p.home.SetNodes(p.nodes); err != nil {
			return err
		}
	}
	file, _ := client.Genesis()
	return p.pin(file)
}

func (p *program) words(f ledger.Fingerprint, pinned bool) error {
	w := f.Words()
	return p.result(service.Trust{Fingerprint: f.String(), Words: w, Pinned: pinned}, func() {
		if pinned {
			p.line(p.say("Pinned. Proofs of this ledger are accepted here.", "已固定。此处接受该账本的证明。"))
		} else {
			p.line(p.say("Not confirmed yet. Compare the words with a printed copy of the consortium, then: evident trust --pin %s", "尚未确认。请与联盟公布的助记词核对，然后：evident trust --pin %s"), f)
		}
		p.rows(p.say("words", "助记词"), strings.Join(w[:6], " "), "", strings.Join(w[6:], " "), p.say("fingerprint", "指纹"), f.String())
	})
}
