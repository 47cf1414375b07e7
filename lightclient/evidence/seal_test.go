package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"filippo.io/age"

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

// stored returns the leaves, which is what the tree holds.
func (k *kept) stored() []byte {
	var all []byte
	for _, cid := range k.order {
		if cid.Codec() == ledger.CodecRaw {
			all = append(all, k.blocks[cid]...)
		}
	}
	return all
}

func newTestSecret(t testing.TB, size int) *Secret {
	t.Helper()
	s, err := NewSecret("港口.mp4", "video/mp4", int64(size))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSeal(t testing.TB, content []byte, s *Secret) (Stored, *kept) {
	t.Helper()
	k := newKept()
	stored, err := Seal(t.Context(), bytes.NewReader(content), s, k.put)
	if err != nil {
		t.Fatal(err)
	}
	return stored, k
}

// sealedSizes are the sizes at which something changes: chunks, leaves, and their edges behind the header.
func sealedSizes(t testing.TB) []int {
	header := len(newTestSecret(t, 0).Header)
	oneLeaf := leafSize - header // stored bytes behind the header
	return []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize,
		oneLeaf - 16*16 - 1, oneLeaf - 16*16, oneLeaf - 16*16 + 1, oneLeaf, leafSize, 2*leafSize - header - 512, 5<<20 + 77}
}

// TestSeal has age open what was sealed, and boxo name it.
func TestSeal(t *testing.T) {
	for _, size := range sealedSizes(t) {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			content := pattern(int64(size))
			s := newTestSecret(t, size)
			stored, k := mustSeal(t, content, s)
			ciphertext := k.stored()
			identity, err := age.ParseHybridIdentity(s.Identity)
			if err != nil {
				t.Fatal(err)
			}
			r, err := age.Decrypt(bytes.NewReader(ciphertext), identity)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("age reads %d bytes, %v", len(got), err)
			}
			if want := boxoCID(t, bytes.NewReader(ciphertext), leafSize, nodeLinks); stored.CID.String() != want {
				t.Errorf("got %s, boxo says %s", stored.CID, want)
			}
			if k.order[len(k.order)-1] != stored.CID {
				t.Error("the root does not come last")
			}
			if stored.SHA256 != sha256.Sum256(content) || s.SHA256 != Sum(stored.SHA256) || stored.SHA512 != sha512.Sum512(content) ||
				stored.Plain != int64(size) || stored.Size != int64(len(ciphertext)) {
				t.Errorf("got %+v", stored)
			}
			if _, again := mustSeal(t, content, s); !slices.Equal(again.order, k.order) {
				t.Error("sealed again, it is something else")
			}
			checkOpen(t, content, s.Evidence(stored), s, k)
		})
	}
}

func TestSplit(t *testing.T) {
	for _, size := range []int{0, 1, leafSize - 1, leafSize, leafSize + 1, 5<<20 + 77} {
		content := pattern(int64(size))
		k := newKept()
		stored, err := Split(t.Context(), bytes.NewReader(content), int64(size), k.put)
		if err != nil {
			t.Fatal(err)
		}
		h := NewHasher()
		h.Write(content)
		if d := h.Sum(); stored.CID.String() != d.CID || stored.SHA256 != d.SHA256 || stored.Size != d.Size {
			t.Errorf("%d bytes: got %+v, want %+v", size, stored, d)
		}
		checkOpen(t, content, ledger.Evidence{CID: stored.CID.String(), Mode: ledger.Public, SHA256: Sum(stored.SHA256).String(), Size: stored.Size}, nil, k)
	}
}

// checkOpen reads a file back, as a whole and at random places.
func checkOpen(t *testing.T, content []byte, e ledger.Evidence, s *Secret, blocks Blocks) {
	t.Helper()
	p, err := Open(t.Context(), blocks, e, s)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := p.Copy(&got); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Fatalf("opened %d bytes of %d: %v", got.Len(), len(content), err)
	}
	for range 20 {
		from := rand.IntN(len(content) + 1)
		n := rand.IntN(len(content) - from + 1)
		part, err := io.ReadAll(p.Range(int64(from), int64(n)))
		if err != nil || !bytes.Equal(part, content[from:from+n]) {
			t.Fatalf("%d bytes from %d on: %v", n, from, err)
		}
	}
}

