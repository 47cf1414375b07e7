package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/merkle"
	. "evident/lightclient/proof"
)

func sha256Sum(b []byte) [32]byte { return sha256.Sum256(b) }
func hexText(b []byte) string     { return hex.EncodeToString(b) }

func (m *maker) headers() {
	block0 := m.chain.Headers[0]
	m.add("header/genesis", "ok", "block 0: the parent is the fingerprint", block0.Text())
	h := block0
	h.Height, h.Parent, h.Time, h.Records, h.RecordsRoot = 42, block0.Hash(), h.Time+30000, 513, tlog.RecordHash([]byte("records"))
	text := string(h.Text())
	m.add("header/plain", "ok", "a block of 513 records", []byte(text))
	root := h.RecordsRoot.String()
	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"version", "format", "version 2", "block/v1", "block/v2"},
		{"line-missing", "format", "no line for the state", "state " + h.State.String() + "\n", ""},
		{"line-order", "format", "lines in another order", "height 42\n", ""},
		{"line-more", "format", "a line behind", "\nnext ", "\nmore x\nnext "},
		{"empty-line", "format", "an empty line behind", "\nnext " + h.Next.String() + "\n", "\nnext " + h.Next.String() + "\n\n"},
		{"no-newline", "format", "no line feed at the end", "\nnext " + h.Next.String() + "\n", "\nnext " + h.Next.String()},
		{"crlf", "format", "a line ends in CR LF", "height 42\n", "height 42\r\n"},
		{"tab", "format", "a tab for the space", "height 42", "height\t42"},
		{"space", "format", "two spaces", "records 513 ", "records 513  "},
		{"leading-zero", "format", "a leading zero", "height 42", "height 042"},
		{"plus", "format", "a plus", "height 42", "height +42"},
		{"negative", "format", "a negative height", "height 42", "height -42"},
		{"negative-records", "format", "a negative number of records", "records 513", "records -1"},
		{"hex", "format", "a hexadecimal number", "height 42", "height 0x2a"},
		{"spare-bits", "format", "spare bits in the base64", root, root[:42] + string(root[42]+1) + "="},
		{"short-hash", "format", "a hash of 31 bytes", root, base64.StdEncoding.EncodeToString(h.RecordsRoot[:31])},
		{"cr-hash", "format", "a carriage return inside a hash", root, root[:20] + "\r" + root[20:]},
		{"ledger", "format", "an origin in capitals", "harbour.example", "Harbour.example"},
		{"height-huge", "limit", "height 2^53", "height 42", "height 9007199254740992"},
		{"height-over", "format", "height 2^64", "height 42", "height 18446744073709551616"},
		{"records-huge", "limit", "2^63-1 records, which loops in naive tree code", "records 513", "records 9223372036854775807"},
		{"records-10001", "limit", "10,001 records", "records 513", "records 10001"},
		{"too-large", "limit", "over 1,024 bytes", "harbour.example", strings.Repeat("h", 1024)},
	} {
		changed := m.replace(text, v.old, v.new)
		if v.name == "line-order" {
			changed = m.replace(changed, "parent "+h.Parent.String()+"\n", "parent "+h.Parent.String()+"\nheight 42\n")
		}
		m.add("header/"+v.name, v.outcome, v.comment, []byte(changed))
	}
}

func (m *maker) checkpoints() {
	text := string(ledger.FormatCheckpoint(m.chain.Origin, someTree))
	m.add("checkpoint/plain", "ok", "origin, size and root", []byte(text))
	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"ledger", "other ledger", "another origin", "harbour", "haven"},
		{"size-zero", "format", "size 0", "\n43\n", "\n0\n"},
		{"size-leading-zero", "format", "a leading zero", "\n43\n", "\n043\n"},
		{"size-huge", "limit", "size 2^63-1, which loops in naive tree code", "\n43\n", "\n9223372036854775807\n"},
		{"extension", "format", "an extension line", "=\n", "=\nmore\n"},
		{"no-newline", "format", "no line feed at the end", "=\n", "="},
		{"root-cr", "format", "a carriage return behind the root", "=\n", "=\r\n"},
		{"root-spare-bits", "format", "spare bits in the base64", someTree.Hash.String(), someTree.Hash.String()[:42] + string(someTree.Hash.String()[42]+1) + "="},
	} {
		m.add("checkpoint/"+v.name, v.outcome, v.comment, []byte(m.replace(text, v.old, v.new)))
	}
}

