package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"evident/fullnode/contract"

	"github.com/urfave/cli/v3"
)

func contractCommand() *cli.Command {
	config := &cli.StringFlag{Name: "config", Usage: "speak for the member whose node has the configuration `FILE`", Required: true}
	return &cli.Command{
		Name:  "contract",
		Usage: "work on definitions of contracts",
		Commands: []*cli.Command{{
			Name:      "check",
			Usage:     "check a definition; problems come with file and line",
			ArgsUsage: "FILE",
			Action:    withDefinition(checkContract),
		}, {
			Name:      "try",
			Usage:     "say what a definition would mean for the items on the ledger",
			ArgsUsage: "FILE",
			Flags:     []cli.Flag{config},
			Action:    asMember((*member).tryContract),
		}, {
			Name:      "deploy",
			Usage:     "agree to a definition; it comes into force when a quorum of the members has",
			ArgsUsage: "FILE",
			Flags:     []cli.Flag{config},
			Action:    asMember((*member).deployContract),
		}},
	}
}

// withDefinition hands a command the definition that its argument names.
func withDefinition(do func(context.Context, *cli.Command, *contract.Contract) error) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		if cmd.NArg() != 1 {
			return fmt.Errorf("contract %s wants one file: evidentd contract %[1]s FILE", cmd.Name)
		}
		c, err := readContract(cmd.Args().First())
		if err != nil {
			return err
		}
		return do(ctx, cmd, c)
	}
}

func asMember(do func(*member, context.Context, *contract.Contract) error) cli.ActionFunc {
	return withDefinition(func(ctx context.Context, cmd *cli.Command, c *contract.Contract) error {
		m, err := openMember(ctx, cmd.String("config"), cmd.Root().Writer)
		if err != nil {
			return err
		}
		return do(m, ctx, c)
	})
}

func readContract(file string) (*contract.Contract, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read a contract: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, contract.MaxDefinitionSize+1))
	if err != nil {
		return nil, fmt.Errorf("read a contract: %w", err)
	}
	c, err := contract.Load(file, text)
	if err != nil {
		return nil, fmt.Errorf("the definition has problems:\n%w", err)
	}
	return c, nil
}

// checkContract says by which digest the members would agree to a definition.
func checkContract(_ context.Context, cmd *cli.Command, c *contract.Contract) error {
	_, err := fmt.Fprintf(cmd.Root().Writer, "%s version %d is well formed: %d statuses, %d rules, digest %s\n",
		c.Name(), c.Version(), len(c.Statuses()), len(c.Rules()), contract.Digest(c))
	return err
}
