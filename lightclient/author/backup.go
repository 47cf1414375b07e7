package author

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"evident/lightclient/backup"
	"evident/lightclient/store"
)

// Contents is what a backup holds, or what a restore brought.
type Contents struct {
	Keys    int
	Secrets int
	Other   int
	Differ  []string // there already, but different: left as they are
}

func (c *Contents) count(name string) {
	switch {
	case isKey(name):
		c.Keys++
	case strings.HasPrefix(name, "secrets/"):
		c.Secrets++
	default:
		c.Other++
	}
}

// Backup writes all that this home could not make again into one file. It never overwrites one, and the file is whole or
// not there.
func (v *Vault) Backup(path, passphrase string) (Contents, error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return Contents{}, errors.Join(fmt.Errorf("backup: %w: %s", ErrFileExists, path), err)
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".backup-*")
	if err != nil {
		return Contents{}, fmt.Errorf("backup: %w", err)
	}
	defer os.Remove(part.Name())
	defer part.Close()
	c, err := v.WriteBackup(part, passphrase)
	if err != nil {
		return Contents{}, err
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return Contents{}, fmt.Errorf("backup: %w", err)
	}
	if err := install(part.Name(), path); err != nil {
		return Contents{}, fmt.Errorf("backup: %w", err)
	}
	return c, nil
}

// WriteBackup writes a backup to w.
func (v *Vault) WriteBackup(w io.Writer, passphrase string) (c Contents, err error) {
	if _, err := v.Recipient(); err != nil { // makes the identity, so that a home without anything can be backed up too
		return c, fmt.Errorf("backup: %w", err)
	}
	identities, err := v.identities()
	if err != nil {
		return c, fmt.Errorf("backup: %w", err)
	}
	out, err := backup.NewWriter(w, passphrase, v.work, identities)
	if err != nil {
		return c, fmt.Errorf("backup: %w", err)
	}
	err = v.eachFile(func(name, path string) error {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a record that has left the outbox meanwhile
		}
		if err != nil {
			return err
		}
		defer f.Close()
		c.count(name)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		file := backup.File{Name: name, Size: info.Size(), Content: f}
		if isKey(name) {
			file.Made = info.ModTime()
		}
		return out.Add(file)
	})
	if err := errors.Join(err, out.Close()); err != nil {
		return c, fmt.Errorf("backup: %w", err)
	}
	return c, nil
}

// backedUpFolders are those in which they lie; others, with what nodes on this machine keep, may be large and change.
var backedUpFolders = []string{"keys", "secrets", "outbox", "proofs", "receipts", "refused", "together"}

// eachFile finds the files of this home that a backup holds.
func (v *Vault) eachFile(use func(name, path string) error) error {
	return filepath.WalkDir(v.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(v.Dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		top, _, _ := strings.Cut(name, "/")
		switch {
		case entry.IsDir() && name != "." && !slices.Contains(backedUpFolders, top):
			return filepath.SkipDir
		case entry.Type().IsRegular() && backup.Holds(name):
			return use(name, path)
		}
		return nil
	})
}

// Restore brings the content of a backup into this home. Nothing is touched before the whole backup was read and found
// unaltered, and nothing that is there is overwritten. Interrupted, it can be run again.
func (v *Vault) Restore(file io.Reader, passphrase string) (c Contents, err error) {
	if err := os.MkdirAll(v.Dir, 0o700); err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	unlock, err := store.Lock(filepath.Join(v.Dir, "restore.lock"))
	if err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	defer unlock()
	staged := &Vault{Dir: filepath.Join(v.Dir, "restore")}
	if err := os.RemoveAll(staged.Dir); err != nil { // of a run that was interrupted
		return c, fmt.Errorf("restore: %w", err)
	}
	defer os.RemoveAll(staged.Dir)
	if err := staged.unpack(file, passphrase); err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	identities, err := staged.identities()
	if err == nil {
		err = v.adopt(identities)
	}
	if err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	err = staged.eachFile(func(name, path string) error { return v.bring(staged, name, &c) })
	if err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	return c, nil
}

// unpack writes the files of a backup and reads it to its end: only then nothing was altered.
func (v *Vault) unpack(file io.Reader, passphrase string) error {
	return backup.Read(file, passphrase, maxWork, func(f backup.File) error {
		if !filepath.IsLocal(f.Name) { // a name that this system reserves
			return fmt.Errorf("%w: it holds %q", ErrBackup, f.Name)
		}
		path := filepath.Join(v.Dir, filepath.FromSlash(f.Name))
		err := writeSynced(path, f.Content)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: it holds %q twice", ErrBackup, f.Name)
		}
		if err == nil && isKey(f.Name) {
			err = os.Chtimes(path, f.Made, f.Made)
		}
		return err
	})
}

func isKey(name string) bool { return strings.HasPrefix(name, "keys/") }

func writeSynced(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// bring moves a staged file into this home, unless there is one.
func (v *Vault) bring(staged *Vault, name string, c *Contents) error {
	path, to := filepath.Join(staged.Dir, filepath.FromSlash(name)), filepath.Join(v.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	err := install(path, to)
	switch {
	case errors.Is(err, ErrFileExists):
		same, err := sameFiles(path, to)
		if err != nil {
			return err
		}
		if !same && !v.sameInside(staged, name) {
			c.Differ = append(c.Differ, name)
			return nil
		}
	case err != nil:
		return err
	}
	c.count(name)
	return nil
}

// sameInside compares what two keys or secrets hold: another program encrypts the same to other bytes. What cannot be
// opened is not the same.
func (v *Vault) sameInside(staged *Vault, name string) bool {
	if !isKey(name) && !strings.HasPrefix(name, "secrets/") {
		return false
	}
	theirs, err := staged.open(filepath.Join(staged.Dir, filepath.FromSlash(name)))
	if err != nil {
		return false
	}
	ours, err := v.open(filepath.Join(v.Dir, filepath.FromSlash(name)))
	return err == nil && bytes.Equal(theirs, ours)
}

// sameFiles compares by the piece: a list of millions of files is large.
func sameFiles(a, b string) (bool, error) {
	sums, err := [2]string{}, error(nil)
	for i, path := range []string{a, b} {
		if sums[i], err = sumOf(path); err != nil {
			return false, err
		}
	}
	return sums[0] == sums[1], nil
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return string(sum.Sum(nil)), err
}
