package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"evident/lightclient/ledger"
)

// consortium is four member processes on this machine.
type consortium struct {
	program string
	dir     string
	nodes   []string // URLs
	pids    []int
	after   ledger.Point
	name    string
	stop    func()
}

func newConsortium(b *testing.B) *consortium {
	b.Helper()
	dir := b.TempDir()
	c := &consortium{program: build(b, "evident/fullnode/cmd/evidentd"), dir: filepath.Join(dir, "dev")}
	b.Cleanup(func() { c.stop() })
	c.start(b)
	return c
}

// build returns the path of a program, as make build makes it.
func build(b *testing.B, pkg string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return program
}

// start starts the consortium, or resumes it after stop.
func (c *consortium) start(b *testing.B) {
	b.Helper()
	cmd := exec.Command(c.program, "dev", "--dir", c.dir, "--http", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c.stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		c.stop = func() {}
	}
	var greeting bytes.Buffer
	for buf := make([]byte, 4096); !strings.Contains(greeting.String(), "Ctrl-C"); {
		n, err := stdout.Read(buf)
		greeting.Write(buf[:n])
		if err != nil {
			c.stop()
			b.Fatalf("evidentd dev: %v\n%s%s", err, greeting.String(), complaint.String())
		}
	}
	go io.Copy(io.Discard, stdout)
	c.read(b)
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
	c.name, c.nodes, c.pids = told.Ledger, told.Nodes, nil
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

// memory is what the largest node has in memory, in bytes, and how much of that is its own: the rest is the program, which
// all nodes here share, and files that are in the system's cache.
func (c *consortium) memory(b *testing.B) (resident, own int64) {
	for _, pid := range c.pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			b.Fatal(err)
		}
		of := func(name string) (kb int64) {
			_, rest, _ := strings.Cut(string(data), name+":")
			fmt.Sscan(rest, &kb)
			return kb << 10
		}
		if r := of("VmRSS"); r > resident {
			resident, own = r, of("RssAnon")
		}
	}
	return resident, own
}

// cpu is the processor time that all nodes took so far: unlike a rate, it says the same on a busy machine.
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

// disk is the space that all ledgers take.
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
