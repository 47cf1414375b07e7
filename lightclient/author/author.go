// Package author is the writing side of the light client: the keys of rights
// holders, and the way of a file from the disk to a proof.
//
// The way has six steps: digest, send, sign, submit, final, proof. A signed
// record lies in the outbox, on disk, before it is submitted, and leaves it when
// its proof is written; so whatever stops the program, Resume ends the way, and
// the record is on the ledger once.
//
// What becomes of the file itself is the author's choice. By digest, it never
// leaves the machine and nothing is sent. Sealed, a ciphertext goes to the
// members; public, the file. Both are sent before the record is signed, and the
// record stays in the outbox until enough members have signed that they keep it.
// The key of a sealed file can be shared, and its erasure ordered: records say so.
//
// Thousands of files may stand in one record by a root over all of them, each
// with a proof of its own (StampTogether).
//
// Keys and secrets never lie on the disk in plain text but in a Vault, and all
// that cannot be made again goes into a backup.
package author

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

// Stage is a step on a file's way.
type Stage string

// The stages, in their order.
const (
	Digesting  Stage = "digesting"
	Sending    Stage = "sending" // the file, sealed or public
	Submitting Stage = "submitting"
	Received   Stage = "received" // a member promised to include the record
	Final      Stage = "final"
	Proving    Stage = "proving" // proofs of files that were recorded together are being written
	Storing    Stage = "storing" // the proof file is written; members are fetching the file
	Proven     Stage = "proven"  // the proof file is written, and the file stored if it is to be
)

// Progress is where a file is on its way. Done and Total are bytes, and Rate
// bytes per second, while digesting and sending. Files of OfFiles are done, if
// many are recorded together.
type Progress struct {
	Path    string
	Stage   Stage
	Done    int64
	Total   int64
	Rate    float64
	Files   int64
	OfFiles int64
}

// Left is how long the stage takes at this rate; 0 if nobody can tell.
func (p Progress) Left() time.Duration {
	return transfer.Progress{Done: p.Done, Total: p.Total, Rate: p.Rate}.Left()
}

// Stamped is a file whose proof is on disk.
type Stamped struct {
	Path   string
	Proof  string // path of the proof file
	Record lightclient.Record
	Before bool // it was stamped before, with this proof; nothing was sent

	// Receipts are by members who keep the file. Fewer than the genesis
	// asks for: the record stays in the outbox, and Resume asks again.
	Receipts []transfer.Receipt
}

// Author stamps files with one key, all in one mode.
type Author struct {
	Mode   ledger.Mode // empty: by digest
	Client *lightclient.Client
	Key    *Key
	Outbox *Outbox
	Now    func() time.Time // nil: time.Now
}

// Concurrency of StampAll: digesting is bound by the machine, submitting by
// the time that a block takes.
const (
	maxDigesting  = 2
	maxSubmitting = 64
)

// StampAll stamps files side by side and returns when every one is done. done
// is called for each file with its outcome, report with its progress; both may
// be called from several goroutines.
func (a *Author) StampAll(ctx context.Context, paths []string, text string, report func(Progress), done func(path string, s Stamped, err error)) {
	digesting, submitting := make(chan struct{}, maxDigesting), make(chan struct{}, maxSubmitting)
	var wg sync.WaitGroup
	for _, path := range paths {
		submitting <- struct{}{}
		wg.Go(func() {
			defer func() { <-submitting }()
			s, err := a.stamp(ctx, path, text, report, digesting)
			done(path, s, err)
		})
	}
	wg.Wait()
}

// Stamp stamps one file. text is the author's statement and may be empty.
//
// To pause is to end ctx, at any moment; to go on is to call Stamp again, also in another run of the program: what was
// sent is not sent again, and what was signed is not signed again. To give up is to call Secrets.Abandon. Once the record
// is signed nobody can take it back.
func (a *Author) Stamp(ctx context.Context, path, text string, report func(Progress)) (Stamped, error) {
	signed, err := a.finishSigned(ctx, path, report)
	if err != nil {
		return Stamped{}, err
	}
	s, err := a.stamp(ctx, path, text, report, make(chan struct{}, 1))
	if signed != nil && s.Before && s.Record.ID == signed.Record.ID {
		return *signed, err
	}
	return s, err
}

