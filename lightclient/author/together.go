package author

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
	"evident/lightclient/transfer"
)

var (
	// ErrTogetherMode means that files that the members are to keep were to be recorded together.
	ErrTogetherMode = errors.New("files that the members keep need a record each: the members keep what a record names")
	// ErrNoFiles means that there is no file to record.
	ErrNoFiles = errors.New("there is no file to record")
)

// Skipped is something that was not recorded, and why.
type Skipped struct {
	Path string
	Why  error
}

// maxSkipped is how many of them are told one by one.
const maxSkipped = 1000

// Walked is what became of the files in a folder.
type Walked struct {
	Files   int64 // recorded
	Bytes   int64
	Before  int64 // that have a proof already
	Skipped []Skipped
	More    int64 // skipped beside those
}

func (w *Walked) skip(path string, why error) {
	if len(w.Skipped) == maxSkipped {
		w.More++
		return
	}
	w.Skipped = append(w.Skipped, Skipped{path, why})
}

// MaxProofFiles is how many proofs are written beside their files at once. In larger lots a proof is made when somebody
// asks for it (TogetherProof): millions of them would be larger than many of the files.
const MaxProofFiles = 10_000

// StampTogether makes one record of all files in the paths, folders and what is below them, and a proof for every single
// one. The files are recorded by digest and stay where they are: the record names one root and no file, so there is
// nothing that the members could keep by it; and a file that is erased or shared later needs a record of its own.
//
// One bad file ends nothing: it is in what was skipped. Interrupted while digesting, the next call with the same paths
// goes on behind the last file, as long as the disk names them in the same order; interrupted later, Resume goes on.
func (a *Author) StampTogether(ctx context.Context, paths []string, text string, report func(Progress)) (Stamped, Walked, error) {
	var w Walked
	if a.Mode != "" && a.Mode != ledger.Digest {
		return Stamped{}, w, fmt.Errorf("stamp together: %w", ErrTogetherMode)
	}
	entry, err := a.commitTogether(ctx, paths, text, &w, report)
	if err != nil {
		return Stamped{}, w, fmt.Errorf("stamp together: %w", err)
	}
	if entry.Note == "" {
		return Stamped{Path: entry.Path, Before: true}, w, nil
	}
	s, err := a.finish(ctx, entry, report)
	return s, w, err
}

// commitTogether brings the files to a signed record in the outbox. Its note is empty if all files had a proof.
func (a *Author) commitTogether(ctx context.Context, paths []string, text string, w *Walked, report func(Progress)) (Entry, error) {
	l, err := a.Outbox.beginLot(paths)
	if err != nil {
		return Entry{}, err
	}
	defer l.close()
	if err := a.collect(ctx, l, paths, w, report); err != nil {
		return Entry{}, err
	}
	path, err := filepath.Abs(paths[0])
	if err != nil {
		return Entry{}, err
	}
	if l.count == 0 {
		if w.Before == 0 {
			return Entry{}, ErrNoFiles
		}
		return Entry{Path: path}, l.drop()
	}
	root, err := tlog.TreeHash(l.count, l)
	if err != nil {
		return Entry{}, err
	}
	fields, err := ledger.EncodeCanonical(map[string]any{"count": l.count, "root": root.String(), "text": text})
	if err != nil {
		return Entry{}, err
	}
	record, err := a.sign(ctx, ledger.Statement{Action: proof.TogetherAction, Contract: proof.TogetherContract,
		Evidence: []ledger.Evidence{}, Fields: json.RawMessage(fields)})
	if err != nil {
		return Entry{}, err
	}
	if err := l.settle(a.Outbox.lotPath(record.ID.String())); err != nil {
		return Entry{}, err
	}
	entry := Entry{ID: record.ID, Note: string(record.Note), Path: path, Together: true}
	return entry, a.Outbox.put(entry)
}

