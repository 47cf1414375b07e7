package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"evident/lightclient/author"
	"evident/lightclient/transfer"
)

// progress shows one moving line on a terminal, and a line for each file that
// is done anywhere.
type progress struct {
	*program
	mu       sync.Mutex
	terminal bool
	total    int
	widest   int // of the files' names
	finished int
	last     time.Time

	// Bytes of all files: what counts is the slowest thing that is done to each.
	counted author.Stage
	sizes   map[string]int64
	moved   map[string]int64
	meter   transfer.Meter
	all     transfer.Progress
}

const maxName = 40 // columns

func newProgress(p *program, paths []string) *progress {
	widest := 0
	for _, path := range paths {
		widest = max(widest, min(width(plain(filepath.Base(path))), maxName))
	}
	s := &progress{program: p, terminal: p.terminal(), total: len(paths), widest: widest, counted: author.Digesting,
		sizes: map[string]int64{}, moved: map[string]int64{}}
	s.meter.Report = func(t transfer.Progress) { s.all = t }
	if !s.terminal {
		return s
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			s.sizes[path] = info.Size()
			s.meter.Total += info.Size()
		}
	}
	return s
}

const redraw = 100 * time.Millisecond

func (s *progress) report(r author.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal {
		return
	}
	s.count(r)
	if time.Since(s.last) < redraw {
		return
	}
	s.last = time.Now()
	one := s.amounts(transfer.Progress{Done: r.Done, Total: r.Total, Rate: r.Rate})
	if r.OfFiles > 0 {
		fmt.Fprintf(s.err, "\r\x1b[K  %d/%d  %s  %s  %s", r.Files, r.OfFiles, one, plain(filepath.Base(r.Path)), s.stage(r.Stage))
		return
	}
	all := ""
	if s.total > 1 {
		all = s.amounts(s.all) + "  "
	}
	fmt.Fprintf(s.err, "\r\x1b[K  %d/%d  %s%s  %s %s", s.finished, s.total, all, plain(filepath.Base(r.Path)), s.stage(r.Stage), one)
}

// count adds what a file's report says to the bytes of all.
func (s *progress) count(r author.Progress) {
	now := s.moved[r.Path]
	switch r.Stage {
	case s.counted:
		now = max(now, r.Done)
	case author.Submitting, author.Proven:
		now = s.sizes[r.Path]
	}
	if more := now - s.moved[r.Path]; more > 0 {
		s.moved[r.Path] = now
		s.meter.Add(more)
	}
}

func (s *progress) stage(stage author.Stage) string {
	return map[author.Stage]string{
		author.Digesting: s.say("reading", "读取"), author.Sending: s.say("sending the file", "发送文件"), author.Submitting: s.say("sending", "发送"), author.Received: s.say("waiting", "等待终局"),
		author.Final: s.say("final", "终局"), author.Storing: s.say("waiting for storage receipts", "等待存储回执"), author.Proving: s.say("writing proofs", "写出证明"), author.Proven: s.say("proven", "已证明"),
	}[stage]
}

func (s *progress) done(o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished++
	if s.json {
		return
	}
	if s.terminal {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	name := plain(filepath.Base(o.Path))
	switch {
	case o.Error != "":
		fmt.Fprintf(s.err, "✗ %s\n  %s\n  → %s\n", name, plain(o.Error), o.Hint)
	case o.Before:
		name = pad(name, s.widest)
		s.line("= %s  "+s.say("recorded before, in block %s", "此前已存证，在区块 %s")+"  %s", name, o.Height, moment(o.ExistedBy))
	default:
		name = pad(name, s.widest)
		stored := ""
		if n := len(o.StoredBy); n > 0 {
			stored = fmt.Sprintf(s.say("  stored by %d members", "  %d 个成员已保存"), n)
		}
		s.line("✓ %s  "+s.say("block %s", "区块 %s")+"  %s  %s%s", name, o.Height, moment(o.ExistedBy), plain(filepath.Base(o.Proof)), stored)
	}
}

func (s *progress) clear() {
	if s.terminal {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
}
