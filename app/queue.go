package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// Limits of the queue. A folder waits as a whole, and its files come as there is room.
const (
	maxHashing    = 2  // bound by the machine
	maxUploading  = 2  // bound by the line
	maxUnderWay   = 64 // bound by the time that a block takes
	maxUnfinished = 10_000
	maxFed        = 500   // while so many are unfinished, folders wait
	maxFinished   = 1_000 // kept to be shown, the newest
	maxStatement  = 4096  // characters, as the contract has it
)

// stamper is the way of an order to its proof.
type stamper interface {
	reach(ctx context.Context) error
	stamp(ctx context.Context, o order, report func(author.Progress)) (outcome, error)
	resume(ctx context.Context, report func(author.Progress), done func(string, author.Stamped, error)) error
	signed() ([]author.Entry, error)
	keepers(receipts []transfer.Receipt) (kept []service.Keeper, wanted int)
	offer(ctx context.Context, s author.Stamped, missing int) error
}

// outcome is what became of an order; walked is of files that went together.
type outcome struct {
	author.Stamped
	walked author.Walked
}

// queue takes files to their proofs, in the order they were handed over.
//
// Where the program stops, nothing is lost and nothing is stamped twice:
//   - before a file is signed, it lies in the journal, and is read again; what
//     was uploaded of it is not sent again;
//   - after that its record lies in the outbox, and is sent again;
//   - in both, between the two writes: open sees it in the outbox;
//   - a folder lies in the journal with the last of its files that has a job.
type queue struct {
	stamper stamper
	path    string
	tell    func(any)     // an event of the table
	retry   time.Duration // the pause after no node could be reached
	recheck time.Duration // the pause before members are asked again for their receipts

	wake   chan struct{} // something can begin
	resent chan struct{} // a signed record is to be sent again
	room   chan struct{} // a folder may be gone on with

	offers   sync.WaitGroup // files that are offered to members, beside the work
	offering chan struct{}  // held by the one that is

	mu                       sync.Mutex
	journal                  *journal // nil until open
	jobs                     []*job
	folders                  []order // whose files do not all have their jobs
	held                     bool    // all is paused, and so is what comes
	reading, sends, underWay int
	past                     int // jobs that ended and are not shown any more
	totals                   *time.Timer
}

func newQueue(s stamper, path string, tell func(any)) *queue {
	return &queue{stamper: s, path: path, tell: tell, retry: 5 * time.Second, recheck: time.Minute,
		wake: make(chan struct{}, 1), resent: make(chan struct{}, 1), room: make(chan struct{}, 1), offering: make(chan struct{}, 1)}
}

// holdAll is the line of the journal that says that all is paused.
const holdAll = ""

// open reads what an earlier run left.
func (q *queue) open() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries, err := q.stamper.signed()
	if err != nil {
		return err
	}
	var left []order
	if q.journal, left, err = openJournal(q.path); err != nil {
		return err
	}
	lastSigned := map[string]int64{}
	for _, e := range entries {
		q.jobs = append(q.jobs, signedJob(e))
		if r, err := ledger.OpenRecord([]byte(e.Note)); err == nil {
			lastSigned[e.Path] = max(lastSigned[e.Path], r.At)
		}
	}
	for _, o := range left {
		switch at, signed := lastSigned[o.Path]; {
		case o.Job == holdAll:
			q.held = true
		case o.Folder:
			q.folders = append(q.folders, o)
		case signed && at >= o.At: // just before the program stopped
			if err := q.journal.remove(o.Job); err != nil {
				return err
			}
		default:
			q.jobs = append(q.jobs, newJob(o))
		}
	}
	return nil
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.totals != nil {
		q.totals.Stop()
	}
	if q.journal != nil {
		q.journal.close() // every line was synced when it was written
	}
}

// add hands files over: each alone, or together. Once it returns, they are not
// lost. The jobs of a folder's files come when there is room for them.
func (q *queue) add(p service.StampParams) ([]service.StampJob, error) {
	orders, err := ordersOf(p)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs, fresh := q.jobsOf(orders)
	if q.unfinished()+len(fresh) > maxUnfinished {
		return nil, errTooMany
	}
	if err := q.write(fresh...); err != nil {
		return nil, err
	}
	for _, o := range fresh {
		if o.Folder {
			q.folders = append(q.folders, o)
		}
	}
	q.begin(jobs)
	return shown(jobs), nil
}

