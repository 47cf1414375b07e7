// Package certificate makes the pages of a package that people read: the
// certificate in English and Chinese.
//
// What it says is a Document, sections A to H. This package draws it as HTML for
// screens, package paper as PDF. What the author says and what the ledger proves
// stand in sections of their own. The same case makes the same bytes, so a
// verifier makes the pages again and compares them. The HTML has no script and
// loads nothing.
package certificate

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/picture"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// HTML is the pages for screens alone.
var HTML = casefile.Pages{Names: []string{"certificate.en.html", "certificate.zh.html"}, Make: Screens, Pictures: Pictures}

// Pictures are those that the pages show.
var Pictures = casefile.Pictures{Small: small, Check: picture.Check}

func small(file io.Reader) []byte {
	made, err := picture.Small(file)
	if err != nil {
		return nil
	}
	return made
}

// Screens makes the pages of HTML.
func Screens(c *casefile.Case, m *casefile.Manifest, manifestSHA256 string) ([]casefile.Page, error) {
	var out []casefile.Page
	for _, d := range Compose(c, m, manifestSHA256) {
		data, err := drawHTML(d)
		if err != nil {
			return nil, err
		}
		out = append(out, casefile.Page{Name: d.Name() + ".html", Data: data})
	}
	return out, nil
}

// Compose writes what the certificates of a case say, in English and Chinese.
func Compose(c *casefile.Case, m *casefile.Manifest, manifestSHA256 string) []*Document {
	return []*Document{compose(c, m, manifestSHA256, false), compose(c, m, manifestSHA256, true)}
}

// composer writes the document of a case.
type composer struct {
	*Document
	known    *casefile.Case
	manifest *casefile.Manifest
	entries  map[string]casefile.Entry
}

func compose(c *casefile.Case, m *casefile.Manifest, digest string, zh bool) *Document {
	d := &Document{Chinese: zh, Digest: digest, Exported: m.Exported.At}
	p := composer{d, c, m, map[string]casefile.Entry{}}
	for _, e := range m.Entries {
		p.entries[e.Name] = e
	}
	d.Title = p.Say("Certificate of evidence", "存证证明书")
	d.Number = c.Records[0].Short()
	if n := len(c.Records); n > 1 {
		d.Number = fmt.Sprintf(p.Say("%s and %d more", "%s 等 %d 条"), d.Number, map[bool]int{true: n, false: n - 1}[zh])
	}
	p.add(Rows{
		{p.Say("Ledger", "账本"), text(c.Origin)},
		{p.Say("Certificate number", "证明书编号"), code(d.Number)},
		{p.Say("Records", "记录数"), count(len(c.Records))},
	})
	if len(c.Records) > casefile.InFull {
		p.summary()
	} else {
		for i := range c.Records {
			p.record(&c.Records[i])
		}
	}
	p.independentTime()
	p.custody()
	p.howToVerify()
	p.limits()
	p.qualifiedPerson()
	return d
}

// record writes the sections A to C.
func (p composer) record(r *casefile.Record) {
	if len(p.known.Records) > 1 {
		p.add(Chapter(p.Say("Record", "记录") + " " + r.Short()))
	}
	p.subject(r)
	p.declared(r)
	p.proven(r)
}

func (p composer) subject(r *casefile.Record) {
	p.section("A", "Subject", "存证对象")
	p.add(Rows{
		{p.Say("Record", "记录编号"), hexadecimal(r.ID.String())},
		{p.Say("Kind", "类型"), text(fmt.Sprintf("%s %d, %s", r.Record.Contract, r.Record.Version, r.Record.Action))},
	})
	for i, e := range r.Record.Evidence {
		size := p.Say("Bytes", "字节数")
		if e.Mode == ledger.Sealed {
			size = p.Say("Bytes, ciphertext", "密文字节数")
		}
		p.add(Rows{
			{fmt.Sprintf(p.Say("File %d", "文件 %d"), i+1), orDash(e.Name)},
			{p.Say("Media type", "媒体类型"), orDash(e.Media)},
			{size, text(fmt.Sprint(e.Size))},
			{"SHA-256", p.plainSHA256(r, i)},
			{"SHA-512", p.sha512(r, i)},
			{"CID", code(e.CID)},
		})
		if small := p.known.Thumbnail(r, i); small != nil {
			p.add(Picture{p.Say("Small picture of the file", "文件缩略图"), small})
		}
	}
	p.together(r)
}

func (p composer) plainSHA256(r *casefile.Record, index int) Value {
	if digest := r.PlainSHA256(index); digest != "" {
		return hexadecimal(digest)
	}
	return text(p.Say("sealed, not disclosed", "已密封，未披露"))
}

func (p composer) sha512(r *casefile.Record, index int) Value {
	for _, x := range p.manifest.Contents {
		if x.Record == r.ID.String() && x.Index == int64(index) {
			return hexadecimal(p.entries[x.Entry].SHA512)
		}
	}
	return text(p.Say("not in the package", "文件未收入"))
}

func (p composer) declared(r *casefile.Record) {
	p.section("B", "Declared by the author: the ledger does not vouch for it", "作者声明：账本不对其真实性负责")
	p.add(Rows{
		{p.Say("Signing keys named", "签名密钥名称"), text(strings.Join(casefile.Signers(r.Record.By), ", "))},
		{p.Say("Author's clock", "作者时钟"), text(p.moment(r.Record.At))},
	})
	if fields := fieldRows(r.Record.Fields); len(fields) > 0 {
		p.add(Paragraph(p.Say("Fields of the statement, by their names in the contract:", "陈述的各字段（按合约中的名称）：")), fields)
	}
	p.private(r)
}

