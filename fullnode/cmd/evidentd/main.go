// Command evidentd runs a member's full node, or a whole consortium on one
// machine for trying out.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"evident/fullnode"
	"evident/fullnode/chain"
	"evident/fullnode/contract"
	"evident/fullnode/finality/guard"

	"github.com/urfave/cli/v3"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := program().Run(ctx, os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "evidentd: %v\n", err)
		if hint := hintFor(err); hint != "" {
			fmt.Fprintf(os.Stderr, "  %s\n", hint)
		}
		os.Exit(1)
	}
}

func program() *cli.Command {
	return &cli.Command{
		Name:    "evidentd",
		Usage:   "run a full node of an Evident ledger",
		Version: version,
		Commands: []*cli.Command{
			{
				Name:  "dev",
				Usage: "start a whole consortium on this machine, or resume it",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "dir", Usage: "keep the nodes in `DIR`", Value: defaultDevDir()},
					&cli.StringFlag{Name: "http", Usage: "serve the first node's explorer on `ADDR`", Value: "127.0.0.1:7080"},
					&cli.IntFlag{Name: "members", Usage: "found a new ledger with `N` members", Value: 4},
				},
				Action: func(ctx context.Context, c *cli.Command) error {
					return dev(ctx, c.String("dir"), c.String("http"), c.Int("members"))
				},
			},
			{
				Name:  "run",
				Usage: "run one member's node",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE`", Required: true},
					&cli.BoolFlag{Name: "verbose", Usage: "log every step"},
					&cli.StringFlag{Name: "files-kept", Usage: "keep at most `SIZE` of evidence, such as 500GiB (default: as far as the disk reaches)"},
					&cli.StringFlag{Name: "files-author", Usage: "keep at most `SIZE` for one author's records (default: 1TiB)"},
					&cli.StringFlag{Name: "files-waiting", Usage: "keep at most `SIZE` of uploads that no final record names yet (default: 64GiB)"},
					&cli.StringFlag{Name: "files-uploader", Usage: "keep at most `SIZE` of those from one address; behind a proxy all have one (default: 16GiB)"},
				},
				Action: func(ctx context.Context, c *cli.Command) error {
					cfg, err := fullnode.ReadConfig(c.String("config"))
					if err != nil {
						return err
					}
					if err := readQuotas(c, &cfg.Files); err != nil {
						return err
					}
					level := slog.LevelInfo
					if c.Bool("verbose") {
						level = slog.LevelDebug
					}
					cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
					return run(ctx, cfg)
				},
			},
			contractCommand(),
			{
				Name:      "fsck",
				Usage:     "check every hash, signature and root of a stopped node from genesis on",
				ArgsUsage: "DIR",
				Action: func(ctx context.Context, c *cli.Command) error {
					if c.NArg() != 1 {
						return errors.New("fsck wants one folder: evidentd fsck DIR")
					}
					return fsck(ctx, c.Args().First())
				},
			},
		},
	}
}

// hintFor says what to do about an error that an operator can mend.
func hintFor(err error) string {
	switch {
	case errors.Is(err, guard.ErrInUse), errors.Is(err, chain.ErrLocked):
		return "Another evidentd works in this folder. Stop it first, or name another folder."
	case errors.Is(err, guard.ErrCopied):
		return "A copied guard could sign twice. Run the node from its own folder, or set up a new member."
	case errors.Is(err, guard.ErrMissing):
		return "There is no member in this folder. `evidentd dev` founds a consortium; a member's folder is never restored from a backup."
	case errors.Is(err, contract.ErrCannotRun):
		return "Install the version of evidentd that the other members run. The ledger is as it was."
	case errors.Is(err, chain.ErrDamaged):
		return "Move the ledger folder away: the node fetches it again from the other members and checks every block."
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return "The folder must be writable by this user."
	case errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "address already in use"):
		return "Another program listens there. Stop it, or choose another address."
	}
	return ""
}
