package chain

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain/state"
	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// Place is where a record stands.
type Place struct {
	Height ledger.Height
	Index  int64
}

// StateAnswer is what the state tree holds under a key, and the proof of it under the header's root.
type StateAnswer struct {
	Header ledger.Header
	Value  json.RawMessage // nil: the key is absent
	Proof  merkle.Proof
}

// reading is a snapshot at the head, for the time of one answer.
type reading struct {
	snapshot
	tip *tip
}

func (c *Chain) read() (reading, error) {
	t := c.tip.Load()
	if t == nil {
		return reading{}, ErrNotFound
	}
	return reading{c.store.at(uint64(t.next())), t}, nil
}

// final returns ErrNotFound for a height that is not final in this reading.
func (r reading) final(h ledger.Height) error {
	if h > r.tip.Header.Height {
		return ErrNotFound
	}
	return nil
}

// Header returns the header at h.
func (c *Chain) Header(h ledger.Height) (ledger.Header, error) {
	r, err := c.read()
	if err != nil {
		return ledger.Header{}, fmt.Errorf("read header %d: %w", h, err)
	}
	defer r.close()
	header, err := r.header(h)
	if err != nil {
		return ledger.Header{}, fmt.Errorf("read header %d: %w", h, err)
	}
	return header, nil
}

// header is checked against its leaf in the chain log.
func (r reading) header(h ledger.Height) (ledger.Header, error) {
	if err := r.final(h); err != nil {
		return ledger.Header{}, err
	}
	if h == r.tip.Header.Height {
		return r.tip.Header, nil
	}
	text, err := r.must("the header", heightKey(keyHeader, h))
	if err != nil {
		return ledger.Header{}, err
	}
	leaf, err := r.must("the header's hash", logKey(tlog.StoredHashIndex(0, int64(h))))
	if err != nil {
		return ledger.Header{}, err
	}
	if hash := tlog.RecordHash(text); string(hash[:]) != string(leaf) {
		return ledger.Header{}, fmt.Errorf("%w: the header is not the one in the chain log", ErrDamaged)
	}
	header, err := ledger.ParseHeader(text)
	if err != nil {
		return ledger.Header{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return header, nil
}

// Certificate returns the certificate of the chain log that ends with the block at h.
func (c *Chain) Certificate(h ledger.Height) ([]byte, error) {
	cert, err := c.certificate(h)
	if err != nil {
		return nil, fmt.Errorf("read certificate %d: %w", h, err)
	}
	return cert.Note, nil
}

func (c *Chain) certificate(h ledger.Height) (*ledger.Certificate, error) {
	r, err := c.read()
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.final(h); err != nil {
		return nil, err
	}
	if h == r.tip.Header.Height {
		return r.tip.Certificate, nil
	}
	return c.readCertificate(r.snapshot, h)
}

func (c *Chain) readCertificate(snap snapshot, h ledger.Height) (*ledger.Certificate, error) {
	text, err := snap.must("the certificate", heightKey(keyCertificate, h))
	if err != nil {
		return nil, err
	}
	cert, err := ledger.OpenCertificate(c.origin, c.genesis.Members, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if cert.Height() != h {
		return nil, fmt.Errorf("%w: the certificate is of height %d", ErrDamaged, cert.Height())
	}
	return cert, nil
}

// Block returns the block at h. Its notes must not be changed.
func (c *Chain) Block(h ledger.Height) (ledger.Block, error) {
	b, err := c.block(h)
	if err != nil {
		return ledger.Block{}, fmt.Errorf("read block %d: %w", h, err)
	}
	return b.Block, nil
}

func (c *Chain) block(h ledger.Height) (*checkedBlock, error) {
	if b := c.blocks.get(h); b != nil {
		return b, nil
	}
	r, err := c.read()
	if err != nil {
		return nil, err
	}
	defer r.close()
	header, err := r.header(h)
	if err != nil {
		return nil, err
	}
	b, err := r.body(header)
	if err != nil {
		return nil, err
	}
	c.blocks.put(b)
	return b, nil
}

// body reads the records of a header that is known to be right, and checks them against it.
func (v snapshot) body(header ledger.Header) (*checkedBlock, error) {
	packed, err := v.must("the block", bodyKey(header.Height, header.Hash()))
	if err != nil {
		return nil, err
	}
	block, err := unpackBlock(packed)
	if err != nil {
		return nil, err
	}
	if block.Header != header {
		return nil, fmt.Errorf("%w: the stored block has another header", ErrDamaged)
	}
	return &checkedBlock{Block: block}, nil
}

// Record returns where the record is, and its note.
func (c *Chain) Record(id ledger.RecordID) (Place, []byte, error) {
	places, err := c.places(idPrefix(id), id.String(), recordHasID, 1)
	if err != nil {
		return Place{}, nil, fmt.Errorf("read record %s: %w", id, err)
	}
	if len(places) == 0 {
		return Place{}, nil, fmt.Errorf("read record %s: %w", id, ErrNotFound)
	}
	b, err := c.block(places[0].Height)
	if err != nil {
		return Place{}, nil, fmt.Errorf("read record %s: %w", id, err)
	}
	return places[0], b.Notes[places[0].Index], nil
}

// ProveRecord returns the path of a record to the root in its block's header.
func (c *Chain) ProveRecord(p Place) (tlog.RecordProof, error) {
	b, err := c.block(p.Height)
	if err != nil {
		return nil, fmt.Errorf("prove record %d of block %d: %w", p.Index, p.Height, err)
	}
	if p.Index < 0 || p.Index >= b.Header.Records {
		return nil, fmt.Errorf("prove record %d of block %d: %w", p.Index, p.Height, ErrNotFound)
	}
	return b.tree().Prove(p.Index)
}

// State returns what the newest final state holds under a key, and proves it.
func (c *Chain) State(space, name string) (StateAnswer, error) {
	answer, err := c.proveState(merkle.Key(space, name))
	if err != nil {
		return StateAnswer{}, fmt.Errorf("read state %s %q: %w", space, name, err)
	}
	return answer, nil
}

func (c *Chain) proveState(key tlog.Hash) (StateAnswer, error) {
	c.nodes.mu.RLock()
	defer c.nodes.mu.RUnlock()
	r, err := c.read()
	if err != nil {
		return StateAnswer{}, err
	}
	defer r.close()
	nodes := c.nodes.reader(c.store)
	defer nodes.close()
	want, proof, err := state.Prove(nodes, &c.nodes.cache, r.tip.state, key)
	if err != nil {
		return StateAnswer{}, stateError(err)
	}
	answer := StateAnswer{Header: r.tip.Header, Proof: proof}
	if want == nil {
		return answer, nil
	}
	value, err := r.value(key)
	if errors.Is(err, ErrNotFound) {
		return StateAnswer{}, fmt.Errorf("%w: the value is missing", ErrDamaged)
	}
	if err != nil {
		return StateAnswer{}, err
	}
	if sha256.Sum256(value) != *want {
		return StateAnswer{}, fmt.Errorf("%w: the value is not the one in the state tree", ErrDamaged)
	}
	answer.Value = value
	return answer, nil
}

// ProveHeader returns the path of the header at h in the chain log of the given size.
func (c *Chain) ProveHeader(h ledger.Height, size int64) (tlog.RecordProof, error) {
	if h >= ledger.Height(size) {
		return nil, fmt.Errorf("prove header %d in a chain log of %d: %w", h, size, ErrNotFound)
	}
	var path tlog.RecordProof
	err := c.prove(size, func(tree tlog.Tree, hashes tlog.HashReader) (err error) {
		if path, err = tlog.ProveRecord(size, int64(h), hashes); err != nil {
			return err
		}
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(h))})
		if err != nil {
			return err
		}
		return tlog.CheckRecord(path, size, tree.Hash, int64(h), leaf[0])
	})
	if err != nil {
		return nil, fmt.Errorf("prove header %d in a chain log of %d: %w", h, size, err)
	}
	return path, nil
}

