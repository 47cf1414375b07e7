package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"

	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/author"
	"evident/lightclient/demo"
	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/home"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// printer writes for a person, or as JSON for a program.
type printer struct {
	out, err io.Writer
	json     bool
	zh       bool
}

func newPrinter(out, err io.Writer) *printer {
	lang := ""
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if lang = os.Getenv(name); lang != "" {
			break
		}
	}
	return &printer{out: out, err: err, zh: strings.HasPrefix(strings.ToLower(lang), "zh")}
}

// say chooses the language.
func (p *printer) say(en, zh string) string {
	if p.zh {
		return zh
	}
	return en
}

// terminal tells whether a person watches standard error.
func (p *printer) terminal() bool {
	f, ok := p.err.(*os.File)
	if !ok || p.json {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *printer) lang() string { return p.say("en", "zh") }

// line prints one line of a result.
func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// result prints v as JSON if that was asked for, and otherwise calls human.
func (p *printer) result(v any, human func()) error {
	if !p.json {
		human()
		return nil
	}
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// rows prints pairs of a label and a text, aligned.
func (p *printer) rows(pairs ...string) {
	widest := 0
	for i := 0; i < len(pairs); i += 2 {
		widest = max(widest, width(pairs[i]))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		p.line("  %s  %s", pad(pairs[i], widest), pairs[i+1])
	}
}

// table prints rows of columns, aligned.
func (p *printer) table(rows [][]string) {
	var widest []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], width(cell))
		}
	}
	for _, row := range rows {
		for i := range row {
			row[i] = pad(row[i], widest[i])
		}
		p.line("  %s", strings.TrimRight(strings.Join(row, "  "), " "))
	}
}

func pad(s string, to int) string { return s + strings.Repeat(" ", max(0, to-width(s))) }

// width is how many columns a terminal gives a text.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0xff01 && r <= 0xff60 || r >= 0x3000 && r <= 0x303f {
			n++
		}
	}
	return n
}

// plain shows a text of others on one line: nothing in it can move the cursor
// or change the direction of writing.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Bidi_Control):
			return '\uFFFD'
		}
		return r
	}, s)
}

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05 UTC") }

// problem is an error with what to do next.
type problem struct {
	code, message, hint string
}

func (e *problem) Error() string { return e.message }

func usage(message, hint string) error { return &problem{"usage", message, hint} }

// fail prints an error and returns the exit code.
func (p *printer) fail(err error) int {
	e := p.explain(err)
	if p.json {
		p.result(map[string]any{"error": e}, nil)
	} else {
		fmt.Fprintf(p.err, "evident: %s\n  → %s\n", plain(e.Message), e.Hint)
	}
	if e.Code == "usage" || errors.As(err, &cannotTell{}) {
		return exitUnclear
	}
	return exitFailed
}

// cannotTell is an error that kept a verification from its verdict: that must
// not look like a proof that does not hold.
type cannotTell struct{ error }

func (e cannotTell) Unwrap() error { return e.error }

