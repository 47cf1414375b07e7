package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"evident/lightclient"
	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/testnode"
	"evident/lightclient/transfer"
)

// fakeStamper takes files to proofs as the test says.
type fakeStamper struct {
	hash, send chan struct{}      // closed: go on
	refuse     error              // what becomes of a signed record
	fail       func(string) error // instead of signing

	mu          sync.Mutex
	down        bool
	outbox      []author.Entry
	signatures  map[string]int // by path
	hashing     int
	under       int
	mostHashing int
	mostUnder   int
	stubborn    bool          // signs although it was called back
	copies      int           // receipts for a sealed file
	retry       time.Duration // of the queue; 0: as it is
	reached     int
	offered     []int         // how many members were missing
	hold        chan struct{} // offers wait for it, or for their end
	unheld      int           // offers that were ended
}

func newFake() *fakeStamper {
	f := &fakeStamper{hash: make(chan struct{}), send: make(chan struct{}), signatures: map[string]int{}}
	close(f.hash)
	close(f.send)
	return f
}

func (f *fakeStamper) offer(ctx context.Context, _ author.Stamped, missing int) error {
	f.mu.Lock()
	f.offered = append(f.offered, missing)
	hold := f.hold
	f.mu.Unlock()
	if hold == nil {
		return nil
	}
	select {
	case <-hold:
	case <-ctx.Done():
		f.mu.Lock()
		defer f.mu.Unlock()
		f.unheld++
	}
	return nil
}

func (f *fakeStamper) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *fakeStamper) tries() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reached
}

func (f *fakeStamper) reach(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reached++
	if f.down {
		return lightclient.ErrUnavailable
	}
	return nil
}

func (f *fakeStamper) signed() ([]author.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.outbox), nil
}

// keepers counts every receipt as one of a member; two are wanted.
func (f *fakeStamper) keepers(receipts []transfer.Receipt) ([]service.Keeper, int) {
	return make([]service.Keeper, len(receipts)), 2
}

func (f *fakeStamper) stamp(ctx context.Context, o order, report func(author.Progress)) (outcome, error) {
	path := o.Path
	f.count(1, 1)
	defer f.count(0, -1)
	report(author.Progress{Path: path, Stage: author.Digesting, Done: 5, Total: 10})
	select {
	case <-f.hash:
	case <-ctx.Done():
		if !f.stubborn {
			f.count(-1, 0)
			return outcome{}, ctx.Err()
		}
	}
	f.count(-1, 0)
	if f.fail != nil {
		if err := f.fail(path); err != nil {
			return outcome{}, err
		}
	}
	f.mu.Lock()
	if o.Mode == "sealed" {
		report(author.Progress{Path: path, Stage: author.Sending, Done: 10, Total: 10})
	}
	entry := author.Entry{ID: sha256.Sum256([]byte(path)), Path: path}
	f.outbox = append(f.outbox, entry)
	f.signatures[path]++
	f.mu.Unlock()
	done, err := f.finish(ctx, entry, report)
	return outcome{Stamped: done}, err
}

func (f *fakeStamper) count(hashing, under int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hashing, f.under = f.hashing+hashing, f.under+under
	f.mostHashing, f.mostUnder = max(f.mostHashing, f.hashing), max(f.mostUnder, f.under)
}

func (f *fakeStamper) finish(ctx context.Context, entry author.Entry, report func(author.Progress)) (author.Stamped, error) {
	report(author.Progress{Path: entry.Path, Stage: author.Submitting})
	select {
	case <-f.send:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return author.Stamped{}, fmt.Errorf("not final yet: %w", ctx.Err())
	}
	report(author.Progress{Path: entry.Path, Stage: author.Received})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.copies == 1 { // too few, so the record stays
		report(author.Progress{Path: entry.Path, Stage: author.Storing})
	} else {
		f.outbox = slices.DeleteFunc(f.outbox, func(e author.Entry) bool { return e.ID == entry.ID })
	}
	if f.refuse != nil {
		return author.Stamped{}, f.refuse
	}
	record := lightclient.Record{Record: &ledger.Record{UnverifiedRecord: ledger.UnverifiedRecord{ID: entry.ID}}}
	return author.Stamped{Path: entry.Path, Proof: entry.Path + ".evident", Record: record, Receipts: make([]transfer.Receipt, f.copies)}, nil
}

