package chain

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"evident/fullnode/contract"
	"evident/lightclient/ledger"
)

const lots = `
name: lots
version: 1
title: {en: Lots, zh: 批次}
item: {en: A lot, zh: 批次}
statuses: {made: {en: Made, zh: 已制成}}
state:
  from: {type: array, maxItems: 4, items: {type: string}, en: From, zh: 来源}
parents: from
actions:
  make:
    title: {en: Make, zh: 制成}
    from: [none, made]
    to: made
    signers: anyone
    input:
      properties:
        from: {type: array, maxItems: 4, items: {type: string}, en: From, zh: 来源}
    set: {from: input.from}
`

// member signs as the node of member i.
func (w *world) member(t testing.TB, i int) author {
	t.Helper()
	vkey := w.members[i].Node
	parts := strings.SplitN(vkey, "+", 3)
	skey := "PRIVATE+KEY+" + parts[0] + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed("node", i)...))
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return author{signer, vkey}
}

// under signs a statement of a contract.
func (w *world) under(t testing.TB, name, action, item, fields string, by ...author) *ledger.Record {
	t.Helper()
	s := w.statement(0)
	s.Contract, s.Action, s.Item, s.Fields, s.By = name, action, item, []byte(fields), nil
	var signers []note.Signer
	for _, a := range by {
		s.By, signers = append(s.By, a.vkey), append(signers, a.signer)
	}
	r, err := s.Sign(signers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A deployed contract executes from the next block on, also after a restart, which compiles it anew; items know their
// parents and their children; and all of it follows from the blocks.
func TestDeployedContract(t *testing.T) {
	w := newTestWorld(t, func(g *ledger.Genesis) {
		g.Contracts = []ledger.ContractRef{contract.Ref(contract.Find(contract.Contracts)), contract.Ref(contract.Find("notes"))}
	})
	dir := t.TempDir()
	c := w.open(t, dir, Options{})
	w.genesisBlock(t, c)
	definition, err := contract.Load("lots.yaml", []byte(lots))
	if err != nil {
		t.Fatal(err)
	}
	text, err := ledger.EncodeCanonical(map[string]string{"text": string(definition.Definition())})
	if err != nil {
		t.Fatal(err)
	}
	part := w.under(t, contract.Contracts, "text", "", string(text), w.member(t, 0))
	digest := contract.Digest(definition)
	fields := fmt.Sprintf(`{"digest":"%x","parts":[%q],"version":1}`, digest[:], part.ID)
	deploy := w.under(t, contract.Contracts, "deploy", "lots", fields, w.member(t, 0), w.member(t, 1), w.member(t, 2))
	early := w.under(t, "lots", "make", "flour", `{}`, w.authors[0])
	cand := w.add(t, c, part.Note, deploy.Note, early.Note)
	if len(cand.Refused) != 1 || cand.Refused[0].Refusal.Rule != "contract" {
		t.Fatalf("refused %v", cand.Refused)
	}
	for _, lot := range []struct{ name, fields string }{{"flour", `{}`}, {"salt", `{}`}, {"dough", `{"from":["flour","salt"]}`}, {"bread", `{"from":["dough","flour"]}`}} {
		if cand := w.add(t, c, w.under(t, "lots", "make", lot.name, lot.fields, w.authors[0]).Note); len(cand.Refused) > 0 {
			t.Fatal(cand.Refused[0].Refusal)
		}
	}
	check := func() {
		t.Helper()
		for name, want := range map[string][2]string{"flour": {"", "bread dough"}, "salt": {"", "dough"}, "dough": {"flour salt", "bread"}, "bread": {"dough flour", ""}, "none": {"", ""}} {
			parents, children, err := c.Related("lots", name)
			slices.Sort(children)
			if err != nil || strings.Join(parents, " ") != want[0] || strings.Join(children, " ") != want[1] {
				t.Errorf("%s comes from %v and is in %v, %v", name, parents, children, err)
			}
		}
		all, err := c.Contracts()
		if err != nil || len(all) != 3 || all[1].Name() != "lots" || all[1].Since != 2 {
			t.Errorf("contracts are %v, %v", all, err)
		}
		got, err := c.Definition("lots", 1)
		if err != nil || !bytes.Equal(got, definition.Definition()) {
			t.Errorf("definition is %s, %v", got, err)
		}
	}
	check()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = w.open(t, dir, Options{})
	defer c.Close()
	check()
	checkLedger(t, c)
	if _, err := c.Definition("lots", 2); !errors.Is(err, ErrNotFound) {
		t.Errorf("a version that is not there: %v", err)
	}
}
