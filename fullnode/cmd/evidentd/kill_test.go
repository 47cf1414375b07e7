package main

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"evident/fullnode/testnet"
)

// recovery is the goal of trust.md: finality is back within it.
const recovery = 30 * time.Second

// newTestProcesses starts four real nodes and a load of eight clients.
func newTestProcesses(t *testing.T) (*testnet.Processes, *testnet.Load) {
	t.Helper()
	net := testnet.NewProcesses(t, 4)
	net.Start()
	load := net.StartLoad(8)
	t.Cleanup(load.Stop)
	net.AwaitFinals(load, 1, recovery)
	return net, load
}

// finish stops the load, waits until all are level, and checks everything.
func finish(t *testing.T, net *testnet.Processes, load *testnet.Load) {
	t.Helper()
	load.Stop()
	net.AwaitLevel(recovery, 0, 1, 2, 3)
	net.StopAndCheck()
	t.Logf("%d records final, the slowest in %s", load.Final.Load(), time.Duration(load.Slowest.Load()).Round(time.Millisecond))
}

func TestKillFollowers(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	net, load := newTestProcesses(t)
	killFollowers(t, net, load, 2)
	finish(t, net, load)
}

func killFollowers(t *testing.T, net *testnet.Processes, load *testnet.Load, rounds int) {
	for range rounds {
		victim := (net.Leader() + 1 + rand.IntN(3)) % 4
		net.Kill(victim)
		without := net.AwaitFinals(load, 20, recovery)
		net.Start(victim)
		with := net.AwaitFinals(load, 20, recovery)
		t.Logf("follower %d killed: 20 more final after %s; started: 20 more after %s", victim, without, with)
		net.AwaitLevel(recovery, 0, 1, 2, 3)
		net.MustRun()
	}
}

func TestKillLeader(t *testing.T) {
	net, load := newTestProcesses(t)
	killLeader(t, net, load, 2)
	finish(t, net, load)
}

func killLeader(t *testing.T, net *testnet.Processes, load *testnet.Load, rounds int) {
	for range rounds {
		victim := net.Leader()
		net.Kill(victim)
		without := net.AwaitFinals(load, 20, recovery)
		net.Start(victim)
		with := net.AwaitFinals(load, 20, recovery)
		t.Logf("leader %d killed: 20 more final after %s; started: 20 more after %s", victim, without, with)
		net.AwaitLevel(recovery, 0, 1, 2, 3)
		net.MustRun()
	}
}

func TestKillAll(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	net, load := newTestProcesses(t)
	killAll(t, net, load, 2)
	finish(t, net, load)
}

func killAll(t *testing.T, net *testnet.Processes, load *testnet.Load, rounds int) {
	for range rounds {
		net.Kill()
		net.Start()
		// More than the eight answers that may have been on their way.
		t.Logf("all killed: final again after %s", net.AwaitFinals(load, 9, recovery))
		net.AwaitFinals(load, 20+rand.Int64N(50), recovery)
		net.MustRun()
	}
}

// A process that is frozen answers nothing and breaks nothing; when it thaws
// it takes part again.
func TestFreeze(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	net, load := newTestProcesses(t)
	for _, victim := range []int{(net.Leader() + 1) % 4, net.Leader()} {
		net.Signal(syscall.SIGSTOP, victim)
		t.Logf("node %d frozen: 20 more final after %s", victim, net.AwaitFinals(load, 20, recovery))
		net.Signal(syscall.SIGCONT, victim)
		net.AwaitLevel(recovery, 0, 1, 2, 3)
	}
	finish(t, net, load)
}

// Two of four are gone: nothing becomes final, and nothing is lost.
func TestKillQuorum(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	net, load := newTestProcesses(t)
	net.Kill(1, 2)
	time.Sleep(time.Second)
	before := load.Final.Load()
	time.Sleep(2 * time.Second)
	if got := load.Final.Load() - before; got != 0 {
		t.Errorf("%d records became final without a quorum", got)
	}
	net.Start(1, 2)
	t.Logf("final again after %s", net.AwaitFinals(load, 20, recovery))
	finish(t, net, load)
}
