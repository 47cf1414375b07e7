package courier

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// Limits of the queue.
const (
	maxPreparing  = 2 // bound by the machine and the line
	maxFinishing  = 64
	maxUnfinished = 10_000
	maxStatement  = 4096 // characters, as the contract has it
	tellEvery     = 200 * time.Millisecond
)

// States of a job.
const (
	queued    = "queued"
	hashing   = "hashing"
	sealing   = "sealing"
	uploading = "uploading"
	sending   = "sending" // signed: from here on it cannot be called back
	waiting   = "waiting" // a member promised to include the record
	storing   = "storing" // proven; members are fetching the files
	final     = "final"
	failed    = "failed"
	cancelled = "cancelled"
	paused    = "paused"
)

// job is a record on its way, as it lies in the store.
type job struct {
	service.StampJob
	Statement string  `json:"statement"`
	Parts     []*part `json:"parts"`
	Note      string  `json:"note"` // the signed record
	stop      func(error)
	told      time.Time
}

// part is one of a job's files.
type part struct {
	Path     string           `json:"path"`
	Name     string           `json:"name"`
	Media    string           `json:"media"`
	Size     int64            `json:"size"`
	Modified int64            `json:"modified"`
	Secret   *seal.Secret     `json:"secret"`   // once sealing has begun
	Evidence *ledger.Evidence `json:"evidence"` // once its bytes are named, and sent if they are to be
}

func (j *job) signed() bool { return j.Note != "" }

func (j *job) finished() bool {
	return j.State == final || j.State == failed || j.State == cancelled
}

const jobPrefix = "job/"

func trailPrefix(j *job, i int) string { return fmt.Sprintf("trail/%s/%d", j.Job, i) }

func (c *Courier) stamp(_ context.Context, p service.StampParams) (service.StampStatus, error) {
	mode := cmp.Or(p.Mode, string(ledger.Digest))
	if mode != string(ledger.Digest) && mode != string(ledger.Sealed) && mode != string(ledger.Public) {
		return service.StampStatus{}, badRequest("%q is not a mode", p.Mode)
	}
	if utf8.RuneCountInString(p.Statement) > maxStatement {
		return service.StampStatus{}, badRequest("the statement has more than %d characters", maxStatement)
	}
	if p.Together && len(p.Paths) > ledger.MaxEvidence {
		return service.StampStatus{}, &service.Error{Code: "too_many_together", Message: fmt.Sprintf("One record names at most %d files.", ledger.MaxEvidence),
			Hint: "Give each file a record of its own, or hand over fewer."}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		return service.StampStatus{}, errElsewhere
	}
	parts, err := c.partsOf(p.Paths)
	if err != nil {
		return service.StampStatus{}, err
	}
	if len(c.jobs)+len(parts) > maxUnfinished {
		return service.StampStatus{}, &service.Error{Code: "too_many", Message: fmt.Sprintf("The queue holds at most %d files.", maxUnfinished),
			Hint: "Wait until some are done, then hand over the rest."}
	}
	var groups [][]*part
	for _, next := range parts {
		if p.Together && len(groups) == 1 {
			groups[0] = append(groups[0], next)
			continue
		}
		groups = append(groups, []*part{next})
	}
	for _, g := range groups {
		j := c.newJob(mode, p.Statement, g)
		if err := c.save(j); err != nil {
			return service.StampStatus{}, err
		}
		c.jobs = append(c.jobs, j)
	}
	poke(c.wake)
	return c.status(), nil
}

var errElsewhere = &service.Error{Code: "in_use", Message: "Another window of this browser takes files to the ledger.",
	Hint: "Use that window, or close it and reload this one."}

func (c *Courier) partsOf(paths []string) ([]*part, error) {
	var out []*part
	for _, p := range paths {
		f := c.held[p]
		if f == nil {
			return nil, badRequest("the file %q was not handed over", p)
		}
		out = append(out, &part{Path: p, Name: evidence.FileName(f.Name()), Media: mediaOf(f), Size: f.Size(), Modified: f.Modified()})
	}
	return out, nil
}

// mediaOf is what a record can hold of a media type.
func mediaOf(f File) string {
	if media := service.MediaOf(f.Media(), f.Name()); media != "" && len(media) <= 127 {
		return media
	}
	return "application/octet-stream"
}

// newJob numbers jobs by the time, so that they sort in the order they came.
func (c *Courier) newJob(mode, statement string, parts []*part) *job {
	c.last = max(time.Now().UnixMicro(), c.last+1)
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	j := &job{Statement: statement, Parts: parts, StampJob: service.StampJob{
		Job: strconv.FormatInt(c.last, 10), Path: parts[0].Path, Name: parts[0].Name, Files: len(parts), Mode: mode, State: queued,
		Size: decimal(size), Done: "0", Sent: "0", ToSend: "0", Stored: []service.Keeper{},
	}}
	if mode != string(ledger.Digest) {
		j.ToSend = j.Size
	}
	return j
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // our own decimals
	return n
}

func (c *Courier) save(j *job) error { return c.write(jobPrefix+j.Job, j) }

func (c *Courier) find(id string) *job {
	i := slices.IndexFunc(c.jobs, func(j *job) bool { return j.Job == id })
	if i < 0 {
		return nil
	}
	return c.jobs[i]
}

func (c *Courier) stampStatus(context.Context, service.None) (service.StampStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status(), nil
}

func (c *Courier) status() service.StampStatus {
	out := service.StampStatus{Jobs: []service.StampJob{}, Totals: c.totals()}
	for _, j := range c.jobs {
		out.Jobs = append(out.Jobs, j.StampJob)
	}
	return out
}

func (c *Courier) totals() service.StampTotals {
	var t service.StampTotals
	var size, done int64
	waits := false
	for _, j := range c.jobs {
		t.Files += j.Files
		switch {
		case j.State == failed:
			t.Failed += j.Files
		case j.finished():
			t.Finished += j.Files
		default:
			size, done = size+number(j.Size), done+number(j.Done)
			t.Rate += j.Rate
			t.Paused = t.Paused || j.State == paused
			waits = waits || j.State != paused
		}
	}
	t.Paused = t.Paused && !waits
	t.Size, t.Done = decimal(size), decimal(done)
	if t.Rate > 0 {
		t.LeftMs = (size - done) * 1000 / t.Rate
	}
	return t
}

// tell shows a job to the pages, with the queue as a whole. Progress alone is
// told now and then.
func (c *Courier) tell(j *job, progress bool) {
	now := time.Now()
	if progress && now.Sub(j.told) < tellEvery {
		return
	}
	j.told = now
	c.service.Emit(service.StampEvent{Kind: "stamp", Job: j.StampJob})
	c.service.Emit(service.TotalsEvent{Kind: "totals", Totals: c.totals()})
}

// set moves a job on and keeps it.
func (c *Courier) set(j *job, state string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.setLocked(j, state)
}

func (c *Courier) setLocked(j *job, state string) error {
	j.State, j.Rate, j.LeftMs = state, 0, 0
	if state != failed && state != paused {
		j.Code, j.Error, j.Hint = "", "", ""
	}
	err := c.save(j)
	c.tell(j, false)
	return err
}

// fail says what went wrong with a job, which stays for the person to decide.
func (c *Courier) fail(j *job, state string, err error) {
	e := explain(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	j.Code, j.Error, j.Hint = e.Code, e.Message, e.Hint
	c.setLocked(j, state) // the state in the store is an older one then, from which the next run goes on
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
