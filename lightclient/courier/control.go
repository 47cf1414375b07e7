package courier

import (
	"context"
	"errors"
	"slices"

	"evident/lightclient/service"
)

// Reasons for which a job is stopped.
var (
	errPaused    = errors.New("paused")
	errCancelled = errors.New("cancelled")
)

// each applies do to the jobs of the given ids, or to all.
func (c *Courier) each(ids []string, do func(*job) error) (service.StampStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs {
		if len(ids) == 0 || slices.Contains(ids, j.Job) {
			if err := do(j); err != nil {
				return service.StampStatus{}, err
			}
		}
	}
	poke(c.wake)
	return c.status(), nil
}

// pause stops what is not signed yet. What a node has got stays there.
func (c *Courier) pause(_ context.Context, p service.JobsParams) (service.StampStatus, error) {
	return c.each(p.Jobs, func(j *job) error {
		if j.finished() || j.signed() || j.State == paused {
			return nil
		}
		if j.stop != nil {
			j.stop(errPaused)
		}
		return c.setLocked(j, paused)
	})
}

func (c *Courier) resume(_ context.Context, p service.JobsParams) (service.StampStatus, error) {
	return c.each(p.Jobs, func(j *job) error {
		if j.State != paused {
			return nil
		}
		return c.setLocked(j, queued)
	})
}

func (c *Courier) retry(_ context.Context, p service.JobParams) (service.StampStatus, error) {
	return c.each([]string{p.Job}, func(j *job) error {
		if j.State != failed {
			return nil
		}
		return c.setLocked(j, queued)
	})
}

// cancel calls a job back, or a file that is being fetched. One that has ended,
// or is not known, needs nothing.
func (c *Courier) cancel(_ context.Context, p service.JobParams) (service.None, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stop := c.fetch[p.Job]; stop != nil {
		stop()
		return service.None{}, nil
	}
	j := c.find(p.Job)
	if j == nil || j.finished() {
		return service.None{}, nil
	}
	if j.signed() {
		return service.None{}, &service.Error{Code: "signed", Message: "The record is signed and on its way to the members.",
			Hint: "It cannot be called back. A later record can correct it."}
	}
	if j.stop != nil {
		j.stop(errCancelled)
	}
	if err := c.setLocked(j, cancelled); err != nil {
		return service.None{}, err
	}
	return service.None{}, c.dropLocked(j)
}

// dropLocked forgets what was made of the files of a job that was called back,
// once nobody works on it.
func (c *Courier) dropLocked(j *job) error {
	if j.State != cancelled || j.stop != nil {
		return nil
	}
	for _, part := range j.Parts {
		part.Secret = nil
	}
	if err := c.save(j); err != nil {
		return err
	}
	return c.forget("trail/" + j.Job + "/")
}

func (c *Courier) clearFinished(context.Context, service.None) (service.StampStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	c.jobs = slices.DeleteFunc(c.jobs, func(j *job) bool {
		if err != nil || !j.finished() {
			return false
		}
		if j.stop != nil { // it is about to end
			return false
		}
		err = c.store.Delete(jobPrefix + j.Job)
		return err == nil
	})
	return c.status(), err
}
