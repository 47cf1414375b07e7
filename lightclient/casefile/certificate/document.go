package certificate

import (
	"fmt"
	"strings"

	"evident/lightclient/casefile"
)

// A document is what a certificate says, before it is a page of HTML or of
// PDF: a title and blocks, in the order in which people read them.
type document struct {
	zh       bool
	title    string
	number   string // of the certificate
	digest   string // of the manifest, for the foot of every page
	exported int64  // Unix milliseconds, by the clock of whoever exported
	blocks   []block
}

type block any

type (
	// chapter begins a record, in a case of several.
	chapter string
	// section has a letter, from A to H.
	section struct{ letter, title string }
	// paragraph is one.
	paragraph string
	// rows are names with values.
	rows []row
	// grid is a table with a head; blank rows are to be filled in by hand.
	grid struct {
		head  []string
		share []float64 // of the width, for each column
		rows  [][]value
		blank int
	}
	// steps are numbered, beside the code of a text.
	steps struct {
		items []value
		code  string
	}
	// form is what a person fills in.
	form []string
)

type row struct {
	label string
	value value
}

// value is a text in which parts are shown differently.
type value []span

type span struct {
	style style
	text  string // of others where it may be, so every renderer escapes it
}

type style int

const (
	plain  style = iota
	strong       //
	mono         // for machines
	digits       // hexadecimal, shown in groups of four, to be read aloud
	newline
)

func text(s string) value         { return value{{plain, casefile.Plain(s)}} }
func code(s string) value         { return value{{mono, casefile.Plain(s)}} }
func hexadecimal(s string) value  { return value{{digits, s}} }
func important(s string) value    { return value{{strong, s}} }
func (v value) and(w value) value { return append(v, w...) }

func lines(values ...value) value {
	var out value
	for i, v := range values {
		if i > 0 {
			out = append(out, span{style: newline})
		}
		out = append(out, v...)
	}
	return out
}

// marked reads a text in which `…` is for machines.
func marked(s string) value {
	var out value
	for i, part := range strings.Split(s, "`") {
		if part != "" {
			out = append(out, span{[]style{plain, mono}[i%2], part})
		}
	}
	return out
}

func (d *document) add(b ...block) { d.blocks = append(d.blocks, b...) }

func (d *document) say(en, zh string) string {
	if d.zh {
		return zh
	}
	return en
}

// foot is what stands below every page.
func (d *document) foot() string {
	if d.digest == "" {
		return ""
	}
	return "manifest.json SHA-256 " + d.digest
}

func (d *document) section(letter, en, zh string) { d.add(section{letter, d.say(en, zh)}) }

// moment shows a time in UTC, and as it was in Beijing on the Chinese page.
func (d *document) moment(ms int64) string {
	if !d.zh {
		return casefile.Moment(ms)
	}
	const eightHours = 8 * 60 * 60 * 1000
	beijing := strings.TrimSuffix(casefile.Moment(ms+eightHours), " UTC")
	return casefile.Moment(ms) + "（北京时间 " + beijing + "）"
}

func orDash(s string) value {
	if s == "" {
		return text("–")
	}
	return text(s)
}

// shortTime is the time of a table: UTC, as its head says.
func shortTime(ms int64) string { return strings.TrimSuffix(casefile.Moment(ms), " UTC") }

func count(n int) value { return text(fmt.Sprint(n)) }
