package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// maker collects vectors. Each one that is refused breaks one rule only: what
// has to be signed is signed after the change.
type maker struct {
	t       testing.TB
	chain   *ledgertest.Chain
	vectors []ledgertest.Vector
}

func makeVectors(t testing.TB) []ledgertest.Vector {
	m := &maker{t: t, chain: ledgertest.NewChain(4)}
	m.json()
	m.keys()
	m.records()
	m.signatureLines()
	m.names()
	m.items()
	m.curve()
	m.headers()
	m.checkpoints()
	m.certificates()
	m.members()
	m.genesis()
	m.receipts()
	m.blocks()
	m.states()
	m.proofs()
	m.bounds()
	m.cids()
	m.contents()
	m.proofLimits()
	m.files()
	m.private()
	m.itemProofs()
	m.refused()
	m.accusations()
	return m.vectors
}

func (m *maker) add(name, outcome, comment string, data []byte) {
	m.vectors = append(m.vectors, ledgertest.Vector{Name: name, Outcome: outcome, Comment: comment, Data: data, Context: map[string]string{}})
}

// replace replaces old in text, where it has to stand exactly once.
func (m *maker) replace(text, old, new string) string {
	m.t.Helper()
	if strings.Count(text, old) != 1 {
		m.t.Fatalf("%q stands %d times in %q", old, strings.Count(text, old), text)
	}
	return strings.Replace(text, old, new, 1)
}

func (m *maker) json() {
	for _, v := range []struct{ name, outcome, comment, text string }{
		{"empty", "ok", "no members", `{}`},
		{"kinds", "ok", "every kind of value", `{"a":[],"b":{},"c":"","d":-1,"e":0,"f":true,"g":false,"h":null}`},
		{"escapes", "ok", "every escape that is canonical", `{"a":"\b\f\n\r\t\"\\\u0000\u000b\u001f"}`},
		{"integers", "ok", "the largest and the smallest number", `{"a":[9223372036854775807,-9223372036854775808]}`},
		{"unicode", "ok", "characters stand as they are, also < > & and U+007F", "{\"港口\":\"<&>\x7f\"}"},
		{"order-bytes", "ok", "names are sorted by the bytes of UTF-8: U+FF5E before U+1F600", "{\"\uff5e\":1,\"\U0001f600\":2}"},
		{"order-escaped", "ok", "escaped names are sorted by what they stand for", `{"\n":1,"a":2}`},
		{"depth-8", "ok", "a value eight levels below the object", `{"a":[[[[[[[1]]]]]]]}`},
		{"depth-9", "limit", "a value nine levels below the object", `{"a":[[[[[[[[1]]]]]]]]}`},
		{"list", "format", "not an object", `[]`},
		{"nothing", "format", "no bytes", ``},
		{"cut", "format", "ends too early", `{"a":1`},
		{"space", "format", "white space", `{"a": 1}`},
		{"newline-behind", "format", "bytes behind the object", "{}\n"},
		{"comma", "format", "a comma too many", `{"a":1,}`},
		{"twice", "format", "a name stands twice", `{"a":1,"a":1}`},
		{"order", "format", "names are not sorted", `{"b":1,"a":1}`},
		{"order-utf16", "format", "names are sorted as RFC 8785 does, by UTF-16", "{\"\U0001f600\":2,\"\uff5e\":1}"},
		{"float", "format", "not an integer", `{"a":1.5}`},
		{"float-whole", "format", "not spelled as an integer", `{"a":1.0}`},
		{"exponent", "format", "an exponent", `{"a":1e3}`},
		{"minus-zero", "format", "minus zero", `{"a":-0}`},
		{"leading-zero", "format", "a leading zero", `{"a":01}`},
		{"plus", "format", "a plus", `{"a":+1}`},
		{"over-64-bits", "format", "2^63", `{"a":9223372036854775808}`},
		{"escape-needless", "format", "an escape where none is needed", `{"a":"\u0061"}`},
		{"escape-slash", "format", "an escaped slash", `{"a":"\/"}`},
		{"escape-upper", "format", "an escape in capitals", `{"a":"\u001F"}`},
		{"escape-long", "format", "a line feed by its long escape", `{"a":"\u000a"}`},
		{"escape-surrogates", "format", "a pair of surrogates", `{"a":"\ud83d\ude00"}`},
		{"escape-surrogate", "format", "half a pair of surrogates", `{"a":"\ud800"}`},
		{"control", "format", "a raw tab", "{\"a\":\"\t\"}"},
		{"utf8-bad", "format", "a byte that is not UTF-8", "{\"a\":\"\xff\"}"},
		{"utf8-surrogate", "format", "a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}"},
		{"utf8-overlong", "format", "an overlong form in UTF-8", "{\"a\":\"\xc0\xaf\"}"},
		{"u-fffd", "format", "U+FFFD", "{\"a\":\"\ufffd\"}"},
		{"u-2028", "format", "U+2028", "{\"a\":\"\u2028\"}"},
		{"u-2029-escaped", "format", "U+2029, escaped", `{"a":"\u2029"}`},
		{"bom", "format", "a byte order mark", "\ufeff{}"},
		{"nan", "format", "NaN", `{"a":NaN}`},
	} {
		m.add("json/"+v.name, v.outcome, v.comment, []byte(v.text))
	}
}

