package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"evident/lightclient/author"
)

// passphraseEnv is for programs, which cannot be asked.
const passphraseEnv = "EVIDENT_PASSPHRASE"

var errNoTerminal = errors.New("there is no terminal to ask at")

// ask gets a passphrase from the environment or from a person, without showing it.
func (p *program) ask(question string) (string, error) {
	if text := os.Getenv(passphraseEnv); text != "" {
		return text, nil
	}
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", errNoTerminal
	}
	fmt.Fprint(p.err, question)
	text, err := term.ReadPassword(fd)
	fmt.Fprintln(p.err)
	return string(text), err
}

// askNew asks twice for a new passphrase: one that was mistyped opens nothing any more.
func (p *program) askNew() (string, error) {
	first, err := p.ask(p.say("New passphrase: ", "新口令："))
	if err != nil {
		return "", p.noPassphrase(err)
	}
	again, err := p.ask(p.say("Once more: ", "再输入一次："))
	if err != nil {
		return "", p.noPassphrase(err)
	}
	if first == "" || first != again {
		return "", &problem{"passphrase", p.say("no passphrase, or not twice the same", "口令为空，或两次输入不同"), p.say("try again", "请重试")}
	}
	return first, nil
}

func (p *program) noPassphrase(err error) error {
	return &problem{"no_passphrase", fmt.Sprintf(p.say("no passphrase: %v", "没有口令：%v"), err), p.say("type it at a terminal, or set ", "请在终端输入，或设置 ") + passphraseEnv}
}

// openVault is the vault of the home that the flags name; every command shares it, so that a person is asked once.
func (p *program) openVault() {
	p.home.Vault = &author.Vault{Dir: p.home.Dir, Ask: func() (string, error) {
		return p.ask(p.say("Passphrase of this home: ", "本目录的口令："))
	}}
}

func (p *program) protectCommand() *cli.Command {
	return &cli.Command{
		Name:  "protect",
		Usage: p.say("put keys and secrets under a passphrase, or take it away", "以口令保护密钥与文件秘密，或取消口令"),
		Description: p.say("Without a passphrase, keys and secrets are encrypted to an identity that lies beside them: who reads the whole folder reads everything. With one, a stolen disk is worthless to the thief. Nobody can replace a lost passphrase.",
			"未设口令时，密钥与秘密以同目录中的身份加密：能读取整个目录者即可读取一切。设口令后，窃得磁盘者一无所获。口令遗失无法找回。"),
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "off", Usage: p.say("take the passphrase away", "取消口令")}},
		Action: p.protect,
	}
}

func (p *program) protect(_ context.Context, c *cli.Command) error {
	passphrase := ""
	if !c.Bool("off") {
		var err error
		if passphrase, err = p.askNew(); err != nil {
			return err
		}
	}
	if err := p.home.Vault.Protect(passphrase); err != nil {
		return err
	}
	return p.result(map[string]bool{"protected": passphrase != ""}, func() {
		if passphrase == "" {
			p.line(p.say("No passphrase any more.", "已取消口令。"))
			return
		}
		p.line(p.say("Protected. Make a backup as well: evident backup FILE", "已设口令保护。请另作备份：evident backup 文件"))
	})
}

func (p *program) backupCommand() *cli.Command {
	return &cli.Command{
		Name:      "backup",
		Usage:     p.say("write keys, secrets and proofs of this home into one file under a passphrase", "将本目录的密钥、秘密与证明写入一个口令保护的文件"),
		ArgsUsage: p.say("FILE", "文件"),
		Action:    p.backup,
	}
}

func (p *program) backup(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usage(p.say("write the backup where?", "备份写到哪里？"), "evident backup evident-home.age")
	}
	passphrase, err := p.askNew()
	if err != nil {
		return err
	}
	path := c.Args().First()
	got, err := p.home.Vault.Backup(path, passphrase)
	if err != nil {
		return err
	}
	return p.result(contents(path, got), func() {
		p.line(p.say("%s: keys %d, secrets %d, other files %d.", "%s：密钥 %d、秘密 %d、其他文件 %d。"), plain(path), got.Keys, got.Secrets, got.Other)
		p.line(p.say("Keep it on another disk, and the passphrase elsewhere. It opens with age and tar too.", "请存于另一磁盘，口令另存他处。亦可用 age 与 tar 打开。"))
	})
}

func contents(path string, c author.Contents) map[string]any {
	return map[string]any{"path": path, "keys": c.Keys, "secrets": c.Secrets, "other": c.Other, "differ": append([]string{}, c.Differ...)}
}

func (p *program) restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     p.say("bring a backup into this home; nothing that is there is overwritten", "将备份恢复到本目录；已有内容从不覆盖"),
		ArgsUsage: p.say("FILE", "文件"),
		Action:    p.restore,
	}
}

func (p *program) restore(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usage(p.say("which backup?", "请指明备份"), "evident restore evident-home.age")
	}
	path := c.Args().First()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	passphrase, err := p.ask(p.say("Passphrase of the backup: ", "备份的口令："))
	if err != nil {
		return p.noPassphrase(err)
	}
	got, err := p.home.Vault.Restore(bufio.NewReader(f), passphrase)
	if err != nil {
		return err
	}
	return p.result(contents(path, got), func() {
		p.line(p.say("Restored: keys %d, secrets %d, other files %d.", "已恢复：密钥 %d、秘密 %d、其他文件 %d。"), got.Keys, got.Secrets, got.Other)
		for _, name := range got.Differ {
			p.line("  ! " + fmt.Sprintf(p.say("%s is there already and differs; it stays as it is", "%s 已存在且不同；保持原样"), plain(name)))
		}
		if len(got.Differ) > 0 {
			p.line("  → " + p.say("restore into an empty folder to get those: evident --home FOLDER restore FILE", "如需取得这些内容，请恢复到空目录：evident --home 目录 restore 文件"))
		}
	})
}

func (p *program) recipientCommand() *cli.Command {
	return &cli.Command{
		Name:   "recipient",
		Usage:  p.say("show where others seal the keys of their files for you", "显示他人为您加密文件密钥所用的公钥"),
		Action: p.recipient,
	}
}

func (p *program) recipient(context.Context, *cli.Command) error {
	r, err := p.home.Recipient()
	if err != nil {
		return err
	}
	return p.result(map[string]string{"recipient": r}, func() { p.line("%s", r) })
}

// textOr reads the file of that name, or takes the text itself: a recipient or a shared key is too long to type.
func textOr(arg string, limit int) (string, error) {
	if strings.HasPrefix(arg, "age1") {
		return arg, nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data := make([]byte, limit+1)
	n, err := readFull(f, data)
	return string(data[:n]), err
}
