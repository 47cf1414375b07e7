// Command evident stamps files on an evidence ledger and verifies proofs.
//
//	evident key new ada
//	evident stamp photo.jpg          writes photo.jpg.evident
//	evident verify photo.jpg         offline; exit code 0 valid, 1 altered, 2 cannot tell
//	evident export photo.jpg         writes case.zip for a lawyer; evident verify case.zip
//	evident stamp --sealed film.mp4  the members keep a ciphertext; evident fetch RECORD brings it back
//	evident stamp --together photos  one record for a folder, a proof for each file
//	evident backup home.age          keys, secrets and proofs, under a passphrase
//
// It trusts no node: what it prints has been proven, or says that it was not.
// Results go to standard output, progress and errors to standard error, and an
// error says what to do next. Texts are English, or Chinese where LANG says so.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"evident/lightclient"
	"evident/lightclient/home"
	"evident/lightclient/source"
	"evident/lightclient/source/p2p"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1 // it did not work; verify: the proof does not hold
	exitUnclear = 2 // the command makes no sense; verify: cannot tell
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// program is one run of the command.
type program struct {
	*printer
	home  home.Home
	nodes []string
	peers p2p.Dialer

	opened *lightclient.Client
}

// exitCode ends a command whose result has been printed already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := &program{printer: newPrinter(stdout, stderr), home: home.Default()}
	defer p.peers.Close()
	root := &cli.Command{
		Name:  "evident",
		Usage: p.say("stamp files on an evidence ledger, and verify proofs", "为文件存证，并验证证明"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "home", Value: p.home.Dir, Destination: &p.home.Dir, Usage: p.say("`FOLDER` of keys, outbox and what was verified", "密钥、发件箱和已验证内容所在的`目录`")},
			&cli.StringSliceFlag{Name: "node", Destination: &p.nodes, Usage: p.say("address of a full node, `URL` or multiaddr; may be repeated", "全节点的地址（`URL` 或 multiaddr），可重复")},
			&cli.BoolFlag{Name: "json", Destination: &p.json, Usage: p.say("print JSON", "输出 JSON")},
		},
		Commands: []*cli.Command{
			p.keyCommand(), p.stampCommand(), p.fetchCommand(), p.proofCommand(), p.verifyCommand(), p.exportCommand(),
			p.recipientCommand(), p.shareCommand(), p.receiveCommand(), p.eraseCommand(), p.protectCommand(), p.backupCommand(), p.restoreCommand(), p.showCommand(), p.stateCommand(), p.actCommand(), p.draftCommand(), p.discloseCommand(), p.demoCommand(), p.refusalCommand(), p.headCommand(), p.membersCommand(), p.trustCommand(),
		},
		Before: func(ctx context.Context, _ *cli.Command) (context.Context, error) {
			p.openVault()
			return ctx, nil
		},
		Writer: stdout, ErrWriter: io.Discard,
		ExitErrHandler:  func(context.Context, *cli.Command, error) {},
		CommandNotFound: func(context.Context, *cli.Command, string) {},
	}
	root.Action = func(_ context.Context, c *cli.Command) error {
		if c.Args().Present() {
			return usage(p.say("there is no command ", "没有这个命令：")+c.Args().First(), "evident --help")
		}
		return cli.ShowAppHelp(c)
	}
	explainUsage(root)
	err := root.Run(ctx, args)
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	return p.fail(err)
}

// explainUsage makes a wrong flag an error like any other, in every command.
func explainUsage(c *cli.Command) {
	c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
		return usage(err.Error(), c.FullName()+" --help")
	}
	for _, sub := range c.Commands {
		explainUsage(sub)
	}
}

// client opens the light client of the home, once.
func (p *program) client(ctx context.Context) (*lightclient.Client, error) {
	if p.opened != nil {
		return p.opened, nil
	}
	start, err := p.home.Start(p.nodes)
	if err != nil {
		return nil, err
	}
	p.opened, err = p.home.Open(ctx, start, p.dial)
	return p.opened, err
}

// dial takes a multiaddr to libp2p, and anything else to HTTP.
func (p *program) dial(address string) (lightclient.Source, error) {
	if len(address) > 0 && address[0] == '/' {
		return p.peers.New(address)
	}
	return source.New(address)
}
