package app

import (
	"context"
	"slices"

	"evident/lightclient/service"
)

// cancel calls a file back; without a job, everything that is not signed yet. A
// job that has ended, or is not known, needs nothing.
func (q *queue) cancel(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if id == "" {
		return q.cancelAll()
	}
	j := q.job(id)
	switch {
	case j == nil || j.isFinished():
		return nil
	case j.signed:
		return &service.Error{Code: "signed", Message: "The record is signed and on its way to the members.",
			Hint: "It cannot be called back. A later record can correct it."}
	}
	return q.callBack(j)
}

func (q *queue) cancelAll() error {
	var gone []order
	for _, o := range q.folders {
		gone = append(gone, order{Job: o.Job})
	}
	if err := q.write(gone...); err != nil {
		return err
	}
	q.folders = nil
	for _, j := range q.jobs {
		if j.isFinished() || j.signed {
			continue
		}
		if err := q.callBack(j); err != nil {
			return err
		}
	}
	return nil
}

// callBack ends a job that is not signed. If it is worked on, that ends first.
func (q *queue) callBack(j *job) error {
	if j.stop != nil {
		j.called = true
		j.stop()
		return nil
	}
	if err := q.write(order{Job: j.Job}); err != nil {
		return err
	}
	q.set(j, cancelled)
	return nil
}

// pause stops jobs that are not signed yet, until they are resumed; none named
// means all, and what will be handed over. What was sent of a file stays sent.
func (q *queue) pause(ids []string) error {
	return q.hold(ids, true, func(j *job) {
		if !j.signed && !j.isFinished() && j.State != paused {
			q.set(j, paused)
			if j.stop != nil {
				j.stop()
			}
		}
	})
}

// resume goes on with jobs; none named means all.
func (q *queue) resume(ids []string) error {
	return q.hold(ids, false, func(j *job) {
		if j.State == paused {
			q.set(j, queued)
		}
	})
}

// hold writes down that jobs are paused or not, and then makes them so.
func (q *queue) hold(ids []string, still bool, apply func(*job)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	var lines []order
	var jobs []*job
	for _, j := range q.jobs {
		if len(ids) > 0 && !slices.Contains(ids, j.Job) || j.signed || j.isFinished() {
			continue
		}
		jobs = append(jobs, j)
		if j.order.Paused != still {
			o := j.order
			o.Paused = still
			lines = append(lines, o)
		}
	}
	if len(ids) == 0 {
		lines = append(lines, order{Job: holdAll, Paused: still})
	}
	if err := q.write(lines...); err != nil {
		return err
	}
	if len(ids) == 0 {
		q.held = still
	}
	for _, j := range jobs {
		j.order.Paused = still
		apply(j)
	}
	q.tellTotals()
	poke(q.wake)
	poke(q.room)
	return nil
}

// again takes up a job that failed or was called back; without a job, all that failed.
func (q *queue) again(id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.jobs {
		if id == "" && j.State != failedJob || id != "" && (j.Job != id || !j.isFinished() || j.State == final) {
			continue
		}
		if j.signed { // it lies in the outbox
			j.Code, j.Error, j.Hint = "", "", ""
			q.set(j, sending)
			poke(q.resent)
			continue
		}
		o := j.order
		o.Paused = q.held
		if err := q.write(o); err != nil {
			return err
		}
		if o.Folder {
			q.folders = append(q.folders, o)
			continue
		}
		j.StampJob, j.order = newJob(o).StampJob, o
		q.set(j, j.State)
	}
	q.jobs = slices.DeleteFunc(q.jobs, func(j *job) bool {
		return j.order.Folder && slices.ContainsFunc(q.folders, func(o order) bool { return o.Job == j.Job })
	})
	poke(q.wake)
	poke(q.room)
	return nil
}

// clear drops the jobs that are only there to be shown.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, (*job).isFinished)
	q.past = 0
	q.tellTotals()
}

// stamp hands files over to the queue.
func (a *App) stamp(_ context.Context, p service.StampParams) (service.StampStatus, error) {
	if a.unfit != nil {
		return service.StampStatus{}, a.unfit
	}
	jobs, err := a.queue.add(p)
	return service.StampStatus{Jobs: jobs, Totals: a.queue.status().Totals}, err
}

// stampStatus lists the queue, in the order files were handed over.
func (a *App) stampStatus(context.Context, service.None) (service.StampStatus, error) {
	return a.queue.status(), nil
}

func (a *App) pause(_ context.Context, p service.JobsParams) (service.StampStatus, error) {
	return a.controlled(func() error { return a.queue.pause(p.Jobs) })
}

func (a *App) resume(_ context.Context, p service.JobsParams) (service.StampStatus, error) {
	return a.controlled(func() error { return a.queue.resume(p.Jobs) })
}

func (a *App) retry(_ context.Context, p service.JobParams) (service.StampStatus, error) {
	return a.controlled(func() error { return a.queue.again(p.Job) })
}

func (a *App) clearFinished(context.Context, service.None) (service.StampStatus, error) {
	a.queue.clear()
	return a.queue.status(), nil
}

// controlled does something to the queue, and returns what it is then.
func (a *App) controlled(do func() error) (service.StampStatus, error) {
	if a.unfit != nil {
		return service.StampStatus{}, a.unfit
	}
	if err := do(); err != nil {
		return service.StampStatus{}, err
	}
	return a.queue.status(), nil
}
