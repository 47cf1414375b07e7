package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/merkle"
	. "evident/lightclient/proof"
)

// fixture is a chain with one record of interest, and all that proves it.
type fixture struct {
	*ledgertest.Chain
	record *ledger.Record
	proof  *Proof
	file   []byte
}

// shape says what chain to make around the record.
type shape struct {
	members         int // of genesis; 0: four
	before, after   int // blocks before and after the record's
	beside          int // other records in its block
	changes         int // changes of the member set before the certificate
	since, state    bool
	fields          string
	withoutEvidence bool
	sealed          bool // its evidence, which the proof discloses
	evidence        []ledger.Evidence
	together        []Entry // recorded instead of evidence; the proof is of the second, or the only one
	single          bool    // no evidence: the fields speak of one leaf
}

func newFixture(t testing.TB, s shape) *fixture {
	t.Helper()
	if s.members == 0 {
		s.members = 4
	}
	f := &fixture{Chain: ledgertest.NewChain(s.members)}
	for range s.before {
		f.Add(f.Set)
	}
	st := f.Statement()
	st.After = ledger.Point{Size: f.Tree().N, Root: f.Tree().Hash}
	if s.fields != "" {
		st.Fields = json.RawMessage(s.fields)
	}
	if s.withoutEvidence {
		st.Evidence = []ledger.Evidence{}
	}
	if s.evidence != nil {
		st.Evidence = s.evidence
	}
	if s.sealed {
		st.Evidence = []ledger.Evidence{sealedEvidence()}
	}
	var err error
	var one []Together
	if s.together != nil {
		st.Contract, st.Action, st.Evidence = TogetherContract, TogetherAction, []ledger.Evidence{}
		var t1 *Together
		if st.Fields, t1, err = together(s.together, min(1, len(s.together)-1)); err != nil {
			t.Fatal(err)
		}
		one = []Together{*t1}
	}
	if s.single {
		st.Contract, st.Action, st.Evidence = TogetherContract, TogetherAction, []ledger.Evidence{}
	}
	ada, _ := ledgertest.Author("ada")
	if f.record, err = st.Sign(ada); err != nil {
		t.Fatal(err)
	}
	value := []byte(`{"record":"` + f.record.ID.String() + `","seq":1}`)
	f.SetState(st.Contract, f.record.ItemName(), value)
	f.SetState("notes", "another item", []byte(`{}`))
	notes := [][]byte{f.record.Note}
	for i := range s.beside {
		notes = append(notes, fmt.Appendf(nil, "another record %d", i))
	}
	p := Proof{Genesis: f.File, Record: f.record.Note, Together: one, Header: f.Add(f.Set, notes...)}
	for i := range s.changes {
		set := f.Set
		h := f.Add(ledgertest.Members(s.members + 1 + i))
		f.Add(f.Set)
		p.History = append(p.History, SetChange{
			Header: h, Members: f.Set.Text(), Inclusion: f.Prove(h.Height, int64(h.Height)+1),
			Certificate: f.Certify(set, f.At(int64(h.Height)+1), 1763848900).Note,
		})
	}
	for range s.after {
		f.Add(f.Set)
	}
	leaves := make([]tlog.Hash, len(notes))
	for i, n := range notes {
		leaves[i] = tlog.RecordHash(n)
	}
	size := f.Tree().N
	if p.Path, err = ledger.NewRecordsTree(leaves).Prove(0); err != nil {
		t.Fatal(err)
	}
	p.Inclusion = f.Prove(p.Header.Height, size)
	p.Certificate = f.Certify(f.Set, f.Tree(), 1763849000).Note
	if s.since {
		p.Since = f.ProveTree(st.After.Size, size)
	}
	if s.state {
		newest := f.Headers[size-1]
		p.State = &State{Header: newest, Inclusion: f.Prove(newest.Height, size), Value: value,
			Proof: f.ProveState(merkle.Key(st.Contract, f.record.ItemName()))}
	}
	if s.sealed {
		p.Disclosures = []Disclosure{{Salt: salt, SHA256: sha256.Sum256([]byte("hello"))}}
	}
	if f.proof, err = Build(p); err != nil {
		t.Fatal(err)
	}
	if f.file, err = f.proof.Encode(); err != nil {
		t.Fatal(err)
	}
	return f
}

// salt hides the five bytes "hello" in sealedEvidence.
var salt = sha256.Sum256([]byte("salt"))

