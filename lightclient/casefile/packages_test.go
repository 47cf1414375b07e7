//go:build !js

package casefile_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/proof"
)

var update = flag.Bool("update", false, "write the packages in testdata anew")

const packageDir = "../testdata/packages"

// TestPackages checks the packages for other implementations, and that they
// are made with the same bytes today. If one differs because a text for people
// changed, the edition has to change as well: packages that people hold were
// made with the old one.
func TestPackages(t *testing.T) {
	one, many := newFixture(t, 1), newFixture(t, 4)
	made := []badPackage{
		{"valid-one", "valid ", one.write(t, Export{Files: one.files, Pages: paper.Pages})},
		{"valid-case", "valid ", many.write(t, Export{Pages: paper.Pages})},
	}
	shown := map[string]bool{"doubled": true, "name-0": true, "added-relisted": true, "content": true, "record.txt": true, "page": true}
	for _, bad := range badPackages(t) {
		if shown[bad.name] {
			made = append(made, bad)
		}
	}
	var list strings.Builder
	for _, m := range made {
		compare(t, m.name+".zip", m.data)
		r := verify(t, m.data, Options{Trusted: &one.Fingerprint, Pages: pagesFor(m.name)})
		code := ""
		for _, s := range r.Stages {
			if s.Status == proof.Failed {
				code = s.Code
			}
		}
		if got := string(r.Verdict) + " " + code; got != m.outcome {
			t.Errorf("%s: got %q, want %q", m.name, got, m.outcome)
		}
		fmt.Fprintf(&list, "%s.zip: %s\n", m.name, strings.TrimSpace(m.outcome))
	}
	compare(t, "outcomes.txt", []byte(list.String()))
}

func pagesFor(name string) Pages {
	if strings.HasPrefix(name, "valid") {
		return paper.Pages
	}
	return somePages
}

func compare(t *testing.T, name string, want []byte) {
	t.Helper()
	file := filepath.Join(packageDir, name)
	if *update {
		if err := os.MkdirAll(packageDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is made today; run with -update and look at the difference", name)
	}
}
