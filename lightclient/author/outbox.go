package author

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
)

// Entry is a signed record on its way.
type Entry struct {
	ID       ledger.RecordID
	Note     string
	Path     string // of the file that it is about
	Together bool   // it is about many files, of which Path is the first or the folder
}

// entryFile is an Entry on the disk. A path need not be text, which JSON would not keep: it is quoted as Go does.
type entryFile struct {
	Note     string `json:"note"`
	Path     string `json:"path"`
	Together bool   `json:"together,omitempty"`
}

// Outbox is a folder of signed records whose proofs are not written yet, and
// next to it one for proofs that cannot lie beside their files.
type Outbox struct {
	Dir   string
	Vault *Vault // of the secrets next to it
}

// Refusals is the folder beside the outbox of what the ledger refused.
func (o *Outbox) Refusals() Refusals { return Refusals{filepath.Join(filepath.Dir(o.Dir), "refused")} }

func (o *Outbox) file(id ledger.RecordID) string { return filepath.Join(o.Dir, id.String()+".json") }

// put makes an entry durable.
func (o *Outbox) put(e Entry) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("write outbox: %w", err)
	}
	data, err := json.Marshal(entryFile{e.Note, strconv.Quote(e.Path), e.Together})
	if err != nil {
		return fmt.Errorf("write outbox: %w", err)
	}
	if err := store.WriteFile(o.file(e.ID), data, 0o600); err != nil {
		return fmt.Errorf("write outbox: %w", err)
	}
	return nil
}

func (o *Outbox) remove(id ledger.RecordID) error {
	if err := os.Remove(o.file(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("empty outbox: %w", err)
	}
	return nil
}

// Entries lists what is on its way. A file that is not an entry is left alone.
func (o *Outbox) Entries() ([]Entry, error) {
	names, err := os.ReadDir(o.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	var entries []Entry
	for _, n := range names {
		id, err := ledger.ParseRecordID(strings.TrimSuffix(n.Name(), ".json"))
		if err != nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join(o.Dir, n.Name()))
		if err != nil {
			return nil, fmt.Errorf("read outbox: %w", err)
		}
		var e entryFile
		err = json.Unmarshal(data, &e)
		if err == nil {
			e.Path, err = strconv.Unquote(e.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("read outbox: %s: %w", n.Name(), err)
		}
		entries = append(entries, Entry{id, e.Note, e.Path, e.Together})
	}
	return entries, nil
}

// writeProof writes a proof beside its file, under a name that is free, or
// into the folder of proofs where that cannot be.
func (o *Outbox) writeProof(e Entry, file []byte) (string, error) {
	for i := 1; ; i++ {
		path := proofPath(e.Path, i)
		old, err := os.ReadFile(path)
		if err == nil && proofOf(old) == e.ID {
			return path, nil // written before the program stopped
		}
		if err == nil {
			continue // a proof of something else: never overwritten
		}
		if errors.Is(err, fs.ErrNotExist) && store.WriteFile(path, file, 0o644) == nil {
			return path, nil
		}
		break
	}
	dir := filepath.Join(filepath.Dir(o.Dir), "proofs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("write proof: %w", err)
	}
	path := filepath.Join(dir, e.ID.String()+proofEnding)
	if err := store.WriteFile(path, file, 0o644); err != nil {
		return "", fmt.Errorf("write proof: %w", err)
	}
	return path, nil
}

// writeLotProof writes the proof of one of many files beside it, or into the folder of proofs. All that it says can be made
// again until the entry is removed, so it is not synced: one sync for each of thousands would take longer than all the rest.
func (o *Outbox) writeLotProof(e Entry, index int64, path string, file []byte) error {
	for i := 1; ; i++ {
		at := proofPath(path, i)
		old, err := os.ReadFile(at)
		if err == nil && proofOf(old) == e.ID {
			return nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) && writeQuickly(at, file) == nil {
			return nil
		}
		break
	}
	dir := filepath.Join(filepath.Dir(o.Dir), "proofs", e.ID.String())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	if err := writeQuickly(filepath.Join(dir, strconv.FormatInt(index, 10)+proofEnding), file); err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	return nil
}

// writeQuickly writes a file that is whole or not there, as long as the machine does not stop.
func writeQuickly(path string, data []byte) error {
	part := path + ".part"
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return errors.Join(err, removeAll(part))
	}
	return os.Rename(part, path)
}

const proofEnding = ".evident"

// proofPath is the i-th name for a proof beside its file.
func proofPath(path string, i int) string {
	if i == 1 {
		return path + proofEnding
	}
	return fmt.Sprintf("%s.%d%s", path, i, proofEnding)
}

// proofOf returns the record that a proof file is about, or zero.
func proofOf(file []byte) ledger.RecordID {
	p, err := proof.Parse(file)
	if err != nil {
		return ledger.RecordID{}
	}
	u, err := ledger.ParseRecord(p.Record)
	if err != nil {
		return ledger.RecordID{}
	}
	return u.ID
}

// stampedBefore looks for a proof beside the file that is valid for these very
// bytes on this ledger.
func (a *Author) stampedBefore(ctx context.Context, path string, digest evidence.Digest) (Stamped, bool) {
	at, id, found := a.findProof(path, digest)
	if !found {
		return Stamped{}, false
	}
	record, err := a.Client.Record(ctx, id)
	if err != nil {
		return Stamped{}, false
	}
	return Stamped{Path: path, Proof: at, Record: record, Before: true}, true
}

// provenBefore tells the same without asking a node.
func (a *Author) provenBefore(path string, digest evidence.Digest) bool {
	_, _, found := a.findProof(path, digest)
	return found
}

func (a *Author) findProof(path string, digest evidence.Digest) (at string, id ledger.RecordID, found bool) {
	trusted := a.Client.Trusted().Fingerprint
	for i := 1; ; i++ {
		file, err := os.ReadFile(proofPath(path, i))
		if err != nil {
			return "", id, false
		}
		report := proof.Verify(file, proof.Options{Trusted: &trusted,
			Content: &proof.Content{SHA256: digest.SHA256, CID: digest.CID, Size: digest.Size}})
		if report.Exit() == 0 {
			return proofPath(path, i), report.Proven.ID, true
		}
	}
}

// IsRefusal tells whether the ledger refused a record, for good.
func IsRefusal(err error) bool {
	var refused *lightclient.Refused
	return errors.As(err, &refused)
}
