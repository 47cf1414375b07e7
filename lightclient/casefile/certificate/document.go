package certificate

import (
	"fmt"
	"strings"

	"evident/lightclient/casefile"
)

// A Document is what a certificate says, before it is a page of HTML or of PDF:
// a title and blocks, in the order in which people read them.
type Document struct {
	Chinese  bool
	Title    string
	Number   string // of the certificate
	Digest   string // of the manifest, for the foot of every page; empty: none
	Exported int64  // Unix milliseconds, by the clock of whoever exported
	Blocks   []Block
}

// Block is a Chapter, Section, Paragraph, Rows, Picture, Grid, Steps or Form.
type Block any

type (
	// Chapter begins a record, in a case of several.
	Chapter string
	// Section has a letter, from A to H.
	Section struct{ Letter, Title string }
	// Paragraph is one.
	Paragraph string
	// Rows are names with values.
	Rows []Row
	// Picture is a small one, as PNG.
	Picture struct {
		Label string
		PNG   []byte
	}
	// Grid is a table with a head; blank rows are to be filled in by hand.
	Grid struct {
		Head  []string
		Share []float64 // of the width, for each column
		Rows  [][]Value
		Blank int
	}
	// Steps are numbered, beside the QR code of a text.
	Steps struct {
		Items []Value
		Code  string
	}
	// Form is what a person fills in.
	Form []string
)

// Row is a name with a value.
type Row struct {
	Label string
	Value Value
}

// Value is a text in which parts are shown differently.
type Value []Span

// Span is a part of a value. Its text may be of others, so it is escaped by
// whoever draws it.
type Span struct {
	Style Style
	Text  string
}

// Style is how a span is shown.
type Style int

// The styles.
const (
	Plain   Style = iota
	Strong        //
	Mono          // for machines
	Digits        // hexadecimal, in groups of four, to be read aloud
	Newline       // no text, but a new line
)

func text(s string) Value         { return Value{{Plain, casefile.Plain(s)}} }
func code(s string) Value         { return Value{{Mono, casefile.Plain(s)}} }
func hexadecimal(s string) Value  { return Value{{Digits, s}} }
func important(s string) Value    { return Value{{Strong, s}} }
func (v Value) and(w Value) Value { return append(v, w...) }

func lines(values ...Value) Value {
	var out Value
	for i, v := range values {
		if i > 0 {
			out = append(out, Span{Style: Newline})
		}
		out = append(out, v...)
	}
	return out
}

// marked reads a text in which `…` is for machines.
func marked(s string) Value {
	var out Value
	for i, part := range strings.Split(s, "`") {
		if part != "" {
			out = append(out, Span{[]Style{Plain, Mono}[i%2], part})
		}
	}
	return out
}

func (d *Document) add(b ...Block) { d.Blocks = append(d.Blocks, b...) }

// Name is the page's, without its ending.
func (d *Document) Name() string { return "certificate." + d.Say("en", "zh") }

// Say chooses the document's language.
func (d *Document) Say(en, zh string) string {
	if d.Chinese {
		return zh
	}
	return en
}

// Foot is what stands below every page.
func (d *Document) Foot() string {
	if d.Digest == "" {
		return ""
	}
	return "manifest.json SHA-256 " + d.Digest
}

func (d *Document) section(letter, en, zh string) { d.add(Section{letter, d.Say(en, zh)}) }

// moment shows a time in UTC, and as it was in Beijing on the Chinese page.
func (d *Document) moment(ms int64) string {
	if !d.Chinese {
		return casefile.Moment(ms)
	}
	const eightHours = 8 * 60 * 60 * 1000
	beijing := strings.TrimSuffix(casefile.Moment(ms+eightHours), " UTC")
	return casefile.Moment(ms) + "（北京时间 " + beijing + "）"
}

func orDash(s string) Value {
	if s == "" {
		return text("–")
	}
	return text(s)
}

// shortTime is the time of a table: UTC, as its head says.
func shortTime(ms int64) string { return strings.TrimSuffix(casefile.Moment(ms), " UTC") }

func count(n int) Value { return text(fmt.Sprint(n)) }

// InFours cuts hexadecimal digits into groups.
func InFours(s string) []string {
	var out []string
	for i := 0; i < len(s); i += 4 {
		out = append(out, s[i:min(i+4, len(s))])
	}
	return out
}
