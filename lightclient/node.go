package lightclient

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"evident/lightclient/ledger"
)

const (
	// answerLimit is how long one node may take for one answer.
	answerLimit = 15 * time.Second
	// hedgeAfter is when the next node is asked beside a slow one.
	hedgeAfter = 1500 * time.Millisecond
	// graceAfter is how long further nodes may take after the first good answer.
	graceAfter = 400 * time.Millisecond
)

// NodeState is how a node last behaved.
type NodeState string

// The states of a node.
const (
	NodeUnasked NodeState = "unasked"
	NodeOK      NodeState = "ok"
	NodeDown    NodeState = "down"   // no usable answer
	NodeBehind  NodeState = "behind" // it serves an old head
	NodeLied    NodeState = "lied"   // proven wrong: not asked again
)

// NodeStatus is what the client knows of one node.
type NodeStatus struct {
	Address string
	Member  string // whose node it is by the genesis; empty when that does not say
	State   NodeState
	Size    int64 // of the newest log it proved
	Err     error
}

// node is a source and how it behaved. Its fields are guarded by Client.mu.
type node struct {
	source Source
	member string
	state  NodeState
	size   int64
	err    error
}

// Nodes returns the state of every node.
func (c *Client) Nodes() []NodeStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]NodeStatus, len(c.nodes))
	for i, n := range c.nodes {
		out[i] = NodeStatus{Address: n.source.Name(), Member: n.member, State: n.state, Size: n.size, Err: n.err}
		if n.state == "" {
			out[i].State = NodeUnasked
		}
	}
	return out
}

// ask returns the body of a good answer.
func (n *node) ask(ctx context.Context, q Question) ([]byte, error) {
	a, err := n.source.Ask(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("%w: ask %s: %w", ErrUnavailable, n.source.Name(), err)
	}
	if int64(len(a.Body)) > q.Limit {
		return nil, fmt.Errorf("%w: ask %s: the answer is longer than %d bytes", ErrUnavailable, n.source.Name(), q.Limit)
	}
	if a.Status/100 != 2 {
		return nil, fmt.Errorf("ask %s: %w", n.source.Name(), a.failure())
	}
	return a.Body, nil
}

// askFor asks and decodes a JSON answer; the bytes are returned too, as the
// evidence in case they turn out to be a lie.
func askFor[T any](ctx context.Context, n *node, q Question) (answer T, said []byte, err error) {
	said, err = n.ask(ctx, q)
	if err != nil {
		return answer, nil, err
	}
	if err := json.Unmarshal(said, &answer); err != nil {
		return answer, said, n.refuse(fmt.Errorf("%w: %v", ledger.ErrFormat, err), said)
	}
	return answer, said, nil
}

// refuse says that an answer was not acceptable, in the node's class.
func (n *node) refuse(err error, said []byte) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	if lie(err) {
		return n.lied(err, said)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, n.source.Name(), err)
}

func (n *node) lied(why error, said []byte) error {
	return &ErrLied{Node: n.source.Name(), Why: why, Said: said}
}

// line returns the nodes to ask, in order: those that answered well first, the
// liars not at all. The first one changes from question to question.
func (c *Client) line() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var good, bad []*node
	for i := range c.nodes {
		n := c.nodes[(c.turn+i)%len(c.nodes)]
		switch n.state {
		case NodeLied:
		case NodeDown, NodeBehind:
			bad = append(bad, n)
		default:
			good = append(good, n)
		}
	}
	c.turn++
	return append(good, bad...)
}

// Sources returns the nodes that never lied, always in the same order, for those
// who move files: what they bring is checked block by block, so they need no
// more of the client.
func (c *Client) Sources() []Source {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Source
	for _, n := range c.nodes {
		if n.state != NodeLied {
			out = append(out, n.source)
		}
	}
	return out
}

