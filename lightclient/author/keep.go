package author

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"time"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/transfer"
)

// storingPatience is how long a stamp waits for storage receipts. Those that come later are collected by Resume.
const storingPatience = 2 * time.Minute

// kept is a file that is ready to be recorded: the members have its blocks, if they are to have them.
type kept struct {
	evidence ledger.Evidence
	sealing  *sealing // nil unless sealed
}

// keep names the file, and sends it to a member's node if the mode says so. before is set if it was stamped before.
func (a *Author) keep(ctx context.Context, path string, report func(Progress)) (k kept, before *Stamped, err error) {
	if a.Mode == ledger.Sealed {
		return a.keepSealed(ctx, path, report)
	}
	digest, err := digestFile(ctx, path, report)
	if err != nil {
		return kept{}, nil, err
	}
	if s, ok := a.stampedBefore(ctx, path, digest); ok {
		return kept{}, &s, nil
	}
	k, err = a.keepOpen(ctx, path, digest, report)
	return k, nil, err
}

// keepOpen names a file by its digest, and sends it if it is public.
func (a *Author) keepOpen(ctx context.Context, path string, digest evidence.Digest, report func(Progress)) (k kept, err error) {
	k.evidence = ledger.Evidence{CID: digest.CID, Media: mediaType(path), Mode: ledger.Digest, Name: evidenceName(path),
		SHA256: hex.EncodeToString(digest.SHA256[:]), Size: digest.Size}
	if a.Mode == ledger.Public {
		k.evidence.Mode = ledger.Public
		err = a.sendPublic(ctx, path, digest, report)
	}
	return k, err
}

func digestFile(ctx context.Context, path string, report func(Progress)) (evidence.Digest, error) {
	last := int64(0)
	meter := &transfer.Meter{Report: func(p transfer.Progress) {
		report(Progress{Path: path, Stage: Digesting, Done: p.Done, Total: p.Total, Rate: p.Rate})
	}}
	return evidence.File(ctx, path, func(done, total int64) {
		meter.Total = total
		meter.Add(done - last)
		last = done
	})
}

func (a *Author) sendPublic(ctx context.Context, path string, digest evidence.Digest, report func(Progress)) error {
	return a.upload(ctx, path, digest.Size, report, func(content io.Reader, size int64, emit func(evidence.Block) error) error {
		stored, err := evidence.Split(ctx, content, size, emit)
		if err == nil && stored.SHA256 != digest.SHA256 {
			err = evidence.ErrChanged
		}
		return err
	})
}

// keepSealed seals and sends in one pass. The secret of an interrupted run makes the same blocks again, of which the node
// has some; a file that has changed since gets another secret, once.
func (a *Author) keepSealed(ctx context.Context, path string, report func(Progress)) (k kept, before *Stamped, err error) {
	if _, err := os.Stat(proofPath(path, 1)); err == nil { // reading the file twice is for those that have a proof
		digest, err := digestFile(ctx, path, report)
		if err != nil {
			return kept{}, nil, err
		}
		if s, ok := a.stampedBefore(ctx, path, digest); ok {
			return kept{}, &s, nil
		}
	}
	k, err = a.sealAnew(ctx, path, report)
	return k, nil, err
}

// errResealed means that a secret of an earlier run was dropped.
var errResealed = fmt.Errorf("sealed before with other content: %w", evidence.ErrChanged)

func (a *Author) seal(ctx context.Context, path string, report func(Progress)) (_ kept, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return kept{}, fmt.Errorf("seal: %w", err)
	}
	if err := evidence.CheckRegular(path, info.Mode()); err != nil { // before anything is made for it
		return kept{}, fmt.Errorf("seal: %w", err)
	}
	w, err := a.Outbox.Secrets().begin(path, info.Size())
	if err != nil {
		return kept{}, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	var stored evidence.Stored
	err = a.upload(ctx, path, info.Size(), report, func(content io.Reader, _ int64, emit func(evidence.Block) error) error {
		check, err := w.check()
		if err != nil {
			return err
		}
		stored, err = w.secret.Seal(ctx, content, func(b evidence.Block) error {
			if err := check(b); err != nil {
				return err
			}
			return emit(b)
		})
		return err
	})
	if errors.Is(err, evidence.ErrChanged) {
		return kept{}, errors.Join(errResealed, w.drop())
	}
	if err != nil {
		return kept{}, err
	}
	return kept{w.secret.Evidence(stored), w}, nil
}

// upload reads the file once for each node that it is sent to.
func (a *Author) upload(ctx context.Context, path string, total int64, report func(Progress),
	pass func(content io.Reader, size int64, emit func(evidence.Block) error) error) error {
	progress := func(p transfer.Progress) {
		report(Progress{Path: path, Stage: Sending, Done: min(p.Done, total), Total: total, Rate: p.Rate})
	}
	return transfer.Upload(ctx, nodesFor(path, a.Client.Sources()), total, progress, func(emit func(evidence.Block) error) error {
		return evidence.Read(path, func(content io.Reader, size int64) error { return pass(content, size, emit) })
	})
}

// nodesFor puts the nodes in an order of the file's own: many files go to many nodes, and one that was interrupted goes to
// the node that has its beginning.
func nodesFor(path string, nodes []lightclient.Source) []lightclient.Source {
	if len(nodes) == 0 {
		return nil
	}
	first := int(crc32.ChecksumIEEE([]byte(path)) % uint32(len(nodes)))
	return append(slices.Clone(nodes[first:]), nodes[:first]...)
}

// disclose adds to a proof what lets others compare the sealed file: its author keeps file and proof together, and hands
// both to those who are to be convinced.
func (a *Author) disclose(p *proof.Proof, r lightclient.Record) error {
	for i, e := range r.Evidence {
		if e.Mode != ledger.Sealed {
			continue
		}
		secret, err := a.Outbox.Secrets().Open(r.ID, i)
		if err != nil {
			return err
		}
		p.Disclosures = append(p.Disclosures, proof.Disclosure{Index: int64(i), Salt: secret.Salt, SHA256: secret.SHA256})
	}
	return nil
}

// copies is how many members keep each file.
func (a *Author) copies() int {
	_, genesis := a.Client.Genesis()
	return genesis.Limits.Keepers(a.Client.Trusted().Members)
}

// stored waits for the storage receipts of a record's file and keeps them. all says whether there are as many as there
// are to be.
func (a *Author) stored(ctx context.Context, r lightclient.Record) (receipts []transfer.Receipt, all bool, err error) {
	trusted := a.Client.Trusted()
	want := a.copies()
	limited, cancel := context.WithTimeout(ctx, storingPatience)
	defer cancel()
	for _, e := range r.Evidence {
		if e.Mode == ledger.Digest {
			return nil, true, nil
		}
		receipts = transfer.Await(limited, a.Client.Sources(), transfer.Ledger{Origin: trusted.Origin, Members: trusted.Members}, r.ID, e, want)
	}
	if len(receipts) == 0 {
		return nil, want == 0 || len(r.Evidence) == 0, nil
	}
	return receipts, len(receipts) >= want, a.Outbox.writeReceipts(r.ID, receipts)
}
