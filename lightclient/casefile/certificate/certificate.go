// Package certificate makes the pages of a package that people read: the
// certificate as HTML, in English and Chinese, for screens and for A4 paper.
//
// The same case makes the same bytes, so a verifier makes the pages again and
// compares them. They have no script and load nothing. What the author says
// and what the ledger proves stand in sections of their own.
package certificate

import (
	"fmt"
	"html"
	"strings"

	"github.com/boombuler/barcode/qr"

	"evident/lightclient/casefile"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// Pages implements casefile.Pages.
func Pages(c *casefile.Case, m *casefile.Manifest, manifestSHA256 string) ([]casefile.Page, error) {
	code, err := fingerprintQR(c.Fingerprint)
	if err != nil {
		return nil, err
	}
	var out []casefile.Page
	for _, lang := range []string{"en", "zh"} {
		p := &page{known: c, manifest: m, digest: manifestSHA256, zh: lang == "zh", sizes: map[string]casefile.Entry{}}
		for _, e := range m.Entries {
			p.sizes[e.Name] = e
		}
		p.write(code)
		out = append(out, casefile.Page{Name: "certificate." + lang + ".html", Data: []byte(p.String())})
	}
	return out, nil
}

// page is a certificate in one language while it is written.
type page struct {
	strings.Builder
	known    *casefile.Case
	manifest *casefile.Manifest
	digest   string
	zh       bool
	sizes    map[string]casefile.Entry
}

func (p *page) say(en, zh string) string {
	if p.zh {
		return zh
	}
	return en
}

func (p *page) write(code string) {
	number := p.known.Records[0].Short()
	if n := len(p.known.Records); n > 1 {
		number = fmt.Sprintf(p.say("%s and %d more", "%s 等 %d 条"), number, map[bool]int{true: n, false: n - 1}[p.zh])
	}
	title := p.say("Certificate of evidence", "存证证明书")
	fmt.Fprintf(p, head, p.say("en", "zh-Hans"), title, p.known.Records[0].Short(), fmt.Sprintf(style, p.digest))
	fmt.Fprintf(p, "<header><h1>%s</h1>\n", title)
	p.rows(
		p.say("Ledger", "账本"), text(p.known.Origin),
		p.say("Certificate number", "证明书编号"), code1(number),
		p.say("Records", "记录数"), fmt.Sprint(len(p.known.Records)),
	)
	p.WriteString("</header>\n")
	for i := range p.known.Records {
		p.record(&p.known.Records[i])
	}
	p.independentTime()
	p.custody()
	p.howToVerify(code)
	p.limits()
	p.qualifiedPerson()
	fmt.Fprintf(p, "<footer>%s %s</footer>\n</body>\n</html>\n", p.say("SHA-256 of manifest.json", "manifest.json 的 SHA-256"), p.digest)
}

// record writes the sections A to C, which every record has.
func (p *page) record(r *casefile.Record) {
	if len(p.known.Records) > 1 {
		fmt.Fprintf(p, "<h2 class=record>%s %s</h2>\n", p.say("Record", "记录"), r.Short())
	}
	p.subject(r)
	p.declared(r)
	p.proven(r)
}

func (p *page) section(letter, en, zh string) {
	fmt.Fprintf(p, "<h2><b>%s</b> %s</h2>\n", letter, p.say(en, zh))
}

// rows writes a table of names and values; the values are HTML already.
func (p *page) rows(pairs ...string) {
	p.WriteString("<table>\n")
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(p, "<tr><th>%s</th><td>%s</td></tr>\n", pairs[i], pairs[i+1])
	}
	p.WriteString("</table>\n")
}

func text(s string) string  { return html.EscapeString(casefile.Plain(s)) }
func code1(s string) string { return "<code>" + text(s) + "</code>" }

// grouped shows hexadecimal digits in groups of four, to be read aloud; copied
// text has no spaces.
func grouped(digits string) string {
	var b strings.Builder
	b.WriteString("<code>")
	for i := 0; i < len(digits); i += 4 {
		fmt.Fprintf(&b, "<i>%s</i><wbr>", text(digits[i:min(i+4, len(digits))]))
	}
	b.WriteString("</code>")
	return b.String()
}

