package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"filippo.io/mldsa"
)

// algorithm is the type byte of a key in key hashes and verifier keys (C2SP
// signed-note, tlog-cosignature).
type algorithm byte

const (
	algEd25519       algorithm = 0x01
	algCosignatureV1 algorithm = 0x04 // Ed25519
	algSubtreeV1     algorithm = 0x06 // ML-DSA-44
)

// keySize is the size of the algorithm's public keys, in bytes.
func (a algorithm) keySize() int {
	if a == algSubtreeV1 {
		return mldsa.MLDSA44PublicKeySize
	}
	return ed25519.PublicKeySize
}

// signatureSize is the size of the algorithm's signatures, in bytes.
func (a algorithm) signatureSize() int {
	if a == algSubtreeV1 {
		return mldsa.MLDSA44SignatureSize
	}
	return ed25519.SignatureSize
}

// String names the algorithm for people.
func (a algorithm) String() string {
	if a == algSubtreeV1 {
		return "ML-DSA-44"
	}
	return "Ed25519"
}

// MaxNameSize bounds the name of a key, a member or a ledger, in bytes.
const MaxNameSize = 64

// strictBase64 refuses spare bits; like every decoder of the package it skips
// line feeds, so lengths are checked too.
var strictBase64 = base64.StdEncoding.Strict()

// CheckKey checks that key is the canonical text of an Ed25519 verifier key
// (package note) under a name of at most 64 bytes.
func CheckKey(key string) error {
	_, err := parseKey(key, algEd25519)
	return err
}

// verifierKey is a public key with the name and hash by which notes call it.
type verifierKey struct {
	name   string
	alg    algorithm
	hash   uint32
	public []byte
}

// newVerifierKey names a public key of the algorithm alg (C2SP signed-note).
func newVerifierKey(name string, alg algorithm, public []byte) verifierKey {
	blob := make([]byte, 0, MaxNameSize+2+ed25519.PublicKeySize)
	blob = append(append(blob, name...), '\n', byte(alg))
	sum := sha256.Sum256(append(blob, public...))
	return verifierKey{name: name, alg: alg, hash: binary.BigEndian.Uint32(sum[:]), public: public}
}

// String returns the verifier key: name+hash+base64.
func (k verifierKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.hash, base64.StdEncoding.EncodeToString(append([]byte{byte(k.alg)}, k.public...)))
}

// parseKey parses the canonical text of a verifier key of the algorithm alg:
// name+hash+base64.
func parseKey(vkey string, alg algorithm) (verifierKey, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash, b64, _ := strings.Cut(rest, "+")
	if !isKeyName(name) {
		return verifierKey{}, malformed("key %q: want name+hash+key, the name of at most %d bytes without spaces", clip(vkey), MaxNameSize)
	}
	blob, ok := decodeBase64([]byte(b64), 1+alg.keySize())
	if !ok || blob[0] != byte(alg) {
		return verifierKey{}, malformed("%q is not an %s key for this use", clip(vkey), alg)
	}
	key := newVerifierKey(name, alg, blob[1:])
	if hash != fmt.Sprintf("%08x", key.hash) {
		return verifierKey{}, malformed("%q has the hash of another key", clip(vkey))
	}
	return key, nil
}

// unseen are the code points that nobody sees, or that change how others are
// shown: they could make two names look alike. The list is part of the format,
// and so does not grow with Unicode. It covers all white space, which package
// note refuses in names.
var unseen = [...][2]rune{
	{0x0020, 0x0020}, {0x00a0, 0x00a0}, {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x0600, 0x0605}, {0x061c, 0x061c},
	{0x06dd, 0x06dd}, {0x070f, 0x070f}, {0x0890, 0x0891}, {0x08e2, 0x08e2}, {0x115f, 0x1160}, {0x1680, 0x1680},
	{0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800},
	{0x3000, 0x3000}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xffff},
	{0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
}

// IsUnseen tells whether nobody sees the character, or it changes how its
// neighbours are shown.
func IsUnseen(r rune) bool {
	for _, u := range unseen {
		if u[0] <= r && r <= u[1] {
			return true
		}
	}
	return false
}

// isKeyName accepts the names that package note accepts, within our limits and
// without invisible characters.
func isKeyName(name string) bool {
	return name != "" && len(name) <= MaxNameSize && isPlainText(name) &&
		strings.IndexFunc(name, IsUnseen) < 0 && !strings.Contains(name, "+")
}

// CheckOrigin checks the form of an origin: <ledger name>/<16 hexadecimal digits>.
func CheckOrigin(origin string) error {
	i := strings.LastIndexByte(origin, '/')
	if i < 0 || !isHex(origin[i+1:], 8) || !isDomain(origin[:i]) {
		return malformed("%q is not the origin of a ledger", clip(origin))
	}
	return nil
}

// isDomain accepts the names of ledgers and members: schema-less URLs, whose
// labels between dots and slashes are lower-case letters and digits, and dashes
// inside. So a name is also a path that leads nowhere else.
func isDomain(s string) bool {
	last := byte('/')
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case c == '-' && last != '.' && last != '/':
		case (c == '.' || c == '/') && last != '.' && last != '/' && last != '-':
		default:
			return false
		}
		last = c
	}
	return len(s) <= MaxNameSize && last != '.' && last != '/' && last != '-'
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

// decodeBase64 decodes the one standard encoding of size bytes.
func decodeBase64(b64 []byte, size int) ([]byte, bool) {
	if len(b64) != base64.StdEncoding.EncodedLen(size) {
		return nil, false
	}
	data, err := strictBase64.AppendDecode(make([]byte, 0, size+2), b64)
	return data, err == nil && len(data) == size
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
