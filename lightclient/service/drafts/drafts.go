// Package drafts adds to a service what people do under contracts: compose a
// draft, sign it, try it, submit it, and show private fields later. It is apart
// from the service because only programs that hold keys need it.
package drafts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// submitLimit is how long a submission may take to become final before the page is told that it is on its way.
const submitLimit = 30 * time.Second

// Keys are those of this machine, with what its records hide.
type Keys interface {
	// Verifiers lists the verifier keys.
	Verifiers(context.Context) ([]string, error)
	// Signer returns the one with that verifier key.
	Signer(ctx context.Context, verifier string) (note.Signer, error)
	// KeepPrivate makes what a record hides durable.
	KeepPrivate(id ledger.RecordID, openings []ledger.Opening) error
	// Private returns it; nothing if this machine has none.
	Private(id ledger.RecordID) ([]ledger.Opening, error)
}

type desk struct {
	service *service.Service
	keys    Keys
}

// Provide adds the methods to a service.
func Provide(s *service.Service, keys Keys) {
	d := &desk{s, keys}
	service.Handle(s, "prepare", d.prepare)
	service.Handle(s, "openDraft", d.openDraft)
	service.Handle(s, "sign", d.sign)
	service.Handle(s, "check", d.check)
	service.Handle(s, "submit", d.submit)
	service.Handle(s, "privateFields", d.privateFields)
	service.Handle(s, "disclose", d.disclose)
}

func (s *desk) prepare(ctx context.Context, p service.PrepareParams) (service.Draft, error) {
	c, err := s.service.Client(ctx)
	if err != nil {
		return service.Draft{}, err
	}
	fields, err := wholeNumbers(p.Fields)
	if err != nil {
		return service.Draft{}, err
	}
	a := act.Action{Contract: p.Contract, Action: p.Action, Item: p.Item, Fields: fields, By: p.By, Private: p.Private}
	for _, e := range p.Evidence {
		size, err := strconv.ParseInt(e.Size, 10, 64)
		if err != nil {
			return service.Draft{}, badRequest("%q is not a size", e.Size)
		}
		a.Evidence = append(a.Evidence, ledger.Evidence{CID: e.CID, Commit: e.Commit, Media: e.Media, Mode: ledger.Mode(e.Mode),
			Name: e.Name, SHA256: e.SHA256, Size: size})
	}
	d, err := act.New(ctx, c, a)
	if err != nil {
		return service.Draft{}, draftError(err)
	}
	if err := s.keep(d); err != nil {
		return service.Draft{}, err
	}
	return s.tell(ctx, d)
}

// keep makes what a draft hides durable: without it nobody can ever prove those fields.
func (s *desk) keep(d *act.Draft) error {
	if len(d.Private) == 0 {
		return nil
	}
	return s.keys.KeepPrivate(d.ID(), d.Private)
}

// wholeNumbers reads fields with numbers as the ledger has them.
func wholeNumbers(raw json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return nil, badRequest("the fields: %v", err)
	}
	whole, err := whole(fields)
	if err != nil {
		return nil, err
	}
	return whole.(map[string]any), nil
}

