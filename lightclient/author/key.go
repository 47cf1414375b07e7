package author

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"evident/lightclient/backup"
	"evident/lightclient/ledger"
	"evident/lightclient/store"

	"golang.org/x/mod/sumdb/note"
)

// Errors about keys.
var (
	ErrNoKey     = errors.New("there is no key yet")
	ErrManyKeys  = errors.New("there is more than one key: name the one to use")
	ErrKeyExists = errors.New("there is a key of this name already")
	ErrKeyName   = errors.New("not a name for a key")
)

// Key is an author's key pair.
type Key struct {
	signer   note.Signer
	verifier string
}

// Name is the key's name, which every record shows.
func (k *Key) Name() string { return k.signer.Name() }

// Verifier is the public key: name+hash+base64.
func (k *Key) Verifier() string { return k.verifier }

// Keys is a folder of key files, each encrypted to the home's identity.
type Keys struct {
	Dir   string
	Vault *Vault
}

// Create makes a key. It never overwrites one: a lost key cannot be made again.
func (ks Keys) Create(name string) (*Key, error) {
	if name == "" || len(name) > ledger.MaxNameSize || strings.ContainsAny(name, "+/\\ \t\n") || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("%w: %q: want at most %d bytes without spaces, + or slashes", ErrKeyName, name, ledger.MaxNameSize)
	}
	skey, verifier, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrKeyName, name)
	}
	if err := ledger.CheckKey(verifier); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyName, err)
	}
	if err := os.MkdirAll(ks.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	unlock, err := store.Lock(filepath.Join(ks.Dir, ".lock"))
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	defer unlock()
	if _, err := os.Lstat(ks.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrKeyExists, ks.path(name)), err)
	}
	if err := ks.Vault.write(ks.path(name), backup.Key{Private: skey, Verifier: verifier}.Lines()); err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	return ks.Open(name)
}

// path is the file of a key.
func (ks Keys) path(name string) string { return filepath.Join(ks.Dir, name+".key") }

// Open reads the key of a name; the empty name means the only key there is.
func (ks Keys) Open(name string) (*Key, error) {
	if name == "" {
		names, err := ks.Names()
		if err != nil {
			return nil, err
		}
		switch len(names) {
		case 0:
			return nil, ErrNoKey
		case 1:
			name = names[0]
		default:
			return nil, fmt.Errorf("%w: %s", ErrManyKeys, strings.Join(names, ", "))
		}
	}
	data, err := ks.Vault.open(ks.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w of the name %s", ErrNoKey, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, signer, err := backup.ParseKey(data)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", ks.path(name), err)
	}
	return &Key{signer: signer, verifier: key.Verifier}, nil
}

// Names lists the keys.
func (ks Keys) Names() ([]string, error) {
	entries, err := os.ReadDir(ks.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".key"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