// private shows the private fields that the proof discloses, and says which it does not.
func (p composer) private(r *casefile.Record) {
	var rows Rows
	for _, f := range r.PrivateFields() {
		rows = append(rows, Row{casefile.Plain(f.Name), p.disclosed(f)})
	}
	if len(rows) > 0 {
		p.add(Paragraph(p.Say("Private fields, of which the ledger holds a commitment instead of the value:", "私密字段（账本仅持有其承诺值，不含内容）：")), rows)
	}
}

func (p composer) disclosed(f casefile.Private) Value {
	if !f.Disclosed {
		return text(p.Say("not disclosed: redacted in this package", "未披露：本文件包已隐去"))
	}
	return orDash(f.Value).and(text(p.Say(" (disclosed, matches its commitment)", "（已披露，与承诺值相符）")))
}

// fieldRows shows texts as they are and everything else as JSON.
func fieldRows(fields json.RawMessage) Rows {
	var values map[string]json.RawMessage
	if json.Unmarshal(fields, &values) != nil {
		return nil // a verified record has an object here
	}
	var out Rows
	for _, name := range slices.Sorted(maps.Keys(values)) {
		shown := code(string(values[name]))
		var s string
		if json.Unmarshal(values[name], &s) == nil {
			shown = orDash(s)
		}
		out = append(out, Row{casefile.Plain(name), shown})
	}
	return out
}

func (p composer) proven(r *casefile.Record) {
	p.section("C", "Proved by the ledger", "账本所证明")
	after := p.Say("not proven; the author's claim", "未证明，仅为作者声明")
	if r.SignedAfter {
		after = fmt.Sprintf(p.Say("block %d", "区块 %d"), r.Record.After.Size-1)
	}
	var keys []Value
	for _, k := range r.Record.By {
		keys = append(keys, code(k))
	}
	p.add(Rows{
		{p.Say("Existed by", "最迟存在于"), important(p.moment(r.ExistedBy * 1000))},
		{p.Say("Signed after", "签署不早于"), text(after)},
		{p.Say("Block", "区块"), text(fmt.Sprintf(p.Say("%d, record %d, dated %s", "%d，第 %d 条，标注时间 %s"), r.Height, r.Index+1, p.moment(r.BlockTime)))},
		{p.Say("Hash of the header", "区块头哈希"), code(r.Block.String())},
		{p.Say("Author's keys", "作者密钥"), lines(keys...)},
		{p.Say("Keys vouched for by", "密钥担保人"), text(p.Say("nobody in this package", "本文件包中无"))},
		{p.Say("State of the item", "事项状态"), p.state(r.State)},
	})
	p.add(Paragraph(fmt.Sprintf(p.Say("Signed by %d of %d members, which is a quorum:", "由 %[2]d 个成员中的 %[1]d 个签署，达到法定数："), len(r.Cosigners), r.Members)))
	g := Grid{Head: []string{p.Say("Organisation", "机构"), p.Say("Register", "登记号"), p.Say("Time, by its clock", "时间（其自身时钟）")}, Share: []float64{.5, .2, .3}}
	for _, m := range r.Cosigners {
		g.Rows = append(g.Rows, []Value{text(m.Organisation), text(m.Registry), text(casefile.Moment(m.Time * 1000))})
	}
	p.add(g)
	p.storage(r)
}

func (p composer) state(s *proof.ProvenState) Value {
	if s == nil {
		return text(p.Say("not in the proof", "证明未涉及"))
	}
	return text(fmt.Sprintf(p.Say("after block %d: ", "区块 %d 之后："), s.Height)).and(code(s.Value))
}

// summary is what a large case has instead of sections A to C.
func (p composer) summary() {
	p.section("A–C", "Records, proved by the ledger", "各条记录（账本所证明）")
	p.add(Paragraph(p.Say("Each row is one record. What its author declared, the members who signed its block and all keys stand in its folder under records/, in proof.evident. A file's name is what its author declared.",
		"每行为一条记录。作者的声明、签署其区块的成员及全部密钥见 records/ 下该记录目录中的 proof.evident。文件名为作者所声明。")))
	g := Grid{
		Head:  []string{p.Say("Record", "记录"), p.Say("File and SHA-256, private fields", "文件与 SHA-256、私密字段"), p.Say("Existed by (UTC)", "最迟存在于（UTC）"), p.Say("Block", "区块")},
		Share: []float64{.2, .5, .2, .1},
	}
	for i := range p.known.Records {
		r := &p.known.Records[i]
		var files []Value
		for n, e := range r.Record.Evidence {
			files = append(files, orDash(e.Name), p.plainSHA256(r, n))
		}
		for _, f := range r.PrivateFields() {
			files = append(files, text(f.Name+": ").and(p.disclosed(f)))
		}
		if files == nil {
			files = []Value{text(p.Say("no file", "无文件"))}
		}
		g.Rows = append(g.Rows, []Value{code(r.Short()), lines(files...), text(shortTime(r.ExistedBy * 1000)), text(fmt.Sprint(r.Height))})
	}
	p.add(g)
}
