package author

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/armor"

	"evident/lightclient/store"
)

var (
	// ErrLocked means that keys and secrets are protected by a passphrase that nobody gave.
	ErrLocked = errors.New("this home is protected by a passphrase")
	// ErrPassphrase means that a passphrase is not the right one.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrDamaged means that something in this home is not what this home wrote.
	ErrDamaged = errors.New("a file of this home is damaged, or of another home")
)

// Vault is how keys and secrets lie on the disk: encrypted to an age identity of this home, which is post-quantum and also
// the one to which others seal the keys of their files for us.
//
// The identity lies in a file of its own. By default it is there in plain text, readable by its owner only: then a copy of
// the keys or the secrets without it is worthless, but who reads the whole folder reads everything. With a passphrase it
// is an age file too (scrypt), and the folder is worthless to a thief of the disk; not to somebody who watches while it is
// open, and a lost passphrase cannot be replaced.
//
//	identity.txt   AGE-SECRET-KEY-PQ-1…, one line each: the first is ours, the others came with backups
//	identity.age   the same under a passphrase, and identity.pub: our recipient, for which no passphrase is needed
type Vault struct {
	Dir string
	Ask func() (string, error) // for the passphrase; nil: nobody can be asked

	mu   sync.Mutex
	open []*age.HybridIdentity
	work int // of scrypt, for tests that cannot wait; 0: age's own
}

// passphrase makes an age recipient of one.
func (v *Vault) passphrase(text string) (*age.ScryptRecipient, error) {
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	if v.work > 0 {
		r.SetWorkFactor(v.work)
	}
	return r, nil
}

func (v *Vault) plainPath() string     { return filepath.Join(v.Dir, "identity.txt") }
func (v *Vault) protectedPath() string { return filepath.Join(v.Dir, "identity.age") }
func (v *Vault) publicPath() string    { return filepath.Join(v.Dir, "identity.pub") }

// Recipient is where others seal file keys for this person. It makes the identity if there is none yet.
func (v *Vault) Recipient() (string, error) {
	r, err := v.recipient()
	if err != nil {
		return "", err
	}
	return r.String(), nil
}

func (v *Vault) recipient() (*age.HybridRecipient, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == nil {
		text, err := os.ReadFile(v.publicPath())
		if err == nil {
			r, err := age.ParseHybridRecipient(strings.TrimSpace(string(text)))
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, v.publicPath(), err)
			}
			return r, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read identity: %w", err)
		}
	}
	if err := v.unlock(v.Ask, v.create); err != nil {
		return nil, err
	}
	return v.open[0].Recipient(), nil
}

// Protected tells whether a passphrase is needed to open this home, and whether it was given.
func (v *Vault) Protected() (protected, open bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, err := os.Stat(v.protectedPath())
	return err == nil, v.open != nil
}

// Unlock opens a protected home for as long as this Vault is used.
func (v *Vault) Unlock(passphrase string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open = nil
	return v.unlock(func() (string, error) { return passphrase, nil }, missing)
}

// Protect puts the identity under a passphrase; the empty one takes it away again.
func (v *Vault) Protect(passphrase string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.unlock(v.Ask, v.create); err != nil {
		return err
	}
	text := identityLines(v.open)
	if passphrase == "" {
		if err := store.WriteFile(v.plainPath(), text, 0o600); err != nil {
			return fmt.Errorf("take the passphrase away: %w", err)
		}
		return removeAll(v.protectedPath(), v.publicPath())
	}
	sealed, err := v.encryptText(text, passphrase)
	if err != nil {
		return fmt.Errorf("protect: %w", err)
	}
	// If we stop between these steps, both files are there and say the same; the protected one counts.
	for _, file := range []struct {
		path string
		data []byte
	}{{v.publicPath(), []byte(v.open[0].Recipient().String() + "\n")}, {v.protectedPath(), sealed}} {
		if err := store.WriteFile(file.path, file.data, 0o600); err != nil {
			return fmt.Errorf("protect: %w", err)
		}
	}
	return removeAll(v.plainPath())
}

// adopt adds identities that came with a backup, so that what was sealed to them opens here.
func (v *Vault) adopt(identities []*age.HybridIdentity) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	protected, err := v.readProtected()
	if err != nil {
		return err
	}
	if protected != nil {
		return fmt.Errorf("%w: take it away first, and set it again afterwards", ErrLocked)
	}
	old, err := v.readPlain()
	if err != nil {
		return err
	}
	all := old
	for _, id := range identities {
		if !strings.Contains(string(identityLines(all)), id.String()) {
			all = append(all, id)
		}
	}
	if len(all) == len(old) {
		return nil
	}
	if err := os.MkdirAll(v.Dir, 0o700); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	if err := store.WriteFile(v.plainPath(), identityLines(all), 0o600); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	v.open = all
	return nil
}

