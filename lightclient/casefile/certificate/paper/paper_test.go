package paper_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
)

// newCase takes valid proofs of the vectors.
func newCase(t *testing.T, names ...string) *casefile.Case {
	t.Helper()
	var files [][]byte
	for _, v := range ledgertest.ReadVectors("../../../testdata/vectors", "proof") {
		for _, name := range names {
			if v.Name == "proof/"+name {
				files = append(files, v.Data)
			}
		}
	}
	c, err := casefile.NewCase(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, c *casefile.Case) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b, casefile.Export{Exporter: "test <1>", At: 1763850000000, Pages: paper.Pages}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPackageWithPages(t *testing.T) {
	data := write(t, newCase(t, "plain", "full"))
	trusted := ledgertest.New(4).Fingerprint
	r, err := casefile.Verify(bytes.NewReader(data), int64(len(data)), casefile.Options{Trusted: &trusted, Pages: paper.Pages})
	if err != nil || r.Verdict != proof.Valid || r.Stage(casefile.StagePages).Code != "pages.ok" {
		t.Fatalf("got %q (%s), %v, want valid with its pages", r.Verdict, r.Reason("en"), err)
	}
	part, err := casefile.Verify(bytes.NewReader(data), int64(len(data)), casefile.Options{Trusted: &trusted, Pages: certificate.HTML})
	if err != nil || part.Verdict != proof.Valid || part.Stage(casefile.StagePages).Code != "pages.part" {
		t.Errorf("without fonts: got %q (%s), %v", part.Verdict, part.Reason("en"), err)
	}
	var screens bytes.Buffer
	if err := newCase(t, "plain", "full").Write(&screens, casefile.Export{Exporter: "test <1>", At: 1763850000000, Pages: certificate.HTML}); err != nil {
		t.Fatal(err)
	}
	r, err = casefile.Verify(bytes.NewReader(screens.Bytes()), int64(screens.Len()), casefile.Options{Trusted: &trusted, Pages: paper.Pages})
	if err != nil || r.Verdict != proof.Valid || r.Stage(casefile.StagePages).Code != "pages.ok" {
		t.Errorf("a package without paper: got %q (%s), %v", r.Verdict, r.Reason("en"), err)
	}
	altered := bytes.Replace(data, []byte("Certificate of evidence</h1>"), []byte("Certificate of ownership"), 1)
	if r, _ := casefile.Verify(bytes.NewReader(altered), int64(len(altered)), casefile.Options{Pages: paper.Pages}); r.Verdict != proof.Altered {
		t.Errorf("an altered page: got %q", r.Verdict)
	}
}

func newPaper(t *testing.T, lang string) []byte {
	t.Helper()
	m := &casefile.Manifest{Exporter: "test <1>", Exported: casefile.Exported{At: 1763850000000}}
	pages, err := paper.Pages.Make(newCase(t, "plain", "full"), m, strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		if p.Name == "certificate."+lang+".pdf" {
			return p.Data
		}
	}
	t.Fatalf("no page in %s", lang)
	return nil
}

func TestPaperIsDeterministic(t *testing.T) {
	if !bytes.Equal(newPaper(t, "zh"), newPaper(t, "zh")) {
		t.Error("the same case made two different PDFs")
	}
}

// TestPaperReads looks at the PDF with other people's programs.
func TestPaperReads(t *testing.T) {
	for lang, want := range map[string][]string{
		"en": {"Certificate of evidence", "A", "Subject", "港口 照片.jpg", "B", "Declared by the author", "C", "Proved by the ledger", "Harbour District Court", "D", "E", "F", "G", "H", "Page 3 of 3"},
		"zh": {"存证证明书", "存证对象", "港口 照片.jpg", "作者声明", "账本所证明", "北京时间", "独立时间", "保管", "如何核验", "证明的界限", "有资格者的确认", "第 3 页，共 3 页"},
	} {
		t.Run(lang, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "certificate.pdf")
			if err := os.WriteFile(path, newPaper(t, lang), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil {
				t.Errorf("qpdf: %v\n%s", err, out)
			}
			out, err := exec.Command("pdftotext", path, "-").Output()
			if err != nil {
				t.Fatalf("pdftotext: %v", err)
			}
			rest := string(out)
			for _, s := range want {
				_, after, found := strings.Cut(rest, s)
				if !found {
					t.Fatalf("%q does not follow in what pdftotext reads:\n%s", s, out)
				}
				rest = after
			}
			list, err := exec.Command("pdfdetach", "-list", path).CombinedOutput()
			if err != nil || !strings.Contains(string(list), "2 embedded files") {
				t.Errorf("attachments: %v, %s", err, list)
			}
		})
	}
}