func (m *maker) certificates() {
	c := m.chain
	set := c.Genesis.Members
	text := string(ledger.FormatCheckpoint(c.Origin, someTree)) + "\n"
	lines := func(i int, seconds int64) string { return c.Cosign(set[i], someTree, seconds).Lines }
	line := func(i int) string { return lines(i, 1763848810+int64(i)) }
	first := func(i int) string { return strings.SplitAfter(line(i), "\n")[0] }
	second := func(i int) string { return strings.SplitAfter(line(i), "\n")[1] }
	quorum, two := line(0)+line(1)+line(2), line(0)+line(1)
	bit := func(b []byte) { b[40] ^= 1 }
	former := ledgertest.Members(5)[4]
	for _, v := range []struct{ name, outcome, comment, msg string }{
		{"quorum", "ok", "three of four members", text + quorum},
		{"all", "ok", "four of four; the time is of the first three", text + quorum + line(3)},
		{"order", "ok", "members in any order", text + line(3) + line(0) + line(2)},
		{"kinds-apart", "ok", "all lines of Ed25519 before those of ML-DSA-44", text + first(0) + first(1) + first(2) + second(2) + second(1) + second(0)},
		{"stranger", "ok", "lines of others are ignored", text + "— someone.example AAAABBBB\n" + quorum},
		{"old-key", "ok", "a line by an unknown key of a member is ignored", text + "— " + set[3].Name + " AAAABBBB\n" + quorum},
		{"behind-quorum", "ok", "a wrong line behind the quorum is ignored", text + quorum + editLine(first(3), bit) + second(3)},
		{"half", "ok", "a member with one kind is not counted, and its line not verified", text + editLine(first(3), bit) + quorum},
		{"one-short", "below quorum", "two of four", text + two},
		{"twice", "below quorum", "a member twice", text + two + line(1)},
		{"twice-two-times", "below quorum", "a member twice, with two times", text + two + lines(1, 5)},
		{"ed25519-only", "below quorum", "no line of ML-DSA-44", text + first(0) + first(1) + first(2) + first(3)},
		{"mldsa44-only", "below quorum", "no line of Ed25519", text + second(0) + second(1) + second(2) + second(3)},
		{"mldsa44-one-short", "below quorum", "three of Ed25519, two of ML-DSA-44", text + two + first(2)},
		{"quorums-of-others", "below quorum", "three of each kind, but both of two members only", text + two + first(2) + second(3)},
		{"former-member", "below quorum", "the third is of a member who is not in the set", text + two + ledgertest.CosigningKey(former.Name).Cosign(c.Origin, someTree, 1763848812).Lines},
		{"note-signature", "below quorum", "a member's plain note signature is no cosignature", text + two + m.noteLine(set[2], text) + second(2)},
		{"key-type", "below quorum", "an ML-DSA-44 line whose key hash is of algorithm 4", text + two + first(2) + m.mistyped(set[2], second(2))},
		{"wrong-bit", "signature", "a member's Ed25519 line with one bit changed", text + two + editLine(first(2), bit) + second(2)},
		{"wrong-bit-mldsa44", "signature", "a member's ML-DSA-44 line with one bit changed", text + two + first(2) + editLine(second(2), bit)},
		{"wrong-time", "signature", "another time than was signed, in both lines", text + two + editBoth(line(2), func(b []byte) { b[11]++ })},
		{"two-times", "format", "a member's lines of two times, rightly signed", text + two + first(2) + strings.SplitAfter(lines(2, 1763848813), "\n")[1]},
		{"huge-time", "signature", "a time beyond 2^53", text + two + editBoth(line(2), func(b []byte) { b[4] = 0x80 })},
		{"malleable", "signature", "S + L", text + two + editLine(first(2), func(b []byte) { addOrder(b[44:]) }) + second(2)},
		{"mldsa44-hint", "signature", "a byte behind the hints of ML-DSA-44 that is not zero", text + two + first(2) + editLine(second(2), func(b []byte) { b[12+2420-84+int(b[12+2419])] = 1 })},
		{"mldsa44-context", "signature", "ML-DSA-44 with a context", text + two + first(2) + m.sign44(set[2], func(s *subtree) { s.context = "evident" })},
		{"mldsa44-name", "signature", "ML-DSA-44 over another cosigner's name", text + two + first(2) + m.sign44(set[2], func(s *subtree) { s.name = set[1].Name })},
		{"mldsa44-origin", "signature", "ML-DSA-44 over another origin", text + two + first(2) + m.sign44(set[2], func(s *subtree) { s.origin = "haven.example" })},
		{"mldsa44-start", "signature", "ML-DSA-44 over a subtree that begins at 1", text + two + first(2) + m.sign44(set[2], func(s *subtree) { s.start = 1 })},
		{"mldsa44-label", "signature", "ML-DSA-44 over another label", text + two + first(2) + m.sign44(set[2], func(s *subtree) { s.label = "subtree/v2\n\x00" })},
		{"mldsa44-again", "ok", "ML-DSA-44 over the message as the specification has it", text + two + first(2) + m.sign44(set[2], func(*subtree) {})},
		{"wrong-then-quorum", "signature", "a wrong line refuses the whole, also before a quorum", text + editLine(first(2), bit) + second(2) + line(0) + line(1) + line(3)},
		{"wrong-mldsa44-then-quorum", "signature", "the same of ML-DSA-44", text + first(2) + editLine(second(2), bit) + line(0) + line(1) + line(3)},
		{"other-size", "signature", "cosignatures of another checkpoint", strings.Replace(text, "\n43\n", "\n44\n", 1) + quorum},
		{"other-ledger", "other ledger", "another origin", strings.Replace(text, "harbour", "haven", 1) + quorum},
		{"short-line", "format", "an Ed25519 signature that is too short", text + two + m.shorten(first(2)) + second(2)},
		{"short-line-mldsa44", "format", "an ML-DSA-44 signature that is too short", text + two + first(2) + m.shorten(second(2))},
		{"kinds-swapped", "format", "each of a member's signatures under the key hash of the other", text + two + m.swap(first(2), second(2))},
		{"spare-bits", "format", "spare bits in a member's base64", text + two + first(2) + m.spare(second(2))},
		{"line-cr", "format", "a carriage return in a stranger's line", text + "— someone.example AAAA\rBBBB\n" + quorum},
		{"line-name-space", "format", "a name with a no-break space", text + "— some\u00a0one AAAABBBB\n" + quorum},
		{"line-no-name", "format", "a line without a name", text + "—  AAAABBBB\n" + quorum},
		{"line-none", "format", "no line", text},
		{"line-text", "format", "a line that is no signature", text + "hello\n" + quorum},
		{"two-blocks", "format", "two empty lines", text + "\n" + quorum},
		{"no-newline", "format", "no line feed at the end", strings.TrimSuffix(text+quorum, "\n")},
		{"crlf", "format", "lines that end in CR LF", strings.ReplaceAll(text+quorum, "\n", "\r\n")},
		{"extension", "format", "an extension line", strings.TrimSuffix(text, "\n") + "more\n\n" + quorum},
		{"lines-100", "ok", "100 lines", text + strings.Repeat("— someone.example AAAABBBB\n", 94) + quorum},
		{"lines-101", "limit", "101 lines", text + strings.Repeat("— someone.example AAAABBBB\n", 95) + quorum},
		{"too-large", "limit", "over 256 KiB", text + "— someone.example " + strings.Repeat("AAAA", 64<<10) + "\n" + quorum},
	} {
		m.add("certificate/"+v.name, v.outcome, v.comment, []byte(v.msg))
	}
}

