package blobs

import (
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
)

const benchSize = 256 << 20

func BenchmarkUpload(b *testing.B) {
	w := newWorld(b, 1)
	for i := range b.N {
		b.StopTimer()
		body := w.file(noiseOf(byte(i), benchSize)).car()
		b.SetBytes(benchSize)
		cpu := watchCPU()
		b.StartTimer()
		if code, text := w.nodes[0].post("/v1/files/car", body); code != 200 {
			b.Fatal(text)
		}
		b.StopTimer()
		b.ReportMetric(benchSize/1e6/cpu(), "by-cpu-MB/s")
	}
}

func BenchmarkDownload(b *testing.B) {
	w := newWorld(b, 1)
	f := w.file(noiseOf(1, benchSize))
	w.nodes[0].upload(f)
	w.stored(w.nodes[0], f, w.record(f.public()), 1)
	f.blocks = nil
	b.SetBytes(benchSize)
	peak, cpu := watchHeap(), watchCPU()
	for b.Loop() {
		resp, err := http.Get(w.nodes[0].server.URL + "/ipfs/" + f.stored.CID.String() + "?format=car")
		w.must(err)
		r, _, err := evidence.NewCARReader(resp.Body)
		for err == nil {
			_, err = r.Next()
		}
		resp.Body.Close()
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*benchSize/1e6/cpu(), "by-cpu-MB/s")
	b.ReportMetric(peak(), "peak-MiB")
}

func BenchmarkBitswap(b *testing.B) {
	w := newWorld(b, 2)
	b.SetBytes(benchSize)
	for i := range b.N {
		b.StopTimer()
		f := w.file(noiseOf(byte(i), benchSize))
		w.nodes[0].upload(f)
		var cids []ledger.CID
		for _, block := range f.blocks {
			cids = append(cids, block.CID)
		}
		f.blocks = nil
		peak, cpu := watchHeap(), watchCPU()
		b.StartTimer()
		w.must(w.nodes[1].swarm.fetch(b.Context(), cids))
		b.StopTimer()
		b.ReportMetric(benchSize/1e6/cpu(), "by-cpu-MB/s")
		b.ReportMetric(peak(), "peak-MiB")
	}
}

// BenchmarkIngest seals a file of 1 GiB, makes its tree and stores the blocks, all on disk; beside it the same file
// through SHA-256 alone, and through ipfs add where there is one.
func BenchmarkIngest(b *testing.B) {
	const size = 1 << 30
	dir := b.TempDir()
	path := filepath.Join(dir, "file")
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	file, err := os.Create(path)
	must(err)
	_, err = io.CopyN(file, rand.NewChaCha8([32]byte{1}), size)
	must(errors.Join(err, file.Close()))
	for i := range b.N {
		began, cpu := time.Now(), watchCPU()
		must(evidence.Read(path, func(content io.Reader, _ int64) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{sha256.New()}, struct{ io.Reader }{content}, make([]byte, 1<<20))
			return err
		}))
		alone, aloneCPU := time.Since(began), cpu()

		s, err := openStore(filepath.Join(dir, string(rune('a'+i))), nil, time.Now)
		must(err)
		secret, err := seal.NewSecret("file", "", size)
		must(err)
		peak := watchHeap()
		began, cpu = time.Now(), watchCPU()
		must(evidence.Read(path, func(content io.Reader, _ int64) error {
			_, err := secret.Seal(b.Context(), content, func(block evidence.Block) error { return s.put(block.CID, block.Data, ourselves) })
			return err
		}))
		must(s.sync())
		ingest := time.Since(began)
		b.ReportMetric(peak(), "peak-MiB")
		b.ReportMetric(size/1e6/ingest.Seconds(), "ingest-MB/s")
		b.ReportMetric(size/1e6/alone.Seconds(), "sha256-MB/s")
		b.ReportMetric(size/1e6/cpu(), "ingest-by-cpu-MB/s")
		b.ReportMetric(size/1e6/aloneCPU, "sha256-by-cpu-MB/s")
		must(s.close())
		if _, err := exec.LookPath("ipfs"); err == nil {
			b.ReportMetric(size/1e6/ipfsAdd(b, path).Seconds(), "ipfs-MB/s")
		}
	}
}

// ipfsAdd times Kubo's add of a file, with its default store and our profile's shape.
func ipfsAdd(b *testing.B, path string) time.Duration {
	repo := b.TempDir()
	run := func(args ...string) {
		cmd := exec.Command("ipfs", args...)
		cmd.Env = append(os.Environ(), "IPFS_PATH="+repo)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("ipfs %v: %v\n%s", args, err, out)
		}
	}
	run("init", "--empty-repo")
	began := time.Now()
	run("add", "-Q", "--cid-version=1", "--raw-leaves", "--chunker=size-1048576", path)
	return time.Since(began)
}

// BenchmarkResume breaks an upload off in the middle of a block, at full speed, and counts the blocks that were sent whole
// and have to be sent again.
func BenchmarkResume(b *testing.B) {
	w := newWorld(b, 1)
	worst := 0
	for i := range b.N {
		f := w.file(noiseOf(byte(i), 64<<20))
		car := f.car()
		at := len(car)/3 + rand.N(len(car)/2)
		code, _ := w.nodes[0].post("/v1/files/car", car[:at])
		if code == http.StatusOK {
			b.Fatal("half an upload is taken for a whole one")
		}
		whole, kept := 0, 0
		for n := range f.blocks {
			if len(carOf(&f.stored.CID, f.blocks[:n+1]...)) <= at {
				whole = n + 1
			}
			if w.nodes[0].store.has(f.blocks[n].CID) {
				kept++
			}
		}
		worst = max(worst, whole-kept)
	}
	b.ReportMetric(float64(worst), "blocks")
}

// watchCPU returns the seconds that all processors would have taken from here on, had they had nothing else to do: unlike
// the time that passes, it says about the same on a busy machine.
func watchCPU() (seconds func() float64) {
	used := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			panic("blobs: the processor time: " + err.Error())
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	before := used()
	return func() float64 { return (used() - before) / float64(runtime.NumCPU()) }
}

// watchHeap samples the heap until it is asked by how many MiB it had grown at most.
func watchHeap() (peak func() float64) {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var grown uint64
		for {
			select {
			case <-done:
				most <- grown
				return
			case <-time.After(20 * time.Millisecond):
				runtime.ReadMemStats(&now)
				grown = max(grown, max(now.HeapInuse, before.HeapInuse)-before.HeapInuse)
			}
		}
	}()
	return func() float64 {
		close(done)
		return float64(<-most) / (1 << 20)
	}
}