// collect digests the files and puts them into the lot.
func (a *Author) collect(ctx context.Context, l *lot, paths []string, w *Walked, report func(Progress)) error {
	var files, total int64
	err := Walk(ctx, paths, func(_ string, info fs.FileInfo) error {
		files++
		total += info.Size()
		return nil
	}, func(string, error) {})
	if err != nil {
		return err
	}
	p := Progress{Path: paths[0], Stage: Digesting, OfFiles: files}
	meter := &transfer.Meter{Total: total, Report: func(t transfer.Progress) {
		p.Done, p.Total, p.Rate = t.Done, max(t.Done, t.Total), t.Rate
		report(p)
	}}
	return Walk(ctx, paths, func(path string, info fs.FileInfo) error {
		p.Path, p.Files = path, p.Files+1
		entry, known := l.recall(path, info)
		if !known {
			var err error
			if entry, err = a.name(ctx, path, meter, w); err != nil || entry == "" {
				return err
			}
		} else {
			meter.Add(info.Size())
		}
		w.Files++
		w.Bytes += info.Size()
		return l.add(path, info, entry)
	}, w.skip)
}

// name digests a file. It returns "" for one that has a proof already, or that cannot be read: then it is skipped.
func (a *Author) name(ctx context.Context, path string, meter *transfer.Meter, w *Walked) (string, error) {
	last := int64(0)
	d, err := evidence.File(ctx, path, func(done, _ int64) { meter.Add(done - last); last = done })
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		w.skip(path, err)
		return "", nil
	case a.provenBefore(path, d):
		w.Before++
		return "", nil
	}
	line, err := proof.Entry{CID: d.CID, Name: evidenceName(path), SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}.Encode()
	return string(line), err
}

// writeProofs writes a proof beside every file of a lot, and returns where the proof of the record itself lies.
func (a *Author) writeProofs(ctx context.Context, entry Entry, base []byte, report func(Progress)) (string, error) {
	folder := a.Outbox.lotPath(entry.ID.String())
	path := filepath.Join(folder, "record"+proofEnding)
	if err := store.WriteFile(path, base, 0o600); err != nil {
		return "", fmt.Errorf("write proof: %w", err)
	}
	l, err := openLot(folder)
	if err != nil {
		return "", err
	}
	defer l.close()
	if l.count > MaxProofFiles {
		return path, nil
	}
	p := Progress{Path: entry.Path, Stage: Proving, OfFiles: l.count}
	return path, l.each(func(index int64, f lotFile) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.Files = index + 1
		report(p)
		file, err := l.prove(base, index, f)
		if err != nil {
			return err
		}
		return a.Outbox.writeLotProof(entry, index, f.path, file)
	})
}

// TogetherProof makes the proof of one file of a record that holds many, which was made in this home.
func (o *Outbox) TogetherProof(id ledger.RecordID, path string) ([]byte, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("prove %s: %w", path, err)
	}
	folder := o.lotPath(id.String())
	base, err := os.ReadFile(filepath.Join(folder, "record"+proofEnding))
	if err != nil {
		return nil, fmt.Errorf("prove %s: %w", path, err)
	}
	l, err := openLot(folder)
	if err != nil {
		return nil, err
	}
	defer l.close()
	var file []byte
	err = l.each(func(index int64, f lotFile) error {
		if f.path != path {
			return nil
		}
		var err error
		if file, err = l.prove(base, index, f); err == nil {
			err = errFound
		}
		return err
	})
	if !errors.Is(err, errFound) {
		return nil, errors.Join(fmt.Errorf("prove %s: %w", path, fs.ErrNotExist), err)
	}
	return file, nil
}

var errFound = errors.New("found")

// TogetherRecords lists the records of many files that were made in this home.
func (o *Outbox) TogetherRecords() ([]ledger.RecordID, error) {
	names, err := os.ReadDir(o.lotPath(""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list records: %w", err)
	}
	var ids []ledger.RecordID
	for _, n := range names {
		if id, err := ledger.ParseRecordID(n.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
