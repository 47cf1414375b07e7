package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// The list is the one that BIP-39 publishes.
func TestEnglish(t *testing.T) {
	sum := sha256.Sum256([]byte(english))
	if got := hex.EncodeToString(sum[:]); got != "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda" {
		t.Errorf("the list has SHA-256 %s", got)
	}
}

// Test vectors of BIP-39.
func TestWords(t *testing.T) {
	for entropy, want := range map[string]string{
		"00000000000000000000000000000000": strings.Repeat("abandon ", 11) + "about",
		"7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f": "legal winner thank year wave sausage worth useful legal winner thank yellow",
		"80808080808080808080808080808080": "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
		"ffffffffffffffffffffffffffffffff": strings.Repeat("zoo ", 11) + "wrong",
		"9e885d952ad362caeb4efe34a8e91bd2": "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic",
		"c0ba5a8e914111210f2bd131f3d5e08d": "scheme spot photo card baby mountain device kick cradle pact join borrow",
	} {
		b, err := hex.DecodeString(entropy)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(words([16]byte(b)), " "); got != want {
			t.Errorf("%s: got %q, want %q", entropy, got, want)
		}
	}
}
