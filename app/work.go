package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"evident/lightclient/author"
	"evident/lightclient/ledger"
)

// run works until ctx ends; what is under way then is gone on with by the next start.
func (q *queue) run(ctx context.Context) {
	defer q.offers.Wait()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { q.resend(ctx) })
	work.Go(func() { q.feed(ctx) })
	for q.await(ctx) {
		for j, jobCtx := q.next(ctx); j != nil; j, jobCtx = q.next(ctx) {
			work.Go(func() { q.process(ctx, jobCtx, j) })
		}
	}
}

// await returns when a file can begin and the ledger can be reached; false when ctx ends.
func (q *queue) await(ctx context.Context) bool {
	for !q.canBegin() {
		select {
		case <-q.wake:
		case <-ctx.Done():
			return false
		}
	}
	for q.stamper.reach(ctx) != nil {
		if !sleep(ctx, q.retry) {
			return false
		}
	}
	return ctx.Err() == nil
}

func (q *queue) canBegin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.first() != nil
}

// first is the first job whose turn it is. A file is read by one at a time.
func (q *queue) first() *job {
	if q.underWay == maxUnderWay {
		return nil
	}
	busy := map[string]bool{}
	for _, j := range q.jobs {
		if j.stop != nil {
			busy[j.Path] = true
		}
	}
	for _, j := range q.jobs {
		free := q.reading < maxHashing
		if j.sends() {
			free = q.sends < maxUploading
		}
		if j.State == queued && free && !busy[j.Path] {
			return j
		}
	}
	return nil
}

// next begins with a job.
func (q *queue) next(ctx context.Context) (*job, context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j := q.first()
	if j == nil {
		return nil, nil
	}
	ctx, j.stop = context.WithCancel(ctx)
	q.underWay++
	*q.places(j)++
	if j.Mode == string(ledger.Sealed) {
		q.set(j, sealing)
	} else {
		q.set(j, hashing)
	}
	return j, ctx
}

// places counts the jobs that read, or that send.
func (q *queue) places(j *job) *int {
	if j.sends() {
		return &q.sends
	}
	return &q.reading
}

// process takes a job through.
func (q *queue) process(ctx, jobCtx context.Context, j *job) {
	read := sync.OnceFunc(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		*q.places(j)--
		poke(q.wake)
	})
	stamped, err := q.stamper.stamp(jobCtx, j.order, func(p author.Progress) {
		if p.Stage != author.Digesting && p.Stage != author.Sending {
			read()
		}
		q.progress(j, p)
	})
	read()
	if err != nil && ctx.Err() == nil && q.comesBack(j, err) {
		sleep(jobCtx, q.retry)
	}
	q.settle(ctx, j, stamped, err)
	q.left(j)
}

// left makes room for the next one.
func (q *queue) left(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j.stop()
	j.stop = nil
	q.underWay--
	q.forget()
	poke(q.wake)
	poke(q.room)
}

// comesBack tells whether a file that is not signed will be tried again.
func (q *queue) comesBack(j *job, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !j.signed && !j.called && transient(err)
}

// progress moves a job on.
func (q *queue) progress(j *job, p author.Progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j.isFinished() {
		return
	}
	switch p.Stage {
	case author.Digesting, author.Sending:
		q.moved(j, p)
	case author.Submitting:
		// If we stop here, or cannot write, the file lies in both places; open sees that.
		if !j.signed {
			j.signed = true
			q.journal.remove(j.Job)
		}
		j.Done, j.Sent = j.Size, j.ToSend
		if j.State != storing { // members are asked again
			q.set(j, sending)
		}
	case author.Received:
		if j.State == sending { // several members promise
			q.set(j, waitingOn)
		}
	case author.Storing:
		if j.sends() {
			q.set(j, storing)
		}
	}
}

// moved counts bytes, and tells now and then.
func (q *queue) moved(j *job, p author.Progress) {
	if j.State != hashing && j.State != sealing && j.State != uploading {
		return // paused, or called back
	}
	now := time.Now()
	if p.Stage == author.Sending && j.State != uploading {
		q.set(j, uploading)
	}
	j.advance(p, now)
	if now.Sub(j.told) >= progressEvery {
		j.told = now
		q.tellOf(j)
	}
}

