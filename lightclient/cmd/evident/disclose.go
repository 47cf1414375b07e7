package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient/act"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
)

func (p *program) discloseCommand() *cli.Command {
	return &cli.Command{
		Name:      "disclose",
		Usage:     p.say("prove a record, its item's status now, and chosen private fields of it", "证明记录、其事项的当前状态及所选私密字段"),
		ArgsUsage: "ID",
		Description: p.say("The file verifies without any network: evident verify FILE. Of the fields that are not chosen it holds nothing but what is on the ledger anyway.",
			"所得文件可离线验证：evident verify 文件。未选字段除账本上已有内容外，文件中别无其他。"),
		DisableSliceFlagSeparator: true,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "field", Aliases: []string{"f"}, Usage: p.say("`NAME` of a private field to disclose; may be repeated", "要披露的私密字段`名称`，可重复")},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: p.say("`FILE` to write; never overwritten", "要写出的`文件`；从不覆盖")},
			&cli.BoolFlag{Name: "link", Usage: p.say("print a link that holds the proof, and write no file", "输出含证明的链接，不写文件")},
			&cli.StringFlag{Name: "pages", Usage: p.say("`URL` of the pages to open it with", "打开链接的页面`地址`")},
		},
		Action: p.disclose,
	}
}

func (p *program) disclose(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usage(p.say("which record?", "请指明记录"), "evident disclose ID --field NAME -o FILE")
	}
	id, err := ledger.ParseRecordID(c.Args().First())
	if err != nil {
		return err
	}
	known, err := p.openings(id)
	if err != nil {
		return err
	}
	chosen, err := p.choose(known, c.StringSlice("field"))
	if err != nil {
		return err
	}
	out := c.String("output")
	if out == "" {
		out = id.String()[:12] + ".evident"
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	record, err := client.Record(ctx, id)
	if err != nil {
		return err
	}
	made, err := client.Present(ctx, record, chosen...)
	if err != nil {
		return err
	}
	file, err := made.Encode()
	if err != nil {
		return err
	}
	if c.Bool("link") {
		return p.discloseLink(c, file, chosen)
	}
	_, err = writeNew(out, func(w io.Writer) error { _, err := w.Write(file); return err })
	if errors.Is(err, fs.ErrExist) {
		return &problem{"exists", fmt.Sprintf(p.say("%s is there already", "%s 已存在"), out), p.say("choose another name: -o NAME.evident", "请另选名称：-o 名称.evident")}
	}
	if err != nil {
		return err
	}
	return p.result(map[string]any{"proof": out, "disclosed": fieldNames(chosen)}, func() {
		p.line(p.say("%s: %d bytes.", "%s：%d 字节。"), out, len(file))
		p.privateRows(record.Fields, chosen)
	})
}

func (p *program) discloseLink(c *cli.Command, file []byte, chosen []ledger.Opening) error {
	pages, err := p.pages(c)
	if err != nil {
		return err
	}
	link, err := act.ProofLink(pages, file)
	if err != nil {
		return err
	}
	return p.result(map[string]any{"link": link, "disclosed": fieldNames(chosen)}, func() { p.line("%s", link) })
}

// choose returns the openings of the named fields.
func (p *program) choose(known []ledger.Opening, wanted []string) ([]ledger.Opening, error) {
	if len(wanted) == 0 {
		return nil, usage(p.say("which of its private fields? It has: ", "请指明私密字段，该记录有：")+strings.Join(fieldNames(known), ", "), "--field NAME")
	}
	var chosen []ledger.Opening
	for _, name := range wanted {
		i := slices.IndexFunc(known, func(o ledger.Opening) bool { return o.Name == name })
		if i < 0 {
			return nil, usage(fmt.Sprintf(p.say("the record has no private field %q; it has: ", "该记录没有私密字段 %q，有："), name)+strings.Join(fieldNames(known), ", "), "--field NAME")
		}
		chosen = append(chosen, known[i])
	}
	return chosen, nil
}

func fieldNames(list []ledger.Opening) []string {
	names := []string{}
	for _, o := range list {
		names = append(names, o.Name)
	}
	return names
}

// privateRows prints which private fields are disclosed and which are not.
func (p *program) privateRows(fields []byte, disclosed []ledger.Opening) {
	var rows []string
	for _, f := range ledger.PrivateFields(fields) {
		value := p.say("not disclosed", "未披露")
		for _, o := range disclosed {
			if c, err := o.Commit(); err == nil && c == f {
				value = plain(o.Value) + "  [" + p.say("disclosed, as recorded", "已披露，与记录相符") + "]"
			}
		}
		rows = append(rows, plain(f.Name), value)
	}
	p.rows(rows...)
}

// stateRows prints the state of the record's item that a proof holds.
func (p *program) stateRows(s *proof.ProvenState) {
	p.rows(p.say("state", "状态"), fmt.Sprintf(p.say("%s at block %d", "%s（区块 %d）"), plain(p.stateText(service.ItemState{Value: s.Value}, time.Now())), s.Height))
}
