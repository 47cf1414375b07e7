package app

import (
	"strconv"
	"time"

	"evident/lightclient/service"
)

// totalsEvery is the pause between two messages about the queue as a whole.
const totalsEvery = 250 * time.Millisecond

// sum adds the queue up.
func (q *queue) sum() service.StampTotals {
	t := service.StampTotals{Files: q.past, Finished: q.past, Paused: q.held}
	var size, done int64
	for _, j := range q.jobs {
		t.Files++
		switch {
		case j.State == failedJob:
			t.Failed++
			t.Finished++
		case j.isFinished():
			t.Finished++
		case j.sends():
			size, done = size+parse(j.ToSend), done+parse(j.Sent)
			t.Rate += j.Rate
		default:
			size, done = size+parse(j.Size), done+parse(j.Done)
			t.Rate += j.Rate
		}
	}
	t.Size, t.Done = decimal(size), decimal(done)
	if t.Rate > 0 {
		t.LeftMs = (size - done) * 1000 / t.Rate
	}
	return t
}

// tellTotals tells soon, once for all that happens until then.
func (q *queue) tellTotals() {
	if q.totals != nil {
		return
	}
	q.totals = time.AfterFunc(totalsEvery, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.totals = nil
		q.tell(service.TotalsEvent{Kind: "totals", Totals: q.sum()})
	})
}

func (q *queue) status() service.StampStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.statusOf(q.jobs)
}

func (q *queue) statusOf(jobs []*job) service.StampStatus {
	return service.StampStatus{Jobs: shown(jobs), Totals: q.sum()}
}

func parse(decimal string) int64 {
	n, _ := strconv.ParseInt(decimal, 10, 64) // always one of our own
	return n
}
