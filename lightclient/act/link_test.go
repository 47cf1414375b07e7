package act

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"strings"
	"testing"
)

// A proof's link holds the file, packed; the pages' own test reads what this makes.
func TestProofLink(t *testing.T) {
	file := []byte(`{"format":"evident/proof/v1"}`)
	link, err := ProofLink("https://node.example", file)
	if err != nil || link != "https://node.example/#/verify/qlZKyy_KTSxRslJKLctMSc0r0S8oys9P0y8zVKoFBAAA__8" {
		t.Fatalf("got %s, %v", link, err)
	}
	_, text, _ := strings.Cut(link, "#/verify/")
	packed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed))); err != nil || !bytes.Equal(got, file) {
		t.Errorf("the link holds %q, %v", got, err)
	}
}
