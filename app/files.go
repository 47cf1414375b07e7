package app

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/store"
)

// pickFiles asks the user for files.
func (a *App) pickFiles(context.Context, service.None) (service.Files, error) {
	a.dialogs.Lock()
	defer a.dialogs.Unlock()
	paths, err := a.window.ChooseFiles()
	if err != nil {
		return service.Files{}, fmt.Errorf("choose files: %w", err)
	}
	out := service.Files{Files: []service.Picked{}}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return service.Files{}, problem(err)
		}
		out.Files = append(out.Files, service.Picked{Path: path, Name: filepath.Base(path), Size: decimal(info.Size())})
	}
	return out, nil
}

// pickFolder asks the user for a folder.
func (a *App) pickFolder(context.Context, service.None) (service.Files, error) {
	out := service.Files{Files: []service.Picked{}}
	path, err := a.chooseFolder()
	if err == nil && path != "" {
		out.Files = append(out.Files, service.Picked{Path: path, Name: filepath.Base(path), Size: "0"})
	}
	return out, err
}

// chooseFolder returns an empty path if the dialog was closed.
func (a *App) chooseFolder() (string, error) {
	a.dialogs.Lock()
	defer a.dialogs.Unlock()
	path, err := a.window.ChooseFolder()
	if err != nil {
		return "", fmt.Errorf("choose a folder: %w", err)
	}
	return path, nil
}

// inspect tells what a file is; of a proof it returns the text too.
func (a *App) inspect(_ context.Context, p service.PathParams) (service.Inspected, error) {
	info, err := os.Stat(p.Path)
	if err != nil {
		return service.Inspected{}, problem(err)
	}
	out := service.Inspected{Name: filepath.Base(p.Path), Size: decimal(info.Size())}
	if !info.Mode().IsRegular() {
		return out, nil
	}
	if out.Package, err = isPackage(p.Path); err != nil {
		return service.Inspected{}, problem(err)
	}
	if out.Package || info.Size() > proof.MaxSize {
		return out, nil
	}
	text, err := readProof(p.Path)
	if err != nil {
		return service.Inspected{}, problem(err)
	}
	out.Proof = text
	return out, nil
}

// proofStart is how much of a file is read to see whether it could be a proof:
// the first key of one is its format.
const proofStart = 64

// proofFormat is how a proof, a state proof, a refused record or an accusation begins.
var proofFormat = regexp.MustCompile(`^\s*\{\s*"format"\s*:\s*"evident/(proof|state|refused|accusation)/v`)

// readProof returns the text of a file that calls itself a proof, a state proof,
// a refused record or an accusation, by its name or by how it begins. Whether it is one, verifying will tell.
func readProof(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	start := make([]byte, proofStart)
	n, err := io.ReadFull(file, start)
	if err != nil && n == 0 {
		return "", nil
	}
	ending := strings.ToLower(filepath.Ext(path))
	if ending != ".evident" && ending != ".accusation" && !proofFormat.Match(start[:n]) {
		return "", nil
	}
	rest, err := io.ReadAll(io.LimitReader(file, proof.MaxSize))
	return string(start[:n]) + string(rest), err
}

// progressEvery is the pause between two messages about one file's progress.
const progressEvery = 100 * time.Millisecond

// Limits of the files that are read for the pages: side by side, and waiting.
const (
	maxDigests = 2
	maxWaiting = 64
)

// digests are the files being read for the pages, by their jobs.
type digests struct {
	slots chan struct{}

	mu      sync.Mutex
	cancels map[string]context.CancelFunc
}

func newDigests() *digests {
	return &digests{slots: make(chan struct{}, maxDigests), cancels: map[string]context.CancelFunc{}}
}

// begin waits for the job's turn. The job can be cancelled from the start.
func (d *digests) begin(ctx context.Context, job string, cancel context.CancelFunc) error {
	if err := d.add(job, cancel); err != nil {
		return err
	}
	select {
	case d.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		d.remove(job)
		return ctx.Err()
	}
}

func (d *digests) add(job string, cancel context.CancelFunc) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, taken := d.cancels[job]; taken || len(d.cancels) >= maxWaiting || job == "" {
		return &service.Error{Code: "busy", Message: "Other files are being read.", Hint: "Wait until they are done, and try again."}
	}
	d.cancels[job] = cancel
	return nil
}

func (d *digests) end(job string) {
	<-d.slots
	d.remove(job)
}

func (d *digests) remove(job string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.cancels, job)
}

// cancel reports whether there is such a job.
func (d *digests) cancel(job string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	cancel, ok := d.cancels[job]
	if ok {
		cancel()
	}
	return ok
}

// digest reads a file once, and says how far it is.
func (a *App) digest(ctx context.Context, p service.DigestParams) (service.FileDigest, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := a.digests.begin(ctx, p.Job, cancel); err != nil {
		return service.FileDigest{}, err
	}
	defer a.digests.end(p.Job)
	var told time.Time
	d, err := evidence.File(ctx, p.Path, func(done, size int64) {
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			a.service.Emit(service.ProgressEvent{Kind: "progress", Job: p.Job, Done: decimal(done), Size: decimal(size)})
		}
	})
	if err != nil {
		return service.FileDigest{}, problem(err)
	}
	return service.FileDigest{SHA256: hex.EncodeToString(d.SHA256[:]), CID: d.CID, Size: decimal(d.Size)}, nil
}

// cancel ends a job. One that is not there any more has ended already.
func (a *App) cancel(_ context.Context, p service.JobParams) (service.None, error) {
	if p.Job != "" && (a.digests.cancel(p.Job) || a.fetches.cancel(p.Job)) {
		return service.None{}, nil
	}
	return service.None{}, a.queue.cancel(p.Job)
}

// saveProof asks the user where, and writes the proof of a record there.
func (a *App) saveProof(ctx context.Context, p service.RecordParams) (service.Saved, error) {
	id, err := ledger.ParseRecordID(p.ID)
	if err != nil {
		return service.Saved{}, &service.Error{Code: "bad_request", Message: err.Error(), Hint: "Check what was typed."}
	}
	file, name, err := a.author.proof(ctx, id)
	if err != nil {
		return service.Saved{}, err
	}
	path, err := a.chooseTarget(name)
	if err != nil || path == "" {
		return service.Saved{}, err
	}
	if err := store.WriteFile(path, file, 0o644); err != nil {
		return service.Saved{}, failed("store", "The proof cannot be written there.", "Choose another folder.", err)
	}
	return service.Saved{Path: path}, nil
}

// proofName is what a proof is called when it is saved: after its file, as far
// as the name that its author gave is a name.
func proofName(r *ledger.Record) string {
	name := ""
	if len(r.Evidence) == 1 {
		name = plainName(r.Evidence[0].Name)
	}
	return cmp.Or(name, r.ID.String()[:16]) + ".evident"
}

// plainName makes a name that leads nowhere else of one that somebody gave.
func plainName(given string) string {
	return strings.TrimLeft(strings.Map(func(c rune) rune {
		if c == '/' || c == '\\' || c == ':' || unicode.Is(unicode.Cc, c) || unicode.Is(unicode.Cf, c) {
			return '_'
		}
		return c
	}, given), ". ")
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