// TestPaperCompared packs the page's streams another way, as another
// compressor would, and changes it in ways that count.
func TestPaperCompared(t *testing.T) {
	made := newPaper(t, "en")
	again := recompressed(t, made)
	if len(again) <= len(made) {
		t.Fatal("it was not compressed another way")
	}
	path := filepath.Join(t.TempDir(), "again.pdf")
	if err := os.WriteFile(path, again, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil {
		t.Fatalf("the page that is compressed another way is no PDF: %v\n%s", err, out)
	}
	if !casefile.SamePDF(again, made) {
		t.Error("another compressor's page is refused")
	}
	for _, alter := range []struct {
		name string
		page []byte
	}{
		{"a date", bytes.Replace(made, []byte("/CreationDate (D:2025"), []byte("/CreationDate (D:2024"), 1)},
		{"an offset", bytes.Replace(made, []byte(" 00000 n \n0"), []byte(" 00000 n \n1"), 1)},
		{"one byte less", made[:len(made)-1]},
		{"one byte more", append(bytes.Clone(made), '\n')},
		{"a byte behind a stream", bytes.Replace(again, []byte("endstream"), []byte(" endstream"), 1)},
		{"other text", replaced(t, made)},
		{"nothing", nil},
	} {
		if casefile.SamePDF(alter.page, made) {
			t.Errorf("%s: accepted", alter.name)
		}
	}
	for i := 0; i < len(made); i += len(made)/400 + 1 {
		altered := bytes.Clone(made)
		altered[i] ^= 1
		if casefile.SamePDF(altered, made) {
			t.Errorf("byte %d flipped: accepted", i)
		}
	}
}

// recompressed writes the file again with every stream stored, not deflated.
func recompressed(t *testing.T, pdf []byte) []byte {
	t.Helper()
	return rewritten(t, pdf, func(data []byte) []byte {
		r, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return data
		}
		plain, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return deflated(plain, zlib.NoCompression)
	})
}

// replaced writes the file again with another text on the first page.
func replaced(t *testing.T, pdf []byte) []byte {
	t.Helper()
	change := sync.OnceValue(func() []byte { return deflated([]byte("BT ET"), zlib.BestSpeed) })
	first := true
	return rewritten(t, pdf, func(data []byte) []byte {
		if !first {
			return data
		}
		first = false
		return change()
	})
}

func deflated(plain []byte, level int) []byte {
	var b bytes.Buffer
	w, _ := zlib.NewWriterLevel(&b, level)
	w.Write(plain)
	w.Close()
	return b.Bytes()
}

var (
	objects = regexp.MustCompile(`(?m)^(\d+) 0 obj\n`)
	lengths = regexp.MustCompile(`/Length (\d+)`)
)

// rewritten changes the streams of a PDF, and lengths and offsets with them.
func rewritten(t *testing.T, pdf []byte, change func([]byte) []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	offsets := map[int]int{}
	for {
		at := objects.FindSubmatchIndex(pdf)
		if at == nil {
			break
		}
		out.Write(pdf[:at[0]])
		number, _ := strconv.Atoi(string(pdf[at[2]:at[3]]))
		offsets[number] = out.Len()
		pdf = pdf[at[0]:]
		head, _, _ := bytes.Cut(pdf, []byte("endobj"))
		if before, _, ok := bytes.Cut(head, []byte("stream\n")); ok {
			n := lengths.FindSubmatchIndex(before)
			size, _ := strconv.Atoi(string(before[n[2]:n[3]]))
			data := change(pdf[len(before)+7:][:size])
			fmt.Fprintf(&out, "%s%d%sstream\n%s", before[:n[2]], len(data), before[n[3]:], data)
			pdf = pdf[len(before)+7+size:]
			continue
		}
		out.Write(head)
		pdf = pdf[len(head):]
	}
	before, table, ok := bytes.Cut(pdf, []byte("xref\n"))
	if !ok {
		t.Fatal("no table of offsets")
	}
	out.Write(before)
	start := out.Len()
	out.WriteString("xref\n")
	number := -1
	for _, line := range strings.SplitAfter(string(table), "\n") {
		if strings.HasSuffix(line, " n \n") || strings.HasSuffix(line, " f \n") {
			number++
		}
		switch {
		case strings.HasSuffix(line, " n \n"):
			fmt.Fprintf(&out, "%010d 00000 n \n", offsets[number])
		case strings.HasSuffix(out.String(), "startxref\n"):
			fmt.Fprintf(&out, "%d\n", start)
		default:
			out.WriteString(line)
		}
	}
	return out.Bytes()
}
