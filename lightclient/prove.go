package lightclient

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
	"evident/lightclient/proof"
)

// tileHeight is that of C2SP tlog-tiles.
const tileHeight = 8

// certificatesAtOnce is how many certificates are asked of a node at a time.
const certificatesAtOnce = 6

// Proof returns the proof file of a record, for keeping: it verifies without
// any node. If no node helps to prove the checkpoint that the author named,
// the proof is made without it, and the earliest time stays the author's claim.
func (c *Client) Proof(ctx context.Context, r Record) (*proof.Proof, error) {
	since, err := c.proveSince(ctx, r)
	if err != nil && c.halted() != nil {
		return nil, err
	}
	return proof.Build(proof.Proof{
		Genesis:     c.genesis,
		Record:      r.Note,
		Index:       r.Index,
		Path:        r.Path,
		Header:      r.Header,
		Inclusion:   r.Inclusion,
		Certificate: r.Certificate.Note,
		Since:       since,
	})
}

// ItemProof returns the state proof file of what the client was shown under a name, for keeping: it verifies without any node.
func (c *Client) ItemProof(space, name string, s State) (*proof.ItemProof, error) {
	p, err := merkle.ParseProof(s.Proof)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ledger.ErrFormat, err)
	}
	return proof.BuildItem(proof.ItemProof{
		Genesis:     c.genesis,
		Header:      s.Head.Header,
		Inclusion:   s.Head.Inclusion,
		Certificate: s.Head.Certificate.Note,
		Space:       space,
		Name:        proof.ItemName(space, name),
		Proof:       p,
		Value:       s.Value,
	})
}

// RefusedFile returns the file of a record that a node refused, for keeping.
func (c *Client) RefusedFile(note []byte, refused *Refused) ([]byte, error) {
	file, err := (&proof.RefusedFile{Genesis: c.genesis, Record: note, Refusal: refused.Note}).Encode()
	if err != nil {
		return nil, err
	}
	if report := proof.VerifyRefused(file, &c.trusted.Fingerprint); report.Verdict != proof.Valid {
		return nil, fmt.Errorf("the refusal does not verify: %s", report.Reason("en"))
	}
	return file, nil
}

// SignedAfter says whether the checkpoint that the author named is part of the
// record's history, so that the record cannot have been signed before it.
func (c *Client) SignedAfter(ctx context.Context, r Record) (bool, error) {
	since, err := c.proveSince(ctx, r)
	return since != nil, err
}

// proveSince proves that the checkpoint the author named is a prefix of the
// log up to the record's block. Its hashes come from tiles, checked against
// the certificate. Nil without error: the checkpoint is not one of this log.
func (c *Client) proveSince(ctx context.Context, r Record) (tlog.TreeProof, error) {
	after, tree := tlog.Tree{N: r.After.Size, Hash: r.After.Root}, r.Certificate.Tree
	if after.N > int64(r.Header.Height) {
		return nil, nil
	}
	return first(ctx, c, func(ctx context.Context, n *node) (tlog.TreeProof, error) {
		p, err := tlog.ProveTree(tree.N, after.N, newTileReader(ctx, n, tree))
		if err != nil {
			return nil, fmt.Errorf("%w: read tiles of %s: %w", ErrUnavailable, n.source.Name(), err)
		}
		if tlog.CheckTree(p, tree.N, tree.Hash, after.N, after.Hash) != nil {
			return nil, nil
		}
		return p, nil
	})
}

// Certificates returns the own certificate of each header, which must be one of
// this ledger's final headers. The log that each must certify follows from tiles.
func (c *Client) Certificates(ctx context.Context, headers []ledger.Header) ([]*ledger.Certificate, error) {
	head, err := c.synced(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*ledger.Certificate, len(headers))
	missing := false
	for i, h := range headers {
		c.mu.Lock()
		out[i] = c.certs[h.Height]
		c.mu.Unlock()
		missing = missing || out[i] == nil
	}
	if !missing {
		return out, nil
	}
	return first(ctx, c, func(ctx context.Context, n *node) ([]*ledger.Certificate, error) {
		out := slices.Clone(out)
		return out, c.askCertificates(ctx, n, head, headers, out)
	})
}

// askCertificates fills in those that are nil, a few at a time.
func (c *Client) askCertificates(ctx context.Context, n *node, head Head, headers []ledger.Header, out []*ledger.Certificate) error {
	reader := newTileReader(ctx, n, head.Tree())
	results := make(chan error, len(headers))
	turns := make(chan struct{}, certificatesAtOnce)
	asked := 0
	for i, h := range headers {
		if out[i] != nil {
			continue
		}
		inclusion, err := tlog.ProveRecord(head.size(), int64(h.Height), reader)
		if err != nil {
			return fmt.Errorf("%w: read tiles of %s: %w", ErrUnavailable, n.source.Name(), err)
		}
		if err := h.CheckIncluded(inclusion, head.Tree()); err != nil {
			return err
		}
		asked++
		go func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			msg, err := n.ask(ctx, certificate(h.Height))
			if err == nil {
				_, out[i], err = c.openOwn(ctx, n, head, h, inclusion, msg)
			}
			results <- err
		}()
	}
	var failed error
	for range asked { // all, so that nobody writes to out any more
		if err := <-results; err != nil {
			failed = err
		}
	}
	return failed
}

// tiles reads the tiles of one node, each once. tlog.TileHashReader checks them.
type tiles struct {
	ctx   context.Context
	n     *node
	saved map[tlog.Tile][]byte
}

func newTileReader(ctx context.Context, n *node, tree tlog.Tree) tlog.HashReader {
	return tlog.TileHashReader(tree, tiles{ctx, n, map[tlog.Tile][]byte{}})
}

// Height implements tlog.TileReader.
func (t tiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader; what it is given has been checked.
func (t tiles) SaveTiles(read []tlog.Tile, data [][]byte) {
	for i, tile := range read {
		t.saved[tile] = data[i]
	}
}

// ReadTiles implements tlog.TileReader.
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(wanted))
	for i, tile := range wanted {
		if out[i] = t.saved[tile]; out[i] != nil {
			continue
		}
		size := tile.W * tlog.HashSize
		path := "/" + strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
		data, err := t.n.ask(t.ctx, get(path, int64(size)))
		if err != nil {
			return nil, err
		}
		if len(data) != size {
			return nil, fmt.Errorf("%w: %s has %d bytes", ledger.ErrFormat, path, len(data))
		}
		out[i] = data
	}
	return out, nil
}
