package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"evident/lightclient/author"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// States of a fetch.
const (
	fetching = "fetching"
	saved    = "saved"
)

// fetches are the files on their way back to the disk, by their jobs.
type fetches struct {
	mu      sync.Mutex
	cancels map[string]context.CancelFunc
}

// cancel reports whether there is such a job.
func (f *fetches) cancel(job string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	cancel, ok := f.cancels[job]
	if ok {
		cancel()
	}
	return ok
}

func (f *fetches) add(job string, cancel context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancels[job] = cancel
}

func (f *fetches) remove(job string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.cancels, job)
}

// saveEvidence asks the user where to, and brings a file back. The file has its
// name only when it is whole and what was recorded; until then it is a part,
// from which a later try goes on.
func (a *App) saveEvidence(ctx context.Context, p service.EvidenceParams) (service.FetchJob, error) {
	client, record, e, err := a.service.Evidence(ctx, p)
	if err != nil {
		return service.FetchJob{}, err
	}
	secrets := a.home.Outbox().Secrets()
	_, secret, err := author.OpenStored(record, p.Index, secrets)
	if err != nil {
		return service.FetchJob{}, problem(err)
	}
	name := e.Name
	if secret != nil {
		name = secret.Name
	}
	out := service.FetchJob{Record: p.Record, Index: p.Index, Name: name, Size: decimal(e.Size), Done: "0", State: cancelled}
	path, err := a.chooseTarget(savedName(name, record.Record))
	if err != nil || path == "" {
		return out, err
	}
	out.Job, out.State, out.Path = rand.Text(), fetching, path
	ctx, cancel := context.WithCancel(a.ctx)
	a.fetches.add(out.Job, cancel)
	a.work.Go(func() {
		defer cancel()
		defer a.fetches.remove(out.Job)
		a.fetch(ctx, out, author.File{Record: record.ID, Index: p.Index}, func(to string, report func(transfer.Progress)) (int64, error) {
			f, err := author.Fetch(ctx, client, secrets, record.ID, p.Index, to, report)
			return f.Size, err
		})
	})
	return out, nil
}

// fetch brings a file to its path and tells how far it is. A file that is there
// was given up in the dialog; it is replaced when the new one is whole.
func (a *App) fetch(ctx context.Context, job service.FetchJob, file author.File, bring func(to string, report func(transfer.Progress)) (int64, error)) {
	tell := func() { a.service.Emit(service.FetchEvent{Kind: "fetch", Job: job}) }
	to := job.Path
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		to += ".fetched"
	}
	var told time.Time
	size, err := bring(to, func(p transfer.Progress) {
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			job.Done, job.Size, job.Rate, job.LeftMs = decimal(p.Done), decimal(p.Total), int64(p.Rate), p.Left().Milliseconds()
			tell()
		}
	})
	if err == nil && to != job.Path {
		err = os.Rename(to, job.Path)
	}
	job.Rate, job.LeftMs = 0, 0
	switch {
	case err == nil:
		job.State, job.Done, job.Size = saved, decimal(size), decimal(size)
	case ctx.Err() != nil && a.ctx.Err() == nil:
		job.State = cancelled
		os.Remove(author.PartPath(to, file)) // nobody wants it; if it stays, it is only in the way
	default:
		e := explain(err)
		job.State, job.Code, job.Error, job.Hint = failedJob, e.Code, e.Message, e.Hint
	}
	tell()
}

// savedName is a name that leads nowhere else.
func savedName(name string, r *ledger.Record) string {
	if name = plainName(name); name == "" {
		return fmt.Sprintf("%s.file", r.ID.String()[:16])
	}
	return evidence.FileName(name)
}

// chooseTarget asks the user where to save a file; empty if the dialog was closed.
func (a *App) chooseTarget(name string) (string, error) {
	a.dialogs.Lock()
	defer a.dialogs.Unlock()
	path, err := a.window.ChooseTarget("", name)
	if err != nil {
		return "", fmt.Errorf("choose where to save: %w", err)
	}
	return path, nil
}
