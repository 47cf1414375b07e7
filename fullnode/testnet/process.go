package testnet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program builds evidentd, once for each test binary, and returns its path.
func Program(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var program = sync.OnceValues(func() (string, error) {
	// The same place each time, so that runs leave one program behind, and the
	// next one finds it built.
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("evident-%d-%s", os.Getuid(), filepath.Base(os.Args[0])))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("build evidentd: %w", err)
	}
	path := filepath.Join(dir, "evidentd")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "evident/fullnode/cmd/evidentd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build evidentd: %w\n%s", err, out)
	}
	return path, nil
})

// Processes is a consortium of real evidentd processes.
type Processes struct {
	*Consortium
	program string
	Nodes   []*Process
}

// Process is one of them.
type Process struct {
	cmd   *exec.Cmd // nil while it is stopped
	ended chan error
	leads leadership
	log   bytes.Buffer
}

// NewProcesses founds a consortium of n members. Their processes are killed
// when the test ends.
func NewProcesses(t testing.TB, n int) *Processes {
	t.Helper()
	return Run(t, Found(t, n))
}

// Run gives a founded consortium its processes.
func Run(t testing.TB, c *Consortium) *Processes {
	t.Helper()
	p := &Processes{Consortium: c, program: Program(t)}
	for range c.Places {
		p.Nodes = append(p.Nodes, new(Process))
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// Start starts these nodes, or all.
func (p *Processes) Start(nodes ...int) {
	p.Helper()
	for _, i := range p.orAll(nodes) {
		node := p.Nodes[i]
		node.leads.reset(p.TB, i)
		node.log.Reset()
		cmd := exec.Command(p.program, "run", "--config", p.ConfigPath(i))
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		cmd.Stderr = node
		p.must(cmd.Start())
		node.cmd, node.ended = cmd, make(chan error, 1)
		go func() { node.ended <- cmd.Wait() }()
	}
}

// Write takes the process's log, line by line as slog writes it.
func (n *Process) Write(lines []byte) (int, error) {
	n.log.Write(lines)
	for line := range bytes.Lines(lines) {
		n.leads.Write(line)
	}
	return len(lines), nil
}

// Kill ends these nodes, or all, with SIGKILL and at the same time.
func (p *Processes) Kill(nodes ...int) {
	p.Helper()
	p.end(syscall.SIGKILL, p.orAll(nodes))
}

// Stop asks these nodes, or all, to end.
func (p *Processes) Stop(nodes ...int) {
	p.Helper()
	p.end(syscall.SIGTERM, p.orAll(nodes))
}

func (p *Processes) end(signal syscall.Signal, nodes []int) {
	p.Helper()
	p.Signal(signal, nodes...)
	for _, i := range nodes {
		node := p.Nodes[i]
		if node.cmd == nil {
			continue
		}
		select {
		case err := <-node.ended:
			if err != nil && signal == syscall.SIGTERM {
				p.Errorf("%s ended with %v:\n%s", p.Places[i].Member.Name, err, tail(node.log.Bytes()))
			}
		case <-time.After(20 * time.Second):
			p.Errorf("%s does not end", p.Places[i].Member.Name)
			node.cmd.Process.Kill()
		}
		node.cmd = nil
		node.leads.reset(p.TB, i)
	}
}

// Signal sends a signal to these nodes: SIGSTOP and SIGCONT freeze and thaw.
func (p *Processes) Signal(signal syscall.Signal, nodes ...int) {
	p.Helper()
	for _, i := range nodes {
		node := p.Nodes[i]
		if node.cmd == nil {
			continue
		}
		if err := node.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.Error(err)
		}
	}
}

// MustRun fails the test if a process that was started has ended by itself.
func (p *Processes) MustRun() {
	p.Helper()
	for i, node := range p.Nodes {
		if node.cmd == nil {
			continue
		}
		select {
		case err := <-node.ended:
			node.ended <- err
			p.Fatalf("%s ended by itself: %v\n%s", p.Places[i].Member.Name, err, tail(node.log.Bytes()))
		default:
		}
	}
}

// Resident is the memory of node i in bytes.
func (p *Processes) Resident(i int) int64 {
	p.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.Nodes[i].cmd.Process.Pid))
	p.must(err)
	var size, resident int64
	_, err = fmt.Sscan(string(data), &size, &resident)
	p.must(err)
	return resident * int64(os.Getpagesize())
}

// Leader waits for the node that leads.
func (p *Processes) Leader() int {
	p.Helper()
	var all []*leadership
	for _, node := range p.Nodes {
		all = append(all, &node.leads)
	}
	return p.awaitLeader(all)
}

// StopAndCheck waits until the running nodes are level, stops them, and checks
// what all hold.
func (p *Processes) StopAndCheck(behind ...int) {
	p.Helper()
	p.MustRun()
	var running []int
	for i, node := range p.Nodes {
		if node.cmd != nil && !slices.Contains(behind, i) {
			running = append(running, i)
		}
	}
	p.AwaitLevel(30*time.Second, running...)
	p.Stop()
	p.CheckLedger(behind...)
}

func (p *Processes) orAll(nodes []int) []int {
	if len(nodes) == 0 {
		for i := range p.Nodes {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

func tail(log []byte) []byte { return log[max(0, len(log)-2000):] }