// first asks one node after the other, and the next one beside a slow one,
// until one gives an answer that ask accepts.
func first[T any](ctx context.Context, c *Client, ask func(context.Context, *node) (T, error)) (T, error) {
	answers, err := gather(ctx, c, c.line(), 1, 1, ask)
	if err != nil {
		var none T
		return none, err
	}
	return answers[0], nil
}

// gather asks nodes in order, abreast of them at a time, until want have
// answered well or none is left. It fails only if none answered well.
func gather[T any](ctx context.Context, c *Client, nodes []*node, abreast, want int, ask func(context.Context, *node) (T, error)) ([]T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	enough := errDone
	if abreast == want {
		enough = errSlow // whoever has not answered by then
	}
	defer cancel(enough)
	type result struct {
		answer T
		err    error
	}
	results := make(chan result, len(nodes))
	running := 0
	launch := func() {
		if len(nodes) == 0 {
			return
		}
		n := nodes[0]
		nodes = nodes[1:]
		running++
		go func() {
			answer, err := askOne(ctx, c, n, ask)
			results <- result{answer, err}
		}()
	}
	for range abreast {
		launch()
	}
	var answers []T
	var failures []error
	hedge := time.NewTicker(hedgeAfter)
	defer hedge.Stop()
	var grace <-chan time.Time
	for running > 0 && len(answers) < want {
		select {
		case r := <-results:
			running--
			if r.err != nil {
				failures = append(failures, r.err)
				launch()
				continue
			}
			answers = append(answers, r.answer)
			grace = time.After(graceAfter)
		case <-hedge.C:
			launch()
		case <-grace:
			return answers, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if len(answers) == 0 {
		return nil, c.explain(failures)
	}
	return answers, nil
}

// Why a question is given up.
var (
	errDone = errors.New("one answer was enough")
	errSlow = errors.New("the others have answered")
)

// explain makes one error of why no node answered well.
func (c *Client) explain(failures []error) error {
	if err := c.halted(); err != nil {
		return err
	}
	for _, err := range failures {
		if errors.Is(err, ErrStore) {
			return err
		}
	}
	if len(failures) == 0 {
		return fmt.Errorf("%w: there is none to ask", ErrUnavailable)
	}
	return errors.Join(failures...)
}

// askOne asks one node and notes how it behaved.
func askOne[T any](ctx context.Context, c *Client, n *node, ask func(context.Context, *node) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	begun := time.Now()
	answer, err := ask(limited, n)
	slow := context.Cause(ctx) == errSlow && time.Since(begun) >= graceAfter
	c.mu.Lock()
	defer c.mu.Unlock()
	var lied *ErrLied
	var refused *Refused
	switch {
	case errors.As(err, &lied) && lied.Node == n.source.Name():
		n.state, n.err = NodeLied, err
		c.keepLie(lied)
	case n.state == NodeLied: // found out meanwhile, by another question
	case err == nil, errors.As(err, &refused):
		if n.state != NodeBehind {
			n.state, n.err = NodeOK, nil
		}
	case slow:
		n.state, n.err = NodeDown, fmt.Errorf("%w: %s is slow", ErrUnavailable, n.source.Name())
	case ctx.Err() != nil, errors.Is(err, ErrNotShown), noRoom(err): // says nothing about the node
	default:
		n.state, n.err = NodeDown, err
	}
	return answer, err
}

// maxEvidence bounds what is kept of one lie.
const maxEvidence = 1 << 20

// keepLie stores what a node was caught with, for people to look at. That it
// cannot be stored does not make the node more trustworthy, so it is not an error.
func (c *Client) keepLie(lied *ErrLied) {
	file, err := json.MarshalIndent(map[string]string{
		"node": lied.Node, "why": lied.Why.Error(), "said": string(lied.Said[:min(len(lied.Said), maxEvidence)]),
	}, "", "  ")
	if err != nil {
		return
	}
	name := fmt.Sprintf("lie-%x", sha256.Sum256([]byte(lied.Node)))[:20]
	if old, err := c.store.Read(name); err == nil {
		c.store.Swap(name, old, file)
	}
}
