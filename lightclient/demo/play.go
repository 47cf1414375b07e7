// Package demo plays the eight scenarios on a running ledger: realistic stories, with parties who sign, drafts that they
// pass on, rules that refuse, and proofs that are looked at. What it tells has been proven by the light client.
//
// It is for a ledger to try things out on: members vouch for made-up parties, so it needs the node keys of members. Each
// time it makes new parties and new items, so a story can be played again.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// Player plays stories.
type Player struct {
	Client  *lightclient.Client
	Members []note.Signer // node keys of members, who vouch for the parties
	Lang    string        // "en" or "zh"
	Out     io.Writer
	Save    func(name string, file []byte) error // keeps a proof file
	Now     func() time.Time
}

// play is one playing of a story.
type play struct {
	*Player
	story     *Story
	run       string
	cast      map[string]*character
	items     map[string]string // by the names that steps gave them
	contracts map[string]*act.Contract
	records   map[string]lightclient.Record // the first record of each item
	private   map[string][]ledger.Opening   // of each item's first record
	states    map[string][]moment           // of each item, after each record
	homes     map[string]string             // the contract of each item
	number    int
}

// moment is an item's state as it was proven after a record.
type moment struct {
	height ledger.Height
	fields json.RawMessage
}

// Play plays a story from its beginning to its end, and fails if anything comes otherwise than the story says.
func (p *Player) Play(ctx context.Context, name string) error {
	story, err := Load(name)
	if err != nil {
		return err
	}
	one := &play{Player: p, story: story, run: strings.ToUpper(strconv.FormatInt(p.Now().UnixMilli(), 36)), cast: map[string]*character{}, items: map[string]string{},
		contracts: map[string]*act.Contract{}, records: map[string]lightclient.Record{}, private: map[string][]ledger.Opening{}, states: map[string][]moment{}, homes: map[string]string{}}
	if err := one.begin(ctx); err != nil {
		return fmt.Errorf("story %s: %w", name, err)
	}
	for i, step := range story.Steps {
		if err := one.step(ctx, step); err != nil {
			return fmt.Errorf("story %s, step %d: %w", name, i+1, err)
		}
	}
	if err := one.end(ctx); err != nil {
		return fmt.Errorf("story %s: %w", name, err)
	}
	return nil
}

func (p *play) say(en, zh string) string { return act.Text{En: en, Zh: zh}.In(p.Lang) }

func (p *play) line(format string, args ...any) { fmt.Fprintf(p.Out, format+"\n", args...) }

func short(id string) string {
	if len(id) == 64 {
		return id[:12]
	}
	return id
}

func (p *play) step(ctx context.Context, s Step) error {
	p.number++
	p.line("")
	p.line("%d. %s", p.number, s.Say.In(p.Lang))
	if s.Look != nil {
		return p.look(ctx, s)
	}
	return p.do(ctx, s)
}

func (p *play) contractOf(s Step) string {
	if s.In != "" {
		return s.In
	}
	return p.story.Contract
}

// contract returns the words of a contract, from its proven definition.
func (p *play) contract(ctx context.Context, name string) (*act.Contract, error) {
	if c := p.contracts[name]; c != nil {
		return c, nil
	}
	version, err := p.Client.Newest(ctx, name)
	if err != nil {
		return nil, err
	}
	proven, err := p.Client.Contract(ctx, name, version)
	if err != nil {
		return nil, err
	}
	p.contracts[name], err = act.ParseContract(proven.Definition)
	return p.contracts[name], err
}

// do composes the step's action, has everybody sign, and submits it.
func (p *play) do(ctx context.Context, s Step) error {
	contract, err := p.contract(ctx, p.contractOf(s))
	if err != nil {
		return err
	}
	if err := p.await(ctx, s); err != nil {
		return err
	}
	d, err := p.compose(ctx, s)
	if err != nil {
		return err
	}
	p.line("   %s", fmt.Sprintf(p.say("%s (%s.%s), to be signed by %s", "%s（%s.%s），由%s签署"), contract.Actions[s.Do].Title.In(p.Lang), d.Contract, d.Action, p.names(s.By)))
	if d, err = p.sign(d, s.By); err != nil {
		return err
	}
	record, err := act.Submit(ctx, p.Client, d)
	var refused *lightclient.Refused
	if errors.As(err, &refused) {
		return p.refused(s, refused)
	}
	if err != nil {
		return err
	}
	if s.Refuse != "" {
		return fmt.Errorf("%s was taken, want a refusal by %s", s.Do, s.Refuse)
	}
	return p.recorded(ctx, contract, s, d, record)
}

// await waits until a time in the item's state has come, and one block more.
func (p *play) await(ctx context.Context, s Step) error {
	if s.Until == "" {
		return nil
	}
	name, err := p.text(s.Item)
	if err != nil {
		return err
	}
	var fields map[string]any
	list := p.states[name]
	if len(list) == 0 || json.Unmarshal(list[len(list)-1].fields, &fields) != nil {
		return fmt.Errorf("nothing is known of item %s", s.Item)
	}
	until, _ := fields[s.Until].(float64)
	wait := time.UnixMilli(int64(until)).Sub(p.Now()) + 2*time.Second
	p.line("   %s", fmt.Sprintf(p.say("(waiting %s for that time)", "（等待 %s）"), max(wait, 0).Round(time.Second)))
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *play) compose(ctx context.Context, s Step) (*act.Draft, error) {
	fields, err := p.fill(anyMap(s.Fields))
	if err != nil {
		return nil, err
	}
	a := act.Action{Contract: p.contractOf(s), Action: s.Do, Fields: fields.(map[string]any), Private: s.Private}
	if a.Item, err = p.text(s.Item); err != nil {
		return nil, err
	}
	for _, id := range s.By {
		c := p.cast[id]
		if c == nil {
			return nil, fmt.Errorf("nobody is called %q", id)
		}
		a.By = append(a.By, c.key)
	}
	for _, name := range s.Files {
		e, err := p.document(name)
		if err != nil {
			return nil, err
		}
		a.Evidence = append(a.Evidence, e)
	}
	return act.New(ctx, p.Client, a)
}

