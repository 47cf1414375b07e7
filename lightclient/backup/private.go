package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
)

var (
	// ErrPassphrase means that a passphrase is not the right one.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrDamaged means that something that was encrypted is not what was written.
	ErrDamaged = errors.New("a file of this home is damaged, or of another home")
)

// Protect encrypts what is written to an armoured age file under a passphrase. work is what a guess costs, as scrypt
// counts it: 2^work KiB of memory; 0 is age's own choice.
func Protect(w io.Writer, passphrase string, work int) (io.WriteCloser, error) {
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	if work > 0 {
		r.SetWorkFactor(work)
	}
	armored := armor.NewWriter(w)
	sealed, err := age.Encrypt(armored, r)
	if err != nil {
		return nil, err
	}
	return protected{sealed, armored}, nil
}

type protected struct {
	io.WriteCloser
	armored io.Closer
}

func (p protected) Close() error { return errors.Join(p.WriteCloser.Close(), p.armored.Close()) }

// binary is how an age file begins that is not armoured.
const binary = "age-encryption.org/"

// Open decrypts an age file under a passphrase, armoured or not. A foreign file may cost at most maxWork.
func Open(r io.Reader, passphrase string, maxWork int) (io.Reader, error) {
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	id.SetMaxWorkFactor(maxWork)
	sealed := bufio.NewReader(r)
	r = sealed
	if start, err := sealed.Peek(len(binary)); err != nil || string(start) != binary {
		r = armor.NewReader(sealed)
	}
	plain, err := age.Decrypt(r, id)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return nil, ErrPassphrase
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}

// Encrypt makes a key or a secret an age file to an identity.
func Encrypt(to *age.HybridRecipient, data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out.Bytes(), nil
}

// Decrypt opens what Encrypt made for one of the identities.
func Decrypt(sealed io.Reader, identities []*age.HybridIdentity) ([]byte, error) {
	list := make([]age.Identity, len(identities))
	for i, id := range identities {
		list[i] = id
	}
	plain, err := age.Decrypt(sealed, list...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	data, err := io.ReadAll(io.LimitReader(plain, MaxPrivate+1))
	if err != nil || len(data) > MaxPrivate {
		return nil, errors.Join(ErrDamaged, err)
	}
	return data, nil
}

// ParseIdentities reads a file of identities, of which there is at least one.
func ParseIdentities(text []byte) (list []*age.HybridIdentity, err error) {
	for line := range strings.Lines(string(text)) {
		id, err := age.ParseHybridIdentity(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%w: not an identity: %w", ErrDamaged, err)
		}
		list = append(list, id)
	}
	if list == nil {
		return nil, fmt.Errorf("%w: no identity", ErrDamaged)
	}
	return list, nil
}

// IdentityLines is the file of some identities.
func IdentityLines(list []*age.HybridIdentity) []byte {
	var out bytes.Buffer
	for _, id := range list {
		fmt.Fprintln(&out, id)
	}
	return out.Bytes()
}

// Merge adds those of more that are not in old, so that what was sealed to them opens too. The first stays the first.
func Merge(old, more []*age.HybridIdentity) []*age.HybridIdentity {
	all := old
	for _, id := range more {
		if !strings.Contains(string(IdentityLines(all)), id.String()) {
			all = append(all, id)
		}
	}
	return all
}

// Key is an author's key pair, as a file of a backup or a home holds it.
type Key struct{ Private, Verifier string }

// plainKey is how a key begins that somebody put somewhere in plain text.
const plainKey = "PRIVATE+KEY+"

// IsPlainKey tells a key in plain text from an encrypted one.
func IsPlainKey(data []byte) bool { return bytes.HasPrefix(data, []byte(plainKey)) }

// Lines is the file of a key.
func (k Key) Lines() []byte { return []byte(k.Private + "\n" + k.Verifier + "\n") }

// ParseKey reads the file of a key.
func ParseKey(data []byte) (Key, note.Signer, error) {
	private, rest, _ := strings.Cut(string(data), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return Key{}, nil, err
	}
	k := Key{private, strings.TrimSuffix(rest, "\n")}
	if err := ledger.CheckKey(k.Verifier); err != nil || !strings.HasPrefix(k.Verifier, fmt.Sprintf("%s+%08x+", signer.Name(), signer.KeyHash())) {
		return Key{}, nil, errors.New("its second line is not its verifier key")
	}
	return k, signer, nil
}
