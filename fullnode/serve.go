package fullnode

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"evident/fullnode/api"
	"evident/fullnode/finality"

	"github.com/libp2p/go-libp2p/p2p/net/gostream"
	"github.com/prometheus/client_golang/prometheus"
)

// Serve answers light clients on the TCP listener and on libp2p until ctx
// ends. pages is the explorer; version names the program.
func (n *Node) Serve(ctx context.Context, listener net.Listener, pages fs.FS, version string) error {
	registry := prometheus.NewRegistry()
	if err := n.blobs.Register(registry); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	handler, err := api.New(api.Config{
		Ledger:   n.chain,
		Intake:   n.intake,
		Node:     n,
		Files:    n.blobs,
		Pages:    pages,
		Hosts:    n.cfg.Hosts,
		Registry: registry,
		Log:      n.log,
		Now:      n.clock.now,
		Version:  version,
	})
	if err != nil {
		return err
	}
	streams, err := gostream.Listen(n.host, api.Protocol)
	if err != nil {
		return fmt.Errorf("serve light clients: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 2)
	for _, l := range []net.Listener{listener, streams} {
		go func() { done <- handler.Serve(ctx, l) }()
	}
	first := <-done
	cancel()
	return errors.Join(first, <-done)
}

// Member implements api.Node.
func (n *Node) Member() string { return n.self.Name }

// Nodes implements api.Node: where the members' nodes are, as hints.
func (n *Node) Nodes() []api.NodeHint {
	var hints []api.NodeHint
	for _, m := range n.genesis.Members {
		hints = append(hints, api.NodeHint{Member: m.Name, URLs: n.cfg.Nodes[m.Name], Addresses: n.addresses(m.Name)})
	}
	return hints
}

func (n *Node) addresses(member string) []string {
	if member != n.self.Name {
		return append([]string{}, n.cfg.Peers[member]...)
	}
	var out []string
	for _, a := range n.host.Addrs() {
		out = append(out, a.String())
	}
	return out
}

// Cosigned implements api.Node.
func (n *Node) Cosigned(member string) (finality.Cosigned, bool) { return n.seen.newest(member) }

// Problems implements api.Node: what an operator should look at.
func (n *Node) Problems() []api.Problem {
	problems := []api.Problem{}
	if err := n.Failure(); err != nil {
		problems = append(problems, api.Problem{Code: "signing", Failing: true, Message: err.Error()})
	}
	if !n.clock.right() {
		problems = append(problems, api.Problem{Code: "clock",
			Message: fmt.Sprintf("this clock is %s off the members' clocks: set it, for example with NTP", n.clock.offset().Round(time.Millisecond))})
	}
	if n.chain.Room() != nil {
		problems = append(problems, api.Problem{Code: "disk", Failing: true, Message: "the disk is full: nothing is taken in until there is room"})
	}
	if _, ok := n.order.Leader(); !ok {
		problems = append(problems, api.Problem{Code: "order", Message: "no leader: too few members can be reached to order records"})
	}
	for _, member := range n.misbehaviour.members() {
		problems = append(problems, api.Problem{Code: "misbehaviour",
			Message: fmt.Sprintf("%s cosigned two histories: the accusation is in misbehaviour/ of this node's folder; send it to every member", member)})
	}
	for _, message := range n.blobs.Problems() {
		problems = append(problems, api.Problem{Code: "files", Message: message})
	}
	if head, ok := n.chain.Head(); ok && n.clock.now().Sub(time.UnixMilli(head.Header.Time)) > 2*heartbeat+5*time.Second {
		problems = append(problems, api.Problem{Code: "finality", Message: "no block has become final for over a minute: too few members cosign"})
	}
	return problems
}
