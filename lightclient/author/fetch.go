package author

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"evident/lightclient"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/store"
	"evident/lightclient/transfer"
)

var (
	// ErrNotStored means that the record names no file that the members keep.
	ErrNotStored = errors.New("the members keep no file of this record")
	// ErrErased means that the members have erased the file, as its author ordered.
	ErrErased = errors.New("the members have erased this file, as its author ordered")
	// ErrFileExists means that there is a file where the fetched one should go.
	ErrFileExists = errors.New("there is a file of this name already")
)

// Fetched is a file that is back.
type Fetched struct {
	Path   string
	Size   int64
	Record lightclient.Record
}

// FirstStored stands for the first file of a record that the members keep.
const FirstStored = -1

// Fetch brings a file of a record back from the members, opens it, compares it with what was recorded, and writes it to
// path; empty: the file's own name, in this folder. Until all of that is done it lies beside it (PartPath), from where an
// interrupted fetch goes on. It never replaces a file.
func Fetch(ctx context.Context, client *lightclient.Client, secrets Secrets, id ledger.RecordID, index int, path string, report func(transfer.Progress)) (Fetched, error) {
	record, err := client.Record(ctx, id)
	if err != nil {
		return Fetched{}, fmt.Errorf("fetch: %w", err)
	}
	if index, err = storedAt(record, index); err != nil {
		return Fetched{}, fmt.Errorf("fetch: %w", err)
	}
	e, secret, err := OpenStored(record, index, secrets)
	if err != nil {
		return Fetched{}, fmt.Errorf("fetch: %w", err)
	}
	if path == "" {
		path = fileName(id, e, secret)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return Fetched{}, errors.Join(fmt.Errorf("fetch: %w: %s", ErrFileExists, path), err)
	}
	plain, err := seal.Open(ctx, &transfer.Blocks{Sources: client.Sources()}, e, secret)
	if err == nil {
		err = write(plain, PartPath(path, File{id, index}), path, report)
	}
	if errors.Is(err, transfer.ErrUnavailable) && erased(ctx, client, record, e) {
		err = ErrErased
	}
	if err != nil {
		return Fetched{}, fmt.Errorf("fetch %s: %w", path, err)
	}
	return Fetched{path, plain.Size, record}, nil
}

// erased asks whether a file is gone for good.
func erased(ctx context.Context, client *lightclient.Client, record lightclient.Record, e ledger.Evidence) bool {
	k := keepersOf(ctx, client, record, e)
	return len(k.Gone) > 0 && len(k.Kept) == 0
}

// OpenStored finds a file that the members keep, and what opens it: nil if it is public.
func OpenStored(record lightclient.Record, index int, secrets Secrets) (ledger.Evidence, *seal.Secret, error) {
	index, err := storedAt(record, index)
	if err != nil {
		return ledger.Evidence{}, nil, err
	}
	e := record.Evidence[index]
	if e.Mode == ledger.Public {
		return e, nil, nil
	}
	secret, err := secrets.Open(record.ID, index)
	return e, secret, err
}

func storedAt(record lightclient.Record, index int) (int, error) {
	for i, e := range record.Evidence {
		if e.Mode != ledger.Digest && (i == index || index == FirstStored) {
			return i, nil
		}
	}
	return 0, ErrNotStored
}

// fileName is the file's own name without anything that could lead elsewhere.
func fileName(id ledger.RecordID, e ledger.Evidence, secret *seal.Secret) string {
	name := e.Name
	if secret != nil {
		name = secret.Name
	}
	name = filepath.Base(evidenceName(filepath.FromSlash(name)))
	if name == "" || name == "." || name == ".." || name == string(filepath.Separator) {
		return id.String()
	}
	return name
}

// PartPath is where a file lies while it is fetched to path. The name is of this record's file alone: what another fetch
// or another program left beside it is not touched.
func PartPath(path string, file File) string {
	folder, name := filepath.Split(path)
	name = strings.ToValidUTF8(name[:min(len(name), maxPartName)], "")
	return fmt.Sprintf("%s%s.%.16s-%d.part", folder, name, file.Record, file.Index+1)
}

// maxPartName is how much of a file's name fits before the rest of its part's, in bytes.
const maxPartName = 200

// write fetches into the part and gives it its name. When a part from before does not lead to what was recorded, as after
// a power cut, that says nothing of who keeps the file: then everything is fetched once more.
func write(plain *seal.Plain, part, path string, report func(transfer.Progress)) error {
	begun, err := writePart(plain, part, report)
	if errors.Is(err, seal.ErrContent) && begun > 0 {
		_, err = writePart(plain, part, report)
	}
	if err != nil {
		return err
	}
	if err := install(part, path); err != nil {
		return err
	}
	return store.SyncFolder(filepath.Dir(path))
}

// writePart goes on with what an earlier run wrote, and says how much that was. If the whole is then not what was recorded,
// nothing of it is kept.
func writePart(plain *seal.Plain, part string, report func(transfer.Progress)) (begun int64, err error) {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if begun, err = f.Seek(0, io.SeekEnd); err != nil {
		return 0, err
	}
	meter := &transfer.Meter{Total: plain.Size, Report: report}
	before := io.TeeReader(io.NewSectionReader(f, 0, begun), metered{meter, io.Discard})
	if err := plain.Continue(metered{meter, f}, before); err != nil {
		if errors.Is(err, seal.ErrContent) {
			return begun, errors.Join(err, os.Remove(part))
		}
		return begun, err
	}
	return begun, f.Sync()
}

// install gives a finished file its name. A link does not replace a file that appeared meanwhile, as a rename would; but
// not every disk has links.
func install(part, path string) error {
	err := os.Link(part, path)
	if err == nil {
		return os.Remove(part)
	}
	if _, there := os.Lstat(path); !errors.Is(there, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%w: %s", ErrFileExists, path), there)
	}
	return os.Rename(part, path)
}

type metered struct {
	meter *transfer.Meter
	w     io.Writer
}

func (m metered) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.meter.Add(int64(n))
	return n, err
}
