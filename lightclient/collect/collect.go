// Package collect gathers what goes into a package: the proof of each record
// with the receipts of those who keep its files, the earlier records of its item
// if they are wanted, and the files themselves, read from the members while the
// package is written. What is sealed is disclosed only where its secret is at
// hand and the files are wanted; private fields only where they were chosen.
package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"evident/lightclient"
	"evident/lightclient/casefile"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/transfer"
)

// abreast is how many records are asked for at the same time.
const abreast = 8

// Options say what goes into a case.
type Options struct {
	History bool // with each record, the earlier ones of its item
	Content bool // what others need to compare the files with the records, too

	// Secret returns what opens a sealed file. Any error means that it is not at
	// hand: the file then stays out, and its digest undisclosed.
	Secret func(record ledger.RecordID, index int) (*seal.Secret, error)

	// Disclose are the names of private fields to disclose, wherever a record has
	// them, and Private what is at hand of a record's. Its errors mean: nothing.
	Disclose []string
	Private  func(record ledger.RecordID) ([]ledger.Opening, error)

	Progress func(done, total int) // records; called from several goroutines
}

// Records makes the proofs of the records of these ids, each once.
func Records(ctx context.Context, client *lightclient.Client, ids []ledger.RecordID, o Options) ([][]byte, error) {
	ids, err := chosen(ctx, client, ids, o.History)
	if err != nil {
		return nil, err
	}
	if len(ids) > casefile.MaxRecords {
		return nil, fmt.Errorf("%w: a package has at most %d records", ledger.ErrLimit, casefile.MaxRecords)
	}
	return proofsOf(ctx, client, ids, o)
}

// chosen is each id once, with those of the earlier records of its item if wanted.
func chosen(ctx context.Context, client *lightclient.Client, ids []ledger.RecordID, history bool) ([]ledger.RecordID, error) {
	var out []ledger.RecordID
	seen := map[ledger.RecordID]bool{}
	for _, id := range ids {
		for !seen[id] && len(out) <= casefile.MaxRecords {
			seen[id] = true
			out = append(out, id)
			if !history {
				break
			}
			record, err := client.Record(ctx, id)
			if err != nil {
				return nil, err
			}
			if record.Prev == "" {
				break
			}
			if id, err = ledger.ParseRecordID(record.Prev); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// proofsOf makes the proof of every record, several at a time.
func proofsOf(ctx context.Context, client *lightclient.Client, ids []ledger.RecordID, o Options) ([][]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([][]byte, len(ids))
	places := make(chan struct{}, abreast)
	var work sync.WaitGroup
	var done counter
	for i, id := range ids {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		work.Go(func() {
			defer func() { <-places }()
			var err error
			if out[i], err = proofOf(ctx, client, id, o); err != nil {
				cancel(err)
				return
			}
			if o.Progress != nil {
				o.Progress(done.next(), len(ids))
			}
		})
	}
	work.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// counter counts from several goroutines.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

func proofOf(ctx context.Context, client *lightclient.Client, id ledger.RecordID, o Options) ([]byte, error) {
	record, err := client.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := client.Proof(ctx, record)
	if err != nil {
		return nil, err
	}
	trusted := client.Trusted()
	var receipts [][]byte
	for i, e := range record.Evidence {
		if e.Mode != ledger.Digest {
			for _, r := range transfer.Receipts(ctx, client.Sources(), transfer.Ledger{Origin: trusted.Origin, Members: trusted.Members}, id, e) {
				receipts = append(receipts, []byte(r.Note))
			}
		}
		if secret := o.secret(id, i); o.Content && e.Mode == ledger.Sealed && secret != nil {
			p.Disclosures = append(p.Disclosures, proof.Disclosure{Index: int64(i), Salt: secret.Salt, SHA256: secret.SHA256})
		}
	}
	if err := p.AddStorage(receipts); err != nil {
		return nil, err
	}
	o.disclose(p, id)
	return p.Encode()
}

// disclose puts the chosen private fields of a record into its proof.
func (o Options) disclose(p *proof.Proof, id ledger.RecordID) {
	if len(o.Disclose) == 0 || o.Private == nil {
		return
	}
	known, err := o.Private(id)
	if err != nil {
		return
	}
	for _, opening := range known {
		if slices.Contains(o.Disclose, opening.Name) && !slices.Contains(p.Private, opening) {
			p.Private = append(p.Private, opening)
		}
	}
}

// Disclose puts the chosen private fields into a proof file.
func Disclose(file []byte, id ledger.RecordID, o Options) ([]byte, error) {
	p, err := proof.Parse(file)
	if err != nil {
		return nil, err
	}
	o.disclose(p, id)
	return p.Encode()
}

// ErrNotPrivate means that no record of a case has a private field that was to be disclosed, or that its value is not
// at hand.
var ErrNotPrivate = errors.New("no chosen record has a private field of this name whose value is at hand")

// CheckDisclosed checks that each private field that was to be disclosed is, in some record.
func (o Options) CheckDisclosed(c *casefile.Case) error {
	for _, name := range o.Disclose {
		if !slices.ContainsFunc(c.Records, func(r casefile.Record) bool {
			return slices.ContainsFunc(r.Proven.Private, func(opening ledger.Opening) bool { return opening.Name == name })
		}) {
			return fmt.Errorf("disclose %q: %w", name, ErrNotPrivate)
		}
	}
	return nil
}

func (o Options) secret(id ledger.RecordID, index int) *seal.Secret {
	if o.Secret == nil {
		return nil
	}
	secret, err := o.Secret(id, index)
	if err != nil {
		return nil
	}
	return secret
}

// Files are those of a case that the members keep and that can be opened. They
// are read from the members, piece by piece, whenever they are opened.
func Files(ctx context.Context, client *lightclient.Client, c *casefile.Case, o Options) []casefile.File {
	var out []casefile.File
	for i := range c.Records {
		r := &c.Records[i]
		for n, e := range r.Record.Evidence {
			secret := o.secret(r.ID, n)
			if e.Mode == ledger.Digest || e.Mode == ledger.Sealed && secret == nil {
				continue
			}
			if e.Mode == ledger.Public {
				secret = nil
			}
			out = append(out, casefile.File{Record: r.ID, Index: n, Open: func() (io.ReadCloser, error) {
				return open(ctx, client, e, secret)
			}})
		}
	}
	return out
}

// open reads a file from the members, in pieces, as it is asked for.
func open(ctx context.Context, client *lightclient.Client, e ledger.Evidence, secret *seal.Secret) (io.ReadCloser, error) {
	plain, err := seal.Open(ctx, &transfer.Blocks{Sources: client.Sources()}, e, secret)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(plain.Copy(w)) }()
	return r, nil
}
