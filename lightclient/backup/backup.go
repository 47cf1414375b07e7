// Package backup is the one file in which a person keeps what no machine could make again. Every program of theirs writes
// the same one, so what was kept in a browser comes back on the desktop, and the other way round. It sees no disk.
//
// A backup is an armoured age file under a passphrase (scrypt), and in it a tar archive:
//
//	backup                          evident/backup/v1
//	identity.txt                    AGE-SECRET-KEY-PQ-1…, one line each: they open the following
//	keys/ada.key                    PRIVATE+KEY+ada+… and ada+…, its verifier key, one line each
//	secrets/<record>.<index>.age    a seal.Secret, as JSON
//	secrets/<record>.private.age    the openings of what a record hides, as JSON
//	proofs/<record>.evident         a proof that has no place beside its file
//	outbox/, receipts/, refused/, together/, proofs/<record>/, genesis.json, nodes.json
//
// Keys and secrets are age files to one of the identities, as they lie in a home. The files of the last line are of homes
// alone: who has no place for them leaves them out. The archive opens with age and tar alone, so nobody needs this program
// to get at the keys.
package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"
)

// ErrBackup means that a file is not a backup, or of a version that is not known.
var ErrBackup = errors.New("not a backup of a known version")

const (
	formatName = "backup"
	format     = "evident/backup/v1\n"
)

// Identities is the name of the file with the identities.
const Identities = "identity.txt"

// KeyName is the name of a key's file.
func KeyName(name string) string { return "keys/" + name + ".key" }

// SecretName is the name of the file of a private value: Openings, or the index of a sealed file.
func SecretName(record, value string) string { return "secrets/" + record + "." + value + ".age" }

// Openings is the private value with what a record hides.
const Openings = "private"

// ProofName is the name of a record's proof.
func ProofName(record string) string { return "proofs/" + record + ".evident" }

// names are those of the files that a backup holds beside the two above.
var names = regexp.MustCompile(`^(keys/[^/\\.][^/\\]*\.key|secrets/[0-9a-f]{64}\.[a-z0-9_]+\.age|outbox/[0-9a-f]{64}\.json|receipts/[0-9a-f]{64}\.txt|refused/[0-9a-f]{64}\.evident` +
	`|proofs/([0-9a-f]{64}/[0-9]+|[0-9a-f]{64})\.evident|together/[0-9a-f]{64}/(files|hashes|record\.evident)|genesis\.json|nodes\.json)$`)

// Holds tells whether a backup holds a file of this name, with slashes.
func Holds(name string) bool { return names.MatchString(name) }

// Limits of the files in a backup.
const (
	MaxPrivate = 4 << 20 // identities, a key, a secret
	maxFile    = 32 << 20
	maxList    = 4 << 30 // the names or digests of millions of files that were recorded together
)

func limitOf(name string) int64 {
	switch folder, _, _ := strings.Cut(name, "/"); folder {
	case Identities, "keys", "secrets":
		return MaxPrivate
	case "together":
		return maxList
	}
	return maxFile
}

// File is a file of a backup.
type File struct {
	Name    string
	Size    int64
	Content io.Reader
	Made    time.Time // of keys: the oldest is the one that signs
}

// Writer writes a backup.
type Writer struct {
	archive *tar.Writer
	sealed  io.WriteCloser
}

// NewWriter begins a backup with the identities, the person's own first. See Protect for work.
func NewWriter(w io.Writer, passphrase string, work int, identities []*age.HybridIdentity) (*Writer, error) {
	sealed, err := Protect(w, passphrase, work)
	if err != nil {
		return nil, err
	}
	out := &Writer{tar.NewWriter(sealed), sealed}
	for _, f := range []struct {
		name string
		data []byte
	}{{formatName, []byte(format)}, {Identities, IdentityLines(identities)}} {
		if err := out.add(File{Name: f.name, Size: int64(len(f.data)), Content: bytes.NewReader(f.data)}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Add writes a file. One that could not be read back is refused.
func (w *Writer) Add(f File) error {
	if !Holds(f.Name) || f.Size > limitOf(f.Name) {
		return fmt.Errorf("a backup cannot hold %q of %d bytes", f.Name, f.Size)
	}
	return w.add(f)
}

func (w *Writer) add(f File) error {
	if err := w.archive.WriteHeader(&tar.Header{Name: f.Name, Mode: 0o600, Size: f.Size, ModTime: f.Made, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.CopyN(w.archive, f.Content, f.Size)
	return err
}

// Close ends the backup. Without it, it is not one.
func (w *Writer) Close() error { return errors.Join(w.archive.Close(), w.sealed.Close()) }

// Read hands out the files of a backup, the identities among them. Only when it returns without an error is it known that
// nothing was altered or cut, so until then nothing may come of them. See Open for maxWork.
func Read(r io.Reader, passphrase string, maxWork int, use func(File) error) error {
	plain, err := Open(bufio.NewReaderSize(r, 1<<20), passphrase, maxWork)
	if err != nil {
		return err
	}
	return readArchive(plain, use)
}

func readArchive(plain io.Reader, use func(File) error) error {
	archive := tar.NewReader(plain)
	if err := readFormat(archive); err != nil {
		return err
	}
	identified := false
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		identified = identified || header.Name == Identities
		if header.Typeflag != tar.TypeReg || header.Name != Identities && !Holds(header.Name) || header.Size > limitOf(header.Name) {
			return fmt.Errorf("%w: it holds %q of %d bytes", ErrBackup, header.Name, header.Size)
		}
		if err := use(File{header.Name, header.Size, damaged{archive}, header.ModTime}); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, damaged{plain}); err != nil {
		return err
	}
	if !identified {
		return fmt.Errorf("%w: it holds no identity", ErrBackup)
	}
	return nil
}

// readFormat reads the first file, which says what the others are.
func readFormat(archive *tar.Reader) error {
	header, err := archive.Next()
	if err == io.EOF {
		return fmt.Errorf("%w: it is empty", ErrBackup)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	text, err := io.ReadAll(io.LimitReader(archive, int64(len(format))+1))
	if err != nil || header.Name != formatName || string(text) != format {
		return errors.Join(ErrBackup, err)
	}
	return nil
}

// damaged is a reader of what was encrypted: it fails where that was altered or cut.
type damaged struct{ io.Reader }

func (d damaged) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, err
}
