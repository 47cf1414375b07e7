package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/act"
	"evident/lightclient/ledger"
)

// ErrNoMember means that nobody can vouch for the parties of a story.
var ErrNoMember = errors.New("no member of this ledger vouches for the parties: a story needs the node keys of the consortium on this machine")

// character is a party with its key.
type character struct {
	Party
	signer note.Signer
	key    string
}

// begin makes the parties' keys and has a member vouch for them.
func (p *play) begin(ctx context.Context) error {
	p.line("━━ %s ━━", p.story.Title.In(p.Lang))
	p.line("%s", p.story.About.In(p.Lang))
	p.line("")
	for _, party := range p.story.Parties {
		name := strings.ReplaceAll(party.Name.In(p.Lang), " ", "-")
		skey, key, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			return fmt.Errorf("make a key for %s: %w", party.ID, err)
		}
		signer, err := note.NewSigner(skey)
		if err != nil {
			return fmt.Errorf("make a key for %s: %w", party.ID, err)
		}
		p.cast[party.ID] = &character{party, signer, key}
	}
	for _, party := range p.story.Parties {
		if err := p.vouch(ctx, p.cast[party.ID]); err != nil {
			return fmt.Errorf("vouch for %s: %w", party.ID, err)
		}
	}
	return nil
}

// member returns a node key of a member, and that member.
func (p *play) member() (note.Signer, ledger.Member, error) {
	for _, signer := range p.Members {
		if m := p.Client.Trusted().Members.ByName(signer.Name()); m != nil {
			if v, err := note.NewVerifier(m.Node); err == nil && v.KeyHash() == signer.KeyHash() {
				return signer, *m, nil
			}
		}
	}
	return nil, ledger.Member{}, ErrNoMember
}

func (p *play) vouch(ctx context.Context, c *character) error {
	if len(c.Roles) == 0 {
		p.line("  %s", c.Name.In(p.Lang))
		return nil
	}
	signer, member, err := p.member()
	if err != nil {
		return err
	}
	var grants []any
	for _, role := range c.Roles {
		word, scope, _ := strings.Cut(role, " ")
		contract := p.story.Contract
		if in, rest, ok := strings.Cut(word, "/"); ok {
			contract, word = in, rest
		}
		grants = append(grants, map[string]any{"contract": contract, "role": word, "scope": scope, "since": p.Now().Add(-time.Minute).UnixMilli()})
	}
	d, err := act.New(ctx, p.Client, act.Action{Contract: "registry", Action: "vouch", Item: c.key, By: []string{member.Node},
		Fields: map[string]any{"person": c.Name.En + " " + c.Name.Zh, "grants": grants}})
	if err != nil {
		return err
	}
	if err := d.Sign(signer); err != nil {
		return err
	}
	r, err := act.Submit(ctx, p.Client, d)
	if err != nil {
		return err
	}
	p.line("  %s: %s", c.Name.In(p.Lang), fmt.Sprintf(p.say("%s, vouched for by %s (record %s)", "%s，由 %s 担保（记录 %s）"),
		strings.Join(c.Roles, ", "), member.Organisation, short(r.ID.String())))
	return nil
}
