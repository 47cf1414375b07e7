package fullnode

import (
	"testing"
	"time"
)

func TestClockOffset(t *testing.T) {
	for _, tt := range []struct {
		name   string
		theirs []time.Duration // clocks of the others, ahead of ours
		jump   time.Duration   // of our clock after they were heard
		want   time.Duration
	}{
		{name: "alone"},
		{name: "all agree", theirs: []time.Duration{0, 0, 0}},
		{name: "one of four is an hour ahead", theirs: []time.Duration{0, 0, time.Hour}},
		{name: "one of four is an hour behind", theirs: []time.Duration{0, 0, -time.Hour}},
		{name: "ours is behind", theirs: []time.Duration{time.Hour, time.Hour, time.Hour}, want: time.Hour},
		{name: "ours is ahead", theirs: []time.Duration{-time.Hour, -time.Hour, -time.Hour}, want: -time.Hour},
		{name: "ours jumps ahead", theirs: []time.Duration{0, 0, 0}, jump: time.Hour, want: -time.Hour},
		{name: "ours jumps back", theirs: []time.Duration{0, 0, 0}, jump: -time.Hour, want: time.Hour},
		{name: "ours jumps to what is right", theirs: []time.Duration{time.Hour, time.Hour, time.Hour}, jump: time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			jump := time.Duration(0)
			c := newClock(func() time.Time { return time.Now().Add(jump) })
			for i, ahead := range tt.theirs {
				c.heard(string(rune('a'+i)), time.Now().Add(ahead), time.Now())
			}
			jump = tt.jump
			if got := c.offset().Round(time.Second); got != tt.want {
				t.Errorf("got offset %s, want %s", got, tt.want)
			}
			if c.right() != (tt.want == 0) {
				t.Errorf("got right %v", c.right())
			}
		})
	}
}
