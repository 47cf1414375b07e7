package order

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/peer"
	"pgregory.net/rapid"
)

func newTestStore(t testing.TB, dir string) *store {
	t.Helper()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestStoreBehavesAsRaftsOwn drives the store and raft.InmemStore with the
// same calls, closing and opening the folder in between.
func TestStoreBehavesAsRaftsOwn(t *testing.T) {
	dir := t.TempDir()
	got, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { got.Close() }()
	rapid.Check(t, func(t *rapid.T) {
		must(t, got.DeleteRange(0, maxIndex))
		want := raft.NewInmemStore()
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			first, last := ends(t, want)
			switch rapid.IntRange(0, 20).Draw(t, "do") {
			default:
				if last == 0 {
					last = rapid.Uint64Range(0, 50).Draw(t, "start")
				}
				logs := drawLogs(t, last+1)
				must(t, got.StoreLogs(logs))
				must(t, want.StoreLogs(logs))
			case 1, 2, 3, 4:
				if from := first + rapid.Uint64Range(0, last-first).Draw(t, "keep"); last > 0 {
					must(t, got.DeleteRange(from, last))
					must(t, want.DeleteRange(from, last))
				}
			case 5, 6, 7, 8:
				if to := first + rapid.Uint64Range(0, last-first).Draw(t, "drop"); last > 0 {
					must(t, got.DeleteRange(first, to))
					must(t, want.DeleteRange(first, to))
				}
			case 0:
				must(t, got.Close())
				if got, err = openStore(dir); err != nil {
					t.Fatal(err)
				}
			}
			compareLogs(t, got, want)
		}
	})
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func drawLogs(t *rapid.T, first uint64) (logs []*raft.Log) {
	for i := range rapid.Uint64Range(1, 8).Draw(t, "entries") {
		size := rapid.SampledFrom([]int{0, 10, 1000, 200 << 10}).Draw(t, "size")
		logs = append(logs, &raft.Log{Index: first + i, Term: first, Type: raft.LogType(i % 2), Data: bytes.Repeat([]byte{byte(first + i)}, size)})
	}
	return logs
}

func ends(t *rapid.T, s raft.LogStore) (first, last uint64) {
	first, err := s.FirstIndex()
	must(t, err)
	last, err = s.LastIndex()
	must(t, err)
	return first, last
}

func compareLogs(t *rapid.T, got, want raft.LogStore) {
	t.Helper()
	gotFirst, gotLast := ends(t, got)
	first, last := ends(t, want)
	if gotFirst != first || gotLast != last {
		t.Fatalf("got entries %d to %d, want %d to %d", gotFirst, gotLast, first, last)
	}
	for i := first; i <= last+1; i++ {
		var g, w raft.Log
		errGot, errWant := got.GetLog(i, &g), want.GetLog(i, &w)
		if !errors.Is(errGot, errWant) || g.Index != w.Index || g.Term != w.Term || g.Type != w.Type || !bytes.Equal(g.Data, w.Data) {
			t.Fatalf("entry %d: got %v, want %v (%v, %v)", i, g.Index, w.Index, errGot, errWant)
		}
	}
}

func TestStoreValues(t *testing.T) {
	s := newTestStore(t, t.TempDir())
	if _, err := s.Get([]byte("vote")); err == nil || err.Error() != "not found" {
		t.Errorf("unknown value: got %v, want exactly %q", err, "not found")
	}
	if _, err := s.GetUint64([]byte("term")); err == nil || err.Error() != "not found" {
		t.Errorf("unknown number: got %v, want exactly %q", err, "not found")
	}
	if err := errors.Join(s.Set([]byte("vote"), []byte("me")), s.SetUint64([]byte("term"), 7)); err != nil {
		t.Fatal(err)
	}
	vote, err := s.Get([]byte("vote"))
	if term, err2 := s.GetUint64([]byte("term")); string(vote) != "me" || term != 7 || err != nil || err2 != nil {
		t.Errorf("got %q, %d, %v, %v", vote, term, err, err2)
	}
	if _, err := s.GetUint64([]byte("vote")); err == nil {
		t.Error("two bytes were read as a number")
	}
}

func TestSnapshots(t *testing.T) {
	dir := t.TempDir()
	s := newTestStore(t, dir)
	shots := snapshots{s}
	if list, err := shots.List(); err != nil || len(list) != 0 {
		t.Fatalf("empty store lists %v, %v", list, err)
	}
	for _, index := range []uint64{10, 20} {
		if err := saveSnapshot(shots, index); err != nil {
			t.Fatal(err)
		}
	}
	to, _ := shots.Create(1, 30, 4, raft.Configuration{}, 1, nil)
	if _, err := to.Write(make([]byte, MaxSnapshot+1)); err == nil {
		t.Error("a large snapshot was taken")
	}
	s.Close()
	shots = snapshots{newTestStore(t, dir)}
	list, err := shots.List()
	if err != nil || len(list) != 1 || list[0].Index != 20 {
		t.Fatalf("got %v, %v, want the snapshot at 20", list, err)
	}
	_, from, err := shots.Open(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(from); string(text) != "checkpoint" {
		t.Errorf("got text %q", text)
	}
	if _, _, err := shots.Open("4-10"); err == nil {
		t.Error("a replaced snapshot was opened")
	}
}

// TestStoreKilled writes in a child process, kills it, and expects every
// acknowledged entry.
func TestStoreKilled(t *testing.T) {
	if dir := os.Getenv("ORDER_TEST_STORE"); dir != "" {
		writeUntilKilled(t, dir)
	}
	dir := t.TempDir()
	for range 5 {
		child := exec.Command(os.Args[0], "-test.run=^TestStoreKilled$")
		child.Env = append(os.Environ(), "ORDER_TEST_STORE="+dir)
		var out bytes.Buffer
		child.Stdout = &out
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		child.Process.Kill()
		child.Wait()
		lines := strings.Split(out.String(), "\n")
		var acked uint64
		if len(lines) > 1 {
			fmt.Sscan(lines[len(lines)-2], &acked)
		}
		s := newTestStore(t, dir)
		k, err := newKeeper(newStorage(s), acked, nil, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		k.term.Store(1)
		if err := k.check(); err != nil {
			t.Errorf("after a kill with %d acknowledged: %v", acked, err)
		}
		s.Close()
	}
}

func writeUntilKilled(t *testing.T, dir string) {
	s := newTestStore(t, dir)
	for i := s.last + 1; ; i++ {
		if err := s.StoreLog(&raft.Log{Index: i, Term: 1, Data: make([]byte, 4<<10)}); err != nil {
			t.Fatal(err)
		}
		fmt.Println(i)
	}
}

func TestDamageIsReported(t *testing.T) {
	healthy := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "raft")
		s := newTestStore(t, dir)
		for i := uint64(1); i <= 20; i++ {
			if err := s.StoreLog(&raft.Log{Index: i, Term: 1, Data: bytes.Repeat([]byte("entry"), 100)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(s.SetUint64(keyTerm, 1), s.Close()); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	withStore := func(do func(*store) error) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			s := newTestStore(t, dir)
			if err := errors.Join(do(s), s.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name   string
		damage func(*testing.T, string)
		want   error
	}{
		{"none", func(*testing.T, string) {}, nil},
		{"empty files of a kill", func(t *testing.T, dir string) {
			for _, name := range []string{"99999.mem", "099999.vlog"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, nil},
		{"no manifest", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("garbage"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ErrDamaged},
		{"a flipped byte", flipInTables, ErrDamaged},
		{"a hole", withStore(func(s *store) error {
			return s.inTransactions(1, func(_ int, set func(k, v []byte) error) error { return set(entryKey(7), nil) })
		}), ErrDamaged},
		{"a lost end", withStore(func(s *store) error { return s.DeleteRange(15, 20) }), ErrDamaged},
		{"a lost beginning", withStore(func(s *store) error { return s.DeleteRange(1, 5) }), ErrDamaged},
		{"an entry without checksum", withStore(func(s *store) error {
			return s.inTransactions(1, func(_ int, set func(k, v []byte) error) error { return set(entryKey(7), []byte("entry")) })
		}), ErrDamaged},
		{"a swapped entry", withStore(func(s *store) error {
			return s.inTransactions(1, func(_ int, set func(k, v []byte) error) error {
				return set(entryKey(7), seal(entryKey(8), append(uint64Bytes(1), 0)))
			})
		}), ErrDamaged},
		{"a garbage configuration", withStore(func(s *store) error {
			return s.StoreLog(&raft.Log{Index: 21, Term: 1, Type: raft.LogConfiguration, Data: []byte{0xc1}})
		}), ErrDamaged},
		{"an unreadable term", withStore(func(s *store) error { return s.Set(keyTerm, []byte("x")) }), ErrDamaged},
		{"an unreadable snapshot", withStore(func(s *store) error { return s.Set(keySnapshot, []byte("x")) }), ErrDamaged},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := healthy(t)
			test.damage(t, dir)
			h := newTestHost(t, anyPort)
			n := &testNode{t: t, host: h, dir: dir, applied: 18, at: make(map[string]time.Time)}
			n.members = func() []peer.ID { return []peer.ID{h.ID()} }

			o, err := Open(n.config(nil))
			if err == nil {
				defer o.Close()
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// flipInTables changes one byte in the middle of an entry's data.
func flipInTables(t *testing.T, dir string) {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*.sst"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.LastIndex(b, []byte("entryentry")); i >= 0 {
			b[i] ^= 1
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no table holds an entry")
}

func BenchmarkStore(b *testing.B) {
	for _, size := range []int{1 << 10, 512 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s := newTestStore(b, b.TempDir())
			b.SetBytes(int64(size))
			for i := range b.N {
				if err := s.StoreLog(&raft.Log{Index: uint64(i) + 1, Term: 1, Data: make([]byte, size)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