// TestChangedFile seals files that are longer or shorter than they were.
func TestChangedFile(t *testing.T) {
	content := pattern(3 << 20)
	for _, size := range []int{0, 1, len(content) - 1, len(content) + 1, len(content) + leafSize} {
		if _, err := Seal(t.Context(), bytes.NewReader(content), newTestSecret(t, size), newKept().put); !errors.Is(err, ErrChanged) {
			t.Errorf("a file of %d bytes that had %d: %v", len(content), size, err)
		}
	}
}

// TestTrail resumes a sealing that stopped anywhere, with the same file and with one that changed at any leaf.
func TestTrail(t *testing.T) {
	content := pattern(4<<20 + 1000)
	s := newTestSecret(t, len(content))
	stop := errors.New("stop")
	for leaves := range 5 {
		var trail bytes.Buffer
		first, k := NewTrail(nil, &trail), newKept()
		_, err := Seal(t.Context(), bytes.NewReader(content), s, func(b Block) error {
			if trail.Len() == 32*leaves {
				return stop
			}
			return errors.Join(first.Check(b), k.put(b))
		})
		if !errors.Is(err, stop) || len(k.order) != leaves {
			t.Fatalf("stopped after %d leaves: %v", len(k.order), err)
		}
		for at := range 5 {
			changed := bytes.Clone(content)
			changed[at<<20+500] ^= 1 // not where two leaves share a chunk
			again := NewTrail(bytes.NewReader(trail.Bytes()), io.Discard)
			_, err = Seal(t.Context(), bytes.NewReader(changed), s, again.Check)
			if want := at < leaves; errors.Is(err, ErrChanged) != want {
				t.Errorf("after %d leaves, changed in leaf %d: %v", leaves, at, err)
			}
		}
		again := NewTrail(bytes.NewReader(trail.Bytes()), io.Discard)
		if _, err := Seal(t.Context(), bytes.NewReader(content), s, again.Check); err != nil {
			t.Errorf("after %d leaves, the same file: %v", leaves, err)
		}
	}
}

func TestSealStops(t *testing.T) {
	content := pattern(20 << 20)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := Seal(ctx, bytes.NewReader(content), newTestSecret(t, len(content)), func(Block) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for range 100 {
		runtime.Gosched()
	}
	if now := runtime.NumGoroutine(); now > before+4 {
		t.Errorf("%d goroutines before, %d now", before, now)
	}
}

func TestSecrets(t *testing.T) {
	content := pattern(100)
	s := newTestSecret(t, len(content))
	stored, k := mustSeal(t, content, s)
	e := s.Evidence(stored)
	other := newTestSecret(t, len(content))
	for _, tt := range []struct {
		name   string
		change func(*Secret)
		want   error
	}{
		{"another identity", func(s *Secret) { s.Identity = other.Identity }, ErrSecret},
		{"no identity", func(s *Secret) { s.Identity = "" }, ErrSecret},
		{"another salt", func(s *Secret) { s.Salt[0] ^= 1 }, ErrContent},
	} {
		changed := *s
		tt.change(&changed)
		p, err := Open(t.Context(), k, e, &changed)
		if err == nil {
			err = p.Copy(io.Discard)
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := Open(t.Context(), k, e, nil); !errors.Is(err, ErrSecret) {
		t.Errorf("no secret: %v", err)
	}
	broken := *s
	broken.Header = broken.Header[:20]
	if _, err := Seal(t.Context(), bytes.NewReader(content), &broken, k.put); !errors.Is(err, ErrSecret) {
		t.Errorf("a broken header: %v", err)
	}
}

// TestSealMemoryIsFlat counts what is allocated: it may not follow the file's length.
func TestSealMemoryIsFlat(t *testing.T) {
	allocated := func(leaves int64) uint64 {
		s := newTestSecret(t, int(leaves*leafSize))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Seal(t.Context(), io.LimitReader(zeros{}, s.Size), s, func(Block) error { return nil }); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	short, long := allocated(24), allocated(96)
	if long > short+1<<20 {
		t.Errorf("%d bytes for 24 MiB, %d for 96 MiB", short, long)
	}
}

func BenchmarkSeal(b *testing.B) {
	content := pattern(64 << 20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		s, err := NewSecret("", "", int64(len(content)))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Seal(b.Context(), bytes.NewReader(content), s, func(Block) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	content := pattern(64 << 20)
	s := newTestSecret(b, len(content))
	stored, k := mustSeal(b, content, s)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		p, err := Open(b.Context(), k, s.Evidence(stored), s)
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Copy(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