// ProveTree returns the proof that the chain log of size to extends the one of size from; it is empty for equal sizes.
func (c *Chain) ProveTree(from, to int64) (tlog.TreeProof, error) {
	if from < 1 || from > to {
		return nil, fmt.Errorf("prove chain log %d to %d: %w", from, to, ErrNotFound)
	}
	var path tlog.TreeProof
	err := c.prove(to, func(tree tlog.Tree, hashes tlog.HashReader) (err error) {
		if from == to {
			return nil
		}
		if path, err = tlog.ProveTree(to, from, hashes); err != nil {
			return err
		}
		old, err := tlog.TreeHash(from, hashes)
		if err != nil {
			return err
		}
		return tlog.CheckTree(path, to, tree.Hash, from, old)
	})
	if err != nil {
		return nil, fmt.Errorf("prove chain log %d to %d: %w", from, to, err)
	}
	return path, nil
}

// prove makes a proof in the certified chain log of a size; one that does not lead to its root is damage.
func (c *Chain) prove(size int64, make func(tlog.Tree, tlog.HashReader) error) error {
	if size < 1 {
		return ErrNotFound
	}
	cert, err := c.certificate(ledger.Height(size - 1))
	if err != nil {
		return err
	}
	if err := make(cert.Tree, c.HashReader()); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// HashReader reads the stored hashes of the chain log, which the caller has to check against a certificate's root.
func (c *Chain) HashReader() tlog.HashReader { return tlog.HashReaderFunc(c.readHashes) }

func (c *Chain) readHashes(indexes []int64) ([]tlog.Hash, error) {
	r, err := c.read()
	if err != nil {
		return nil, fmt.Errorf("read chain log: %w", err)
	}
	defer r.close()
	return r.hashes(indexes, r.tip.log.size)
}

func (v snapshot) hashes(indexes []int64, size int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= tlog.StoredHashCount(size) {
			return nil, fmt.Errorf("read hash %d of the chain log: %w", index, ErrNotFound)
		}
		hash, err := v.must("a hash of the chain log", logKey(index))
		if err != nil {
			return nil, err
		}
		if copy(hashes[i][:], hash) != len(hash) || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("%w: hash %d of the chain log", ErrDamaged, index)
		}
	}
	return hashes, nil
}

// HeightAt returns the newest block whose time is at most ms, Unix milliseconds.
func (c *Chain) HeightAt(ms int64) (ledger.Height, error) {
	head, ok := c.Head()
	if !ok || ms < c.genesis.Created {
		return 0, fmt.Errorf("find the block at time %d: %w", ms, ErrNotFound)
	}
	var failed error
	after := sort.Search(int(head.Header.Height)+1, func(h int) bool {
		header, err := c.Header(ledger.Height(h))
		failed = errors.Join(failed, err)
		return header.Time > ms
	})
	if failed != nil {
		return 0, fmt.Errorf("find the block at time %d: %w", ms, failed)
	}
	return ledger.Height(after - 1), nil
}
