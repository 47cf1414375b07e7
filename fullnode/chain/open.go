package chain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// How far Open looks back from the head: at least what Badger may still have outside its checksummed tables, where it
// drops what does not fit its checksum without an error.
const (
	checkedBodies  = 32 << 20 // bytes of records
	checkedHeaders = 1000     // blocks of which all is read
	checkedHeights = 50_000   // blocks of which the certificates are counted
)

// load reads and checks what Open promises.
func (c *Chain) load() error {
	snap := c.store.at(math.MaxUint64)
	defer snap.close()
	if err := c.loadGenesis(snap); err != nil {
		return err
	}
	t, err := c.loadTip(snap)
	if err != nil {
		return err
	}
	if t != nil {
		if err := c.rebuild(t); err != nil {
			return err
		}
		c.tip.Store(t)
		if err := c.checkNewest(t); err != nil {
			return err
		}
	}
	if err := c.checkSigned(); err != nil {
		return err
	}
	return c.loadPrepared(snap)
}

func (c *Chain) loadGenesis(snap snapshot) error {
	file, err := snap.Get([]byte{keyGenesis})
	if errors.Is(err, ErrNotFound) {
		if _, err := snap.Get([]byte{keyFinal}); !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: the genesis is missing", ErrDamaged)
		}
		b := c.store.write(0)
		b.set([]byte{keyGenesis}, c.file)
		return b.commit()
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(file, c.file) {
		return fmt.Errorf("%w: %s", ErrOtherLedger, ledger.GenesisFingerprint(file))
	}
	return nil
}

// loadTip reads the head and checks that its header, certificate and chain log agree.
func (c *Chain) loadTip(snap snapshot) (*tip, error) {
	final, err := snap.Get([]byte{keyFinal})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h, hash, root, err := parseTip(final)
	if err != nil {
		return nil, err
	}
	t := &tip{hash: hash, state: root}
	text, err := snap.must("the head's header", heightKey(keyHeader, h))
	if err != nil {
		return nil, err
	}
	if t.Header, err = ledger.ParseHeader(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	t.log.size = int64(h) + 1
	if t.log.roots, err = snap.hashes(edgeIndexes(t.log.size), t.log.size); err != nil {
		return nil, err
	}
	if t.Certificate, err = c.readCertificate(snap, h); err != nil {
		return nil, err
	}
	switch {
	case t.Header.Height != h || t.Header.Hash() != t.hash:
		return nil, fmt.Errorf("%w: the head's header is not the one it points to", ErrDamaged)
	case t.Header.State != t.state.Hash():
		return nil, fmt.Errorf("%w: the head's state root is not its header's", ErrDamaged)
	case t.Certificate.Tree != t.log.tree():
		return nil, fmt.Errorf("%w: the chain log has not the root of the head's certificate", ErrDamaged)
	}
	return t, nil
}

// checkNewest walks back from the head.
func (c *Chain) checkNewest(t *tip) error {
	if _, err := c.State(ConsortiumSpace, MembersName); err != nil {
		return err
	}
	r, err := c.read()
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.checkCount(keyCertificate); err != nil {
		return err
	}
	if err := r.checkCount(keyHeader); err != nil {
		return err
	}
	if err := r.checkParts(); err != nil {
		return err
	}
	return c.walkBack(r)
}

func (c *Chain) walkBack(r reading) error {
	child := r.tip.Header
	bodies := 0
	for n := 0; n < checkedHeaders; n++ {
		if bodies < checkedBodies {
			block, err := r.body(child)
			if err != nil {
				return fmt.Errorf("check block %d: %w", child.Height, err)
			}
			for _, note := range block.Notes {
				bodies += len(note)
			}
		}
		if child.Height == 0 {
			if child.Parent != tlog.Hash(c.print) {
				return fmt.Errorf("%w: block 0 does not begin at the genesis", ErrDamaged)
			}
			return nil
		}
		parent, err := r.header(child.Height - 1)
		if err != nil {
			return fmt.Errorf("check header %d: %w", child.Height-1, err)
		}
		if parent.Hash() != child.Parent {
			return fmt.Errorf("%w: header %d is not the parent of the next", ErrDamaged, parent.Height)
		}
		child = parent
	}
	return nil
}

// checkCount checks that every one of the newest heights has a key with this prefix.
func (r reading) checkCount(prefix byte) error {
	from := ledger.Height(0)
	if h := r.tip.Header.Height; h > checkedHeights {
		from = h - checkedHeights
	}
	want := from
	r.scanFrom([]byte{prefix}, heightKey(prefix, from), func(rest []byte) bool {
		if len(rest) != 8 || binary.BigEndian.Uint64(rest) != uint64(want) {
			return false
		}
		want++
		return true
	})
	if want != r.tip.next() {
		return fmt.Errorf("%w: something of block %d is missing", ErrDamaged, want)
	}
	return nil
}

// checkParts checks that of every block that was written in several parts all are there.
func (r reading) checkParts() error {
	counts := map[uint64]int{} // parts still to come, by version
	var failed error
	r.scan([]byte{keyPart}, func(rest []byte) bool {
		if len(rest) != 10 {
			failed = fmt.Errorf("%w: the mark of a part", ErrDamaged)
			return false
		}
		version, part := binary.BigEndian.Uint64(rest), binary.BigEndian.Uint16(rest[8:])
		if version > uint64(r.tip.next()) {
			return true
		}
		if part > 0 {
			counts[version]--
			return true
		}
		var count []byte
		if count, failed = r.must("the number of parts", partKey(version, 0)); failed != nil || len(count) != 2 {
			return false
		}
		counts[version] += int(binary.BigEndian.Uint16(count)) - 1
		return true
	})
	for version, missing := range counts {
		if missing != 0 {
			return fmt.Errorf("%w: a part of block %d is missing", ErrDamaged, version-1)
		}
	}
	return failed
}

// checkSigned compares the chain log with what the guard signed, as far as it reaches.
func (c *Chain) checkSigned() error {
	t := c.tip.Load()
	if c.signed.N == 0 || t == nil || t.log.size < c.signed.N {
		return nil
	}
	root, err := tlog.TreeHash(c.signed.N, c.HashReader())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if root != c.signed.Hash {
		return fmt.Errorf("%w: at size %d", ErrForked, c.signed.N)
	}
	return nil
}

// loadPrepared executes the prepared block again, if it is for the next height. If it cannot be read, the guard tells
// whether anything was signed that is now missing.
func (c *Chain) loadPrepared(snap snapshot) error {
	pointer, err := snap.Get([]byte{keyPrepared})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(pointer) != 8+tlog.HashSize {
		return fmt.Errorf("%w: the pointer to the prepared block", ErrDamaged)
	}
	h := ledger.Height(binary.BigEndian.Uint64(pointer))
	if h != c.tip.Load().next() {
		return nil
	}
	packed, err := snap.Get(bodyKey(h, tlog.Hash(pointer[8:])))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	block, err := unpackBlock(packed)
	if err != nil || block.Header.Hash() != tlog.Hash(pointer[8:]) {
		return nil
	}
	cand, err := c.replay(block)
	if err != nil {
		return err
	}
	c.stored.Store(cand)
	return nil
}
