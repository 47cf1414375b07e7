package chain

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// copyFolder copies a folder as a killed process would leave it: what was written is there, open or not.
func copyFolder(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // merged away meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		// The store's open files are mostly holes.
		path, size := filepath.Join(to, e.Name()), int64(len(data))
		if err := os.WriteFile(path, bytes.TrimRight(data, "\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestStopAnywhere copies the folder after every step and goes on from the copy.
func TestStopAnywhere(t *testing.T) {
	w := newTestWorld(t)
	dir := t.TempDir()
	c := w.open(t, dir, Options{})
	defer c.Close()
	resume := func(step string, wantHead int, wantStored bool) {
		t.Helper()
		again := w.open(t, copyFolder(t, dir), Options{})
		defer again.Close()
		if got := int(again.tip.Load().next()) - 1; got != wantHead {
			t.Errorf("%s: head is %d, want %d", step, got, wantHead)
		}
		stored := again.Stored()
		if (stored != nil) != wantStored {
			t.Fatalf("%s: prepared block is %v", step, stored)
		}
		if stored == nil {
			return
		}
		if stored.Tree != c.Stored().Tree {
			t.Errorf("%s: the prepared block is another", step)
		}
		if err := again.Finalize(stored, w.certify(t, stored.Tree)); err != nil {
			t.Fatal(err)
		}
		checkLedger(t, again)
	}
	resume("empty", -1, false)
	cand, err := c.GenesisCandidate()
	for h := 0; h < flushHeights+2; h++ {
		if err != nil {
			t.Fatal(err)
		}
		if h > 2 && h < flushHeights-1 {
			w.finish(t, c, cand)
			cand, err = c.Execute(proposal(c, w.notes(t, h*5, h*5+5)...))
			continue
		}
		resume("executed", h-1, false)
		if err := c.Prepare(cand); err != nil {
			t.Fatal(err)
		}
		resume("prepared", h-1, true)
		writeSomeParts(t, c, cand)
		resume("half written", h-1, true)
		if err := c.Finalize(cand, w.certify(t, cand.Tree)); err != nil {
			t.Fatal(err)
		}
		resume("final", h, false)
		cand, err = c.Execute(proposal(c, w.notes(t, h*5, h*5+5)...))
	}
}

// writeSomeParts leaves what a process leaves that is stopped between the parts of a large block.
func writeSomeParts(t *testing.T, c *Chain, cand *Candidate) {
	t.Helper()
	b := c.store.write(cand.Header.Height)
	if c.nodes.due(cand.Header.Height) {
		c.nodes.flush(b, &cand.tip, cand.writes)
	}
	index(b, cand)
	if err := b.txn.CommitAt(b.version, nil); err != nil {
		t.Fatal(err)
	}
}

func TestBlockInParts(t *testing.T) {
	w := newTestWorld(t, func(g *ledger.Genesis) { g.Limits.BlockBytes = ledger.MaxBlockBytes })
	dir := t.TempDir()
	c := w.open(t, dir, Options{})
	w.genesisBlock(t, c)
	var notes [][]byte
	for i := range 200 {
		s := w.statement(i)
		for n := range ledger.MaxEvidence {
			s.Evidence = append(s.Evidence, evidence(fmt.Sprint(i, n)))
		}
		notes = append(notes, w.sign(t, s).Note)
	}
	if cand := w.add(t, c, notes...); len(cand.Records) != 200 {
		t.Fatalf("%d records, %v", len(cand.Records), cand.Refused)
	}
	r, err := c.read()
	if err != nil {
		t.Fatal(err)
	}
	parts := 0
	r.scan([]byte{keyPart}, func([]byte) bool { parts++; return true })
	r.close()
	if parts < 2 {
		t.Fatalf("%d parts: the block is too small for this test", parts)
	}
	checkLedger(t, c)
	for _, part := range []uint16{0, 2} {
		again := w.open(t, copyFolder(t, dir), Options{})
		txn := again.store.db.NewTransactionAt(versionOf(1), true)
		if err := txn.Delete(partKey(versionOf(1), part)); err != nil {
			t.Fatal(err)
		}
		if err := txn.CommitAt(versionOf(1), nil); err != nil {
			t.Fatal(err)
		}
		again.Close()
		if _, err := Open(again.store.dir, w.genesis, Options{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("without the mark of part %d: got %v", part, err)
		}
	}
	c.Close()
}

func TestGuard(t *testing.T) {
	w := newTestWorld(t)
	dir := t.TempDir()
	c := w.open(t, dir, Options{})
	w.genesisBlock(t, c)
	final := w.add(t, c, w.notes(t, 0, 2)...)
	prepared := execute(t, c)
	if err := c.Prepare(prepared); err != nil {
		t.Fatal(err)
	}
	c.Close()
	other := tlog.Tree{N: 2, Hash: tlog.Hash{1}}
	tests := []struct {
		name         string
		signed       tlog.Tree
		open, behind error
	}{
		{"nothing signed", tlog.Tree{}, nil, nil},
		{"the head", final.Tree, nil, nil},
		{"what is prepared", prepared.Tree, nil, nil},
		{"another block for the next height", tlog.Tree{N: 3, Hash: other.Hash}, nil, ErrBehindGuard},
		{"a later block", tlog.Tree{N: 9, Hash: other.Hash}, nil, ErrBehindGuard},
		{"another head", other, ErrForked, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Open(dir, w.genesis, Options{Signed: tt.signed})
			if !errors.Is(err, tt.open) {
				t.Fatalf("open: got %v, want %v", err, tt.open)
			}
			if err != nil {
				return
			}
			defer c.Close()
			if err := c.BehindGuard(); !errors.Is(err, tt.behind) {
				t.Errorf("behind: got %v, want %v", err, tt.behind)
			}
		})
	}
}

func TestFolders(t *testing.T) {
	w := newTestWorld(t)
	other := newTestWorld(t, func(g *ledger.Genesis) { g.Created++ })
	unknown := newTestWorld(t, func(g *ledger.Genesis) { g.Contracts[0].Version = 2 })
	used := t.TempDir()
	c := w.open(t, used, Options{})
	w.genesisBlock(t, c)
	if _, err := Open(used, w.genesis, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("open twice: got %v", err)
	}
	c.Close()
	if _, err := Open(used, other.genesis, Options{}); !errors.Is(err, ErrOtherLedger) {
		t.Errorf("another ledger: got %v", err)
	}
	if _, err := Open(t.TempDir(), unknown.genesis, Options{}); err == nil || !strings.Contains(err.Error(), "notes version 2") {
		t.Errorf("unknown contract: got %v", err)
	}
	for _, cause := range []error{syscall.EROFS, syscall.EACCES, syscall.EPERM} {
		if err := folderError("ledger", &fs.PathError{Op: "open", Path: "ledger/lock", Err: cause}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%v: got %v", cause, err)
		}
	}
	for _, name := range []string{"00007.mem", "000007.vlog"} {
		if err := os.WriteFile(filepath.Join(used, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c = w.open(t, used, Options{})
	checkLedger(t, c)
	c.Close()
}

func TestDiskFull(t *testing.T) {
	w := newTestWorld(t)
	free := int64(1 << 30)
	c := w.open(t, t.TempDir(), Options{Free: func(string) (int64, error) { return free, nil }})
	defer c.Close()
	w.genesisBlock(t, c)
	cand := execute(t, c, w.notes(t, 0, 1)...)
	free = lowWater - 1
	if err := c.Prepare(cand); !errors.Is(err, ErrDiskFull) {
		t.Errorf("prepare: got %v", err)
	}
	if err := c.Finalize(cand, w.certify(t, cand.Tree)); !errors.Is(err, ErrDiskFull) {
		t.Errorf("finalize: got %v", err)
	}
	if _, err := c.State(ConsortiumSpace, MembersName); err != nil {
		t.Errorf("reads go on: got %v", err)
	}
	free = lowWater
	w.finish(t, c, cand)
	checkLedger(t, c)
}

// TestKill kills a process that makes blocks, again and again, and wants everything that it said was final.
func TestKill(t *testing.T) {
	w := newTestWorld(t)
	dir := t.TempDir()
	for round := range 8 {
		reported := killWriter(t, dir, time.Duration(20+30*round)*time.Millisecond)
		c := w.open(t, dir, Options{})
		if head, ok := c.Head(); reported >= 0 && (!ok || int(head.Header.Height) < reported) {
			t.Fatalf("round %d: the head is %d, block %d was final", round, head.Header.Height, reported)
		}
		if err := inspect(c); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	c := w.open(t, dir, Options{})
	defer c.Close()
	checkLedger(t, c)
}

const writerFolder = "EVIDENT_TEST_WRITER"

// killWriter returns the last height that the killed process said was final, or -1.
func killWriter(t *testing.T, dir string, after time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriter$")
	cmd.Env = append(os.Environ(), writerFolder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	lines := bufio.NewScanner(out)
	var killing *time.Timer
	for lines.Scan() {
		h, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("writer: %s", lines.Text())
		}
		if last = h; killing == nil {
			killing = time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the writer ended by itself")
	}
	return last
}

// TestWriter is the process that TestKill kills; by itself it does nothing.
func TestWriter(t *testing.T) {
	dir := os.Getenv(writerFolder)
	if dir == "" {
		return
	}
	w := newTestWorld(t)
	c := w.open(t, dir, Options{})
	if stored := c.Stored(); stored != nil {
		if err := c.Finalize(stored, w.certify(t, stored.Tree)); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := c.Head(); !ok {
		w.genesisBlock(t, c)
	}
	for {
		head, _ := c.Head()
		fmt.Println(head.Header.Height)
		n := int(head.Header.Height) * 20
		w.add(t, c, w.notes(t, n, n+20)...)
	}
}

// TestDamage flips bytes in copies of a ledger's files. The ledger must refuse to open, or report damage when it reads,
// or be right, and then complete or behind the guard.
func TestDamage(t *testing.T) {
	w := newTestWorld(t)
	dir := t.TempDir()
	c := w.open(t, dir, Options{})
	w.genesisBlock(t, c)
	for h := range 12 {
		w.add(t, c, w.notes(t, h*8, h*8+8)...)
	}
	running := copyFolder(t, dir)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	head, _ := c.Head()
	random := rand.New(rand.NewPCG(1, 2))
	outcomes := map[string]int{}
	for range 60 {
		from := []string{dir, running}[random.IntN(2)]
		copied := copyFolder(t, from)
		file := flip(t, copied, random)
		what := damaged(t, w, copied, head)
		if strings.HasPrefix(what, "silent") {
			t.Errorf("%s: %s", file, what)
		}
		outcomes[what]++
		os.RemoveAll(copied)
	}
	t.Log(outcomes)
}

// flip changes one to three bits at one place of what the files hold.
func flip(t *testing.T, dir string, random *rand.Rand) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for {
		name := files[random.IntN(len(files))].Name()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		used := len(bytes.TrimRight(data, "\x00"))
		if used == 0 || name == "LOCK" {
			continue
		}
		at := random.IntN(used)
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte{data[at] ^ byte(1+random.IntN(255))}, int64(at)); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s byte %d of %d", name, at, used)
	}
}

func damaged(t *testing.T, w *world, dir string, want Head) string {
	c, err := Open(dir, w.genesis, Options{Signed: want.Certificate.Tree})
	if err != nil {
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrOtherLedger) {
			return "silent: open says only " + err.Error()
		}
		return "refused at open"
	}
	defer c.Close()
	if err := inspect(c); err != nil {
		if !errors.Is(err, ErrDamaged) {
			return "silent: reading says only " + err.Error()
		}
		return "reported when read"
	}
	head, ok := c.Head()
	if ok && head.Header == want.Header {
		return "harmless"
	}
	if stored := c.Stored(); stored != nil && stored.Tree == want.Certificate.Tree {
		return "prepared again"
	}
	if err := c.BehindGuard(); !errors.Is(err, ErrBehindGuard) {
		return "silent: another head"
	}
	return "behind the guard"
}
