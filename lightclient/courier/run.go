package courier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// Pauses between tries.
const (
	retryAfter   = 5 * time.Second // no node could be reached
	receiptsFast = time.Second
	receiptsSlow = 30 * time.Second
)

// Run takes up what an earlier run left and works until ctx ends. Only one
// program at a time may run on a store.
func (c *Courier) Run(ctx context.Context) error {
	names, err := c.store.Names(jobPrefix)
	if err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	c.mu.Lock()
	for _, name := range names {
		j := new(job)
		if _, err := c.read(name, j); err != nil {
			c.mu.Unlock()
			return err
		}
		if !j.finished() && j.State != paused {
			j.State = queued
		}
		c.jobs = append(c.jobs, j)
		c.last = max(c.last, number(j.Job))
	}
	c.ctx = ctx
	for _, j := range c.jobs {
		c.tell(j, false)
	}
	c.mu.Unlock()
	return c.work(ctx)
}

// work starts jobs as there is room for them: those that are signed first.
func (c *Courier) work(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	preparing, finishing := 0, 0
	ended := make(chan func(), maxFinishing+maxPreparing)
	for {
		for {
			j, stopping := c.next(ctx, preparing < maxPreparing, finishing < maxFinishing)
			if j == nil {
				break
			}
			count, way := &preparing, c.preparing
			if j.signed() {
				count, way = &finishing, c.finish
			}
			*count++
			wg.Go(func() {
				way(stopping, j)
				ended <- func() { *count-- }
			})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
		case done := <-ended:
			done()
		}
	}
}

// next takes the first job that can be worked on.
func (c *Courier) next(ctx context.Context, prepare, finish bool) (*job, context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs {
		if j.State != queued || j.stop != nil || j.signed() && !finish || !j.signed() && !prepare {
			continue
		}
		ctx, stop := context.WithCancelCause(ctx)
		j.stop = stop
		return j, ctx
	}
	return nil, nil
}

// end lets a job be taken up again.
func (c *Courier) end(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j.stop(nil)
	j.stop = nil
	c.dropLocked(j) // what is left if this fails is small, and of no use to anybody
}

// preparing takes a job to its signature.
func (c *Courier) preparing(ctx context.Context, j *job) {
	defer c.end(j)
	err := c.prepare(ctx, j)
	if err == nil {
		err = c.commit(ctx, j)
	}
	switch {
	case err == nil, ctx.Err() != nil: // whoever stopped it has said what it is now
	case errors.Is(err, errFileNeeded):
		c.fail(j, paused, err)
	case errors.Is(err, lightclient.ErrUnavailable):
		c.fail(j, queued, err)
		c.pauseFor(ctx, retryAfter)
	default:
		c.fail(j, failed, err)
	}
}

