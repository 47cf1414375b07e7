//go:build hammer

package main

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// hammerRounds is how often each loop kills; EVIDENT_HAMMER sets it.
func hammerRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("EVIDENT_HAMMER")
	if text == "" {
		return 100
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("EVIDENT_HAMMER=%s: want a number of rounds", text)
	}
	return n
}

func TestHammerFollowers(t *testing.T) {
	net, load := newTestProcesses(t)
	killFollowers(t, net, load, hammerRounds(t))
	finish(t, net, load)
}

func TestHammerLeader(t *testing.T) {
	net, load := newTestProcesses(t)
	killLeader(t, net, load, hammerRounds(t))
	finish(t, net, load)
}

func TestHammerAll(t *testing.T) {
	net, load := newTestProcesses(t)
	killAll(t, net, load, hammerRounds(t))
	finish(t, net, load)
}

// TestHammerAway keeps one node away until Raft's log no longer reaches back
// to where it left, under load, and lets it catch up under load.
func TestHammerAway(t *testing.T) {
	net, load := newTestProcesses(t)
	victim := (net.Leader() + 1) % 4
	net.Kill(victim)
	away := int64(10_000)
	began, from := time.Now(), net.Size((victim+1)%4)
	net.Eventually(time.Hour, "many blocks", func() bool { return net.Size((victim+1)%4) >= from+away })
	t.Logf("%d blocks in %s", away, time.Since(began))
	began = time.Now()
	net.Start(victim)
	net.AwaitLevel(10*time.Minute, victim, (victim+1)%4)
	t.Logf("caught up in %s, under load", time.Since(began))
	finish(t, net, load)
}
