package proof_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"testing"
	"unicode/utf8"

	"evident/lightclient/ledger/ledgertest"
)

const specFile = "../SPEC.md"

// example matches a mark that names a vector, and the block that shows it.
var example = regexp.MustCompile("(?s)(<!-- (vector|result) ([a-z0-9/-]+) -->\n```\n)(.*?)(```\n)")

// TestSpecExamples checks that the examples in SPEC.md are the vectors.
func TestSpecExamples(t *testing.T) {
	vectors := map[string]ledgertest.Vector{}
	for _, v := range readVectors(t) {
		vectors[v.Name] = v
	}
	spec, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(example.FindAll(spec, -1)); n < 15 {
		t.Errorf("only %d examples", n)
	}
	want := example.ReplaceAllFunc(spec, func(found []byte) []byte {
		m := example.FindSubmatch(found)
		v, ok := vectors[string(m[3])]
		if !ok {
			t.Fatalf("no vector %s", m[3])
		}
		shown := show(v.Data)
		if string(m[2]) == "result" {
			shown = []byte(v.Result + "\n")
		}
		return fmt.Appendf(nil, "%s%s%s", m[1], shown, m[5])
	})
	if *update {
		if err := os.WriteFile(specFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(spec, want) {
		t.Error("SPEC.md does not show the vectors; run with -update and look at the difference")
	}
}

// show returns bytes as a reader of SPEC.md sees them: text, or hexadecimal.
func show(data []byte) []byte {
	if utf8.Valid(data) && !bytes.ContainsRune(data, 0) && data[0] >= ' ' {
		return append(bytes.TrimSuffix(data, []byte("\n")), '\n')
	}
	var out []byte
	for len(data) > 0 {
		n := min(32, len(data))
		out = append(hex.AppendEncode(out, data[:n]), '\n')
		data = data[n:]
	}
	return out
}
