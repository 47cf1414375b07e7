package guard

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

const origin = "harbour.example/0123456789abcdef"

// chainLog is a chain of headers with its stored hashes.
type chainLog struct {
	headers []ledger.Header
	stored  []tlog.Hash
}

func (l *chainLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		if i >= int64(len(l.stored)) {
			return nil, fmt.Errorf("hash %d is not stored", i)
		}
		out = append(out, l.stored[i])
	}
	return out, nil
}

// next returns the block that would follow; label makes variants of it.
func (l *chainLog) next(label string) Block {
	b := Block{Log: l, Header: ledger.Header{Ledger: origin, Height: ledger.Height(len(l.headers)),
		Time: 1_000_000 + int64(len(l.headers)), State: tlog.RecordHash([]byte(label))}}
	if n := len(l.headers); n > 0 {
		parent := l.headers[n-1]
		b.Parent, b.Header.Parent = &parent, parent.Hash()
		root, err := tlog.TreeHash(int64(n), l)
		if err != nil {
			panic(err)
		}
		b.Final = &ledger.Certificate{Tree: tlog.Tree{N: int64(n), Hash: root}}
	}
	return b
}

func (l *chainLog) finalize(h ledger.Header) {
	hashes, err := tlog.StoredHashesForRecordHash(int64(len(l.headers)), h.Hash(), l)
	if err != nil {
		panic(err)
	}
	l.headers, l.stored = append(l.headers, h), append(l.stored, hashes...)
}

func clockAt(ms int64) func() time.Time { return func() time.Time { return time.UnixMilli(ms) } }

func newGuard(t *testing.T) (*Guard, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "guard")
	if _, err := Create(dir, "court.example"); err != nil {
		t.Fatal(err)
	}
	return reopen(t, dir, clockAt(2_000_000)), dir
}

func reopen(t *testing.T, dir string, now func() time.Time) *Guard {
	t.Helper()
	g, err := Open(dir, origin, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func TestCosignFollowsTheRule(t *testing.T) {
	grown := func() *chainLog {
		l := new(chainLog)
		for range 5 {
			l.finalize(l.next("x").Header)
		}
		return l
	}
	tests := []struct {
		name   string
		change func(b *Block)
		want   error
	}{
		{"the next block", func(*Block) {}, nil},
		{"S2 no certificate of the parent", func(b *Block) { b.Final = nil }, ErrParent},
		{"S2 certificate of another height", func(b *Block) { b.Final = &ledger.Certificate{Tree: tlog.Tree{N: 3}} }, ErrParent},
		{"S2 certificate of another tree", func(b *Block) { b.Final = &ledger.Certificate{Tree: tlog.Tree{N: 5}} }, ErrHistory},
		{"S2 another parent", func(b *Block) { b.Header.Parent = tlog.Hash{} }, ErrParent},
		{"S4 not after its parent", func(b *Block) { b.Header.Time = b.Parent.Time }, ErrClock},
		{"S4 two seconds ahead", func(b *Block) { b.Header.Time = 2_002_000 }, nil},
		{"S4 further ahead", func(b *Block) { b.Header.Time = 2_002_001 }, ErrClock},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, _ := newGuard(t)
			b := grown().next("y")
			tt.change(&b)
			tree, c, err := g.Cosign(b)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if err == nil {
				if _, err := g.Cosigner().Open(origin, tree, c.Lines); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestNeverTwice(t *testing.T) {
	g, dir := newGuard(t)
	l := new(chainLog)
	for range 3 {
		l.finalize(l.next("x").Header)
	}
	_, first, err := g.Cosign(l.next("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Cosign(l.next("b")); !errors.Is(err, ErrSigned) {
		t.Errorf("S1 another tree of the same size: got %v", err)
	}
	g.Close()
	g = reopen(t, dir, clockAt(2_500_000))
	if _, _, err := g.Cosign(l.next("b")); !errors.Is(err, ErrSigned) {
		t.Errorf("S1 after a restart: got %v", err)
	}
	_, again, err := g.Cosign(l.next("a"))
	if err != nil || again.Lines != first.Lines {
		t.Errorf("the same tree gives %q, %v, want the same bytes again", again.Lines, err)
	}
	other := new(chainLog) // another history that is longer
	for range 8 {
		other.finalize(other.next("z").Header)
	}
	if _, _, err := g.Cosign(other.next("a")); !errors.Is(err, ErrHistory) {
		t.Errorf("S2 a tree that does not extend ours: got %v", err)
	}
}

// TestCrashBeforeTheKey stops after the record is on disk and before the key
// was used: the same tree may be signed again, to the same bytes, and no other.
func TestCrashBeforeTheKey(t *testing.T) {
	g, dir := newGuard(t)
	l := new(chainLog)
	b := l.next("a")
	tree, err := extend(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.file.write(signed{tree: tree, seconds: 1234}); err != nil {
		t.Fatal(err)
	}
	g.Close()
	g = reopen(t, dir, clockAt(9_000_000))
	if _, _, err := g.Cosign(l.next("b")); !errors.Is(err, ErrSigned) {
		t.Errorf("another tree: got %v", err)
	}
	_, c, err := g.Cosign(b)
	if err != nil || c.Time != 1234 {
		t.Errorf("the same tree: time %d, %v, want the recorded 1234", c.Time, err)
	}
}

func TestCopiesDoNotSign(t *testing.T) {
	g, dir := newGuard(t)
	if _, _, err := g.Cosign(new(chainLog).next("a")); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "guard")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(copied, origin, time.Now); !errors.Is(err, ErrCopied) {
		t.Errorf("got %v, want %v", err, ErrCopied)
	}
}

func TestOneProcess(t *testing.T) {
	_, dir := newGuard(t)
	if _, err := Open(dir, origin, time.Now); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want %v", err, ErrInUse)
	}
	if _, err := Create(dir, "court.example"); !errors.Is(err, os.ErrExist) {
		t.Errorf("create over it: got %v", err)
	}
	if _, err := Open(t.TempDir(), origin, time.Now); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty folder: got %v", err)
	}
}

// TestDamage changes every byte of the newest record: the guard either does
// not open, or signs nothing at the size that the record may have been for.
func TestDamage(t *testing.T) {
	l := new(chainLog)
	g, dir := newGuard(t)
	if _, _, err := g.Cosign(l.next("a")); err != nil {
		t.Fatal(err)
	}
	g.Close()
	path := filepath.Join(dir, "signed")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x41
		overwrite(t, path, changed)
		g, err := Open(dir, origin, clockAt(2_000_000))
		if err != nil {
			continue
		}
		g.Verified(0)
		if _, _, err := g.Cosign(l.next("b")); err == nil {
			t.Fatalf("byte %d changed: signed another tree of the same size", i)
		}
		g.Close()
	}
}

// overwrite keeps the inode, as damage does.
func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
}

func TestStopped(t *testing.T) {
	g, _ := newGuard(t)
	g.Stop(errors.New("the ledger diverged"))
	if _, _, err := g.Cosign(new(chainLog).next("a")); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v, want %v", err, ErrStopped)
	}
}

func BenchmarkCosign(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "guard")
	if _, err := Create(dir, "court.example"); err != nil {
		b.Fatal(err)
	}
	g, err := Open(dir, origin, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	l := new(chainLog)
	for b.Loop() {
		next := l.next("x")
		if _, _, err := g.Cosign(next); err != nil {
			b.Fatal(err)
		}
		l.finalize(next.Header)
	}
}
