package author

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"filippo.io/age"

	"evident/lightclient/store"
)

// A backup is an age file under a passphrase (scrypt), and in it a tar archive:
//
//	backup                   evident/backup/v1
//	identity.txt             the identities, which open the following
//	keys/*.key               as they lie in the home
//	secrets/*.age            without those of files that have no record yet
//	outbox/, proofs/, receipts/, refused/, together/, genesis.json, nodes.json
//
// It opens with age and tar alone, so nobody needs this program to get at the keys.

// ErrBackup means that a file is not a backup, or of a version that is not known.
var ErrBackup = errors.New("not a backup of a known version")

const (
	backupName   = "backup"
	backupFormat = "evident/backup/v1\n"
	identityName = "identity.txt"
)

// backedUp are the files of a home that a backup holds.
var backedUp = regexp.MustCompile(`^(keys/[^/\\.][^/\\]*\.key|secrets/[0-9a-f]{64}\.[a-z0-9_]+\.age|outbox/[0-9a-f]{64}\.json|receipts/[0-9a-f]{64}\.txt|refused/[0-9a-f]{64}\.evident` +
	`|proofs/([0-9a-f]{64}/[0-9]+|[0-9a-f]{64})\.evident|together/[0-9a-f]{64}/(files|hashes|record\.evident)|genesis\.json|nodes\.json)$`)

// Contents is what a backup holds, or what a restore brought.
type Contents struct {
	Keys    int
	Secrets int
	Other   int
	Differ  []string // there already, but different: left as they are
}

func (c *Contents) count(name string) {
	switch {
	case strings.HasPrefix(name, "keys/"):
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
	r, err := v.passphrase(passphrase)
	if err != nil {
		return c, fmt.Errorf("backup: %w", err)
	}
	sealed, err := age.Encrypt(w, r)
	if err != nil {
		return c, fmt.Errorf("backup: %w", err)
	}
	archive := tar.NewWriter(sealed)
	for _, f := range []struct {
		name string
		data []byte
	}{{backupName, []byte(backupFormat)}, {identityName, identityLines(identities)}} {
		if err := addFile(archive, f.name, int64(len(f.data)), bytes.NewReader(f.data)); err != nil {
			return c, fmt.Errorf("backup: %w", err)
		}
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
		return addFile(archive, name, info.Size(), f)
	})
	if err := errors.Join(err, archive.Close(), sealed.Close()); err != nil {
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
		case entry.Type().IsRegular() && backedUp.MatchString(name):
			return use(name, path)
		}
		return nil
	})
}

func addFile(archive *tar.Writer, name string, size int64, content io.Reader) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.CopyN(archive, content, size)
	return err
}

// Restore brings the content of a backup into this home. Nothing is touched before the whole backup was read and found
// unaltered, and nothing that is there is overwritten. Interrupted, it can be run again.
func (v *Vault) Restore(backup io.Reader, passphrase string) (c Contents, err error) {
	plain, err := decryptScrypt(bufio.NewReaderSize(backup, 1<<20), passphrase)
	if err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
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
	if err := staged.unpack(plain); err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	identities, err := staged.readPlain()
	if err == nil && identities == nil {
		err = ErrBackup
	}
	if err == nil {
		err = v.adopt(identities)
	}
	if err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	err = staged.eachFile(func(name, path string) error { return v.bring(name, path, &c) })
	if err != nil {
		return c, fmt.Errorf("restore: %w", err)
	}
	return c, nil
}

// unpack writes the files of a backup and reads it to its end: only then nothing was altered.
func (v *Vault) unpack(plain io.Reader) error {
	archive := tar.NewReader(plain)
	for first := true; ; first = false {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		switch {
		case first:
			format, err := io.ReadAll(io.LimitReader(archive, int64(len(backupFormat))+1))
			if err != nil || header.Name != backupName || string(format) != backupFormat {
				return errors.Join(ErrBackup, err)
			}
			continue
		case header.Typeflag != tar.TypeReg || !filepath.IsLocal(header.Name) || header.Name != identityName && !backedUp.MatchString(header.Name):
			return fmt.Errorf("%w: it holds %q", ErrBackup, header.Name)
		}
		if err := writeSynced(filepath.Join(v.Dir, filepath.FromSlash(header.Name)), archive); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

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
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// bring moves a file into this home, unless there is one.
func (v *Vault) bring(name, path string, c *Contents) error {
	to := filepath.Join(v.Dir, filepath.FromSlash(name))
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
		if !same {
			c.Differ = append(c.Differ, name)
			return nil
		}
	case err != nil:
		return err
	}
	c.count(name)
	return nil
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
