package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"evident/lightclient/author"
)

// run works until ctx ends; what is under way then is gone on with by the next start.
func (q *queue) run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { q.resend(ctx) })
	hash, underWay := make(chan struct{}, maxHashing), make(chan struct{}, maxUnderWay)
	for q.await(ctx) {
		if !take(ctx, underWay) || !take(ctx, hash) {
			return
		}
		j, jobCtx := q.next(ctx)
		if j == nil { // called back in the meantime
			<-hash
			<-underWay
			continue
		}
		work.Go(func() {
			defer func() { <-underWay }()
			q.process(ctx, jobCtx, j, sync.OnceFunc(func() { <-hash }))
		})
	}
}

// await returns when a file waits and the ledger can be reached; false when ctx ends.
func (q *queue) await(ctx context.Context) bool {
	for !q.hasWaiting() {
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
	return true
}

func (q *queue) hasWaiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.jobs, isQueued)
}

func isQueued(j *job) bool { return j.State == queued }

// next begins with the first file that waits.
func (q *queue) next(ctx context.Context) (*job, context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.jobs, isQueued)
	if i < 0 {
		return nil, nil
	}
	j := q.jobs[i]
	ctx, j.stop = context.WithCancel(ctx)
	q.set(j, hashing)
	return j, ctx
}

// process takes a file through. hashed is called when its digest is known.
func (q *queue) process(ctx, jobCtx context.Context, j *job, hashed func()) {
	defer j.stop()
	stamped, err := q.stamper.stamp(jobCtx, j.Path, j.statement, func(p author.Progress) {
		if p.Stage != author.Digesting {
			hashed()
		}
		q.progress(j, p)
	})
	hashed()
	if err != nil && ctx.Err() == nil && q.comesBack(j, err) {
		sleep(jobCtx, q.retry)
	}
	q.settle(ctx, j, stamped, err)
}

// comesBack tells whether a file that is not signed will be tried again.
func (q *queue) comesBack(j *job, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !j.isSigned() && !j.called && transient(err)
}

// progress moves a job on.
func (q *queue) progress(j *job, p author.Progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch p.Stage {
	case author.Digesting:
		j.Done, j.Size = decimal(p.Done), decimal(p.Total)
		if now := time.Now(); now.Sub(j.told) >= progressEvery {
			j.told = now
			q.tell(j.StampJob)
		}
	case author.Submitting:
		// If we stop here, or cannot write, the file lies in both places; open sees that.
		if j.State == hashing {
			q.journal.remove(j.Job)
		}
		q.set(j, sending)
	case author.Received:
		if j.State == sending { // several members promise
			q.set(j, waitingOn)
		}
	}
}

// settle says how a job ended, or what will be done about it:
//  1. the proof is written: final;
//  2. the program ends: the next start goes on;
//  3. signed, and refused for good: failed;
//  4. signed, and no node could be reached or it was called back too late: sent again;
//  5. not signed, and called back: cancelled;
//  6. not signed, and no node could be reached: it waits again;
//  7. everything else: failed. What is signed stays in the outbox.
func (q *queue) settle(ctx context.Context, j *job, s author.Stamped, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	unsigned := !j.isSigned()
	switch {
	case j.isFinished(): // by sending it again
	case err == nil:
		if unsigned { // stamped before: its proof was found, and will be again
			q.journal.remove(j.Job)
		}
		q.finish(j, s)
	case ctx.Err() != nil:
	case !unsigned && (transient(err) || j.called):
		j.called = false
		q.set(j, sending)
		poke(q.resent)
	case unsigned && j.called:
		if err := q.journal.remove(j.Job); err != nil {
			q.fail(j, err)
			return
		}
		q.set(j, cancelled)
	case unsigned && transient(err):
		q.set(j, queued)
		poke(q.wake)
	default:
		if unsigned { // if that fails, the next start tries again
			q.journal.remove(j.Job)
		}
		q.fail(j, err)
	}
}

func (q *queue) finish(j *job, s author.Stamped) {
	j.Record, j.ProofPath, j.Done = s.Record.ID.String(), s.Proof, j.Size
	j.Height = decimal(int64(s.Record.Header.Height))
	q.set(j, final)
}

func (q *queue) fail(j *job, err error) {
	e := explain(err)
	j.Code, j.Error, j.Hint = e.Code, e.Message, e.Hint
	q.set(j, failedJob)
}

// resend sends what an earlier run left in the outbox, and then whatever comes
// to lie there because no node was reached. To send a record twice does no harm.
func (q *queue) resend(ctx context.Context) {
	for {
		err := q.stamper.resume(ctx, q.resumed, func(path string, s author.Stamped, err error) {
			q.mu.Lock()
			j := q.signedJob(path, s)
			q.mu.Unlock()
			if j != nil {
				q.settle(ctx, j, s, err)
			}
		})
		if err == nil {
			select {
			case <-q.resent:
			case <-ctx.Done():
				return
			}
		}
		if !sleep(ctx, q.retry) {
			return
		}
	}
}

// resumed moves the job of a record that is sent again.
func (q *queue) resumed(p author.Progress) {
	q.mu.Lock()
	j := q.signedJob(p.Path, author.Stamped{})
	q.mu.Unlock()
	if j != nil {
		q.progress(j, p)
	}
}

// signedJob finds the job of a record: by the record, or else by the path of
// its file. Records that another program left may have none.
func (q *queue) signedJob(path string, s author.Stamped) *job {
	if s.Record.Record != nil {
		id := s.Record.ID.String()
		if i := slices.IndexFunc(q.jobs, func(j *job) bool { return j.Record == id }); i >= 0 {
			return q.jobs[i]
		}
	}
	i := slices.IndexFunc(q.jobs, func(j *job) bool { return j.isSigned() && j.Path == path })
	if i < 0 {
		return nil
	}
	return q.jobs[i]
}

// take waits for a place; false when ctx ends.
func take(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
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