func (f *fakeStamper) resume(ctx context.Context, report func(author.Progress), done func(string, author.Stamped, error)) error {
	entries, _ := f.signed()
	for _, e := range entries {
		s, err := f.finish(ctx, e, report)
		done(e.Path, s, err)
	}
	return nil
}

// bench is a queue that works, and what it told.
type bench struct {
	*queue
	stamper *fakeStamper
	end     func()

	mu   sync.Mutex
	told map[string][]string // states by path
}

// newBench opens the queue at path and starts it.
func newBench(t *testing.T, f *fakeStamper, path string) *bench {
	t.Helper()
	b := &bench{stamper: f, told: map[string][]string{}}
	b.queue = newQueue(f, path, func(event any) {
		e, ok := event.(service.StampEvent)
		if !ok {
			return
		}
		j := e.Job
		b.mu.Lock()
		defer b.mu.Unlock()
		if states := b.told[j.Path]; len(states) == 0 || states[len(states)-1] != j.State {
			b.told[j.Path] = append(states, j.State)
		}
	})
	if f.retry > 0 {
		b.retry = f.retry
	}
	if err := b.open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { b.run(ctx) })
	b.end = sync.OnceFunc(func() {
		cancel()
		work.Wait()
		b.close()
	})
	t.Cleanup(b.end)
	return b
}

func (b *bench) hand(t *testing.T, paths ...string) []service.StampJob {
	t.Helper()
	jobs, err := b.add(service.StampParams{Paths: paths})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return jobs
}

// states are those of the jobs, in their order.
func (b *bench) states() []string {
	var states []string
	for _, j := range b.status().Jobs {
		states = append(states, j.State)
	}
	return states
}

func (b *bench) waiting(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	j := journal{live: map[string]order{}, rank: map[string]int{}}
	if err := j.replay(data); err != nil {
		t.Fatal(err)
	}
	return len(j.live)
}

func queueFile(t *testing.T) string { return filepath.Join(t.TempDir(), "queue") }

func TestQueueTakesFilesToProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newFake(), queueFile(t))
		b.hand(t, "/f/a", "/f/b 港口.jpg")
		for _, j := range b.status().Jobs {
			if j.State != final || j.ProofPath != j.Path+".evident" || j.Record == "" {
				t.Errorf("%s: %+v", j.Path, j)
			}
			if got, want := b.told[j.Path], []string{queued, hashing, sending, waitingOn, final}; !slices.Equal(got, want) {
				t.Errorf("%s: told %q, want %q", j.Path, got, want)
			}
		}
		if n := b.waiting(t); n != 0 {
			t.Errorf("%d files still wait", n)
		}
	})
}

func TestCancel(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*fakeStamper)
		refused string
		want    string
	}{
		{"while it waits", func(f *fakeStamper) { f.down = true }, "", cancelled},
		{"while it is hashed", func(f *fakeStamper) { f.hash = make(chan struct{}) }, "", cancelled},
		{"after it was signed", func(f *fakeStamper) { f.send = make(chan struct{}) }, "signed", sending},
		{"after its end", func(*fakeStamper) {}, "", final},
		// Between the digest and the signature nobody can be stopped any more.
		{"too late", func(f *fakeStamper) { f.hash, f.stubborn = make(chan struct{}), true }, "", final},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				tt.prepare(f)
				b := newBench(t, f, queueFile(t))
				jobs := b.hand(t, "/f/a")
				err := b.cancel(jobs[0].Job)
				var refused *service.Error
				if errors.As(err, &refused); (refused == nil) != (tt.refused == "") || refused != nil && refused.Code != tt.refused {
					t.Errorf("cancel: %v, want the code %q", err, tt.refused)
				}
				sleep(t.Context(), 2*b.retry)
				synctest.Wait()
				if got := b.states(); !slices.Equal(got, []string{tt.want}) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if n := b.waiting(t); n != 0 {
					t.Errorf("%d files still wait", n)
				}
			})
		})
	}
}

func TestWithoutANodeFilesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.down = true
		tries := 0
		f.fail = func(string) error { // the node goes away again after the digest
			if tries++; tries == 1 {
				return fmt.Errorf("sign: %w", lightclient.ErrUnavailable)
			}
			return nil
		}
		b := newBench(t, f, queueFile(t))
		b.hand(t, "/f/a")
		sleep(t.Context(), 10*b.retry)
		if got := b.states(); !slices.Equal(got, []string{queued}) {
			t.Fatalf("without a node: %q", got)
		}
		if n := f.tries(); n > 12 {
			t.Errorf("%d tries in %v", n, 10*b.retry)
		}
		f.setDown(false)
		sleep(t.Context(), 3*b.retry)
		synctest.Wait()
		if got := b.states(); !slices.Equal(got, []string{final}) || tries != 2 {
			t.Errorf("with a node: %q after %d tries", got, tries)
		}
	})
}

