// Package certificate makes the pages of a package that people read: the
// certificate in English and Chinese, as HTML for screens and as PDF for paper.
//
// What it says is a document (sections A to H); html and pdf draw it. What the
// author says and what the ledger proves stand in sections of their own. The
// same case makes the same bytes, so a verifier makes the pages again and
// compares them. The HTML has no script and loads nothing; the PDF brings its
// fonts, and the proofs as attachments.
package certificate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"evident/lightclient/casefile"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// inFull is how many records have sections of their own. A larger case has a
// table of them, and each record's facts in its folder.
const inFull = 8

// Pages implements casefile.Pages.
func Pages(c *casefile.Case, m *casefile.Manifest, manifestSHA256 string) ([]casefile.Page, error) {
	return render(c, m, manifestSHA256, drawHTML, drawPDF)
}

// HTML implements casefile.Pages where there is no room for fonts.
func HTML(c *casefile.Case, m *casefile.Manifest, manifestSHA256 string) ([]casefile.Page, error) {
	return render(c, m, manifestSHA256, drawHTML)
}

type renderer func(*document, *casefile.Case) (ending string, page []byte, err error)

func render(c *casefile.Case, m *casefile.Manifest, digest string, renderers ...renderer) ([]casefile.Page, error) {
	var out []casefile.Page
	for _, lang := range []string{"en", "zh"} {
		d := compose(c, m, digest, lang == "zh")
		for _, draw := range renderers {
			ending, data, err := draw(d, c)
			if err != nil {
				return nil, err
			}
			out = append(out, casefile.Page{Name: "certificate." + lang + ending, Data: data})
		}
	}
	return out, nil
}

// composer writes the document of a case.
type composer struct {
	*document
	known    *casefile.Case
	manifest *casefile.Manifest
	entries  map[string]casefile.Entry
}

func compose(c *casefile.Case, m *casefile.Manifest, digest string, zh bool) *document {
	d := &document{zh: zh, digest: digest, exported: m.Exported.At}
	p := composer{d, c, m, map[string]casefile.Entry{}}
	for _, e := range m.Entries {
		p.entries[e.Name] = e
	}
	d.title = p.say("Certificate of evidence", "存证证明书")
	d.number = c.Records[0].Short()
	if n := len(c.Records); n > 1 {
		d.number = fmt.Sprintf(p.say("%s and %d more", "%s 等 %d 条"), d.number, map[bool]int{true: n, false: n - 1}[zh])
	}
	p.add(rows{
		{p.say("Ledger", "账本"), text(c.Origin)},
		{p.say("Certificate number", "证明书编号"), code(d.number)},
		{p.say("Records", "记录数"), count(len(c.Records))},
	})
	if len(c.Records) > inFull {
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
		p.add(chapter(p.say("Record", "记录") + " " + r.Short()))
	}
	p.subject(r)
	p.declared(r)
	p.proven(r)
}

func (p composer) subject(r *casefile.Record) {
	p.section("A", "Subject", "存证对象")
	p.add(rows{
		{p.say("Record", "记录编号"), hexadecimal(r.ID.String())},
		{p.say("Kind", "类型"), text(fmt.Sprintf("%s %d, %s", r.Record.Contract, r.Record.Version, r.Record.Action))},
	})
	for i, e := range r.Record.Evidence {
		size := p.say("Bytes", "字节数")
		if e.Mode == ledger.Sealed {
			size = p.say("Bytes, ciphertext", "密文字节数")
		}
		p.add(rows{
			{fmt.Sprintf(p.say("File %d", "文件 %d"), i+1), orDash(e.Name)},
			{p.say("Media type", "媒体类型"), orDash(e.Media)},
			{size, text(fmt.Sprint(e.Size))},
			{"SHA-256", p.plainSHA256(r, i)},
			{"SHA-512", p.sha512(r, i)},
			{"CID", code(e.CID)},
		})
	}
}

func (p composer) plainSHA256(r *casefile.Record, index int) value {
	if digest := r.PlainSHA256(index); digest != "" {
		return hexadecimal(digest)
	}
	return text(p.say("sealed, not disclosed", "已密封，未披露"))
}

func (p composer) sha512(r *casefile.Record, index int) value {
	for _, x := range p.manifest.Contents {
		if x.Record == r.ID.String() && x.Index == int64(index) {
			return hexadecimal(p.entries[x.Entry].SHA512)
		}
	}
	return text(p.say("not in the package", "文件未收入"))
}

