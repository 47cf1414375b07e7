package fullnode

import (
	"slices"
	"sync"
	"time"
)

// maxOffset is how far this member's clock may be from the middle of the
// members' clocks before the node gives up leading: the others would refuse to
// sign the times that it proposes (signing rule S4, 2 s).
const maxOffset = 1500 * time.Millisecond

// clock compares this member's clock with those that its peers tell.
type clock struct {
	now func() time.Time

	mu      sync.Mutex
	offsets map[string]time.Duration // by member: theirs minus ours
}

func newClock(now func() time.Time) *clock {
	if now == nil {
		now = time.Now
	}
	return &clock{now: now, offsets: map[string]time.Duration{}}
}

// heard takes in a peer's time, which it told between sent and now.
func (c *clock) heard(member string, theirs, sent time.Time) {
	now := c.now()
	middle := sent.Add(now.Sub(sent) / 2)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offsets[member] = theirs.Sub(middle)
}

// offset is the median of all members' clocks, ours included, minus ours. A
// minority of wrong clocks cannot move it far.
func (c *clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []time.Duration{0}
	for _, o := range c.offsets {
		all = append(all, o)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// right tells whether this clock is near enough to lead.
func (c *clock) right() bool { return c.offset().Abs() < maxOffset }
