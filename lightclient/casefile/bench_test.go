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
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/evidence"
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

// BenchmarkLargeCase exports and verifies a package with a file of 2 GiB, and
// reports the most memory that the two took.
func BenchmarkLargeCase(b *testing.B) {
	const size = 2 << 30
	for b.Loop() {
		peak := watchMemory()
		exportAndVerify(b, size)
		b.ReportMetric(peak(), "peak-MB")
	}
}

// watchMemory samples what this process holds, until it is asked for the most.
func watchMemory() (peak func() float64) {
	runtime.GC()
	stop, most := make(chan struct{}), make(chan float64)
	go func() {
		var m runtime.MemStats
		highest := uint64(0)
		for {
			runtime.ReadMemStats(&m)
			highest = max(highest, m.HeapInuse+m.StackInuse)
			select {
			case <-stop:
				most <- float64(highest) / 1e6
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() float64 { close(stop); return <-most }
}

// exportAndVerify does so with a file of that many zeros, which nobody holds.
func exportAndVerify(t testing.TB, size int64) {
	t.Helper()
	digest, _, err := DigestOf("zeros", &zeros{size})
	if err != nil {
		t.Fatal(err)
	}
	cid := evidence.NewHasher()
	if _, err := io.Copy(cid, &zeros{size}); err != nil {
		t.Fatal(err)
	}
	c, record := oneRecord(t, ledger.Evidence{CID: cid.CID(), Mode: ledger.Digest, SHA256: digest.SHA256, Size: size})
	open := func() (io.ReadCloser, error) { return io.NopCloser(&zeros{size}), nil }
	s := new(sparse)
	if err := c.Write(s, Export{Exporter: "test", Pages: certificate.HTML, Files: []File{{Record: record, Open: open}}}); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(s, s.size, Options{Trusted: &c.Fingerprint, Pages: certificate.HTML, NewCID: func() CIDWriter { return evidence.NewHasher() }})
	if err != nil || r.Verdict != proof.Valid || s.size < size {
		t.Fatalf("%q of %d bytes, %v", r.Verdict, s.size, err)
	}
}

// TestLargeContentIsStreamed exports and verifies a file of 256 MiB and looks at
// all memory that was ever allocated.
func TestLargeContentIsStreamed(t *testing.T) {
	const size = 256 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	exportAndVerify(t, size)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 48<<20 {
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

// sparse keeps what is written to it, but for pieces of zeros.
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
	if bytes.Count(b, []byte{0}) < len(b) {
		s.pieces = append(s.pieces, piece{s.size, bytes.Clone(b)})
	}
	s.size += int64(len(b))
	return len(b), nil
}

// ReadFrom implements io.ReaderFrom, for zeros that io.Copy would write.
func (s *sparse) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if z, ok := limited.R.(*zeros); ok {
			s.size += z.n
			return z.n, nil
		}
	}
	return io.Copy(struct{ io.Writer }{s}, r)
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
