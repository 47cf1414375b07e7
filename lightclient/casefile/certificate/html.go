package certificate

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// page is a document while it becomes HTML.
type page struct{ strings.Builder }

func drawHTML(d *Document) ([]byte, error) {
	p := new(page)
	fmt.Fprintf(p, htmlHead, d.Say("en", "zh-Hans"), d.Title, html.EscapeString(d.Number), fmt.Sprintf(htmlStyle, d.Foot()))
	fmt.Fprintf(p, "<header><h1>%s</h1>\n", d.Title)
	for i, b := range d.Blocks {
		if err := p.block(b); err != nil {
			return nil, err
		}
		if i == 0 {
			p.WriteString("</header>\n")
		}
	}
	if d.Digest != "" {
		fmt.Fprintf(p, "<footer>%s %s</footer>\n", d.Say("SHA-256 of manifest.json", "manifest.json 的 SHA-256"), d.Digest)
	}
	p.WriteString("</body>\n</html>\n")
	return []byte(p.String()), nil
}

func (p *page) block(b Block) error {
	switch b := b.(type) {
	case Chapter:
		fmt.Fprintf(p, "<h2 class=record>%s</h2>\n", html.EscapeString(string(b)))
	case Section:
		fmt.Fprintf(p, "<h2><b>%s</b> %s</h2>\n", b.Letter, b.Title)
	case Paragraph:
		fmt.Fprintf(p, "<p>%s</p>\n", html.EscapeString(string(b)))
	case Rows:
		p.WriteString("<table>\n")
		for _, r := range b {
			fmt.Fprintf(p, "<tr><th>%s</th><td>%s</td></tr>\n", html.EscapeString(r.Label), inHTML(r.Value))
		}
		p.WriteString("</table>\n")
	case Picture:
		fmt.Fprintf(p, "<table>\n<tr><th>%s</th><td><img alt=\"\" src=\"data:image/png;base64,%s\"></td></tr>\n</table>\n", b.Label, base64.StdEncoding.EncodeToString(b.PNG))
	case Grid:
		p.grid(b)
	case Steps:
		return p.steps(b)
	case Form:
		p.WriteString("<table class=sign>\n")
		for _, name := range b {
			fmt.Fprintf(p, "<tr class=blank><th>%s</th><td></td></tr>\n", name)
		}
		p.WriteString("</table>\n")
	default:
		return fmt.Errorf("draw a %T", b)
	}
	return nil
}

func (p *page) grid(g Grid) {
	p.WriteString("<table class=list>\n<thead><tr>")
	for i, title := range g.Head {
		fmt.Fprintf(p, "<th style=\"width:%.0f%%\">%s</th>", 100*g.Share[i], title)
	}
	p.WriteString("</tr></thead>\n")
	for _, cells := range g.Rows {
		p.WriteString("<tr>")
		for _, v := range cells {
			fmt.Fprintf(p, "<td>%s</td>", inHTML(v))
		}
		p.WriteString("</tr>\n")
	}
	for range g.Blank {
		p.WriteString("<tr class=blank>" + strings.Repeat("<td></td>", len(g.Head)) + "</tr>\n")
	}
	p.WriteString("</table>\n")
}

func (p *page) steps(s Steps) error {
	drawn, err := svg(s.Code)
	if err != nil {
		return err
	}
	fmt.Fprintf(p, "<div class=qr>%s</div>\n<ol>\n", drawn)
	for _, item := range s.Items {
		fmt.Fprintf(p, "<li>%s</li>\n", inHTML(item))
	}
	p.WriteString("</ol>\n")
	return nil
}

func inHTML(v Value) string {
	var b strings.Builder
	for _, s := range v {
		switch s.Style {
		case Plain:
			b.WriteString(html.EscapeString(s.Text))
		case Strong:
			b.WriteString("<strong>" + html.EscapeString(s.Text) + "</strong>")
		case Mono:
			b.WriteString("<code>" + html.EscapeString(s.Text) + "</code>")
		case Digits: // copied text has no spaces
			b.WriteString("<code>")
			for _, group := range InFours(s.Text) {
				b.WriteString("<i>" + html.EscapeString(group) + "</i><wbr>")
			}
			b.WriteString("</code>")
		case Newline:
			b.WriteString("<br>")
		}
	}
	return b.String()
}

// quiet is the margin that readers of a QR code need, in its squares.
const quiet = 4

func svg(text string) (string, error) {
	dark, side, err := Squares(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %[1]d %[1]d" role="img" aria-label="QR"><path d="`, side+2*quiet)
	for _, s := range dark {
		fmt.Fprintf(&b, "M%d %dh1v1h-1z", s.X+quiet, s.Y+quiet)
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}

// Square is one of a QR code.
type Square struct{ X, Y int }

// Squares are the dark ones of the QR code of a text, and how many are on a side.
func Squares(text string) ([]Square, int, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, 0, fmt.Errorf("draw a QR code: %w", err)
	}
	var out []Square
	n := code.Bounds().Dx()
	for y := range n {
		for x := range n {
			if dark, _, _, _ := code.At(x, y).RGBA(); dark == 0 {
				out = append(out, Square{x, y})
			}
		}
	}
	return out, n, nil
}

const htmlHead = `<!doctype html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s %s</title>
<style>
%s</style>
</head>
<body>
`

// htmlStyle is for paper first: black on white, no colour that carries meaning.
// The foot of every page has the digest of the manifest.
const htmlStyle = `@page { size: A4; margin: 15mm 18mm 18mm; 
  @bottom-left { content: "%s"; font: 7.5pt "DejaVu Sans Mono", Consolas, monospace; }
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt serif; } }
body { font: 9.5pt/1.38 "Noto Serif", "Noto Serif CJK SC", "Songti SC", SimSun, Georgia, serif; color: #000; background: #fff; max-width: 174mm; margin: 8mm auto; padding: 0 4mm; }
h1 { font-size: 20pt; font-weight: 600; margin: 0 0 3mm; }
h2 { font-size: 11pt; margin: 4.5mm 0 1.2mm; border-bottom: .6pt solid #000; padding-bottom: .8mm; break-after: avoid; }
h2 b { display: inline-block; min-width: 7mm; }
h2.record { font-size: 14pt; border: 0; margin-top: 9mm; }
table ~ h2.record { break-before: page; }
header { border-bottom: 1.5pt solid #000; padding-bottom: 2mm; }
table { border-collapse: collapse; width: 100%%; margin: 1mm 0 2.5mm; }
tr, table.sign, ol, p { break-inside: avoid; }
th { text-align: left; font-weight: normal; width: 42mm; padding: .45mm 3mm .45mm 0; vertical-align: top; }
td { padding: .45mm 0; vertical-align: top; overflow-wrap: anywhere; }
table.list th, table.list td { border: .4pt solid #000; padding: .9mm 2mm; }
table.list th { font-weight: 600; }
tr.blank td { height: 7mm; border-bottom: .4pt solid #000; }
tr.blank th { vertical-align: bottom; }
code { font: 8pt "DejaVu Sans Mono", "Noto Sans Mono", Consolas, monospace; }
code i { font-style: normal; margin-right: .35em; }
p, ol { margin: 1mm 0 2mm; }
p:has(+ table) { break-after: avoid; }
img { max-width: 36mm; max-height: 36mm; display: block; border: .4pt solid #000; }
div.qr { float: right; width: 34mm; margin-left: 5mm; }
div.qr svg { width: 34mm; display: block; }
footer { font: 7.5pt "DejaVu Sans Mono", Consolas, monospace; border-top: .4pt solid #000; padding-top: 1mm; margin-top: 5mm; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
`
