package chain

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// packBlock compresses a block: what the records of a block have in common takes a third of it.
func packBlock(b ledger.Block) []byte { return s2.Encode(nil, b.Encode()) }

func unpackBlock(packed []byte) (ledger.Block, error) {
	if size, err := s2.DecodedLen(packed); err != nil || size > ledger.MaxBlockBytes+1<<20 {
		return ledger.Block{}, fmt.Errorf("%w: the block is not what was packed", ErrDamaged)
	}
	framed, err := s2.Decode(nil, packed)
	if err != nil {
		return ledger.Block{}, fmt.Errorf("%w: unpack the block: %w", ErrDamaged, err)
	}
	block, err := ledger.ParseBlock(framed)
	if err != nil {
		return ledger.Block{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return block, nil
}

// checkedBlock is a block whose records are those of its header.
type checkedBlock struct {
	ledger.Block
	once    sync.Once
	records ledger.RecordsTree
}

// tree returns the tree over the records, made when it is first needed.
func (b *checkedBlock) tree() ledger.RecordsTree {
	b.once.Do(func() {
		leaves := make([]tlog.Hash, len(b.Notes))
		for i, n := range b.Notes {
			leaves[i] = tlog.RecordHash(n)
		}
		b.records = ledger.NewRecordsTree(leaves)
	})
	return b.records
}

// blockCache keeps the last few blocks that were read: whoever asks for a record asks for its proof next.
type blockCache struct {
	mu   sync.Mutex
	kept [4]*checkedBlock
	next int
}

func (k *blockCache) get(h ledger.Height) *checkedBlock {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, b := range k.kept {
		if b != nil && b.Header.Height == h {
			return b
		}
	}
	return nil
}

func (k *blockCache) put(b *checkedBlock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept[k.next] = b
	k.next = (k.next + 1) % len(k.kept)
}
