package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// look shows something that the light client proves.
func (p *play) look(ctx context.Context, s Step) error {
	contract, err := p.contract(ctx, p.contractOf(s))
	if err != nil {
		return err
	}
	name, err := p.text(s.Item)
	if err != nil {
		return err
	}
	switch {
	case s.Look.Absent:
		return p.absent(ctx, p.contractOf(s), name)
	case s.Look.History != "":
		return p.history(ctx, contract, name, s.Look.History)
	case s.Look.Family:
		return p.family(ctx, contract, name, 0)
	}
	return p.disclose(ctx, name, s.Look)
}

func (p *play) absent(ctx context.Context, contract, name string) error {
	state, err := p.Client.State(ctx, contract, name)
	if err != nil {
		return err
	}
	if state.Value != nil {
		return fmt.Errorf("item %s exists: %s", name, state.Value)
	}
	p.line("   ✓ %s", fmt.Sprintf(p.say("no such item: proven absent at block %d, with %d bytes of proof", "没有此事项：在区块 %d 得证不存在，证明 %d 字节"), state.Head.Header.Height, len(state.Proof)))
	return nil
}

// span is the blocks over which a field had one value.
type span struct {
	from, until ledger.Height // until 0: now
	value       string
}

// history shows a field's value at every height. The records are proven to be all that there are; the state after each one
// is proven anew by a node that keeps old states, or was proven when the story came to it.
func (p *play) history(ctx context.Context, contract *act.Contract, name, field string) error {
	item, err := p.Client.Item(ctx, contract.Name, name)
	if err != nil {
		return err
	}
	states := p.states[name]
	if len(item.Records) != len(states) {
		return fmt.Errorf("item %s has %d records, the story made %d", name, len(item.Records), len(states))
	}
	slices.Reverse(item.Records)
	var spans []span
	for i, r := range item.Records {
		value, err := p.valueAt(ctx, contract.Name, name, field, r.Header.Height, states[i].fields)
		if err != nil {
			return err
		}
		if n := len(spans); n > 0 && spans[n-1].value == value {
			continue
		} else if n > 0 {
			spans[n-1].until = r.Header.Height - 1
		}
		spans = append(spans, span{from: r.Header.Height, value: value})
	}
	for _, s := range spans {
		until := p.say("now", "现在")
		if s.until > 0 {
			until = fmt.Sprint(s.until)
		}
		p.line("   %s  %s: %s", fmt.Sprintf(p.say("blocks %d to %s", "区块 %d 至 %s"), s.from, until), contract.State[field].In(p.Lang), p.readable(s.value))
	}
	p.line("   ✓ %s", fmt.Sprintf(p.say("%d records, proven to be all of them as of block %d; the state after each is proven", "%d 条记录，已证明截至区块 %d 为全部；每条之后的状态均得证"), len(item.Records), item.State.Head.Header.Height))
	return nil
}