// finishSigned takes a record of this very file that is in the outbox to its proof. Nil: there is none.
func (a *Author) finishSigned(ctx context.Context, path string, report func(Progress)) (*Stamped, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("stamp %s: %w", path, err)
	}
	entries, err := a.Outbox.Entries()
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Path == path && !entry.Together {
			s, err := a.finish(ctx, entry, report)
			return &s, err
		}
	}
	return nil, nil
}

func (a *Author) stamp(ctx context.Context, path, text string, report func(Progress), digesting chan struct{}) (Stamped, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Stamped{}, fmt.Errorf("stamp %s: %w", path, err)
	}
	select {
	case digesting <- struct{}{}:
	case <-ctx.Done():
		return Stamped{}, fmt.Errorf("stamp %s: %w", path, context.Cause(ctx))
	}
	file, before, err := a.keep(ctx, path, report)
	<-digesting
	if err != nil {
		return Stamped{}, fmt.Errorf("stamp %s: %w", path, err)
	}
	if before != nil {
		report(Progress{Path: path, Stage: Proven})
		return *before, nil
	}
	entry, err := a.commit(ctx, path, text, file)
	if err != nil {
		return Stamped{}, fmt.Errorf("stamp %s: %w", path, err)
	}
	return a.finish(ctx, entry, report)
}

// commit signs the record and puts it in the outbox: from then on it will be
// sent, by us or by Resume. The secret of a sealed file is there before.
func (a *Author) commit(ctx context.Context, path, text string, file kept) (Entry, error) {
	if file.sealing != nil {
		defer file.sealing.close()
	}
	fields, err := ledger.EncodeCanonical(map[string]string{"text": text})
	if err != nil {
		return Entry{}, err
	}
	record, err := a.sign(ctx, ledger.Statement{Action: "deposit", Contract: "notes", Evidence: []ledger.Evidence{file.evidence}, Fields: json.RawMessage(fields)})
	if err != nil {
		return Entry{}, err
	}
	if file.sealing != nil {
		if err := a.Outbox.Secrets().put(record.ID, 0, file.sealing.secret); err != nil {
			return Entry{}, err
		}
	}
	entry := Entry{ID: record.ID, Note: string(record.Note), Path: path}
	if err := a.Outbox.put(entry); err != nil {
		return Entry{}, err
	}
	if file.sealing != nil {
		return entry, file.sealing.done()
	}
	return entry, nil
}

// Resume ends the way of every record that is in the outbox.
func (a *Author) Resume(ctx context.Context, report func(Progress), done func(path string, s Stamped, err error)) error {
	entries, err := a.Outbox.Entries()
	if err != nil {
		return err
	}
	submitting := make(chan struct{}, maxSubmitting)
	var wg sync.WaitGroup
	for _, entry := range entries {
		submitting <- struct{}{}
		wg.Go(func() {
			defer func() { <-submitting }()
			s, err := a.finish(ctx, entry, report)
			done(entry.Path, s, err)
		})
	}
	wg.Wait()
	return nil
}