func (m *maker) keys() {
	_, ada := ledgertest.Author("ada")
	cosigner, cosigner44 := m.chain.Genesis.Members[0].Keys[0], m.chain.Genesis.Members[0].Keys[1]
	name, hash, blob := cutKey(ada)
	_, _, data := cutKey(cosigner)
	_, _, data44 := cutKey(cosigner44)
	raw44 := decode(m.t, data44)
	member := m.chain.Genesis.Members[0].Name
	// A hash of the right key under a name or with bytes that are not allowed.
	rehash := func(name string, data []byte) string {
		sum := tlogSum(name, data)
		return name + "+" + sum + "+" + base64.StdEncoding.EncodeToString(data)
	}
	raw := decode(m.t, blob)
	for _, v := range []struct{ name, outcome, comment, text string }{
		{"key/ada", "ok", "an author's key", ada},
		{"key/hash-upper", "format", "the hash in capitals", name + "+" + strings.ToUpper(hash) + "+" + blob},
		{"key/hash-other", "format", "another key's hash", name + "+00000000+" + blob},
		{"key/cosigner", "format", "a cosigner's key, algorithm 4", cosigner},
		{"key/short", "format", "31 bytes", rehash(name, raw[:32])},
		{"key/newline", "format", "a line feed inside the base64", name + "+" + hash + "+" + blob[:20] + "\n" + blob[20:]},
		{"key/no-name", "format", "no name", rehash("", raw)},
		{"key/name-space", "format", "a space in the name", rehash("a da", raw)},
		{"key/name-plus", "format", "a plus in the name", rehash("a+da", raw)},
		{"key/name-invisible", "format", "U+200B in the name, which is not visible", rehash("a\u200bda", raw)},
		{"key/name-control", "format", "U+0085 in the name", rehash("a\u0085da", raw)},
		{"key/name-64", "ok", "a name of 64 bytes", rehash(strings.Repeat("a", 64), raw)},
		{"key/name-65", "format", "a name of 65 bytes", rehash(strings.Repeat("a", 65), raw)},
		{"key/name-chinese", "ok", "a name in Chinese", rehash("艾达", raw)},
		{"cosigner-keys/member01", "ok", "a member's cosigning keys", cosigner + "\n" + cosigner44},
		{"cosigner-keys/author", "format", "an author's key, algorithm 1, as the first", ada + "\n" + cosigner44},
		{"cosigner-keys/name", "format", "a name that is no domain", rehash("Member", decode(m.t, data)) + "\n" + rehash("Member", raw44)},
		{"cosigner-keys/one", "format", "Ed25519 alone", cosigner},
		{"cosigner-keys/mldsa44-alone", "format", "ML-DSA-44 alone", cosigner44},
		{"cosigner-keys/swapped", "format", "ML-DSA-44 first", cosigner44 + "\n" + cosigner},
		{"cosigner-keys/ed25519-twice", "format", "two keys of Ed25519", cosigner + "\n" + m.chain.Genesis.Members[1].Keys[0]},
		{"cosigner-keys/three", "format", "a third key", cosigner + "\n" + cosigner44 + "\n" + cosigner44},
		{"cosigner-keys/names", "format", "keys of two members", cosigner + "\n" + m.chain.Genesis.Members[1].Keys[1]},
		{"cosigner-keys/mldsa44-short", "format", "1,311 bytes", cosigner + "\n" + rehash(member, raw44[:1312])},
		{"cosigner-keys/mldsa44-long", "format", "1,313 bytes", cosigner + "\n" + rehash(member, append(raw44[:1313:1313], 0))},
		{"cosigner-keys/mldsa44-algorithm", "format", "ML-DSA-44 as algorithm 4", cosigner + "\n" + rehash(member, append([]byte{4}, raw44[1:]...))},
		{"cosigner-keys/mldsa44-hash", "format", "another key's hash", cosigner + "\n" + member + "+00000000+" + data44},
	} {
		m.add(v.name, v.outcome, v.comment, []byte(v.text))
	}
}

