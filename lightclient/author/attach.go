package author

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// Attachment is a file that a record of any contract can name: the members have its blocks, if the mode says so, and drop
// them unless a record follows.
type Attachment struct {
	Evidence ledger.Evidence
	sealing  *sealing // nil unless sealed
}

// Attach reads a file for a record that somebody else composes, and sends it to a member's node if the mode says so.
// Close the attachment, whatever becomes of the record.
func (a *Author) Attach(ctx context.Context, path string, report func(Progress)) (Attachment, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Attachment{}, fmt.Errorf("attach %s: %w", path, err)
	}
	var file kept
	if a.Mode == ledger.Sealed {
		file, err = a.sealAnew(ctx, path, report)
	} else {
		var digest evidence.Digest
		if digest, err = digestFile(ctx, path, report); err == nil {
			file, err = a.keepOpen(ctx, path, digest, report)
		}
	}
	if err != nil {
		return Attachment{}, fmt.Errorf("attach %s: %w", path, err)
	}
	return Attachment{file.evidence, file.sealing}, nil
}

// Keep makes what opens a sealed file durable, as that of a record's file: before anybody sees the record.
func (f Attachment) Keep(s Secrets, id ledger.RecordID, index int) error {
	if f.sealing == nil {
		return nil
	}
	if err := s.put(id, index, f.sealing.secret); err != nil {
		return err
	}
	return f.sealing.done()
}

// Close lets others seal the file.
func (f Attachment) Close() {
	if f.sealing != nil {
		f.sealing.close()
	}
}

// sealAnew seals a file, once more if it has changed since an interrupted run.
func (a *Author) sealAnew(ctx context.Context, path string, report func(Progress)) (k kept, err error) {
	for try := range 2 {
		k, err = a.seal(ctx, path, report)
		if try > 0 || !errors.Is(err, errResealed) {
			break
		}
	}
	return k, err
}
