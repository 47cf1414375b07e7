package proof_test

import (
	"bytes"
	"testing"

	"evident/lightclient/ledger/ledgertest"
	. "evident/lightclient/proof"
)

// FuzzVerify wants every accepted file to be the one spelling of its content,
// and no file to be valid that the members did not sign.
func FuzzVerify(f *testing.F) {
	valid := map[string]bool{}
	for _, v := range ledgertest.ReadVectors(vectorDir, "proof") {
		if len(v.Data) <= 64<<10 {
			f.Add(v.Data)
		}
		if v.Outcome == "valid" || v.Context["file"] != "" { // with a file at hand the proof is good, and perhaps the file not
			valid[string(v.Data)] = true
		}
	}
	trusted := ledgertest.New(4).Fingerprint
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := Parse(data); err == nil {
			again, err := p.Encode()
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("accepted a file that is written otherwise: %v", err)
			}
		}
		r := Verify(data, Options{Trusted: &trusted})
		if r.Verdict == Valid && !valid[string(data)] {
			t.Error("valid, but not one of the proofs that were made")
		}
	})
}
