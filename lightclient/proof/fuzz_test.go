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

// FuzzOther: whatever is parsed as a state proof, a refused record or an accusation is encoded to the same bytes, and nothing panics.
func FuzzOther(f *testing.F) {
	for _, v := range readVectors(f) {
		if v.Format() == "item" || v.Format() == "refused" || v.Format() == "accusation" {
			f.Add(v.Data)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		VerifyItem(file, nil)
		VerifyRefused(file, nil)
		VerifyAccusation(file, nil)
		if p, err := ParseItem(file); err == nil {
			if again, err := p.Encode(); err != nil || !bytes.Equal(again, file) {
				t.Errorf("a state proof is encoded to %q, %v", again, err)
			}
		}
		if p, err := ParseRefused(file); err == nil {
			if again, err := p.Encode(); err != nil || !bytes.Equal(again, file) {
				t.Errorf("a refused record is encoded to %q, %v", again, err)
			}
		}
		if a, err := ParseAccusation(file); err == nil {
			if again, err := a.Encode(); err != nil || !bytes.Equal(again, file) {
				t.Errorf("an accusation is encoded to %q, %v", again, err)
			}
		}
	})
}
