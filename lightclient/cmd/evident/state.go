package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
)

func (p *program) stateCommand() *cli.Command {
	return &cli.Command{
		Name:      "state",
		Usage:     p.say("show what the ledger holds of an item now, proven; or that there is no such item", "显示账本当前持有的事项状态并予证明；或证明没有该事项"),
		ArgsUsage: p.say("CONTRACT ITEM | digest SHA256", "合约 事项 | digest SHA256"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "proof", Usage: p.say("write the proof to `FILE`: it verifies without any network", "将证明写入`文件`：可离线验证")},
			&cli.Uint64Flag{Name: "height", Usage: p.say("after block `HEIGHT` instead of now; from a node that keeps old states", "区块`高度`之后的状态；由保存历史状态的节点提供")},
		},
		Action: p.state,
	}
}

func (p *program) state(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 2 {
		return usage(p.say("which item?", "请指明事项"), "evident state notes ITEM")
	}
	space, name := c.Args().Get(0), c.Args().Get(1)
	if space == lightclient.DigestSpace {
		digest, err := ledger.ParseRecordID(name)
		if err != nil {
			return usage(p.say("a digest has 64 hexadecimal digits", "摘要为 64 位十六进制数字"), "sha256sum FILE")
		}
		name = string(digest[:])
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	var s lightclient.State
	if c.IsSet("height") {
		s, err = client.StateAt(ctx, space, name, ledger.Height(c.Uint64("height")))
	} else {
		s, err = client.StateAtHead(ctx, space, name)
	}
	if err != nil {
		return err
	}
	made, err := client.ItemProof(space, name, s)
	if err != nil {
		return err
	}
	file, err := made.Encode()
	if err != nil {
		return err
	}
	if path := c.String("proof"); path != "" {
		if err := store.WriteFile(path, file, 0o644); err != nil {
			return err
		}
	}
	trusted := client.Trusted().Fingerprint
	report := proof.VerifyItem(file, &trusted)
	return p.result(report.Item, func() {
		p.item(report.Item)
		if age, stale := client.Age(s.Head); stale && !c.IsSet("height") {
			p.line("  ! "+p.say("That block is %s old: what is so now is not known.", "该区块已是 %s 之前：当前状态未知。"), age.Round(time.Second))
		}
	})
}

// item prints what a state proof proves.
func (p *program) item(i *proof.ProvenItem) {
	if i.Value == "" {
		p.line(p.say("After block %d the ledger held nothing under %s (%s).", "区块 %d 之后，账本中没有 %s（%s）。"), i.Height, plain(i.Name), i.Space)
	} else {
		p.line(p.say("After block %d, %s (%s):", "区块 %d 之后，%s（%s）："), i.Height, plain(i.Name), i.Space)
		p.line("  %s", plain(stateOf(i.Value)))
	}
	p.rows(p.say("existed by", "最迟存在于"), moment(i.ExistedBy*1000),
		p.say("signed by", "签署者"), fmt.Sprintf(p.say("%d of %d members", "%[2]d 个成员中的 %[1]d 个"), len(i.Cosigners), i.Members))
}

// stateOf is a status with the contract's fields, or whatever the state is.
func stateOf(value string) string {
	var item lightclient.ItemState
	if json.Unmarshal([]byte(value), &item) != nil || item.Status == "" {
		return value
	}
	return strings.TrimSpace(fmt.Sprintf("%s  %s", item.Status, item.Fields))
}

func (p *program) refusalCommand() *cli.Command {
	return &cli.Command{
		Name:      "refusal",
		Usage:     p.say("list what the ledger refused of yours, or write one refusal to a file", "列出账本拒绝的您的记录，或将某次拒绝写入文件"),
		ArgsUsage: p.say("[RECORD]", "[记录]"),
		Flags:     []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: p.say("write it to `FILE`; evident verify checks it", "写入`文件`；可用 evident verify 验证")}},
		Action:    p.refusal,
	}
}

func (p *program) refusal(_ context.Context, c *cli.Command) error {
	refusals := p.home.Outbox().Refusals()
	if !c.Args().Present() {
		list, err := refusals.List()
		if err != nil {
			return err
		}
		return p.result(list, func() {
			for _, r := range list {
				p.line("%s", r.ID)
				p.refused(r)
			}
		})
	}
	id, err := ledger.ParseRecordID(c.Args().First())
	if err != nil {
		return usage(p.say("a record's id has 64 hexadecimal digits", "记录编号为 64 位十六进制数字"), "evident refusal")
	}
	file, err := refusals.Read(id)
	if err != nil {
		return err
	}
	if path := c.String("output"); path != "" {
		return store.WriteFile(path, file, 0o644)
	}
	trusted, err := p.home.Trusted()
	if err != nil {
		return err
	}
	return p.verifyOther(file, trusted, "", "")
}

// refused prints what a node said of a record. It is named as that node's word.
func (p *program) refused(r *proof.ProvenRefusal) {
	reason := r.Reason
	p.rows(p.say("refused by", "拒绝方"), fmt.Sprintf("%s, %s", r.Member, plain(r.Organisation)),
		p.say("said at", "声明时间"), moment(r.At),
		p.say("rule", "规则"), plain(reason.Rule), p.say("because", "理由"), plain(p.say(reason.En, reason.Zh)))
	var values [][]string
	for _, name := range slices.Sorted(maps.Keys(reason.Values)) {
		values = append(values, []string{plain(name), plain(reason.Values[name])})
	}
	p.table(values)
}

// verifyOther reports on a state proof, a refused record or an accusation, and as a page if there is a name for it.
func (p *program) verifyOther(file []byte, trusted *ledger.Fingerprint, name, page string) error {
	var report proof.Report
	var found any
	human := func() {}
	switch {
	case proof.IsItem(file):
		r := proof.VerifyItem(file, trusted)
		report, found = r.Report, r
		if r.Item != nil {
			human = func() { p.item(r.Item) }
		}
	case proof.IsAccusation(file):
		r := proof.VerifyAccusation(file, trusted)
		report, found = r.Report, r
		if r.Accused != nil {
			human = func() { p.accused(r.Accused) }
		}
	default:
		r := proof.VerifyRefused(file, trusted)
		report, found = r.Report, r
		if r.Refused != nil {
			human = func() { p.refused(r.Refused) }
		}
	}
	if err := p.reportPage(page, p.checkedProof(&report, name)); err != nil {
		return err
	}
	err := p.result(found, func() {
		p.report(&report)
		human()
	})
	if code := report.Exit(); err == nil && code != exitOK {
		return exitCode(code)
	}
	return err
}