func sealedEvidence() ledger.Evidence {
	return ledger.Evidence{CID: "bafkreie7ohywtosou76tasm7j63yigtzxe7d5zqus4zu3j6oltvgtibeom",
		Commit: ledger.Commitment(salt, sha256.Sum256([]byte("hello"))).String(), Mode: ledger.Sealed, Size: 221}
}

// parse returns a copy of the proof that a test may change.
func (f *fixture) parse(t testing.TB) *Proof {
	t.Helper()
	p, err := Parse(f.file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *fixture) verify(file []byte) Report { return Verify(file, Options{Trusted: &f.Fingerprint}) }

func TestVerify(t *testing.T) {
	tests := []struct {
		name  string
		shape shape
	}{
		{"alone in its block, newest block", shape{}},
		{"in the middle of everything", shape{before: 9, after: 30, beside: 12}},
		{"with state and consistency", shape{before: 9, after: 30, beside: 12, since: true, state: true}},
		{"over one change of members", shape{after: 5, changes: 1, since: true, state: true}},
		{"over three changes of members", shape{before: 3, after: 1, changes: 3, state: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.shape)
			r := f.verify(f.file)
			if r.Verdict != Valid || r.Exit() != 0 || len(r.Stages) != 12 {
				t.Fatalf("verdict %q: %s", r.Verdict, r.Reason("en"))
			}
			checkTexts(t, r)
			p := r.Proven
			if p.ID != f.record.ID || p.Height != f.proof.Header.Height || p.ExistedBy != 1763849000+int64(f.Set.Faults()) ||
				len(p.Cosigners) != f.Set.Quorum() || p.SignedAfter != tt.shape.since || (p.State != nil) != tt.shape.state {
				t.Errorf("proven %+v", p)
			}
			again, err := Parse(f.file)
			if err != nil {
				t.Fatal(err)
			}
			if file, err := again.Encode(); err != nil || !bytes.Equal(file, f.file) {
				t.Errorf("encoded again: %v, differs", err)
			}
			if r := Verify(f.file, Options{}); r.Verdict != UnknownLedger || r.Exit() != 2 || len(r.Words) != 12 || r.Proven == nil {
				t.Errorf("without a trusted ledger: %q", r.Verdict)
			}
			other := ledger.Fingerprint{1}
			if r := Verify(f.file, Options{Trusted: &other}); r.Verdict != UnknownLedger {
				t.Errorf("another trusted ledger: %q", r.Verdict)
			}
		})
	}
}

func TestContent(t *testing.T) {
	f := newFixture(t, shape{})
	content := Content{SHA256: sha256.Sum256([]byte("hello")), Size: 5, CID: "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"}
	tests := []struct {
		name    string
		change  func(*Content)
		verdict Verdict
		code    string
	}{
		{"the file", func(*Content) {}, Valid, "content.ok"},
		{"without a CID", func(c *Content) { c.CID = "" }, Valid, "content.ok"},
		{"another digest", func(c *Content) { c.SHA256[0] ^= 1 }, Altered, "content.differs"},
		{"another size", func(c *Content) { c.Size = 6 }, Altered, "content.differs"},
		{"another CID", func(c *Content) { c.CID = "bafy" }, Altered, "content.differs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := content
			tt.change(&c)
			r := Verify(f.file, Options{Trusted: &f.Fingerprint, Content: &c})
			checkTexts(t, r)
			if got := r.Stage(StageContent).Code; r.Verdict != tt.verdict || got != tt.code {
				t.Errorf("got %q %q, want %q %q", r.Verdict, got, tt.verdict, tt.code)
			}
		})
	}
}

