package chain

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

func folderSize(b *testing.B, dir string) int64 {
	b.Helper()
	var size int64
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		size += info.Size()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkBlock executes, prepares and finalises blocks of 500 records whose signatures were checked before, and tells
// what that costs for each record: processor time with all that the store does behind, and disk when the folder is closed.
func BenchmarkBlock(b *testing.B) {
	const records = 500
	w := newTestWorld(b)
	dir := b.TempDir()
	c := w.open(b, dir, Options{})
	w.genesisBlock(b, c)
	var notes [][]byte
	var checked []map[tlog.Hash]*checking
	for n := range b.N {
		known := map[tlog.Hash]*checking{}
		for i := range records {
			r := w.sign(b, w.statement(n*records+i))
			notes = append(notes, r.Note)
			entry := &checking{Checked: Checked{Leaf: r.Leaf(), Record: r}}
			entry.once.Do(func() {})
			known[r.Leaf()] = entry
		}
		checked = append(checked, known)
	}
	b.ResetTimer()
	before := processorTime(b)
	for n := range b.N {
		c.checker.young = checked[n]
		w.add(b, c, notes[n*records:(n+1)*records]...)
	}
	b.StopTimer()
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	total := float64(b.N * records)
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/total, "cpu-us/record")
	b.ReportMetric(float64(folderSize(b, dir))/total, "disk-B/record")
	b.ReportMetric(float64(len(notes[0])), "note-B")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
