package proof_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	. "evident/lightclient/proof"
)

// together makes the fields of a record of many files, and the proof of one of them.
func together(entries []Entry, index int) (fields json.RawMessage, t *Together, err error) {
	var leaves []tlog.Hash
	var lines [][]byte
	for _, e := range entries {
		line, err := e.Encode()
		if err != nil {
			return nil, nil, err
		}
		lines, leaves = append(lines, line), append(leaves, tlog.RecordHash(line))
	}
	tree := ledger.NewRecordsTree(leaves)
	path, err := tree.Prove(int64(index))
	if err != nil {
		return nil, nil, err
	}
	fields, err = ledger.EncodeCanonical(map[string]any{"count": len(entries), "root": tree.Root().String(), "text": ""})
	return fields, &Together{Entry: lines[index], Index: int64(index), Path: path}, err
}

// entryOf names a file as it stands among many.
func entryOf(name, content string) Entry {
	h := evidence.NewHasher()
	h.Write([]byte(content))
	d := h.Sum()
	return Entry{CID: d.CID, Name: name, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}
}

// receipts are of the file of a record, by the nodes of some members.
func (m *maker) storedBy(f *fixture, change func(*ledger.Storage), members ...int) (list [][]byte) {
	e := f.record.Evidence[0]
	cid, err := ledger.ParseCID(e.CID)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, i := range members {
		s := ledger.Storage{Ledger: f.Origin, Record: f.record.ID, CID: cid, Bytes: e.Size, Time: 1763849005000 + int64(i)}
		change(&s)
		list = append(list, m.signBy(s.Text(), ledgertest.Node(f.Set[i].Name)))
	}
	return list
}

// files makes proofs with storage receipts, and of one file among many.
func (m *maker) files() {
	m.storage()
	m.together()
}

func (m *maker) storage() {
	sealed := newFixture(m.t, shape{sealed: true})
	asIs := func(*ledger.Storage) {}
	two := slices.Clone(sealed.record.Evidence)
	other := two[0]
	other.CID = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
	several := newFixture(m.t, shape{evidence: append(two, other)})
	joined := newFixture(m.t, shape{sealed: true, changes: 1})
	digest := newFixture(m.t, shape{})
	otherFile := func(s *ledger.Storage) { s.CID, _ = ledger.ParseCID(other.CID) }
	stranger, _ := ledgertest.Author("mallory")
	for _, v := range []struct {
		name, outcome, comment string
		from                   *fixture
		notes                  [][]byte
	}{
		{"three", "valid", "three members keep the file", sealed, m.storedBy(sealed, asIs, 0, 1, 3)},
		{"two-files", "valid", "receipts of two files, by CID and then by member", several,
			append(m.storedBy(several, otherFile, 0, 2), m.storedBy(several, asIs, 0, 1)...)},
		{"joined", "valid", "of a member that joined after the record", joined, m.storedBy(joined, asIs, 1, 4)},
		{"order", "altered storage.wrong", "members not in order", sealed, m.storedBy(sealed, asIs, 1, 0)},
		{"files-order", "altered storage.wrong", "files not in order", several,
			append(m.storedBy(several, asIs, 0, 1), m.storedBy(several, otherFile, 0, 2)...)},
		{"twice", "altered storage.wrong", "a member twice", sealed, m.storedBy(sealed, asIs, 1, 1)},
		{"later", "altered storage.wrong", "a member twice, at two times", sealed,
			append(m.storedBy(sealed, asIs, 1), m.storedBy(sealed, func(s *ledger.Storage) { s.Time++ }, 1)...)},
		{"record", "altered storage.wrong", "of another record", sealed, m.storedBy(sealed, func(s *ledger.Storage) { s.Record[0] ^= 1 }, 0)},
		{"cid", "altered storage.wrong", "of another file", sealed, m.storedBy(sealed, otherFile, 0)},
		{"bytes", "altered storage.wrong", "of another size", sealed, m.storedBy(sealed, func(s *ledger.Storage) { s.Bytes-- }, 0)},
		{"ledger", "altered storage.wrong", "of another ledger", sealed, m.storedBy(sealed, func(s *ledger.Storage) { s.Ledger = "haven.example/7ff9aa46aa525b37" }, 0)},
		{"digest", "altered storage.wrong", "of a file that nobody is to keep", digest, m.storedBy(digest, asIs, 0)},
		{"stranger", "altered storage.wrong", "signed by nobody's node", sealed,
			[][]byte{m.signBy(string(beforeSignature(m.storedBy(sealed, asIs, 0)[0])), stranger)}},
		{"bit", "altered storage.wrong", "a signature with one bit changed", sealed,
			[][]byte{[]byte(editLine(string(m.storedBy(sealed, asIs, 0)[0]), func(b []byte) { b[20] ^= 1 }))}},
		{"erasure", "altered storage.wrong", "an erasure receipt", sealed,
			[][]byte{m.signBy(strings.Replace(string(beforeSignature(m.storedBy(sealed, asIs, 0)[0])), "storage", "erasure", 1), ledgertest.Node(sealed.Set[0].Name))}},
		{"text", "altered storage.wrong", "no receipt", sealed, [][]byte{[]byte("hello\n")}},
		{"4097", "altered container.limit", "4,097 receipts", sealed, slices.Repeat([][]byte{[]byte("x")}, 4097)},
		{"large", "altered container.limit", "a receipt of over 8 KiB", sealed, [][]byte{[]byte(strings.Repeat("x", ledger.MaxReceiptSize+1))}},
	} {
		p := v.from.parse(m.t)
		p.Storage = v.notes
		m.addProof("storage-"+v.name, v.outcome, v.comment, p)
	}
	m.add("proof/storage-empty", "altered container.format", "an empty list that should be absent",
		[]byte(m.replace(string(sealed.file), "}\n", `,"storage":[]}`+"\n")))
}

