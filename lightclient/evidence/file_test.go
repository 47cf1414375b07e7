package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func newTestFile(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "证据 photo.jpg")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileEqualsHasher(t *testing.T) {
	for _, size := range []int64{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, LeafSize, LeafSize + 1, 20*LeafSize + 7} {
		content := pattern(size)
		h := NewHasher()
		h.Write(content)

		var done, total int64
		got, err := File(t.Context(), newTestFile(t, content), func(d, of int64) {
			if d < done {
				t.Errorf("size %d: progress went back from %d to %d", size, done, d)
			}
			done, total = d, of
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := h.Sum(); got != want {
			t.Errorf("size %d: got %+v, want %+v", size, got, want)
		}
		if done != size || total != size {
			t.Errorf("size %d: progress ended at %d of %d", size, done, total)
		}
	}
}

func TestFileChangedWhileRead(t *testing.T) {
	tests := []struct {
		name   string
		change func(path string) error
	}{
		{"grown", func(path string) error { return os.Truncate(path, 3*LeafSize) }},
		{"shortened", func(path string) error { return os.Truncate(path, 10) }},
		{"written in place", func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte("x"), 5)
			return err
		}},
		{"touched", func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000, 0)) }},
		{"removed", os.Remove},
		{"replaced", func(path string) error {
			if err := os.WriteFile(path+".new", pattern(2*LeafSize), 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := newTestFile(t, pattern(2*LeafSize))
			old := time.Now().Add(-time.Hour) // so that any write gets another time, however coarse the clock
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			changed := false
			_, err := File(t.Context(), path, func(int64, int64) {
				if changed {
					return
				}
				changed = true
				if err := tt.change(path); err != nil {
					t.Error(err)
				}
			})
			if !errors.Is(err, ErrChanged) {
				t.Errorf("got %v, want %v", err, ErrChanged)
			}
		})
	}
}

func TestFileRefusals(t *testing.T) {
	dir := t.TempDir()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		path string
		want error
	}{
		{"folder", t.Context(), dir, ErrNotFile},
		{"device", t.Context(), os.DevNull, ErrNotFile},
		{"missing", t.Context(), filepath.Join(dir, "none"), fs.ErrNotExist},
		{"canceled", canceled, newTestFile(t, pattern(LeafSize)), context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d, err := File(tt.ctx, tt.path, nil); !errors.Is(err, tt.want) || d != (Digest{}) {
				t.Errorf("got %+v, %v, want %v", d, err, tt.want)
			}
		})
	}
}

func TestReadErrorIsReported(t *testing.T) {
	broken := errors.New("bad sector")
	r := io.MultiReader(bytes.NewReader(pattern(LeafSize)), errReader{broken})
	if d, err := digest(t.Context(), r, func(int64) {}); !errors.Is(err, broken) || d != (Digest{}) {
		t.Errorf("got %+v, %v, want %v", d, err, broken)
	}
}

// TestFileMemoryIsFlat reads 256 MiB and looks at everything that was ever allocated for it, not only at what is left.
func TestFileMemoryIsFlat(t *testing.T) {
	path := newTestFile(t, nil)
	if err := os.Truncate(path, 256<<20); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := File(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("allocated %d bytes for a file of 256 MiB", got)
	}
}

// BenchmarkFile compares the digest and CID of a 1 GiB file with its plain SHA-256, in turns so that a busy machine
// slows both. The figure to look at is "of-sha256": 1.00 would be the speed of the hash alone.
func BenchmarkFile(b *testing.B) {
	const size = 1 << 30
	path := newTestFile(b, nil)
	if err := writeBlocks(path, size); err != nil {
		b.Fatal(err)
	}
	var plain, ours time.Duration
	for b.Loop() {
		start := time.Now()
		sum, err := plainSHA256(path)
		if err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		d, err := File(b.Context(), path, nil)
		if err != nil {
			b.Fatal(err)
		}
		plain, ours = plain+middle.Sub(start), ours+time.Since(middle)
		if d.SHA256 != sum {
			b.Fatalf("got %x, want %x", d.SHA256, sum)
		}
	}
	mib := float64(b.N) * size / (1 << 20)
	b.ReportMetric(mib/plain.Seconds(), "sha256-MiB/s")
	b.ReportMetric(mib/ours.Seconds(), "digest+cid-MiB/s")
	b.ReportMetric(plain.Seconds()/ours.Seconds(), "of-sha256")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkHasher is the same work on one goroutine, as the browser does it.
func BenchmarkHasher(b *testing.B) {
	buf := pattern(LeafSize)
	b.SetBytes(LeafSize)
	h := NewHasher()
	for b.Loop() {
		h.Write(buf)
	}
}

func plainSHA256(path string) (sum [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, onlyReader{f}, make([]byte, pieceSize)); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

func writeBlocks(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	block := pattern(LeafSize)
	for range size / LeafSize {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return f.Close()
}

// onlyReader hides the file's WriteTo, so that io.CopyBuffer uses the buffer it is given.
type onlyReader struct{ io.Reader }

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
