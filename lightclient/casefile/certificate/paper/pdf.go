// Package paper draws certificates as PDF for A4, with their fonts and the proofs
// inside. The same document makes the same bytes.
package paper

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image/png"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
)

// A4 and its parts, in millimetres; type in points.
const (
	pageWidth, pageHeight = 210, 297
	left, right           = 20, 20
	top, bottom           = 20, 22
	textWidth             = pageWidth - left - right
	labelWidth            = 42

	bodySize    = 9.5
	smallSize   = 7
	leading     = 1.42
	blankHeight = 8.5
	codeWidth   = 30
	pictureSide = 36

	heavier = .011 // width of an outline for each point of size
)

// Text rendering modes of PDF.
const (
	fill          = 0
	fillAndStroke = 2
)

// paper is a document while it becomes a PDF.
type paper struct {
	*fpdf.Fpdf
	*typesetter
	d     *certificate.Document
	y     float64
	pages int // of the document; 0 while they are counted
}

// Pages are those for screens and those for paper.
var Pages = casefile.Pages{
	Names: []string{"certificate.en.html", "certificate.en.pdf", "certificate.zh.html", "certificate.zh.pdf"}, Make: pages, Pictures: certificate.Pictures,
}

func pages(c *casefile.Case, m *casefile.Manifest, manifestSHA256 string) ([]casefile.Page, error) {
	out, err := certificate.Screens(c, m, manifestSHA256)
	if err != nil {
		return nil, err
	}
	for _, d := range certificate.Compose(c, m, manifestSHA256) {
		data, err := drawPDF(d, c)
		if err != nil {
			return nil, err
		}
		out = append(out, casefile.Page{Name: d.Name() + ".pdf", Data: data})
	}
	return out, nil
}

func bold(s string) certificate.Value { return certificate.Value{{Style: certificate.Strong, Text: s}} }
func text(s string) certificate.Value { return certificate.Value{{Text: s}} }
func code(s string) certificate.Value { return certificate.Value{{Style: certificate.Mono, Text: s}} }

// drawPDF draws twice: the feet say how many pages there are.
func drawPDF(d *certificate.Document, c *casefile.Case) ([]byte, error) {
	t, err := newTypesetter()
	if err != nil {
		return nil, err
	}
	p := &paper{typesetter: t, d: d}
	for range 2 {
		if err := p.draw(c); err != nil {
			return nil, fmt.Errorf("draw the certificate: %w", err)
		}
		p.pages = p.PageCount()
	}
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		return nil, fmt.Errorf("write the certificate: %w", err)
	}
	return b.Bytes(), nil
}

func (p *paper) draw(c *casefile.Case) error {
	p.Fpdf = fpdf.New("P", "mm", "A4", "")
	p.SetAutoPageBreak(false, 0)
	p.SetCatalogSort(true)
	p.SetCreationDate(time.UnixMilli(p.d.Exported).UTC())
	p.SetModificationDate(time.UnixMilli(p.d.Exported).UTC())
	p.SetProducer("Evident", true)
	p.SetTitle(p.d.Title+" "+p.d.Number, true)
	p.SetLang(p.d.Say("en", "zh-Hans"))
	for _, f := range []*face{p.regular, p.bold, p.mono, p.cjk} {
		p.AddUTF8FontFromBytes(f.name, "", bytes.Clone(f.file)) // it writes into what it is given
	}
	p.SetAttachments(attachments(c))
	p.newPage()
	p.headline()
	for i, b := range p.d.Blocks {
		if err := p.block(b); err != nil {
			return err
		}
		if i == 0 {
			p.rule(p.y, .5)
			p.y += 2
		}
	}
	p.foot()
	return p.Error()
}

// attachments are the proofs, so that the page on its own can be verified.
func attachments(c *casefile.Case) []fpdf.Attachment {
	if len(c.Records) > casefile.InFull {
		return nil
	}
	var out []fpdf.Attachment
	for i := range c.Records {
		r := &c.Records[i]
		out = append(out, fpdf.Attachment{Content: r.File, Filename: r.Short() + ".evident", Description: "evident/proof/v1"})
	}
	return out
}