// explain finds the hint for an error.
func (p *printer) explain(err error) service.Error {
	var own *problem
	out := service.Error{Code: "failed", Message: err.Error()}
	switch {
	case errors.As(err, &own):
		return service.Error{Code: own.code, Message: own.message, Hint: own.hint}
	case errors.Is(err, context.Canceled):
		out.Code, out.Message, out.Hint = "interrupted", p.say("interrupted", "已中断"), p.say("run the same command again to go on", "再次运行同一命令即可继续")
	case errors.Is(err, home.ErrNoNodes):
		out.Code, out.Hint = "no_nodes", p.say("start the consortium on this machine (make start), or name a node: --node http://127.0.0.1:7080",
			"请先启动本机联盟（make start），或指定节点：--node http://127.0.0.1:7080")
	case errors.Is(err, author.ErrNoKey):
		out.Code, out.Hint = "no_key", p.say("make one: evident key new NAME", "请先创建：evident key new 名称")
	case errors.Is(err, author.ErrManyKeys):
		out.Code, out.Hint = "many_keys", p.say("choose one: --key NAME", "请选择一个：--key 名称")
	case errors.Is(err, author.ErrKeyExists):
		out.Code, out.Hint = "key_exists", p.say("use it, or choose another name; a key is never overwritten", "请直接使用，或另选名称；密钥从不覆盖")
	case errors.Is(err, author.ErrKeyName):
		out.Code, out.Hint = "key_name", p.say("any language will do: evident key new 林晓, or ada-lovelace", "可用任何文字：evident key new 林晓")
	case errors.Is(err, author.ErrNoSecret):
		out.Code, out.Hint = "no_secret", p.say("ask its author: evident share; or restore a backup of the home where it was sealed: evident restore FILE", "请向作者索取：evident share；或恢复密封时目录的备份：evident restore 文件")
	case errors.Is(err, author.ErrNotStored):
		out.Code, out.Hint = "not_stored", p.say("only the digest was recorded; the file is with its author", "仅记录了摘要；文件在作者处")
	case errors.Is(err, errTogether):
		out.Code, out.Hint = "together", p.say("leave --content out, and hand the file over beside the package", "请去掉 --content，并将文件与文件包一并交付")
	case errors.Is(err, author.ErrNotAuthor):
		out.Code, out.Hint = "not_author", p.say("choose the key that signed it: --key NAME, or ask its author", "请选择签署该记录的密钥：--key 名称，或联系作者")
	case errors.Is(err, author.ErrErased):
		out.Code, out.Hint = "erased", p.say("its author may have a copy; evident show RECORD tells who erased it", "作者或有副本；evident show 记录编号 可查看删除者")
	case errors.Is(err, author.ErrFileExists), errors.Is(err, fs.ErrExist):
		out.Code, out.Hint = "file_exists", p.say("choose another name: -o FILE", "请另选文件名：-o 文件")
	case errors.Is(err, author.ErrLocked):
		out.Code, out.Hint = "locked", p.say("type the passphrase at a terminal, or set ", "请在终端输入口令，或设置 ")+passphraseEnv
	case errors.Is(err, author.ErrPassphrase):
		out.Code, out.Hint = "passphrase", p.say("check it and try again; nothing was changed", "请核对后重试；未作任何改动")
	case errors.Is(err, author.ErrBackup):
		out.Code, out.Hint = "not_a_backup", p.say("choose a file that evident backup wrote; nothing was changed", "请选择由 evident backup 写出的文件；未作任何改动")
	case errors.Is(err, author.ErrDamaged):
		out.Code, out.Hint = "damaged", p.say("use another copy, or restore a backup; nothing was changed", "请使用另一副本，或恢复备份；未作任何改动")
	case errors.Is(err, author.ErrNotSealed):
		out.Code, out.Hint = "not_sealed", p.say("they can fetch it: evident fetch RECORD", "对方可直接取回：evident fetch 记录编号")
	case errors.Is(err, author.ErrTogetherMode):
		out.Code, out.Hint = "together_mode", p.say("leave --sealed or --public out, or leave --together out", "请去掉 --sealed 或 --public，或去掉 --together")
	case errors.Is(err, author.ErrNoFiles):
		out.Code, out.Hint = "no_files", p.say("name files or folders: evident stamp photo.jpg", "请指明文件或目录：evident stamp photo.jpg")
	case errors.Is(err, seal.ErrRecipient):
		out.Code, out.Hint = "recipient", p.say("ask them for what evident recipient shows", "请向对方索取 evident recipient 所显示的公钥")
	case errors.Is(err, seal.ErrShare):
		out.Code, out.Hint = "share", p.say("ask for it again, with what evident recipient shows here", "请将此处 evident recipient 所显示的公钥交给对方，重新索取")
	case errors.Is(err, seal.ErrContent):
		out.Code, out.Hint = "content", p.say("do not use it; tell its author and your consortium", "请勿使用；请告知作者与联盟")
	case errors.Is(err, lightclient.ErrNoContract):
		out.Code, out.Hint = "no_contract", p.say("see those that there are: evident act", "查看现有合约：evident act")
	case errors.Is(err, act.ErrNotASigner):
		out.Code, out.Hint = "not_a_signer", p.say("sign with a key that the draft names: evident draft show FILE, then --key NAME", "请用草稿所列密钥签署：evident draft show 文件，再用 --key 名称")
	case errors.Is(err, act.ErrSignaturesMissing):
		out.Code, out.Hint = "signatures", p.say("pass the draft on to them: evident draft sign FILE", "请将草稿转交其签署：evident draft sign 文件")
	case errors.Is(err, act.ErrSigned):
		out.Code, out.Hint = "signed", p.say("compose a new one: evident act", "请另行编制：evident act")
	case errors.Is(err, demo.ErrNoMember):
		out.Code, out.Hint = "no_member", p.say("start the consortium on this machine (make start), without --node", "请启动本机联盟（make start），且不用 --node")
	case errors.Is(err, author.ErrLost):
		out.Code, out.Hint = "lost", p.say("put the file back, unchanged, and run evident stamp again; the record is final, and its proof holds without it", "请放回未改动的原文件，再次运行 evident stamp；记录已终局，证明仍然有效")
	case errors.Is(err, evidence.ErrChanged):
		out.Code, out.Hint = "changed", p.say("wait until nothing writes to the file, then try again", "请等文件写入完成后重试")
	case errors.Is(err, evidence.ErrNotFile):
		out.Code, out.Hint = "not_a_file", p.say("only files with a content of their own can be stamped", "只能为普通文件存证")
	case errors.Is(err, transfer.ErrQuota):
		out.Code, out.Hint = "quota", p.say("let the records of what you sent become final, or wait a day; for more, ask a member; then run the same command again", "请等已发送文件的记录终局，或等待一天；如需更多空间，请联系成员；然后再次运行同一命令")
	case errors.Is(err, transfer.ErrFull):
		out.Code, out.Hint = "full", p.say("ask a member for more room and run the same command again, or record the digest alone: --digest", "请联系成员增加空间后再次运行同一命令；或仅记录摘要：--digest")
	case errors.Is(err, syscall.ENOSPC):
		out.Code, out.Hint = "disk_full", p.say("make room on this disk and run the same command again; nothing is half done", "请清理磁盘后再次运行同一命令；不会留下残缺结果")
	case errors.Is(err, fs.ErrNotExist):
		out.Code, out.Hint = "no_file", p.say("check the path", "请检查路径")
	case errors.Is(err, fs.ErrPermission):
		out.Code, out.Hint = "no_access", p.say("check who may read and write there", "请检查读写权限")
	default:
		return service.Explain(err)
	}
	return out
}