// identities opens the home if that was not done yet.
func (v *Vault) identities() ([]*age.HybridIdentity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.unlock(v.Ask, missing)
	return v.open, err
}

// missing stands for create where something was encrypted already: a new identity would not open it.
func missing() error { return fmt.Errorf("%w: there is no identity; restore a backup", ErrDamaged) }

func (v *Vault) unlock(ask func() (string, error), absent func() error) error {
	if v.open != nil {
		return nil
	}
	sealed, err := v.readProtected()
	if err != nil {
		return err
	}
	if sealed != nil {
		return v.unlockSealed(sealed, ask)
	}
	if v.open, err = v.readPlain(); err != nil || v.open != nil {
		return err
	}
	return absent()
}

func (v *Vault) unlockSealed(sealed []byte, ask func() (string, error)) error {
	if ask == nil {
		return ErrLocked
	}
	passphrase, err := ask()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	text, err := decryptText(sealed, passphrase)
	if err != nil {
		return err
	}
	v.open, err = parseIdentities(text)
	return err
}

func (v *Vault) readProtected() ([]byte, error) {
	sealed, err := os.ReadFile(v.protectedPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	return sealed, nil
}

func (v *Vault) readPlain() ([]*age.HybridIdentity, error) {
	text, err := os.ReadFile(v.plainPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	return parseIdentities(text)
}

// create makes the identity. Of two programs that do so at once, one wins and both use its.
func (v *Vault) create() error {
	fresh, err := age.GenerateHybridIdentity()
	if err != nil {
		return fmt.Errorf("make an identity: %w", err)
	}
	if err := os.MkdirAll(v.Dir, 0o700); err != nil {
		return fmt.Errorf("make an identity: %w", err)
	}
	unlock, err := store.Lock(filepath.Join(v.Dir, "identity.lock"))
	if err != nil {
		return fmt.Errorf("make an identity: %w", err)
	}
	defer unlock()
	if v.open, err = v.readPlain(); err != nil || v.open != nil {
		return err
	}
	if err := store.WriteFile(v.plainPath(), identityLines([]*age.HybridIdentity{fresh}), 0o600); err != nil {
		return fmt.Errorf("make an identity: %w", err)
	}
	v.open = []*age.HybridIdentity{fresh}
	return nil
}

func parseIdentities(text []byte) (list []*age.HybridIdentity, err error) {
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

func identityLines(list []*age.HybridIdentity) []byte {
	var out bytes.Buffer
	for _, id := range list {
		fmt.Fprintln(&out, id)
	}
	return out.Bytes()
}

// write encrypts data to this home and makes it durable.
func (v *Vault) write(path string, data []byte) error {
	r, err := v.recipient()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	return store.WriteFile(path, out.Bytes(), 0o600)
}

// maxPrivate bounds what is read of a file of the vault.
const maxPrivate = 4 << 20

// read opens what write wrote.
func (v *Vault) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	identities, err := v.identities()
	if err != nil {
		return nil, err
	}
	list := make([]age.Identity, len(identities))
	for i, id := range identities {
		list[i] = id
	}
	plain, err := age.Decrypt(f, list...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	data, err := io.ReadAll(io.LimitReader(plain, maxPrivate+1))
	if err != nil || len(data) > maxPrivate {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrDamaged, path), err)
	}
	return data, nil
}

// encryptText makes an armoured age file under a passphrase.
func (v *Vault) encryptText(text []byte, passphrase string) ([]byte, error) {
	r, err := v.passphrase(passphrase)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, r)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	err = errors.Join(err, w.Close(), armored.Close())
	return out.Bytes(), err
}

func decryptText(sealed []byte, passphrase string) ([]byte, error) {
	plain, err := decryptScrypt(armor.NewReader(bytes.NewReader(sealed)), passphrase)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return text, nil
}

// maxWork bounds what a foreign file may make scrypt cost: four times what ours does.
const maxWork = 20

func decryptScrypt(sealed io.Reader, passphrase string) (io.Reader, error) {
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	id.SetMaxWorkFactor(maxWork)
	plain, err := age.Decrypt(sealed, id)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return nil, ErrPassphrase
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}

func removeAll(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
