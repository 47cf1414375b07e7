package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// MaxNameSize bounds the name of a key, a member or a ledger, in bytes.
const MaxNameSize = 64

// CheckKey checks that key is the canonical text of an Ed25519 verifier key
// (package note) under a name of at most 64 bytes.
func CheckKey(key string) error {
	parts := strings.SplitN(key, "+", 3)
	if len(parts) != 3 || len(parts[0]) > MaxNameSize || !isPlainText(parts[0]) {
		return malformed("key %q: want name+hash+key, the name of at most %d bytes", clip(key), MaxNameSize)
	}
	v, err := note.NewVerifier(key)
	if err != nil || len(parts[2]) != base64.StdEncoding.EncodedLen(1+ed25519.PublicKeySize) {
		return malformed("%q is not an Ed25519 verifier key", clip(key))
	}
	if parts[1] != fmt.Sprintf("%08x", v.KeyHash()) {
		return malformed("%q is not the canonical text of a verifier key", clip(key))
	}
	return nil
}

// CheckOrigin checks the form of an origin: <ledger name>/<16 hexadecimal digits>.
func CheckOrigin(origin string) error {
	i := strings.LastIndexByte(origin, '/')
	if i < 0 || !isHex(origin[i+1:], 8) || !isDomain(origin[:i]) {
		return malformed("%q is not the origin of a ledger", clip(origin))
	}
	return nil
}

// isDomain accepts the names of ledgers and members: schema-less URLs of
// lower-case letters, digits, dots, dashes and slashes.
func isDomain(s string) bool {
	if s == "" || len(s) > MaxNameSize || s[0] == '/' || s[len(s)-1] == '/' {
		return false
	}
	for i := range len(s) {
		if !strings.Contains("abcdefghijklmnopqrstuvwxyz0123456789.-/", s[i:i+1]) {
			return false
		}
	}
	return true
}

func isWord(s string) bool {
	if s == "" || len(s) > 32 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func isHex(s string, size int) bool {
	if len(s) != 2*size {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isBase64 accepts the one standard encoding of size bytes.
func isBase64(b64 []byte, size int) bool {
	if len(b64) != base64.StdEncoding.EncodedLen(size) {
		return false
	}
	data, err := base64.StdEncoding.Strict().AppendDecode(make([]byte, 0, size+2), b64)
	return err == nil && len(data) == size
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// isPlainText refuses control characters, which could change how a text is shown.
func isPlainText(s string) bool {
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// clip keeps hostile texts short in messages.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func signatureError(who string) error {
	return fmt.Errorf("%w: the signature of %s is missing or wrong", ErrSignature, clip(who))
}