func cutKey(vkey string) (name, hash, blob string) {
	parts := strings.SplitN(vkey, "+", 3)
	return parts[0], parts[1], parts[2]
}

func decode(t testing.TB, b64 string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (m *maker) records() {
	st := m.chain.Statement()
	text, err := st.Text()
	if err != nil {
		m.t.Fatal(err)
	}
	_, ada := ledgertest.Author("ada")
	grace, graceKey := ledgertest.Author("grace")
	m.add("record/plain", "ok", "a deposit of one file", m.sign(text))
	both := m.replace(text, `"`+ada+`"`, `"`+ada+`","`+graceKey+`"`)
	m.add("record/two-authors", "ok", "two authors sign the same text", m.sign(both, grace))
	later := m.replace(m.replace(m.replace(text, `"seq":1`, `"seq":2`), `"item":""`, `"item":"9f"`), `"prev":""`, `"prev":"`+strings.Repeat("9f", 32)+`"`)
	m.add("record/later", "ok", "the second record of an item", m.sign(later))
	evidence := text[strings.Index(text, `"evidence":[`)+12 : strings.Index(text, `],"fields"`)]
	m.add("record/no-evidence", "ok", "no file", m.sign(m.replace(text, evidence, "")))
	short := m.replace(text, evidence, "")
	room := ledger.MaxRecordSize - len(m.sign(short))
	m.add("record/largest", "ok", "exactly 32 KiB", m.sign(m.replace(short, "<harbour>", "<harbour>"+strings.Repeat("x", room))))
	m.add("record/too-large", "limit", "32 KiB and a byte", m.sign(m.replace(short, "<harbour>", "<harbour>"+strings.Repeat("x", room+1))))

	root := st.After.Root.String()
	rawCID, dagCID := st.Evidence[0].CID, "bafybeibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
	sealedEvidence, commit := m.sealed()
	nonce := strings.Repeat("0a", 16)
	many := func(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	for _, v := range []struct{ name, outcome, comment, old, new string }{
		{"member-twice", "format", "a member stands twice", `"at":`, `"at":1,"at":`},
		{"member-order", "format", "members in another order", `{"action":"deposit",`, `{"zaction":"deposit",`},
		{"member-unknown", "format", "a member that the version does not know", `"version":1`, `"version":1,"vote":1`},
		{"member-unknown-first", "format", "an unknown member before the others", `{"action"`, `{"a":1,"action"`},
		{"member-missing", "format", "no nonce", `"nonce":"` + nonce + `",`, ``},
		{"member-case", "format", "a name in capitals", `"action"`, `"Action"`},
		{"evidence-unknown", "format", "an unknown member of evidence", `"cid":`, `"ci":1,"cid":`},
		{"space", "format", "white space", `"seq":1`, `"seq": 1`},
		{"two-lines", "format", "the JSON on two lines", `"seq":1,`, "\"seq\":1,\n"},
		{"crlf", "format", "the line ends in CR LF", "}\n", "}\r\n"},
		{"version-float", "format", "a float", `"version":1`, `"version":1.0`},
		{"at-exponent", "format", "an exponent", `"at":1763848800123`, `"at":1e12`},
		{"at-minus-zero", "format", "minus zero", `"at":1763848800123`, `"at":-0`},
		{"at-text", "format", "a number as a text", `"at":1763848800123`, `"at":"1763848800123"`},
		{"at-negative", "format", "before 1970", `"at":1763848800123`, `"at":-1`},
		{"at-huge", "limit", "a time beyond 2^53", `"at":1763848800123`, `"at":9007199254740993`},
		{"after-zero", "format", "a checkpoint of size 0", `"size":1}`, `"size":0}`},
		{"after-huge", "limit", "a checkpoint of size 2^63-1, which loops in naive tree code", `"size":1}`, `"size":9223372036854775807}`},
		{"root-spare-bits", "format", "spare bits in the base64 of a hash", root, root[:42] + string(root[42]+1) + `=`},
		{"root-newline", "format", "an escaped line feed in the base64 of a hash", root[:20], root[:20] + `\n`},
		{"root-url", "format", "the base64 alphabet of URLs", root[:43], strings.Repeat("-", 43)},
		{"nonce-short", "format", "a nonce of 15 bytes", nonce, nonce[2:]},
		{"nonce-upper", "format", "a nonce in capitals", nonce, strings.ToUpper(nonce)},
		{"seq-zero", "format", "seq 0", `"seq":1`, `"seq":0`},
		{"contract-upper", "format", "a contract in capitals", `"contract":"notes"`, `"contract":"Notes"`},
		{"item-long", "format", "an item of 129 bytes", `"item":""`, `"item":"` + strings.Repeat("i", 129) + `"`},
		{"item-control", "format", "an escaped control character in the item", `"item":""`, `"item":"\u001b[2J"`},
		{"ledger-form", "format", "an origin without the fingerprint", m.chain.Origin, "harbour.example"},
		{"by-null", "format", "null for a list", `"by":["` + ada + `"]`, `"by":null`},
		{"by-nobody", "format", "nobody signs", `"by":["` + ada + `"]`, `"by":[]`},
		{"by-twice", "format", "a signer stands twice", `"` + ada + `"`, `"` + ada + `","` + ada + `"`},
		{"by-17", "limit", "17 signers", `"` + ada + `"`, many(`"`+ada+`"`, 17)},
		{"by-cosigner", "format", "a cosigner's key among the signers", `"` + ada + `"`, `"` + m.chain.Genesis.Members[0].Keys[0] + `"`},
		{"evidence-null", "format", "null for a list", evidence, `null`},
		{"evidence-65", "limit", "65 files", evidence, many(evidence, 65)},
		{"evidence-64", "ok", "64 files", evidence, many(evidence, 64)},
		{"evidence-sha-upper", "format", "a digest in capitals", "2cf24dba", "2CF24DBA"},
		{"evidence-sha-short", "format", "a digest of 31 bytes", "2cf24dba", "2cf24d"},
		{"evidence-public", "ok", "a file that the members keep for everybody", `"mode":"digest"`, `"mode":"public"`},
		{"evidence-sealed", "ok", "a sealed file, its name and media type kept back", evidence, sealedEvidence},
		{"evidence-dag", "ok", "a file of many blocks", rawCID, dagCID},
		{"evidence-mode", "format", "an unknown mode", `"mode":"digest"`, `"mode":"secret"`},
		{"evidence-mode-none", "format", "no mode", `"mode":"digest"`, `"mode":""`},
		{"evidence-digest-commit", "format", "a commitment to a public digest", `"commit":""`, `"commit":"` + root + `"`},
		{"evidence-sealed-sha", "format", "a sealed file with its digest", `"commit":"","media":"image/jpeg","mode":"digest"`, `"commit":"` + root + `","media":"image/jpeg","mode":"sealed"`},
		{"evidence-sealed-bare", "format", "a sealed file without a commitment", evidence, strings.Replace(sealedEvidence, commit, "", 1)},
		{"evidence-sealed-short", "format", "a commitment of 31 bytes", evidence, strings.Replace(sealedEvidence, commit, commit[:40]+"AA==", 1)},
		{"evidence-cid-none", "format", "no CID", rawCID, ""},
		{"evidence-cid-upper", "format", "a CID in capitals", rawCID, strings.ToUpper(rawCID)},
		{"evidence-cid-v0", "format", "a CID of version 0", rawCID, "QmSnuWmxptJZdLJpKRarxBMS2Ju2oANVrgbr2xWbie9b2D"},
		{"evidence-cid-codec", "format", "a CID of dag-cbor", rawCID, "bafyreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"},
		{"evidence-cid-spare-bits", "format", "spare bits in the base32 of a CID", rawCID, rawCID[:58] + "r"},
		{"evidence-size", "format", "a negative size", `"size":5`, `"size":-5`},
		{"evidence-size-huge", "limit", "a size beyond 2^53", `"size":5`, `"size":9007199254740993`},
		{"evidence-name", "format", "a control character in a file name", "港口 照片", `a\nb`},
		{"evidence-name-long", "format", "a file name of 256 bytes", "港口 照片.jpg", strings.Repeat("n", 256)},
		{"evidence-media", "format", "a media type that is not ASCII", "image/jpeg", "image/照片"},
		{"fields-null", "format", "fields are null", `{"text":"港口的照片 & <harbour>"}`, `null`},
		{"fields-order", "format", "names of fields are not sorted", `{"text":`, `{"z":1,"text":`},
		{"fields-escape", "format", "a needless escape in fields", `<harbour>`, `\u003charbour\u003e`},
		{"fields-utf8", "format", "bytes in fields that are not UTF-8", `<harbour>`, "\xff\xfe"},
		{"fields-deep", "limit", "fields nested nine deep", `{"text":`, `{"a":[[[[[[[[1]]]]]]]],"text":`},
		{"purpose-version", "format", "version 2", "evident/record/v1\n", "evident/record/v2\n"},
		{"purpose-other", "format", "a header's purpose", "evident/record/v1\n", "evident/block/v1\n"},
		{"purpose-none", "format", "no purpose line", "evident/record/v1\n", ""},
	} {
		m.add("record/"+v.name, v.outcome, v.comment, m.sign(m.replace(text, v.old, v.new)))
	}
}

// sealed returns the JSON of sealed evidence, and its commitment.
func (m *maker) sealed() (text, commit string) {
	e := sealedEvidence()
	line, err := ledger.EncodeCanonical(e)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(line), e.Commit
}

// sign makes a note of any text, signed by ada and the others.
func (m *maker) sign(text string, others ...note.Signer) []byte {
	m.t.Helper()
	ada, _ := ledgertest.Author("ada")
	return m.signBy(text, append([]note.Signer{ada}, others...)...)
}

func (m *maker) signatureLines() {
	text, err := m.chain.Statement().Text()
	if err != nil {
		m.t.Fatal(err)
	}
	ada, adaKey := ledgertest.Author("ada")
	grace, graceKey := ledgertest.Author("grace")
	msg := string(m.sign(text))
	b64 := msg[strings.LastIndexByte(msg, ' ')+1 : len(msg)-1]
	edit := func(blob func([]byte)) string { return editLine(msg, blob) }
	both := m.replace(text, `"`+adaKey+`"`, `"`+adaKey+`","`+graceKey+`"`)
	ordered := string(m.sign(both, grace))
	lines := strings.SplitAfter(ordered[strings.LastIndex(ordered, "\n\n")+2:], "\n")
	twin, twinKey := m.twin(ada.Name())
	twins := m.replace(text, `"`+adaKey+`"`, `"`+adaKey+`","`+twinKey+`"`)
	twinLines := strings.SplitAfter(string(m.sign(twins, twin))[len(twins)+1:], "\n")
	m.add("record/two-keys-one-name", "ok", "two keys of one name", m.sign(twins, twin))
	for _, v := range []struct{ name, outcome, comment, msg string }{
		{"signature-none", "format", "no signature line", text + "\n"},
		{"signature-no-block", "format", "no empty line", text},
		{"signature-missing", "format", "the second author did not sign", string(m.sign(both))},
		{"signature-order", "format", "signature lines in another order", both + "\n" + lines[1] + lines[0]},
		{"signature-order-twins", "format", "lines of two keys of one name in another order", twins + "\n" + twinLines[1] + twinLines[0]},
		{"signature-extra", "format", "a stranger signed too", string(m.sign(text, grace))},
		{"signature-twice", "format", "the line stands twice", msg + msg[strings.LastIndex(msg, "\n\n")+2:]},
		{"signature-spare-bits", "format", "spare bits in the base64", m.replace(msg, b64, b64[:90]+string(b64[90]+1)+"=")},
		{"signature-newline", "format", "a line feed inside the base64", m.replace(msg, b64, b64[:40]+"\n"+b64[40:])},
		{"signature-cr", "format", "a carriage return inside the base64", m.replace(msg, b64, b64[:40]+"\r"+b64[40:])},
		{"signature-no-padding", "format", "no padding", m.replace(msg, b64, b64[:91])},
		{"signature-no-newline", "format", "no line feed at the end", msg[:len(msg)-1]},
		{"signature-behind", "format", "an empty line behind", msg + "\n"},
		{"signature-dash", "format", "a hyphen for the dash", m.replace(msg, "\n— ", "\n- ")},
		{"signature-name", "format", "another name on the line", m.replace(msg, "\n— ada ", "\n— eda ")},
		{"signature-key-hash", "format", "another key hash on the line", edit(func(b []byte) { b[0] ^= 1 })},
		{"signature-zero", "signature", "64 zero bytes", edit(func(b []byte) { clear(b[4:]) })},
		{"signature-bit", "signature", "one bit changed", edit(func(b []byte) { b[30] ^= 1 })},
		{"signature-malleable", "signature", "S + L, the same point by another number", edit(func(b []byte) { addOrder(b[36:]) })},
		{"signature-other-key", "signature", "signed by another key under this key's hash", edit(func(b []byte) {
			other, err := grace.Sign([]byte(text))
			if err != nil {
				m.t.Fatal(err)
			}
			copy(b[4:], other)
		})},
		{"signature-other-text", "signature", "the signature of another text", m.replace(msg, `"at":1763848800123`, `"at":1763848800124`)},
	} {
		m.add("record/"+v.name, v.outcome, v.comment, []byte(v.msg))
	}
}

// twin returns a second key under a name.
func (m *maker) twin(name string) (note.Signer, string) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	vkey, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		m.t.Fatal(err)
	}
	_, hash, _ := cutKey(vkey)
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
	if err != nil {
		m.t.Fatal(err)
	}
	return signer, vkey
}

// addOrder adds the order of the Ed25519 group to a little-endian number.
func addOrder(s []byte) {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	be := slices.Clone(s)
	slices.Reverse(be)
	sum := new(big.Int).Add(new(big.Int).SetBytes(be), order)
	sum.FillBytes(be)
	slices.Reverse(be)
	copy(s, be)
}

// tlogSum returns the key hash of C2SP signed-note, in hexadecimal.
func tlogSum(name string, data []byte) string {
	sum := sha256Sum(append([]byte(name+"\n"), data...))
	return hexText(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(sum[:4])))
}

var someTree = tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("root"))}
