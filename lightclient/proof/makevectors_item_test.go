package proof_test

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/merkle"
	. "evident/lightclient/proof"
)

// newItemProof proves what a ledger of 30 blocks and 22 names held.
func (m *maker) newItemProof(space, name string) *ItemProof {
	m.t.Helper()
	c := ledgertest.NewChain(4)
	c.Add(c.Set)
	for i := range 20 {
		c.SetState("notes", fmt.Sprintf("item %d", i), fmt.Appendf(nil, `{"seq":%d}`, i+1))
	}
	c.SetState("bill", "BILL-2026/7", []byte(`{"holder":"Bo","status":"held"}`))
	digest := sha256Sum([]byte("photo"))
	c.SetState("digest", string(digest[:]), []byte(`{"height":2,"record":"00"}`))
	for len(c.Headers) < 30 {
		c.Add(c.Set)
	}
	key := name
	if space == "digest" {
		id, err := ledger.ParseRecordID(name)
		if err != nil {
			m.t.Fatal(err)
		}
		key = string(id[:])
	}
	header := c.Headers[20]
	p := &ItemProof{Genesis: c.File, Header: header, Inclusion: c.Prove(header.Height, c.Tree().N),
		Certificate: c.Certify(c.Set, c.Tree(), 1763849000).Note, Space: space, Name: name, Proof: c.ProveState(merkle.Key(space, key))}
	for value, of := range map[string]string{`{"holder":"Bo","status":"held"}`: "bill/BILL-2026/7", `{"height":2,"record":"00"}`: "digest/" + hexText(digest[:])} {
		if of == space+"/"+name {
			p.Value = []byte(value)
		}
	}
	return p
}

func (m *maker) itemProofs() {
	present := func() *ItemProof { return m.newItemProof("bill", "BILL-2026/7") }
	absent := func() *ItemProof { return m.newItemProof("bill", "BILL-2026/8") }
	digest := sha256Sum([]byte("photo"))
	for _, v := range []struct {
		name, outcome, comment string
		proof                  *ItemProof
		change                 func(*ItemProof)
	}{
		{"present", "valid", "the state of a bill, nine blocks before the certificate", present(), nil},
		{"absent", "valid", "no such bill", absent(), nil},
		{"digest", "valid", "who claimed a digest first", m.newItemProof("digest", hexText(digest[:])), nil},
		{"digest-free", "valid", "nobody claimed this digest", m.newItemProof("digest", strings.Repeat("0", 64)), nil},
		{"value", "altered state.wrong", "another value", present(), func(p *ItemProof) { p.Value = []byte(`{"holder":"Eve","status":"held"}`) }},
		{"value-missing", "altered state.wrong", "a bill that is there is said to be absent", present(), func(p *ItemProof) { p.Value = nil }},
		{"value-invented", "altered state.wrong", "a value for what is absent", absent(), func(p *ItemProof) { p.Value = []byte(`{}`) }},
		{"name", "altered state.wrong", "another bill", present(), func(p *ItemProof) { p.Name = "BILL-2026/9" }},
		{"space", "altered state.wrong", "another contract", present(), func(p *ItemProof) { p.Space = "notes" }},
		{"header", "altered certificate.proof", "a header outside the log", present(), func(p *ItemProof) { p.Header.Time++ }},
		{"inclusion", "altered certificate.proof", "a wrong path in the log", present(), func(p *ItemProof) { p.Inclusion[0][0] ^= 1 }},
		{"quorum", "altered certificate.quorum", "a cosignature less", present(), func(p *ItemProof) { p.Certificate = dropLine(p.Certificate) }},
		{"genesis", "altered certificate.ledger", "another genesis", present(), func(p *ItemProof) {
			p.Genesis = bytes.Replace(p.Genesis, []byte("HRB 00001"), []byte("HRB 00009"), 1)
		}},
		{"digest-short", "altered container.format", "a digest of 63 digits", present(), func(p *ItemProof) { p.Space, p.Name = "digest", strings.Repeat("0", 63) }},
		{"name-empty", "altered container.format", "no name", present(), func(p *ItemProof) { p.Name = "" }},
		{"name-129", "altered container.limit", "a name of 129 bytes", present(), func(p *ItemProof) { p.Name = strings.Repeat("x", 129) }},
		{"space-zero", "altered container.format", "a NUL in the space", present(), func(p *ItemProof) { p.Space, p.Name = "bill\x00BILL", "x" }},
		{"value-no-object", "altered container.format", "a value that is no object", present(), func(p *ItemProof) { p.Value = []byte(`[]`) }},
	} {
		if v.change != nil {
			v.change(v.proof)
		}
		file, err := v.proof.Encode()
		if err != nil {
			m.t.Fatal(err)
		}
		m.add("item/"+v.name, v.outcome, v.comment, file)
	}
	file, err := present().Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"version", "incomplete container.version", "version 2", "state/v1", "state/v2"},
		{"foreign", "incomplete container.foreign", "no state proof", "evident/state/", "evident/stale/"},
		{"cut", "incomplete container.cut", "without its end", "}\n", "}"},
		{"trailing", "altered container.format", "bytes behind", "}\n", "}\n}\n"},
		{"unknown", "altered container.format", "an unknown member", `,"name"`, `,"more":1,"name"`},
		{"value-empty", "altered container.format", "an empty value that should be absent", `"value":"{\"holder\":\"Bo\",\"status\":\"held\"}"`, `"value":""`},
		{"tlog-index", "altered container.format", "the tlog-proof of another block", `@v1\nindex 20`, `@v1\nindex 21`},
	} {
		m.add("item/"+v.name, v.outcome, v.comment, []byte(m.replace(string(file), v.old, v.new)))
	}
}

