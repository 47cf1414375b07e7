package fullnode

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func openTestJournal(t *testing.T, path string) (*journal, [][]byte) {
	t.Helper()
	j, notes, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.close() })
	return j, notes
}

func TestJournalKeepsWhatWasPromised(t *testing.T) {
	note := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 100) }
	for _, tt := range []struct {
		name   string
		damage func(data []byte) []byte
		want   []int
	}{
		{"whole", func(data []byte) []byte { return data }, []int{0, 1, 2}},
		{"torn at the end", func(data []byte) []byte { return data[:len(data)-1] }, []int{0, 1}},
		{"a torn head", func(data []byte) []byte { return append(data, 1, 2, 3) }, []int{0, 1, 2}},
		{"a bit of the first note", func(data []byte) []byte { data[50] ^= 1; return data }, []int{1, 2}},
		{"a bit of the second checksum", func(data []byte) []byte { data[105] ^= 1; return data }, []int{0, 2}},
		{"a length beyond the file", func(data []byte) []byte { data[4] = 0xff; data[5] = 0xff; data[6] = 0x7f; return data }, nil},
		{"empty", func([]byte) []byte { return nil }, nil},
		{"noise", func([]byte) []byte { return bytes.Repeat([]byte{0xa5}, 1000) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal")
			j, _ := openTestJournal(t, path)
			for i := range 3 {
				if err := j.append(note(i)); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tt.damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			_, got := openTestJournal(t, path)
			var want [][]byte
			for _, i := range tt.want {
				want = append(want, note(i))
			}
			if fmt.Sprintf("%s", got) != fmt.Sprintf("%s", want) {
				t.Errorf("got %s, want %s", got, want)
			}
			if _, again := openTestJournal(t, path); len(again) != len(got) {
				t.Errorf("opened again: %d notes, want %d", len(again), len(got))
			}
		})
	}
}

// Appends that come together share a sync, and none is lost to a rewrite.
func TestJournalRewriteWhileAppending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := openTestJournal(t, path)
	var mu sync.Mutex
	var promised [][]byte
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 20 {
				note := fmt.Appendf(nil, "note %d of %d", i, w)
				mu.Lock()
				promised = append(promised, note) // as the pool does, before it is on disk
				mu.Unlock()
				if err := j.append(note); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		err := j.rewrite(func() [][]byte {
			mu.Lock()
			defer mu.Unlock()
			return bytes.Split(bytes.Join(promised, []byte("\n")), []byte("\n"))
		})
		if err != nil {
			t.Error(err)
		}
	}
	writers.Wait()
	_, got := openTestJournal(t, path)
	have := map[string]bool{}
	for _, n := range got {
		have[string(n)] = true
	}
	for _, n := range promised {
		if !have[string(n)] {
			t.Errorf("lost %q", n)
		}
	}
}
