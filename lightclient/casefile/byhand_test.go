//go:build !js

package casefile_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "evident/lightclient/casefile"
	"evident/lightclient/ledger/ledgertest"
)

// TestByHand does what VERIFY.txt says, line by line, with other people's programs.
func TestByHand(t *testing.T) {
	f := newFixture(t, 5)
	dir := t.TempDir()
	file := filepath.Join(dir, "case.zip")
	if err := os.WriteFile(file, f.write(t, Export{Files: f.files, Pages: somePages}), 0o600); err != nil {
		t.Fatal(err)
	}
	unpack := exec.Command("python3", "-m", "zipfile", "-e", file, dir)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpack: %v\n%s", err, out)
	}
	guide, err := os.ReadFile(filepath.Join(dir, "VERIFY.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var said string
	steps := 0
	for line := range strings.Lines(string(guide)) {
		command, ok := strings.CutPrefix(line, "    $ ")
		if !ok {
			continue
		}
		steps++
		if said, err = shell(dir, command); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, said)
		}
	}
	if steps != 5 || !strings.HasSuffix(said, "all proofs hold\n") || strings.Count(said, "checked") != 4 {
		t.Errorf("%d steps, the last one says\n%s", steps, said)
	}
	folder := filepath.Join(dir, f.Case.Records[0].Folder())
	for _, name := range []string{filepath.Join(folder, "proof.evident"), filepath.Join(dir, "content", filepath.Base(folder), "1.jpg")} {
		data := must(os.ReadFile(name))
		changed := bytes.Replace(bytes.Replace(data, []byte(`\"at\":1763848800123`), []byte(`\"at\":1763848800124`), 1), []byte("hell"), []byte("hull"), 1)
		if err := os.WriteFile(name, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := shell(dir, "python3 verify.py "+f.Fingerprint.String()); err == nil || !strings.Contains(said, "DOES NOT HOLD") {
			t.Errorf("%s was altered, and the program said %q, %v", name, said, err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func shell(dir, command string) (string, error) {
	c := exec.Command("bash", "-c", command)
	c.Dir = dir
	out, err := c.CombinedOutput()
	return string(out), err
}

// TestByHandOverMembers walks a change of the members with the program in
// VERIFY.txt, and a log of 41 blocks.
func TestByHandOverMembers(t *testing.T) {
	var files [][]byte
	for _, v := range ledgertest.ReadVectors("../testdata/vectors", "proof") {
		if v.Name == "proof/history" || v.Name == "proof/full" {
			files = append(files, v.Data)
		}
	}
	f := &fixture{Case: must(NewCase(files))}
	dir := t.TempDir()
	file := filepath.Join(dir, "case.zip")
	if err := os.WriteFile(file, f.write(t, Export{}), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := shell(dir, "python3 -m zipfile -e case.zip . && sed -n '/^# BEGIN/,/^# END/p' VERIFY.txt > verify.py && python3 verify.py "+f.Case.Fingerprint.String())
	if err != nil || strings.Count(said, "existed by") != 2 || !strings.HasSuffix(said, "all proofs hold\n") {
		t.Errorf("%v\n%s", err, said)
	}
}
