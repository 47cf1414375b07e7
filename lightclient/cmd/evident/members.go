package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"evident/lightclient"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/store"
)

const accusationSuffix = ".accusation"

func (p *program) membersCommand() *cli.Command {
	return &cli.Command{
		Name:  "members",
		Usage: p.say("show the members, when each cosigned last, and who cosigned two histories", "显示成员、其最近联署，以及是否有成员签署了两个历史"),
		Flags: []cli.Flag{&cli.StringFlag{Name: "accusations", Usage: p.say(
			"write what proves it of a member to `FOLDER`, for evident verify", "将对成员的指控文件写入`目录`，可用 evident verify 核验")}},
		Action: p.members,
	}
}

// membersResult is what --json prints.
type membersResult struct {
	service.Members
	Accused []*proof.Accused `json:"accused"`
}

func (p *program) members(ctx context.Context, c *cli.Command) error {
	accusations, err := p.accusations(ctx)
	if dir := c.String("accusations"); dir != "" {
		if err != nil {
			return err
		}
		return p.writeAccusations(dir, accusations)
	}
	// Without news of accusations the members are shown all the same; if no node answers, that fails too.
	out := membersResult{Accused: []*proof.Accused{}}
	for _, a := range accusations {
		out.Accused = append(out.Accused, a.Accused)
	}
	if out.Members, err = ask[service.Members](ctx, p, "members", service.None{}); err != nil {
		return err
	}
	return p.result(out, func() {
		rows := [][]string{{p.say("MEMBER", "成员"), p.say("ORGANISATION", "机构"), p.say("REGISTER", "登记号"), p.say("LAST COSIGNED", "最近联署")}}
		for _, m := range out.Members.Members {
			last := p.say("not seen", "未见")
			if m.LastCosigned != nil {
				last = fmt.Sprintf(p.say("block %s, %s", "区块 %s，%s"), m.LastCosigned.Height, moment(m.LastCosigned.Time))
			}
			rows = append(rows, []string{m.Name, plain(m.Organisation), plain(m.Registry), last})
		}
		p.table(rows)
		for _, a := range out.Accused {
			p.line(p.say("! %s cosigned two histories, which differ in block %d. To keep the proof: evident members --accusations FOLDER",
				"! %s 签署了两个历史，二者在区块 %d 处不同。保存证据：evident members --accusations 目录"), a.Member, a.Height)
		}
	})
}

// accusations are those that this computer found itself, or those that the
// nodes tell of. A client that found some has stopped for good.
func (p *program) accusations(ctx context.Context) ([]lightclient.Accusation, error) {
	client, err := p.client(ctx)
	if err == nil {
		var found []lightclient.Accusation
		if found, err = client.Accusations(ctx); err == nil {
			return found, nil
		}
	}
	var contradiction *lightclient.Contradiction
	if !errors.As(err, &contradiction) {
		return nil, err
	}
	var found []lightclient.Accusation
	for _, file := range contradiction.Accusations {
		if r := proof.VerifyAccusation([]byte(file), nil); r.Accused != nil {
			found = append(found, lightclient.Accusation{Accused: r.Accused, File: file})
		}
	}
	return found, nil
}

func (p *program) writeAccusations(dir string, accusations []lightclient.Accusation) error {
	if len(accusations) > 0 {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	written := []string{}
	for _, a := range accusations {
		path := filepath.Join(dir, strings.ReplaceAll(a.Member, "/", "_")+accusationSuffix)
		if err := store.WriteFile(path, []byte(a.File), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		written = append(written, path)
	}
	return p.result(map[string][]string{"written": written}, func() {
		if len(written) == 0 {
			p.line("%s", p.say("No node tells of a member who cosigned two histories.", "没有节点报告有成员签署了两个历史。"))
		}
		for _, path := range written {
			p.line("%s", path)
		}
	})
}

// accused prints who is proven to have cosigned what.
func (p *program) accused(a *proof.Accused) {
	pairs := []string{p.say("accused", "被指成员"), fmt.Sprintf("%s, %s, %s", a.Member, plain(a.Organisation), plain(a.Registry)),
		p.say("differ in", "不同之处"), fmt.Sprintf(p.say("block %d", "区块 %d"), a.Height)}
	for i, tree := range []proof.CosignedTree{a.One, a.Other} {
		pairs = append(pairs, fmt.Sprintf(p.say("cosigned %d", "签署 %d"), i+1),
			fmt.Sprintf(p.say("%d blocks, root %s, at %s", "%d 个区块，根 %s，于 %s"), tree.Size, tree.Root, moment(tree.Time*1000)))
	}
	p.rows(pairs...)
}
