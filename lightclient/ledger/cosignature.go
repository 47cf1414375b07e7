package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxCosignatureSize bounds a checkpoint with one member's cosignature, in bytes.
const MaxCosignatureSize = MaxHeaderSize + 4<<10

// Cosigner is a member's two public cosigning keys, as C2SP tlog-cosignature
// has them: Ed25519, which every verifier knows, and ML-DSA-44, because what is
// proven here has to outlive elliptic curves. One alone counts for nothing.
type Cosigner struct{ ed25519, mldsa44 verifierKey }

// ParseCosigner parses a member's verifier keys: first Ed25519, then ML-DSA-44,
// both under one name.
func ParseCosigner(keys []string) (Cosigner, error) {
	if len(keys) != 2 {
		return Cosigner{}, malformed("%d cosigner keys, want two, Ed25519 and ML-DSA-44 (a ledger that was founded "+
			"with one of them cannot be continued: found a new one, in an empty folder)", len(keys))
	}
	first, err := parseKey(keys[0], algCosignatureV1)
	if err != nil {
		return Cosigner{}, err
	}
	second, err := parseKey(keys[1], algSubtreeV1)
	if err != nil {
		return Cosigner{}, err
	}
	if first.name != second.name || !isDomain(first.name) {
		return Cosigner{}, malformed("%q and %q do not name one cosigner", clip(first.name), clip(second.name))
	}
	return Cosigner{ed25519: first, mldsa44: second}, nil
}

// Name is the member's name.
func (c Cosigner) Name() string { return c.ed25519.name }

// Keys returns the two verifier keys in the order of Member.Keys.
func (c Cosigner) Keys() []string { return []string{c.ed25519.String(), c.mldsa44.String()} }

// Cosignature is one member's statement about a checkpoint: two signatures,
// made at one time.
type Cosignature struct {
	Member string
	Time   int64  // POSIX seconds, by the member's clock
	Lines  string // the signature lines of the note, Ed25519 and ML-DSA-44, with their line feeds

	verified *verified
}

// verified is what a cosignature was verified for: nobody outside can say that
// it was.
type verified struct {
	by     Cosigner
	origin string
	tree   tlog.Tree
	time   int64
	lines  string
}

// isVerified says whether the cosignature was verified for this checkpoint and
// these keys, so that it need not be again.
func (c Cosignature) isVerified(by Cosigner, origin string, tree tlog.Tree) bool {
	v := c.verified
	return v != nil && v.origin == origin && v.tree == tree && v.time == c.Time && v.lines == c.Lines && c.Member == by.Name() &&
		bytes.Equal(v.by.ed25519.public, by.ed25519.public) && bytes.Equal(v.by.mldsa44.public, by.mldsa44.public)
}

// Open verifies a member's two lines over the checkpoint of a tree.
func (c Cosigner) Open(origin string, tree tlog.Tree, lines string) (Cosignature, error) {
	first, second, _ := strings.Cut(lines, "\n")
	u, err := c.read(first+"\n", second)
	if err != nil {
		return Cosignature{}, err
	}
	if err := u.verifyEd25519(FormatCheckpoint(origin, tree)); err != nil {
		return Cosignature{}, err
	}
	if err := u.verifyMLDSA44(origin, tree); err != nil {
		return Cosignature{}, err
	}
	u.verified = &verified{by: c, origin: origin, tree: tree, time: u.Time, lines: u.Lines}
	return u.Cosignature, nil
}

// unverified is a cosignature that has the right form.
type unverified struct {
	Cosignature
	by               Cosigner
	ed25519, mldsa44 []byte // the signatures
}

// read checks the form of a member's two lines, and that they have one time:
// else it would be open which of the two counts.
func (c Cosigner) read(first, second string) (unverified, error) {
	u := unverified{by: c}
	at, err := int64(0), error(nil)
	if u.Time, u.ed25519, err = c.ed25519.read(first); err != nil {
		return u, err
	}
	if at, u.mldsa44, err = c.mldsa44.read(second); err != nil {
		return u, err
	}
	if at != u.Time {
		return u, malformed("cosignature: the two lines of %s have two times", c.Name())
	}
	u.Member, u.Lines = c.Name(), first+second
	return u, nil
}

// read reads the signature line of a key: the key's hash, eight bytes of POSIX
// seconds, and the signature.
func (k verifierKey) read(line string) (seconds int64, signature []byte, err error) {
	b64, ok := strings.CutPrefix(line, "— "+k.name+" ")
	b64, ended := strings.CutSuffix(b64, "\n")
	blob, whole := decodeBase64([]byte(b64), 12+k.alg.signatureSize())
	if !ok || !ended || !whole {
		return 0, nil, malformed("cosignature: want one %s line of %s", k.alg, k.name)
	}
	at := binary.BigEndian.Uint64(blob[4:])
	if binary.BigEndian.Uint32(blob) != k.hash || at > MaxLogSize {
		return 0, nil, k.wrong()
	}
	return int64(at), blob[12:], nil
}