// rename puts the key of one name under another.
func (m *maker) rename(vkey, name string) string {
	_, _, blob := cutKey(vkey)
	return keyText(name, decode(m.t, blob))
}

// noteLine is a member's Ed25519 key, used as an author's.
func (m *maker) noteLine(member ledger.Member, text string) string {
	seed, _ := ledgertest.CosignerSeeds(member.Name)
	private := ed25519.NewKeyFromSeed(seed)
	vkey, err := note.NewEd25519VerifierKey(member.Name, private.Public().(ed25519.PublicKey))
	if err != nil {
		m.t.Fatal(err)
	}
	return signatureLine(vkey, ed25519.Sign(private, []byte(strings.TrimSuffix(text, "\n"))))
}

// mistyped puts an ML-DSA-44 line under the hash of its key as one of algorithm 4.
func (m *maker) mistyped(member ledger.Member, line string) string {
	_, _, blob := cutKey(member.Keys[1])
	vkey := keyText(member.Name, append([]byte{4}, decode(m.t, blob)[1:]...))
	var signed []byte
	editLine(line, func(b []byte) { signed = bytes.Clone(b[4:]) })
	return signatureLine(vkey, signed)
}

// swap exchanges the key hashes of two lines.
func (m *maker) swap(first, second string) string {
	var hashes [2][4]byte
	for i, line := range []string{first, second} {
		editLine(line, func(b []byte) { copy(hashes[i][:], b) })
	}
	return editLine(first, func(b []byte) { copy(b, hashes[1][:]) }) + editLine(second, func(b []byte) { copy(b, hashes[0][:]) })
}