func (p *paper) newPage() {
	if p.PageCount() > 0 {
		p.foot()
	}
	p.AddPage()
	p.y = top
	if p.PageCount() > 1 {
		p.put(p.line(text(p.d.Title+" · "+p.d.Number), smallSize+.5), left, top-8)
		p.rule(top-5.2, .15)
	}
}

func (p *paper) foot() {
	y := float64(pageHeight - bottom + 6)
	p.rule(y, .15)
	p.put(p.line(code(p.d.Foot()), smallSize), left, y+4)
	number := p.line(text(fmt.Sprintf(p.d.Say("Page %d of %d", "第 %d 页，共 %d 页"), p.PageCount(), p.pages)), smallSize+.5)
	p.put(number, pageWidth-right-widthOf(number), y+4)
}

func (p *paper) headline() {
	p.lines(bold(p.d.Title), 20, left, textWidth)
	p.y += 2.5
}

func (p *paper) block(b certificate.Block) error {
	switch b := b.(type) {
	case certificate.Chapter:
		if p.y > pageHeight/3 {
			p.newPage()
		}
		p.y += 3
		p.lines(bold(string(b)), 14, left, textWidth)
	case certificate.Section:
		p.section(b)
	case certificate.Paragraph:
		p.paragraph(b)
	case certificate.Rows:
		for _, r := range b {
			p.row(r)
		}
		p.y += 1.8
	case certificate.Picture:
		return p.picture(b)
	case certificate.Grid:
		p.grid(b)
	case certificate.Steps:
		return p.steps(b)
	case certificate.Form:
		for _, name := range b {
			p.need(blankHeight)
			p.y += blankHeight
			p.put(p.line(text(name), bodySize), left, p.y-1.2)
			p.ruleFrom(left+labelWidth, p.y, .15)
		}
	default:
		return fmt.Errorf("a %T", b)
	}
	return nil
}

func (p *paper) section(s certificate.Section) {
	p.need(26) // a heading does not stand alone
	p.y += 3
	letter := p.line(bold(s.Letter), 11)
	p.put(letter, left, p.y+height(11)*.8)
	indent := max(7, widthOf(letter)+3)
	p.lines(bold(s.Title), 11, left+indent, textWidth-indent)
	p.y += .6
	p.rule(p.y, .25)
	p.y += 1.4
}

func (p *paper) paragraph(s certificate.Paragraph) {
	set := p.breakLines(text(string(s)), bodySize, textWidth)
	p.need(float64(min(len(set), 4)) * height(bodySize))
	p.each(set, bodySize, left)
	p.y += 1.6
}

// row draws a name and its value, over as many pages as the value needs.
func (p *paper) row(r certificate.Row) {
	names := p.breakLines(text(r.Label), bodySize, labelWidth-3)
	values := p.breakLines(r.Value, bodySize, textWidth-labelWidth)
	for i := range max(len(names), len(values)) {
		p.need(height(bodySize))
		base := p.y + height(bodySize)*.76
		if i < len(names) {
			p.put(names[i], left, base)
		}
		if i < len(values) {
			p.put(values[i], left+labelWidth, base)
		}
		p.y += height(bodySize)
	}
	p.y += .35
}

func (p *paper) steps(s certificate.Steps) error {
	dark, n, err := certificate.Squares(s.Code)
	if err != nil {
		return err
	}
	p.need(codeWidth + 2)
	began := p.y
	side := float64(codeWidth) / float64(n)
	x0 := float64(pageWidth - right - codeWidth)
	for _, q := range dark {
		p.Rect(x0+float64(q.X)*side, began+1+float64(q.Y)*side, side, side, "F")
	}
	for i, item := range s.Items {
		p.put(p.line(text(fmt.Sprintf("%d.", i+1)), bodySize), left, p.y+height(bodySize)*.76)
		p.lines(item, bodySize, left+6, textWidth-6-codeWidth-8)
		p.y += .8
	}
	p.y = max(p.y, began+codeWidth+3)
	return nil
}

