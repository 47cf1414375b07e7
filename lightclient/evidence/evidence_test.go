package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	chunk "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	ipld "github.com/ipfs/go-ipld-format"
)

var update = flag.Bool("update", false, "rewrite testdata/digests.json with the CIDs of boxo's importer")

// discard is a DAG service that keeps nothing: the importer only needs somewhere to put its nodes.
type discard struct{ ipld.DAGService }

func (discard) Add(context.Context, ipld.Node) error       { return nil }
func (discard) AddMany(context.Context, []ipld.Node) error { return nil }

// boxoCID is the judge: the CID that an importer we did not write gives to r.
func boxoCID(t testing.TB, r io.Reader, leaf int64, links int) string {
	t.Helper()
	profile := uio.UnixFS_v1_2025
	params := helpers.DagBuilderParams{
		Maxlinks:   links,
		RawLeaves:  profile.RawLeaves,
		CidBuilder: profile.CidBuilder(),
		Dagserv:    discard{},
	}
	db, err := params.New(chunk.NewSizeSplitter(r, leaf))
	if err != nil {
		t.Fatal(err)
	}
	root, err := balanced.Layout(db)
	if err != nil {
		t.Fatal(err)
	}
	return root.Cid().String()
}

func TestProfileMatchesBoxo(t *testing.T) {
	p := uio.UnixFS_v1_2025
	if p.ChunkSize != LeafSize || p.FileDAGWidth != nodeLinks || !p.RawLeaves || p.CIDVersion != 1 {
		t.Errorf("unixfs-v1-2025 is %+v, we use leaves of %d and %d links", p, LeafSize, nodeLinks)
	}
}

// TestTreeShapes grows the tree through every change of shape with tiny leaves, against boxo at the same parameters.
func TestTreeShapes(t *testing.T) {
	tests := []struct {
		name   string
		leaf   int64
		links  int
		leaves []int64
	}{
		{"two links", 8, 2, []int64{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33}},
		{"four links", 8, 4, []int64{3, 4, 5, 15, 16, 17, 20, 21, 63, 64, 65, 80, 81, 255, 256, 257}},
		{"links of the profile", 300, nodeLinks, []int64{1023, 1024, 1025, 2047, 2048, 2049, 5000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, n := range tt.leaves {
				for _, extra := range []int64{-1, 0, 1} {
					content := pattern(n*tt.leaf + extra)
					h := newHasher(tt.leaf, int64(tt.links))
					h.Write(content)
					got, want := h.Sum().CID, boxoCID(t, bytes.NewReader(content), tt.leaf, tt.links)
					if got != want {
						t.Errorf("%d leaves %+d bytes: got %s, want %s", n, extra, got, want)
					}
				}
			}
		})
	}
}

// golden is one line of testdata/digests.json: the content is Size bytes of zeros or of the pattern.
type golden struct {
	Name    string
	Content string
	Size    int64
	SHA256  string
	CID     string
}

func (g golden) reader() io.Reader {
	if g.Content == "zeros" {
		return io.LimitReader(zeros{}, g.Size)
	}
	return bytes.NewReader(pattern(g.Size))
}

// TestGolden holds the digests for good: a CID on the ledger must come out the same in ten years.
func TestGolden(t *testing.T) {
	const file = "testdata/digests.json"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if *update {
		updateGolden(t, file, all)
	}
	for _, g := range all {
		if testing.Short() && g.Size > 64<<20 {
			continue // seconds of hashing; the full run has them
		}
		t.Run(g.Name, func(t *testing.T) {
			h := NewHasher()
			if _, err := io.Copy(h, g.reader()); err != nil {
				t.Fatal(err)
			}
			d := h.Sum()
			if hex.EncodeToString(d.SHA256[:]) != g.SHA256 || d.CID != g.CID || d.Size != g.Size {
				t.Errorf("got %x %s %d, want %s %s %d", d.SHA256, d.CID, d.Size, g.SHA256, g.CID, g.Size)
			}
		})
	}
}

func updateGolden(t *testing.T, file string, all []golden) {
	for i := range all {
		sum := sha256.New()
		io.Copy(sum, all[i].reader())
		all[i].SHA256 = hex.EncodeToString(sum.Sum(nil))
		all[i].CID = boxoCID(t, all[i].reader(), LeafSize, nodeLinks)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSumDoesNotDisturb(t *testing.T) {
	content := pattern(100)
	h := newHasher(8, 2)
	for i := range content {
		h.Write(content[i : i+1])
		once := newHasher(8, 2)
		once.Write(content[:i+1])
		if got, want := h.Sum(), once.Sum(); got != want {
			t.Fatalf("after %d bytes: got %+v, want %+v", i+1, got, want)
		}
	}
}

// TestMemoryIsFlat writes many levels of tree and counts allocations: they may follow its depth, never its length.
func TestMemoryIsFlat(t *testing.T) {
	buf := make([]byte, 64<<10)
	allocations := func(writes int) float64 {
		return testing.AllocsPerRun(3, func() {
			h := newHasher(64, nodeLinks)
			for range writes {
				h.Write(buf)
			}
			h.Sum()
		})
	}
	short, long := allocations(4), allocations(64)
	if long > short+10 {
		t.Errorf("%v allocations for 256 KiB, %v for 4 MiB", short, long)
	}
}

func FuzzWriteSplits(f *testing.F) {
	f.Add([]byte("hello"), []byte{1, 0, 3})
	f.Add(pattern(1000), []byte{7, 64, 255, 8})
	f.Fuzz(func(t *testing.T, content, splits []byte) {
		whole, split := newHasher(8, 3), newHasher(8, 3)
		whole.Write(content)
		rest := content
		for _, n := range splits {
			n := min(int(n), len(rest))
			split.Write(rest[:n])
			rest = rest[n:]
		}
		split.Write(rest)
		if got, want := split.Sum(), whole.Sum(); got != want {
			t.Errorf("in pieces %+v, at once %+v", got, want)
		}
	})
}

func ExampleHasher() {
	h := NewHasher()
	io.WriteString(h, "hello")
	d := h.Sum()
	fmt.Printf("%x\n%s\n%d\n", d.SHA256, d.CID, d.Size)
	// Output:
	// 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
	// bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq
	// 5
}

// pattern is content without repetition, so that leaves in the wrong order show.
func pattern(n int64) []byte {
	b := make([]byte, max(n, 0))
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