// subtree is what an ML-DSA-44 cosignature signs, written from the specification.
type subtree struct {
	label, name, origin, context string
	start                        uint64
}

// sign44 makes a member's ML-DSA-44 line over a message that is wrong in one way.
func (m *maker) sign44(member ledger.Member, change func(*subtree)) string {
	const seconds = 1763848812
	s := subtree{label: "subtree/v1\n\x00", name: member.Name, origin: m.chain.Origin}
	change(&s)
	_, seed := ledgertest.CosignerSeeds(member.Name)
	private, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
	if err != nil {
		m.t.Fatal(err)
	}
	message := append([]byte(s.label), byte(len(s.name)))
	message = binary.BigEndian.AppendUint64(append(message, s.name...), seconds)
	message = append(append(message, byte(len(s.origin))), s.origin...)
	message = binary.BigEndian.AppendUint64(message, s.start)
	message = binary.BigEndian.AppendUint64(message, uint64(someTree.N))
	message = append(message, someTree.Hash[:]...)
	signature, err := private.SignDeterministic(message, &mldsa.Options{Context: s.context})
	if err != nil {
		m.t.Fatal(err)
	}
	return signatureLine(member.Keys[1], append(binary.BigEndian.AppendUint64(nil, seconds), signature...))
}

// editBoth changes the bytes of both of a member's lines.
func editBoth(lines string, edit func([]byte)) string {
	both := strings.SplitAfter(lines, "\n")
	return editLine(both[0], edit) + editLine(both[1], edit)
}

// editLine changes the bytes of the signature line at the end of a text.
func editLine(text string, edit func([]byte)) string {
	head, b64 := text[:strings.LastIndexByte(text, ' ')+1], text[strings.LastIndexByte(text, ' ')+1:]
	data, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		panic("test: " + err.Error())
	}
	edit(data)
	return head + base64.StdEncoding.EncodeToString(data) + "\n"
}

func (m *maker) shorten(line string) string {
	i := strings.LastIndexByte(line, ' ')
	return line[:i+1] + line[i+1:i+1+96] + "\n" // 72 bytes
}

// spare sets a spare bit in the last signature: its last character but the padding.
func (m *maker) spare(line string) string {
	i := len(strings.TrimRight(line, "=\n")) - 1
	return line[:i] + string(line[i]+1) + line[i+1:]
}