func (p composer) declared(r *casefile.Record) {
	p.section("B", "Declared by the author: the ledger does not vouch for it", "作者声明：账本不对其真实性负责")
	p.add(rows{
		{p.say("Signing keys named", "签名密钥名称"), text(strings.Join(casefile.Signers(r.Record.By), ", "))},
		{p.say("Author's clock", "作者时钟"), text(p.moment(r.Record.At))},
	})
	if fields := fieldRows(r.Record.Fields); len(fields) > 0 {
		p.add(paragraph(p.say("Fields of the statement, by their names in the contract:", "陈述的各字段（按合约中的名称）：")), fields)
	}
}

// fieldRows shows texts as they are and everything else as JSON.
func fieldRows(fields json.RawMessage) rows {
	var values map[string]json.RawMessage
	if json.Unmarshal(fields, &values) != nil {
		return nil // a verified record has an object here
	}
	var out rows
	for _, name := range slices.Sorted(maps.Keys(values)) {
		shown := code(string(values[name]))
		var s string
		if json.Unmarshal(values[name], &s) == nil {
			shown = orDash(s)
		}
		out = append(out, row{casefile.Plain(name), shown})
	}
	return out
}

func (p composer) proven(r *casefile.Record) {
	p.section("C", "Proved by the ledger", "账本所证明")
	after := p.say("not proven; the author's claim", "未证明，仅为作者声明")
	if r.SignedAfter {
		after = fmt.Sprintf(p.say("block %d", "区块 %d"), r.Record.After.Size-1)
	}
	var keys []value
	for _, k := range r.Record.By {
		keys = append(keys, code(k))
	}
	p.add(rows{
		{p.say("Existed by", "最迟存在于"), important(p.moment(r.ExistedBy * 1000))},
		{p.say("Signed after", "签署不早于"), text(after)},
		{p.say("Block", "区块"), text(fmt.Sprintf(p.say("%d, record %d, dated %s", "%d，第 %d 条，标注时间 %s"), r.Height, r.Index+1, p.moment(r.BlockTime)))},
		{p.say("Hash of the header", "区块头哈希"), code(r.Block.String())},
		{p.say("Author's keys", "作者密钥"), lines(keys...)},
		{p.say("Keys vouched for by", "密钥担保人"), text(p.say("nobody in this package", "本文件包中无"))},
		{p.say("State of the item", "事项状态"), p.state(r.State)},
	})
	p.add(paragraph(fmt.Sprintf(p.say("Signed by %d of %d members, which is a quorum:", "由 %[2]d 个成员中的 %[1]d 个签署，达到法定数："), len(r.Cosigners), r.Members)))
	g := grid{head: []string{p.say("Organisation", "机构"), p.say("Register", "登记号"), p.say("Time, by its clock", "时间（其自身时钟）")}, share: []float64{.5, .2, .3}}
	for _, m := range r.Cosigners {
		g.rows = append(g.rows, []value{text(m.Organisation), text(m.Registry), text(casefile.Moment(m.Time * 1000))})
	}
	p.add(g)
}

func (p composer) state(s *proof.ProvenState) value {
	if s == nil {
		return text(p.say("not in the proof", "证明未涉及"))
	}
	return text(fmt.Sprintf(p.say("after block %d: ", "区块 %d 之后："), s.Height)).and(code(s.Value))
}

// summary is what a large case has instead of sections A to C.
func (p composer) summary() {
	p.section("A–C", "Records, proved by the ledger", "各条记录（账本所证明）")
	p.add(paragraph(p.say("Each row is one record. What its author declared, the members who signed its block and all keys stand in its folder under records/, in proof.evident. A file's name is what its author declared.",
		"每行为一条记录。作者的声明、签署其区块的成员及全部密钥见 records/ 下该记录目录中的 proof.evident。文件名为作者所声明。")))
	g := grid{
		head:  []string{p.say("Record", "记录"), p.say("File and SHA-256", "文件与 SHA-256"), p.say("Existed by (UTC)", "最迟存在于（UTC）"), p.say("Block", "区块")},
		share: []float64{.2, .5, .2, .1},
	}
	for i := range p.known.Records {
		r := &p.known.Records[i]
		var files []value
		for n, e := range r.Record.Evidence {
			files = append(files, orDash(e.Name), p.plainSHA256(r, n))
		}
		if files == nil {
			files = []value{text(p.say("no file", "无文件"))}
		}
		g.rows = append(g.rows, []value{code(r.Short()), lines(files...), text(shortTime(r.ExistedBy * 1000)), text(fmt.Sprint(r.Height))})
	}
	p.add(g)
}