func TestWhatFailsSaysWhy(t *testing.T) {
	refusal := &lightclient.Refused{Member: "court.example", Refusal: ledger.Refusal{Reason: ledger.Reason{Rule: "text", En: "too long"}}}
	tests := []struct {
		name         string
		fail, refuse error
		want         string
	}{
		{"gone", fmt.Errorf("stamp: %w", os.ErrNotExist), nil, "The file is not there."},
		{"unreadable", fmt.Errorf("stamp: %w", os.ErrPermission), nil, "The file cannot be read."},
		{"refused", nil, refusal, "court.example refused the record by rule text: too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.refuse, f.fail = tt.refuse, func(string) error { return tt.fail }
				b := newBench(t, f, queueFile(t))
				b.hand(t, "/f/a")
				j := b.status().Jobs[0]
				if j.State != failedJob || !strings.HasPrefix(j.Error, tt.want) || j.Hint == "" {
					t.Errorf("got %s: %q, %q", j.State, j.Error, j.Hint)
				}
				if n := b.waiting(t); n != 0 {
					t.Errorf("%d files still wait", n)
				}
			})
		})
	}
}

// TestNothingIsLostOrStampedTwice ends the program at every step, and starts it again.
func TestNothingIsLostOrStampedTwice(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*fakeStamper)
		during  string
	}{
		{"while it waits", func(f *fakeStamper) { f.down = true }, queued},
		{"while it is hashed", func(f *fakeStamper) { f.hash = make(chan struct{}) }, hashing},
		{"while it is sent", func(f *fakeStamper) { f.send = make(chan struct{}) }, sending},
		{"after its end", func(*fakeStamper) {}, final},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, path := newFake(), queueFile(t)
				tt.prepare(f)
				b := newBench(t, f, path)
				b.hand(t, "/f/a")
				if got := b.states(); !slices.Equal(got, []string{tt.during}) {
					t.Fatalf("before the end: %q, want %q", got, tt.during)
				}
				b.end()
				next := newFake()
				next.outbox, next.signatures = f.outbox, f.signatures
				b = newBench(t, next, path)
				synctest.Wait()
				for _, state := range b.states() {
					if state != final {
						t.Errorf("after the next start: %s", state)
					}
				}
				if n := next.signatures["/f/a"]; n != 1 {
					t.Errorf("signed %d times", n)
				}
				if entries, _ := next.signed(); len(entries) != 0 || b.waiting(t) != 0 {
					t.Errorf("left: %d in the outbox, %d waiting", len(entries), b.waiting(t))
				}
			})
		})
	}
}

// TestSignedJustBeforeTheEnd is the moment between the outbox and the journal.
func TestSignedJustBeforeTheEnd(t *testing.T) {
	note := testnode.New(4).Deposit("ada", "")
	r, err := ledger.OpenRecord(note)
	if err != nil {
		t.Fatal(err)
	}
	entry := author.Entry{ID: r.ID, Note: string(note), Path: "/f/a"}
	tests := []struct {
		name string
		file order
		want int // jobs
	}{
		{"this file", order{Job: "1", Path: "/f/a", At: r.At}, 1},
		{"another file", order{Job: "1", Path: "/f/b", At: r.At}, 2},
		{"this file, handed over again", order{Job: "1", Path: "/f/a", At: r.At + 1}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := queueFile(t)
			if err := os.WriteFile(path, lines([]order{tt.file}), 0o600); err != nil {
				t.Fatal(err)
			}
			f := newFake()
			f.outbox = []author.Entry{entry}
			q := newQueue(f, path, func(any) {})
			if err := q.open(); err != nil {
				t.Fatal(err)
			}
			defer q.close()
			if got := q.status().Jobs; len(got) != tt.want {
				t.Errorf("got %d jobs, want %d", len(got), tt.want)
			}
		})
	}
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.hash, f.send = make(chan struct{}), make(chan struct{})
		b := newBench(t, f, queueFile(t))
		var paths []string
		for i := range 300 {
			paths = append(paths, fmt.Sprintf("/f/%d", i))
		}
		b.hand(t, paths...)
		if f.mostHashing != maxHashing {
			t.Errorf("%d files hashed side by side, want %d", f.mostHashing, maxHashing)
		}
		close(f.hash)
		synctest.Wait()
		if f.mostUnder != maxUnderWay || f.mostHashing != maxHashing {
			t.Errorf("%d under way, %d hashed side by side; want %d and %d", f.mostUnder, f.mostHashing, maxUnderWay, maxHashing)
		}
		close(f.send)
		synctest.Wait()
		if n := b.unfinished(); n != 0 {
			t.Errorf("%d files are not done", n)
		}
	})
}

