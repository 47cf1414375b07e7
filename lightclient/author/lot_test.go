package author

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/proof"
)

// TestLots proves each of so many entries after the lot was opened again.
func TestLots(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 64, 1000, 1023} {
		o := &Outbox{Dir: filepath.Join(t.TempDir(), "outbox")}
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		l, err := o.beginLot([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		var leaves []tlog.Hash
		for i := range n {
			entry := fmt.Sprintf(`{"n":%d}`, i)
			leaves = append(leaves, tlog.RecordHash([]byte(entry)))
			if err := l.add(fmt.Sprintf("%s %d\n", file, i), info, entry); err != nil {
				t.Fatal(err)
			}
		}
		root, err := tlog.TreeHash(l.count, l)
		if err == nil {
			err = l.settle(o.lotPath("settled"))
		}
		if err != nil {
			t.Fatal(err)
		}
		l.close()
		again, err := openLot(o.lotPath("settled"))
		if err != nil || again.count != int64(n) {
			t.Fatalf("%d files: %d, %v", n, again.count, err)
		}
		seen := int64(0)
		err = again.each(func(index int64, f lotFile) error {
			path, err := tlog.ProveRecord(again.count, index, again)
			if err == nil {
				err = tlog.CheckRecord(path, int64(n), root, index, leaves[index])
			}
			if index != seen || f.path != fmt.Sprintf("%s %d\n", file, index) || f.entry != fmt.Sprintf(`{"n":%d}`, index) {
				t.Errorf("%d: %+v", index, f)
			}
			seen++
			return err
		})
		if err != nil || seen != int64(n) {
			t.Errorf("%d of %d files: %v", seen, n, err)
		}
		again.close()
		if err := os.Truncate(filepath.Join(o.lotPath("settled"), "hashes"), int64(n)*tlog.HashSize/2+1); err != nil {
			t.Fatal(err)
		}
		if _, err := openLot(o.lotPath("settled")); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut: %v", err)
		}
	}
}

// TestLotGoesOn cuts what an earlier run wrote at every byte: what is recalled of it is whole, or digested again.
func TestLotGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := proof.Entry{Name: "a}"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := lotFile{file, string(entry), info.Size(), info.ModTime().UnixNano()}.line()
	for cut := range len(text) + 1 {
		o := &Outbox{Dir: filepath.Join(t.TempDir(), "outbox")}
		l, err := o.beginLot([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		l.close()
		if err := os.WriteFile(filepath.Join(l.folder, "files"), []byte(text[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err = o.beginLot([]string{file}); err != nil {
			t.Fatal(err)
		}
		got, known := l.recall(file, info)
		l.close()
		if whole := cut >= len(text)-1; known != whole || known && got != string(entry) {
			t.Errorf("cut after %d of %d bytes: recalled %v, %q", cut, len(text), known, got)
		}
	}
}

// FuzzLotFile reads lines: what is read is written the same way again.
func FuzzLotFile(f *testing.F) {
	entry, err := proof.Entry{Name: "港口"}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{"a", "inva\xfflid", "new\nline", `quo"te`, " "} {
		f.Add(lotFile{path, string(entry), 5, 1 << 60}.line())
	}
	f.Add(`"a" 1 2`)
	f.Add(`"a`)
	f.Fuzz(func(t *testing.T, line string) {
		one, err := parseLotFile(line)
		if err != nil {
			return
		}
		if again, err := parseLotFile(one.line()[:len(one.line())-1]); err != nil || again != one {
			t.Errorf("%q: got %+v, want %+v, %v", line, again, one, err)
		}
	})
}
