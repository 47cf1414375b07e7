package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// CosignerKey is a member's public cosigning key. It implements note.Verifier.
type CosignerKey struct{ verifierKey }

// NewCosignerKey names a public key.
func NewCosignerKey(name string, public ed25519.PublicKey) CosignerKey {
	return CosignerKey{newVerifierKey(name, algCosignatureV1, public)}
}

// ParseCosignerKey parses the canonical text of a cosigner's verifier key,
// name+hash+base64.
func ParseCosignerKey(vkey string) (CosignerKey, error) {
	key, err := parseKey(vkey, algCosignatureV1)
	if err != nil {
		return CosignerKey{}, err
	}
	if !isDomain(key.name) {
		return CosignerKey{}, malformed("%q is not a cosigner's name", clip(key.name))
	}
	return CosignerKey{key}, nil
}

// String returns the verifier key.
func (k CosignerKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.hash,
		base64.StdEncoding.EncodeToString(append([]byte{algCosignatureV1}, k.public...)))
}

// Name implements note.Verifier.
func (k CosignerKey) Name() string { return k.name }

// KeyHash implements note.Verifier.
func (k CosignerKey) KeyHash() uint32 { return k.hash }

// Verify implements note.Verifier: sig is eight bytes of POSIX seconds and the
// Ed25519 signature.
func (k CosignerKey) Verify(checkpoint, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(sig)
	if seconds > 1<<53 {
		return false
	}
	return ed25519.Verify(k.public, CosignedMessage(checkpoint, int64(seconds)), sig[8:])
}

// CosignedMessage returns the bytes that a cosignature/v1 signs.
func CosignedMessage(checkpoint []byte, seconds int64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, checkpoint)
}

// CosignatureLine returns the note signature line of an Ed25519 signature over
// CosignedMessage.
func (k CosignerKey) CosignatureLine(seconds int64, signature []byte) string {
	blob := binary.BigEndian.AppendUint32(nil, k.hash)
	blob = binary.BigEndian.AppendUint64(blob, uint64(seconds))
	return "— " + k.name + " " + base64.StdEncoding.EncodeToString(append(blob, signature...)) + "\n"
}

// Cosignature is one member's timestamped signature on a checkpoint.
type Cosignature struct {
	Member string
	Time   int64  // POSIX seconds, by the member's clock
	Line   string // the signature line of the note, with its line feed
}

// Open checks one cosignature line over a checkpoint.
func (k CosignerKey) Open(checkpoint []byte, line string) (Cosignature, error) {
	b64, ok := strings.CutPrefix(line, "— "+k.name+" ")
	b64, ended := strings.CutSuffix(b64, "\n")
	blob, whole := decodeBase64([]byte(b64), 12+ed25519.SignatureSize)
	if !ok || !ended || !whole {
		return Cosignature{}, malformed("cosignature: want one line of %s", k.name)
	}
	if binary.BigEndian.Uint32(blob) != k.hash || !k.Verify(checkpoint, blob[4:]) {
		return Cosignature{}, signatureError(k.name)
	}
	return Cosignature{Member: k.name, Time: int64(binary.BigEndian.Uint64(blob[4:])), Line: line}, nil
}
