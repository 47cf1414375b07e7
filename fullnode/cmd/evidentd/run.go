package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"evident/frontend"
	"evident/fullnode"
	"evident/fullnode/chain"
	"evident/lightclient/ledger"

	"github.com/libp2p/go-libp2p/gologshim"
)

// memoryLimit keeps the collector busy before a node of a small machine swaps.
const memoryLimit = 1 << 30

// run runs one node until ctx ends.
func run(ctx context.Context, cfg fullnode.Config) error {
	debug.SetMemoryLimit(memoryLimit)
	if !cfg.Log.Enabled(ctx, slog.LevelDebug) {
		gologshim.SetDefaultHandler(slog.DiscardHandler) // libp2p's own lines are debug lines; its errors come back to us
	}
	// Both ports are taken before any folder is touched.
	listener, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	node, err := fullnode.Open(cfg)
	if err != nil {
		listener.Close()
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		err := node.Serve(ctx, listener, frontend.Pages(), version)
		stop()
		served <- err
	}()
	go rest(ctx, node.Chain())
	cfg.Log.Info("node runs", "member", node.Member(), "http", listener.Addr().String())
	err = node.Run(ctx)
	stop()
	return errors.Join(err, <-served, node.Close())
}

// rest gives memory back to the system when the node has nothing to do; by
// itself Go keeps what a busy time needed for minutes.
func rest(ctx context.Context, ledger *chain.Chain) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	rested := false
	for size := int64(0); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		head, ok := ledger.Head()
		if !ok {
			continue
		}
		idle := head.Certificate.Tree.N <= size+1 // but for the empty block that a quiet ledger makes now and then
		size = head.Certificate.Tree.N
		if idle && !rested {
			debug.FreeOSMemory()
		}
		rested = idle
	}
}

// fsck recomputes everything that a stopped node holds.
func fsck(ctx context.Context, dir string) error {
	genesis, err := readGenesis(dir)
	if err != nil {
		return err
	}
	stored, err := chain.Open(filepath.Join(dir, "ledger"), genesis, chain.Options{})
	if err != nil {
		return err
	}
	defer stored.Close()
	last := time.Now()
	err = stored.Verify(ctx, func(done, of ledger.Height) {
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "checked %d of %d blocks\n", done, of)
		}
	})
	if err != nil {
		return err
	}
	fmt.Printf("ledger   %s\n", stored.Origin())
	if head, ok := stored.Head(); ok {
		fmt.Printf("blocks   %d\nhead     %s\n", head.Certificate.Tree.N, head.Header.Hash())
	}
	fmt.Println("Every hash, signature and root was computed again from genesis, and agrees.")
	return nil
}

// readGenesis reads the genesis of a node folder, or of the consortium it is in.
func readGenesis(dir string) ([]byte, error) {
	for _, path := range []string{filepath.Join(dir, "genesis.json"), filepath.Join(filepath.Dir(filepath.Clean(dir)), "genesis.json")} {
		data, err := os.ReadFile(path)
		if err == nil {
			return data, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no genesis.json in %s or above it: is this a node's folder?", dir)
}
