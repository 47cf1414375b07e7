package certificate

import (
	"fmt"
	"strings"
)

// The sections D to H, which the whole case has once.

func (p *page) independentTime() {
	p.section("D", "Independent time", "独立时间")
	fmt.Fprintf(p, "<p>%s</p>\n", p.say("The package has no time stamp of an authority outside the ledger, qualified or not.", "文件包不含账本之外机构的时间戳（无论是否合格）。"))
}

func (p *page) custody() {
	p.section("E", "Custody", "保管")
	fmt.Fprintf(p, "<p>%s</p>\n<table class=list>\n<tr>", p.say("The package has no log of custody. To be kept by hand:", "文件包不含保管记录，可手工填写："))
	for _, title := range []string{p.say("Date, time", "日期时间"), p.say("What was done", "操作"), p.say("By whom", "经手人"), p.say("Signature", "签名")} {
		fmt.Fprintf(p, "<th>%s</th>", title)
	}
	p.WriteString("</tr>\n")
	for range 3 {
		p.WriteString("<tr class=blank><td></td><td></td><td></td><td></td></tr>\n")
	}
	p.WriteString("</table>\n")
}

func (p *page) howToVerify(code string) {
	p.section("F", "How to verify", "如何核验")
	fmt.Fprintf(p, "<div class=qr>%s</div>\n<ol>\n", code)
	for _, way := range []string{
		p.say("With the program: <code>evident verify case.zip</code>. It needs no network.", "使用程序：<code>evident verify case.zip</code>，无需网络。"),
		p.say("By hand: unpack the package and follow VERIFY.txt, with sha256sum, openssl and a page of Python.", "手工：解压文件包，依 VERIFY.txt 使用 sha256sum、openssl 与一页 Python。"),
		p.say("With programs of others: header.tlog-proof and policy.txt are C2SP tlog-proof and policy.", "使用第三方程序：header.tlog-proof 与 policy.txt 为 C2SP 格式。"),
	} {
		fmt.Fprintf(p, "<li>%s</li>\n", way)
	}
	words := p.known.Fingerprint.Words()
	p.WriteString("</ol>\n")
	fmt.Fprintf(p, "<p>%s</p>\n", p.say("All of it rests on the fingerprint of the ledger. Compare it with what the consortium published, not with this page alone:", "一切以账本指纹为准。请与联盟公布者核对，勿仅以本页为准："))
	p.rows(
		p.say("Words", "助记词"), "<strong>"+strings.Join(words[:6], " ")+"<br>"+strings.Join(words[6:], " ")+"</strong>",
		p.say("Fingerprint", "指纹"), grouped(p.known.Fingerprint.String()),
		p.say("Manifest, SHA-256", "清单 SHA-256"), grouped(p.digest),
		p.say("Exported", "导出时间"), p.moment(p.manifest.Exported.At)+" – "+p.say("by the exporter's clock, not evidence of time", "导出者时钟，不作为时间证据"),
		p.say("Exported with", "导出程序"), text(p.manifest.Exporter),
	)
}

func (p *page) limits() {
	p.section("G", "Limits", "证明的界限")
	fmt.Fprintf(p, "<p>%s</p>\n", p.say("This certificate repeats what the proofs in the package show: that each record existed by the time shown, was signed by the keys shown, and was not changed since. It does not show who is the author of a work, who held a key, that a statement is true or lawful, or that a page which was captured was genuine. Copyright arises without registration: this is evidence, not a title. If this page and the proofs differ, the proofs count.",
		"本证明书复述文件包中证明的内容：各记录最迟于所示时间已经存在，由所示密钥签署，其后未被改动。不证明作品的作者、密钥的实际持有人、陈述的真实或合法，亦不证明被采集网页的真实性。著作权无需登记即产生；本件为证据，并非权利证书。本页与证明不一致时，以证明为准。"))
}

func (p *page) qualifiedPerson() {
	p.section("H", "Certification by a qualified person (to be completed)", "有资格者的确认（待填写）")
	p.WriteString("<table class=sign>\n")
	for _, name := range []string{
		p.say("Name", "姓名"), p.say("Qualification", "资质"), p.say("Tool and version", "工具及版本"),
		p.say("Date and place", "日期与地点"), p.say("Signature", "签名"),
	} {
		fmt.Fprintf(p, "<tr class=blank><th>%s</th><td></td></tr>\n", name)
	}
	p.WriteString("</table>\n")
}

const head = `<!doctype html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s %s</title>
<style>
%s</style>
</head>
<body>
`

// style is for paper first: black on white, no colour that carries meaning. The
// foot of every page has the digest of the manifest.
const style = `@page { size: A4; margin: 15mm 18mm 18mm; 
  @bottom-left { content: "manifest.json SHA-256 %s"; font: 7.5pt "DejaVu Sans Mono", Consolas, monospace; }
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt serif; } }
body { font: 9.5pt/1.38 "Noto Serif", "Noto Serif CJK SC", "Songti SC", SimSun, Georgia, serif; color: #000; background: #fff; max-width: 174mm; margin: 8mm auto; padding: 0 4mm; }
h1 { font-size: 20pt; font-weight: 600; margin: 0 0 3mm; }
h2 { font-size: 11pt; margin: 4.5mm 0 1.2mm; border-bottom: .6pt solid #000; padding-bottom: .8mm; break-after: avoid; }
h2 b { display: inline-block; width: 7mm; }
h2.record { font-size: 14pt; border: 0; margin-top: 9mm; }
table ~ h2.record { break-before: page; }
header { border-bottom: 1.5pt solid #000; padding-bottom: 2mm; }
table { border-collapse: collapse; width: 100%%; margin: 1mm 0 2.5mm; }
tr, table.list, table.sign, ol, p { break-inside: avoid; }
th { text-align: left; font-weight: normal; width: 42mm; padding: .45mm 3mm .45mm 0; vertical-align: top; }
td { padding: .45mm 0; vertical-align: top; overflow-wrap: anywhere; }
table.list th, table.list td { width: auto; border: .4pt solid #000; padding: .9mm 2mm; }
table.list th { font-weight: 600; }
tr.blank td { height: 7mm; border-bottom: .4pt solid #000; }
tr.blank th { vertical-align: bottom; }
code { font: 8pt "DejaVu Sans Mono", "Noto Sans Mono", Consolas, monospace; }
code i { font-style: normal; margin-right: .35em; }
p, ol { margin: 1mm 0 2mm; }
p:has(+ table) { break-after: avoid; }
div.qr { float: right; width: 34mm; margin-left: 5mm; }
div.qr svg { width: 34mm; display: block; }
footer { font: 7.5pt "DejaVu Sans Mono", Consolas, monospace; border-top: .4pt solid #000; padding-top: 1mm; margin-top: 5mm; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
`
