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

	"evident/lightclient/backup"
	"evident/lightclient/store"
)

var (
	// ErrLocked means that keys and secrets are protected by a passphrase that nobody gave.
	ErrLocked = errors.New("this home is protected by a passphrase")
	// ErrPassphrase, ErrDamaged and ErrBackup are those of package backup.
	ErrPassphrase, ErrDamaged, ErrBackup = backup.ErrPassphrase, backup.ErrDamaged, backup.ErrBackup
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

	mu     sync.Mutex
	opened []*age.HybridIdentity
	work   int // of scrypt, for tests that cannot wait; 0: age's own
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
	if v.opened == nil {
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
	return v.opened[0].Recipient(), nil
}

// Protected tells whether a passphrase is needed to open this home, and whether it was given.
func (v *Vault) Protected() (protected, open bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, err := os.Stat(v.protectedPath())
	return err == nil, v.opened != nil
}

// Unlock opens a protected home for as long as this Vault is used.
func (v *Vault) Unlock(passphrase string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.opened = nil
	return v.unlock(func() (string, error) { return passphrase, nil }, missing)
}

// Protect puts the identity under a passphrase; the empty one takes it away again.
func (v *Vault) Protect(passphrase string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.unlock(v.Ask, v.create); err != nil {
		return err
	}
	text := backup.IdentityLines(v.opened)
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
	}{{v.publicPath(), []byte(v.opened[0].Recipient().String() + "\n")}, {v.protectedPath(), sealed}} {
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
	all := backup.Merge(old, identities)
	if len(all) == len(old) {
		return nil
	}
	if err := os.MkdirAll(v.Dir, 0o700); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	if err := store.WriteFile(v.plainPath(), backup.IdentityLines(all), 0o600); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	v.opened = all
	return nil
}

// identities opens the home if that was not done yet.
func (v *Vault) identities() ([]*age.HybridIdentity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.unlock(v.Ask, missing)
	return v.opened, err
}

// missing stands for create where something was encrypted already: a new identity would not open it.
func missing() error { return fmt.Errorf("%w: there is no identity; restore a backup", ErrDamaged) }

func (v *Vault) unlock(ask func() (string, error), absent func() error) error {
	if v.opened != nil {
		return nil
	}
	sealed, err := v.readProtected()
	if err != nil {
		return err
	}
	if sealed != nil {
		return v.unlockSealed(sealed, ask)
	}
	if v.opened, err = v.readPlain(); err != nil || v.opened != nil {
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
	v.opened, err = backup.ParseIdentities(text)
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
	return backup.ParseIdentities(text)
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
	if v.opened, err = v.readPlain(); err != nil || v.opened != nil {
		return err
	}
	if err := store.WriteFile(v.plainPath(), backup.IdentityLines([]*age.HybridIdentity{fresh}), 0o600); err != nil {
		return fmt.Errorf("make an identity: %w", err)
	}
	v.opened = []*age.HybridIdentity{fresh}
	return nil
}

// write encrypts data to this home and makes it durable.
func (v *Vault) write(path string, data []byte) error {
	r, err := v.recipient()
	if err != nil {
		return err
	}
	sealed, err := backup.Encrypt(r, data)
	if err != nil {
		return err
	}
	return store.WriteFile(path, sealed, 0o600)
}

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
	data, err := backup.Decrypt(f, identities)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// open reads a file of a key or a secret. A key that somebody put into the folder in plain text is taken as it is.
func (v *Vault) open(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil || backup.IsPlainKey(data) {
		return data, err
	}
	return v.read(path)
}

// encryptText makes an armoured age file under a passphrase.
func (v *Vault) encryptText(text []byte, passphrase string) ([]byte, error) {
	var out bytes.Buffer
	w, err := backup.Protect(&out, passphrase, v.work)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

func decryptText(sealed []byte, passphrase string) ([]byte, error) {
	plain, err := backup.Open(bytes.NewReader(sealed), passphrase, maxWork)
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

func removeAll(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
