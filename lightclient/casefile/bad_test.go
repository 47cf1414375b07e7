package casefile_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	. "evident/lightclient/casefile"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
)

// entry is an entry of a package that is taken apart.
type entry struct {
	name string
	data []byte
}

func takeApart(t testing.TB, data []byte) []entry {
	t.Helper()
	r := must(zip.NewReader(bytes.NewReader(data), int64(len(data))))
	var out []entry
	for _, f := range r.File {
		out = append(out, entry{f.Name, must(io.ReadAll(must(f.Open())))})
	}
	return out
}

// edit changes an entry.
func edit(entries []entry, name string, change func([]byte) []byte) []entry {
	for i := range entries {
		if entries[i].name == name {
			entries[i].data = change(entries[i].data)
		}
	}
	return entries
}

// relist makes manifest and sums again, as somebody would who alters a package with care.
func relist(t testing.TB, entries []entry) []entry {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(entries[0].data, &m); err != nil {
		t.Fatal(err)
	}
	m.Entries = nil
	for _, e := range entries[2:] {
		if strings.HasPrefix(e.name, "certificate.") {
			continue
		}
		a, b := sha256.Sum256(e.data), sha512.Sum512(e.data)
		m.Entries = append(m.Entries, Entry{e.name, hex.EncodeToString(a[:]), hex.EncodeToString(b[:]), int64(len(e.data))})
	}
	entries[0].data = append(must(ledger.EncodeCanonical(m)), '\n')
	return resum(entries)
}

func resum(entries []entry) []entry {
	var sums []byte
	for i, e := range entries {
		if i != 1 {
			sums = fmt.Appendf(sums, "%x  %s\n", sha256.Sum256(e.data), e.name)
		}
	}
	entries[1].data = sums
	return entries
}

// putTogether writes entries as a package has them.
func putTogether(entries []entry) []byte {
	var b bytes.Buffer
	z := NewWriter(&b)
	for _, e := range entries {
		if err := z.Add(e.name, int64(len(e.data)), crc32.ChecksumIEEE(e.data), bytes.NewReader(e.data)); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// badPackage is a package that is wrong in one way.
type badPackage struct {
	name    string
	outcome string // verdict and code
	data    []byte
}

func badPackages(t testing.TB) []badPackage {
	f := newFixture(t, 4)
	good := f.write(t, Export{Files: f.files, Pages: somePages})
	record := f.Case.Records[0].Folder()
	content := "content/" + f.Case.Records[0].Short() + "/1.jpg"
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	var out []badPackage
	add := func(name, outcome string, data []byte) { out = append(out, badPackage{name, outcome, data}) }
	parts := func() []entry { return takeApart(t, good) }
	without := func(name string) []entry {
		var left []entry
		for _, e := range parts() {
			if e.name != name {
				left = append(left, e)
			}
		}
		return left
	}
	insert := func(i int, e entry) []entry {
		all := parts()
		return append(append(append([]entry{}, all[:i]...), e), all[i:]...)
	}
	last := len(parts())

	add("empty", "incomplete container.foreign", nil)
	add("no-zip", "incomplete container.foreign", f.proofs[0])
	add("cut", "incomplete container.cut", good[:len(good)-1])
	add("cut-half", "incomplete container.cut", good[:len(good)/2])
	add("trailing", "altered container.format", append(bytes.Clone(good), 0))
	add("prefix", "incomplete container.foreign", append([]byte{0}, good...))
	add("gap", "altered container.format", append(append(bytes.Clone(good[:len(good)-22]), 0), good[len(good)-22:]...))
	add("doubled", "altered container.format", putTogether(insert(last, parts()[last-1])))
	add("order", "altered container.format", putTogether(insert(2, entry{"zzz", nil})))
	for i, name := range []string{"../x", "/x", "x/../y", "x//y", "x\\y", "c:x", "x/", ".x", "x.", "x\n", "港口"} {
		add(fmt.Sprintf("name-%d", i), "altered container.format", putTogether(insert(last, entry{"trust/z/" + name, nil})))
		add(fmt.Sprintf("name-alone-%d", i), "altered container.format", putTogether(append(parts()[:2], entry{name, nil})))
	}
	add("missing", "altered manifest.missing", putTogether(resum(without(record+"/policy.txt"))))
	add("missing-page", "altered manifest.missing", putTogether(resum(without("certificate.zh.html"))))
	add("missing-relisted", "altered artefacts.differs", putTogether(relist(t, without(record+"/policy.txt"))))
	add("missing-draft", "altered manifest.claims", putTogether(relist(t, without("declaration/eu.txt"))))
	add("missing-proof", "altered proofs.missing", putTogether(relist(t, without(record+"/proof.evident"))))
	add("added", "altered manifest.added", putTogether(resum(insert(last, entry{"trust/zzz", []byte("x")}))))
	add("added-relisted", "altered manifest.claims", putTogether(relist(t, insert(last, entry{"trust/zzz", []byte("x")}))))
	add("renamed", "altered manifest.missing", putTogether(resum(append(without("trust/members.md"), entry{"trust/people.md", nil}))))
	add("entry", "altered manifest.differs", putTogether(edit(parts(), content, flip)))
	add("entry-crc", "altered container.crc", bytes.Replace(bytes.Clone(good), []byte("hello"), []byte("hallo"), 1))
	add("content", "altered content.differs", putTogether(relist(t, edit(parts(), content, flip))))
	add("proof", "altered proofs.wrong", putTogether(relist(t, edit(parts(), record+"/proof.evident", func(b []byte) []byte {
		return bytes.Replace(b, []byte(`\"at\":1763848800123`), []byte(`\"at\":1763848800124`), 1)
	}))))
	add("proof-other", "altered proofs.other", putTogether(relist(t, edit(parts(), record+"/proof.evident", func([]byte) []byte { return f.proofs[1] }))))
	for _, name := range []string{"record.txt", "header.txt", "certificate.txt", "header.tlog-proof", "policy.txt"} {
		add(name, "altered artefacts.differs", putTogether(relist(t, edit(parts(), record+"/"+name, flip))))
	}
	add("genesis", "altered artefacts.differs", putTogether(relist(t, edit(parts(), "trust/genesis.json", flip))))
	add("draft", "altered pages.differs", putTogether(relist(t, edit(parts(), "declaration/us-902.txt", flip))))
	add("page", "altered pages.differs", putTogether(resum(edit(parts(), "certificate.en.html", flip))))
	add("sums", "altered sums.differs", putTogether(edit(parts(), "SHA256SUMS", flip)))
	for _, change := range []struct{ name, outcome, old, new string }{
		{"version", "incomplete manifest.version", "package/v1", "package/v2"},
		{"spelling", "altered manifest.format", `{"contents"`, `{ "contents"`},
		{"note", "altered manifest.format", "not evidence", "evidence"},
		{"time", "altered pages.differs", `"at":1763850000000`, `"at":1763850000001`},
		{"redacted", "altered manifest.claims", `"what":"content"`, `"what":"digest"`},
		{"ledger", "altered manifest.claims", `"ledger":"harbour`, `"ledger":"harbor`},
		{"record", "altered proofs.missing", `"records":["`, `"records":["0`},
		{"index", "altered manifest.claims", `"index":0`, `"index":9`},
		{"edition", "unknown ledger ", `"edition":2`, `"edition":3`},
	} {
		add("manifest-"+change.name, change.outcome, putTogether(resum(edit(parts(), "manifest.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte(change.old), []byte(change.new), 1)
		}))))
	}
	return out
}

func TestBadPackages(t *testing.T) {
	for _, bad := range badPackages(t) {
		t.Run(bad.name, func(t *testing.T) {
			r := verify(t, bad.data, Options{Pages: somePages})
			code := ""
			for _, s := range r.Stages {
				if s.Status == proof.Failed {
					code = s.Code
					if s.Text("en") == "" || s.Text("zh") == "" {
						t.Errorf("no text for %s", s.Code)
					}
				}
			}
			if got := string(r.Verdict) + " " + code; got != bad.outcome {
				t.Errorf("got %q (%s), want %q", got, r.Reason("en"), bad.outcome)
			}
		})
	}
}

// TestEveryByte changes bytes all over a package: none of them may go unnoticed.
func TestEveryByte(t *testing.T) {
	f := newFixture(t, 1)
	good := f.write(t, Export{Files: f.files, Pages: somePages})
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		data := bytes.Clone(good)
		at := random.IntN(len(data))
		data[at] ^= 1 << random.IntN(8)
		if r := verify(t, data, Options{Trusted: &f.Fingerprint, Pages: somePages}); r.Exit() == 0 {
			t.Errorf("byte %d of %d changed, and the package is valid", at, len(data))
		}
	}
}