// beforeSignature is the text that was signed.
func beforeSignature(msg []byte) []byte {
	n, err := note.Open(msg, nil)
	if unsigned, ok := err.(*note.UnverifiedNoteError); ok {
		n = unsigned.Note
	}
	return []byte(n.Text)
}

func (m *maker) together() {
	entries := []Entry{entryOf("a.jpg", "a"), entryOf("港口 照片.jpg", "hello"), entryOf("c.jpg", "c"), entryOf("", ""), entryOf("e.jpg", "e")}
	five := newFixture(m.t, shape{together: entries})
	alone := newFixture(m.t, shape{together: entries[1:2]})
	bare := five.parse(m.t)
	bare.Together = nil
	rest := newFixture(m.t, shape{fields: `{"count":1,"root":"` + strings.Repeat("A", 43) + `=","text":"x"}`})
	changed := func(f *fixture, change func(*Together)) *Proof {
		p := f.parse(m.t)
		change(&p.Together[0])
		return p
	}
	leaf := string(five.proof.Together[0].Entry)
	spell := func(old, new string) *Proof {
		return changed(alone, func(t *Together) { t.Entry = []byte(m.replace(leaf, old, new)) })
	}
	digest := sha256.Sum256([]byte("hello"))
	sum := hex.EncodeToString(digest[:])
	two := five.parse(m.t)
	_, third, err := together(entries, 2)
	if err != nil {
		m.t.Fatal(err)
	}
	two.AddTogether([]Together{*third, two.Together[0]})
	turned := five.parse(m.t)
	turned.Together = []Together{*third, turned.Together[0]}
	twice := five.parse(m.t)
	twice.Together = append(twice.Together, twice.Together[0])
	second := five.parse(m.t)
	bad := *third
	bad.Index = 3
	second.Together = append(second.Together, bad)
	many := five.parse(m.t)
	for i := range int64(10_001) {
		many.Together = append(many.Together, Together{Index: i + 2})
	}
	notTogether := rest.parse(m.t)
	notTogether.Together = alone.proof.Together
	for _, v := range []struct {
		name, outcome, comment string
		proof                  *Proof
		file                   string
	}{
		{"same", "valid", "one of five files, and it is at hand", five.proof, "hello"},
		{"alone", "valid", "the only one of its record", alone.proof, "hello"},
		{"two", "valid", "two of five files", two, "c"},
		{"order", "altered container.format", "two files, not in order", turned, "hello"},
		{"twice", "altered container.format", "a file twice", twice, "hello"},
		{"second", "altered together.wrong", "the second file has another index", second, "hello"},
		{"10001", "altered container.limit", "10,001 files", many, "hello"},
		{"other", "altered content.differs", "one of five files, but another is at hand", five.proof, "hallo"},
		{"another-entry", "altered content.differs", "the file at hand is another of the five", five.proof, "a"},
		{"bare", "incomplete", "the proof does not show which file it is of", bare, "hello"},
		{"index", "altered together.wrong", "another index", changed(five, func(t *Together) { t.Index = 2 }), "hello"},
		{"index-negative", "altered together.wrong", "a negative index", changed(five, func(t *Together) { t.Index = -1 }), "hello"},
		{"index-count", "altered together.wrong", "an index that is the number of files", changed(five, func(t *Together) { t.Index = 5 }), "hello"},
		{"path", "altered together.wrong", "a path with a bit changed", changed(five, func(t *Together) { t.Path[0][0] ^= 1 }), "hello"},
		{"path-short", "altered together.wrong", "a hash is missing", changed(five, func(t *Together) { t.Path = t.Path[1:] }), "hello"},
		{"path-long", "altered together.wrong", "a hash too many", changed(alone, func(t *Together) { t.Path = append(t.Path, tlog.Hash{}) }), "hello"},
		{"name", "altered together.wrong", "another name", spell("照片", "相片"), "hello"},
		{"not-together", "altered together.wrong", "an entry for a record that holds no files together", notTogether, "hello"},
		{"path-64", "altered container.limit", "64 hashes", changed(five, func(t *Together) { t.Path = make([]tlog.Hash, 64) }), "hello"},
		{"entry-large", "altered container.limit", "an entry of over 2 KiB", changed(five, func(t *Together) { t.Entry = make([]byte, 2049) }), "hello"},
	} {
		m.addProof("together-"+v.name, v.outcome, v.comment, v.proof)
		m.vectors[len(m.vectors)-1].Context["file"] = base64.StdEncoding.EncodeToString([]byte(v.file))
	}
	m.add("proof/together-empty", "altered container.format", "an empty list that should be absent",
		[]byte(m.replace(string(rest.file), "}\n", `,"together":[]}`+"\n")))
	m.leaves(leaf, sum)
}

