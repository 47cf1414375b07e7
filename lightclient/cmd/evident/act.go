package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/author"
	"evident/lightclient/backup"
	"evident/lightclient/ledger"
)

func (p *program) actCommand() *cli.Command {
	return &cli.Command{
		Name: "act",
		Description: p.say("Without an action it lists a contract's actions and their fields; without a contract, the contracts.",
			"省略操作则列出合约的操作与字段；省略合约则列出各合约。"),
		Usage:                     p.say("act under a contract: compose, sign and submit one record", "依合约操作：编制、签署并提交一条记录"),
		ArgsUsage:                 p.say("CONTRACT ACTION [ITEM]", "合约 操作 [事项]"),
		DisableSliceFlagSeparator: true,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "field", Aliases: []string{"f"}, Usage: p.say("`NAME=VALUE`: times as 2026-12-24 or now+72h, amounts as 12.50, keys as @NAME, lists as JSON", "`名称=值`：时间如 2026-12-24 或 now+72h，金额如 12.50，密钥如 @名称，列表用 JSON")},
			&cli.StringFlag{Name: "fields", Usage: p.say("`FILE` with the fields as JSON; --field comes on top", "含字段的 JSON `文件`；--field 优先")},
			&cli.StringSliceFlag{Name: "private", Usage: p.say("`LIST.NAME=VALUE`: only a salted commitment is recorded, in the field LIST", "`列表.名称=值`：仅在字段“列表”中记录加盐承诺值")},
			&cli.StringSliceFlag{Name: "file", Usage: p.say("`PATH` of a file to name: by its digest, or sealed or public as said", "所附文件的`路径`：默认仅摘要，或按选项密封、公开")},
			&cli.StringFlag{Name: "key", Usage: p.say("`NAME` of the key to sign with", "签名密钥的`名称`")},
			&cli.StringSliceFlag{Name: "with", Usage: p.say("`KEY` of another signer: a name here, or name+hash+key", "其他签署人的`密钥`：本机名称，或 name+hash+key")},
			&cli.StringFlag{Name: "draft", Usage: p.say("write the draft for the other signers to `FILE`, and submit nothing", "将供他人签署的草稿写入`文件`，不提交")},
			&cli.Int64Flag{Name: "under", Usage: p.say("`VERSION` of the contract, for an action that migrates an item; otherwise the item's own", "合约`版本`，用于迁移事项的操作；默认为事项自身的版本")},
			&cli.BoolFlag{Name: "dry-run", Usage: p.say("ask a node what would become of it, and submit nothing", "仅询问节点结果，不提交")},
		},
		MutuallyExclusiveFlags: storedFlags(p),
		Action:                 p.act,
	}
}

func (p *program) act(ctx context.Context, c *cli.Command) error {
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	switch n := c.Args().Len(); {
	case n == 0:
		return p.listContracts(ctx, client)
	case n == 1:
		return p.listActions(ctx, client, c.Args().First())
	case n > 3:
		return usage(p.say("that is more than a contract, an action and an item", "参数多于合约、操作与事项"), "evident act copyright register -f title=…")
	}
	a := act.Action{Contract: c.Args().Get(0), Action: c.Args().Get(1), Item: c.Args().Get(2), Version: c.Int64("under")}
	version, err := versionOf(ctx, client, a)
	if err != nil {
		return err
	}
	contract, err := p.contract(ctx, client, a.Contract, version)
	if err != nil {
		return err
	}
	keys, err := p.signers(c, &a)
	if err != nil {
		return err
	}
	if err := p.fill(c, contract, &a); err != nil {
		return err
	}
	files, err := p.attach(ctx, c, client, keys, &a)
	defer files.close()
	if err != nil {
		return err
	}
	d, err := act.New(ctx, client, a)
	if err != nil {
		return err
	}
	// Before anybody sees the record: without their openings, nobody could ever prove the private fields.
	if err := errors.Join(p.keepOpenings(d), files.keep(p.home.Outbox().Secrets(), d.ID())); err != nil {
		return err
	}
	for _, key := range keys {
		if err := d.Sign(key); err != nil {
			return err
		}
	}
	if out := c.String("draft"); out != "" || len(d.Missing()) > 0 {
		return p.passOn(d, contract, out)
	}
	return p.submit(ctx, client, contract, d, c.Bool("dry-run"))
}

// versionOf is the version of the contract that an action is under; 0: the newest.
func versionOf(ctx context.Context, client *lightclient.Client, a act.Action) (int64, error) {
	if a.Version != 0 || a.Item == "" {
		return a.Version, nil
	}
	state, err := client.State(ctx, a.Contract, a.Item)
	if err != nil || state.Value == nil {
		return 0, err
	}
	var item lightclient.ItemState
	if err := json.Unmarshal(state.Value, &item); err != nil {
		return 0, fmt.Errorf("the state of item %s: %w", a.Item, err)
	}
	return item.Version, nil
}

