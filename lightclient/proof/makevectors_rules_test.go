package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	. "evident/lightclient/proof"
)

// keyText returns a verifier key under its right hash, whatever the name and the bytes are.
func keyText(name string, data []byte) string {
	return name + "+" + tlogSum(name, data) + "+" + base64.StdEncoding.EncodeToString(data)
}

// names makes key names, domains and items: what a text may hold must not depend on a version of Unicode.
func (m *maker) names() {
	_, ada := ledgertest.Author("ada")
	_, _, blob := cutKey(ada)
	raw := decode(m.t, blob)
	for _, v := range []struct{ name, outcome, comment, key string }{
		{"unassigned", "ok", "U+0378, which is not assigned, and not in the list", "a\u0378da"},
		{"reserved", "format", "U+2065, which is not assigned, but in the list", "a\u2065da"},
		{"wide-space", "format", "U+3000, a space", "a\u3000da"},
		{"filler", "format", "U+3164, a letter that is not visible", "a\u3164da"},
		{"selector", "format", "U+FE0F, a variation selector", "a\ufe0fda"},
		{"tag", "format", "U+E0041, a tag", "a\U000e0041da"},
		{"bidi", "format", "U+202E, which turns the rest around", "a\u202eda"},
		{"number-sign", "format", "U+0600, a format character that is visible", "a\u0600da"},
	} {
		m.add("key/name-"+v.name, v.outcome, "in the name "+v.comment, []byte(keyText(v.key, raw)))
	}
	text := string(m.chain.File)
	_, _, cosigner := cutKey(m.chain.Genesis.Members[0].Keys[0])
	_, _, cosigner44 := cutKey(m.chain.Genesis.Members[0].Keys[1])
	for _, v := range []struct{ name, outcome, comment, domain string }{
		{"path", "ok", "several segments", "harbour.example/a-b/0"},
		{"64", "ok", "64 bytes", strings.Repeat("h", 64)},
		{"65", "format", "65 bytes", strings.Repeat("h", 65)},
		{"climbs", "format", "a segment of two dots", "harbour.example/.."},
		{"here", "format", "a segment of one dot", "harbour/./example"},
		{"segment", "format", "an empty segment", "harbour//example"},
		{"label", "format", "an empty label", "harbour..example"},
		{"dot-first", "format", "a dot before", ".harbour.example"},
		{"dot-last", "format", "a dot behind", "harbour.example."},
		{"slash-last", "format", "a slash behind", "harbour.example/"},
		{"dash-first", "format", "a label that begins with a dash", "harbour.-example"},
		{"dash-last", "format", "a label that ends with a dash", "harbour-/example"},
	} {
		m.add("genesis/name-"+v.name, v.outcome, "a name: "+v.comment, []byte(m.replace(text, `"name":"harbour.example"`, `"name":"`+v.domain+`"`)))
		m.add("cosigner-keys/name-"+v.name, v.outcome, "a name: "+v.comment,
			[]byte(keyText(v.domain, decode(m.t, cosigner))+"\n"+keyText(v.domain, decode(m.t, cosigner44))))
	}
}

// items makes the rules of a record that join several of its members.
func (m *maker) items() {
	text, err := m.chain.Statement().Text()
	if err != nil {
		m.t.Fatal(err)
	}
	nonce, id := strings.Repeat("0a", 16), strings.Repeat("9f", 32)
	tail := func(item, prev string, seq int) string {
		return fmt.Sprintf(`"item":"%s","ledger":"%s","nonce":"%s","prev":"%s","seq":%d`, item, m.chain.Origin, nonce, prev, seq)
	}
	for _, v := range []struct{ name, outcome, comment, tail string }{
		{"seq-one-item", "ok", "a first record that names its item", tail("04012345678901/lot 7", "", 1)},
		{"seq-one-prev", "format", "a first record with prev", tail("", id, 1)},
		{"seq-two-no-prev", "format", "a second record without prev", tail("9f", "", 2)},
		{"seq-two-no-item", "format", "a second record that does not name its item", tail("", id, 2)},
		{"item-bidi", "ok", "U+202E in the item, which is a free text", tail("a\u202eb", "", 1)},
		{"item-c1", "format", "U+0085 in the item", tail("a\u0085b", "", 1)},
	} {
		m.add("record/"+v.name, v.outcome, v.comment, m.sign(m.replace(text, tail("", "", 1), v.tail)))
	}
	m.add("record/ledger-climbs", "format", "an origin with a segment of two dots",
		m.sign(m.replace(text, "harbour.example/", "harbour/../example/")))

	ada, adaKey := ledgertest.Author("ada")
	_, _, blob := cutKey(adaKey)
	eveKey := keyText("eve", decode(m.t, blob))
	both := m.replace(text, `"`+adaKey+`"`, `"`+adaKey+`","`+eveKey+`"`)
	signature, err := ada.Sign([]byte(both))
	if err != nil {
		m.t.Fatal(err)
	}
	m.add("record/by-two-names", "format", "one key signs under two names", append(m.sign(both), signatureLine(eveKey, signature)...))
}

