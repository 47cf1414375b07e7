package proof_test

import (
	"strings"

	"evident/lightclient/ledger"
	. "evident/lightclient/proof"
)

// private makes proofs that disclose private fields of a record.
func (m *maker) private() {
	openings := []ledger.Opening{{Name: "name", Salt: [32]byte{1}, Value: `林晓 "Xiao"`}, {Name: "born", Salt: [32]byte{2}, Value: "1996-02-29"}, {Name: "note", Salt: [32]byte{3}}}
	var commitments []ledger.PrivateField
	for _, o := range openings {
		c, err := o.Commit()
		if err != nil {
			m.t.Fatal(err)
		}
		commitments = append(commitments, c)
	}
	fields, err := ledger.EncodeCanonical(map[string]any{"deep": []any{commitments[2]}, "subject": commitments[:2], "text": `{"digest":"`})
	if err != nil {
		m.t.Fatal(err)
	}
	f := newFixture(m.t, shape{fields: string(fields)})
	disclose := func(change func([]ledger.Opening) []ledger.Opening) *Proof {
		p := f.parse(m.t)
		p.Private = change(append([]ledger.Opening{}, openings...))
		return p
	}
	edit := func(change func(*ledger.Opening)) func([]ledger.Opening) []ledger.Opening {
		return func(list []ledger.Opening) []ledger.Opening { change(&list[0]); return list[:1] }
	}
	for _, v := range []struct {
		name, outcome, comment string
		change                 func([]ledger.Opening) []ledger.Opening
	}{
		{"one", "valid", "one of three private fields", func(l []ledger.Opening) []ledger.Opening { return l[1:2] }},
		{"all", "valid", "all of them, one with an empty value", func(l []ledger.Opening) []ledger.Opening { return l }},
		{"value", "altered disclosure.field", "another value", edit(func(o *ledger.Opening) { o.Value += " " })},
		{"salt", "altered disclosure.field", "another salt", edit(func(o *ledger.Opening) { o.Salt[31] ^= 1 })},
		{"name", "altered disclosure.field", "the value of another field", edit(func(o *ledger.Opening) { o.Name = "born" })},
		{"one-wrong", "altered disclosure.field", "one of two is wrong", func(l []ledger.Opening) []ledger.Opening { l[1].Value = "1996-02-28"; return l[:2] }},
		{"256", "valid", "256 openings", func(l []ledger.Opening) []ledger.Opening { return repeat(l[0], ledger.MaxOpenings) }},
		{"257", "altered container.limit", "257 openings", func(l []ledger.Opening) []ledger.Opening { return repeat(l[0], ledger.MaxOpenings+1) }},
	} {
		m.addProof("private-"+v.name, v.outcome, v.comment, disclose(v.change))
	}
	whole, err := disclose(func(l []ledger.Opening) []ledger.Opening { return l[:1] }).Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	text := string(whole)
	start := strings.Index(text, `,"private":[`)
	list := text[start : start+strings.Index(text[start:], "]")+1]
	m.add("proof/private-empty", "altered container.format", "an empty list that should be absent", []byte(m.replace(text, list, `,"private":[]`)))
	m.add("proof/private-number", "altered container.format", "a value that is no text", []byte(m.replace(text, `"value":"林晓 \"Xiao\""`, `"value":7`)))
	none := newFixture(m.t, shape{}).parse(m.t)
	none.Private = openings[:1]
	m.addProof("private-none", "altered disclosure.field", "the record has no private field", none)
}

func repeat(o ledger.Opening, n int) (list []ledger.Opening) {
	for range n {
		list = append(list, o)
	}
	return list
}