// listContracts prints the contracts that a node says are in force; each is proven when it is used.
func (p *program) listContracts(ctx context.Context, client *lightclient.Client) error {
	list, err := client.Contracts(ctx)
	if err != nil {
		return err
	}
	return p.result(list, func() {
		var rows [][]string
		for _, hint := range list {
			title := ""
			if contract, err := p.contract(ctx, client, hint.Name, hint.Version); err == nil {
				title = contract.Title.In(p.lang())
			}
			rows = append(rows, []string{plain(hint.Name), fmt.Sprint(hint.Version), plain(title)})
		}
		p.table(rows)
	})
}

// listActions prints what can be done under a contract.
func (p *program) listActions(ctx context.Context, client *lightclient.Client, name string) error {
	contract, err := p.contract(ctx, client, name, 0)
	if err != nil {
		return err
	}
	return p.result(contract, func() {
		for _, action := range slices.Sorted(maps.Keys(contract.Actions)) {
			a := contract.Actions[action]
			p.line("%s  %s", action, plain(a.Title.In(p.lang())))
			var rows []string
			for _, field := range slices.Sorted(maps.Keys(a.Input.Properties)) {
				f := a.Input.Properties[field]
				rows = append(rows, plain(field), plain(strings.Join(slices.DeleteFunc([]string{f.In(p.lang()), f.Type, f.Format}, func(s string) bool { return s == "" }), ", ")))
			}
			p.rows(rows...)
		}
	})
}