// valueAt is a field of an item after a block.
func (p *play) valueAt(ctx context.Context, contract, name, field string, height ledger.Height, told json.RawMessage) (string, error) {
	state, err := p.Client.StateAt(ctx, contract, name, height)
	if err != nil && !errors.Is(err, lightclient.ErrNotShown) && !errors.Is(err, lightclient.ErrUnavailable) {
		return "", err
	}
	item := lightclient.ItemState{Fields: told}
	if err == nil {
		if err := json.Unmarshal(state.Value, &item); err != nil {
			return "", fmt.Errorf("the state of %s: %w", name, err)
		}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(item.Fields, &fields); err != nil {
		return "", fmt.Errorf("the state of %s: %w", name, err)
	}
	var value string
	if err := json.Unmarshal(fields[field], &value); err != nil {
		return "", fmt.Errorf("item %s has no text %s: %w", name, field, err)
	}
	return value, nil
}

// family shows an item and what was made from it, level by level.
func (p *play) family(ctx context.Context, contract *act.Contract, name string, level int) error {
	if level > 8 {
		return fmt.Errorf("item %s: more than 8 levels", name)
	}
	state, err := p.Client.State(ctx, contract.Name, name)
	if err != nil {
		return err
	}
	var item struct {
		Status string
		Fields struct{ Product string }
	}
	if err := json.Unmarshal(state.Value, &item); err != nil {
		return fmt.Errorf("the state of %s: %w", name, err)
	}
	p.line("   %s%s  %s  %s", strings.Repeat("   ", level), name, item.Fields.Product, contract.Status(item.Status, p.Lang))
	_, children, err := p.Client.Related(ctx, contract.Name, name, contract.Parents)
	if err != nil {
		return err
	}
	for _, c := range children {
		if err := p.family(ctx, contract, c.Name, level+1); err != nil {
			return err
		}
	}
	return nil
}

// disclose makes the proof that an item's holder hands over, verifies it as a stranger would, and shows that nobody can
// change what it says.
func (p *play) disclose(ctx context.Context, name string, l *Look) error {
	record, ok := p.records[name]
	if !ok {
		return fmt.Errorf("the story did not make item %s", name)
	}
	var chosen []ledger.Opening
	for _, o := range p.private[name] {
		if slices.Contains(l.Disclose, o.Name) {
			chosen = append(chosen, o)
		}
	}
	if len(chosen) != len(l.Disclose) {
		return fmt.Errorf("item %s has not all of the private fields %q", name, l.Disclose)
	}
	made, err := p.Client.Present(ctx, record, chosen...)
	if err != nil {
		return err
	}
	file, err := made.Encode()
	if err != nil {
		return err
	}
	if err := p.verified(file, proof.Valid); err != nil {
		return err
	}
	if err := p.told(record, made); err != nil {
		return err
	}
	made.Private = slices.Clone(made.Private)
	made.Private[0].Value += "!"
	forged, err := made.Encode()
	if err != nil {
		return err
	}
	if err := p.verified(forged, proof.Altered); err != nil {
		return err
	}
	if p.Save == nil || l.File == "" {
		return nil
	}
	to, err := p.text(l.File)
	if err != nil {
		return err
	}
	return p.Save(to, file)
}

// told says what the proof discloses and what it does not.
func (p *play) told(record lightclient.Record, made *proof.Proof) error {
	var state lightclient.ItemState
	if err := json.Unmarshal(made.State.Value, &state); err != nil {
		return fmt.Errorf("the state in the proof: %w", err)
	}
	contract := p.contracts[record.Contract]
	p.line("     %s: %s", p.say("status", "状态"), fmt.Sprintf(p.say("%s at block %d", "%s（区块 %d）"), contract.Status(state.Status, p.Lang), made.State.Header.Height))
	for _, f := range ledger.PrivateFields(record.Fields) {
		value := p.say("not disclosed", "未披露")
		for _, o := range made.Private {
			if c, err := o.Commit(); err == nil && c == f {
				value = o.Value + p.say("  (disclosed, as recorded)", "（已披露，与记录相符）")
			}
		}
		p.line("     %s: %s", f.Name, value)
	}
	return nil
}

// verified verifies a proof offline, with nothing but the ledger's fingerprint.
func (p *play) verified(file []byte, want proof.Verdict) error {
	fingerprint := p.Client.Trusted().Fingerprint
	report := proof.Verify(file, proof.Options{Trusted: &fingerprint})
	if report.Verdict != want {
		return fmt.Errorf("the proof is %s, want %s: %s", report.Verdict, want, report.Reason("en"))
	}
	mark := "✓"
	if want != proof.Valid {
		mark = "✗"
	}
	p.line("   %s %s", mark, fmt.Sprintf(p.say("proof of %d bytes, verified offline: %s (%s)", "证明 %d 字节，离线验证：%s（%s）"), len(file), p.verdict(report.Verdict), report.Reason(p.Lang)))
	return nil
}

func (p *play) verdict(v proof.Verdict) string {
	return map[proof.Verdict]string{proof.Valid: p.say("valid", "有效"), proof.Altered: p.say("altered", "已篡改")}[v]
}

// end proves the state of every item of the story, each in a file that verifies offline.
func (p *play) end(ctx context.Context) error {
	p.line("")
	bytes := 0
	for _, name := range slices.Sorted(maps.Keys(p.homes)) {
		file, err := p.itemProof(ctx, p.homes[name], name)
		if err != nil {
			return fmt.Errorf("prove item %s: %w", name, err)
		}
		bytes += len(file)
		if p.Save == nil {
			continue
		}
		if err := p.Save(fmt.Sprintf("%s-%s.evident", p.story.Name, path.Base(short(name))), file); err != nil {
			return err
		}
	}
	p.line("%s", fmt.Sprintf(p.say("✓ The state of each of the %d items is proven in a file of its own, verified offline: %d bytes together.", "✓ %d 个事项的状态各有一个证明文件，均已离线验证：共 %d 字节。"), len(p.homes), bytes))
	p.line("")
	return nil
}

func (p *play) itemProof(ctx context.Context, contract, name string) ([]byte, error) {
	state, err := p.Client.State(ctx, contract, name)
	if err != nil {
		return nil, err
	}
	made, err := p.Client.ItemProof(contract, name, state)
	if err != nil {
		return nil, err
	}
	file, err := made.Encode()
	if err != nil {
		return nil, err
	}
	fingerprint := p.Client.Trusted().Fingerprint
	if report := proof.VerifyItem(file, &fingerprint); report.Verdict != proof.Valid {
		return nil, fmt.Errorf("its proof is %s", report.Verdict)
	}
	return file, nil
}