// TestAdd hands over, with the queue at rest, and looks at the jobs; a folder's come later.
func TestAdd(t *testing.T) {
	folder := tree(t, "a.jpg", "b b.pdf", "a.jpg.evident", ".hidden", "sub/港.png", ".git/x", "empty")
	tests := []struct {
		name    string
		params  service.StampParams
		want    []string // below the folder
		folders int
		refused bool
	}{
		{name: "a folder", params: service.StampParams{Paths: []string{folder}}, folders: 1},
		{name: "a folder together", params: service.StampParams{Paths: []string{folder}, Together: true}, want: []string{"."}},
		{name: "files together", params: service.StampParams{Paths: []string{folder + "/a.jpg", folder + "/empty"}, Together: true}, want: []string{"a.jpg"}},
		{name: "a proof by name", params: service.StampParams{Paths: []string{folder + "/a.jpg.evident"}}, want: []string{"a.jpg.evident"}},
		{name: "the same file twice", params: service.StampParams{Paths: []string{folder + "/a.jpg", folder + "/sub/../a.jpg"}}, want: []string{"a.jpg"}},
		{name: "a file that is gone", params: service.StampParams{Paths: []string{folder + "/gone"}}, want: []string{"gone"}},
		{name: "sealed", params: service.StampParams{Paths: []string{folder + "/a.jpg"}, Mode: "sealed"}, want: []string{"a.jpg"}},
		{name: "no file", refused: true},
		{name: "sealed together", params: service.StampParams{Paths: []string{folder}, Mode: "sealed", Together: true}, refused: true},
		{name: "no such mode", params: service.StampParams{Paths: []string{folder}, Mode: "secret"}, refused: true},
		{name: "an empty folder", params: service.StampParams{Paths: []string{t.TempDir()}}, refused: true},
		{name: "nothing together", params: service.StampParams{Paths: []string{t.TempDir()}, Together: true}, refused: true},
		{name: "a relative path", params: service.StampParams{Paths: []string{"a.jpg"}}, refused: true},
		{name: "a long statement", params: service.StampParams{Paths: []string{folder}, Statement: strings.Repeat("港", maxStatement+1)}, refused: true},
		{name: "too many", params: service.StampParams{Paths: make([]string, maxUnfinished+1)}, refused: true},
	}
	for i := range tests[len(tests)-1].params.Paths {
		tests[len(tests)-1].params.Paths[i] = fmt.Sprintf("/f/%d", i)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQueue(newFake(), queueFile(t), func(any) {})
			if err := q.open(); err != nil {
				t.Fatal(err)
			}
			defer q.close()
			jobs, err := q.add(tt.params)
			if (err != nil) != tt.refused {
				t.Fatalf("add: %v", err)
			}
			var got []string
			for _, j := range jobs {
				name, _ := filepath.Rel(folder, j.Path)
				got = append(got, name)
			}
			if !slices.Equal(got, tt.want) || len(q.folders) != tt.folders {
				t.Errorf("got %q and %d folders, want %q and %d", got, len(q.folders), tt.want, tt.folders)
			}
			again, err := q.add(tt.params)
			if err == nil && !tt.params.Together && !reflect.DeepEqual(again, jobs) {
				t.Errorf("handed over again: %+v", again)
			}
		})
	}
}

// tree makes a folder of files, each with its name as its content.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestFinishedJobsAreForgottenInTime(t *testing.T) {
	q := newQueue(newFake(), queueFile(t), func(any) {})
	for i := range maxFinished + 20 {
		j := newJob(order{Job: fmt.Sprint(i), Path: "/f/a"})
		if j.State = final; i%10 == 0 {
			j.State = queued
		}
		q.jobs = append(q.jobs, j)
	}
	q.forget()
	if done := len(q.jobs) - q.unfinished(); q.unfinished() != 102 || done > maxFinished {
		t.Errorf("%d unfinished and %d finished", q.unfinished(), done)
	}
}
