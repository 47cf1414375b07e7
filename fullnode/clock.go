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

// clock compares this member's clock with those that its peers tell. It keeps
// them beside a steady clock, so that a jump of our own clock is seen at once,
// and not only when the next peer answers: what a leader proposes in between,
// the others refuse, and it would sit in the leader's log for ever.
type clock struct {
	now    func() time.Time
	steady time.Time // begin of the steady clock

	mu     sync.Mutex
	begins map[string]time.Time // by member: its clock when the steady one began
}

func newClock(now func() time.Time) *clock {
	if now == nil {
		now = time.Now
	}
	return &clock{now: now, steady: time.Now(), begins: map[string]time.Time{}}
}

// heard takes in a peer's time, which it told between sent and now; sent is by
// the steady clock, as time.Now gives it.
func (c *clock) heard(member string, theirs, sent time.Time) {
	middle := sent.Add(time.Since(sent) / 2)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begins[member] = theirs.Add(-middle.Sub(c.steady))
}

// offset is the median of all members' clocks, ours included, minus ours. A
// minority of wrong clocks cannot move it far.
func (c *clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	ours := c.now().Round(0).Add(-time.Since(c.steady))
	all := []time.Duration{0}
	for _, theirs := range c.begins {
		all = append(all, theirs.Sub(ours))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// right tells whether this clock is near enough to lead.
func (c *clock) right() bool { return c.offset().Abs() < maxOffset }
