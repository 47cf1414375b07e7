package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient"
	"evident/lightclient/standards"
)

// formatFlags choose a format that is not ours.
func (p *program) formatFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: p.say("another `FORMAT`: epcis CONTRACT ITEM (the item's history as EPCIS 2.0), or statuslist [ITEM…] (certificates as a W3C Bitstring Status List)",
			"其他`格式`：epcis 合约 事项（以 EPCIS 2.0 导出事项历史），或 statuslist [事项…]（以 W3C Bitstring Status List 导出证照状态）")},
		&cli.StringFlag{Name: "purpose", Value: string(standards.Revocation), Usage: p.say("`PURPOSE` of the status list: revocation or suspension", "状态列表`用途`：revocation 或 suspension")},
	}
}

// exportStandard writes an item, or certificates, in the format of a standard.
func (p *program) exportStandard(ctx context.Context, c *cli.Command) error {
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	out := c.String("output")
	switch format := c.String("format"); format {
	case "epcis":
		if c.Args().Len() != 2 {
			return usage(p.say("which item?", "请指明事项"), "evident export --format epcis food 01/…/10/… -o events.json")
		}
		return p.exportEPCIS(ctx, client, c.Args().Get(0), c.Args().Get(1), ending(c, out, "events.json"))
	case "statuslist":
		return p.exportStatusList(ctx, client, c, ending(c, out, "status.json"))
	default:
		return usage(fmt.Sprintf(p.say("there is no format %q", "没有格式 %q"), format), "--format epcis|statuslist")
	}
}

// ending is the file to write: a package's name is no default for it.
func ending(c *cli.Command, out, otherwise string) string {
	if c.IsSet("output") {
		return out
	}
	return otherwise
}

func (p *program) exportEPCIS(ctx context.Context, client *lightclient.Client, contract, name, out string) error {
	item, err := client.Item(ctx, contract, name)
	if err != nil {
		return err
	}
	if !item.Exists() {
		return &problem{"absent", fmt.Sprintf(p.say("there is no item %s: proven at block %d", "没有事项 %s：在区块 %d 得证"), name, item.State.Head.Header.Height), p.say("check its name", "请检查名称")}
	}
	file, err := standards.EPCIS(name, item, time.Now())
	if err != nil {
		return err
	}
	if err := p.writeStandard(out, file); err != nil {
		return err
	}
	return p.result(map[string]any{"file": out, "records": len(item.Records)}, func() {
		p.line(p.say("%s: the item's %d records, proven to be all of them as of block %d. The file itself carries no proof; each event names its record.",
			"%s：事项的 %d 条记录，已证明截至区块 %d 为全部。文件本身不含证明；每个事件均注明其记录。"), out, len(item.Records), item.State.Head.Header.Height)
	})
}

const certificates = "certificate"

func (p *program) exportStatusList(ctx context.Context, client *lightclient.Client, c *cli.Command, out string) error {
	names, all := c.Args().Slice(), false
	if len(names) == 0 {
		var err error
		if names, err = listItems(ctx, client, certificates); err != nil {
			return err
		}
		all = true
	}
	var list []standards.Certificate
	for _, name := range names {
		if strings.HasPrefix(name, "holder/") {
			continue // an index of holders, no certificate
		}
		state, err := client.State(ctx, certificates, name)
		if err != nil {
			return err
		}
		if state.Value == nil {
			return &problem{"absent", fmt.Sprintf(p.say("there is no certificate %s: proven at block %d", "没有证照 %s：在区块 %d 得证"), name, state.Head.Header.Height), p.say("check its name", "请检查名称")}
		}
		var item lightclient.ItemState
		if err := json.Unmarshal(state.Value, &item); err != nil {
			return fmt.Errorf("the state of %s: %w", name, err)
		}
		if item.Status == "draft" {
			continue // not issued yet
		}
		list = append(list, standards.Certificate{Name: name, State: state})
	}
	made, err := standards.NewStatusList(standards.Purpose(c.String("purpose")), client.Trusted().Origin, list)
	if err != nil {
		return err
	}
	entries := strings.TrimSuffix(out, ".json") + ".entries.json"
	if err := errors.Join(p.writeStandard(out, made.Credential), p.writeStandard(entries, made.Entries)); err != nil {
		return err
	}
	return p.result(map[string]any{"file": out, "entries": entries, "certificates": len(list)}, func() {
		p.line(p.say("%s: the status of %d certificates, each proven; %s says which entry is whose.", "%s：%d 份证照的状态，均得证；%s 说明各条目归属。"), out, len(list), entries)
		if all {
			p.line(p.say("Which certificates there are is a node's word: nobody can prove a list complete.", "证照清单由节点提供：无法证明其完整。"))
		}
	})
}

// listItems asks for the items of a contract, page by page.
func listItems(ctx context.Context, client *lightclient.Client, contract string) (names []string, err error) {
	for page := ""; ; {
		hints, next, err := client.Items(ctx, contract, page, lightclient.MaxItems)
		if err != nil {
			return nil, err
		}
		for _, h := range hints {
			names = append(names, h.Item)
		}
		if page = next; page == "" {
			return names, nil
		}
	}
}

func (p *program) writeStandard(out string, file []byte) error {
	_, err := writeNew(out, func(w io.Writer) error { _, err := w.Write(file); return err })
	if errors.Is(err, fs.ErrExist) {
		return &problem{"exists", fmt.Sprintf(p.say("%s is there already", "%s 已存在"), out), p.say("choose another name: -o NAME.json", "请另选名称：-o 名称.json")}
	}
	return err
}
