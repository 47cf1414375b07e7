package proof_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/merkle"
	. "evident/lightclient/proof"
)

var update = flag.Bool("update", false, "write the vectors and the examples of SPEC.md anew")

const vectorDir = "../testdata/vectors"

// vector is one file of testdata/vectors; its README tells the form.
type vector struct {
	name    string            // format/what-is-special
	outcome string            // ok, a class of package ledger, or verdict and code of a proof
	comment string            //
	context map[string]string // what a checker must know besides the bytes
	result  string            // what an accepted vector means
	data    []byte
}

func (v vector) format() string {
	format, _, _ := strings.Cut(v.name, "/")
	return format
}

// encode writes the head, an empty line, and the bytes: as they are where they
// are a text that ends in a line feed, else in base64, or compressed if long.
func (v vector) encode() []byte {
	out := fmt.Appendf(nil, "format: %s\noutcome: %s\ncomment: %s\n", v.format(), v.outcome, v.comment)
	for _, name := range slices.Sorted(maps.Keys(v.context)) {
		out = fmt.Appendf(out, "%s: %s\n", name, v.context[name])
	}
	if v.result != "" {
		out = fmt.Appendf(out, "result: %s\n", v.result)
	}
	isText := utf8.Valid(v.data) && bytes.HasSuffix(v.data, []byte("\n")) && !bytes.ContainsAny(v.data, "\r\x00")
	switch {
	case len(v.data) > 16<<10:
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(v.data)
		w.Close()
		return fmt.Appendf(out, "encoding: zlib\n\n%s\n", base64.StdEncoding.EncodeToString(b.Bytes()))
	case isText:
		return append(append(out, '\n'), v.data...)
	}
	return fmt.Appendf(out, "encoding: base64\n\n%s\n", base64.StdEncoding.EncodeToString(v.data))
}

func readVector(t testing.TB, name string) vector {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(vectorDir, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	v := vector{name: name, context: map[string]string{}}
	head, body, ok := bytes.Cut(file, []byte("\n\n"))
	if !ok {
		t.Fatalf("vector %s has no body", name)
	}
	v.data = body
	for _, line := range strings.Split(string(head), "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "format":
			if value != v.format() {
				t.Fatalf("vector %s has format %s", name, value)
			}
		case "outcome":
			v.outcome = value
		case "comment":
			v.comment = value
		case "result":
			v.result = value
		case "encoding":
			v.data = decodeBody(t, value, body)
		default:
			v.context[key] = value
		}
	}
	return v
}

func decodeBody(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(string(body), "\n"))
	if err == nil && encoding == "zlib" {
		var r io.Reader
		if r, err = zlib.NewReader(bytes.NewReader(data)); err == nil {
			data, err = io.ReadAll(r)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func vectorNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(vectorDir + "/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(filepath.ToSlash(strings.TrimPrefix(f, vectorDir+"/")), ".txt")
	}
	return names
}

func TestVectors(t *testing.T) {
	names := vectorNames(t)
	if len(names) < 80 {
		t.Errorf("only %d vectors", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			v := readVector(t, name)
			outcome, result, err := check(v)
			if outcome != v.outcome || result != v.result {
				t.Errorf("%s\ngot  %q %q (%v)\nwant %q %q", v.comment, outcome, result, err, v.outcome, v.result)
			}
		})
	}
}

// TestVectorsAreCurrent makes all vectors again and compares them with the files.
func TestVectorsAreCurrent(t *testing.T) {
	made := map[string]vector{}
	for _, v := range makeVectors(t) {
		if _, double := made[v.name]; double {
			t.Fatalf("two vectors are named %s", v.name)
		}
		v.outcome, v.result = expected(v)
		made[v.name] = v
	}
	if *update {
		writeVectors(t, made)
	}
	for _, name := range vectorNames(t) {
		got := readVector(t, name)
		want, ok := made[name]
		if !ok {
			t.Errorf("%s is not made any more", name)
			continue
		}
		same := bytes.Equal(got.data, want.data) && maps.Equal(got.context, want.context)
		if !same || got.outcome != want.outcome || got.comment != want.comment || got.result != want.result {
			t.Errorf("%s differs from what is made; run with -update and look at the difference", name)
		}
		delete(made, name)
	}
	for name := range made {
		t.Errorf("%s is missing", name)
	}
}

