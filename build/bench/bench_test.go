package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"evident/lightclient/ledger"
)

// BenchmarkRecords reports final records per second with every node taking records in, and beside it the limit that
// verifying each signature once on each of the nodes sets on these cores. The times of processors are those of the four
// nodes together.
func BenchmarkRecords(b *testing.B) {
	const records = 40_000
	for range b.N {
		c := newConsortium(b)
		notes := c.sign(b, records)
		c.load(b, notes[:records/8], 64) // the first blocks find cold caches and connections
		notes = notes[records/8:]
		disk, cpu, start := c.disk(b), c.cpu(b), time.Now()
		c.load(b, notes, 64)
		rate := float64(len(notes)) / time.Since(start).Seconds()
		cpu = c.cpu(b) - cpu
		verify := time.Duration(len(c.nodes)) * verifying(b, notes[:2000])
		limit := float64(runtime.NumCPU()) / verify.Seconds()
		b.ReportMetric(rate, "records/s")
		b.ReportMetric(float64(runtime.NumCPU())*float64(len(notes))/cpu.Seconds(), "by-cpu/s") // if nothing else ran here
		b.ReportMetric(limit, "limit/s")
		b.ReportMetric(100*rate/limit, "of-limit-%")
		b.ReportMetric(float64(cpu.Microseconds())/float64(len(notes)), "cpu-us/record")
		b.ReportMetric(float64(verify.Microseconds()), "verify-us/record")
		time.Sleep(2 * time.Second)
		b.ReportMetric(float64(c.disk(b)-disk)/float64(len(notes)*len(c.nodes)), "disk-B/record")
		c.stop()
	}
}

// verifying is the processor time that opening one of the records takes.
func verifying(b *testing.B, notes [][]byte) time.Duration {
	b.Helper()
	before := processorTime(b)
	for _, msg := range notes {
		if _, err := ledger.OpenRecord(msg); err != nil {
			b.Fatal(err)
		}
	}
	return (processorTime(b) - before) / time.Duration(len(notes))
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFinal reports the time from submit to final at light load.
func BenchmarkFinal(b *testing.B) {
	const records = 500
	for range b.N {
		c := newConsortium(b)
		to := c.connect(b, 0)
		var times []time.Duration
		for _, msg := range c.sign(b, records) {
			start := time.Now()
			if err := to.submit(msg, "?wait=final"); err != nil {
				b.Fatal(err)
			}
			times = append(times, time.Since(start))
			time.Sleep(10 * time.Millisecond)
		}
		slices.Sort(times)
		b.ReportMetric(times[len(times)/2].Seconds()*1000, "p50-ms")
		b.ReportMetric(times[len(times)*99/100].Seconds()*1000, "p99-ms")
		c.stop()
	}
}

// BenchmarkIdle reports the memory of a node that has a ledger of 10,000 records, was started, and has nothing to do.
func BenchmarkIdle(b *testing.B) {
	for range b.N {
		c := newConsortium(b)
		c.load(b, c.sign(b, 10_000), 64)
		c.stop()
		c.start(b)
		time.Sleep(20 * time.Second)
		resident, own := c.memory(b)
		b.ReportMetric(float64(resident)/1e6, "node-MB")
		b.ReportMetric(float64(own)/1e6, "own-MB")
		c.stop()
	}
}

// BenchmarkStamp reports the time that the command line takes for 1,000 files, from digest to the proof beside each.
func BenchmarkStamp(b *testing.B) {
	for range b.N {
		c := newConsortium(b)
		program, home, dir := build(b, "evident/lightclient/cmd/evident"), b.TempDir(), b.TempDir()
		for i := range 1000 {
			content := make([]byte, 10_000)
			copy(content, strconv.Itoa(i))
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.dat", i)), content, 0o600); err != nil {
				b.Fatal(err)
			}
		}
		evident := func(args ...string) {
			args = append([]string{"--home", home, "--node", c.nodes[0], "--node", c.nodes[1], "--node", c.nodes[2], "--node", c.nodes[3]}, args...)
			if _, err := command(program, args...); err != nil {
				b.Fatal(err)
			}
		}
		evident("key", "new", "ada")
		start := time.Now()
		evident("stamp", dir)
		b.ReportMetric(time.Since(start).Seconds(), "s")
		proofs, err := filepath.Glob(filepath.Join(dir, "*.evident"))
		if err != nil || len(proofs) != 1000 {
			b.Fatalf("%d proofs, %v", len(proofs), err)
		}
		c.stop()
	}
}

// BenchmarkCore reports the size of the browser's light client as a web server would send it; Node brings the compressor.
func BenchmarkCore(b *testing.B) {
	const script = `const {brotliCompressSync} = require("zlib"), {readFileSync} = require("fs");
console.log(brotliCompressSync(readFileSync("../../frontend/public/evident.wasm")).length)`
	for range b.N {
		b.ReportMetric(number(b, "node", "-e", script), "brotli-bytes")
	}
}

// BenchmarkBrowser reports the time that Chromium takes from starting the light client's worker to the first verified
// answer, on a first visit.
func BenchmarkBrowser(b *testing.B) {
	browser, err := chromium()
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		c := newConsortium(b)
		b.ReportMetric(number(b, "node", "browser.js", browser, c.nodes[0]), "ms")
		c.stop()
	}
}

// BenchmarkVerifier opens frontend/dist/verify.html, which make bench builds, and gives it a proof.
func BenchmarkVerifier(b *testing.B) {
	browser, err := chromium()
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		b.ReportMetric(number(b, "node", "verifier.js", browser), "ms")
	}
}

// BenchmarkInPage takes files in through the pages, beside WebCrypto's SHA-256 in the same page: the rates are from the
// first byte to the author's signature, and the sealed file is with a node by then.
func BenchmarkInPage(b *testing.B) {
	browser, err := chromium()
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		c := newConsortium(b)
		out, err := command("node", "ingest.js", browser, c.nodes[0], randomFile(b, 32<<20), randomFile(b, 192<<20))
		if err != nil {
			b.Fatal(err)
		}
		var rates struct{ WebCrypto, Small, Large, Sealed float64 }
		if err := json.Unmarshal(out, &rates); err != nil {
			b.Fatalf("ingest.js printed %q", out)
		}
		b.ReportMetric(rates.WebCrypto, "webcrypto-MB/s")
		b.ReportMetric(rates.Small/rates.WebCrypto, "small-of-webcrypto")
		b.ReportMetric(rates.Large/rates.WebCrypto, "large-of-webcrypto")
		b.ReportMetric(rates.Large, "large-MB/s")
		b.ReportMetric(rates.Sealed, "sealed-MB/s")
		c.stop()
	}
}

func randomFile(b *testing.B, size int64) string {
	b.Helper()
	f, err := os.CreateTemp(b.TempDir(), "file")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{byte(size >> 20)}), size); err != nil {
		b.Fatal(err)
	}
	return f.Name()
}

// number is what a program prints.
func number(b *testing.B, name string, args ...string) float64 {
	b.Helper()
	out, err := command(name, args...)
	if err != nil {
		b.Fatal(err)
	}
	var n float64
	if err := json.Unmarshal([]byte(strings.TrimSpace(string(out))), &n); err != nil {
		b.Fatalf("%s printed %q", name, out)
	}
	return n
}
