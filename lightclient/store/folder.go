//go:build !js

package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"evident/lightclient"
)

// Folder keeps each value in a file of its own. A light client remembers a
// genesis and one head: two small files that a person can read need no
// database, open at once, and cannot be damaged by a crash half-way.
//
// A write goes to a new file, is synced, and takes the place of the old one by
// a rename, after which the folder is synced. If the machine stops before the
// rename, the old value stands; after it, the new one. Processes that share
// the folder take turns by a lock on the file "lock".
type Folder struct {
	dir string
	mu  sync.Mutex
}

// OpenFolder makes the folder if it does not exist.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the store's folder: %w", err)
	}
	return &Folder{dir: dir}, nil
}

// Path returns the file of a name, for messages.
func (f *Folder) Path(name string) string { return filepath.Join(f.dir, name) }

var fileName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// Read implements lightclient.Store.
func (f *Folder) Read(name string) ([]byte, error) {
	if !fileName.MatchString(name) {
		panic("store: " + name + " is not a name")
	}
	data, err := os.ReadFile(f.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if data == nil && err == nil {
		data = []byte{}
	}
	return data, err
}

// Swap implements lightclient.Store.
func (f *Folder) Swap(name string, old, value []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := Lock(f.Path("lock"))
	if err != nil {
		return err
	}
	defer unlock()
	current, err := f.Read(name)
	if err != nil {
		return err
	}
	if (current == nil) != (old == nil) || !bytes.Equal(current, old) {
		return lightclient.ErrConflict
	}
	return WriteFile(f.Path(name), value, 0o600)
}

// WriteFile replaces a file in one step and is durable when it returns.
func WriteFile(path string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if err := tmp.Chmod(mode); err != nil {
		return err
	}
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return SyncFolder(dir)
}
