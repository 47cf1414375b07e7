package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// Limits of the queue.
const (
	maxHashing    = 2  // bound by the machine
	maxUnderWay   = 64 // bound by the time that a block takes
	maxUnfinished = 10_000
	maxFinished   = 1_000 // kept to be shown, the newest
	maxStatement  = 4096  // characters, as the contract has it
)

// States of a job.
const (
	queued    = "queued"
	hashing   = "hashing"
	sending   = "sending" // signed: from here on it cannot be called back
	waitingOn = "waiting" // a member promised to include the record
	final     = "final"
	failedJob = "failed"
	cancelled = "cancelled"
)

// stamper is the way of a file to its proof.
type stamper interface {
	reach(ctx context.Context) error
	stamp(ctx context.Context, path, text string, report func(author.Progress)) (author.Stamped, error)
	resume(ctx context.Context, report func(author.Progress), done func(string, author.Stamped, error)) error
	signed() ([]author.Entry, error)
}

// job is a file in the queue.
type job struct {
	service.StampJob
	statement string
	stop      context.CancelFunc // while hashing
	called    bool               // the user called it back while it was hashed
	told      time.Time
}

// isSigned tells whether the record lies in the outbox.
func (j *job) isSigned() bool { return j.State == sending || j.State == waitingOn }

func (j *job) isFinished() bool {
	return j.State == final || j.State == failedJob || j.State == cancelled
}

// queue takes files to their proofs, in the order they were handed over.
//
// Where the program stops, nothing is lost and nothing is stamped twice:
//   - before a file is signed, it lies in the journal, and is hashed again;
//   - after that its record lies in the outbox, and is sent again;
//   - in both, between the two writes: open sees it in the outbox.
type queue struct {
	stamper stamper
	path    string
	tell    func(service.StampJob)
	retry   time.Duration // the pause after no node could be reached

	wake   chan struct{} // a file was handed over
	resent chan struct{} // a signed record is to be sent again

	mu      sync.Mutex
	journal *journal // nil until open
	jobs    []*job
}

func newQueue(s stamper, path string, tell func(service.StampJob)) *queue {
	return &queue{stamper: s, path: path, tell: tell, retry: 5 * time.Second,
		wake: make(chan struct{}, 1), resent: make(chan struct{}, 1)}
}

// open reads what an earlier run left.
func (q *queue) open() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries, err := q.stamper.signed()
	if err != nil {
		return err
	}
	var left []waiting
	if q.journal, left, err = openJournal(q.path); err != nil {
		return err
	}
	for _, e := range entries {
		j := newJob(e.ID.String(), e.Path, "")
		j.State, j.Record = sending, j.Job
		q.jobs = append(q.jobs, j)
	}
	for _, w := range left {
		if isSigned(w, entries) {
			if err := q.journal.remove(w.Job); err != nil {
				return err
			}
			continue
		}
		q.jobs = append(q.jobs, newJob(w.Job, w.Path, w.Statement))
	}
	return nil
}

// isSigned tells whether a waiting file was signed before the program stopped.
func isSigned(w waiting, entries []author.Entry) bool {
	for _, e := range entries {
		if r, err := ledger.OpenRecord([]byte(e.Note)); err == nil && e.Path == w.Path && r.At >= w.At {
			return true
		}
	}
	return false
}

func newJob(id, path, statement string) *job {
	j := &job{statement: statement, StampJob: service.StampJob{Job: id, Path: path, Name: filepath.Base(path), Size: "0", State: queued, Done: "0"}}
	if info, err := os.Stat(path); err == nil {
		j.Size = decimal(info.Size())
	}
	return j
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.journal != nil {
		q.journal.close() // every line was synced when it was written
	}
}

// add hands files over. Once it returns, they are not lost.
func (q *queue) add(paths []string, statement string) ([]service.StampJob, error) {
	if utf8.RuneCountInString(statement) > maxStatement {
		return nil, badRequest("The statement has more than %d characters.", maxStatement)
	}
	files, err := regularFiles(paths)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs, fresh := q.jobsOf(files, statement)
	if q.unfinished()+len(fresh) > maxUnfinished {
		return nil, errTooMany
	}
	now := time.Now().UnixMilli()
	var lines []waiting
	for _, j := range fresh {
		lines = append(lines, waiting{Job: j.Job, Path: j.Path, Statement: statement, At: now})
	}
	if err := q.journal.add(lines...); err != nil {
		return nil, failed("store", "The queue cannot be written.", "Check that the disk has room.", err)
	}
	q.jobs = append(q.jobs, fresh...)
	q.forget()
	poke(q.wake)
	return shown(jobs), nil
}