// finish takes a signed record from the outbox to its proof.
func (a *Author) finish(ctx context.Context, entry Entry, report func(Progress)) (Stamped, error) {
	report(Progress{Path: entry.Path, Stage: Submitting})
	record, err := a.Client.Submit(ctx, []byte(entry.Note), func(lightclient.Receipt) {
		report(Progress{Path: entry.Path, Stage: Received})
	})
	if err != nil {
		return Stamped{}, a.refused(entry, err)
	}
	report(Progress{Path: entry.Path, Stage: Final})
	made, err := a.Client.Proof(ctx, record)
	if err != nil {
		return Stamped{}, fmt.Errorf("prove record %s: %w", entry.ID, err)
	}
	if err := a.disclose(made, record); err != nil {
		return Stamped{}, fmt.Errorf("prove record %s: %w", entry.ID, err)
	}
	file, err := made.Encode()
	if err != nil {
		return Stamped{}, fmt.Errorf("prove record %s: %w", entry.ID, err)
	}
	if entry.Together {
		return a.finishTogether(ctx, entry, record, file, report)
	}
	written, err := a.Outbox.writeProof(entry, file)
	if err != nil {
		return Stamped{}, err
	}
	report(Progress{Path: entry.Path, Stage: Storing})
	receipts, all, err := a.stored(ctx, record)
	if err == nil && !all && len(receipts) == 0 && ctx.Err() == nil {
		receipts, all, err = a.storedAgain(ctx, entry, record, report)
	}
	if err != nil {
		return Stamped{}, err
	}
	if err := addReceipts(written, made, receipts); err != nil {
		return Stamped{}, err
	}
	// If we stop here, Resume writes the same proof again and removes the entry.
	if all {
		if err := a.Outbox.remove(entry.ID); err != nil {
			return Stamped{}, err
		}
	}
	report(Progress{Path: entry.Path, Stage: Proven})
	return Stamped{Path: entry.Path, Proof: written, Record: record, Receipts: receipts}, nil
}

func (a *Author) finishTogether(ctx context.Context, entry Entry, record lightclient.Record, file []byte, report func(Progress)) (Stamped, error) {
	written, err := a.writeProofs(ctx, entry, file, report)
	if err != nil {
		return Stamped{}, err
	}
	if err := a.Outbox.remove(entry.ID); err != nil {
		return Stamped{}, err
	}
	report(Progress{Path: entry.Path, Stage: Proven})
	return Stamped{Path: entry.Path, Proof: written, Record: record}, nil
}

// refused takes a record that the ledger refused out of the outbox, and keeps
// the refusal: sending it again would change nothing. Everything else stays for
// Resume.
func (a *Author) refused(entry Entry, err error) error {
	err = fmt.Errorf("stamp %s: %w", entry.Path, err)
	if IsRefusal(err) {
		if kept := a.Outbox.Refusals().Keep(a.Client, []byte(entry.Note), err); kept != nil {
			return kept
		}
		if removed := a.Outbox.remove(entry.ID); removed != nil {
			return removed
		}
	}
	return err
}

// sign completes a first record of an item: it names the newest block that the client knows.
func (a *Author) sign(ctx context.Context, s ledger.Statement) (*ledger.Record, error) {
	head, known := a.Client.Head()
	if _, stale := a.Client.Age(head); !known || stale {
		var err error
		if head, err = a.Client.Sync(ctx); err != nil {
			return nil, err
		}
	}
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	_, genesis := a.Client.Genesis()
	s.After = ledger.Point{Root: head.Tree().Hash, Size: head.Tree().N}
	s.At = now().UnixMilli()
	s.By = []string{a.Key.Verifier()}
	s.Ledger = genesis.Origin(a.Client.Trusted().Fingerprint)
	s.Nonce, s.Seq, s.Version = nonce(), 1, 1
	return s.Sign(a.Key.signer)
}

func nonce() string {
	var n [16]byte
	rand.Read(n[:]) // never fails
	return hex.EncodeToString(n[:])
}

// evidenceName is the file's name as a record can hold it.
func evidenceName(path string) string { return evidence.FileName(filepath.Base(path)) }

func mediaType(path string) string {
	media := evidence.MediaType(path)
	if media == "" {
		media, _, _ = strings.Cut(mime.TypeByExtension(strings.ToLower(filepath.Ext(path))), ";")
	}
	if media == "" || len(media) > 127 {
		return "application/octet-stream"
	}
	return media
}