func (m *maker) members() {
	set := ledgertest.Members(4)
	m.add("members/four", "ok", "four members: quorum 3, one may do anything", set.Text())
	m.add("members/seven", "ok", "seven members: quorum 5, two may do anything", ledgertest.Members(7).Text())
	m.add("members/one", "ok", "one member", ledgertest.Members(1).Text())
	m.add("members/64", "ok", "64 members", ledgertest.Members(64).Text())
	m.add("members/65", "format", "65 members", ledgertest.Members(65).Text())
	m.add("members/none", "format", "no member", ledger.MemberSet{}.Text())
	for _, v := range []struct {
		name, comment string
		change        func(ledger.MemberSet)
	}{
		{"order", "not sorted by name", func(s ledger.MemberSet) { s[0], s[1] = s[1], s[0] }},
		{"twice", "a member stands twice", func(s ledger.MemberSet) { s[1] = s[0] }},
		{"key-twice", "a key serves two members", func(s ledger.MemberSet) {
			s[1].Keys[0] = m.rename(s[0].Keys[0], s[1].Name)
		}},
		{"key-mldsa44-twice", "an ML-DSA-44 key serves two members", func(s ledger.MemberSet) {
			s[1].Keys[1] = m.rename(s[0].Keys[1], s[1].Name)
		}},
		{"key-both-uses", "a key that cosigns and names the node", func(s ledger.MemberSet) {
			_, _, blob := cutKey(s[0].Keys[0])
			s[0].Node, _ = note.NewEd25519VerifierKey(s[0].Name, decode(m.t, blob)[1:])
		}},
		{"key-algorithm", "an author's key as cosigner", func(s ledger.MemberSet) { s[0].Keys[0] = s[0].Node }},
		{"key-none", "no cosigner key", func(s ledger.MemberSet) { s[0].Keys = []string{} }},
		{"key-one", "no ML-DSA-44 key", func(s ledger.MemberSet) { s[0].Keys = s[0].Keys[:1] }},
		{"key-three", "three cosigner keys", func(s ledger.MemberSet) { s[0].Keys = append(s[0].Keys, s[0].Keys[1]) }},
		{"key-swapped", "ML-DSA-44 before Ed25519", func(s ledger.MemberSet) { slices.Reverse(s[0].Keys) }},
		{"key-name", "cosigner keys of another name", func(s ledger.MemberSet) { s[0].Keys = s[1].Keys }},
		{"node-name", "a node key of another name", func(s ledger.MemberSet) { s[0].Node = s[1].Node }},
		{"name", "a name in capitals", func(s ledger.MemberSet) { s[0].Name = "Member01" }},
		{"organisation", "no organisation", func(s ledger.MemberSet) { s[0].Organisation = "" }},
		{"control", "a control character in a text", func(s ledger.MemberSet) { s[0].Registry = "a\x1b[2J" }},
		{"addresses-null", "null for a list", func(s ledger.MemberSet) { s[0].Addresses = nil }},
		{"addresses-17", "17 addresses", func(s ledger.MemberSet) { s[0].Addresses = make([]string, 17) }},
		{"text-257", "a text of 257 bytes", func(s ledger.MemberSet) { s[0].Organisation = strings.Repeat("o", 257) }},
	} {
		set := ledgertest.Members(4)
		v.change(set)
		m.add("members/"+v.name, "format", v.comment, set.Text())
	}
	text := string(set.Text())
	m.add("members/unknown", "format", "an unknown member", []byte(strings.Replace(text, `,"node":`, `,"nickname":"","node":`, 1)))
	m.add("members/purpose", "format", "version 2", []byte(m.replace(text, "members/v1", "members/v2")))
	m.add("members/too-large", "limit", "over 256 KiB", []byte(m.replace(text, "HRB 00001", strings.Repeat("1", ledger.MaxGenesisSize))))
}

func (m *maker) genesis() {
	text := string(m.chain.File)
	m.add("genesis/plain", "ok", "the ledger of all vectors", []byte(text))
	contract := text[strings.Index(text, `{"digest"`):strings.Index(text, `],"created"`)]
	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"no-newline", "format", "no line feed at the end", "\"}\n", `"}`},
		{"two-newlines", "format", "two line feeds at the end", "\"}\n", "\"}\n\n"},
		{"version", "format", "version 2", "genesis/v1", "genesis/v2"},
		{"unknown", "format", "an unknown member", `"limits":`, `"limit":1,"limits":`},
		{"space", "format", "white space", `"created":`, `"created": `},
		{"created", "format", "no time", `"created":1763848800000`, `"created":0`},
		{"name", "format", "a name in capitals", `"name":"harbour.example"`, `"name":"Harbour.example"`},
		{"block-bytes", "format", "blocks smaller than a record", `"block_bytes":524288`, `"block_bytes":1`},
		{"block-bytes-huge", "limit", "blocks of 4 MiB and a byte", `"block_bytes":524288`, `"block_bytes":4194305`},
		{"block-records", "limit", "blocks of 10,001 records", `"block_records":1000`, `"block_records":10001`},
		{"copies", "format", "no copy of a file", `"copies":3`, `"copies":0`},
		{"copies-members", "format", "five copies by four members", `"copies":3`, `"copies":5`},
		{"contracts-null", "format", "null for a list", `[` + contract + `]`, `null`},
		{"contracts-twice", "format", "a contract stands twice", contract, contract + "," + contract},
		{"contract-version", "format", "a contract of version 0", `"version":1`, `"version":0`},
		{"too-large", "limit", "over 256 KiB", "HRB 00001", strings.Repeat("1", ledger.MaxGenesisSize)},
	} {
		m.add("genesis/"+v.name, v.outcome, v.comment, []byte(m.replace(text, v.old, v.new)))
	}
}

