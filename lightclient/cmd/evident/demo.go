package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/demo"
	"evident/lightclient/home"
)

func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     p.say("play a scenario on the consortium that runs on this machine", "在本机联盟上演示场景"),
		ArgsUsage: strings.Join(demo.Names(), "|") + "|all",
		Description: p.say("Each story makes new parties and items, so it can be played again. Its members vouch for the parties, which only the consortium of evidentd dev can do: it never touches another ledger.",
			"每次演示使用新的当事方与事项，可反复进行。当事方由 evidentd dev 的成员担保，因此不会触及其他账本。"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: p.say("`FOLDER` for the proofs that a story makes", "存放故事所生成证明的`目录`")},
		},
		Action: p.demo,
	}
}

func (p *program) demo(ctx context.Context, c *cli.Command) error {
	names := c.Args().Slice()
	if len(names) == 0 {
		return usage(p.say("which scenario?", "请指明场景")+" "+strings.Join(demo.Names(), " "), "evident demo bill")
	}
	if len(names) == 1 && names[0] == "all" {
		names = demo.Names()
	}
	members, err := devMembers()
	if err != nil {
		return err
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	player := &demo.Player{Client: client, Members: members, Lang: p.lang(), Out: p.out, Now: time.Now}
	if folder := c.String("output"); folder != "" {
		player.Save = func(name string, file []byte) error {
			path := filepath.Join(folder, name)
			p.line("   → %s", path)
			return writeDraft(path, file)
		}
	}
	for _, name := range names {
		if err := player.Play(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// devMembers reads the node keys of the consortium that evidentd dev runs on this machine, for trying things out.
func devMembers() ([]note.Signer, error) {
	local, err := home.Local()
	if err != nil {
		return nil, err
	}
	if local == nil {
		return nil, home.ErrNoNodes
	}
	var signers []note.Signer
	for _, m := range local.Members {
		data, err := os.ReadFile(filepath.Join(m.Dir, "node.key"))
		if err != nil {
			return nil, fmt.Errorf("read the node key of %s: %w", m.Member, err)
		}
		signer, err := note.NewSigner(strings.TrimSpace(string(data)))
		if err != nil {
			return nil, fmt.Errorf("read the node key of %s: %w", m.Member, err)
		}
		signers = append(signers, signer)
	}
	return signers, nil
}
