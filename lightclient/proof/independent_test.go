package proof_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A second verifier, written in Python from SPEC.md alone, must find the same in every vector.
func TestIndependentVerifier(t *testing.T) {
	const python = "/usr/bin/python3"
	t.Parallel()
	if out, err := exec.Command(python, "-c", "import cryptography").CombinedOutput(); err != nil {
		why := "the second verifier needs python3 and its cryptography: apt-get install python3-cryptography (" + err.Error() + " " + string(out) + ")"
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	run := exec.Command(python, "-B", "run_vectors.py")
	run.Dir = filepath.Join("..", "testdata", "independent")
	out, err := run.CombinedOutput()
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	if last := lines[len(lines)-1]; err != nil || !strings.HasSuffix(last, " passed, 0 failed") {
		t.Fatalf("%v\n%s", err, out)
	}
}