// contract reads what a contract says to people, from the definition that the members agreed to. Version 0 is the newest.
func (p *program) contract(ctx context.Context, client *lightclient.Client, name string, version int64) (_ *act.Contract, err error) {
	if version == 0 {
		if version, err = client.Newest(ctx, name); err != nil {
			return nil, err
		}
	}
	agreed, err := client.Contract(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return act.ParseContract(agreed.Definition)
}

// signers names everybody who has to sign, and returns the keys that are here.
func (p *program) signers(c *cli.Command, a *act.Action) ([]*author.Key, error) {
	own, err := p.home.Keys().Open(c.String("key"))
	if err != nil {
		return nil, err
	}
	keys := []*author.Key{own}
	a.By = []string{own.Verifier()}
	for _, other := range c.StringSlice("with") {
		if strings.Contains(other, "+") {
			a.By = append(a.By, other)
			continue
		}
		key, err := p.home.Keys().Open(other)
		if err != nil {
			return nil, err
		}
		keys, a.By = append(keys, key), append(a.By, key.Verifier())
	}
	return keys, nil
}

// fill reads the fields of the action from the flags.
func (p *program) fill(c *cli.Command, contract *act.Contract, a *act.Action) error {
	action, ok := contract.Actions[a.Action]
	if !ok {
		return usage(fmt.Sprintf(p.say("the contract %s has no action %q", "合约 %s 没有操作 %q"), a.Contract, a.Action), "evident act "+a.Contract)
	}
	a.Fields = map[string]any{}
	if path := c.String("fields"); path != "" {
		if err := readFields(path, a.Fields); err != nil {
			return err
		}
	}
	for _, pair := range c.StringSlice("field") {
		name, text, ok := strings.Cut(pair, "=")
		field, known := action.Input.Properties[name]
		if !ok || !known {
			return usage(fmt.Sprintf(p.say("%q is no field of %s", "%q 不是 %s 的字段"), name, a.Action), "--field NAME=VALUE")
		}
		value, err := p.value(field, text)
		if err != nil {
			return err
		}
		a.Fields[name] = value
	}
	return p.fillPrivate(c, a)
}

func readFields(path string, into map[string]any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fields, err := ledger.CanonicalObject(data)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(fields, &values); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	for name, value := range values {
		into[name] = value
	}
	return nil
}

// value reads one field; @NAME is the key of that name here.
func (p *program) value(field act.Field, text string) (any, error) {
	if name, ok := strings.CutPrefix(text, "@"); ok && field.Format == "key" {
		key, err := p.home.Keys().Open(name)
		if err != nil {
			return nil, err
		}
		return key.Verifier(), nil
	}
	return field.Value(text, time.Now())
}

func (p *program) fillPrivate(c *cli.Command, a *act.Action) error {
	for _, pair := range c.StringSlice("private") {
		place, value, ok := strings.Cut(pair, "=")
		list, name, named := strings.Cut(place, ".")
		if !ok || !named {
			return usage(fmt.Sprintf(p.say("%q names no private field", "%q 未指明私密字段"), pair), "--private subject.name=…")
		}
		if a.Private == nil {
			a.Private = map[string]map[string]string{}
		}
		if a.Private[list] == nil {
			a.Private[list] = map[string]string{}
		}
		a.Private[list][name] = value
	}
	return nil
}

func (p *program) keepOpenings(d *act.Draft) error {
	if len(d.Private) == 0 {
		return nil
	}
	data, err := json.Marshal(d.Private)
	if err != nil {
		return fmt.Errorf("keep the private fields: %w", err)
	}
	return p.home.Outbox().Secrets().KeepPrivate(d.ID(), backup.Openings, data)
}

func (p *program) openings(id ledger.RecordID) ([]ledger.Opening, error) {
	data, err := p.home.Outbox().Secrets().Private(id, backup.Openings)
	if err != nil {
		return nil, err
	}
	var list []ledger.Opening
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return list, dec.Decode(&list)
}

// passOn writes the draft for those who have yet to sign.
func (p *program) passOn(d *act.Draft, contract *act.Contract, out string) error {
	if out == "" {
		return &problem{"signatures", fmt.Sprintf(p.say("not everybody's key is here: %s", "并非所有密钥都在本机：%s"), names(d.Missing())),
			p.say("write a draft for them: --draft FILE", "请写出草稿：--draft 文件")}
	}
	data, err := d.Bytes()
	if err != nil {
		return err
	}
	if err := writeDraft(out, data); err != nil {
		return err
	}
	return p.result(map[string]any{"draft": out, "record": d.ID().String(), "missing": d.Missing()}, func() {
		p.showDraft(d, contract)
		p.line(p.say("Draft: %s. Pass it on; each party runs: evident draft sign FILE", "草稿：%s。请转交；各方运行：evident draft sign 文件"), out)
		if len(d.Private) > 0 {
			p.line(p.say("It holds private fields: give it to the signers alone.", "其中含私密字段，仅可交给签署人。"))
		}
	})
}

func writeDraft(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// submit sends the record; a node that refuses it says by which rule, signs that, and the refusal is kept.
func (p *program) submit(ctx context.Context, client *lightclient.Client, contract *act.Contract, d *act.Draft, dry bool) error {
	if dry {
		if err := d.Check(ctx, client); err != nil {
			return p.explainRefusal(err)
		}
		return p.result(map[string]any{"accepted": true, "record": d.ID().String()}, func() {
			p.showDraft(d, contract)
			p.line(p.say("A node would take it. Nothing was recorded.", "节点将会接受。未记录任何内容。"))
		})
	}
	record, err := d.Record()
	if err != nil {
		return err
	}
	if err := d.Current(ctx, client); err != nil {
		return p.explainRefusal(err)
	}
	r, err := act.Submit(ctx, client, d)
	if err != nil {
		return errors.Join(p.explainRefusal(err), p.home.Outbox().Refusals().Keep(client, record.Note, err))
	}
	state, err := client.State(ctx, r.Contract, r.ItemName())
	if err != nil {
		return err
	}
	var item lightclient.ItemState
	if err := json.Unmarshal(state.Value, &item); err != nil {
		return fmt.Errorf("the state of item %s: %w", r.ItemName(), err)
	}
	return p.result(map[string]any{"record": r.ID.String(), "item": r.ItemName(), "height": fmt.Sprint(r.Header.Height), "status": item.Status}, func() {
		p.line(p.say("Final in block %d.", "已在区块 %d 终局。"), r.Header.Height)
		p.rows(p.say("record", "记录"), r.ID.String(), p.say("item", "事项"), plain(r.ItemName()),
			p.say("status", "状态"), contract.Status(item.Status, p.lang())+"  ["+p.say("proven", "已证明")+"]")
	})
}

// explainRefusal tells which rule refused, in the reader's language, and the values that it looked at.
func (p *program) explainRefusal(err error) error {
	var refused *lightclient.Refused
	if !errors.As(err, &refused) {
		return err
	}
	reason := refused.Refusal.Reason
	message := fmt.Sprintf(p.say("refused by rule %s: %s", "被规则 %s 拒绝：%s"), reason.Rule, act.Text{En: reason.En, Zh: reason.Zh}.In(p.lang()))
	var values []string
	for name, value := range reason.Values {
		values = append(values, name+" = "+value)
	}
	hint := p.say("nothing was recorded", "未记录任何内容")
	if len(values) > 0 {
		hint += "; " + plain(strings.Join(sorted(values), "; "))
	}
	return &problem{"refused", message, hint}
}
