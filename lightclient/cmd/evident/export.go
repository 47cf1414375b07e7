package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/collect"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

func (p *program) exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     p.say("write a package for a lawyer: proofs, texts, drafts and how to check them", "为律师导出文件包：证明、文本、草稿与核验方法"),
		ArgsUsage: p.say("ID|FILE…", "编号|文件…"),
		Description: p.say("An ID is asked of the nodes. A FILE is taken with the proof beside it, without any network. The files themselves stay out of the package unless --content is given; those of an ID come from the members who keep them, and sealed ones only if you hold their keys.",
			"编号将向节点查询；文件则取其旁的证明，无需网络。除非指定 --content，文件本身不会收入文件包；编号所涉文件取自保管成员，密封文件须持有其密钥。"),
		DisableSliceFlagSeparator: true,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "case.zip", Usage: p.say("`PACKAGE` to write; never overwritten", "要写出的`文件包`；从不覆盖")},
			&cli.BoolFlag{Name: "content", Usage: p.say("put the files into the package", "将文件收入文件包")},
			&cli.StringSliceFlag{Name: "disclose", Usage: p.say("disclose the private field `NAME`, of every record that has it; may be repeated", "披露各记录中该`名称`的私密字段，可重复")},
			&cli.BoolFlag{Name: "history", Usage: p.say("with each ID, also the earlier records of its item", "一并导出各编号所属事项的先前记录")},
		}, p.formatFlags()...),
		Action: p.export,
	}
}

// selection is what goes into a package.
type selection struct {
	proofs [][]byte
	files  []casefile.File
}

