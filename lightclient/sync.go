package lightclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// syncRounds is how often a node is asked when the head moves during the question.
const syncRounds = 3

// errMoved says that the head moved while a node was asked, so that its
// consistency proof starts at the wrong size.
var errMoved = errors.New("the ledger grew while it was asked for")

// Sync asks f+1 members at the same time for their newest head and keeps the
// newest one that verifies (rules L2 to L4).
func (c *Client) Sync(ctx context.Context) (Head, error) {
	if err := c.halted(); err != nil {
		return Head{}, err
	}
	if err := c.checkAway(); err != nil {
		return Head{}, err
	}
	want := c.trusted.Members.Faults() + 1
	_, err := gather(ctx, c, c.spread(c.line()), want, want, c.askHead)
	if halted := c.halted(); halted != nil {
		return Head{}, halted
	}
	if err != nil {
		return Head{}, fmt.Errorf("sync: %w", err)
	}
	h, _ := c.Head()
	return h, c.sawFresh(h)
}

// Survey asks every node that was not asked yet for its head, so that Nodes
// can say something of each.
func (c *Client) Survey(ctx context.Context) {
	var unasked []*node
	for _, n := range c.line() {
		c.mu.Lock()
		if n.state == "" {
			unasked = append(unasked, n)
		}
		c.mu.Unlock()
	}
	gather(ctx, c, unasked, len(unasked), len(unasked), c.askHead)
}

// spread moves nodes of a member that stands before them to the end.
func (c *Client) spread(nodes []*node) []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[string]bool{}
	var front, back []*node
	for _, n := range nodes {
		if n.member != "" && seen[n.member] {
			back = append(back, n)
			continue
		}
		seen[n.member] = true
		front = append(front, n)
	}
	return append(front, back...)
}

// checkAway is rule L5. An old head of a ledger that stands still is no reason,
// but a client that has not seen a fresh one for so long is.
func (c *Client) checkAway() error {
	h, ok := c.Head()
	if !ok || c.anchor.N > h.Tree().N {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); !c.fresh.IsZero() && now.Sub(c.fresh) > maxAway {
		return &ErrTooOld{Since: c.fresh, Now: now}
	}
	return nil
}

// sawFresh stores, once a day, that the client has seen a fresh head; the first
// head of all counts as one.
func (c *Client) sawFresh(h Head) error {
	_, stale := c.Age(h)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.fresh.IsZero() && (stale || now.Sub(c.fresh) < 24*time.Hour) {
		return nil
	}
	old, err := c.read(storedFresh)
	if err != nil {
		return err
	}
	if err := c.swap(storedFresh, old, now.UTC().AppendFormat(nil, time.RFC3339)); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	c.fresh = now
	return nil
}

// askHead asks one node for its newest head and takes it over if it is newer.
func (c *Client) askHead(ctx context.Context, n *node) (Head, error) {
	for range syncRounds {
		from, _ := c.Head()
		u, said, err := askFor[UnverifiedHead](ctx, n, head(from.size()))
		if err != nil {
			return Head{}, err
		}
		h, err := c.trusted.OpenHead(u)
		if err != nil {
			return Head{}, n.refuse(err, said)
		}
		err = c.consider(ctx, n, from, h, u.Consistency, said)
		if !errors.Is(err, errMoved) {
			return h, err
		}
	}
	// Others keep moving the head faster than we can ask: it is as new as our question.
	h, _ := c.Head()
	return h, nil
}

func (h Head) size() int64 {
	if h.Certificate == nil {
		return 0
	}
	return h.Certificate.Tree.N
}

// tree is like Tree, and the empty tree for no head.
func (h Head) tree() tlog.Tree {
	if h.Certificate == nil {
		return tlog.Tree{}
	}
	return h.Certificate.Tree
}

// consider compares a certified head with the client's: it is newer, the same,
// or older; and it continues the same history or not. The node was asked for
// consistency with from, and the client may have moved on since.
func (c *Client) consider(ctx context.Context, n *node, from, h Head, p tlog.TreeProof, said []byte) error {
	known, _ := c.Head()
	switch {
	case h.size() > known.size():
		if known.tree() != from.tree() {
			return errMoved
		}
		if err := h.Extends(from.tree(), p); err != nil {
			return c.examine(ctx, n, from, h, n.lied(err, said))
		}
		if err := c.checkAnchor(ctx, n, h); err != nil {
			return err
		}
		if err := c.take(h, from); err != nil {
			return err
		}
	case h.Tree() == known.Tree():
	case h.size() == known.size():
		return c.contradicted(sighting(known), sighting(h))
	default:
		if err := c.checkOlder(ctx, known, h); err != nil {
			return err
		}
	}
	c.saw(n, h)
	return nil
}

// take makes h the client's head, unless it has moved on from what h was compared with.
func (c *Client) take(h, from Head) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head != nil && c.head.tree() != from.tree() {
		return errMoved
	}
	return c.advance(h)
}

// checkAnchor checks that history leads through the anchor that a person confirmed.
func (c *Client) checkAnchor(ctx context.Context, n *node, h Head) error {
	if known, _ := c.Head(); c.anchor.N <= known.size() {
		return nil
	}
	u, said, err := askFor[UnverifiedHead](ctx, n, head(c.anchor.N))
	if err != nil {
		return err
	}
	again, err := c.trusted.OpenHead(u)
	if err != nil {
		return n.refuse(err, said)
	}
	if again.Tree() != h.Tree() {
		return errMoved
	}
	return n.refuse(again.Extends(c.anchor, u.Consistency), said)
}

// checkOlder checks that a head older than ours lies in our history. The node
// is behind, which is no lie: it does not have to be as fast as others.
func (c *Client) checkOlder(ctx context.Context, known, h Head) error {
	ours, err := c.header(ctx, h.Header.Height)
	if err != nil {
		return err
	}
	if ours == h.Header {
		return nil
	}
	proof, err := c.sightingAt(ctx, known, h.Header.Height)
	if err != nil {
		return err
	}
	return c.contradicted(proof, sighting(h))
}

// saw notes what a node proved of itself by a head that fits our history.
func (c *Client) saw(n *node, h Head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range h.Certificate.Cosignatures {
		c.sawCosignature(s.Member, LastCosigned{Height: h.Header.Height, Time: time.Unix(s.Time, 0)})
	}
	lag := c.head.Time().Sub(h.Time())
	n.state, n.err = NodeOK, nil
	if h.size() < n.size || lag > StaleAfter {
		n.state = NodeBehind
		n.err = fmt.Errorf("it serves block %d, others block %d", h.Header.Height, c.head.Header.Height)
	}
	n.size = max(n.size, h.size())
}

// LastCosigned is the newest block that a member is known to have cosigned.
type LastCosigned struct {
	Height ledger.Height
	Time   time.Time // by the member's clock
}

func (c *Client) sawCosignature(member string, at LastCosigned) {
	if last, ok := c.cosigned[member]; !ok || at.Height > last.Height {
		c.cosigned[member] = at
	}
}