// picture draws a small picture, as large as its longer side allows.
func (p *paper) picture(b certificate.Picture) error {
	size, err := png.DecodeConfig(bytes.NewReader(b.PNG))
	if err != nil {
		return fmt.Errorf("draw a picture: %w", err)
	}
	wide, high := float64(size.Width), float64(size.Height)
	scale := pictureSide / max(wide, high)
	wide, high = wide*scale, high*scale
	p.need(high + 2)
	p.put(p.line(text(b.Label), bodySize), left, p.y+height(bodySize)*.76)
	name := fmt.Sprintf("%x", sha256.Sum256(b.PNG))
	p.RegisterImageOptionsReader(name, fpdf.ImageOptions{ImageType: "PNG"}, bytes.NewReader(b.PNG))
	p.ImageOptions(name, left+labelWidth, p.y+.6, wide, high, false, fpdf.ImageOptions{}, 0, "")
	p.SetLineWidth(.15)
	p.Rect(left+labelWidth, p.y+.6, wide, high, "D")
	p.y += high + 2.4
	return nil
}

// grid draws a table; its head stands again on every page.
func (p *paper) grid(g certificate.Grid) {
	const pad = 1.5
	cells := func(values []certificate.Value, size float64) (columns [][][]run, deep int) {
		for i, v := range values {
			set := p.breakLines(v, size, g.Share[i]*textWidth-2*pad)
			columns, deep = append(columns, set), max(deep, len(set))
		}
		return columns, deep
	}
	drawLine := func(columns [][][]run, n int, size float64) {
		x := float64(left)
		for i, set := range columns {
			if n < len(set) {
				p.put(set[n], x+pad, p.y+height(size)*.76)
			}
			x += g.Share[i] * textWidth
		}
		p.y += height(size)
	}
	head := func() {
		p.rule(p.y, .3)
		p.y += .8
		titles := make([]certificate.Value, len(g.Head))
		for i, t := range g.Head {
			titles[i] = bold(t)
		}
		columns, deep := cells(titles, gridSize)
		for n := range deep {
			drawLine(columns, n, gridSize)
		}
		p.y += .6
		p.rule(p.y, .3)
		p.y += .6
	}
	p.need(20)
	head()
	for _, values := range g.Rows {
		columns, deep := cells(values, gridSize)
		for n := range deep {
			if p.full(height(gridSize)) || n == 0 && deep < 12 && p.full(float64(deep)*height(gridSize)) {
				p.newPage()
				head()
			}
			drawLine(columns, n, gridSize)
		}
		p.y += .5
		p.rule(p.y, .1)
		p.y += .5
	}
	for range g.Blank {
		p.need(blankHeight)
		p.y += blankHeight
		p.rule(p.y, .1)
	}
	p.y += 2
}

const gridSize = bodySize - 1

func height(size float64) float64 { return size * leading * millimetres }

func (p *paper) full(h float64) bool { return p.y+h > pageHeight-bottom }

func (p *paper) need(h float64) {
	if p.full(h) {
		p.newPage()
	}
}

func (p *paper) rule(y, width float64) { p.ruleFrom(left, y, width) }

func (p *paper) ruleFrom(x, y, width float64) {
	p.SetLineWidth(width)
	p.Line(x, y, pageWidth-right, y)
}

// lines draws a value from x on.
func (p *paper) lines(v certificate.Value, size, x, width float64) {
	p.each(p.breakLines(v, size, width), size, x)
}

func (p *paper) each(set [][]run, size, x float64) {
	for _, line := range set {
		p.need(height(size))
		p.put(line, x, p.y+height(size)*.76)
		p.y += height(size)
	}
}

// line sets a value that has room on one.
func (p *paper) line(v certificate.Value, size float64) []run {
	return p.breakLines(v, size, pageWidth)[0]
}

func widthOf(line []run) float64 {
	w := 0.0
	for _, r := range line {
		w += r.gap + r.width
	}
	return w
}

// put draws a line on a base line.
func (p *paper) put(line []run, x, base float64) {
	for _, r := range line {
		x += r.gap
		if strings.TrimSpace(r.text) != "" {
			p.SetFont(r.face.name, "", r.size)
			if r.heavy {
				p.SetLineWidth(r.size * heavier)
				p.SetTextRenderingMode(fillAndStroke)
			}
			p.Text(x, base, r.text)
			if r.heavy {
				p.SetTextRenderingMode(fill)
			}
		}
		x += r.width
	}
}
