package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/author"
	"evident/lightclient/ledger"
)

// storedFlags say what the members get of an action's files.
func storedFlags(p *program) []cli.MutuallyExclusiveFlags {
	return []cli.MutuallyExclusiveFlags{{Flags: [][]cli.Flag{
		{&cli.BoolFlag{Name: "sealed", Usage: p.say("seal the files here, and have the members keep them", "在本机密封文件，由成员保存")}},
		{&cli.BoolFlag{Name: "public", Usage: p.say("have the members keep the files, for everybody to read", "由成员保存文件，任何人可读")}},
	}}}
}

// attachments are the files of one action, in the record's order.
type attachments []author.Attachment

// attach reads the action's files, and sends those that the members are to keep. The members drop a file that no record
// names soon, so a record that others have yet to sign names its files by digest.
func (p *program) attach(ctx context.Context, c *cli.Command, client *lightclient.Client, keys []*author.Key, a *act.Action) (attachments, error) {
	mode := modeOf(c)
	if mode != ledger.Digest && (c.Bool("dry-run") || c.String("draft") != "" || len(keys) < len(a.By)) {
		return nil, usage(p.say("a file is sent only with a record that everybody has signed: name it by its digest in a draft or a dry run",
			"仅在全体签署后文件才随记录发送：草稿与试运行请仅用摘要指明文件"), "--file PATH")
	}
	var files attachments
	writer := &author.Author{Mode: mode, Client: client, Key: keys[0], Outbox: p.home.Outbox()}
	for _, path := range c.StringSlice("file") {
		file, err := writer.Attach(ctx, path, func(author.Progress) {})
		if err != nil {
			return files, err
		}
		files = append(files, file)
		a.Evidence = append(a.Evidence, file.Evidence)
	}
	return files, nil
}

// keep makes durable what opens the sealed ones.
func (f attachments) keep(secrets author.Secrets, id ledger.RecordID) error {
	for i, file := range f {
		if err := file.Keep(secrets, id, i); err != nil {
			return err
		}
	}
	return nil
}

func (f attachments) close() {
	for _, file := range f {
		file.Close()
	}
}
