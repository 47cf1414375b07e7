package lightclient

import (
	"context"
	"time"

	"evident/lightclient/ledger"
)

const (
	// pollEvery is how often the client asks without being told to.
	pollEvery = 10 * time.Second
	// settle gathers a burst of events into one question.
	settle = 200 * time.Millisecond
	// relisten is the pause before another event stream is opened.
	relisten = 2 * time.Second
)

// Follow calls next with each new final block, in order, from the one after
// the current head on. It asks when a node's event stream moves, and otherwise
// now and then; what the events say does not matter, since every block is
// verified. After a gap of more than MaxBlocks it goes on with the newest ones.
// It returns when ctx ends or the client has stopped for good.
func (c *Client) Follow(ctx context.Context, next func(ledger.Header)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	moved := make(chan struct{}, 1)
	go c.listen(ctx, moved)
	last, followed := c.Head()
	for {
		if head, err := c.Sync(ctx); err == nil {
			if followed && head.Header.Height > last.Header.Height {
				c.deliver(ctx, last, head, next)
			}
			last, followed = head, true
		}
		if err := c.halted(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
			time.Sleep(settle)
		case <-time.After(pollEvery):
		}
	}
}

// deliver passes on the blocks after last, the oldest first. Headers that no
// node lists are left out; the head itself is at hand.
func (c *Client) deliver(ctx context.Context, last, head Head, next func(ledger.Header)) {
	gap := min(int64(head.Header.Height-last.Header.Height), MaxBlocks)
	list, _ := c.below(ctx, head.Header, int(gap-1))
	for i := len(list) - 1; i >= 0; i-- {
		next(list[i])
	}
	next(head.Header)
}

// listen keeps one event stream open, of one node after the other.
func (c *Client) listen(ctx context.Context, moved chan<- struct{}) {
	heard := func() {
		select {
		case moved <- struct{}{}:
		default:
		}
	}
	for ctx.Err() == nil {
		for _, n := range c.line() {
			n.source.Listen(ctx, "/v1/events", heard)
			select {
			case <-ctx.Done():
				return
			case <-time.After(relisten):
			}
		}
		if len(c.line()) == 0 {
			return
		}
	}
}