// settle says how a job ended, or what will be done about it:
//  1. the proof is written, and as many members as there are to be keep the file: final;
//  2. the proof is written: the members are asked again;
//  3. the program ends: the next start goes on;
//  4. signed, and no node could be reached or it was called back too late: sent again;
//  5. not signed, and called back: cancelled;
//  6. not signed, and paused, and perhaps resumed meanwhile: it is in its state already;
//  7. not signed, and no node could be reached: it waits again;
//  8. everything else: failed. What is signed stays in the outbox, unless it was refused.
func (q *queue) settle(ctx context.Context, j *job, s outcome, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case j.isFinished(): // by sending it again
	case err == nil:
		if !j.signed { // stamped before: its proof was found, and will be again
			q.journal.remove(j.Job)
		}
		q.stored(ctx, j, s)
	case ctx.Err() != nil:
	case j.signed && (transient(err) || errors.Is(err, context.Canceled)):
		j.called = false
		if j.State != storing {
			q.set(j, sending)
		}
		poke(q.resent)
	case !j.signed && j.called:
		j.called = false
		if err := q.journal.remove(j.Job); err != nil {
			q.fail(j, err)
			return
		}
		q.set(j, cancelled)
	case !j.signed && errors.Is(err, context.Canceled) && (j.State == paused || j.State == queued):
	case !j.signed && transient(err):
		if j.State != paused {
			q.set(j, queued)
		}
	default:
		if !j.signed { // if that fails, the next start tries again
			q.journal.remove(j.Job)
		}
		q.fail(j, err)
	}
}

// stored takes down what there is of a final record: its proof, and who keeps the file.
func (q *queue) stored(ctx context.Context, j *job, s outcome) {
	j.ProofPath, j.Done, j.Sent = s.Proof, j.Size, j.ToSend
	if s.Record.Record != nil { // without one, all files that went together have their proofs from before
		j.Record, j.Height = s.Record.ID.String(), decimal(int64(s.Record.Header.Height))
	}
	q.leftOut(j, s.walked)
	state := final
	if j.sends() && !s.Before {
		j.Stored, j.Wanted = q.stamper.keepers(s.Receipts)
		if len(j.Stored) < j.Wanted {
			state = storing
		}
	}
	q.set(j, state)
	switch {
	case state == storing:
		q.offer(ctx, j, s.Stamped)
	case j.endOffer != nil:
		j.endOffer()
	}
}

// leftOut says which of the files that were to go together could not. Hidden
// ones, and links, are left out as a rule.
func (q *queue) leftOut(j *job, w author.Walked) {
	missed := slices.DeleteFunc(w.Skipped, func(s author.Skipped) bool {
		return errors.Is(s.Why, author.ErrHidden) || errors.Is(s.Why, author.ErrLink)
	})
	if len(missed) == 0 {
		return
	}
	e := explain(missed[0].Why)
	j.Code, j.Hint = "left_out", "The others are recorded. Hand these over again when they can be read."
	j.Error = fmt.Sprintf("Left out: %d, the first of them %s. %s", int64(len(missed))+w.More, missed[0].Path, e.Message)
}

func (q *queue) fail(j *job, err error) {
	e := explain(err)
	j.Code, j.Error, j.Hint = e.Code, e.Message, e.Hint
	if author.IsRefusal(err) {
		j.signed = false
	}
	q.set(j, failedJob)
}

// resend sends what an earlier run left in the outbox, and then whatever comes
// to lie there because no node was reached, or too few members had the file. To
// send a record twice does no harm.
func (q *queue) resend(ctx context.Context) {
	for {
		err := q.stamper.resume(ctx, q.resumed, func(path string, s author.Stamped, err error) {
			if j := q.jobOf(path, s); j != nil {
				q.settle(ctx, j, outcome{Stamped: s}, err)
			}
		})
		if err == nil && !q.awaitResend(ctx) {
			return
		}
		if !sleep(ctx, q.retry) {
			return
		}
	}
}

// awaitResend returns when a record is to be sent again.
func (q *queue) awaitResend(ctx context.Context) bool {
	for {
		select {
		case <-q.resent:
			return true
		case <-time.After(q.recheck):
			if q.isStoring() {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

// isStoring tells whether members are to be asked again whether they keep a file.
func (q *queue) isStoring() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.jobs, func(j *job) bool { return j.State == storing && j.stop == nil })
}

// resumed moves the job of a record that is sent again.
func (q *queue) resumed(p author.Progress) {
	if j := q.jobOf(p.Path, author.Stamped{}); j != nil {
		q.progress(j, p)
	}
}

// jobOf finds the job of a record: by the record, or else by the path of its
// file. Records that another program left may have none.
func (q *queue) jobOf(path string, s author.Stamped) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.Record.Record != nil {
		id := s.Record.ID.String()
		if i := slices.IndexFunc(q.jobs, func(j *job) bool { return j.Record == id }); i >= 0 {
			return q.jobs[i]
		}
	}
	if i := slices.IndexFunc(q.jobs, func(j *job) bool { return j.signed && !j.isFinished() && j.Path == path }); i >= 0 {
		return q.jobs[i]
	}
	return nil
}

// sleep pauses; false when ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