// jobsOf returns the jobs of files, and which of them are new: a file that
// waits already, with the same words, is the same job.
func (q *queue) jobsOf(files []string, statement string) (jobs, fresh []*job) {
	known := map[string]*job{}
	for _, j := range q.jobs {
		if j.State == queued && j.statement == statement {
			known[j.Path] = j
		}
	}
	for _, path := range files {
		j, ok := known[path]
		if !ok {
			j = newJob(rand.Text(), path, statement)
			known[path] = j
			fresh = append(fresh, j)
		}
		jobs = append(jobs, j)
	}
	return jobs, fresh
}

func (q *queue) unfinished() int {
	n := 0
	for _, j := range q.jobs {
		if !j.isFinished() {
			n++
		}
	}
	return n
}

// forget drops the oldest of the jobs that are only there to be shown.
func (q *queue) forget() {
	surplus := len(q.jobs) - q.unfinished() - maxFinished
	q.jobs = slices.DeleteFunc(q.jobs, func(j *job) bool {
		if surplus <= 0 || !j.isFinished() {
			return false
		}
		surplus--
		return true
	})
}

// cancel calls a file back. A job that has ended, or is not known, needs nothing.
func (q *queue) cancel(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.jobs, func(j *job) bool { return j.Job == id })
	if i < 0 {
		return nil
	}
	j := q.jobs[i]
	switch {
	case j.isSigned():
		return &service.Error{Code: "signed", Message: "The record is signed and on its way to the members.",
			Hint: "It cannot be called back. A later record can correct it."}
	case j.State == hashing:
		j.called = true
		j.stop()
	case j.State == queued:
		if err := q.journal.remove(id); err != nil {
			return failed("store", "The queue cannot be written.", "Check that the disk has room.", err)
		}
		q.set(j, cancelled)
	}
	return nil
}

func (q *queue) status() []service.StampJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	return shown(q.jobs)
}

func shown(jobs []*job) []service.StampJob {
	out := []service.StampJob{}
	for _, j := range jobs {
		out = append(out, j.StampJob)
	}
	return out
}

// set moves a job to a state, and tells. The caller holds the lock, so that the
// pages hear the states in their order.
func (q *queue) set(j *job, state string) {
	j.State = state
	q.tell(j.StampJob)
}

// regularFiles lists the files at absolute paths, each once. A folder stands
// for the files below it, without hidden ones and proofs.
func regularFiles(paths []string) ([]string, error) {
	var files []string
	seen := map[string]bool{}
	add := func(path string) error {
		if seen[path] {
			return nil
		}
		if len(files) == maxUnfinished {
			return errTooMany
		}
		seen[path] = true
		files = append(files, path)
		return nil
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return nil, badRequest("%q is not the full path of a file.", path)
		}
		path = filepath.Clean(path)
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			err = add(path) // what cannot be read is said for this file alone
		} else {
			err = walk(path, add)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, badRequest("There is no file here.")
	}
	return files, nil
}

func walk(folder string, add func(string) error) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, errTooMany):
			return err
		case err != nil:
			return problem(err)
		case path != folder && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular() || strings.EqualFold(filepath.Ext(path), ".evident"):
			return nil
		}
		return add(path)
	})
}

var errTooMany = badRequest("At most %d files can wait at the same time.", maxUnfinished)

func badRequest(format string, args ...any) *service.Error {
	return &service.Error{Code: "bad_request", Message: fmt.Sprintf(format, args...), Hint: "Choose other files, or fewer."}
}

// poke wakes whoever listens, or will.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// stamp hands files over to the queue.
func (a *App) stamp(_ context.Context, p service.StampParams) (service.StampStatus, error) {
	if a.unfit != nil {
		return service.StampStatus{}, a.unfit
	}
	jobs, err := a.queue.add(p.Paths, p.Statement)
	return service.StampStatus{Jobs: jobs}, err
}

// stampStatus lists the queue, in the order files were handed over.
func (a *App) stampStatus(context.Context, service.None) (service.StampStatus, error) {
	return service.StampStatus{Jobs: a.queue.status()}, nil
}
