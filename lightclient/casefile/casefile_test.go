package casefile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	. "evident/lightclient/casefile"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
)

// exportedAt is when the test's packages are made.
const exportedAt = 1763850000000

// fixture is a case on a ledger of four members.
type fixture struct {
	*ledgertest.Chain
	proofs [][]byte
	*Case
	files []File
}

// newFixture makes a case of n records, each of one file; the first is public,
// the second sealed and disclosed, the third sealed and kept back.
func newFixture(t testing.TB, n int) *fixture {
	t.Helper()
	chain := ledgertest.NewChain(4)
	f := &fixture{Chain: chain}
	var records []*ledger.Record
	var notes [][]byte
	disclosed := map[int][]proof.Disclosure{}
	for i := range n {
		s := chain.Statement()
		s.Nonce = fmt.Sprintf("%032x", i)
		if i == 1 || i == 2 {
			digest := sha256.Sum256([]byte("hello"))
			s.Evidence[0].Commit = ledger.Commitment([32]byte{7}, digest).String()
			s.Evidence[0].Mode, s.Evidence[0].SHA256, s.Evidence[0].Name, s.Evidence[0].Size = ledger.Sealed, "", "", 221
			if i == 1 {
				disclosed[i] = []proof.Disclosure{{Salt: [32]byte{7}, SHA256: digest}}
			}
		}
		signer, _ := ledgertest.Author("ada")
		records = append(records, must(s.Sign(signer)))
		notes = append(notes, records[i].Note)
	}
	leaves := make([]tlog.Hash, n)
	for i, r := range records {
		leaves[i] = r.Leaf()
	}
	chain.Add(chain.Set)
	h := chain.Add(chain.Set, notes...)
	cert := chain.Certify(chain.Genesis.Members, chain.Tree(), exportedAt/1000-600)
	for i, r := range records {
		p := must(proof.Build(proof.Proof{
			Genesis: chain.File, Record: r.Note, Index: int64(i), Path: must(ledger.NewRecordsTree(leaves).Prove(int64(i))),
			Header: h, Inclusion: chain.Prove(h.Height, chain.Tree().N), Certificate: cert.Note, Disclosures: disclosed[i],
		}))
		f.proofs = append(f.proofs, must(p.Encode()))
		if i != 2 {
			f.files = append(f.files, File{Record: r.ID, Open: opener("hello")})
		}
	}
	f.Case = must(NewCase(f.proofs))
	return f
}

