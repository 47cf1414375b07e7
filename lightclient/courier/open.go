package courier

import (
	"context"
	"io"

	"evident/lightclient"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// maxRead bounds one answer to a reader.
const maxRead = 4 << 20

// opened is a stored file that somebody looks at.
type opened struct {
	plain *seal.Plain
	read  *seal.Whole
	stop  func()
}

// stored is a file of a record, and what reads it.
type stored struct {
	evidence    ledger.Evidence
	secret      *seal.Secret // nil: it is public, or cannot be opened here
	name, media string
	client      *lightclient.Client
}

func (c *Courier) stored(ctx context.Context, p service.EvidenceParams) (stored, error) {
	client, r, e, err := c.service.Evidence(ctx, p)
	if err != nil {
		return stored{}, err
	}
	out := stored{evidence: e, name: e.Name, media: e.Media, client: client}
	switch e.Mode {
	case ledger.Digest:
		return stored{}, &service.Error{Code: "not_stored", Message: "Only this file's digest was recorded.",
			Hint: "The file itself never left its author's machine: ask the author for it."}
	case ledger.Sealed:
		if out.secret, err = c.secret(r.ID.String(), p.Index); err != nil {
			return stored{}, err
		}
		if out.secret != nil {
			out.name, out.media = out.secret.Name, out.secret.Media
		}
	}
	return out, nil
}

// plain opens the file. All reading ends with ctx.
func (s stored) plain(ctx context.Context) (*seal.Plain, error) {
	if s.evidence.Mode == ledger.Sealed && s.secret == nil {
		return nil, errNoSecret
	}
	return seal.Open(ctx, &transfer.Blocks{Sources: s.client.Sources()}, s.evidence, s.secret)
}

func (c *Courier) openEvidence(ctx context.Context, p service.EvidenceParams) (service.Opened, error) {
	s, err := c.stored(ctx, p)
	if err != nil {
		return service.Opened{}, err
	}
	out := service.Opened{Name: s.name, Media: service.MediaOf(s.media, s.name), Size: decimal(s.evidence.Size), Mode: string(s.evidence.Mode), Kind: service.KindOf(s.media, s.name), Key: "not_needed"}
	if s.evidence.Mode == ledger.Sealed {
		if s.secret == nil {
			out.Kind, out.Key = "other", "none"
			return out, nil
		}
		out.Key = "here"
	}
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	plain, err := s.plain(reading)
	if err != nil {
		stop()
		return service.Opened{}, err
	}
	out.Token, out.Size = token(), decimal(plain.Size)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[out.Token] = &opened{plain, plain.Whole(), stop}
	return out, nil
}

func (c *Courier) closeEvidence(_ context.Context, p service.TokenParams) (service.None, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.open[p.Token]; o != nil {
		o.stop()
		delete(c.open, p.Token)
	}
	return service.None{}, nil
}

// Read returns bytes of an opened file, at most as many as asked for: each was
// held to the record's CID, and decrypted under its key. The end of a file that was read as a whole, and is not what was
// recorded, is withheld.
func (c *Courier) Read(token string, offset, length int64) ([]byte, error) {
	c.mu.Lock()
	o := c.open[token]
	c.mu.Unlock()
	if o == nil {
		return nil, badRequest("this file is not open")
	}
	if offset < 0 || offset > o.plain.Size || length < 0 {
		return nil, badRequest("there is nothing at byte %d", offset)
	}
	data := make([]byte, min(length, o.plain.Size-offset, maxRead))
	if _, err := o.plain.ReadAt(data, offset); err != nil && err != io.EOF {
		return nil, err
	}
	ended, other := o.read.Saw(offset, data)
	if ended {
		c.service.Emit(service.EvidenceEvent{Kind: "evidence", Token: token, Recorded: !other})
	}
	if other && offset+int64(len(data)) == o.plain.Size {
		e := explain(seal.ErrContent)
		return nil, &e
	}
	return data, nil
}

// Sink takes a file that is being fetched. Commit is called when its whole
// content was compared with the record; if that fails, Abort is, and nothing of
// it may be left.
type Sink interface {
	io.Writer
	Commit() error
	Abort()
}

// Fetch brings a file back into a sink, and tells how far it is. open asks for the
// sink when the name is known.
func (c *Courier) Fetch(ctx context.Context, p service.EvidenceParams, open func(name string, size int64) (Sink, error)) (service.FetchJob, error) {
	s, err := c.stored(ctx, p)
	if err != nil {
		return service.FetchJob{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	plain, err := s.plain(ctx)
	if err != nil {
		stop()
		return service.FetchJob{}, err
	}
	sink, err := open(s.name, plain.Size)
	if err != nil {
		stop()
		return service.FetchJob{}, err
	}
	j := service.FetchJob{Job: token(), Record: p.Record, Index: p.Index, Name: s.name, Size: decimal(plain.Size), Done: "0", State: "fetching"}
	c.mu.Lock()
	c.fetch[j.Job] = stop
	c.mu.Unlock()
	go func() {
		defer stop()
		c.fetching(ctx, plain, sink, j)
	}()
	return j, nil
}

func (c *Courier) fetching(ctx context.Context, plain *seal.Plain, sink Sink, j service.FetchJob) {
	tell := func() { c.service.Emit(service.FetchEvent{Kind: "fetch", Job: j}) }
	meter := &transfer.Meter{Total: plain.Size, Report: func(p transfer.Progress) {
		j.Done, j.Rate, j.LeftMs = decimal(p.Done), int64(p.Rate), p.Left().Milliseconds()
		tell()
	}}
	err := plain.Copy(metered{meter, sink})
	if err == nil {
		err = sink.Commit()
	}
	c.mu.Lock()
	delete(c.fetch, j.Job)
	c.mu.Unlock()
	switch {
	case err == nil:
		j.State = "saved"
	case ctx.Err() != nil:
		j.State = cancelled
	default:
		e := explain(err)
		j.State, j.Code, j.Error, j.Hint = failed, e.Code, e.Message, e.Hint
	}
	if err != nil {
		sink.Abort()
	}
	j.Rate, j.LeftMs = 0, 0
	tell()
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
