package evidence

import (
	"bytes"
	"context"
	"crypto/sha512"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"evident/lightclient/ledger"
)

// kept is a member's store in memory.
type kept struct {
	mu     sync.Mutex // readers read ahead, also when nobody reads any more
	blocks map[ledger.CID][]byte
	order  []ledger.CID
}

func newKept() *kept { return &kept{blocks: map[ledger.CID][]byte{}} }

func (k *kept) put(b Block) error {
	if err := b.CID.Check(b.Data); err != nil {
		return err
	}
	k.blocks[b.CID] = bytes.Clone(b.Data)
	k.order = append(k.order, b.CID)
	return nil
}

var errMissing = errors.New("no such block")

// set replaces a block; nil removes it.
func (k *kept) set(cid ledger.CID, data []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.blocks[cid] = data; data == nil {
		delete(k.blocks, cid)
	}
}

func (k *kept) Block(_ context.Context, cid ledger.CID) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	data, ok := k.blocks[cid]
	if !ok {
		return nil, errMissing
	}
	return data, nil
}

func TestSplit(t *testing.T) {
	for _, size := range []int{0, 1, LeafSize - 1, LeafSize, LeafSize + 1, 5<<20 + 77} {
		content := pattern(int64(size))
		k := newKept()
		stored, err := Split(t.Context(), bytes.NewReader(content), int64(size), k.put)
		if err != nil {
			t.Fatal(err)
		}
		h := NewHasher()
		h.Write(content)
		if d := h.Sum(); stored.CID.String() != d.CID || stored.SHA256 != d.SHA256 || stored.Size != d.Size ||
			stored.SHA512 != sha512.Sum512(content) || stored.Plain != d.Size {
			t.Errorf("%d bytes: got %+v, want %+v", size, stored, d)
		}
		if k.order[len(k.order)-1] != stored.CID {
			t.Errorf("%d bytes: the root does not come last", size)
		}
		checkRead(t, content, stored.CID, k)
	}
}

// checkRead reads a file back, as a whole and at random places.
func checkRead(t *testing.T, content []byte, root ledger.CID, blocks Blocks) {
	t.Helper()
	r, err := OpenReader(t.Context(), blocks, root, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	check := func(from, n int) {
		part, err := io.ReadAll(io.NewSectionReader(r, int64(from), int64(n)))
		if err != nil || !bytes.Equal(part, content[from:from+n]) {
			t.Fatalf("%d bytes from %d on: %v", n, from, err)
		}
	}
	check(0, len(content))
	for range 20 {
		from := rand.IntN(len(content) + 1)
		check(from, rand.IntN(len(content)-from+1))
	}
}

// TestChangedFile splits files that are longer or shorter than they were.
func TestChangedFile(t *testing.T) {
	content := pattern(3 << 20)
	for _, size := range []int{0, 1, len(content) - 1, len(content) + 1, len(content) + LeafSize} {
		if _, err := Split(t.Context(), bytes.NewReader(content), int64(size), newKept().put); !errors.Is(err, ErrChanged) {
			t.Errorf("a file of %d bytes that had %d: %v", len(content), size, err)
		}
	}
}
