package author

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
)

// Entry is a signed record on its way.
type Entry struct {
	ID   ledger.RecordID `json:"-"`
	Note string          `json:"note"`
	Path string          `json:"path"` // of the file that it is about
}

// Outbox is a folder of signed records whose proofs are not written yet, and
// next to it one for proofs that cannot lie beside their files.
type Outbox struct {
	Dir   string
	Vault *Vault // of the secrets next to it
}

func (o *Outbox) file(id ledger.RecordID) string { return filepath.Join(o.Dir, id.String()+".json") }

// put makes an entry durable.
func (o *Outbox) put(e Entry) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("write outbox: %w", err)
	}
	data, err := json.Marshal(e)
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
		e := Entry{ID: id}
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, fmt.Errorf("read outbox: %s: %w", n.Name(), err)
		}
		entries = append(entries, e)
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
	path := filepath.Join(dir, e.ID.String()+".evident")
	if err := store.WriteFile(path, file, 0o644); err != nil {
		return "", fmt.Errorf("write proof: %w", err)
	}
	return path, nil
}

// proofPath is the i-th name for a proof beside its file.
func proofPath(path string, i int) string {
	if i == 1 {
		return path + ".evident"
	}
	return fmt.Sprintf("%s.%d.evident", path, i)
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
	trusted := a.Client.Trusted().Fingerprint
	for i := 1; ; i++ {
		file, err := os.ReadFile(proofPath(path, i))
		if err != nil {
			return Stamped{}, false
		}
		report := proof.Verify(file, proof.Options{Trusted: &trusted,
			Content: &proof.Content{SHA256: digest.SHA256, CID: digest.CID, Size: digest.Size}})
		if report.Exit() != 0 {
			continue
		}
		record, err := a.Client.Record(ctx, report.Proven.ID)
		if err != nil {
			return Stamped{}, false
		}
		return Stamped{Path: path, Proof: proofPath(path, i), Record: record, Before: true}, true
	}
}

// IsRefusal tells whether the ledger refused a record, for good.
func IsRefusal(err error) bool {
	var refused *lightclient.Refused
	return errors.As(err, &refused)
}