func (p *program) export(ctx context.Context, c *cli.Command) error {
	if c.IsSet("format") {
		return p.exportStandard(ctx, c)
	}
	if c.Args().Len() == 0 {
		return usage(p.say("export what?", "请指明对象"), "evident export photo.jpg -o case.zip")
	}
	options := collect.Options{
		History: c.Bool("history"), Content: c.Bool("content"), Secret: p.home.Outbox().Secrets().Open,
		Disclose: c.StringSlice("disclose"), Private: p.openings, Progress: p.counted(),
	}
	var s selection
	var ids []ledger.RecordID
	for _, arg := range c.Args().Slice() {
		if !recordID.MatchString(arg) {
			if err := p.selectFile(ctx, &s, arg, options); err != nil {
				return err
			}
			continue
		}
		id, err := ledger.ParseRecordID(arg)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	var err error
	if s.proofs, err = casefile.Join(s.proofs); err != nil {
		return err
	}
	made, err := p.gather(ctx, &s, ids, options)
	if err != nil {
		return err
	}
	if err := options.CheckDisclosed(made); errors.Is(err, collect.ErrNotPrivate) {
		return &problem{"not_private", err.Error(), fmt.Sprintf(p.say("at hand are: %s", "本机可披露：%s"), strings.Join(p.atHand(made), ", "))}
	}
	out := c.String("output")
	export := casefile.Export{Files: s.files, Exporter: "evident " + version(), At: time.Now().UnixMilli(), Pages: paper.Pages, Progress: p.percent(ctx)}
	size, err := writeNew(out, func(w io.Writer) error { return made.Write(w, export) })
	p.clearPercent()
	if errors.Is(err, fs.ErrExist) {
		return &problem{"exists", fmt.Sprintf(p.say("%s is there already", "%s 已存在"), out), p.say("choose another name: -o NAME.zip", "请另选名称：-o 名称.zip")}
	}
	if err != nil {
		return err
	}
	return p.result(map[string]any{"package": out, "records": len(s.proofs), "files": len(s.files), "size": fmt.Sprint(size)}, func() {
		p.line(p.say("%s: records %d, files %d, bytes %d.", "%s：%d 条记录、%d 个文件、%d 字节。"), out, len(s.proofs), len(s.files), size)
		p.line(p.say("Check it: evident verify %s, or by hand as its VERIFY.txt says.", "核验：evident verify %s，或依其中 VERIFY.txt 手工核验。"), out)
	})
}

// gather makes the case of what was selected, with the records of these ids and their files asked of the nodes.
func (p *program) gather(ctx context.Context, s *selection, ids []ledger.RecordID, o collect.Options) (*casefile.Case, error) {
	if len(ids) == 0 {
		return casefile.NewCase(s.proofs)
	}
	client, err := p.client(ctx)
	if err != nil {
		return nil, err
	}
	proofs, err := collect.Records(ctx, client, ids, o)
	p.clearPercent()
	if err != nil {
		return nil, err
	}
	s.proofs = append(s.proofs, proofs...)
	made, err := casefile.NewCase(s.proofs)
	if err == nil && o.Content {
		s.files = append(s.files, missing(s.files, collect.Files(ctx, client, made, o))...)
	}
	return made, err
}

// atHand are the private fields whose values are here.
func (p *program) atHand(c *casefile.Case) []string {
	var out []string
	for i := range c.Records {
		if known, err := p.openings(c.Records[i].ID); err == nil {
			out = append(out, fieldNames(known)...)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(out)))
}

// missing are the files that are not in the package yet.
func missing(have, more []casefile.File) []casefile.File {
	return slices.DeleteFunc(more, func(f casefile.File) bool {
		return slices.ContainsFunc(have, func(h casefile.File) bool { return h.Record == f.Record && h.Index == f.Index })
	})
}

// counted shows on a terminal how many records were gathered.
func (p *program) counted() func(done, total int) {
	terminal := p.terminal()
	return func(done, total int) {
		if terminal {
			fmt.Fprintf(p.err, "\r  %d/%d", done, total)
		}
	}
}

// selectFile takes the newest proof beside a file that holds for its bytes.
func (p *program) selectFile(ctx context.Context, s *selection, path string, o collect.Options) error {
	path, paths, err := p.findProofs(path)
	if err != nil {
		return err
	}
	var options proof.Options
	if path != "" {
		d, err := evidence.File(ctx, path, nil)
		if err != nil {
			return err
		}
		options.Content = &proof.Content{SHA256: d.SHA256, CID: d.CID, Size: d.Size}
	}
	var report proof.Report
	for _, name := range paths {
		file, err := readProof(name)
		if err != nil {
			return err
		}
		if report = proof.Verify(file, options); report.Proven == nil {
			continue
		}
		if file, err = collect.Disclose(file, report.Proven.ID, o); err != nil {
			return err
		}
		s.proofs = append(s.proofs, file)
		if o.Content && path != "" {
			return s.addContent(report.Proven, path, options.Content.SHA256)
		}
		return nil
	}
	return &problem{"altered", fmt.Sprintf("%s: %s", filepath.Base(paths[0]), report.Reason(p.lang())), p.say("only what is proven goes into a package", "只有已证明的内容才能收入文件包")}
}

// errTogether means that a record names no file by itself.
var errTogether = errors.New("a package holds only files that their record names; this one stands in it with many others")

// addContent finds which of the record's files these bytes are.
func (s *selection) addContent(proven *proof.Proven, path string, digest [32]byte) error {
	if len(proven.Record.Evidence) == 0 {
		return fmt.Errorf("%s: %w", path, errTogether)
	}
	record := casefile.Record{Proven: proven}
	for i := range proven.Record.Evidence {
		if record.PlainSHA256(i) == fmt.Sprintf("%x", digest) {
			open := func() (io.ReadCloser, error) { return os.Open(path) }
			s.files = append(s.files, casefile.File{Record: proven.ID, Index: i, Open: open})
			return nil
		}
	}
	return fmt.Errorf("%s: %w", path, casefile.ErrChanged)
}

// writeNew writes a file that is whole or not there, and refuses to overwrite one.
func writeNew(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".evident-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	buffered := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(buffered), buffered.Flush(), f.Sync()); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return 0, err
	}
	// A link fails where a rename would overwrite.
	return info.Size(), os.Link(f.Name(), path)
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || strings.HasPrefix(info.Main.Version, "(") {
		return "(development)"
	}
	return info.Main.Version
}
