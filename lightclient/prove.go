package lightclient

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// tileHeight is that of C2SP tlog-tiles.
const tileHeight = 8

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
	if after.N >= tree.N {
		return nil, nil
	}
	return first(ctx, c, func(ctx context.Context, n *node) (tlog.TreeProof, error) {
		p, err := tlog.ProveTree(tree.N, after.N, tlog.TileHashReader(tree, tiles{ctx, n}))
		if err != nil {
			return nil, fmt.Errorf("%w: read tiles of %s: %w", ErrUnavailable, n.source.Name(), err)
		}
		if tlog.CheckTree(p, tree.N, tree.Hash, after.N, after.Hash) != nil {
			return nil, nil
		}
		return p, nil
	})
}

// tiles reads the tiles of one node. tlog.TileHashReader checks them.
type tiles struct {
	ctx context.Context
	n   *node
}

// Height implements tlog.TileReader.
func (t tiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader; proofs are made too rarely to keep any.
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(wanted))
	for i, tile := range wanted {
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