// leaves makes records of one leaf that is not an entry, and of fields that name no root.
func (m *maker) leaves(leaf, sum string) {
	for _, v := range []struct{ name, comment, old, new string }{
		{"space", "white space in the entry", `,"name"`, ` ,"name"`},
		{"unknown", "an unknown member of the entry", `,"size"`, `,"sign":1,"size"`},
		{"sha-upper", "a digest in capitals in the entry", sum, strings.ToUpper(sum)},
		{"cid", "a CID of dag-cbor in the entry", "bafkrei", "bafyrei"},
		{"size", "a negative size in the entry", `"size":5`, `"size":-5`},
		{"name-control", "a control character in the entry's name", "港口 ", `a\n`},
		{"no-count", "", "", ""}, {"count-zero", "", "", ""}, {"count-text", "", "", ""}, {"count-case", "", "", ""}, {"root-short", "", "", ""},
	} {
		entry := leaf
		if v.old != "" {
			entry = m.replace(leaf, v.old, v.new)
		}
		hash := tlog.RecordHash([]byte(entry)).String()
		fields := `{"count":1,"root":"` + hash + `"}`
		switch v.name {
		case "no-count":
			v.comment, fields = "the record does not say how many files there are", `{"root":"`+hash+`"}`
		case "count-zero":
			v.comment, fields = "a record of no files", `{"count":0,"root":"`+hash+`"}`
		case "count-text":
			v.comment, fields = "a number of files that is a text", `{"count":"1","root":"`+hash+`"}`
		case "count-case":
			v.comment, fields = "a field in capitals", `{"COUNT":1,"root":"`+hash+`"}`
		case "root-short":
			v.comment, fields = "a root of 31 bytes", `{"count":1,"root":"`+base64.StdEncoding.EncodeToString(make([]byte, 31))+`"}`
		}
		f := newFixture(m.t, shape{single: true, fields: fields})
		p := f.parse(m.t)
		p.Together = []Together{{Entry: []byte(entry)}}
		m.addProof("together-"+v.name, "altered together.wrong", v.comment, p)
	}
}
