package app

import (
	"context"
	"crypto/rand"
	"iter"
	"slices"
	"time"

	"evident/lightclient/service"
)

// fedAtOnce is how many files of a folder get their jobs in one write.
const fedAtOnce = 100

// feed gives the files of folders their jobs, as there is room, until ctx ends.
func (q *queue) feed(ctx context.Context) {
	for {
		o, ok := q.nextFolder()
		if !ok {
			select {
			case <-q.room:
				continue
			case <-ctx.Done():
				return
			}
		}
		q.feedFolder(ctx, o)
		if ctx.Err() != nil {
			return
		}
	}
}

// nextFolder finds a folder that is not gone through, if there is room.
func (q *queue) nextFolder() (order, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.folders) == 0 || !q.hasRoom() {
		return order{}, false
	}
	return q.folders[0], true
}

func (q *queue) hasRoom() bool { return !q.held && q.unfinished() < maxFed }

// feedFolder goes through one folder, from where an earlier run stopped.
func (q *queue) feedFolder(ctx context.Context, o order) {
	next, stop := iter.Pull2(filesBelow(o.Path, o.After, nil))
	defer stop()
	for {
		var files []string
		var unread []*job
		more := true
		for more && len(files)+len(unread) < fedAtOnce && ctx.Err() == nil {
			var path string
			var err error
			if path, err, more = next(); !more {
				break
			}
			if err != nil {
				unread = append(unread, unreadable(o, path, err))
				continue
			}
			files = append(files, path)
		}
		if ctx.Err() != nil || !q.take(&o, files, unread, !more) || !more {
			return
		}
		for !q.mayFeed() {
			select {
			case <-q.room:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (q *queue) mayFeed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.hasRoom()
}

// unreadable is the job of a folder below o, which says that it could not be read.
func unreadable(o order, path string, err error) *job {
	o.Job, o.Path, o.After = rand.Text(), path, ""
	j := newJob(o)
	e := explain(err)
	j.State, j.Code, j.Error, j.Hint = failedJob, e.Code, e.Message, e.Hint
	return j
}

// take gives files their jobs, and notes in the same write that they have them:
// a walk that is broken off goes on behind them. False if the folder was called back.
func (q *queue) take(o *order, files []string, unread []*job, done bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.folders, func(f order) bool { return f.Job == o.Job })
	if i < 0 {
		return false
	}
	var orders []order
	for _, path := range files {
		orders = append(orders, order{Path: path, Mode: o.Mode, Statement: o.Statement})
		o.After = path
	}
	jobs, fresh := q.jobsOf(orders)
	line := *o
	if done {
		line = order{Job: o.Job}
	}
	if err := q.write(append(fresh, line)...); err != nil {
		// The next start goes on; until then the person sees why nothing comes.
		jobs, done = nil, true
		unread = append(unread, unreadable(*o, o.Path, err))
	}
	q.folders[i] = *o
	if done {
		q.folders = slices.Delete(q.folders, i, i+1)
	}
	q.begin(append(jobs, unread...))
	return true
}

// addWhenRoom hands files over as soon as there is room for them.
func (q *queue) addWhenRoom(ctx context.Context, p service.StampParams) error {
	if len(p.Paths) == 0 {
		return nil
	}
	for q.crowded() {
		if !sleep(ctx, roomEvery) {
			return ctx.Err()
		}
	}
	_, err := q.add(p)
	return err
}

// roomEvery is the pause between two looks whether there is room.
const roomEvery = 200 * time.Millisecond

func (q *queue) crowded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.unfinished() >= maxFed
}

// unfinishedBelow counts the jobs in a folder that are not finished.
func (q *queue) unfinishedBelow(folder string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, j := range q.jobs {
		if !j.isFinished() && isBelow(j.Path, folder) {
			n += j.Files
		}
	}
	return n
}
