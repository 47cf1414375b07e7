package app

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// States of a job.
const (
	queued    = "queued"
	hashing   = "hashing"
	sealing   = "sealing"
	uploading = "uploading"
	sending   = "sending" // signed: from here on it cannot be called back
	waitingOn = "waiting" // a member promised to include the record
	storing   = "storing" // it is final; members are fetching the file
	final     = "final"
	failedJob = "failed"
	cancelled = "cancelled"
	paused    = "paused"
)

// job is a record on its way.
type job struct {
	service.StampJob
	order order

	stop   context.CancelFunc // not nil while it is worked on
	called bool               // the user called it back meanwhile
	signed bool               // its record lies in the outbox
	told   time.Time
	pace   pace

	endOffer context.CancelFunc // not nil while its file is offered to members
	offered  time.Time          // until when it was
}

// newJob looks at the file. What cannot be read will be said when its turn comes.
func newJob(o order) *job {
	j := &job{order: o, StampJob: service.StampJob{Job: o.Job, Path: o.Path, Name: filepath.Base(o.Path), Files: max(len(o.Paths), 1),
		Size: "0", Mode: o.Mode, State: queued, Done: "0", Sent: "0", ToSend: "0", Stored: []service.Keeper{}}}
	if o.Paused {
		j.State = paused
	}
	if j.Mode == "" {
		j.Mode = string(ledger.Digest)
	}
	if info, err := os.Stat(o.Path); err == nil && info.Mode().IsRegular() {
		j.Size = decimal(info.Size())
	}
	if j.sends() {
		j.ToSend = j.Size
	}
	return j
}

// signedJob is the job of a record that an earlier run left in the outbox.
func signedJob(e author.Entry) *job {
	o, files := order{Job: e.ID.String(), Path: e.Path}, 1
	if r, err := ledger.OpenRecord([]byte(e.Note)); err == nil {
		var said struct {
			Text  string
			Count int
		}
		json.Unmarshal(r.Fields, &said) // what a record does not have is empty
		o.Statement, files = said.Text, max(said.Count, 1)
		if len(r.Evidence) > 0 {
			o.Mode = string(r.Evidence[0].Mode)
		}
	}
	j := newJob(o)
	j.State, j.Record, j.signed = sending, j.Job, true
	j.Done, j.Sent, j.Files = j.Size, j.ToSend, files
	return j
}

// sends tells whether the file itself leaves the machine.
func (j *job) sends() bool { return j.Mode != string(ledger.Digest) }

func (j *job) isFinished() bool {
	return j.State == final || j.State == failedJob || j.State == cancelled
}

// advance counts the bytes of a step.
func (j *job) advance(p author.Progress, now time.Time) {
	if p.OfFiles > 0 {
		j.Files = int(p.OfFiles)
	}
	j.Rate = j.pace.at(p.Done, now)
	j.LeftMs = 0
	if j.Rate > 0 {
		j.LeftMs = (p.Total - p.Done) * 1000 / j.Rate
	}
	if p.Stage == author.Sending {
		j.Sent, j.ToSend = decimal(p.Done), decimal(p.Total)
	} else {
		j.Done, j.Size = decimal(p.Done), decimal(p.Total)
	}
}

// enter begins a step: what was measured of the last one says nothing of it.
func (j *job) enter(state string) {
	j.State, j.Rate, j.LeftMs, j.pace = state, 0, 0, pace{}
}

// pace measures bytes per second, of the last seconds.
type pace struct {
	since time.Time
	then  int64
	rate  float64
}

// at is told how many bytes there were until now.
func (p *pace) at(done int64, now time.Time) int64 {
	if p.since.IsZero() {
		p.since, p.then = now, done
	}
	if passed := now.Sub(p.since).Seconds(); passed >= 0.5 {
		latest := float64(done-p.then) / passed
		if p.rate == 0 {
			p.rate = latest
		}
		p.rate += (latest - p.rate) / 3
		p.since, p.then = now, done
	}
	return int64(p.rate)
}
