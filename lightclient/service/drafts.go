package service

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
)

// submitLimit is how long a submission may take to become final before the page is told that it is on its way.
const submitLimit = 30 * time.Second

// Signers are the keys of this machine, for signing drafts.
type Signers interface {
	// Verifiers lists their verifier keys.
	Verifiers(context.Context) ([]string, error)
	// Signer returns the one with that verifier key.
	Signer(ctx context.Context, verifier string) (note.Signer, error)
}

// SignWith gives the service the keys that this machine holds.
func (s *Service) SignWith(keys Signers) { s.signers = keys }

func (s *Service) prepare(ctx context.Context, p PrepareParams) (Draft, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Draft{}, err
	}
	fields, err := wholeNumbers(p.Fields)
	if err != nil {
		return Draft{}, err
	}
	a := act.Action{Contract: p.Contract, Action: p.Action, Item: p.Item, Fields: fields, By: p.By, Private: p.Private}
	for _, e := range p.Evidence {
		size, err := strconv.ParseInt(e.Size, 10, 64)
		if err != nil {
			return Draft{}, badRequest("%q is not a size", e.Size)
		}
		a.Evidence = append(a.Evidence, ledger.Evidence{CID: e.CID, Commit: e.Commit, Media: e.Media, Mode: ledger.Mode(e.Mode),
			Name: e.Name, SHA256: e.SHA256, Size: size})
	}
	d, err := act.New(ctx, c, a)
	if err != nil {
		return Draft{}, draftError(err)
	}
	return s.tell(ctx, d)
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

func (s *Service) openDraft(ctx context.Context, p DraftParams) (Draft, error) {
	d, err := act.Parse([]byte(p.Text))
	if err != nil {
		return Draft{}, draftError(err)
	}
	return s.tell(ctx, d)
}

func (s *Service) sign(ctx context.Context, p SignParams) (Draft, error) {
	d, err := act.Parse([]byte(p.Text))
	if err != nil {
		return Draft{}, draftError(err)
	}
	if s.signers == nil {
		return Draft{}, &Error{Code: "no_key", Message: "this machine holds no key", Hint: "Make one, or restore a backup."}
	}
	signer, err := s.signers.Signer(ctx, p.Key)
	if err != nil {
		return Draft{}, err
	}
	if err := d.Sign(signer); err != nil {
		return Draft{}, draftError(err)
	}
	return s.tell(ctx, d)
}

// check is a dry run at a node: nothing is recorded, and nobody has promised anything.
func (s *Service) check(ctx context.Context, p DraftParams) (Checked, error) {
	c, d, err := s.open(ctx, p.Text)
	if err != nil {
		return Checked{}, err
	}
	err = d.Check(ctx, c)
	if refusal := refusalOf(err); refusal != nil {
		return Checked{Refusal: refusal}, nil
	}
	return Checked{Passed: err == nil}, draftError(err)
}

func (s *Service) submit(ctx context.Context, p DraftParams) (Submitted, error) {
	c, d, err := s.open(ctx, p.Text)
	if err != nil {
		return Submitted{}, err
	}
	out := Submitted{ID: d.ID().String(), Item: d.ItemName()}
	ctx, cancel := context.WithTimeout(ctx, submitLimit)
	defer cancel()
	r, err := act.Submit(ctx, c, d)
	if refusal := refusalOf(err); refusal != nil {
		out.Refusal = refusal
		return out, nil
	}
	if err != nil {
		return Submitted{}, draftError(err)
	}
	out.Height = height(r.Header.Height)
	return out, nil
}

func (s *Service) open(ctx context.Context, text string) (*lightclient.Client, *act.Draft, error) {
	d, err := act.Parse([]byte(text))
	if err != nil {
		return nil, nil, draftError(err)
	}
	c, err := s.Client(ctx)
	return c, d, err
}

// tell describes a draft: what is signed, to the byte, and by whom.
func (s *Service) tell(ctx context.Context, d *act.Draft) (Draft, error) {
	file, err := d.Bytes()
	if err != nil {
		return Draft{}, fmt.Errorf("encode draft: %w", err)
	}
	link, err := d.Link("")
	if err != nil {
		return Draft{}, fmt.Errorf("make a link: %w", err)
	}
	text, err := d.Statement.Text()
	if err != nil {
		return Draft{}, fmt.Errorf("encode draft: %w", err)
	}
	out := Draft{Text: string(file), Link: strings.TrimPrefix(link, "/"), ID: d.ID().String(), Contract: d.Contract, Version: d.Version,
		Action: d.Action, Item: d.ItemName(), Seq: d.Seq, Prev: d.Prev, At: d.At, Fields: map[string]any{},
		Evidence: evidenceOf(d.Evidence), By: []DraftSigner{}, Private: []PrivateField{}, Signed: text}
	if err := json.Unmarshal(d.Fields, &out.Fields); err != nil {
		return Draft{}, fmt.Errorf("%w: the fields of a draft: %w", ledger.ErrFormat, err)
	}
	for _, o := range d.Private {
		out.Private = append(out.Private, PrivateField{Name: o.Name, Value: o.Value})
	}
	here, err := s.verifiers(ctx)
	if err != nil {
		return Draft{}, err
	}
	signed := d.Signed()
	for _, author := range authorsOf(d.By) {
		out.By = append(out.By, DraftSigner{Name: author.Name, Key: author.Key,
			Signed: slices.Contains(signed, author.Key), Here: slices.Contains(here, author.Key)})
	}
	return out, nil
}

func (s *Service) verifiers(ctx context.Context) ([]string, error) {
	if s.signers == nil {
		return nil, nil
	}
	return s.signers.Verifiers(ctx)
}

// refusalOf returns the rule that refused, or nil.
func refusalOf(err error) *RuleRefusal {
	var refused *lightclient.Refused
	if !errors.As(err, &refused) {
		return nil
	}
	reason := refused.Refusal.Reason
	out := &RuleRefusal{Rule: reason.Rule, En: reason.En, Zh: reason.Zh, Values: []RuleValue{}, Member: refused.Member, Note: string(refused.Note)}
	for _, name := range slices.Sorted(maps.Keys(reason.Values)) {
		out.Values = append(out.Values, RuleValue{Name: name, Value: reason.Values[name]})
	}
	return out
}

// draftError says what to do about a draft that cannot go on.
func draftError(err error) error {
	var moved *act.Moved
	switch {
	case errors.As(err, &moved):
		return &Error{Code: "moved", Message: err.Error(), Hint: "Make the draft again; signatures on this one do not count for the new one."}
	case errors.Is(err, act.ErrSignaturesMissing):
		return &Error{Code: "unsigned", Message: err.Error(), Hint: "Pass the draft on to those who have not signed."}
	case errors.Is(err, act.ErrNotASigner):
		return &Error{Code: "not_a_signer", Message: err.Error(), Hint: "Only the parties that the draft names can sign it."}
	case errors.Is(err, act.ErrNoContract):
		return &Error{Code: "not_found", Message: err.Error(), Hint: "Choose one of the contracts that this ledger has."}
	case errors.Is(err, ledger.ErrFormat), errors.Is(err, ledger.ErrSignature), errors.Is(err, ledger.ErrLimit), errors.Is(err, ledger.ErrLedger):
		return &Error{Code: "bad_draft", Message: err.Error(), Hint: "Ask whoever sent it for the whole file or link again."}
	}
	return err
}