func anyMap(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// document names a document as evidence, by its digest alone.
func (p *play) document(name string) (ledger.Evidence, error) {
	content, ok := p.story.Documents[name]
	if !ok {
		return ledger.Evidence{}, fmt.Errorf("there is no document %q", name)
	}
	content = strings.ReplaceAll(content, "{run}", p.run)
	h := evidence.NewHasher()
	if _, err := io.WriteString(h, content); err != nil {
		return ledger.Evidence{}, err
	}
	d := h.Sum()
	return ledger.Evidence{CID: d.CID, Media: "text/plain", Mode: ledger.Digest, Name: name, SHA256: digestOf(content), Size: d.Size}, nil
}

// sign has each party read and sign the draft, which passes from one to the next in a link.
func (p *play) sign(d *act.Draft, by []string) (*act.Draft, error) {
	for i, id := range by {
		if err := d.Sign(p.cast[id].signer); err != nil {
			return nil, err
		}
		if i+1 == len(by) {
			break
		}
		link, err := d.Link("https://node.example")
		if err != nil {
			return nil, err
		}
		p.line("   %s", fmt.Sprintf(p.say("%s signs the draft and passes it on to %s, in a link of %d characters", "%s签署草稿，并以链接（%d 个字符）转交%s"),
			p.handOver(id, by[i+1], len(link))...))
		if d, err = act.Parse([]byte(link)); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// handOver is in the order in which each language says it.
func (p *play) handOver(from, to string, length int) []any {
	if p.Lang == "zh" {
		return []any{p.names([]string{from}), length, p.names([]string{to})}
	}
	return []any{p.names([]string{from}), p.names([]string{to}), length}
}

func (p *play) names(ids []string) string {
	var names []string
	for _, id := range ids {
		names = append(names, p.cast[id].Name.In(p.Lang))
	}
	return strings.Join(names, p.say(", ", "、"))
}

// refused explains a refusal that the story wants.
func (p *play) refused(s Step, r *lightclient.Refused) error {
	reason := r.Refusal.Reason
	if reason.Rule != s.Refuse {
		return fmt.Errorf("%s: want %q: %w", s.Do, s.Refuse, r)
	}
	p.line("   ✗ %s", fmt.Sprintf(p.say("refused by rule %s: %s", "被规则 %s 拒绝：%s"), reason.Rule, act.Text{En: reason.En, Zh: reason.Zh}.In(p.Lang)))
	names := make([]string, 0, len(reason.Values))
	for name := range reason.Values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.line("       %s = %s", name, p.readable(reason.Values[name]))
	}
	p.line("     %s", fmt.Sprintf(p.say("signed by %s; nothing was recorded", "由 %s 签名；未记录任何内容"), r.Member))
	return nil
}

// readable names the parties whose keys stand in a text.
func (p *play) readable(text string) string {
	for _, c := range p.cast {
		text = strings.ReplaceAll(text, c.key, c.Name.In(p.Lang))
	}
	return text
}

// recorded tells what became of a record, and proves the item's state after it.
func (p *play) recorded(ctx context.Context, contract *act.Contract, s Step, d *act.Draft, r lightclient.Record) error {
	name := r.ItemName()
	if s.As != "" {
		p.items[s.As] = name
	}
	if r.Seq == 1 {
		p.records[name], p.private[name] = r, d.Private
	}
	state, err := p.Client.State(ctx, r.Contract, name)
	if err != nil {
		return err
	}
	var item lightclient.ItemState
	if err := json.Unmarshal(state.Value, &item); err != nil {
		return fmt.Errorf("the state of %s: %w", name, err)
	}
	if s.Want != "" && item.Status != s.Want {
		return fmt.Errorf("%s: the status is %s, want %s", s.Do, item.Status, s.Want)
	}
	p.homes[name] = r.Contract
	p.states[name] = append(p.states[name], moment{r.Header.Height, item.Fields})
	p.line("   ✓ %s", fmt.Sprintf(p.say("record %s, final in block %d", "记录 %s，在区块 %d 终局"), short(r.ID.String()), r.Header.Height))
	p.line("     %s", fmt.Sprintf(p.say("item %s: %s, proven at block %d", "事项 %s：%s，在区块 %d 得证"), short(name), contract.Status(item.Status, p.Lang), state.Head.Header.Height))
	return p.show(contract, s, item.Fields)
}

// show prints the fields that the step asks for.
func (p *play) show(contract *act.Contract, s Step, fields json.RawMessage) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(fields, &all); err != nil {
		return fmt.Errorf("the fields: %w", err)
	}
	for _, name := range s.Show {
		// Money is shown with its currency, which stands beside it.
		chosen := map[string]json.RawMessage{name: all[name]}
		if all["currency"] != nil {
			chosen["currency"] = all["currency"]
		}
		if all[name] == nil {
			p.line("     %s: –", contract.State[name].In(p.Lang))
			continue
		}
		text, err := json.Marshal(chosen)
		if err != nil {
			return err
		}
		rows, err := contract.Show(text, contract.State, nil, p.Lang)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Label == contract.State[name].In(p.Lang) {
				p.line("     %s: %s", row.Label, row.Value)
			}
		}
	}
	return nil
}
