package paper

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"evident/lightclient/casefile/certificate"
	fonts "evident/lightclient/casefile/certificate/paper/font"
)

// Setting type: a value becomes lines of runs, each in a font that has its
// characters.

// face is a font at work.
type face struct {
	name   string
	file   []byte
	parsed *sfnt.Font
	widths map[rune]float64 // of an em; negative: no glyph
}

// faces are parsed once; the tables of a case's own are faster than a lock.
var parsed = sync.OnceValues(func() (map[string]*sfnt.Font, error) {
	out := map[string]*sfnt.Font{}
	for name, file := range fontFiles() {
		f, err := sfnt.Parse(file)
		if err != nil {
			return nil, fmt.Errorf("read the font %s: %w", name, err)
		}
		out[name] = f
	}
	return out, nil
})

func fontFiles() map[string][]byte {
	return map[string][]byte{"regular": fonts.Regular, "bold": fonts.Bold, "mono": fonts.Mono, "cjk": fonts.CJK}
}

// typesetter measures text.
type typesetter struct{ regular, bold, mono, cjk *face }

func newTypesetter() (*typesetter, error) {
	known, err := parsed()
	if err != nil {
		return nil, err
	}
	files := fontFiles()
	f := func(name string) *face { return &face{name, files[name], known[name], map[rune]float64{}} }
	return &typesetter{f("regular"), f("bold"), f("mono"), f("cjk")}, nil
}

// width is a character's, as a part of an em; false if the font has it not.
func (f *face) width(r rune) (float64, bool) {
	w, ok := f.widths[r]
	if !ok {
		w = f.measure(r)
		f.widths[r] = w
	}
	return w, w >= 0
}

func (f *face) measure(r rune) float64 {
	var b sfnt.Buffer
	i, err := f.parsed.GlyphIndex(&b, r)
	if err != nil || i == 0 {
		return -1
	}
	const em = 1024
	advance, err := f.parsed.GlyphAdvance(&b, i, fixed.I(em), font.HintingNone)
	if err != nil {
		return -1
	}
	return float64(advance) / 64 / em
}

// run is text in one font, of one size.
type run struct {
	face  *face
	size  float64 // points
	text  string
	width float64 // millimetres
	gap   float64 // before it, millimetres
	heavy bool    // its font has no bold, so its outline is drawn too
}

// atom is what a line is not broken in.
type atom struct {
	run
	space, newline bool
	sticks         bool // to what stands before it
}

const millimetres = 25.4 / 72 // of a point

// breakLines sets a value in lines of a width in millimetres.
func (t *typesetter) breakLines(v certificate.Value, size, width float64) [][]run {
	var out [][]run
	var line []atom
	used := 0.0
	end := func() {
		for len(line) > 0 && line[len(line)-1].space {
			line = line[:len(line)-1]
		}
		out = append(out, joined(line))
		line, used = nil, 0
	}
	atoms := t.atoms(v, size, width)
	for i, a := range atoms {
		if a.newline {
			end()
			continue
		}
		if a.space && len(line) == 0 && len(out) > 0 {
			continue
		}
		total := a.gap + a.width
		for j := i + 1; j < len(atoms) && atoms[j].sticks; j++ {
			total += atoms[j].width
		}
		if len(line) > 0 && !a.space && !a.sticks && used+total > width {
			end()
		}
		if len(line) == 0 {
			a.gap = 0
		}
		line = append(line, a)
		used += a.gap + a.width
	}
	end()
	return out
}

// joined puts neighbours in one font into one run.
func joined(line []atom) []run {
	var out []run
	for _, a := range line {
		if n := len(out); n > 0 && out[n-1].face == a.face && out[n-1].size == a.size && out[n-1].heavy == a.heavy && a.gap == 0 {
			out[n-1].text += a.text
			out[n-1].width += a.width
			continue
		}
		out = append(out, a.run)
	}
	return out
}

// atoms cuts a value where lines may break: at spaces, beside characters of
// CJK, anywhere in what is for machines and in words wider than a line.
func (t *typesetter) atoms(v certificate.Value, size, width float64) []atom {
	var out []atom
	for _, s := range v {
		switch s.Style {
		case certificate.Newline:
			out = append(out, atom{newline: true})
		case certificate.Digits:
			for i, group := range certificate.InFours(s.Text) {
				a := t.set(t.mono, group, size*machine)
				if i > 0 {
					a.gap = .3 * size * machine * millimetres
				}
				out = append(out, a)
			}
		case certificate.Mono:
			out = append(out, t.each(t.mono, s.Text, size*machine)...)
		case certificate.Strong:
			out = append(out, t.words(t.bold, s.Text, size, width)...)
		default:
			out = append(out, t.words(t.regular, s.Text, size, width)...)
		}
	}
	return out
}

// machine is the size of text for machines beside that for people.
const machine = .86

func (t *typesetter) words(f *face, s string, size, width float64) []atom {
	var out []atom
	var word strings.Builder
	flush := func() {
		if word.Len() == 0 {
			return
		}
		if a := t.set(f, word.String(), size); a.width <= width {
			out = append(out, a)
		} else {
			out = append(out, t.each(f, word.String(), size)...)
		}
		word.Reset()
	}
	for _, r := range s {
		_, latin := f.width(r)
		if latin && r != ' ' {
			word.WriteRune(r)
			continue
		}
		flush()
		out = append(out, t.each(f, string(r), size)...)
	}
	flush()
	return out
}

// each makes an atom of each character.
func (t *typesetter) each(f *face, s string, size float64) []atom {
	var out []atom
	for _, r := range s {
		a := t.set(f, string(r), size)
		a.space = r == ' '
		a.sticks = strings.ContainsRune("，。、；：？！）》」』】〉”’,.;:?!)]}", r)
		out = append(out, a)
	}
	return out
}

// set measures text in a font, or character by character in the one that has it.
func (t *typesetter) set(f *face, s string, size float64) atom {
	a := atom{run: run{face: f, size: size}}
	for _, r := range s {
		w, ok := f.width(r)
		if !ok {
			return t.fallback(s, size, f == t.bold)
		}
		a.width += w * size * millimetres
	}
	a.text = s
	return a
}

// fallback sets what the first font has not: in the CJK font, or by code points.
func (t *typesetter) fallback(s string, size float64, heavy bool) atom {
	a := atom{run: run{face: t.cjk, size: size, heavy: heavy}}
	for _, r := range s {
		w, ok := t.cjk.width(r)
		if !ok || r > 0xffff || unicode.Is(unicode.Mn, r) {
			return t.set(t.mono, codePoints(s), size)
		}
		a.width += w * size * millimetres
	}
	a.text = s
	return a
}

// codePoints names characters that no font here draws.
func codePoints(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, "[U+%04X]", r)
	}
	return b.String()
}
