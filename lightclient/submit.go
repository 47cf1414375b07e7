package lightclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"evident/lightclient/ledger"
)

const (
	waitSeconds = 10 // how long a node may hold the answer until the record is final
	retryFirst  = 100 * time.Millisecond
	retryLast   = 5 * time.Second
	roomTries   = 4 // when nodes say that they have no room, which waiting does not make
)

func noRoom(err error) bool { return errors.Is(err, ErrFull) || errors.Is(err, ErrQuota) }

// roomOf is what of an error does not pass by itself.
func roomOf(err error) error {
	if errors.Is(err, ErrQuota) {
		return ErrQuota
	}
	return ErrFull
}

// Receipt is a member's signed promise to include a record; if the member
// breaks it, the note is evidence.
type Receipt struct {
	ledger.Receipt
	Member string
	Note   []byte
}

// Submit sends a signed record to f+1 nodes and returns when it is final and
// proven. Sending the same record again does no harm. received, which may be
// nil, is called with each receipt. Submit tries again until ctx ends, or no
// node that can be reached in a few tries has room for what the record names;
// the record may still become final after that.
func (c *Client) Submit(ctx context.Context, msg []byte, received func(Receipt)) (Record, error) {
	r, err := ledger.OpenRecord(msg)
	if err != nil {
		return Record{}, fmt.Errorf("submit: %w", err)
	}
	if r.Ledger != c.trusted.Origin {
		return Record{}, fmt.Errorf("submit: %w: the record is for %q", ledger.ErrLedger, r.Ledger)
	}
	for pause, try := retryFirst, 1; ; pause, try = min(2*pause, retryLast), try+1 {
		record, err := c.submitOnce(ctx, r, received)
		var refused *Refused
		if noRoom(err) && try >= roomTries {
			return record, fmt.Errorf("submit: %w (%v)", roomOf(err), err)
		}
		if err == nil || errors.As(err, &refused) || errors.Is(err, ErrStore) || c.halted() != nil {
			return record, err
		}
		select {
		case <-ctx.Done():
			return Record{}, fmt.Errorf("submit: not final yet: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(pause):
		}
	}
}

func (c *Client) submitOnce(ctx context.Context, r *ledger.Record, received func(Receipt)) (Record, error) {
	if err := c.halted(); err != nil {
		return Record{}, err
	}
	abreast := c.trusted.Members.Faults() + 1
	receipts, err := gather(ctx, c, c.spread(c.line()), abreast, 1, func(ctx context.Context, n *node) (Receipt, error) {
		return c.send(ctx, n, r)
	})
	if err != nil {
		return Record{}, err
	}
	if received != nil && receipts[0].Note != nil {
		received(receipts[0])
	}
	return c.Record(ctx, r.ID)
}

// send hands the record to one node and checks its receipt. When the node says
// that the record is in a block we have not seen, its head is taken over at once.
func (c *Client) send(ctx context.Context, n *node, r *ledger.Record) (Receipt, error) {
	u, said, err := askFor[UnverifiedReceipt](ctx, n, submit(r.Note, waitSeconds))
	if err != nil {
		return Receipt{}, err
	}
	if u.Status == "refused" {
		return Receipt{}, c.refusal(n, r.ID, u, said)
	}
	var receipt Receipt
	if u.Status != "final" || u.Receipt != "" { // a record that was final before needs no promise: its proof follows
		if receipt, err = c.openReceipt(r.ID, u); err != nil {
			return Receipt{}, n.refuse(err, said)
		}
	}
	if head, _ := c.Head(); u.Status == "final" && u.Height >= ledger.Height(head.size()) {
		if _, err := c.askHead(ctx, n); err != nil {
			return Receipt{}, err
		}
	}
	return receipt, nil
}

func (c *Client) openReceipt(id ledger.RecordID, u UnverifiedReceipt) (Receipt, error) {
	var failed error
	for _, m := range c.trusted.Members {
		receipt, err := ledger.OpenReceipt(c.trusted.Origin, m, []byte(u.Receipt))
		if err == nil && receipt.Record != id {
			err = fmt.Errorf("%w: the receipt is for record %s", ledger.ErrProof, receipt.Record)
		}
		if err == nil {
			return Receipt{Receipt: receipt, Member: m.Name, Note: []byte(u.Receipt)}, nil
		}
		if failed == nil || !errors.Is(err, ledger.ErrSignature) {
			failed = err
		}
	}
	return Receipt{}, failed
}

// refusal returns the signed refusal as an error.
func (c *Client) refusal(n *node, id ledger.RecordID, u UnverifiedReceipt, said []byte) error {
	var failed error
	for _, m := range c.trusted.Members {
		refusal, err := ledger.OpenRefusal(c.trusted.Origin, m, []byte(u.Refusal))
		if err == nil && refusal.Record != id {
			err = fmt.Errorf("%w: the refusal is of record %s", ledger.ErrProof, refusal.Record)
		}
		if err == nil {
			return &Refused{Member: m.Name, Refusal: refusal, Note: []byte(u.Refusal)}
		}
		if failed == nil || !errors.Is(err, ledger.ErrSignature) {
			failed = err
		}
	}
	return n.refuse(failed, said)
}
