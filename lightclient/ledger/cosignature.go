package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// algCosignatureV1 is the type byte of timestamped Ed25519 cosignatures (C2SP
// tlog-cosignature) in key hashes and verifier keys.
const algCosignatureV1 = 0x04

// CosignerKey is a member's public cosigning key. It implements note.Verifier.
type CosignerKey struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

// NewCosignerKey names a public key.
func NewCosignerKey(name string, public ed25519.PublicKey) CosignerKey {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{algCosignatureV1})
	h.Write(public)
	return CosignerKey{name: name, hash: binary.BigEndian.Uint32(h.Sum(nil)), public: public}
}

// ParseCosignerKey parses the canonical text of a cosigner's verifier key,
// name+hash+base64.
func ParseCosignerKey(vkey string) (CosignerKey, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 || !isDomain(parts[0]) || !isBase64([]byte(parts[2]), 1+ed25519.PublicKeySize) {
		return CosignerKey{}, malformed("%q is not a cosigner key", clip(vkey))
	}
	data, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || data[0] != algCosignatureV1 {
		return CosignerKey{}, malformed("%q is not an Ed25519 cosigner key", clip(vkey))
	}
	key := NewCosignerKey(parts[0], data[1:])
	if key.String() != vkey {
		return CosignerKey{}, malformed("%q is not the canonical text of a cosigner key", clip(vkey))
	}
	return key, nil
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
	if !ok || !ended || !isBase64([]byte(b64), 12+ed25519.SignatureSize) {
		return Cosignature{}, malformed("cosignature: want one line of %s", k.name)
	}
	blob, err := base64.StdEncoding.DecodeString(b64)
	if err != nil || binary.BigEndian.Uint32(blob) != k.hash || !k.Verify(checkpoint, blob[4:]) {
		return Cosignature{}, signatureError(k.name)
	}
	return Cosignature{Member: k.name, Time: int64(binary.BigEndian.Uint64(blob[4:])), Line: line}, nil
}
