package author

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/store"
	"evident/lightclient/transfer"
)

// ErrNoSecret means that this home has no secret for a sealed file: somebody else recorded it, or on another machine.
var ErrNoSecret = errors.New("there is no secret for this record here")

// Secrets is a folder of what opens sealed files, each encrypted to the home's identity:
//
//	<record id>.<index>.age             the secret of a record's file, ours or shared with us
//	<record id>.<name>.age              other private values of a record
//	sealing-<path>.age, .trail, .lock   of a file whose record is not signed yet, so that sealing it can go on
type Secrets struct {
	Dir   string
	Vault *Vault
}

// Secrets returns the folder that lies next to the outbox.
func (o *Outbox) Secrets() Secrets {
	return Secrets{filepath.Join(filepath.Dir(o.Dir), "secrets"), o.Vault}
}

func (s Secrets) path(name string) string { return filepath.Join(s.Dir, name+secretEnding) }

const secretEnding = ".age"

func secretName(id ledger.RecordID, index int) string { return fmt.Sprintf("%s.%d", id, index) }

// Open reads the secret of a record's file.
func (s Secrets) Open(id ledger.RecordID, index int) (*seal.Secret, error) {
	secret, err := s.secret(secretName(id, index))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s, file %d", ErrNoSecret, id, index+1)
	}
	return secret, err
}

// put makes the secret of a record's file durable; that has to be so before the record is.
func (s Secrets) put(id ledger.RecordID, index int, secret *seal.Secret) error {
	return s.keep(secretName(id, index), secret)
}

// KeepPrivate makes a private value of a record durable, such as the salts of its hidden fields.
func (s Secrets) KeepPrivate(id ledger.RecordID, name string, value []byte) error {
	return s.write(id.String()+"."+name, value)
}

// Private reads it back.
func (s Secrets) Private(id ledger.RecordID, name string) ([]byte, error) {
	value, err := s.Vault.read(s.path(id.String() + "." + name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s, %s", ErrNoSecret, id, name)
	}
	return value, err
}

func (s Secrets) secret(name string) (*seal.Secret, error) {
	data, err := s.Vault.read(s.path(name))
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	secret := new(seal.Secret)
	if err := json.Unmarshal(data, secret); err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return secret, nil
}

func (s Secrets) keep(name string, secret *seal.Secret) error {
	data, err := json.Marshal(secret)
	if err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	return s.write(name, data)
}

func (s Secrets) write(name string, data []byte) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	if err := s.Vault.write(s.path(name), data); err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	return nil
}

// sealing is a file that is being sealed, now or in an earlier run.
type sealing struct {
	secret *seal.Secret
	base   string // of the trail and the lock
	path   string // of the secret
	trail  *os.File
	unlock func()
}

// begin takes up the sealing of a file where it stopped, or starts it. One program seals a file at a time.
func (s Secrets) begin(path string, size int64) (_ *sealing, err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("begin sealing: %w", err)
	}
	name := sealingName(path)
	w := &sealing{base: filepath.Join(s.Dir, name), path: s.path(name)}
	if w.unlock, err = store.Lock(w.base + ".lock"); err != nil {
		return nil, fmt.Errorf("begin sealing: %w", err)
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	w.secret, err = s.secret(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	fresh := w.secret == nil || w.secret.Size != size
	if fresh {
		if w.secret, err = seal.NewSecret(evidenceName(path), mediaType(path), size); err != nil {
			return nil, err
		}
		if err := s.keep(name, w.secret); err != nil {
			return nil, err
		}
		// If we stop here, the new secret has the old one's trail, which fits nothing that it makes: it will be dropped.
	}
	// Each digest is on disk before its block leaves.
	if w.trail, err = os.OpenFile(w.base+".trail", os.O_RDWR|os.O_CREATE|os.O_SYNC, 0o600); err != nil {
		return nil, fmt.Errorf("begin sealing: %w", err)
	}
	if fresh {
		err = w.trail.Truncate(0)
	}
	return w, err
}

func sealingName(path string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("sealing-%x", sum[:16])
}

// Abandon forgets a sealing that did not come to its record: the file will not be stamped after all. What was sent of it
// is without a key, and without a record the nodes drop it.
func (s Secrets) Abandon(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("abandon %s: %w", path, err)
	}
	name := sealingName(path)
	if _, err := os.Stat(s.path(name)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := store.Lock(filepath.Join(s.Dir, name+".lock"))
	if err != nil {
		return fmt.Errorf("abandon %s: %w", path, err)
	}
	defer unlock()
	if err := removeAll(s.path(name), filepath.Join(s.Dir, name+".trail")); err != nil {
		return fmt.Errorf("abandon %s: %w", path, err)
	}
	return nil
}

// check returns what every block has to pass before it leaves the machine. It begins anew for each pass over the file.
func (w *sealing) check() (func(evidence.Block) error, error) {
	info, err := w.trail.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the trail: %w", err)
	}
	whole := info.Size() / sha256.Size * sha256.Size // a digest that was half written belongs to a block that stayed here
	if _, err := w.trail.Seek(whole, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the trail: %w", err)
	}
	return evidence.NewTrail(io.NewSectionReader(w.trail, 0, whole), w.trail).Check, nil
}

// drop forgets the secret: the file is not what it was when it was first sealed. The secret goes before its trail.
func (w *sealing) drop() error {
	if err := errors.Join(os.Remove(w.path), w.trail.Truncate(0)); err != nil {
		return fmt.Errorf("drop a secret: %w", err)
	}
	return nil
}

// done cleans up when the secret lies with its record.
func (w *sealing) done() error {
	if err := errors.Join(os.Remove(w.path), os.Remove(w.base+".trail")); err != nil {
		return fmt.Errorf("end sealing: %w", err)
	}
	return nil
}

func (w *sealing) close() {
	if w.trail != nil {
		w.trail.Close()
	}
	w.unlock()
}

// receiptsFile is where the storage receipts of a record lie.
func (o *Outbox) receiptsFile(id ledger.RecordID) string {
	return filepath.Join(filepath.Dir(o.Dir), "receipts", id.String()+".txt")
}

// writeReceipts keeps the notes, an empty line between them.
func (o *Outbox) writeReceipts(id ledger.RecordID, receipts []transfer.Receipt) error {
	path := o.receiptsFile(id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write receipts: %w", err)
	}
	var notes [][]byte
	for _, r := range receipts {
		notes = append(notes, []byte(r.Note))
	}
	if err := store.WriteFile(path, bytes.Join(notes, []byte("\n")), 0o600); err != nil {
		return fmt.Errorf("write receipts: %w", err)
	}
	return nil
}
