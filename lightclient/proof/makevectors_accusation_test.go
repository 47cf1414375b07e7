package proof_test

import (
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	. "evident/lightclient/proof"
)

// forked returns two chains that agree on blocks 0 to 2.
func forked() (ours, theirs *ledgertest.Chain) {
	ours, theirs = ledgertest.NewChain(4), ledgertest.NewChain(4)
	for i := range 7 {
		ours.Add(ours.Set)
		if i < 2 {
			theirs.Add(theirs.Set)
			continue
		}
		theirs.Add(theirs.Set, []byte("another record\n"))
	}
	return ours, theirs
}

// cosigned is a checkpoint of a chain as a member cosigned it, with the header of a height; below 0: without.
func cosigned(c *ledgertest.Chain, m ledger.Member, size int64, height int) Cosigned {
	out := Cosigned{Note: ledger.FormatCosigned(c.Origin, c.At(size), c.Cosign(m, c.At(size), 1763849000+size).Lines)}
	if height >= 0 {
		out.Header, out.Path = &c.Headers[height], c.Prove(ledger.Height(height), size)
	}
	return out
}

func (m *maker) accusations() {
	ours, theirs := forked()
	accused, another := ours.Set[1], ours.Set[2]
	former := ledgertest.Members(5)[4]
	later := newFixture(m.t, shape{changes: 1}).proof.History
	low, high := ours, theirs // by their roots of size 5
	if a, b := ours.At(5).Hash, theirs.At(5).Hash; string(a[:]) > string(b[:]) {
		low, high = theirs, ours
	}
	size := Accusation{Genesis: ours.File, Member: accused.Name, One: cosigned(low, accused, 5, -1), Other: cosigned(high, accused, 5, -1)}
	block := Accusation{Genesis: ours.File, Member: accused.Name, One: cosigned(ours, accused, 4, 3), Other: cosigned(theirs, accused, 7, 3)}
	foreign := ours.Headers[3]
	foreign.Ledger = "haven.example/1111111111111111"
	note := func(edit func(string) string) func(*Accusation) {
		return func(a *Accusation) { a.Other.Note = []byte(edit(string(a.Other.Note))) }
	}
	const wrong, none = "altered cosignatures.wrong", "altered contradiction.wrong"
	for _, v := range []struct {
		name, outcome, comment string
		from                   Accusation
		change                 func(*Accusation)
	}{
		{"size", "valid", "two checkpoints of one size", size, func(*Accusation) {}},
		{"block", "valid", "two checkpoints of two sizes, with two headers of one height", block, func(*Accusation) {}},
		{"first-block", "valid", "the headers differ, and are the newest of the smaller one", block, func(a *Accusation) {
			a.Other = cosigned(theirs, accused, 5, 3)
		}},
		{"history", "valid", "the members have changed since", size, func(a *Accusation) { a.History = later }},
		{"new-member", "valid", "a member who joined later", size, func(a *Accusation) {
			a.History, a.Member = later, former.Name
			a.One, a.Other = cosigned(low, former, 5, -1), cosigned(high, former, 5, -1)
		}},
		{"honest-same", none, "one checkpoint twice", size, func(a *Accusation) { a.Other = a.One }},
		{"honest-same-two-times", none, "one checkpoint, cosigned at two times", size, func(a *Accusation) {
			a.One, a.Other = cosigned(ours, accused, 5, -1), cosigned(ours, accused, 5, -1)
			a.Other.Note = ledger.FormatCosigned(ours.Origin, ours.At(5), ours.Cosign(accused, ours.At(5), 1763849999).Lines)
		}},
		{"honest-later", none, "a later checkpoint of the same history", block, func(a *Accusation) { a.Other = cosigned(ours, accused, 7, 3) }},
		{"honest-heights", none, "headers of two heights of the same history", block, func(a *Accusation) { a.Other = cosigned(ours, accused, 7, 4) }},
		{"honest-before", none, "two histories, shown with a block that they share", block, func(a *Accusation) {
			a.One, a.Other = cosigned(ours, accused, 4, 2), cosigned(theirs, accused, 7, 2)
		}},
		{"order", none, "the larger one first", block, func(a *Accusation) { a.One, a.Other = a.Other, a.One }},
		{"order-root", none, "of one size, the larger root first", size, func(a *Accusation) { a.One, a.Other = a.Other, a.One }},
		{"headers-missing", none, "two sizes and no headers", block, func(a *Accusation) { a.One.Header, a.Other.Header = nil, nil }},
		{"header-missing", none, "two sizes and one header", block, func(a *Accusation) { a.One.Header = nil }},
		{"headers-needless", none, "one size, and headers", size, func(a *Accusation) {
			a.One.Header, a.Other.Header = &ours.Headers[3], &theirs.Headers[3]
		}},
		{"path", none, "a header that is not in its log", block, func(a *Accusation) { a.Other.Path = append(tlog.RecordProof{{1}}, a.Other.Path[1:]...) }},
		{"header-ledger", none, "a header of another ledger", block, func(a *Accusation) { a.One.Header = &foreign }},
		{"stranger", wrong, "somebody who is no member", size, func(a *Accusation) {
			a.Member, a.One, a.Other = former.Name, cosigned(low, former, 5, -1), cosigned(high, former, 5, -1)
		}},
		{"another", wrong, "what another member cosigned", size, func(a *Accusation) {
			a.One, a.Other = cosigned(low, another, 5, -1), cosigned(high, another, 5, -1)
		}},
		{"another-once", wrong, "one of the two is another member's", size, func(a *Accusation) { a.Other = cosigned(high, another, 5, -1) }},
		{"renamed", wrong, "another member's lines under the name of the accused", size, note(func(s string) string {
			return strings.ReplaceAll(string(cosigned(high, another, 5, -1).Note), another.Name, accused.Name)
		})},
		{"ed25519-only", wrong, "without the line of ML-DSA-44", size, note(func(s string) string { return s[:strings.LastIndex(s, "— ")] })},
		{"mldsa44-only", wrong, "without the line of Ed25519", size, note(func(s string) string {
			first := strings.Index(s, "— ")
			return s[:first] + s[strings.LastIndex(s, "— "):]
		})},
		{"mldsa44-wrong", wrong, "a bit of the ML-DSA-44 signature", size, note(func(s string) string { return editLine(s, func(b []byte) { b[500] ^= 1 }) })},
		{"line-more", wrong, "a third line", size, note(func(s string) string { return s + "— someone.example AAAABBBB\n" })},
		{"other-ledger", wrong, "a checkpoint of another ledger", size, note(func(s string) string { return strings.Replace(s, "harbour", "haven", 1) })},
		{"other-root", wrong, "another checkpoint than was signed", size, note(func(s string) string { return strings.Replace(s, "\n5\n", "\n6\n", 1) })},
		{"note-large", "altered container.limit", "a note over 5 KiB", size, note(func(s string) string { return s + strings.Repeat("x", ledger.MaxCosignatureSize) })},
		{"path-64", "altered container.limit", "64 hashes", block, func(a *Accusation) { a.One.Path = make([]tlog.Hash, 64) }},
	} {
		a := v.from
		v.change(&a)
		file, err := a.Encode()
		if err != nil {
			m.t.Fatal(err)
		}
		m.add("accusation/"+v.name, v.outcome, v.comment, file)
	}
	file, err := size.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"version", "incomplete container.version", "version 2", "accusation/v1", "accusation/v2"},
		{"cut", "incomplete container.cut", "without its end", "}}\n", "}}"},
		{"unknown", "altered container.format", "an unknown member", `,"one"`, `,"more":1,"one"`},
		{"member-long", "altered container.limit", "a name of 65 bytes", `"` + accused.Name + `"`, `"` + strings.Repeat("m", 65) + `"`},
	} {
		m.add("accusation/"+v.name, v.outcome, v.comment, []byte(m.replace(string(file), v.old, v.new)))
	}
}
