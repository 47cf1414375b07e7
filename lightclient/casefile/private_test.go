//go:build !js

package casefile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
)

// privateCase is a case of one vector: a record of three private fields.
func privateCase(t *testing.T, name string) *fixture {
	t.Helper()
	for _, v := range ledgertest.ReadVectors("../testdata/vectors", "proof") {
		if v.Name == "proof/"+name {
			return &fixture{proofs: [][]byte{v.Data}, Case: must(NewCase([][]byte{v.Data}))}
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

// TestPrivateFields checks that a package shows what is disclosed and lists what is not.
func TestPrivateFields(t *testing.T) {
	f := privateCase(t, "private-one")
	data := f.write(t, Export{Pages: certificate.HTML})
	r := verify(t, data, Options{Trusted: &f.Fingerprint, Pages: certificate.HTML})
	if r.Verdict != proof.Valid {
		t.Fatalf("got %q (%s), want valid", r.Verdict, r.Reason("en"))
	}
	var redacted []string
	for _, x := range r.Manifest.Redacted {
		if x.What == "field" {
			redacted = append(redacted, x.Field)
		}
	}
	if want := []string{"note", "name"}; !slices.Equal(redacted, want) {
		t.Errorf("redacted %q, want %q", redacted, want)
	}
	for _, want := range []string{
		"1996-02-29 (disclosed, matches its commitment)", "1996-02-29（已披露，与承诺值相符）",
		"<th>name</th><td>not disclosed: redacted in this package", "<th>name</th><td>未披露：本文件包已隐去",
	} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("the certificate does not say %q", want)
		}
	}
	if bytes.Contains(data, []byte("林晓")) {
		t.Error("the package holds what was not disclosed")
	}

	all := privateCase(t, "private-all")
	whole := all.write(t, Export{Pages: certificate.HTML})
	if r := verify(t, whole, Options{Trusted: &all.Fingerprint, Pages: certificate.HTML}); r.Verdict != proof.Valid || slices.ContainsFunc(r.Manifest.Redacted, func(x Redaction) bool { return x.What == "field" }) {
		t.Errorf("everything is disclosed: got %q, redacted %v", r.Verdict, r.Manifest.Redacted)
	}
}

// TestPrivateClaims checks that a manifest cannot be silent about a private field.
func TestPrivateClaims(t *testing.T) {
	f := privateCase(t, "private-one")
	made := f.write(t, Export{})
	for name, change := range map[string][2]string{
		"another name":  {`{"field":"note"`, `{"field":"nota"`},
		"another place": {`"field":"name","index":1`, `"field":"name","index":2`},
		"no field":      {`"what":"field"`, `"what":"digest"`},
	} {
		changed := edit(takeApart(t, made), "manifest.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte(change[0]), []byte(change[1]), 1)
		})
		if r := verify(t, putTogether(resum(changed)), Options{Trusted: &f.Fingerprint}); r.Verdict != proof.Altered || r.Stage(StageManifest).Code != "manifest.claims" {
			t.Errorf("%s: got %q, %s", name, r.Verdict, r.Reason("en"))
		}
	}
}

// TestPrivateByHand checks private fields with the program in VERIFY.txt.
func TestPrivateByHand(t *testing.T) {
	f := privateCase(t, "private-all")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "case.zip"), f.write(t, Export{}), 0o600); err != nil {
		t.Fatal(err)
	}
	run := "python3 verify.py " + f.Fingerprint.String()
	said, err := shell(dir, "python3 -m zipfile -e case.zip . && sed -n '/^# BEGIN/,/^# END/p' VERIFY.txt > verify.py && "+run)
	if err != nil || !strings.HasSuffix(said, "all proofs hold\n") {
		t.Fatalf("%v\n%s", err, said)
	}
	name := filepath.Join(dir, f.Case.Records[0].Folder(), "proof.evident")
	for _, change := range [][2]string{{"1996-02-29", "1996-02-28"}, {`"name":"born"`, `"name":"birth"`}} {
		changed := bytes.Replace(f.proofs[0], []byte(change[0]), []byte(change[1]), 1)
		if err := os.WriteFile(name, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := shell(dir, run); err == nil || !strings.Contains(said, "DOES NOT HOLD: a private field") {
			t.Errorf("%s instead of %s: %v\n%s", change[1], change[0], err, said)
		}
	}
}