// TestForeignZips gives the verifier what other programs write.
func TestForeignZips(t *testing.T) {
	f := newFixture(t, 1)
	entries := takeApart(t, f.write(t, Export{}))
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, e := range entries {
			must(must(w.CreateHeader(&zip.FileHeader{Name: e.name, Method: method})).Write(e.data))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, b.Bytes(), Options{}); r.Verdict != proof.Altered || r.Stage(StageContainer).Code != "container.format" {
			t.Errorf("method %d: got %q", method, r.Verdict)
		}
	}
}

// FuzzVerify wants no package to be accepted but the one that was made.
func FuzzVerify(f *testing.F) {
	made := newFixture(f, 1)
	good := made.write(f, Export{Files: made.files})
	f.Add(good)
	trusted := ledgertest.New(4).Fingerprint
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Verify(bytes.NewReader(data), int64(len(data)), Options{Trusted: &trusted})
		if err == nil && r.Verdict == proof.Valid && r.Manifest.Edition == Edition && !bytes.Equal(data, good) && len(r.Manifest.Pages) == 0 && r.Manifest.Exporter == "test" {
			t.Error("valid, but not the package that was made")
		}
	})
}

// FuzzContainer wants every accepted container to be what a writer of its
// entries makes, and the standard library to find the same entries in it.
func FuzzContainer(f *testing.F) {
	f.Add(putTogether([]entry{{"manifest.json", []byte("{}")}, {"SHA256SUMS", nil}}))
	f.Add(putTogether([]entry{{"manifest.json", []byte("{}")}, {"SHA256SUMS", nil}, {"a/b.txt", []byte("hello")}, {"a/c", nil}}))
	f.Add(putTogether([]entry{{"manifest.json", nil}, {"SHA256SUMS", nil}, {"../b", []byte("hello")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := OpenContainer(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(r.File) != len(names) {
			t.Fatalf("accepted, but not by archive/zip: %v", err)
		}
		var b bytes.Buffer
		z := NewWriter(&b)
		for _, file := range r.File {
			content := must(file.OpenRaw())
			if err := z.Add(file.Name, int64(file.UncompressedSize64), file.CRC32, content); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil || !bytes.Equal(b.Bytes(), data) {
			t.Errorf("accepted, but its entries are written otherwise: %v", err)
		}
	})
}
