package lightclient

import (
	"context"
	"slices"
)

// maxNodes bounds the nodes that are followed, however many are suggested.
const maxNodes = 16

// Discover asks the nodes for each other's addresses, and adds one node for
// each member that none is known of. The addresses are hints: a wrong one
// costs time and nothing else. dial makes a source of an address it can use.
func (c *Client) Discover(ctx context.Context, dial func(address string) (Source, error)) error {
	hints, err := c.hints(ctx)
	if err != nil {
		return err
	}
	c.learnMembers(ctx, hints)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, hint := range hints {
		taken := slices.ContainsFunc(c.nodes, func(n *node) bool { return n.member == hint.Member })
		if taken || c.trusted.Members.ByName(hint.Member) == nil || len(c.nodes) == maxNodes {
			continue
		}
		for _, address := range hint.URLs {
			if s, err := dial(address); err == nil {
				c.nodes = append(c.nodes, &node{source: s, member: hint.Member})
				break
			}
		}
	}
	return nil
}

// Addresses asks where the members' nodes are in their own network: multiaddrs, by the name of the member. They are hints.
func (c *Client) Addresses(ctx context.Context) (map[string][]string, error) {
	hints, err := c.hints(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, h := range hints {
		out[h.Member] = h.Addresses
	}
	return out, nil
}

func (c *Client) hints(ctx context.Context) ([]unverifiedHint, error) {
	return first(ctx, c, func(ctx context.Context, n *node) ([]unverifiedHint, error) {
		u, _, err := askFor[struct{ Nodes []unverifiedHint }](ctx, n, get("/v1/nodes", maxSmall))
		return u.Nodes, err
	})
}

type unverifiedHint struct {
	Member    string   `json:"member"`
	URLs      []string `json:"urls"`
	Addresses []string `json:"addresses"`
}

// learnMembers notes whose nodes the known ones are, by the hints, or by what a
// node says of itself. Nothing rests on it but which nodes are asked together.
func (c *Client) learnMembers(ctx context.Context, hints []unverifiedHint) {
	for _, n := range c.line() {
		member := ""
		for _, h := range hints {
			if slices.Contains(h.URLs, n.source.Name()) {
				member = h.Member
			}
		}
		if member == "" {
			told, _, err := askFor[struct{ Member string }](ctx, n, get("/v1/status", maxSmall))
			if err != nil {
				continue
			}
			member = told.Member
		}
		c.mu.Lock()
		if n.member == "" && c.trusted.Members.ByName(member) != nil {
			n.member = member
		}
		c.mu.Unlock()
	}
}
