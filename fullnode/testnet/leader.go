package testnet

import (
	"bytes"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// leadership is where a node logs to: it learns from the lines who leads, and
// passes warnings on to the test's log.
type leadership struct {
	mu      sync.Mutex
	t       testing.TB
	node    int
	leading bool
	term    int
}

var leadershipLine = regexp.MustCompile(`msg=leadership leading=(true|false) term=(\d+)`)

func (l *leadership) reset(t testing.TB, node int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t, l.node, l.leading = t, node, false
}

// Write implements io.Writer for one line.
func (l *leadership) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := leadershipLine.FindSubmatch(line); m != nil {
		l.leading = string(m[1]) == "true"
		l.term, _ = strconv.Atoi(string(m[2]))
	}
	if !bytes.Contains(line, []byte("level=INFO")) {
		l.t.Logf("node %d: %s", l.node, bytes.TrimSpace(line))
	}
	return len(line), nil
}

func (l *leadership) at() (term int, leading bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term, l.leading
}

// newest returns which of the nodes leads in the newest term, or -1.
func newest(nodes []*leadership) int {
	leader, newest := -1, 0
	for i, l := range nodes {
		if term, leading := l.at(); leading && term > newest {
			leader, newest = i, term
		}
	}
	return leader
}

// Leader waits for the node that leads.
func (n *Net) Leader() int {
	n.Helper()
	var all []*leadership
	for _, node := range n.Nodes {
		all = append(all, &node.leads)
	}
	return n.awaitLeader(all)
}

func (c *Consortium) awaitLeader(all []*leadership) int {
	c.Helper()
	leader := -1
	c.Eventually(20*time.Second, "one node leads", func() bool {
		leader = newest(all)
		return leader >= 0
	})
	return leader
}
