package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"evident/fullnode/testnet"
)

// evidentd runs the program until it ends and returns what it said.
func evidentd(t *testing.T, user *syscall.Credential, args ...string) (output string, code int) {
	t.Helper()
	cmd := exec.Command(testnet.Program(t), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: user}
	timer := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// wantFailure wants exit code 1, one error and a hint, and no more lines.
func wantFailure(t *testing.T, output string, code int, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(output, word) {
			t.Errorf("got %q, want %q in it", output, word)
		}
	}
	if lines := strings.Count(output, "\n"); code != 1 || !strings.HasPrefix(output, "evidentd: ") || lines > 3 {
		t.Errorf("got code %d, %q; want code 1 and an error of one line with a hint", code, output)
	}
}

// What an operator does wrong ends at once, with words that say what to do.
func TestCannotStart(t *testing.T) {
	c := testnet.Found(t, 4)
	taken, err := net.Listen("tcp", c.Places[0].HTTP)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := net.Listen("tcp", strings.NewReplacer("/ip4/", "", "/tcp/", ":").Replace(c.Places[1].Listen))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	defer peer.Close()
	misspelt := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(misspelt, []byte(`{"dri":"."}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"HTTP port in use", []string{"run", "--config", c.ConfigPath(0)}, []string{"address already in use", "Another program listens there"}},
		{"peer port in use", []string{"run", "--config", c.ConfigPath(1)}, []string{"address already in use", "Another program listens there"}},
		{"no configuration", []string{"run", "--config", "/nowhere/config.json"}, []string{"read configuration", "no such file"}},
		{"a misspelt setting", []string{"run", "--config", misspelt}, []string{"dri"}},
		{"fsck of nothing", []string{"fsck", t.TempDir()}, []string{"is this a node's folder?"}},
		{"two members", []string{"dev", "--dir", t.TempDir(), "--members", "2"}, []string{"2 members survive no failure"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output, code := evidentd(t, nil, tt.args...)
			wantFailure(t, output, code, tt.want...)
		})
	}
}

func TestReadOnlyFolder(t *testing.T) {
	c := testnet.Found(t, 1)
	user := readOnly(t, c.Dir)
	output, code := evidentd(t, user, "run", "--config", c.ConfigPath(0))
	wantFailure(t, output, code, "permission denied", "must be writable")
}

// readOnly takes everybody's right to write below dir away. For root, who
// needs none, it returns another user.
func readOnly(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	chmod := func(folders, files os.FileMode) {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return errors.Join(err, os.Chmod(path, files))
			}
			return os.Chmod(path, folders)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { chmod(0o700, 0o600) })
	chmod(0o555, 0o444)
	if os.Getuid() != 0 {
		return nil
	}
	for up := filepath.Dir(dir); up != "/"; up = filepath.Dir(up) { // so that it is reached
		if info, err := os.Stat(up); err == nil && info.Mode()&0o5 != 0o5 {
			os.Chmod(up, info.Mode()|0o5)
		}
	}
	program := testnet.Program(t)
	os.Chmod(filepath.Dir(program), 0o755)
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}

// A folder belongs to one process: neither a second node nor fsck touches it.
func TestSecondProcess(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	net := testnet.NewProcesses(t, 1)
	net.Start()
	net.MustFinal(0, net.NewAuthor("ada").Deposit("first"))
	cfg := net.Config(0)
	cfg.HTTP, cfg.Listen = "127.0.0.1:0", []string{"/ip4/127.0.0.1/tcp/0"}
	second := filepath.Join(t.TempDir(), "config.json")
	data, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second, data, 0o600); err != nil {
		t.Fatal(err)
	}
	output, code := evidentd(t, nil, "run", "--config", second)
	wantFailure(t, output, code, "another process holds this folder", "Stop it first")
	output, code = evidentd(t, nil, "fsck", net.Places[0].Dir)
	wantFailure(t, output, code, "another process uses the ledger", "Stop it first")
	net.MustFinal(0, net.NewAuthor("ada").Deposit("still works"))
	net.Stop()
	output, code = evidentd(t, nil, "fsck", net.Places[0].Dir)
	if code != 0 || !strings.Contains(output, "agrees") {
		t.Errorf("fsck: code %d, %s", code, output)
	}
	net.CheckLedger()
}

func TestFsckFindsDamage(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	net := testnet.NewProcesses(t, 1)
	net.Start()
	net.MustFinal(0, net.NewAuthor("ada").Deposit("first"))
	net.Stop()
	manifest := filepath.Join(net.Places[0].Dir, "ledger", "MANIFEST")
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(manifest, data, 0o600); err != nil {
		t.Fatal(err)
	}
	output, code := evidentd(t, nil, "fsck", net.Places[0].Dir)
	wantFailure(t, output, code, "damaged", "Move the ledger folder away")
}

// dev founds a consortium, says where it is, takes other ports when its own
// are taken, and resumes the same ledger after it was killed.
func TestDev(t *testing.T) {
	dir := t.TempDir()
	first := startDev(t, dir)
	if output, code := evidentd(t, nil, "dev", "--dir", dir); code != 1 || !strings.Contains(output, "another process holds this folder") {
		t.Errorf("a second dev: code %d, %s", code, output)
	}
	first.cmd.Process.Kill()
	first.cmd.Wait()
	again := startDev(t, dir)
	if again.Ledger != first.Ledger || strings.Join(again.Words, " ") != strings.Join(first.Words, " ") {
		t.Errorf("got ledger %s, want %s", again.Ledger, first.Ledger)
	}
	again.cmd.Process.Signal(os.Interrupt)
	if err := again.cmd.Wait(); err != nil || !strings.Contains(again.out.String(), "The next start resumes") {
		t.Errorf("Ctrl-C: %v, %s", err, again.out)
	}
}

type devRun struct {
	consortium
	cmd *exec.Cmd
	out *bytes.Buffer
}

// startDev starts dev on a taken port and waits until every node has a final block.
func startDev(t *testing.T, dir string) devRun {
	t.Helper()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	run := devRun{out: new(bytes.Buffer), cmd: exec.Command(testnet.Program(t), "dev", "--dir", dir, "--http", taken.Addr().String())}
	run.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	run.cmd.Stdout, run.cmd.Stderr = run.out, run.out
	os.Remove(filepath.Join(dir, "consortium.json"))
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.cmd.Process.Signal(syscall.SIGTERM); run.cmd.Wait() })
	deadline := time.Now().Add(recovery)
	for time.Now().Before(deadline) {
		data, err := os.ReadFile(filepath.Join(dir, "consortium.json"))
		if err == nil && json.Unmarshal(data, &run.consortium) == nil && allFinal(run.Nodes) {
			return run
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("dev has no final block: %s", run.out)
	return run
}

func allFinal(nodes []string) bool {
	for _, url := range nodes {
		resp, err := http.Get(url + "/checkpoint")
		if err != nil {
			return false
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return false
		}
	}
	return len(nodes) == 4
}
