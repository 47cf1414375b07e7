package swarm

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// File is a file whose blocks are made again whenever one is asked for, from the file itself: nothing is copied. In
// memory are its nodes and the CIDs of its leaves, 100 bytes for each MiB.
type File struct {
	Stored evidence.Stored

	path   string
	form   evidence.Form
	leaves map[ledger.CID]int64
	nodes  map[ledger.CID][]byte
}

// Index reads the file at path once, in its form: evidence.AsItIs, or that of a seal.Secret.
func Index(ctx context.Context, path string, form evidence.Form) (*File, error) {
	f := &File{path: path, form: form, leaves: map[ledger.CID]int64{}, nodes: map[ledger.CID][]byte{}}
	var leaf int64
	err := evidence.Read(path, func(content io.Reader, _ int64) (err error) {
		f.Stored, err = evidence.Store(ctx, content, form, func(b evidence.Block) error {
			if b.CID.Codec() != ledger.CodecRaw {
				f.nodes[b.CID] = slices.Clone(b.Data)
				return nil
			}
			f.leaves[b.CID] = leaf
			leaf++
			return nil
		})
		return err
	})
	return f, err
}

// has says whether a block is the file's.
func (f *File) has(c ledger.CID) bool {
	_, leaf := f.leaves[c]
	_, node := f.nodes[c]
	return leaf || node
}

// size is how long a block is.
func (f *File) size(c ledger.CID) int {
	if at, leaf := f.leaves[c]; leaf {
		return int(min(evidence.LeafSize, f.form.Stored()-at*evidence.LeafSize))
	}
	return len(f.nodes[c])
}

// block makes a block. One that is not what it was is an error: a changed file is not sent, least of all a sealed one.
func (f *File) block(c ledger.CID) ([]byte, error) {
	if data, ok := f.nodes[c]; ok {
		return data, nil
	}
	at := f.leaves[c]
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("read a block: %w", err)
	}
	defer file.Close()
	from, to := f.form.Source(at)
	plain := make([]byte, to-from)
	if _, err := file.ReadAt(plain, from); err != nil {
		return nil, fmt.Errorf("read a block of %s: %w", f.path, err)
	}
	data := f.form.Leaf(at, plain, make([]byte, 0, len(plain)+evidence.Slack))
	if err := c.Check(data); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, evidence.ErrChanged)
	}
	return data, nil
}
