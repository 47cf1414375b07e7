package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"evident/fullnode/contract"

	"github.com/urfave/cli/v3"
)

func contractCommand() *cli.Command {
	return &cli.Command{
		Name:  "contract",
		Usage: "work on definitions of contracts",
		Commands: []*cli.Command{{
			Name:      "check",
			Usage:     "check a definition; problems come with file and line",
			ArgsUsage: "FILE",
			Action: func(_ context.Context, c *cli.Command) error {
				if c.NArg() != 1 {
					return errors.New("contract check wants one file: evidentd contract check FILE")
				}
				return checkContract(c.Root().Writer, c.Args().First())
			},
		}},
	}
}

// checkContract compiles a definition and says by which digest the members would agree to it.
func checkContract(out io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("check a contract: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, contract.MaxDefinitionSize+1))
	if err != nil {
		return fmt.Errorf("check a contract: %w", err)
	}
	c, err := contract.Load(file, text)
	if err != nil {
		return fmt.Errorf("the definition has problems:\n%w", err)
	}
	_, err = fmt.Fprintf(out, "%s version %d is well formed: %d statuses, %d rules, digest %s\n",
		c.Name(), c.Version(), len(c.Statuses()), len(c.Rules()), contract.Digest(c))
	return err
}