func opener(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func (f *fixture) write(t testing.TB, x Export) []byte {
	t.Helper()
	x.At, x.Exporter = exportedAt, "test"
	var b bytes.Buffer
	if err := f.Case.Write(&b, x); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// somePages stand for the certificate.
var somePages = Pages{Names: []string{"certificate.en.html", "certificate.en.pdf", "certificate.zh.html", "certificate.zh.pdf"}, Make: makePages}

func makePages(c *Case, m *Manifest, digest string) ([]Page, error) {
	var out []Page
	for _, name := range m.Pages {
		out = append(out, Page{name, fmt.Appendf(nil, "%s of %d records, manifest %s\n", name, len(c.Records), digest)})
	}
	return out, nil
}

func verify(t testing.TB, data []byte, o Options) Report {
	t.Helper()
	r, err := Verify(bytes.NewReader(data), int64(len(data)), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPackage(t *testing.T) {
	for _, test := range []struct {
		name    string
		records int
		content bool
		pages   Pages
		want    map[string]string // code of a stage
	}{
		{"one record without its file", 1, false, Pages{}, map[string]string{StageContent: "content.excluded", StagePages: "pages.texts"}},
		{"one record with its file", 1, true, somePages, map[string]string{StageContent: "content.ok", StagePages: "pages.ok"}},
		{"a case", 5, true, somePages, map[string]string{StageContent: "content.part", StageTime: "time.absent"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, test.records)
			x := Export{Pages: test.pages}
			if test.content {
				x.Files = f.files
			}
			data := f.write(t, x)
			slices.Reverse(f.proofs)
			again := &fixture{Case: must(NewCase(f.proofs))}
			slices.Reverse(x.Files)
			if !bytes.Equal(data, again.write(t, x)) {
				t.Error("the same export in another order gives other bytes")
			}
			r := verify(t, data, Options{Trusted: &f.Fingerprint, Pages: test.pages})
			if r.Verdict != proof.Valid || len(r.Proofs) != test.records {
				t.Fatalf("got %q (%s), want valid", r.Verdict, r.Reason("en"))
			}
			for stage, code := range test.want {
				if got := r.Stage(stage).Code; got != code {
					t.Errorf("stage %s: got %s, want %s", stage, got, code)
				}
			}
			if r := verify(t, data, Options{}); r.Verdict != proof.UnknownLedger || r.Exit() != 2 || len(r.Words) != 12 {
				t.Errorf("without trust: got %q, want unknown ledger with its words", r.Verdict)
			}
		})
	}
}

// TestEveryStageHasTexts looks for codes without a text in both languages.
func TestEveryStageHasTexts(t *testing.T) {
	f := newFixture(t, 1)
	r := verify(t, f.write(t, Export{}), Options{Trusted: &f.Fingerprint})
	for _, s := range r.Stages {
		if s.Text("en") == "" || s.Text("zh") == "" || s.Text("en") == s.Text("zh") || strings.Contains(s.Text("en"), "{") {
			t.Errorf("%s: %q, %q", s.Code, s.Text("en"), s.Text("zh"))
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	f := newFixture(t, 3)
	other := f.files[0]
	other.Open = opener("hallo")
	sealed := File{Record: f.Case.Records[2].ID, Open: opener("hello")}
	missing := f.files[0]
	missing.Index = 1
	for _, test := range []struct {
		name  string
		files []File
	}{
		{"a file with other bytes", []File{other}},
		{"a file whose digest is not disclosed", []File{sealed}},
		{"a file that the record does not name", []File{missing}},
		{"a file twice", []File{f.files[0], f.files[0]}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := f.Case.Write(io.Discard, Export{Exporter: "test", Files: test.files}); err == nil {
				t.Error("accepted")
			}
		})
	}
	reads := 0
	changing := f.files[0]
	changing.Open = func() (io.ReadCloser, error) { reads++; return opener([]string{"", "hello", "jello"}[reads])() }
	if err := f.Case.Write(io.Discard, Export{Exporter: "test", Files: []File{changing}}); err == nil {
		t.Error("a file that changes between two reads was accepted")
	}
	if _, err := NewCase([][]byte{f.proofs[0], f.proofs[0]}); err == nil {
		t.Error("the same proof twice was accepted")
	}
}

// TestManifestDigest checks what stands in the foot of every page.
func TestManifestDigest(t *testing.T) {
	f := newFixture(t, 1)
	data := f.write(t, Export{})
	start := bytes.IndexByte(data, '{')
	end := start + bytes.IndexByte(data[start:], '\n') + 1
	sum := sha256.Sum256(data[start:end])
	if r := verify(t, data, Options{}); r.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("got %s, want %x", r.SHA256, sum)
	}
}

const anyCID = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"

// oneRecord makes a case of one record with one file.
func oneRecord(t testing.TB, e ledger.Evidence) (*Case, ledger.RecordID) {
	t.Helper()
	chain := ledgertest.NewChain(4)
	s := chain.Statement()
	s.Evidence = []ledger.Evidence{e}
	signer, _ := ledgertest.Author("ada")
	r := must(s.Sign(signer))
	h := chain.Add(chain.Set, r.Note)
	p := must(proof.Build(proof.Proof{
		Genesis: chain.File, Record: r.Note, Header: h, Inclusion: chain.Prove(h.Height, chain.Tree().N),
		Certificate: chain.Certify(chain.Genesis.Members, chain.Tree(), exportedAt/1000).Note,
	}))
	return must(NewCase([][]byte{must(p.Encode())})), r.ID
}

// TestContentCID compares the CID of a file with the record's, where somebody
// can compute it.
func TestContentCID(t *testing.T) {
	hello := fmt.Sprintf("%x", sha256.Sum256([]byte("hello")))
	for _, test := range []struct{ cid, code string }{
		{anyCID, "content.ok"},
		{"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", "content.cid"},
	} {
		c, record := oneRecord(t, ledger.Evidence{CID: test.cid, Mode: ledger.Digest, SHA256: hello, Size: 5})
		var b bytes.Buffer
		if err := c.Write(&b, Export{Exporter: "test", Files: []File{{Record: record, Open: opener("hello")}}}); err != nil {
			t.Fatal(err)
		}
		r := verify(t, b.Bytes(), Options{NewCID: func() CIDWriter { return evidence.NewHasher() }})
		if got := r.Stage(StageContent).Code; got != test.code {
			t.Errorf("CID %s: got %s, want %s", test.cid, got, test.code)
		}
	}
}