// TestSealedContent compares a file with sealed evidence, which needs the disclosure.
func TestSealedContent(t *testing.T) {
	f := newFixture(t, shape{sealed: true})
	hidden := f.parse(t)
	hidden.Disclosures = nil
	file, err := hidden.Encode()
	if err != nil {
		t.Fatal(err)
	}
	hello := &Content{SHA256: sha256.Sum256([]byte("hello")), Size: 5, CID: "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"}
	other := &Content{SHA256: sha256.Sum256([]byte("hallo")), Size: 5}
	tests := []struct {
		name                string
		file                []byte
		content             *Content
		verdict             Verdict
		codeOf, disclosures string
	}{
		{"disclosed", f.file, hello, Valid, "content.disclosed", "disclosure.ok"},
		{"disclosed, another file", f.file, other, Altered, "content.differs", "disclosure.ok"},
		{"disclosed, no file", f.file, nil, Valid, "content.not_given", "disclosure.ok"},
		{"kept back", file, hello, Incomplete, "content.sealed", "disclosure.absent"},
		{"kept back, no file", file, nil, Valid, "content.not_given", "disclosure.absent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Verify(tt.file, Options{Trusted: &f.Fingerprint, Content: tt.content})
			checkTexts(t, r)
			content, disclosure := r.Stage(StageContent).Code, r.Stage(StageDisclosure).Code
			if r.Verdict != tt.verdict || content != tt.codeOf || disclosure != tt.disclosures {
				t.Errorf("got %q %q %q, want %q %q %q", r.Verdict, content, disclosure, tt.verdict, tt.codeOf, tt.disclosures)
			}
			if tt.verdict == Incomplete && r.Reason("en") != r.Stage(StageContent).Text("en") {
				t.Errorf("the reason is %q", r.Reason("en"))
			}
		})
	}
}

// TestFailures changes one part of a proof at a time, as somebody who can
// write the file but sign nothing could.
func TestFailures(t *testing.T) {
	f := newFixture(t, shape{before: 3, after: 4, beside: 4, changes: 1, since: true, state: true})
	foreign := newFixture(t, shape{before: 3, after: 5, beside: 5, changes: 1, since: true, state: true, fields: `{"text":"another"}`})
	tests := []struct {
		name   string
		change func(*Proof)
		stage  string
		code   string
	}{
		{"another record", func(p *Proof) { p.Record = foreign.proof.Record }, StageInclusion, "inclusion.wrong"},
		{"another index", func(p *Proof) { p.Index = 1 }, StageInclusion, "inclusion.wrong"},
		{"index behind the block", func(p *Proof) { p.Index = 99 }, StageInclusion, "inclusion.wrong"},
		{"empty path", func(p *Proof) { p.Path = nil }, StageInclusion, "inclusion.wrong"},
		{"a hash too many", func(p *Proof) { p.Path = append(p.Path[:len(p.Path):len(p.Path)], tlog.Hash{}) }, StageInclusion, "inclusion.wrong"},
		{"another header", func(p *Proof) { p.Header = foreign.proof.Header }, StageCertificate, "certificate.proof"},
		{"header of another ledger", func(p *Proof) { p.Header.Ledger = "haven.example/0123456789abcdef" }, StageCertificate, "certificate.ledger"},
		{"header that names other members", func(p *Proof) { p.Header.Members[0] ^= 1 }, StageCertificate, "certificate.proof"},
		{"another certificate", func(p *Proof) { p.Certificate = foreign.proof.Certificate }, StageCertificate, "certificate.proof"},
		{"a cosignature less", func(p *Proof) { p.Certificate = dropLine(p.Certificate) }, StageCertificate, "certificate.quorum"},
		{"a cosignature twice", func(p *Proof) { p.Certificate = repeatLine(dropLine(p.Certificate)) }, StageCertificate, "certificate.quorum"},
		{"a cosignature more", func(p *Proof) { p.Certificate = repeatLine(p.Certificate) }, StageCertificate, "certificate.format"},
		{"a stranger's signature more", func(p *Proof) { p.Certificate = append(bytes.Clone(p.Certificate), "— a AAAABBBB\n"...) }, StageCertificate, "certificate.format"},
		{"a wrong cosignature", func(p *Proof) {
			p.Certificate = bytes.Replace(p.Certificate, []byte("\n9\n"), []byte("\n10\n"), 1)
			p.Certificate = bytes.Replace(p.Certificate, []byte("\n11\n"), []byte("\n12\n"), 1)
		}, StageCertificate, "certificate.signature"},
		{"certificate of genesis members", func(p *Proof) { p.Certificate = f.Certify(f.Genesis.Members, f.Tree(), 1763849000).Note }, StageCertificate, "certificate.quorum"},
		{"certificate older than its members", func(p *Proof) {
			p.Certificate = f.Certify(f.Set, f.At(5), 1763849000).Note
		}, StageCertificate, "certificate.format"},
		{"no history", func(p *Proof) { p.History = nil }, StageCertificate, "certificate.format"},
		{"history twice", func(p *Proof) { p.History = append(p.History[:1:1], p.History[0]) }, StageHistory, "history.wrong"},
		{"another set", func(p *Proof) { p.History[0].Members = ledgertest.Members(6).Text() }, StageHistory, "history.wrong"},
		{"a set that the new members certify", func(p *Proof) {
			p.History[0].Certificate = f.Certify(f.Set, f.At(int64(p.History[0].Header.Height)+1), 1).Note
		}, StageHistory, "history.wrong"},
		{"change with a later certificate", func(p *Proof) {
			p.History[0].Certificate = f.Certify(f.Genesis.Members, f.Tree(), 1).Note
			p.History[0].Inclusion = f.Prove(p.History[0].Header.Height, f.Tree().N)
		}, StageHistory, "history.wrong"},
		{"another consistency path", func(p *Proof) { p.Since = p.Since[1:] }, StageConsistency, "consistency.wrong"},
		{"another state", func(p *Proof) { p.State.Value = []byte(`{"seq":2}`) }, StageState, "state.wrong"},
		{"another item's state", func(p *Proof) {
			p.State.Proof = f.ProveState(merkle.Key("notes", "another item"))
			p.State.Value = []byte(`{}`)
		}, StageState, "state.wrong"},
		{"state of a header outside the log", func(p *Proof) { p.State.Header.State[0] ^= 1 }, StageState, "state.wrong"},
		{"state before the record", func(p *Proof) {
			p.State.Header, p.State.Inclusion = f.Headers[1], f.Prove(1, f.Tree().N)
		}, StageState, "state.wrong"},
		{"genesis of another ledger", func(p *Proof) { p.Genesis = bytes.Replace(p.Genesis, []byte("harbour"), []byte("havenxx"), 1) }, StageSignature, "signature.ledger"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse(f.file)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(p)
			file, err := p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			r := f.verify(file)
			s := r.Stage(tt.stage)
			if r.Verdict != Altered || r.Exit() != 1 || s.Status != Failed || s.Code != tt.code || r.Proven != nil {
				t.Errorf("%q, stage %+v", r.Verdict, s)
			}
			checkTexts(t, r)
		})
	}
}

