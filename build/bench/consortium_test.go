package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/note"
)

// consortium is four member processes on this machine.
type consortium struct {
	dir   string
	nodes []string // URLs
	pids  []int
	after ledger.Point
	name  string
}

func startConsortium(b *testing.B) *consortium {
	b.Helper()
	dir := b.TempDir()
	program := filepath.Join(dir, "evidentd")
	if out, err := exec.Command("go", "build", "-o", program, "evident/fullnode/cmd/evidentd").CombinedOutput(); err != nil {
		b.Fatalf("build evidentd: %v\n%s", err, out)
	}
	c := &consortium{dir: filepath.Join(dir, "dev")}
	cmd := exec.Command(program, "dev", "--dir", c.dir, "--http", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	var greeting bytes.Buffer
	for buf := make([]byte, 4096); !strings.Contains(greeting.String(), "Ctrl-C"); {
		n, err := stdout.Read(buf)
		greeting.Write(buf[:n])
		if err != nil {
			b.Fatalf("evidentd dev: %v\n%s", err, greeting.String())
		}
	}
	go io.Copy(io.Discard, stdout)
	c.read(b)
	return c
}

func (c *consortium) read(b *testing.B) {
	var told struct {
		Ledger  string
		Nodes   []string
		Members []struct{ Dir string }
	}
	data, err := os.ReadFile(filepath.Join(c.dir, "consortium.json"))
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(data, &told); err != nil {
		b.Fatal(err)
	}
	c.name, c.nodes = told.Ledger, told.Nodes
	for _, m := range told.Members {
		data, err := os.ReadFile(filepath.Join(m.Dir, "pid"))
		if err != nil {
			b.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil {
			b.Fatal(err)
		}
		c.pids = append(c.pids, pid)
	}
	checkpoint, err := get(c.nodes[0] + "/checkpoint")
	if err != nil {
		b.Fatal(err)
	}
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	tree, err := ledger.ParseCheckpoint(c.name, []byte(text+"\n"))
	if err != nil {
		b.Fatal(err)
	}
	c.after = ledger.Point{Size: tree.N, Root: tree.Hash}
}

func get(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// sign makes n records with 300 bytes of fields each, by one author.
func (c *consortium) sign(b *testing.B, n int) [][]byte {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	vkey, err := note.NewEd25519VerifierKey("ada", key.Public().(ed25519.PublicKey))
	if err != nil {
		b.Fatal(err)
	}
	signer, err := note.NewSigner("PRIVATE+KEY+ada+" + strings.SplitN(vkey, "+", 3)[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...)))
	if err != nil {
		b.Fatal(err)
	}
	fields, err := json.Marshal(map[string]string{"text": strings.Repeat("x", 289)})
	if err != nil {
		b.Fatal(err)
	}
	notes := make([][]byte, n)
	var wg sync.WaitGroup
	for worker := range 2 {
		wg.Go(func() {
			for i := worker; i < n; i += 2 {
				r, err := ledger.Statement{Ledger: c.name, Contract: "notes", Version: 1, Action: "deposit", Seq: 1, At: time.Now().UnixMilli(),
					After: c.after, By: []string{vkey}, Evidence: []ledger.Evidence{}, Fields: fields, Nonce: nonce()}.Sign(signer)
				if err != nil {
					panic(err)
				}
				notes[i] = r.Note
			}
		})
	}
	wg.Wait()
	return notes
}

func nonce() string {
	n := make([]byte, 16)
	rand.Read(n)
	return hex.EncodeToString(n)
}

// client keeps a connection for each of the benchmark's workers.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// submit sends a record to a node; query is "" or "?wait=final".
func (c *consortium) submit(node int, msg []byte, query string) error {
	for {
		resp, err := client.Post(c.nodes[node]+"/v1/records"+query, "text/plain", bytes.NewReader(msg))
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		switch resp.StatusCode {
		case http.StatusOK, http.StatusAccepted:
			return nil
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			time.Sleep(20 * time.Millisecond)
		default:
			return fmt.Errorf("submit: %s: %s", resp.Status, body)
		}
	}
}

// BenchmarkRecords reports finalised records per second with every node taking
// records in, and beside it the limit that verifying each signature once on
// each of four nodes sets on these cores.
func BenchmarkRecords(b *testing.B) {
	c := startConsortium(b)
	const records = 20_000
	notes := c.sign(b, records)
	before, cpu := c.disk(b), c.cpu(b)
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		var next atomic.Int64
		var wg sync.WaitGroup
		for worker := range 64 {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < records; i = next.Add(1) - 1 {
					if err := c.submit(worker%len(c.nodes), notes[i], ""); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		sent := time.Since(start)
		for node := range c.nodes { // what is waited for is final, and everything before it
			for i := records - 1; i >= records-64; i-- {
				if err := c.submit(node, notes[i], "?wait=final&timeout=60s"); err != nil {
					b.Fatal(err)
				}
			}
		}
		rate := records / time.Since(start).Seconds()
		limit := c.verifyLimit(notes[:2000])
		b.ReportMetric(rate, "records/s")
		b.ReportMetric(limit, "limit/s")
		b.ReportMetric(100*rate/limit, "of-limit-%")
		b.ReportMetric(sent.Seconds(), "sent-s")
		b.ReportMetric(float64((c.cpu(b)-cpu).Microseconds())/records, "cpu-us/record")
	}
	time.Sleep(2 * time.Second)
	b.ReportMetric(float64(c.disk(b)-before)/records/float64(len(c.nodes)), "disk-B/record")
}

// verifyLimit is how many records per second these cores can verify four times.
func (c *consortium) verifyLimit(notes [][]byte) float64 {
	start := time.Now()
	var wg sync.WaitGroup
	for worker := range 2 {
		wg.Go(func() {
			for i := worker; i < len(notes); i += 2 {
				if _, err := ledger.OpenRecord(notes[i]); err != nil {
					panic(err)
				}
			}
		})
	}
	wg.Wait()
	return float64(len(notes)) / time.Since(start).Seconds() / float64(len(c.nodes))
}

// BenchmarkFinal reports the time from submit to final at light load.
func BenchmarkFinal(b *testing.B) {
	c := startConsortium(b)
	const records = 300
	notes := c.sign(b, records)
	var times []time.Duration
	for _, msg := range notes {
		start := time.Now()
		if err := c.submit(0, msg, "?wait=final"); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
		time.Sleep(20 * time.Millisecond)
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(times[len(times)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(float64(c.memory(b))/(1<<20), "node-MB")
}

// memory is the resident memory of the largest node, in bytes.
func (c *consortium) memory(b *testing.B) (largest int64) {
	for _, pid := range c.pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), "VmRSS:")
		var kb int64
		fmt.Sscan(rest, &kb)
		largest = max(largest, kb<<10)
	}
	return largest
}

// cpu is the processor time that all nodes took so far: unlike a rate, it says
// the same on a busy machine.
func (c *consortium) cpu(b *testing.B) (total time.Duration) {
	for _, pid := range c.pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(rest)
		for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
			ticks, err := strconv.Atoi(field)
			if err != nil {
				b.Fatal(err)
			}
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return total
}

// disk is the space that all ledgers and journals take.
func (c *consortium) disk(b *testing.B) (total int64) {
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "/ledger/") {
			return nil
		}
		var s syscall.Stat_t
		if err := syscall.Stat(path, &s); err == nil {
			total += s.Blocks * 512
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}