func (k verifierKey) wrong() error { return signatureError(fmt.Sprintf("%s (%s)", k.name, k.alg)) }

func (u unverified) verifyEd25519(checkpoint []byte) error {
	if !ed25519.Verify(u.by.ed25519.public, cosignedMessage(checkpoint, u.Time), u.ed25519) {
		return u.by.ed25519.wrong()
	}
	return nil
}

func (u unverified) verifyMLDSA44(origin string, tree tlog.Tree) error {
	public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), u.by.mldsa44.public)
	if err != nil || mldsa.Verify(public, subtreeMessage(u.Member, origin, tree, u.Time), u.mldsa44, nil) != nil {
		return u.by.mldsa44.wrong()
	}
	return nil
}

// cosignedMessage returns what an Ed25519 cosignature signs.
func cosignedMessage(checkpoint []byte, seconds int64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, checkpoint)
}

// subtreeMessage returns what an ML-DSA-44 cosignature signs: label, cosigner,
// time, origin, and the subtree from 0 to the size.
func subtreeMessage(name, origin string, tree tlog.Tree, seconds int64) []byte {
	msg := []byte("subtree/v1\n\x00")
	msg = append(append(msg, byte(len(name))), name...)
	msg = binary.BigEndian.AppendUint64(msg, uint64(seconds))
	msg = append(append(msg, byte(len(origin))), origin...)
	msg = binary.BigEndian.AppendUint64(msg, 0)
	msg = binary.BigEndian.AppendUint64(msg, uint64(tree.N))
	return append(msg, tree.Hash[:]...)
}

// CosigningKey is a member's two private cosigning keys. They belong into its
// guard, which decides what may be signed.
type CosigningKey struct {
	public  Cosigner
	ed25519 ed25519.PrivateKey
	mldsa44 *mldsa.PrivateKey
}

// NewCosigningKey makes the keys from their seeds, of 32 bytes each.
func NewCosigningKey(name string, ed25519Seed, mldsa44Seed []byte) (*CosigningKey, error) {
	if !isDomain(name) || len(ed25519Seed) != ed25519.SeedSize {
		return nil, malformed("want a cosigner's name and two seeds of %d bytes", ed25519.SeedSize)
	}
	k := &CosigningKey{ed25519: ed25519.NewKeyFromSeed(ed25519Seed)}
	var err error
	if k.mldsa44, err = mldsa.NewPrivateKey(mldsa.MLDSA44(), mldsa44Seed); err != nil {
		return nil, fmt.Errorf("make an ML-DSA-44 key: %w", err)
	}
	k.public.ed25519 = newVerifierKey(name, algCosignatureV1, k.ed25519.Public().(ed25519.PublicKey))
	k.public.mldsa44 = newVerifierKey(name, algSubtreeV1, k.mldsa44.PublicKey().Bytes())
	return k, nil
}

// Cosigner returns the public keys.
func (k *CosigningKey) Cosigner() Cosigner { return k.public }

// Cosign signs the checkpoint of a tree with both keys. The same arguments give
// the same bytes.
func (k *CosigningKey) Cosign(origin string, tree tlog.Tree, seconds int64) Cosignature {
	first := ed25519.Sign(k.ed25519, cosignedMessage(FormatCheckpoint(origin, tree), seconds))
	second, err := k.mldsa44.SignDeterministic(subtreeMessage(k.public.Name(), origin, tree, seconds), nil)
	if err != nil {
		panic("ledger: sign with a key that was checked: " + err.Error())
	}
	return Cosignature{Member: k.public.Name(), Time: seconds,
		Lines: k.public.ed25519.line(seconds, first) + k.public.mldsa44.line(seconds, second)}
}

func (k verifierKey) line(seconds int64, signature []byte) string {
	blob := binary.BigEndian.AppendUint32(nil, k.hash)
	blob = binary.BigEndian.AppendUint64(blob, uint64(seconds))
	return "— " + k.name + " " + base64.StdEncoding.EncodeToString(append(blob, signature...)) + "\n"
}

// FormatCosigned writes a checkpoint with one member's cosignature, as a signed note.
func FormatCosigned(origin string, tree tlog.Tree, lines string) []byte {
	return fmt.Appendf(nil, "%s\n%s", FormatCheckpoint(origin, tree), lines)
}

// ParseCosigned reads such a note. Open verifies the lines.
func ParseCosigned(origin string, msg []byte) (tree tlog.Tree, lines string, err error) {
	if len(msg) > MaxCosignatureSize {
		return tree, "", tooLarge("a cosigned checkpoint", len(msg), MaxCosignatureSize)
	}
	text, lines, ok := strings.Cut(string(msg), "\n\n")
	if !ok {
		return tree, "", malformed("cosigned checkpoint: want a signed note")
	}
	tree, err = ParseCheckpoint(origin, []byte(text+"\n"))
	return tree, lines, err
}
