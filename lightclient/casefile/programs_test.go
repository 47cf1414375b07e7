//go:build !js

package casefile_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"

	. "evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

var alterations = flag.String("alterations", "", "write the altered packages to this `folder`, for the page: npm run e2e:verify -- --altered FOLDER")

// alteration is a package that was altered, and the entry that was; empty: the
// file as it is.
type alteration struct {
	entry string
	data  []byte // of the entry
	file  []byte
}

// alter changes one byte in each of 200 places: 40 of the file itself, the
// others in its entries, with manifest and sums made again by somebody who
// takes care.
func alter(t *testing.T, good []byte) []alteration {
	t.Helper()
	var out []alteration
	for i := range 40 {
		file := bytes.Clone(good)
		file[i*len(file)/40] ^= 1
		out = append(out, alteration{file: file})
	}
	entries := takeApart(t, good)[2:]
	for i := 0; len(out) < 200; i++ {
		e := entries[i%len(entries)]
		at := (i/len(entries)*2 + 1) * len(e.data) / 16 % len(e.data)
		data := bytes.Clone(e.data)
		data[at] ^= 1
		parts := edit(takeApart(t, good), e.name, func([]byte) []byte { return data })
		out = append(out, alteration{e.name, data, putTogether(relist(t, parts))})
	}
	return out
}

// TestPrograms verifies one package with three programs, of which we wrote one:
// ours, torchwood (C2SP) and the independent verifier. The fourth is the page,
// see frontend/e2e/verifier.test.js. Each accepts what was exported, and refuses
// every alteration of what it looks at.
func TestPrograms(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	good := f.write(t, Export{Files: f.files, Pages: paper.Pages})
	altered := alter(t, good)
	if *alterations != "" {
		keep(t, good, altered)
	}
	options := Options{Trusted: &f.Fingerprint, Pages: paper.Pages}
	if r := verify(t, good, options); r.Verdict != proof.Valid {
		t.Fatalf("ours: %s", r.Reason("en"))
	}
	folder := f.Case.Records[0].Folder() + "/"
	texts := map[string][]byte{}
	for _, e := range takeApart(t, good) {
		texts[strings.TrimPrefix(e.name, folder)] = e.data
	}
	if err := byTorchwood(f.Origin, texts); err != nil {
		t.Fatalf("torchwood: %v", err)
	}
	var proofs [][]byte
	read, refused := 0, 0
	for i, a := range altered {
		if r := verify(t, a.file, options); r.Exit() == 0 {
			t.Errorf("ours accepts alteration %d, of %s", i, a.entry)
		}
		switch name := strings.TrimPrefix(a.entry, folder); name {
		case "header.txt", "header.tlog-proof":
			old := texts[name]
			if postQuantum(old, a.data) {
				continue
			}
			read++
			texts[name] = a.data
			if byTorchwood(f.Origin, texts) != nil {
				refused++
			}
			texts[name] = old
		case "proof.evident":
			proofs = append(proofs, a.data)
		}
	}
	if read < 9 || refused != read {
		t.Errorf("torchwood refuses %d of %d alterations of what it reads", refused, read)
	}
	if len(proofs) < 5 {
		t.Fatalf("%d alterations of the proof", len(proofs))
	}
	byPython(t, f.Fingerprint.String(), texts["proof.evident"], proofs)
}

// byTorchwood verifies the texts that C2SP describes.
func byTorchwood(origin string, texts map[string][]byte) error {
	quorum, err := torchwood.ParsePolicy(texts["policy.txt"])
	if err != nil {
		return err
	}
	h, err := ledger.ParseHeader(texts["header.txt"])
	if err != nil {
		return err
	}
	return torchwood.VerifyProof(torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), quorum), h.Hash(), texts["header.tlog-proof"])
}

// postQuantum tells whether the alteration is in a line with an ML-DSA signature,
// which this version of torchwood does not read; such a line is the only long one.
func postQuantum(good, altered []byte) bool {
	for i := range good {
		if good[i] != altered[i] {
			before, after := bytes.LastIndexByte(good[:i], '\n'), bytes.IndexByte(good[i:], '\n')
			return i+after-before > 2420
		}
	}
	return false
}

// byPython wants the independent verifier to accept the first proof alone.
func byPython(t *testing.T, fingerprint string, good []byte, altered [][]byte) {
	t.Helper()
	const script = `import sys, evident_verify as ev
print(*[ev.verify_proof(open(path, "rb").read(), sys.argv[1], None).exit for path in sys.argv[2:]])`
	dir := t.TempDir()
	args := []string{"-B", "-c", script, fingerprint}
	for i, data := range append([][]byte{good}, altered...) {
		path := filepath.Join(dir, fmt.Sprintf("%d.evident", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	run := exec.Command("/usr/bin/python3", args...)
	run.Dir = filepath.Join("..", "testdata", "independent")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("the independent verifier: %v\n%s", err, out)
	}
	codes := strings.Fields(string(out))
	if len(codes) != 1+len(altered) || codes[0] != "0" {
		t.Fatalf("the independent verifier says %s", out)
	}
	for i, code := range codes[1:] {
		if code == "0" {
			t.Errorf("the independent verifier accepts alteration %d of the proof", i)
		}
	}
}

// keep writes the packages for the page.
func keep(t *testing.T, good []byte, altered []alteration) {
	t.Helper()
	if err := os.MkdirAll(*alterations, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(*alterations, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("good.zip", good)
	for i, a := range altered {
		write(fmt.Sprintf("%03d-%s.zip", i, strings.ReplaceAll(filepath.Base(a.entry), ".", "-")), a.file)
	}
}
