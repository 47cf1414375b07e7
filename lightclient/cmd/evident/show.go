package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:        "show",
		Usage:       p.say("show a record, a block, or what the ledger knows of a file", "显示记录、区块，或账本对文件的记载"),
		ArgsUsage:   p.say("ID|HEIGHT|FILE", "编号|高度|文件"),
		Description: p.say("The file does not leave this machine: only its digest is asked for.", "文件不会离开本机：仅查询其摘要。"),
		Action:      p.show,
	}
}

var (
	recordID = regexp.MustCompile(`^[0-9a-f]{64}$`)
	decimal  = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)
)

func (p *program) show(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usage(p.say("show what?", "请指明对象"), "evident show ID|HEIGHT|FILE")
	}
	what := c.Args().First()
	switch {
	case recordID.MatchString(what):
		return p.showRecord(ctx, what)
	case decimal.MatchString(what):
		return p.showBlock(ctx, what)
	case strings.HasSuffix(what, ".evident"):
		return p.verify(ctx, c)
	}
	return p.showFile(ctx, what)
}

// ask calls a method of the seam, so that the pages and the command line show the same.
func ask[R any](ctx context.Context, p *program, method string, params any) (R, error) {
	var out struct {
		OK    R              `json:"ok"`
		Error *service.Error `json:"error"`
	}
	in, err := json.Marshal(params)
	if err != nil {
		return out.OK, err
	}
	s := service.New(p.client)
	if _, err := s.Client(ctx); err != nil {
		return out.OK, err
	}
	if err := json.Unmarshal(s.Invoke(ctx, method, in), &out); err != nil {
		return out.OK, fmt.Errorf("read the answer: %w", err)
	}
	if out.Error != nil {
		return out.OK, out.Error
	}
	return out.OK, nil
}

func (p *program) showRecord(ctx context.Context, id string) error {
	r, err := ask[service.LedgerRecord](ctx, p, "record", service.RecordParams{ID: id})
	if err != nil {
		return err
	}
	keepers, err := p.keepers(ctx, r)
	if err != nil {
		return err
	}
	return p.result(r, func() {
		p.line(p.say("Record %s", "记录 %s"), r.ID)
		p.rows(
			p.say("block", "区块"), p.badged(r.Height, r.Badges.Height),
			p.say("existed by", "最迟存在于"), p.badged(moment(r.ExistedBy), r.Badges.ExistedBy),
			p.say("signed after", "最早签署于"), p.badged(p.afterText(r.SignedAfter), r.Badges.SignedAfter),
			p.say("signed by", "签署者"), p.badged(plain(authors(r.By)), r.Badges.Author),
			p.say("action", "操作"), fmt.Sprintf("%s %d, %s", r.Contract, r.Version, r.Action),
			p.say("fields", "字段"), p.badged(plain(compact(r.Fields)), r.Badges.Fields),
			p.say("state", "状态"), p.badged(plain(p.stateText(r.State, time.Now())), r.Badges.State),
		)
		for i, e := range r.Evidence {
			p.line("  %s  %s  %s B", plain(e.Name), e.Media, e.Size)
			if e.Commit != "" {
				p.line(p.say("    sealed %s", "    密封 %s"), e.Commit)
			} else {
				p.line("    sha256 %s", e.SHA256)
			}
			p.line("    cid    %s", plain(e.CID))
			p.printKeepers(keepers[i])
		}
	})
}

// keepers asks who keeps the record's files, by their place in it.
func (p *program) keepers(ctx context.Context, r service.LedgerRecord) (map[int]service.Storage, error) {
	found := map[int]service.Storage{}
	for i, e := range r.Evidence {
		if e.Mode == string(ledger.Digest) {
			continue
		}
		s, err := ask[service.Storage](ctx, p, "storage", service.EvidenceParams{Record: r.ID, Index: i})
		if err != nil {
			return nil, err
		}
		found[i] = s
	}
	return found, nil
}

// printKeepers prints who signed that they keep a file, or erased it.
func (p *program) printKeepers(s service.Storage) {
	var rows [][]string
	for _, k := range s.Kept {
		rows = append(rows, []string{"  ✓", k.Member, p.say("keeps it since", "保存自"), moment(k.Time)})
	}
	for _, k := range s.Erased {
		rows = append(rows, []string{"  ·", k.Member, p.say("erased it", "删除于"), moment(k.Time)})
	}
	p.table(rows)
}