func whole(v any) (_ any, err error) {
	switch v := v.(type) {
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			return nil, badRequest("%s is not a whole number", v)
		}
		return n, nil
	case map[string]any:
		for key := range v {
			if v[key], err = whole(v[key]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = whole(v[i]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func (s *desk) openDraft(ctx context.Context, p service.DraftParams) (service.Draft, error) {
	d, err := act.Parse([]byte(p.Text))
	if err != nil {
		return service.Draft{}, draftError(err)
	}
	return s.tell(ctx, d)
}

func (s *desk) sign(ctx context.Context, p service.SignParams) (service.Draft, error) {
	d, err := act.Parse([]byte(p.Text))
	if err != nil {
		return service.Draft{}, draftError(err)
	}
	signer, err := s.keys.Signer(ctx, p.Key)
	if err != nil {
		return service.Draft{}, err
	}
	if err := d.Sign(signer); err != nil {
		return service.Draft{}, draftError(err)
	}
	return s.tell(ctx, d)
}

// check is a dry run at a node: nothing is recorded, and nobody has promised anything.
func (s *desk) check(ctx context.Context, p service.DraftParams) (service.Checked, error) {
	c, d, err := s.open(ctx, p.Text)
	if err != nil {
		return service.Checked{}, err
	}
	err = d.Check(ctx, c)
	if refusal := refusalOf(err); refusal != nil {
		return service.Checked{Refusal: refusal}, nil
	}
	return service.Checked{Passed: err == nil}, draftError(err)
}

func (s *desk) submit(ctx context.Context, p service.DraftParams) (service.Submitted, error) {
	c, d, err := s.open(ctx, p.Text)
	if err != nil {
		return service.Submitted{}, err
	}
	if err := s.keep(d); err != nil {
		return service.Submitted{}, err
	}
	out := service.Submitted{ID: d.ID().String(), Item: d.ItemName()}
	ctx, cancel := context.WithTimeout(ctx, submitLimit)
	defer cancel()
	r, err := act.Submit(ctx, c, d)
	if refusal := refusalOf(err); refusal != nil {
		out.Refusal = refusal
		return out, nil
	}
	if err != nil {
		return service.Submitted{}, draftError(err)
	}
	out.Height = strconv.FormatUint(uint64(r.Header.Height), 10)
	return out, nil
}

func (s *desk) open(ctx context.Context, text string) (*lightclient.Client, *act.Draft, error) {
	d, err := act.Parse([]byte(text))
	if err != nil {
		return nil, nil, draftError(err)
	}
	c, err := s.service.Client(ctx)
	return c, d, err
}

// tell describes a draft: what is signed, to the byte, and by whom.
func (s *desk) tell(ctx context.Context, d *act.Draft) (service.Draft, error) {
	file, err := d.Bytes()
	if err != nil {
		return service.Draft{}, fmt.Errorf("encode draft: %w", err)
	}
	link, err := d.Link("")
	if err != nil {
		return service.Draft{}, fmt.Errorf("make a link: %w", err)
	}
	text, err := d.Statement.Text()
	if err != nil {
		return service.Draft{}, fmt.Errorf("encode draft: %w", err)
	}
	out := service.Draft{Text: string(file), Link: strings.TrimPrefix(link, "/"), ID: d.ID().String(), Contract: d.Contract, Version: d.Version,
		Action: d.Action, Item: d.ItemName(), Seq: d.Seq, Prev: d.Prev, At: d.At, Fields: map[string]any{},
		Evidence: service.EvidenceOf(d.Evidence), By: []service.DraftSigner{}, Private: []service.PrivateField{}, Signed: text}
	if err := json.Unmarshal(d.Fields, &out.Fields); err != nil {
		return service.Draft{}, fmt.Errorf("%w: the fields of a draft: %w", ledger.ErrFormat, err)
	}
	for _, o := range d.Private {
		out.Private = append(out.Private, service.PrivateField{Name: o.Name, Value: o.Value})
	}
	here, err := s.keys.Verifiers(ctx)
	if err != nil {
		return service.Draft{}, err
	}
	signed := d.Signed()
	for _, key := range d.By {
		name, _, _ := strings.Cut(key, "+")
		out.By = append(out.By, service.DraftSigner{Name: name, Key: key, Signed: slices.Contains(signed, key), Here: slices.Contains(here, key)})
	}
	return out, nil
}

// refusalOf returns the rule that refused, or nil.
func refusalOf(err error) *service.RuleRefusal {
	var refused *lightclient.Refused
	if !errors.As(err, &refused) {
		return nil
	}
	reason := refused.Refusal.Reason
	out := &service.RuleRefusal{Rule: reason.Rule, En: reason.En, Zh: reason.Zh, Values: []service.RuleValue{}, Member: refused.Member, Note: string(refused.Note)}
	for _, name := range slices.Sorted(maps.Keys(reason.Values)) {
		out.Values = append(out.Values, service.RuleValue{Name: name, Value: reason.Values[name]})
	}
	return out
}

func badRequest(format string, args ...any) error {
	return &service.Error{Code: "bad_request", Message: fmt.Sprintf(format, args...), Hint: "Check what was typed."}
}

// draftError says what to do about a draft that cannot go on.
func draftError(err error) error {
	var moved *act.Moved
	switch {
	case errors.As(err, &moved):
		return &service.Error{Code: "moved", Message: err.Error(), Hint: "Make the draft again; signatures on this one do not count for the new one."}
	case errors.Is(err, act.ErrSignaturesMissing):
		return &service.Error{Code: "unsigned", Message: err.Error(), Hint: "Pass the draft on to those who have not signed."}
	case errors.Is(err, act.ErrNotASigner):
		return &service.Error{Code: "not_a_signer", Message: err.Error(), Hint: "Only the parties that the draft names can sign it."}
	case errors.Is(err, ledger.ErrFormat), errors.Is(err, ledger.ErrSignature), errors.Is(err, ledger.ErrLimit), errors.Is(err, ledger.ErrLedger):
		return &service.Error{Code: "bad_draft", Message: err.Error(), Hint: "Ask whoever sent it for the whole file or link again."}
	}
	return err
}
