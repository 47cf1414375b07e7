package order

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkCommit measures how long after Propose the last follower that a
// quorum of four needs has the entry from Committed: only then it can sign.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 512 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) { benchmarkCommit(b, size) })
	}
}

func benchmarkCommit(b *testing.B, size int) {
	nodes := newTestCluster(b, 4, Tuning{})
	leader := leaderOf(b, nodes)
	padding := make([]byte, size-16)
	var quorum, proposer []time.Duration
	b.ResetTimer()
	for i := range b.N {
		entry := fmt.Sprintf("%016d%s", i, padding)
		begun := time.Now()
		propose(b, []*testNode{leader}, entry)
		proposer = append(proposer, time.Since(begun))
		var delays []time.Duration
		eventually(b, 10*time.Second, "everybody has the entry", func() bool {
			delays = delays[:0]
			for _, n := range nodes {
				n.mu.Lock()
				if at, ok := n.at[entry]; ok {
					delays = append(delays, at.Sub(begun))
				}
				n.mu.Unlock()
			}
			return len(delays) == len(nodes)
		})
		slices.Sort(delays)
		quorum = append(quorum, delays[2])
	}
	b.StopTimer()
	report(b, "propose", proposer)
	report(b, "quorum", quorum)
}

func report(b *testing.B, what string, d []time.Duration) {
	slices.Sort(d)
	b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, what+"-p50-ms")
	b.ReportMetric(float64(d[len(d)*99/100].Microseconds())/1000, what+"-p99-ms")
}
