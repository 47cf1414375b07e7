package author

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	if err := ks.Vault.write(ks.path(name), []byte(skey+"\n"+verifier+"\n")); err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	return ks.Open(name)
}

// read returns the two lines of a key. One that somebody put into the folder in plain text is taken as it is.
func (ks Keys) read(name string) ([]byte, error) {
	data, err := os.ReadFile(ks.path(name))
	if err != nil || bytes.HasPrefix(data, []byte("PRIVATE+KEY+")) {
		return data, err
	}
	return ks.Vault.read(ks.path(name))
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
	data, err := ks.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w of the name %s", ErrNoKey, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	skey, rest, _ := strings.Cut(string(data), "\n")
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", ks.path(name), err)
	}
	verifier := strings.TrimSuffix(rest, "\n")
	if err := ledger.CheckKey(verifier); err != nil || !strings.HasPrefix(verifier, fmt.Sprintf("%s+%08x+", signer.Name(), signer.KeyHash())) {
		return nil, fmt.Errorf("read key %s: its second line is not its verifier key", ks.path(name))
	}
	return &Key{signer: signer, verifier: verifier}, nil
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
