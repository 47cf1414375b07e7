package fullnode_test

import (
	"testing"
	"time"

	"evident/fullnode/api"
	"evident/fullnode/testnet"
)

// A member whose clock is wrong from the start: the others go on, and it keeps
// up and says what is wrong.
func TestWrongClockFromTheStart(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ahead time.Duration
	}{
		{"an hour ahead", time.Hour},
		{"an hour behind", -time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			net := testnet.New(t, 4)
			net.Nodes[1].Clock.Set(tt.ahead)
			net.MustStart()
			ada := net.NewAuthor("ada")
			for i := range 4 {
				net.MustFinal(i, ada.Deposit("a record"))
			}
			if leader := net.Leader(); leader == 1 {
				t.Error("the member with the wrong clock leads")
			}
			net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
			net.Eventually(5*time.Second, "the node says that its clock is wrong", func() bool { return hasProblem(net, 1, "clock") })
			if hasProblem(net, 0, "clock") {
				t.Error("a right clock is called wrong")
			}
			checkTimes(t, net)
			net.StopAndCheck()
		})
	}
}

// The leader's clock jumps by an hour: another member leads, within seconds.
func TestLeadersClockJumps(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	for _, tt := range []struct {
		name  string
		ahead time.Duration
	}{
		{"ahead", time.Hour},
		{"behind", -time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			net := testnet.New(t, 4)
			net.MustStart()
			ada := net.NewAuthor("ada")
			net.MustFinal(0, ada.Deposit("before"))
			load := net.StartLoad(4)
			net.AwaitFinals(load, 20, 20*time.Second)
			leader := net.Leader()
			net.Nodes[leader].Clock.Set(tt.ahead)
			t.Logf("20 more final after %s", net.AwaitFinals(load, 20, 30*time.Second))
			net.Eventually(20*time.Second, "another member leads", func() bool { return net.Leader() != leader })
			load.Stop()
			net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
			checkTimes(t, net)
			net.Nodes[leader].Clock.Set(0)
			net.Eventually(5*time.Second, "the clock is right again", func() bool { return !hasProblem(net, leader, "clock") })
			net.StopAndCheck()
		})
	}
}

// The same while nothing happens: the first record after the jump must not get
// a time that the others refuse.
func TestIdleLeadersClockJumps(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	leader := net.Leader()
	time.Sleep(100 * time.Millisecond)
	net.Nodes[leader].Clock.Set(time.Hour)
	net.MustFinal(leader, ada.Deposit("after"))
	net.AwaitLevel(10*time.Second, 0, 1, 2, 3)
	checkTimes(t, net)
	net.StopAndCheck()
}

func hasProblem(net *testnet.Net, node int, code string) bool {
	var health api.Health
	if err := testnet.Get(net.Places[node].URL(), "/v1/health", &health); err != nil {
		return false
	}
	for _, p := range health.Problems {
		if p.Code == code {
			return true
		}
	}
	return false
}

// checkTimes wants no header with the time of a wrong clock.
func checkTimes(t *testing.T, net *testnet.Net) {
	t.Helper()
	head, _ := net.Nodes[0].Chain().Head()
	for h := head.Header.Height; h > 0; h-- {
		header, err := net.Nodes[0].Chain().Header(h)
		if err != nil {
			t.Fatal(err)
		}
		if off := time.Since(time.UnixMilli(header.Time)); off < -3*time.Second || off > 2*time.Minute {
			t.Errorf("block %d has a time %s ago", h, off.Round(time.Second))
		}
	}
}