// signatureLine returns the line of a note under a verifier key.
func signatureLine(vkey string, signature []byte) string {
	name, hash, _ := cutKey(vkey)
	head, err := hex.DecodeString(hash)
	if err != nil {
		panic("test: " + err.Error())
	}
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(head, signature...)) + "\n"
}

// curve makes what verifiers of Ed25519 disagree about. All keys are points of
// a low order, for which anybody can make signatures.
func (m *maker) curve() {
	text, err := m.chain.Statement().Text()
	if err != nil {
		m.t.Fatal(err)
	}
	_, ada := ledgertest.Author("ada")
	zero, order := make([]byte, 32), make([]byte, 32)
	addOrder(order)
	neutral := append([]byte{1}, make([]byte, 31)...)
	minusZero := flip(neutral, 31, 0x80)
	overP := append(append([]byte{0xee}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f) // y = p + 1
	noPoint := append([]byte{2}, make([]byte, 31)...)
	eighth := decodeHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
	for _, v := range []struct {
		name, outcome, comment string
		a, r, s                []byte
	}{
		{"neutral", "ok", "the key is the neutral point", neutral, neutral, zero},
		{"key-over-p", "ok", "the key's y is not reduced: p + 1", overP, neutral, zero},
		{"key-minus-zero", "ok", "the key's x is 0 and its sign is set", minusZero, neutral, zero},
		{"key-no-point", "signature", "the key is no point of the curve", noPoint, neutral, zero},
		{"r-over-p", "signature", "the y of R is not reduced: p + 1", neutral, overP, zero},
		{"r-minus-zero", "signature", "the x of R is 0 and its sign is set", neutral, minusZero, zero},
		{"s-order", "signature", "S is the order of the group, for 0", neutral, neutral, order},
		{"cofactor", "signature", "the equation holds only when multiplied by 8", eighth, neutral, zero},
	} {
		key := keyText("eve", append([]byte{1}, v.a...))
		changed := m.replace(text, ada, key)
		m.add("record/ed25519-"+v.name, v.outcome, v.comment, []byte(changed+"\n"+signatureLine(key, append(bytes.Clone(v.r), v.s...))))
	}
}

func decodeHex(text string) []byte {
	data, err := hex.DecodeString(text)
	if err != nil {
		panic("test: " + err.Error())
	}
	return data
}

// cids makes files by their size alone.
func (m *maker) cids() {
	for _, v := range []struct {
		name, comment string
		size          int64
	}{
		{"0", "an empty file: one empty leaf", 0},
		{"1-mib", "one whole leaf", 1 << 20},
		{"1-mib-1", "two leaves below one node", 1<<20 + 1},
		{"1025-leaves", "the smallest tree of two levels of nodes", 1<<30 + 1},
	} {
		m.add("cid/"+v.name, "ok", v.comment, fmt.Appendf(nil, "bytes %d\n", v.size))
	}
}

// contents makes proofs with a file at hand.
func (m *maker) contents() {
	open := newFixture(m.t, shape{})
	sealed := newFixture(m.t, shape{sealed: true})
	none := newFixture(m.t, shape{withoutEvidence: true})
	record, err := ledger.ParseRecord(open.proof.Record)
	if err != nil {
		m.t.Fatal(err)
	}
	file := record.Evidence[0]
	otherCID := file
	otherCID.CID = ledger.NewCID(ledger.CodecDagPB, sha256.Sum256([]byte("hello"))).String()
	tree := newFixture(m.t, shape{evidence: []ledger.Evidence{otherCID}})
	mixed := newFixture(m.t, shape{evidence: []ledger.Evidence{sealedEvidence(), file, file}})
	hidden := sealed.parse(m.t)
	hidden.Disclosures = nil
	kept, err := hidden.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, v := range []struct {
		name, outcome, comment string
		proof                  []byte
		file                   string
	}{
		{"same", "valid", "the file that the record names", open.file, "hello"},
		{"other", "altered content.differs", "another file", open.file, "hallo"},
		{"none", "altered content.differs", "a file, but the record names none", none.file, "hello"},
		{"cid", "altered content.differs", "SHA-256 and size are right, but the CID is not", tree.file, "hello"},
		{"mixed", "valid", "named twice, beside sealed evidence that is not disclosed", mixed.file, "hello"},
		{"mixed-other", "incomplete", "not the one named, and perhaps the one that is not disclosed", mixed.file, "hallo"},
		{"disclosed", "valid", "the file that is disclosed", sealed.file, "hello"},
		{"disclosed-other", "altered content.differs", "another file than the one disclosed", sealed.file, "hallo"},
		{"undisclosed", "incomplete", "sealed evidence that is not disclosed", kept, "hello"},
	} {
		m.add("proof/content-"+v.name, v.outcome, v.comment, v.proof)
		m.vectors[len(m.vectors)-1].Context["file"] = base64.StdEncoding.EncodeToString([]byte(v.file))
	}
}

// proofLimits makes proofs that are larger than they may be, or cut.
func (m *maker) proofLimits() {
	open := newFixture(m.t, shape{state: true})
	sealed := newFixture(m.t, shape{sealed: true})
	changed := newFixture(m.t, shape{changes: 1})
	hashes := make([]tlog.Hash, 64)
	for _, v := range []struct {
		name, outcome, comment string
		from                   *fixture
		change                 func(*Proof)
	}{
		{"salts-65", "altered container.limit", "65 disclosures", sealed, func(p *Proof) {
			for i := range 64 {
				p.Disclosures = append(p.Disclosures, Disclosure{Index: int64(i) + 1})
			}
		}},
		{"salts-negative", "altered container.format", "a negative index", sealed, func(p *Proof) { p.Disclosures[0].Index = -1 }},
		{"since-64", "altered container.limit", "64 hashes of consistency", open, func(p *Proof) { p.Since = hashes }},
		{"tlog-path-64", "altered container.limit", "64 hashes in the tlog-proof", open, func(p *Proof) { p.Inclusion = hashes }},
		{"state-path-64", "altered container.limit", "64 hashes from the state's header", open, func(p *Proof) { p.State.Inclusion = hashes }},
		{"history-1001", "altered container.limit", "1,001 changes of the members", changed, func(p *Proof) {
			c := p.History[0]
			c.Members, c.Certificate = nil, nil
			p.History = nil
			for range 1001 {
				p.History = append(p.History, c)
			}
		}},
		{"certificate-large", "altered container.limit", "a certificate of over 256 KiB", open, func(p *Proof) {
			p.Certificate = append(p.Certificate, bytes.Repeat([]byte("x"), ledger.MaxCertificateSize)...)
		}},
		{"certificate-text", "altered certificate.format", "a certificate that is no note", open, func(p *Proof) { p.Certificate = []byte("hello\n") }},
		{"members-large", "altered container.limit", "a member set of over 256 KiB", changed, func(p *Proof) {
			p.History[0].Members = bytes.Repeat([]byte("x"), ledger.MaxGenesisSize+1)
		}},
		{"members-text", "altered history.wrong", "a member set that is none", changed, func(p *Proof) { p.History[0].Members = []byte("hello\n") }},
		{"state-large", "altered container.limit", "a state of over 64 KiB", open, func(p *Proof) {
			p.State.Value = []byte(`{"a":"` + strings.Repeat("x", 64<<10) + `"}`)
		}},
		{"state-list", "altered container.format", "a state that is no object", open, func(p *Proof) { p.State.Value = []byte(`[]`) }},
	} {
		p := v.from.parse(m.t)
		v.change(p)
		m.addProof(v.name, v.outcome, v.comment, p)
	}
	long := strings.Repeat("x", MaxSize)
	plain := string(open.file)
	for _, v := range []struct{ name, outcome, comment, text string }{
		{"empty", "incomplete container.cut", "no bytes", ""},
		{"cut-early", "incomplete container.cut", "cut before its version", plain[:20]},
		{"version-short", "incomplete container.version", "of another version, and nothing more", `{"format":"evident/proof/v2}` + "\n"},
		{"foreign-large", "incomplete container.foreign", "no proof, and over 24 MiB", "hello" + long},
		{"cut-large", "incomplete container.cut", "without its end, and over 24 MiB", plain[:len(plain)-2] + long},
		{"state-proof", "altered container.format", "a state proof that is none", m.replace(plain, `","value"`, `AAAA","value"`)},
	} {
		m.add("proof/"+v.name, v.outcome, v.comment, []byte(v.text))
	}
}

// bounds makes numbers and sizes at their ends, and what a note may hold beside what counts.
func (m *maker) bounds() {
	c := m.chain
	set := c.Genesis.Members
	file := string(c.File)
	m.add("genesis/created-huge", "limit", "a time beyond 2^53", []byte(m.replace(file, `"created":1763848800000`, `"created":9007199254740993`)))
	m.add("genesis/created-over", "format", "2^63", []byte(m.replace(file, `"created":1763848800000`, `"created":9223372036854775808`)))
	m.add("genesis/contract-version-huge", "limit", "a version beyond 2^53", []byte(m.replace(file, `"version":1`, `"version":9007199254740993`)))
	header := string(c.Headers[0].Text())
	m.add("header/time-huge", "limit", "a time beyond 2^53", []byte(m.replace(header, "time 1763848800000", "time 9007199254740993")))
	m.add("header/no-records-root", "ok", "the root of no records is checked with the block, not here",
		[]byte(m.replace(header, "records 0 "+c.Headers[0].RecordsRoot.String(), "records 0 "+someTree.Hash.String())))
	checkpoint := string(ledger.FormatCheckpoint(c.Origin, someTree))
	m.add("checkpoint/too-large", "limit", "over 1,024 bytes", []byte(checkpoint+strings.Repeat("x", ledger.MaxHeaderSize)))

	text := checkpoint + "\n"
	line := func(i int, seconds int64) string {
		return ledgertest.CosigningKey(set[i].Name).Cosign(c.Origin, someTree, seconds).Lines
	}
	const now = 1763848810
	two := line(0, now) + line(1, now)
	quorum := two + line(2, now)
	for _, v := range []struct{ name, outcome, comment, msg string }{
		{"time-largest", "ok", "a time of 2^53", text + two + line(2, 1<<53)},
		{"time-over", "signature", "a time of 2^53+1, rightly signed", text + two + line(2, 1<<53+1)},
		{"stranger-spare-bits", "ok", "spare bits in a stranger's base64", text + "— someone.example AAAABBB=\n" + quorum},
		{"stranger-no-padding", "format", "no padding in a stranger's base64", text + "— someone.example AAAABBB\n" + quorum},
		{"stranger-short", "format", "four bytes in a stranger's line", text + "— someone.example AAAABA==\n" + quorum},
		{"behind-short", "format", "four bytes behind the quorum", text + quorum + "— someone.example AAAABA==\n"},
		{"behind-name", "format", "a bad name behind the quorum", text + quorum + "— some\u00a0one AAAABBBB\n"},
	} {
		m.add("certificate/"+v.name, v.outcome, v.comment, []byte(v.msg))
	}

	block := func(size int) []byte {
		full := ledgertest.NewChain(4)
		note := bytes.Repeat([]byte("x"), size)
		return ledger.Block{Header: full.Add(full.Set, note), Notes: [][]byte{note}}.Encode()
	}
	m.add("block/largest", "ok", "4 MiB of records, without their lengths", block(ledger.MaxBlockBytes))
	m.add("block/records-large", "limit", "4 MiB and a byte of records", block(ledger.MaxBlockBytes+1))
	m.add("block/length-beyond", "format", "a length of 5 MiB, beyond the end", append(ledger.AppendFrame(nil, c.Headers[0].Text()), 0x80, 0x80, 0xc0, 0x02, 'x'))
}
