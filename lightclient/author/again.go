package author

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

// ErrLost means that the members have lost a file before enough of them had it, and that it is not here any more as it was.
var ErrLost = errors.New("the members lost the file before enough of them had it, and it is not here any more as it was")

// storedAgain is stored for a file that no member keeps. One that lay with a single node is lost with that node, and one
// whose record became final a day too late was deleted: then it is sent once more.
func (a *Author) storedAgain(ctx context.Context, entry Entry, record lightclient.Record, report func(Progress)) ([]transfer.Receipt, bool, error) {
	for i, e := range record.Evidence {
		if e.Mode == ledger.Digest {
			continue
		}
		root, err := ledger.ParseCID(e.CID)
		if err != nil {
			return nil, false, err
		}
		if _, err := (&transfer.Blocks{Sources: a.Client.Sources()}).Block(ctx, root); err == nil || !errors.Is(err, transfer.ErrUnavailable) {
			return nil, false, nil // a node has it: the members are fetching it
		}
		if erased(ctx, a.Client, record, e) {
			return nil, true, nil // as its author ordered
		}
		form := evidence.AsItIs(e.Size)
		if e.Mode == ledger.Sealed {
			secret, err := a.Outbox.Secrets().Open(record.ID, i)
			if err != nil {
				return nil, false, err
			}
			if form, err = secret.Form(); err != nil {
				return nil, false, err
			}
		}
		if err := a.sendAgain(ctx, entry.Path, root, form, report); err != nil {
			return nil, false, fmt.Errorf("send %s again: %w", entry.Path, err)
		}
	}
	report(Progress{Path: entry.Path, Stage: Storing})
	return a.stored(ctx, record)
}

// sendAgain reads the file twice: no block leaves before the whole is known to be what was recorded, and then none but its.
func (a *Author) sendAgain(ctx context.Context, path string, root ledger.CID, form evidence.Form, report func(Progress)) error {
	var leaves bytes.Buffer
	err := evidence.Read(path, func(content io.Reader, _ int64) error {
		stored, err := evidence.Store(ctx, content, form, evidence.NewTrail(bytes.NewReader(nil), &leaves).Check)
		if err == nil && stored.CID != root {
			err = evidence.ErrChanged
		}
		return err
	})
	if err == nil {
		err = a.upload(ctx, path, form.Length(), report, func(content io.Reader, _ int64, emit func(evidence.Block) error) error {
			trail := evidence.NewTrail(bytes.NewReader(leaves.Bytes()), io.Discard)
			_, err := evidence.Store(ctx, content, form, func(b evidence.Block) error {
				if err := trail.Check(b); err != nil {
					return err
				}
				return emit(b)
			})
			return err
		})
	}
	if errors.Is(err, evidence.ErrChanged) || errors.Is(err, evidence.ErrNotFile) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", ErrLost, err)
	}
	return err
}
