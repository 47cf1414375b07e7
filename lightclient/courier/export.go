package courier

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/collect"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// Export writes a package into a sink, which is committed when all of it is
// there. Its certificate is for screens: fonts for paper are more than a page
// should load.
func (c *Courier) Export(ctx context.Context, p service.ExportParams, sink Sink) (service.Exported, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c.mu.Lock()
	c.fetch[p.Job] = stop
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.fetch, p.Job)
	}()
	made, files, err := c.gather(ctx, p)
	if err != nil {
		sink.Abort()
		return service.Exported{}, err
	}
	out := &written{w: sink}
	buffered := bufio.NewWriterSize(out, 1<<20)
	err = made.Write(buffered, casefile.Export{
		Files: files, Exporter: "Evident in a browser", At: time.Now().UnixMilli(), Pages: certificate.HTML,
		Progress: func(done, total int64) error {
			c.service.Emit(service.ProgressEvent{Kind: "progress", Job: p.Job, Done: decimal(done), Size: decimal(total)})
			return ctx.Err()
		},
	})
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		sink.Abort()
		return service.Exported{}, err
	}
	if err := sink.Commit(); err != nil {
		return service.Exported{}, err
	}
	return service.Exported{Records: len(made.Records), Files: len(files), Size: decimal(out.n)}, nil
}

func (c *Courier) gather(ctx context.Context, p service.ExportParams) (*casefile.Case, []casefile.File, error) {
	var ids []ledger.RecordID
	for _, text := range p.Records {
		id, err := ledger.ParseRecordID(text)
		if err != nil {
			return nil, nil, badRequest("%v", err)
		}
		ids = append(ids, id)
	}
	client, err := c.service.Client(ctx)
	if err != nil {
		return nil, nil, err
	}
	options := collect.Options{History: p.History, Content: p.Content, Secret: c.secretOf, Disclose: p.Disclose, Private: c.Private}
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

func (c *Courier) secretOf(id ledger.RecordID, index int) (*seal.Secret, error) {
	secret, err := c.secret(id.String(), index)
	if err == nil && secret == nil {
		err = fmt.Errorf("no key of record %s is here", id)
	}
	return secret, err
}

// written counts what is written.
type written struct {
	w io.Writer
	n int64
}

func (w *written) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.n += int64(n)
	return n, err
}
