package author

import (
	"context"
	"fmt"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
	"evident/lightclient/transfer"
)

// Keepers asks the nodes which members have signed that they keep, or have erased, a file of a record.
func Keepers(ctx context.Context, client *lightclient.Client, record lightclient.Record, index int) transfer.Keepers {
	return keepersOf(ctx, client, record, record.Evidence[index])
}

func keepersOf(ctx context.Context, client *lightclient.Client, record lightclient.Record, e ledger.Evidence) transfer.Keepers {
	trusted := client.Trusted()
	return transfer.Ask(ctx, client.Sources(), transfer.Ledger{Origin: trusted.Origin, Members: trusted.Members}, record.ID, e)
}

// Proof makes the proof of a record, with the receipts of those who keep its files: for handing over, whoever's record it is.
func Proof(ctx context.Context, client *lightclient.Client, record lightclient.Record) (*proof.Proof, error) {
	p, err := client.Proof(ctx, record)
	if err != nil {
		return nil, err
	}
	var receipts []transfer.Receipt
	for i, e := range record.Evidence {
		if e.Mode != ledger.Digest {
			receipts = append(receipts, Keepers(ctx, client, record, i).Kept...)
		}
	}
	return p, p.AddStorage(notesOf(receipts))
}

func notesOf(receipts []transfer.Receipt) (notes [][]byte) {
	for _, r := range receipts {
		notes = append(notes, []byte(r.Note))
	}
	return notes
}

// addReceipts writes a proof again, now with those who keep the file.
func addReceipts(path string, p *proof.Proof, receipts []transfer.Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	if err := p.AddStorage(notesOf(receipts)); err != nil {
		return err
	}
	file, err := p.Encode()
	if err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	if err := store.WriteFile(path, file, 0o644); err != nil {
		return fmt.Errorf("write proof: %w", err)
	}
	return nil
}