func (p *page) subject(r *casefile.Record) {
	p.section("A", "Subject", "存证对象")
	p.rows(p.say("Record", "记录编号"), grouped(r.ID.String()),
		p.say("Kind", "类型"), text(fmt.Sprintf("%s %d, %s", r.Record.Contract, r.Record.Version, r.Record.Action)))
	for i, e := range r.Record.Evidence {
		size := p.say("Bytes", "字节数")
		if e.Mode == ledger.Sealed {
			size = p.say("Bytes, ciphertext", "密文字节数")
		}
		sha512 := p.say("not in the package", "文件未收入")
		for _, x := range p.manifest.Contents {
			if x.Record == r.ID.String() && x.Index == int64(i) {
				sha512 = grouped(p.sizes[x.Entry].SHA512)
			}
		}
		sha256 := p.say("sealed, not disclosed", "已密封，未披露")
		if digest := r.PlainSHA256(i); digest != "" {
			sha256 = grouped(digest)
		}
		p.rows(
			fmt.Sprintf(p.say("File %d", "文件 %d"), i+1), orDash(e.Name),
			p.say("Media type", "媒体类型"), orDash(e.Media),
			size, fmt.Sprint(e.Size),
			"SHA-256", sha256, "SHA-512", sha512, "CID", code1(e.CID),
		)
	}
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return text(s)
}

func (p *page) declared(r *casefile.Record) {
	p.section("B", "Declared by the author: the ledger does not vouch for it", "作者声明：账本不对其真实性负责")
	p.rows(
		p.say("Signing keys named", "签名密钥名称"), text(strings.Join(casefile.Signers(r.Record.By), ", ")),
		p.say("Author's clock", "作者时钟"), p.moment(r.Record.At),
		p.say("Statement", "陈述"), "<code>"+text(string(r.Record.Fields))+"</code>",
	)
}

// moment shows a time in UTC, and as it was in Beijing on the Chinese page.
func (p *page) moment(ms int64) string {
	if !p.zh {
		return casefile.Moment(ms)
	}
	const eightHours = 8 * 60 * 60 * 1000
	beijing := strings.TrimSuffix(casefile.Moment(ms+eightHours), " UTC")
	return casefile.Moment(ms) + "（北京时间 " + beijing + "）"
}

func (p *page) proven(r *casefile.Record) {
	p.section("C", "Proved by the ledger", "账本所证明")
	after := p.say("not proven; the author's claim", "未证明，仅为作者声明")
	if r.SignedAfter {
		after = fmt.Sprintf(p.say("block %d", "区块 %d"), r.Record.After.Size-1)
	}
	p.rows(
		p.say("Existed by", "最迟存在于"), "<strong>"+p.moment(r.ExistedBy*1000)+"</strong>",
		p.say("Signed after", "签署不早于"), after,
		p.say("Block", "区块"), fmt.Sprintf(p.say("%d, record %d, dated %s", "%d，第 %d 条，标注时间 %s"), r.Height, r.Index+1, p.moment(r.BlockTime)),
		p.say("Hash of the header", "区块头哈希"), code1(r.Block.String()),
		p.say("Author's keys", "作者密钥"), strings.Join(codes(r.Record.By), "<br>"),
		p.say("Keys vouched for by", "密钥担保人"), p.say("nobody in this package", "本文件包中无"),
		p.say("State of the item", "事项状态"), p.state(r.State),
	)
	fmt.Fprintf(p, "<p>"+p.say("Signed by %d of %d members, which is a quorum:", "由 %[2]d 个成员中的 %[1]d 个签署，达到法定数：")+"</p>\n<table class=list>\n", len(r.Cosigners), r.Members)
	fmt.Fprintf(p, "<tr><th>%s</th><th>%s</th><th>%s</th></tr>\n", p.say("Organisation", "机构"), p.say("Register", "登记号"), p.say("Time, by its clock", "时间（其自身时钟）"))
	for _, m := range r.Cosigners {
		fmt.Fprintf(p, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n", text(m.Organisation), text(m.Registry), casefile.Moment(m.Time*1000))
	}
	p.WriteString("</table>\n")
}

func codes(keys []string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = code1(k)
	}
	return out
}

func (p *page) state(s *proof.ProvenState) string {
	if s == nil {
		return p.say("not in the proof", "证明未涉及")
	}
	return fmt.Sprintf(p.say("after block %d: ", "区块 %d 之后："), s.Height) + code1(s.Value)
}

// fingerprintQR draws the fingerprint, as digits that any reader shows.
func fingerprintQR(f ledger.Fingerprint) (string, error) {
	code, err := qr.Encode(f.String(), qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("draw the fingerprint: %w", err)
	}
	const quiet = 4
	n := code.Bounds().Dx()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %[1]d %[1]d" role="img" aria-label="QR"><path d="`, n+2*quiet)
	for y := range n {
		for x := range n {
			if dark, _, _, _ := code.At(x, y).RGBA(); dark == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}
