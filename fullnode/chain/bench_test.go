package chain

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
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
	notes := w.notes(b, 0, b.N*records)
	var spent time.Duration
	b.ResetTimer()
	for n := range b.N {
		b.StopTimer()
		block := notes[n*records : (n+1)*records]
		c.checker.young = known(b, block)
		b.StartTimer()
		before := processorTime(b)
		w.add(b, c, block...)
		spent += processorTime(b) - before
	}
	before := processorTime(b)
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	spent += processorTime(b) - before
	b.StopTimer()
	total := float64(b.N * records)
	b.ReportMetric(float64(spent.Microseconds())/total, "cpu-us/record")
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

// known is what a checker remembers of notes that it checked.
func known(b *testing.B, notes [][]byte) map[tlog.Hash]*checking {
	b.Helper()
	results := map[tlog.Hash]*checking{}
	for _, n := range notes {
		u, err := ledger.ParseRecord(n)
		if err != nil {
			b.Fatal(err)
		}
		entry := &checking{Checked: Checked{Leaf: u.Leaf(), Record: &ledger.Record{UnverifiedRecord: *u}}}
		entry.once.Do(func() {})
		results[entry.Leaf] = entry
	}
	return results
}

// BenchmarkCatchUp imports 10,000 blocks, of which every tenth has ten records, as a node does that was away.
func BenchmarkCatchUp(b *testing.B) {
	const blocks = 10_000
	w := newTestWorld(b)
	from := w.open(b, b.TempDir(), Options{})
	defer from.Close()
	w.genesisBlock(b, from)
	for h := 1; h < blocks; h++ {
		var notes [][]byte
		if h%10 == 0 {
			notes = w.notes(b, h, h+10)
		}
		cand := execute(b, from, notes...)
		if err := from.Finalize(cand, w.certify(b, cand.Tree)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		to := w.open(b, b.TempDir(), Options{})
		for h := range ledger.Height(blocks) {
			block, err := from.Block(h)
			if err != nil {
				b.Fatal(err)
			}
			cert, err := from.Certificate(h)
			if err != nil {
				b.Fatal(err)
			}
			if err := to.Import(block, cert); err != nil {
				b.Fatal(err)
			}
		}
		if err := to.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(blocks/(b.Elapsed().Seconds()/float64(b.N)), "blocks/s")
}