// unfilled is a place in a text that got no value.
var unfilled = regexp.MustCompile(`\{[a-z]+\}`)

// checkTexts checks that a report can be read in both languages.
func checkTexts(t *testing.T, r Report) {
	t.Helper()
	for _, lang := range []string{"en", "zh"} {
		lines := []string{r.Reason(lang)}
		for i := range r.Stages {
			lines = append(lines, r.Stages[i].Text(lang))
		}
		for _, line := range lines {
			if line == "" || unfilled.MatchString(line) {
				t.Errorf("%s text %q", lang, line)
			}
		}
	}
}

func dropLine(msg []byte) []byte {
	return msg[:bytes.LastIndexByte(msg[:len(msg)-1], '\n')+1]
}

// pickLines keeps some signature lines, in that order.
func pickLines(msg []byte, numbers ...int) []byte {
	text, rest, _ := bytes.Cut(msg, []byte("\n\n"))
	lines := bytes.SplitAfter(rest, []byte("\n"))
	out := append(bytes.Clone(text), "\n\n"...)
	for _, n := range numbers {
		out = append(out, lines[n]...)
	}
	return out
}

func repeatLine(msg []byte) []byte {
	return append(bytes.Clone(msg), msg[len(dropLine(msg)):]...)
}

func TestContainer(t *testing.T) {
	f := newFixture(t, shape{})
	text := string(f.file)
	tests := []struct {
		name, file string
		verdict    Verdict
		code       string
	}{
		{"empty", "", Incomplete, "container.cut"},
		{"a photograph", "\xff\xd8\xff\xe0", Incomplete, "container.foreign"},
		{"cut in the first line", text[:20], Incomplete, "container.cut"},
		{"half", text[:len(text)/2], Incomplete, "container.cut"},
		{"without the line feed", text[:len(text)-1], Incomplete, "container.cut"},
		{"version 2", strings.Replace(text, "proof/v1", "proof/v2", 1), Incomplete, "container.version"},
		{"version 10", strings.Replace(text, "proof/v1", "proof/v10", 1), Incomplete, "container.version"},
		{"a member more", strings.Replace(text, `"index"`, `"indeed":1,"index"`, 1), Altered, "container.format"},
		{"a member less", strings.Replace(text, `"index":0,`, ``, 1), Altered, "container.format"},
		{"a space", strings.Replace(text, `"index":0`, `"index": 0`, 1), Altered, "container.format"},
		{"a float", strings.Replace(text, `"index":0`, `"index":0.0`, 1), Altered, "container.format"},
		{"an escape", strings.Replace(text, `"index"`, `"inde\u0078"`, 1), Altered, "container.format"},
		{"empty since", strings.Replace(text, "}\n", `,"since":[]}`+"\n", 1), Altered, "container.format"},
		{"bytes behind", text + "}\n", Altered, "container.format"},
		{"too many hashes", strings.Replace(text, `"path":[`, `"path":["`+strings.Repeat(tlog.Hash{}.String()+`","`, 64), 1), Altered, "container.limit"},
		{"too large", strings.Replace(text, `{"format":"evident/proof/v1"`, `{"format":"evident/proof/v1"`+strings.Repeat(" ", MaxSize), 1), Altered, "container.limit"},
		{"a genesis too large", strings.Replace(text, `"genesis":"`, `"genesis":"`+strings.Repeat("x", ledger.MaxGenesisSize), 1), Altered, "container.limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := f.verify([]byte(tt.file))
			checkTexts(t, r)
			if s := r.Stages[0]; r.Verdict != tt.verdict || s.Code != tt.code || s.Status != Failed {
				t.Errorf("got %q %+v, want %q %q", r.Verdict, s, tt.verdict, tt.code)
			}
		})
	}
}

