package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// TestPause pauses at every step, starts the program again, and resumes.
func TestPause(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*fakeStamper)
		want    string
	}{
		{"while it waits", func(f *fakeStamper) { f.down = true }, paused},
		{"while it is hashed", func(f *fakeStamper) { f.hash = make(chan struct{}) }, paused},
		{"after it was signed", func(f *fakeStamper) { f.send = make(chan struct{}) }, sending},
		{"after its end", func(*fakeStamper) {}, final},
		{"too late", func(f *fakeStamper) { f.hash, f.stubborn = make(chan struct{}), true }, final},
	}
	for _, tt := range tests {
		for _, all := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, all %v", tt.name, all), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f, path := newFake(), queueFile(t)
					tt.prepare(f)
					b := newBench(t, f, path)
					jobs := b.hand(t, "/f/a")
					var ids []string
					if !all {
						ids = []string{jobs[0].Job}
					}
					if err := b.pause(ids); err != nil {
						t.Fatal(err)
					}
					sleep(t.Context(), 2*b.retry)
					f.setDown(false)
					sleep(t.Context(), 2*b.retry)
					synctest.Wait()
					if got := b.states(); !slices.Equal(got, []string{tt.want}) {
						t.Fatalf("got %q, want %q", got, tt.want)
					}
					if got := b.status().Totals.Paused; got != all {
						t.Errorf("all is paused: %v", got)
					}
					b.end()
					next := newFake()
					next.outbox, next.signatures = f.outbox, f.signatures
					b = newBench(t, next, path)
					synctest.Wait()
					if got := b.states(); tt.want == paused && !slices.Equal(got, []string{paused}) {
						t.Fatalf("after the next start: %q", got)
					}
					if err := b.resume(ids); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					if got := b.states(); tt.want != final && !slices.Equal(got, []string{final}) {
						t.Errorf("resumed: %q", got)
					}
					if n := next.signatures["/f/a"]; n != 1 {
						t.Errorf("signed %d times", n)
					}
				})
			})
		}
	}
}

func TestResumedWhileItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.hash = make(chan struct{})
		b := newBench(t, f, queueFile(t))
		b.hand(t, "/f/a")
		if err := b.pause(nil); err != nil {
			t.Fatal(err)
		}
		if err := b.resume(nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := b.states(); !slices.Equal(got, []string{hashing}) || f.mostHashing != 1 {
			t.Errorf("got %q, hashed by %d at a time", got, f.mostHashing)
		}
		close(f.hash)
		synctest.Wait()
		if got := b.states(); !slices.Equal(got, []string{final}) || f.signatures["/f/a"] != 1 {
			t.Errorf("got %q, signed %d times", got, f.signatures["/f/a"])
		}
	})
}

func TestRetry(t *testing.T) {
	refusal := &lightclient.Refused{Member: "court.example", Refusal: ledger.Refusal{}}
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.fail = func(path string) error {
			if path == "/f/unreadable" {
				return os.ErrPermission
			}
			return nil
		}
		f.refuse = refusal
		b := newBench(t, f, queueFile(t))
		b.hand(t, "/f/unreadable", "/f/refused")
		if got := b.states(); !slices.Equal(got, []string{failedJob, failedJob}) || b.status().Totals.Failed != 2 {
			t.Fatalf("got %q, %+v", got, b.status().Totals)
		}
		f.fail, f.refuse = nil, nil
		if err := b.again(b.status().Jobs[1].Job); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := b.states(); !slices.Equal(got, []string{failedJob, final}) {
			t.Errorf("one of them: %q", got)
		}
		if err := b.again(""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := b.states(); !slices.Equal(got, []string{final, final}) || b.status().Jobs[0].Error != "" || b.waiting(t) != 0 {
			t.Errorf("all: %+v", b.status().Jobs)
		}
		b.clear()
		if s := b.status(); len(s.Jobs) != 0 || s.Totals.Files != 0 {
			t.Errorf("cleared: %+v", s)
		}
	})
}

// TestFolderIsStreamed takes 5,000 files through, with the program ended in the
// middle. What is in memory stays bounded, and no file is signed twice.
func TestFolderIsStreamed(t *testing.T) {
	folder := t.TempDir()
	const files = 5000
	for i := range files {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.jpg", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		f, path := newFake(), queueFile(t)
		f.send = make(chan struct{})
		b := newBench(t, f, path)
		b.hand(t, folder)
		if n := b.unfinished(); n < maxFed || n > maxFed+fedAtOnce {
			t.Errorf("%d jobs are unfinished, want some %d", n, maxFed)
		}
		b.end()
		next := newFake()
		next.outbox, next.signatures = f.outbox, f.signatures
		b = newBench(t, next, path)
		synctest.Wait()
		if s := b.status(); s.Totals.Finished < files || s.Totals.Failed != 0 || len(s.Jobs) > maxFinished {
			t.Errorf("%+v, %d jobs shown", s.Totals, len(s.Jobs))
		}
		for i := range files {
			name := filepath.Join(folder, fmt.Sprintf("%04d.jpg", i))
			if n := next.signatures[name]; n != 1 {
				t.Fatalf("%s was signed %d times", name, n)
			}
		}
		if n := b.waiting(t); n != 0 {
			t.Errorf("%d orders are left", n)
		}
	})
}

func TestFolderWaitsWhileAllIsPausedAndIsCalledBack(t *testing.T) {
	folder := tree(t, "a", "b")
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newFake(), queueFile(t))
		if err := b.pause(nil); err != nil {
			t.Fatal(err)
		}
		b.hand(t, folder)
		if got := b.states(); len(got) != 0 || len(b.folders) != 1 {
			t.Fatalf("while all is paused: %q", got)
		}
		if err := b.cancel(""); err != nil {
			t.Fatal(err)
		}
		if err := b.resume(nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := b.states(); len(got) != 0 || b.waiting(t) != 0 {
			t.Errorf("called back: %q", got)
		}
	})
}

// TestStoring: the record is final, and the members are asked until enough of them keep the file.
func TestStoring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.copies = 1
		b := newBench(t, f, queueFile(t))
		if _, err := b.add(service.StampParams{Paths: []string{"/f/a"}, Mode: "sealed"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		j := b.status().Jobs[0]
		if j.State != storing || len(j.Stored) != 1 || j.Wanted != 2 || j.ProofPath == "" {
			t.Fatalf("one copy: %+v", j)
		}
		f.mu.Lock()
		f.copies = 2
		f.mu.Unlock()
		sleep(t.Context(), 2*b.recheck)
		synctest.Wait()
		if j := b.status().Jobs[0]; j.State != final || len(j.Stored) != 2 {
			t.Errorf("two copies: %+v", j)
		}
		if got, want := b.told["/f/a"], []string{queued, sealing, uploading, sending, waitingOn, storing, final}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}
