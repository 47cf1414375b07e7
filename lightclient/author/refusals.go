package author

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
)

// Refusals is a folder of records that a node refused, each with what it signed.
type Refusals struct{ Dir string }

func (r Refusals) file(id ledger.RecordID) string {
	return filepath.Join(r.Dir, id.String()+".evident")
}

// Keep writes the file of a refused record, if err is a refusal; the first one stays.
func (r Refusals) Keep(client *lightclient.Client, note []byte, err error) error {
	var refused *lightclient.Refused
	if !errors.As(err, &refused) {
		return nil
	}
	file, err := client.RefusedFile(note, refused)
	if err != nil {
		return fmt.Errorf("keep the refusal: %w", err)
	}
	path := r.file(refused.Refusal.Record)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return fmt.Errorf("keep the refusal: %w", err)
	}
	if err := store.WriteFile(path, file, 0o600); err != nil {
		return fmt.Errorf("keep the refusal: %w", err)
	}
	return nil
}

// Read returns the file of a refused record; the error wraps fs.ErrNotExist if none is kept.
func (r Refusals) Read(id ledger.RecordID) ([]byte, error) {
	file, err := os.ReadFile(r.file(id))
	if err != nil {
		return nil, fmt.Errorf("read the refusal: %w", err)
	}
	return file, nil
}

// List returns what was refused, in the order of the ids. A file that is none is left alone.
func (r Refusals) List() ([]*proof.ProvenRefusal, error) {
	names, err := os.ReadDir(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list refusals: %w", err)
	}
	var list []*proof.ProvenRefusal
	for _, n := range names {
		id, err := ledger.ParseRecordID(strings.TrimSuffix(n.Name(), ".evident"))
		if err != nil {
			continue
		}
		file, err := r.Read(id)
		if err != nil {
			return nil, err
		}
		if report := proof.VerifyRefused(file, nil); report.Refused != nil {
			list = append(list, report.Refused)
		}
	}
	return list, nil
}