func (m *maker) blocks() {
	empty := m.chain.Headers[0]
	notes := [][]byte{[]byte("first\n"), []byte("second\n"), []byte("third\n")}
	full := ledgertest.NewChain(4)
	block := ledger.Block{Header: full.Add(full.Set, notes...), Notes: notes}
	encoded := block.Encode()
	one := ledger.AppendFrame(nil, empty.Text())
	m.add("block/empty", "ok", "no record", ledger.Block{Header: empty}.Encode())
	m.add("block/three", "ok", "three records, whose form is not checked here", encoded)
	m.add("block/order", "proof", "records in another order", ledger.Block{Header: block.Header, Notes: [][]byte{notes[1], notes[0], notes[2]}}.Encode())
	m.add("block/missing", "proof", "a record less", ledger.Block{Header: block.Header, Notes: notes[:2]}.Encode())
	m.add("block/more", "proof", "a record more", ledger.Block{Header: block.Header, Notes: append(notes[:3:3], nil)}.Encode())
	m.add("block/nothing", "format", "no header", nil)
	m.add("block/header", "format", "no header in the first frame", ledger.AppendFrame(nil, []byte("hello\n")))
	m.add("block/cut", "format", "ends too early", encoded[:len(encoded)-1])
	m.add("block/trailing", "format", "a byte behind", append(bytes.Clone(encoded), 5))
	m.add("block/length-padded", "format", "a length with a needless byte", append(bytes.Clone(one), 0x81, 0x00, 'x'))
	m.add("block/length-huge", "format", "a length of 2^63", append(bytes.Clone(one), 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01))
	m.add("block/length-overflow", "format", "a length over 64 bits", append(bytes.Clone(one), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))
	m.add("block/frames-10002", "limit", "10,001 records", append(bytes.Clone(one), make([]byte, 10_001)...))
	m.add("block/too-large", "limit", "over the size of a block", append(bytes.Clone(one), bytes.Repeat([]byte("x"), ledger.MaxBlockBytes+100<<10)...))
}

func (m *maker) states() {
	c := ledgertest.NewChain(4)
	values := map[string][]byte{}
	for i := range 20 {
		name := fmt.Sprintf("item %d", i)
		values[name] = fmt.Appendf(nil, `{"seq":%d}`, i+1)
		c.SetState("notes", name, values[name])
	}
	root := c.Add(c.Set).State
	add := func(vector, outcome, comment, name string, value []byte, data []byte) {
		m.add("state/"+vector, outcome, comment, data)
		v := &m.vectors[len(m.vectors)-1]
		v.Context = map[string]string{"root": root.String(), "space": "notes", "name": name}
		if value != nil {
			v.Context["value"] = tlog.Hash(sha256.Sum256(value)).String()
		}
	}
	prove := func(name string) merkle.Proof { return c.ProveState(merkle.Key("notes", name)) }
	present := prove("item 0").Encode()
	other, free := m.absent(c)
	add("present", "ok", "an item of twenty", "item 0", values["item 0"], present)
	add("absent-other", "ok", "another leaf stands at the place", other, nil, prove(other).Encode())
	add("absent-free", "ok", "nothing stands at the place", free, nil, prove(free).Encode())
	add("value", "proof", "another value", "item 0", []byte(`{"seq":2}`), present)
	add("name", "proof", "another item's proof", "item 1", values["item 1"], present)
	add("present-as-absent", "proof", "an item that is there is said to be absent", "item 0", nil, present)
	add("present-with-other", "proof", "another leaf at the place of a present item", "item 0", values["item 0"], prove(other).Encode())
	self := merkle.Proof{Siblings: prove("item 0").Siblings, Other: &merkle.Leaf{Key: merkle.Key("notes", "item 0"), Value: sha256.Sum256(values["item 0"])}}
	add("absent-itself", "proof", "the item's own leaf as the other one", "item 0", nil, self.Encode())
	add("absent-elsewhere", "proof", "a leaf that does not belong at the place", free, nil, prove(other).Encode())
	add("sibling", "proof", "a changed sibling", "item 0", values["item 0"], flip(present, len(present)-1))
	cut := prove("item 0")
	cut.Siblings = cut.Siblings[1:]
	add("sibling-missing", "proof", "a sibling less", "item 0", values["item 0"], cut.Encode())
	empty := prove("item 0")
	empty.Siblings = append(empty.Siblings, merkle.Empty)
	add("sibling-last-empty", "format", "the last sibling is empty", "item 0", values["item 0"], empty.Encode())
	zero := bytes.Clone(present)
	clear(zero[4:36])
	add("sibling-zero", "format", "an empty sibling written as 32 zero bytes", "item 0", values["item 0"], zero)
	add("nothing", "format", "no bytes", "item 0", values["item 0"], nil)
	add("trailing", "format", "a byte behind", "item 0", values["item 0"], append(bytes.Clone(present), 0))
	add("cut", "format", "ends too early", "item 0", values["item 0"], present[:len(present)-1])
	add("first-byte", "format", "a first byte of 2", "item 0", values["item 0"], flip(flip(present, 0), 0, 2))
	add("depth-257", "format", "257 siblings", "item 0", values["item 0"], append([]byte{0, 1, 1}, make([]byte, 33)...))
	add("mask", "format", "a bit behind the mask", "item 0", values["item 0"], flip(present, 3))
}

