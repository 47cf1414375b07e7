package courier

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

// prepare names each file of a job, and sends it to a member's node if the mode
// says so. Files that are done stay done when it is called again.
func (c *Courier) prepare(ctx context.Context, j *job) error {
	var before int64
	for i, p := range j.Parts {
		if p.Evidence == nil {
			if err := c.keep(ctx, j, i, before); err != nil {
				return err
			}
			if err := c.forget(trailPrefix(j, i)); err != nil {
				return err
			}
		}
		before += p.Size
	}
	return nil
}

func (c *Courier) keep(ctx context.Context, j *job, i int, before int64) error {
	p := j.Parts[i]
	f, err := c.fileOf(j, p)
	if err != nil {
		return err
	}
	w := &watch{c: c, j: j, before: before}
	switch ledger.Mode(j.Mode) {
	case ledger.Digest:
		err = c.name(ctx, p, f, w)
	case ledger.Public:
		err = c.publish(ctx, j, p, f, w)
	default:
		err = c.seal(ctx, j, i, f, w)
		if errors.Is(err, evidence.ErrChanged) && p.Secret == nil {
			err = c.seal(ctx, j, i, f, w) // with a new secret, once
		}
	}
	return err
}

// change changes a job and keeps it.
func (c *Courier) change(j *job, do func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	return c.save(j)
}

// errFileNeeded means that an earlier run was handed this file, and this one was not.
var errFileNeeded = errors.New("the file has to be handed over again")

// fileOf returns the file of a part. Another one under the same path, as when a
// person chose it again after a change, takes its place: then nothing that was
// made of the old one may be used.
func (c *Courier) fileOf(j *job, p *part) (File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.held[p.Path]
	if f == nil {
		return nil, errFileNeeded
	}
	if f.Size() != p.Size || f.Modified() != p.Modified {
		j.Size = decimal(number(j.Size) - p.Size + f.Size())
		p.Size, p.Modified, p.Secret = f.Size(), f.Modified(), nil
	}
	return f, nil
}

// name computes the digest of a file that stays here.
func (c *Courier) name(ctx context.Context, p *part, f File, w *watch) error {
	if err := c.set(w.j, hashing); err != nil {
		return err
	}
	digest, err := Digest(ctx, f, w.read)
	if err != nil {
		return err
	}
	return c.change(w.j, func() { p.Evidence = p.evidence(ledger.Digest, digest) })
}

func (p *part) evidence(mode ledger.Mode, d evidence.Digest) *ledger.Evidence {
	return &ledger.Evidence{CID: d.CID, Media: p.Media, Mode: mode, Name: p.Name, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}
}

func (c *Courier) publish(ctx context.Context, j *job, p *part, f File, w *watch) error {
	if err := c.set(j, uploading); err != nil {
		return err
	}
	var stored evidence.Stored
	err := c.upload(ctx, j, p, f, w, func(r io.Reader, emit func(evidence.Block) error) (err error) {
		stored, err = evidence.Split(ctx, r, p.Size, emit)
		return err
	})
	if err != nil {
		return err
	}
	digest := evidence.Digest{SHA256: stored.SHA256, CID: stored.CID.String(), Size: stored.Size}
	return c.change(j, func() { p.Evidence = p.evidence(ledger.Public, digest) })
}

// seal seals a file and sends it, in one pass. The secret is in the store before
// the first block leaves; it goes if the file is not what it was then.
func (c *Courier) seal(ctx context.Context, j *job, i int, f File, w *watch) error {
	p := j.Parts[i]
	secret := p.Secret
	if secret == nil {
		var err error
		if secret, err = seal.NewSecret(p.Name, p.Media, p.Size); err != nil {
			return err
		}
		// The trail goes before the new secret comes: it would fit nothing of it.
		if err := c.forget(trailPrefix(j, i)); err != nil {
			return err
		}
	}
	if err := c.change(j, func() { p.Secret = secret }); err != nil {
		return err
	}
	if err := c.set(j, sealing); err != nil {
		return err
	}
	var stored evidence.Stored
	err := c.upload(ctx, j, p, f, w, func(r io.Reader, emit func(evidence.Block) error) error {
		trail, err := newTrail(c.store, trailPrefix(j, i))
		if err != nil {
			return err
		}
		stored, err = secret.Seal(ctx, r, func(b evidence.Block) error {
			if err := trail.Check(b); err != nil {
				return err
			}
			return emit(b)
		})
		return err
	})
	if errors.Is(err, evidence.ErrChanged) {
		return errors.Join(err, c.change(j, func() { p.Secret = nil }))
	}
	if err != nil {
		return err
	}
	e := secret.Evidence(stored)
	return c.change(j, func() { p.Evidence = &e })
}

// upload reads the file once for each node that it is sent to.
func (c *Courier) upload(ctx context.Context, j *job, p *part, f File, w *watch, pass func(io.Reader, func(evidence.Block) error) error) error {
	client, err := c.service.Client(ctx)
	if err != nil {
		return err
	}
	if _, known := client.Head(); !known {
		if _, err := client.Sync(ctx); err != nil { // it tells of further nodes
			return err
		}
	}
	nodes := nodesFor(j.Job+p.Path, client.Sources())
	return transfer.Upload(ctx, nodes, p.Size, w.sent, func(emit func(evidence.Block) error) error {
		return pass(&counted{r: f.Open(ctx), read: w.read}, emit)
	})
}

// nodesFor puts the nodes in an order of the file's own: one that was interrupted
// goes to the node that has its beginning.
func nodesFor(file string, nodes []lightclient.Source) []lightclient.Source {
	if len(nodes) == 0 {
		return nil
	}
	first := int(crc32.ChecksumIEEE([]byte(file)) % uint32(len(nodes)))
	return append(slices.Clone(nodes[first:]), nodes[:first]...)
}

// watch turns progress on one file into that of its job.
type watch struct {
	c      *Courier
	j      *job
	before int64 // bytes of the files before it
	meter  transfer.Meter
	then   int64
}

// read is called with how much of the file was read.
func (w *watch) read(done int64) {
	w.meter.Add(done - w.then)
	w.then = done
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	w.j.Done = decimal(w.before + done)
	if w.j.State == hashing {
		w.rate(w.meter.Rate(), number(w.j.Size)-w.before-done)
	}
	w.c.tell(w.j, true)
}

func (w *watch) sent(p transfer.Progress) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	w.j.Sent = decimal(w.before + min(p.Done, p.Total))
	if w.j.State == sealing {
		w.j.State = uploading
	}
	w.rate(p.Rate, number(w.j.ToSend)-number(w.j.Sent))
	w.c.tell(w.j, true)
}

func (w *watch) rate(rate float64, left int64) {
	w.j.Rate, w.j.LeftMs = int64(rate), 0
	if rate > 0 {
		w.j.LeftMs = int64(float64(left) / rate * 1000)
	}
}

// counted tells how much was read.
type counted struct {
	r    io.Reader
	n    int64
	read func(int64)
}

func (r *counted) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	r.read(r.n)
	return n, err
}

// Digest names a file's content in one pass.
func Digest(ctx context.Context, f File, progress func(done int64)) (evidence.Digest, error) {
	stored, err := evidence.Split(ctx, &counted{r: f.Open(ctx), read: progress}, f.Size(), func(evidence.Block) error { return nil })
	if err != nil {
		return evidence.Digest{}, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return evidence.Digest{SHA256: stored.SHA256, CID: stored.CID.String(), Size: stored.Size}, nil
}
