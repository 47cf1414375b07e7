package casefile_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	. "evident/lightclient/casefile"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

func BenchmarkVerifyCase(b *testing.B) {
	f := newFixture(b, 1000)
	data := f.write(b, Export{})
	for b.Loop() {
		verify(b, data, Options{Trusted: &f.Fingerprint})
	}
}

// BenchmarkContent verifies a package with a file of 256 MiB, and reports its
// speed as a part of that of SHA-256 alone, in the same run.
func BenchmarkContent(b *testing.B) {
	const size = 256 << 20
	digest, _, err := DigestOf("zeros", &zeros{size})
	if err != nil {
		b.Fatal(err)
	}
	c, record := oneRecord(b, ledger.Evidence{CID: anyCID, Mode: ledger.Digest, SHA256: digest.SHA256, Size: size})
	s := must(os.Create(filepath.Join(b.TempDir(), "case.zip")))
	defer s.Close()
	open := func() (io.ReadCloser, error) { return io.NopCloser(&zeros{size}), nil }
	if err := c.Write(s, Export{Exporter: "test", Files: []File{{Record: record, Open: open}}}); err != nil {
		b.Fatal(err)
	}
	total := must(s.Stat()).Size()
	var alone, whole time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := io.Copy(sha256.New(), io.NewSectionReader(s, 0, total)); err != nil {
			b.Fatal(err)
		}
		alone += time.Since(start)
		start = time.Now()
		if r, err := Verify(s, total, Options{}); err != nil || r.Verdict != proof.UnknownLedger {
			b.Fatalf("%q, %v", r.Verdict, err)
		}
		whole += time.Since(start)
	}
	b.ReportMetric(alone.Seconds()/whole.Seconds(), "of-sha256")
}

// zeros is a file of n zero bytes that nobody holds in memory.
type zeros struct{ n int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), z.n)
	clear(b[:n])
	z.n -= n
	return int(n), nil
}

// TestLargeContentIsStreamed writes a file of 64 MiB and looks at the memory.
func TestLargeContentIsStreamed(t *testing.T) {
	const size = 64 << 20
	digest, _, err := DigestOf("zeros", &zeros{size})
	if err != nil {
		t.Fatal(err)
	}
	c, record := oneRecord(t, ledger.Evidence{CID: anyCID, Mode: ledger.Digest, SHA256: digest.SHA256, Size: size})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	open := func() (io.ReadCloser, error) { return io.NopCloser(&zeros{size}), nil }
	if err := c.Write(io.Discard, Export{Exporter: "test", Files: []File{{Record: record, Open: open}}}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d bytes were allocated for a file of %d", used, size)
	}
}

// TestZIP64 reads a directory whose entries are beyond 4 GiB; between them is nothing.
func TestZIP64(t *testing.T) {
	const size = 5 << 30
	s := &sparse{}
	z := NewWriter(s)
	for _, e := range []struct {
		name string
		size int64
	}{{"manifest.json", 3}, {"SHA256SUMS", 3}, {"a", size}, {"b", 3}} {
		if err := z.Add(e.name, e.size, 7, &zeros{e.size}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := OpenContainer(s, s.size)
	if err != nil || len(names) != 4 {
		t.Fatalf("got %q, %v", names, err)
	}
	if _, err := OpenContainer(s, s.size-1); err == nil {
		t.Error("a file that was cut was accepted")
	}
}

// sparse keeps what is written to it, but for runs of zeros.
type sparse struct {
	size   int64
	pieces []piece
}

type piece struct {
	at   int64
	data []byte
}

// Write implements io.Writer.
func (s *sparse) Write(b []byte) (int, error) {
	s.pieces = append(s.pieces, piece{s.size, bytes.Clone(b)})
	s.size += int64(len(b))
	return len(b), nil
}

// ReadFrom implements io.ReaderFrom, for zeros that io.Copy would write.
func (s *sparse) ReadFrom(r io.Reader) (int64, error) {
	n := r.(*io.LimitedReader).R.(*zeros).n
	s.size += n
	return n, nil
}

// ReadAt implements io.ReaderAt.
func (s *sparse) ReadAt(b []byte, at int64) (int, error) {
	clear(b)
	for _, p := range s.pieces {
		if from := p.at - at; from < int64(len(b)) && p.at+int64(len(p.data)) > at {
			copy(b[max(0, from):], p.data[max(0, -from):])
		}
	}
	if at+int64(len(b)) > s.size {
		return int(max(0, s.size-at)), io.EOF
	}
	return len(b), nil
}