// expected completes a vector that is made: an accepted one with its meaning.
func expected(v vector) (outcome, result string) {
	if v.outcome == "ok" || strings.HasPrefix(v.outcome, "valid") {
		_, result, _ = check(v)
	}
	return v.outcome, result
}

func writeVectors(t *testing.T, made map[string]vector) {
	t.Helper()
	old, err := filepath.Glob(vectorDir + "/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range made {
		file := filepath.Join(vectorDir, v.name+".txt")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, v.encode(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// check runs the parser and the checks of a vector's format. All vectors are
// of the ledger of ledgertest.New(4).
func check(v vector) (outcome, result string, err error) {
	if v.format() == "proof" {
		c := ledgertest.New(4)
		r := Verify(v.data, Options{Trusted: &c.Fingerprint})
		for _, s := range r.Stages {
			if s.Status == Failed {
				return string(r.Verdict) + " " + s.Code, "", errors.New(s.Text("en"))
			}
		}
		if r.Proven != nil {
			result = fmt.Sprintf("record %s, height %d, existed by %d", r.Proven.ID, r.Proven.Height, r.Proven.ExistedBy)
		}
		return string(r.Verdict), result, nil
	}
	result, err = checkLedger(v, ledgertest.New(4))
	if err == nil {
		return "ok", result, nil
	}
	classes := []error{ledger.ErrFormat, ledger.ErrLimit, ledger.ErrSignature, ledger.ErrLedger, ledger.ErrQuorum, ledger.ErrProof}
	outcome = "none of the classes"
	for _, class := range classes {
		if errors.Is(err, class) {
			outcome = class.Error()
		}
	}
	if errors.Is(err, merkle.ErrProof) {
		outcome = "proof"
	}
	if errors.Is(err, merkle.ErrEncoding) {
		outcome = "format"
	}
	return outcome, "", err
}

func checkLedger(v vector, c *ledgertest.Consortium) (string, error) {
	switch v.format() {
	case "json":
		s := ledger.NewScanner(v.data)
		s.Object()
		return "", s.Close()
	case "key":
		return "", ledger.CheckKey(string(v.data))
	case "cosigner-key":
		_, err := ledger.ParseCosignerKey(string(v.data))
		return "", err
	case "record":
		r, err := ledger.OpenRecord(v.data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("id %s, leaf %s", r.ID, r.Leaf()), nil
	case "header":
		h, err := ledger.ParseHeader(v.data)
		return fmt.Sprintf("hash %s", h.Hash()), err
	case "checkpoint":
		_, err := ledger.ParseCheckpoint(c.Origin, v.data)
		return "", err
	case "certificate":
		cert, err := ledger.OpenCertificate(c.Origin, c.Genesis.Members, v.data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("height %d, time %d", cert.Height(), cert.Time()), nil
	case "members":
		set, err := ledger.ParseMemberSet(v.data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("digest %s, quorum %d, faults %d", set.Digest(), set.Quorum(), set.Faults()), nil
	case "genesis":
		g, err := ledger.ParseGenesis(v.data)
		if err != nil {
			return "", err
		}
		f := ledger.GenesisFingerprint(v.data)
		return fmt.Sprintf("origin %s, words %s", g.Origin(f), strings.Join(f.Words(), " ")), nil
	case "block":
		b, err := ledger.ParseBlock(v.data)
		return fmt.Sprintf("records %d", len(b.Notes)), err
	case "state":
		return "", checkStateVector(v)
	}
	return "", errors.New("vector of an unknown format")
}

func checkStateVector(v vector) error {
	p, err := merkle.ParseProof(v.data)
	if err != nil {
		return err
	}
	root, err := ledger.ParseHash(v.context["root"])
	if err != nil {
		return err
	}
	key := merkle.Key(v.context["space"], v.context["name"])
	if v.context["value"] == "" {
		return merkle.CheckAbsent(root, key, p)
	}
	value, err := ledger.ParseHash(v.context["value"])
	if err != nil {
		return err
	}
	return merkle.CheckPresent(root, key, value, p)
}
