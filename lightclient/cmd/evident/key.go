package main

import (
	"context"

	"github.com/urfave/cli/v3"
)

func (p *program) keyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: p.say("make a key to sign with", "创建签名密钥"),
		Commands: []*cli.Command{{
			Name:      "new",
			Usage:     p.say("make a key; its name stands in every record", "创建密钥；其名称将出现在每条记录中"),
			ArgsUsage: p.say("NAME", "名称"),
			Action:    p.keyNew,
		}},
		Action: func(context.Context, *cli.Command) error {
			return usage(p.say("what about keys?", "请指明操作"), "evident key new NAME")
		},
	}
}

func (p *program) keyNew(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usage(p.say("a new key needs one name, without spaces", "新密钥需要一个不含空格的名称"), "evident key new ada")
	}
	keys := p.home.Keys()
	key, err := keys.Create(c.Args().First())
	if err != nil {
		return err
	}
	return p.result(map[string]string{"name": key.Name(), "key": key.Verifier(), "folder": keys.Dir}, func() {
		p.line(p.say("Key made.", "密钥已创建。"))
		p.rows(p.say("name", "名称"), key.Name(), p.say("public key", "公钥"), key.Verifier(), p.say("kept in", "保存于"), keys.Dir)
		p.line(p.say("Make a backup: evident backup FILE. Without the key nobody can sign in this name again.",
			"请备份：evident backup 文件。密钥丢失后，无人能再以此名义签名。"))
	})
}
