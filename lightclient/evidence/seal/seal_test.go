package seal

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
	"testing"

	"filippo.io/age"
	chunk "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	ipld "github.com/ipfs/go-ipld-format"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// kept is a member's store in memory.
type kept struct {
	blocks map[ledger.CID][]byte
	order  []ledger.CID
}

func newKept() *kept { return &kept{blocks: map[ledger.CID][]byte{}} }

func (k *kept) put(b evidence.Block) error {
	if err := b.CID.Check(b.Data); err != nil {
		return err
	}
	k.blocks[b.CID] = bytes.Clone(b.Data)
	k.order = append(k.order, b.CID)
	return nil
}

func (k *kept) Block(_ context.Context, cid ledger.CID) ([]byte, error) {
	data, ok := k.blocks[cid]
	if !ok {
		return nil, errors.New("no such block")
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

// discard is a DAG service that keeps nothing: the importer only needs somewhere to put its nodes.
type discard struct{ ipld.DAGService }

func (discard) Add(context.Context, ipld.Node) error       { return nil }
func (discard) AddMany(context.Context, []ipld.Node) error { return nil }

// boxoCID is the judge: the CID that an importer we did not write gives to what is stored.
func boxoCID(t testing.TB, stored []byte) string {
	t.Helper()
	profile := uio.UnixFS_v1_2025
	params := helpers.DagBuilderParams{
		Maxlinks:   profile.FileDAGWidth,
		RawLeaves:  profile.RawLeaves,
		CidBuilder: profile.CidBuilder(),
		Dagserv:    discard{},
	}
	db, err := params.New(chunk.NewSizeSplitter(bytes.NewReader(stored), profile.ChunkSize))
	if err != nil {
		t.Fatal(err)
	}
	root, err := balanced.Layout(db)
	if err != nil {
		t.Fatal(err)
	}
	return root.Cid().String()
}

func newTestSecret(t testing.TB, size int) *Secret {
	t.Helper()
	s, err := NewSecret("港口.mp4", "video/mp4", int64(size))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSeal(t testing.TB, content []byte, s *Secret) (evidence.Stored, *kept) {
	t.Helper()
	k := newKept()
	stored, err := s.Seal(t.Context(), bytes.NewReader(content), k.put)
	if err != nil {
		t.Fatal(err)
	}
	return stored, k
}

// sealedSizes are the sizes at which something changes: chunks, leaves, and their edges behind the header.
func sealedSizes(t testing.TB) []int {
	header := len(newTestSecret(t, 0).Header)
	oneLeaf := evidence.LeafSize - header // stored bytes behind the header
	return []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize,
		oneLeaf - 16*16 - 1, oneLeaf - 16*16, oneLeaf - 16*16 + 1, oneLeaf, evidence.LeafSize, 2*evidence.LeafSize - header - 512, 5<<20 + 77}
}

// TestSeal has age open what was sealed, and boxo name it.
func TestSeal(t *testing.T) {
	for _, size := range sealedSizes(t) {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			content := pattern(size)
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
			if want := boxoCID(t, ciphertext); stored.CID.String() != want {
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

// TestOpenPublic opens what was split, which needs no secret, and sees whether it is what the record says.
func TestOpenPublic(t *testing.T) {
	for _, size := range []int{0, 1, evidence.LeafSize - 1, evidence.LeafSize, evidence.LeafSize + 1, 5<<20 + 77} {
		content := pattern(size)
		k := newKept()
		stored, err := evidence.Split(t.Context(), bytes.NewReader(content), int64(size), k.put)
		if err != nil {
			t.Fatal(err)
		}
		e := ledger.Evidence{CID: stored.CID.String(), Mode: ledger.Public, SHA256: Sum(stored.SHA256).String(), Size: stored.Size}
		checkOpen(t, content, e, nil, k)
		e.SHA256 = Sum{}.String()
		p, err := Open(t.Context(), k, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Copy(io.Discard); !errors.Is(err, ErrContent) {
			t.Errorf("%d bytes of another digest: %v", size, err)
		}
	}
}

// checkOpen reads a file back, as a whole and at random places.
func checkOpen(t *testing.T, content []byte, e ledger.Evidence, s *Secret, blocks evidence.Blocks) {
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
	for _, size := range []int{0, 1, len(content) - 1, len(content) + 1, len(content) + evidence.LeafSize} {
		if _, err := newTestSecret(t, size).Seal(t.Context(), bytes.NewReader(content), newKept().put); !errors.Is(err, evidence.ErrChanged) {
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
		first, k := evidence.NewTrail(nil, &trail), newKept()
		_, err := s.Seal(t.Context(), bytes.NewReader(content), func(b evidence.Block) error {
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
			again := evidence.NewTrail(bytes.NewReader(trail.Bytes()), io.Discard)
			_, err = s.Seal(t.Context(), bytes.NewReader(changed), again.Check)
			if want := at < leaves; errors.Is(err, evidence.ErrChanged) != want {
				t.Errorf("after %d leaves, changed in leaf %d: %v", leaves, at, err)
			}
		}
		again := evidence.NewTrail(bytes.NewReader(trail.Bytes()), io.Discard)
		if _, err := s.Seal(t.Context(), bytes.NewReader(content), again.Check); err != nil {
			t.Errorf("after %d leaves, the same file: %v", leaves, err)
		}
	}
}

func TestSealStops(t *testing.T) {
	content := pattern(20 << 20)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := newTestSecret(t, len(content)).Seal(ctx, bytes.NewReader(content), func(evidence.Block) error {
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
	if _, err := broken.Seal(t.Context(), bytes.NewReader(content), k.put); !errors.Is(err, ErrSecret) {
		t.Errorf("a broken header: %v", err)
	}
}

// TestSealMemoryIsFlat counts what is allocated: it may not follow the file's length.
func TestSealMemoryIsFlat(t *testing.T) {
	allocated := func(leaves int64) uint64 {
		s := newTestSecret(t, int(leaves*evidence.LeafSize))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := s.Seal(t.Context(), io.LimitReader(zeros{}, s.Size), func(evidence.Block) error { return nil }); err != nil {
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
		if _, err := s.Seal(b.Context(), bytes.NewReader(content), func(evidence.Block) error { return nil }); err != nil {
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

// FuzzSealed opens any bytes as a sealed file: whoever stores it could have made them, and their CIDs.
func FuzzSealed(f *testing.F) {
	s := newTestSecret(f, 100)
	_, k := mustSeal(f, pattern(100), s)
	f.Add(k.stored())
	f.Add(s.Header)
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > evidence.LeafSize {
			return
		}
		cid := ledger.NewCID(ledger.CodecRaw, sha256.Sum256(file))
		blocks := &kept{blocks: map[ledger.CID][]byte{cid: file}}
		e := ledger.Evidence{CID: cid.String(), Mode: ledger.Sealed, Commit: s.Commitment().String(), Size: int64(len(file))}
		p, err := Open(t.Context(), blocks, e, s)
		if err != nil {
			return
		}
		if err := p.Copy(io.Discard); err == nil && !bytes.Equal(file, k.stored()) {
			t.Error("another file is opened as the recorded one")
		}
	})
}

// pattern is content without repetition, so that leaves in the wrong order show.
func pattern(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
