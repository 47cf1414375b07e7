package app

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/collect"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

func isPackage(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return casefile.Begins(f), nil
}

// verifyPackage reads a package from the disk. Without a fingerprint it trusts
// the ledger that this program follows.
func (a *App) verifyPackage(ctx context.Context, p service.VerifyPackageParams) (service.PackageReport, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := a.digests.begin(ctx, p.Job, cancel); err != nil {
		return service.PackageReport{}, err
	}
	defer a.digests.end(p.Job)
	if p.Genesis == "" {
		if client, err := a.service.Client(ctx); err == nil {
			p.Genesis = client.Trusted().Fingerprint.String()
		}
	}
	f, err := os.Open(p.Path)
	if err != nil {
		return service.PackageReport{}, problem(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return service.PackageReport{}, problem(err)
	}
	return service.VerifyPackage(f, info.Size(), p.Genesis, casefile.Options{
		Pages: paper.Pages, NewCID: func() casefile.CIDWriter { return evidence.NewHasher() }, Progress: a.progressOf(ctx, p.Job),
	})
}

// progressOf tells the pages how far a job is, and ends it with its context.
func (a *App) progressOf(ctx context.Context, job string) func(done, total int64) error {
	var told time.Time
	return func(done, total int64) error {
		if now := time.Now(); now.Sub(told) >= progressEvery || done == total {
			told = now
			a.service.Emit(service.ProgressEvent{Kind: "progress", Job: job, Done: decimal(done), Size: decimal(total)})
		}
		return ctx.Err()
	}
}

// export asks the user where to, gathers the records and writes a package. It
// has its name only when it is whole.
func (a *App) export(ctx context.Context, p service.ExportParams) (service.Exported, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ids []ledger.RecordID
	for _, text := range p.Records {
		id, err := ledger.ParseRecordID(text)
		if err != nil {
			return service.Exported{}, badRequest("%v", err)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return service.Exported{}, badRequest("no record is named")
	}
	path, err := a.chooseTarget(ids[0].String()[:16] + ".zip")
	if err != nil || path == "" {
		return service.Exported{}, err
	}
	if err := a.digests.begin(ctx, p.Job, cancel); err != nil {
		return service.Exported{}, err
	}
	defer a.digests.end(p.Job)
	made, files, err := a.gather(ctx, ids, p)
	if err != nil {
		return service.Exported{}, problem(err)
	}
	size, err := writeWhole(path, func(w io.Writer) error {
		return made.Write(w, casefile.Export{Files: files, Exporter: "Evident desktop", At: time.Now().UnixMilli(),
			Pages: paper.Pages, Progress: a.progressOf(ctx, p.Job)})
	})
	if err != nil {
		return service.Exported{}, problem(err)
	}
	return service.Exported{Path: path, Records: len(made.Records), Files: len(files), Size: decimal(size)}, nil
}

func (a *App) gather(ctx context.Context, ids []ledger.RecordID, p service.ExportParams) (*casefile.Case, []casefile.File, error) {
	client, err := a.service.Client(ctx)
	if err != nil {
		return nil, nil, err
	}
	options := collect.Options{History: p.History, Content: p.Content, Secret: a.home.Outbox().Secrets().Open, Disclose: p.Disclose, Private: ring{a}.Private}
	proofs, err := collect.Records(ctx, client, ids, options)
	if err != nil {
		return nil, nil, err
	}
	made, err := casefile.NewCase(proofs)
	if err == nil {
		err = options.CheckDisclosed(made)
	}
	if err != nil || !p.Content {
		return made, nil, err
	}
	return made, collect.Files(ctx, client, made, options), nil
}

// writeWhole writes a file that takes its name when all of it is on the disk.
// The user was asked before an older one is replaced.
func writeWhole(path string, write func(io.Writer) error) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".evident-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	buffered := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(buffered), buffered.Flush(), f.Chmod(0o644), f.Sync()); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), errors.Join(f.Close(), os.Rename(f.Name(), path))
}