// ordersOf lists what was handed over, each path once.
func ordersOf(p service.StampParams) ([]order, error) {
	if utf8.RuneCountInString(p.Statement) > maxStatement {
		return nil, badRequest("The statement has more than %d characters.", maxStatement)
	}
	switch mode := ledger.Mode(p.Mode); mode {
	case "", ledger.Digest, ledger.Sealed, ledger.Public:
	default:
		return nil, badRequest("There is no mode %q.", p.Mode)
	}
	var orders []order
	var paths []string
	any := false
	for _, path := range p.Paths {
		if !filepath.IsAbs(path) {
			return nil, badRequest("%q is not the full path of a file.", path)
		}
		if path = filepath.Clean(path); slices.Contains(paths, path) {
			continue
		}
		if len(paths) == maxUnfinished {
			return nil, errTooMany
		}
		paths = append(paths, path)
		info, err := os.Stat(path)
		folder := err == nil && info.IsDir() // what cannot be read is said when its turn comes
		any = any || !folder || hasFiles(path)
		orders = append(orders, order{Path: path, Folder: folder, Mode: p.Mode, Statement: p.Statement})
	}
	if !any {
		return nil, badRequest("There is no file here.")
	}
	if p.Together {
		if mode := ledger.Mode(p.Mode); mode != "" && mode != ledger.Digest {
			return nil, problem(author.ErrTogetherMode)
		}
		return []order{{Path: paths[0], Paths: paths, Mode: p.Mode, Statement: p.Statement}}, nil
	}
	return orders, nil
}

// hasFiles tells whether there is a file, or something that cannot be read and will be said.
func hasFiles(folder string) bool {
	for range filesBelow(folder, "", nil) {
		return true
	}
	return false
}

// jobsOf returns the jobs of orders, and the orders that are new: what waits
// already, and is to become the same, is the same job.
func (q *queue) jobsOf(orders []order) (jobs []*job, fresh []order) {
	type same struct{ path, mode, statement string }
	known := map[same]*job{}
	for _, j := range q.jobs {
		if (j.State == queued || j.State == paused) && j.order.Paths == nil {
			known[same{j.Path, j.order.Mode, j.order.Statement}] = j
		}
	}
	now := time.Now().UnixMilli()
	for _, o := range orders {
		key := same{o.Path, o.Mode, o.Statement}
		if j, ok := known[key]; ok && o.Paths == nil {
			jobs = append(jobs, j)
			continue
		}
		o.Job, o.At, o.Paused = rand.Text(), now, q.held
		fresh = append(fresh, o)
		if !o.Folder {
			j := newJob(o)
			known[key], jobs = j, append(jobs, j)
		}
	}
	return jobs, fresh
}

// begin takes new jobs in. The caller holds the lock and has written them.
func (q *queue) begin(jobs []*job) {
	for _, j := range jobs {
		if !slices.Contains(q.jobs, j) {
			q.jobs = append(q.jobs, j)
			q.set(j, j.State)
		}
	}
	q.forget()
	poke(q.wake)
	poke(q.room)
}

func (q *queue) write(orders ...order) error {
	if err := q.journal.write(orders...); err != nil {
		return failed("store", "The queue cannot be written.", "Check that the disk has room.", err)
	}
	return nil
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
		q.past++
		return true
	})
}

// job finds a job; nil if it is not known any more.
func (q *queue) job(id string) *job {
	if i := slices.IndexFunc(q.jobs, func(j *job) bool { return j.Job == id }); i >= 0 {
		return q.jobs[i]
	}
	return nil
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
	if j.State != state {
		j.enter(state)
	}
	q.tellOf(j)
}

func (q *queue) tellOf(j *job) {
	q.tell(service.StampEvent{Kind: "stamp", Job: j.StampJob})
	q.tellTotals()
}

var errTooMany = badRequest("At most %d files can wait at the same time. A folder may have more.", maxUnfinished)

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