func TestEveryByteCounts(t *testing.T) {
	f := newFixture(t, shape{members: 1, before: 2, after: 3, beside: 2, changes: 1, since: true, state: true})
	for i := range f.file {
		if testing.Short() && i%7 != 0 {
			continue // the full run has it
		}
		for _, flip := range []byte{0x01, 0x20, 0x80} {
			changed := bytes.Clone(f.file)
			changed[i] ^= flip
			if r := f.verify(changed); r.Verdict == Valid {
				t.Fatalf("byte %d ^ %#x: valid; near %q", i, flip, f.file[max(0, i-30):i+10])
			}
		}
	}
}

// TestTorchwood has a verifier that we did not write check the same record.
func TestTorchwood(t *testing.T) {
	f := newFixture(t, shape{before: 9, after: 30, beside: 12, changes: 1})
	text, err := f.proof.Policy()
	if err != nil {
		t.Fatal(err)
	}
	quorum, err := torchwood.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(f.Origin), quorum)
	leaf := f.proof.Header.Hash()
	if err := torchwood.VerifyProof(policy, leaf, f.proof.TlogProof()); err != nil {
		t.Fatal(err)
	}
	var unverified *note.UnverifiedNoteError
	short := *f.proof
	short.Certificate = dropLine(dropLine(short.Certificate))
	if err := torchwood.VerifyProof(policy, leaf, short.TlogProof()); !errors.As(err, &unverified) {
		t.Errorf("a cosignature less: %v", err)
	}
	if err := torchwood.VerifyProof(policy, tlog.Hash{}, f.proof.TlogProof()); err == nil {
		t.Error("another header: accepted")
	}
}

func TestBuildRefuses(t *testing.T) {
	f := newFixture(t, shape{})
	p := *f.proof
	p.Index = 1
	if _, err := Build(p); err == nil {
		t.Error("a proof that does not verify was built")
	}
}

// TestSize holds the size of a proof without genesis and member history.
func TestSize(t *testing.T) {
	fields := `{"text":"` + strings.Repeat("x", 289) + `"}`
	tests := []struct {
		name  string
		shape shape
		limit int
	}{
		{"10,000 blocks, 100 records in its block", shape{before: 5000, after: 5000, beside: 99, fields: fields, withoutEvidence: true}, 13_000},
		{"and with one file", shape{before: 5000, after: 5000, beside: 99, fields: fields}, 13_400},
		{"and with consistency and state", shape{before: 5000, after: 5000, beside: 99, fields: fields, since: true, state: true}, 15_500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.shape)
			genesis, _ := ledger.EncodeCanonical(string(f.File))
			got := len(f.file) - len(genesis)
			t.Logf("%d bytes, and %d of genesis", got, len(genesis))
			if got > tt.limit {
				t.Errorf("%d bytes, want at most %d", got, tt.limit)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b, shape{before: 5000, after: 5000, beside: 99, withoutEvidence: true, fields: `{"text":"` + strings.Repeat("x", 289) + `"}`})
	for b.Loop() {
		if r := f.verify(f.file); r.Verdict != Valid {
			b.Fatal(r.Reason("en"))
		}
	}
	genesis, err := ledger.EncodeCanonical(string(f.File))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(f.file)-len(genesis)), "bytes/proof") // without the genesis, which is the same in every proof
}