func (m *maker) refused() {
	c := m.chain
	signer, key := ledgertest.Author("ada")
	s := c.Statement()
	s.By = []string{key}
	sign := func(s ledger.Statement) *ledger.Record {
		r, err := s.Sign(signer)
		if err != nil {
			m.t.Fatal(err)
		}
		return r
	}
	record := sign(s)
	s.At++
	other := sign(s)
	s.Ledger = "haven.example/1111111111111111"
	foreign := sign(s)
	refuse := func(r *ledger.Record, by note.Signer) []byte {
		text, err := ledger.Refusal{Ledger: c.Origin, Record: r.ID, At: ledgertest.Created + 500, Reason: ledger.Reason{Rule: "C2", En: "the item's status does not allow this action",
			Zh: "该事项的当前状态不允许此操作", Values: map[string]string{"action": "deposit", "status": "withdrawn"}}}.Text()
		if err != nil {
			m.t.Fatal(err)
		}
		msg, err := note.Sign(&note.Note{Text: text}, by)
		if err != nil {
			m.t.Fatal(err)
		}
		return msg
	}
	node := ledgertest.Node(c.Genesis.Members[1].Name)
	plain := RefusedFile{Genesis: c.File, Record: record.Note, Refusal: refuse(record, node)}
	add := func(name, outcome, comment string, p RefusedFile) []byte {
		file, err := p.Encode()
		if err != nil {
			m.t.Fatal(err)
		}
		m.add("refused/"+name, outcome, comment, file)
		return file
	}
	file := add("plain", "valid", "refused by the second member's node", plain)
	for _, v := range []struct {
		name, outcome, comment string
		change                 func(*RefusedFile)
	}{
		{"other-record", "altered refusal.wrong", "the refusal of another record", func(p *RefusedFile) { p.Refusal = refuse(other, node) }},
		{"stranger", "altered refusal.wrong", "signed by nobody's node", func(p *RefusedFile) { p.Refusal = refuse(record, signer) }},
		{"changed", "altered refusal.wrong", "another rule than was signed", func(p *RefusedFile) { p.Refusal = bytes.Replace(p.Refusal, []byte(`"C2"`), []byte(`"C3"`), 1) }},
		{"author", "altered signature.wrong", "an author's signature with one bit changed", func(p *RefusedFile) {
			p.Record = []byte(editLine(string(p.Record), func(b []byte) { b[20] ^= 1 }))
		}},
		{"foreign-record", "altered signature.ledger", "a record of another ledger", func(p *RefusedFile) { p.Record, p.Refusal = foreign.Note, refuse(foreign, node) }},
		{"receipt", "altered refusal.wrong", "a record instead of a refusal", func(p *RefusedFile) { p.Refusal = record.Note }},
		{"refusal-large", "altered container.limit", "a refusal over 8 KiB", func(p *RefusedFile) { p.Refusal = bytes.Repeat([]byte("x"), 8<<10+1) }},
	} {
		p := plain
		v.change(&p)
		add(v.name, v.outcome, v.comment, p)
	}
	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"version", "incomplete container.version", "version 2", "refused/v1", "refused/v2"},
		{"cut", "incomplete container.cut", "without its end", "}\n", "}"},
		{"unknown", "altered container.format", "an unknown member", `,"record"`, `,"more":1,"record"`},
	} {
		m.add("refused/"+v.name, v.outcome, v.comment, []byte(m.replace(string(file), v.old, v.new)))
	}
}
