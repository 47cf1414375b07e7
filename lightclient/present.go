package lightclient

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
	"evident/lightclient/proof"
)

// Present returns the proof file of a record with what is so of its item now, for whoever asks "and is it still valid?".
// private are the private fields that it discloses. The one certificate in it is the state's: that the record existed
// earlier than now, Proof shows better.
func (c *Client) Present(ctx context.Context, r Record, private ...ledger.Opening) (*proof.Proof, error) {
	s, err := c.State(ctx, r.Contract, r.ItemName())
	if err != nil {
		return nil, fmt.Errorf("state of item %s: %w", r.ItemName(), err)
	}
	held, err := merkle.ParseProof(s.Proof)
	if err != nil {
		return nil, fmt.Errorf("state of item %s: %w", r.ItemName(), err)
	}
	p := proof.Proof{Genesis: c.genesis, Record: r.Note, Index: r.Index, Path: r.Path, Header: r.Header,
		Certificate: s.Head.Certificate.Note, Private: private,
		State: &proof.State{Header: s.Head.Header, Inclusion: s.Head.Inclusion, Value: s.Value, Proof: held}}
	if p.Inclusion, err = c.proveUnder(ctx, s.Head, r.Header); err != nil {
		return nil, err
	}
	under := r
	under.Certificate, under.Header = s.Head.Certificate, s.Head.Header
	if r.After.Size <= int64(r.Header.Height) {
		if p.Since, err = c.proveSince(ctx, under); err != nil && c.halted() != nil {
			return nil, err
		}
	}
	return proof.Build(p)
}

// proveUnder proves that a final header is in the log of a head. The hashes come from tiles, checked against it.
func (c *Client) proveUnder(ctx context.Context, head Head, h ledger.Header) (tlog.RecordProof, error) {
	if h.Height == head.Header.Height {
		return head.Inclusion, nil
	}
	return first(ctx, c, func(ctx context.Context, n *node) (tlog.RecordProof, error) {
		p, err := tlog.ProveRecord(head.size(), int64(h.Height), newTileReader(ctx, n, head.Tree()))
		if err != nil {
			return nil, fmt.Errorf("%w: read tiles of %s: %w", ErrUnavailable, n.source.Name(), err)
		}
		return p, h.CheckIncluded(p, head.Tree())
	})
}