// absent finds a name whose place another leaf takes, and one whose place is free.
func (m *maker) absent(c *ledgertest.Chain) (other, free string) {
	for i := range 1000 {
		name := fmt.Sprintf("nothing %d", i)
		if c.ProveState(merkle.Key("notes", name)).Other != nil {
			other = name
		} else {
			free = name
		}
	}
	if other == "" || free == "" {
		m.t.Fatalf("other %q, free %q", other, free)
	}
	return other, free
}

// flip changes the lowest bit of a byte, or the bits of a mask.
func flip(data []byte, at int, mask ...byte) []byte {
	out := bytes.Clone(data)
	if len(mask) == 0 {
		mask = []byte{1}
	}
	out[at] ^= mask[0]
	return out
}

func (m *maker) proofs() {
	plain := newFixture(m.t, shape{})
	full := newFixture(m.t, shape{before: 9, after: 30, beside: 12, since: true, state: true})
	changed := newFixture(m.t, shape{before: 2, after: 2, beside: 2, changes: 2, since: true, state: true})
	m.add("proof/plain", "valid", "one record alone in its block, the newest one", plain.file)
	m.add("proof/full", "valid", "in the middle of 41 blocks, with consistency and state", full.file)
	m.add("proof/history", "valid", "over two changes of the members", changed.file)
	sealed := newFixture(m.t, shape{sealed: true})
	m.add("proof/sealed", "valid", "the digest of a sealed file is disclosed", sealed.file)
	p := sealed.parse(m.t)
	p.Disclosures = nil
	m.addProof("sealed-undisclosed", "valid", "the digest of a sealed file is kept back", p)
	for _, v := range []struct {
		name    string
		comment string
		change  func(d *Disclosure)
	}{
		{"salt", "another salt", func(d *Disclosure) { d.Salt[0] ^= 1 }},
		{"digest", "another digest", func(d *Disclosure) { d.SHA256[0] ^= 1 }},
		{"index", "a file that the record does not name", func(d *Disclosure) { d.Index = 1 }},
	} {
		p := sealed.parse(m.t)
		v.change(&p.Disclosures[0])
		m.addProof("salts-"+v.name, "altered disclosure.wrong", v.comment, p)
	}
	p = full.parse(m.t)
	p.Disclosures = sealed.proof.Disclosures
	m.addProof("salts-open", "altered disclosure.wrong", "a salt for a file that is not sealed", p)
	p = sealed.parse(m.t)
	p.Disclosures = append(p.Disclosures, p.Disclosures[0])
	m.addProof("salts-twice", "altered container.format", "a file twice", p)

	for _, v := range []struct {
		name, outcome, comment string
		change                 func(*Proof)
	}{
		{"index", "altered inclusion.wrong", "another index", func(p *Proof) { p.Index = 1 }},
		{"path-empty", "altered inclusion.wrong", "an empty path in a block of 13", func(p *Proof) { p.Path = nil }},
		{"path-long", "altered inclusion.wrong", "a hash too many", func(p *Proof) { p.Path = append(p.Path, tlog.Hash{}) }},
		{"record", "altered inclusion.wrong", "another record", func(p *Proof) { p.Record = plain.proof.Record }},
		{"record-signature", "altered signature.wrong", "a signature with one bit changed", func(p *Proof) {
			p.Record = []byte(editLine(string(p.Record), func(b []byte) { b[20] ^= 1 }))
		}},
		{"header", "altered certificate.proof", "a header outside the log", func(p *Proof) { p.Header.Time++ }},
		{"inclusion", "altered certificate.proof", "a wrong path in the log", func(p *Proof) { p.Inclusion[0][0] ^= 1 }},
		{"quorum", "altered certificate.quorum", "a cosigner less", func(p *Proof) { p.Certificate = dropLine(dropLine(p.Certificate)) }},
		{"quorum-mldsa44", "altered certificate.quorum", "the last cosigner's ML-DSA-44 line less", func(p *Proof) { p.Certificate = dropLine(p.Certificate) }},
		{"quorum-ed25519-only", "altered certificate.quorum", "no ML-DSA-44 line", func(p *Proof) { p.Certificate = pickLines(p.Certificate, 0, 2, 4) }},
		{"cosigner-twice", "altered certificate.quorum", "a line twice, and one less", func(p *Proof) { p.Certificate = repeatLine(dropLine(p.Certificate)) }},
		{"cosignature-more", "altered certificate.format", "more lines than a quorum", func(p *Proof) { p.Certificate = repeatLine(p.Certificate) }},
		{"cosignature-apart", "altered certificate.format", "the lines of Ed25519 before those of ML-DSA-44", func(p *Proof) { p.Certificate = pickLines(p.Certificate, 0, 2, 4, 1, 3, 5) }},
		{"cosignature-swapped", "altered certificate.format", "a cosigner's ML-DSA-44 line before its Ed25519 line", func(p *Proof) { p.Certificate = pickLines(p.Certificate, 1, 0, 2, 3, 4, 5) }},
		{"mldsa44-wrong", "altered certificate.signature", "a bit of an ML-DSA-44 signature", func(p *Proof) {
			p.Certificate = []byte(editLine(string(p.Certificate), func(b []byte) { b[1000] ^= 1 }))
		}},
		{"since", "altered consistency.wrong", "a wrong consistency path", func(p *Proof) { p.Since[0][0] ^= 1 }},
		{"state-value", "altered state.wrong", "another value", func(p *Proof) { p.State.Value = []byte(`{"seq":2}`) }},
		{"state-older", "altered state.wrong", "a state before the record", func(p *Proof) {
			p.State.Header, p.State.Inclusion = full.Headers[1], full.Prove(1, full.Tree().N)
		}},
		{"genesis", "altered signature.ledger", "another genesis", func(p *Proof) {
			p.Genesis = bytes.Replace(p.Genesis, []byte("HRB 00001"), []byte("HRB 00009"), 1)
		}},
	} {
		p := full.parse(m.t)
		v.change(p)
		m.addProof(v.name, v.outcome, v.comment, p)
	}
	p = changed.parse(m.t)
	p.History = p.History[:1]
	m.addProof("history-cut", "altered certificate.format", "the last change is missing: the certificate has more lines than the set before needs", p)
	p.History = changed.proof.History[1:]
	m.addProof("history-gap", "altered history.wrong", "the first change is missing", p)

	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"version", "incomplete container.version", "version 2", "proof/v1", "proof/v2"},
		{"foreign", "incomplete container.foreign", "no proof", `{"format"`, `{"formal"`},
		{"cut", "incomplete container.cut", "without its end", "}\n", "}"},
		{"trailing", "altered container.format", "bytes behind", "}\n", "}\n}\n"},
		{"unknown", "altered container.format", "an unknown member", `,"index"`, `,"indeed":1,"index"`},
		{"index-float", "altered container.format", "a float", `"index":0`, `"index":0.0`},
		{"index-negative", "altered inclusion.wrong", "a negative index", `"index":0`, `"index":-1`},
		{"salts-empty", "altered container.format", "an empty list that should be absent", "}\n", `,"salts":[]}` + "\n"},
		{"since-empty", "altered container.format", "an empty list that should be absent", "}\n", `,"since":[]}` + "\n"},
		{"path-64", "altered container.limit", "64 hashes", `"path":[]`, `"path":[` + strings.TrimSuffix(strings.Repeat(`"`+tlog.Hash{}.String()+`",`, 64), ",") + `]`},
		{"tlog-index", "altered container.format", "the tlog-proof of another block", `@v1\nindex 1`, `@v1\nindex 2`},
		{"tlog-extra", "altered container.format", "a tlog-proof with extra data", `@v1\nindex 1`, `@v1\nextra AAAA\nindex 1`},
		{"too-large", "altered container.limit", "over 24 MiB", `"record":"`, `"record":"` + strings.Repeat("x", MaxSize)},
	} {
		m.add("proof/"+v.name, v.outcome, v.comment, []byte(m.replace(string(plain.file), v.old, v.new)))
	}
}

func (m *maker) addProof(name, outcome, comment string, p *Proof) {
	file, err := p.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	m.add("proof/"+name, outcome, comment, file)
}