func (c *Courier) pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// commit signs the record. The secrets lie under its id before the record is
// kept, and the record is kept before anybody sees it.
func (c *Courier) commit(ctx context.Context, j *job) error {
	record, err := c.sign(ctx, j)
	if err != nil {
		return err
	}
	for i, p := range j.Parts {
		if p.Secret != nil {
			if err := c.write(secretName(record.ID.String(), i), p.Secret); err != nil {
				return err
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx) // called back at the last moment
	}
	j.Note, j.Record, j.Done = string(record.Note), record.ID.String(), j.Size
	for _, p := range j.Parts {
		p.Secret = nil
	}
	return c.setLocked(j, queued)
}

// sign makes the record of a job's files.
func (c *Courier) sign(ctx context.Context, j *job) (*ledger.Record, error) {
	a := act.Action{Contract: "notes", Action: "deposit", Fields: map[string]any{"text": j.Statement}}
	for _, p := range j.Parts {
		a.Evidence = append(a.Evidence, *p.Evidence)
	}
	return c.act(ctx, a)
}

// act signs an action with the key that is here.
func (c *Courier) act(ctx context.Context, a act.Action) (*ledger.Record, error) {
	signer, verifier, err := c.signer()
	if err != nil {
		return nil, err
	}
	client, err := c.service.Client(ctx)
	if err != nil {
		return nil, err
	}
	a.By = []string{verifier}
	d, err := act.New(ctx, client, a)
	if err != nil {
		return nil, err
	}
	if err := d.Sign(signer); err != nil {
		return nil, err
	}
	return d.Record()
}

// finish takes a signed record to its proof, and waits until its files are kept.
func (c *Courier) finish(ctx context.Context, j *job) {
	defer c.end(j)
	err := c.finishing(ctx, j)
	if err != nil && ctx.Err() == nil {
		var refused *lightclient.Refused
		if errors.As(err, &refused) {
			c.fail(j, failed, err) // sending it again would change nothing
			return
		}
		c.fail(j, queued, err)
		c.pauseFor(ctx, retryAfter)
	}
}

func (c *Courier) finishing(ctx context.Context, j *job) error {
	client, err := c.service.Client(ctx)
	if err != nil {
		return err
	}
	if err := c.set(j, sending); err != nil {
		return err
	}
	record, err := client.Submit(ctx, []byte(j.Note), func(lightclient.Receipt) {
		c.set(j, waiting) // shown only; what is in the store says enough
	})
	if err != nil {
		return err
	}
	if err := c.prove(ctx, client, record); err != nil {
		return err
	}
	c.mu.Lock()
	j.Height, j.ProofPath = fmt.Sprint(record.Header.Height), proofFile(j)
	c.mu.Unlock()
	if ledger.Mode(j.Mode) != ledger.Digest {
		if err := c.awaitStored(ctx, client, record, j); err != nil {
			return err
		}
	}
	return c.set(j, final)
}

func proofFile(j *job) string { return j.Name + ".evident" }

// prove makes the proof file. It discloses what was sealed: the author hands it
// to those who are to be convinced.
func (c *Courier) prove(ctx context.Context, client *lightclient.Client, r lightclient.Record) error {
	p, err := client.Proof(ctx, r)
	if err != nil {
		return err
	}
	for i, e := range r.Evidence {
		if e.Mode != ledger.Sealed {
			continue
		}
		secret, err := c.secret(r.ID.String(), i)
		if err != nil {
			return err
		}
		if secret != nil {
			p.Disclosures = append(p.Disclosures, proof.Disclosure{Index: int64(i), Salt: secret.Salt, SHA256: secret.SHA256})
		}
	}
	return c.keepProof(r.ID.String(), p)
}

const proofPrefix = "proof/"

// Proof returns the author's own proof file of a record, with what it discloses; empty if there is none here.
func (c *Courier) Proof(record string) (string, error) {
	var text string
	_, err := c.read(proofPrefix+record, &text)
	return text, err
}

// awaitStored asks until enough members have signed that they keep every file.
func (c *Courier) awaitStored(ctx context.Context, client *lightclient.Client, r lightclient.Record, j *job) error {
	trusted := client.Trusted()
	_, genesis := client.Genesis()
	c.mu.Lock()
	j.Wanted = genesis.Limits.Keepers(trusted.Members)
	c.mu.Unlock()
	if err := c.set(j, storing); err != nil {
		return err
	}
	for pause := receiptsFast; ; pause = min(2*pause, receiptsSlow) {
		kept, notes := everywhere(ctx, client, r)
		c.mu.Lock()
		if len(kept) != len(j.Stored) {
			j.Stored = kept
			c.tell(j, false)
		}
		c.mu.Unlock()
		if len(kept) >= j.Wanted {
			return c.addStorage(r.ID.String(), notes)
		}
		c.pauseFor(ctx, pause)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// addStorage puts the members' receipts into the proof file.
func (c *Courier) addStorage(record string, notes [][]byte) error {
	text, err := c.Proof(record)
	if err != nil {
		return err
	}
	p, err := proof.Parse([]byte(text))
	if err != nil {
		return err
	}
	if err := p.AddStorage(notes); err != nil {
		return err
	}
	return c.keepProof(record, p)
}

func (c *Courier) keepProof(record string, p *proof.Proof) error {
	text, err := p.Encode()
	if err != nil {
		return err
	}
	return c.write(proofPrefix+record, string(text))
}

// everywhere returns the members that keep all files of a record, and all receipts.
func everywhere(ctx context.Context, client *lightclient.Client, r lightclient.Record) (common []service.Keeper, notes [][]byte) {
	for i, e := range r.Evidence {
		receipts := transfer.Receipts(ctx, client.Sources(), service.TransferLedger(client), r.ID, e)
		for _, receipt := range receipts {
			notes = append(notes, []byte(receipt.Note))
		}
		kept := service.Keepers(receipts, client.Trusted().Members)
		if i == 0 {
			common = kept
			continue
		}
		common = both(common, kept)
	}
	return common, notes
}

func both(a, b []service.Keeper) []service.Keeper {
	out := []service.Keeper{}
	for _, k := range a {
		for _, other := range b {
			if k.Member == other.Member {
				k.Time = max(k.Time, other.Time)
				out = append(out, k)
			}
		}
	}
	return out
}

// explain says what went wrong with a person's file.
func explain(err error) service.Error {
	switch {
	case errors.Is(err, errFileNeeded):
		return service.Error{Code: "file_needed", Message: "The page was closed before this file was read to its end.",
			Hint: "Choose the file again; what was sent already is not sent again."}
	case errors.Is(err, evidence.ErrChanged):
		return service.Error{Code: "changed", Message: "The file changed while it was being read.",
			Hint: "Wait until nothing writes to it, choose it again, and try again."}
	case errors.Is(err, seal.ErrContent):
		return service.Error{Code: "other_content", Message: "What came back is not what was recorded.",
			Hint: "Nothing of it was kept. Ask the author of the record."}
	case strings.Contains(err.Error(), "QuotaExceededError"):
		return service.Error{Code: "store", Message: "The browser has no room left.", Hint: "Free disk space, then try again."}
	}
	return service.Explain(err)
}