func (p *program) showBlock(ctx context.Context, height string) error {
	b, err := ask[service.Block](ctx, p, "block", service.BlockParams{Height: height})
	if err != nil {
		return err
	}
	return p.result(b, func() {
		p.line(p.say("Block %s", "区块 %s"), b.Summary.Height)
		p.rows(
			p.say("hash", "哈希"), b.Summary.Hash, p.say("parent", "父块"), b.Parent,
			p.say("existed by", "最迟存在于"), p.badged(moment(b.Summary.NotBefore), b.Summary.Badge),
			p.say("records", "记录数"), strconv.FormatInt(b.Summary.Records, 10),
			p.say("cosigned by", "联署"), signers(b.Cosignatures),
		)
		var rows [][]string
		for _, r := range b.Records {
			rows = append(rows, []string{r.ID, r.Contract, r.Action, plain(authors(r.By))})
		}
		p.table(rows)
	})
}

// showFile asks whether a file's digest is recorded, and since when.
func (p *program) showFile(ctx context.Context, path string) error {
	d, err := evidence.File(ctx, path, nil)
	if err != nil {
		return err
	}
	digest := hex.EncodeToString(d.SHA256[:])
	found, err := ask[service.Lookup](ctx, p, "lookup", service.LookupParams{SHA256: digest})
	if err != nil {
		return err
	}
	return p.result(found, func() {
		rows := []string{"sha256", digest, "cid", d.CID, p.say("size", "大小"), fmt.Sprintf("%d B", d.Size)}
		if !found.Found {
			p.line(p.say("Not recorded: proven absent at block %s.", "未存证：已证明截至区块 %s 不存在。"), found.ProvenAbsentAtHeight)
			p.rows(rows...)
			return
		}
		p.line(p.say("Recorded: it existed by %s.", "已存证：最迟存在于 %s。"), moment(found.ExistedBy))
		p.rows(append(rows, p.say("record", "记录"), found.Record.ID, p.say("block", "区块"), found.Record.Height,
			p.say("signed by", "签署者"), plain(authors(found.Record.By)))...)
	})
}

func (p *program) afterText(a service.SignedAfter) string {
	if a.Time == 0 {
		return fmt.Sprintf(p.say("a ledger of %s blocks", "含 %s 个区块的账本"), a.Size)
	}
	return moment(a.Time)
}

// badged says of a value how far it can be trusted.
func (p *program) badged(value string, badge service.Badge) string {
	word := map[service.Badge]string{service.Proven: p.say("proven", "已证明"), service.Claimed: p.say("claimed by its author", "作者声明"),
		service.Unverified: p.say("unverified", "未验证")}[badge]
	if value == "" {
		value = "–"
	}
	return value + "  [" + word + "]"
}

func authors(by []service.Author) string {
	var out []string
	for _, a := range by {
		out = append(out, a.Name)
	}
	return strings.Join(out, ", ")
}

func signers(list []service.Cosignature) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Member)
	}
	return strings.Join(out, ", ")
}

func names(keys []string) string {
	var out []string
	for _, key := range keys {
		name, _, _ := strings.Cut(key, "+")
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// statementOf is the text of a deposit, or whatever its fields are.
func statementOf(fields json.RawMessage) string {
	var known struct{ Text *string }
	if json.Unmarshal(fields, &known) == nil && known.Text != nil {
		if *known.Text == "" {
			return "–"
		}
		return *known.Text
	}
	return string(fields)
}

// stateText is an item's status, or whatever its state is. A status alone would mislead where a court holds the item, or
// its time is over and nobody has recorded that.
func (p *program) stateText(s service.ItemState, at time.Time) string {
	var known struct {
		Status string
		Fields struct {
			Held  string
			Until int64 `json:"valid_until"`
		}
	}
	// A contract may mean something else by these names: what has another type is left out, and the rest is read.
	if err := json.Unmarshal([]byte(s.Value), &known); err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) || known.Status == "" {
		return s.Value
	}
	text := known.Status
	if known.Fields.Held != "" {
		text += p.say(", on hold", "，已被冻结")
	}
	if until := known.Fields.Until; until != 0 && until <= at.UnixMilli() {
		text += fmt.Sprintf(p.say(", valid until %s", "，有效期至 %s"), time.UnixMilli(until).UTC().Format(time.DateTime+" UTC"))
	}
	return text
}

func compact(fields map[string]any) string {
	data, err := json.Marshal(fields)
	if err != nil {
		return ""
	}
	return statementOf(data)
}
