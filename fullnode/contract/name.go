package contract

import (
	"unicode/utf8"

	"evident/lightclient/ledger"
)

// scripts are the ranges of letters that have look-alikes among each other. They are part of the rules: what a version of
// Unicode says of letters is not.
var scripts = []struct {
	name   string
	ranges [][2]rune
}{
	{"Latin", [][2]rune{{'A', 'Z'}, {'a', 'z'}, {0xc0, 0x24f}, {0x1e00, 0x1eff}}},
	{"Greek", [][2]rune{{0x370, 0x3ff}, {0x1f00, 0x1fff}}},
	{"Cyrillic", [][2]rune{{0x400, 0x52f}, {0x1c80, 0x1c8f}, {0x2de0, 0x2dff}, {0xa640, 0xa69f}}},
}

// checkName refuses the name of a new item that could be taken for another one by its look: with characters that nobody
// sees, letters of several of the scripts that share shapes, full-width forms of ASCII, or combining marks. What another
// item's record touches is named by its contract.
func checkName(name string) *Refusal {
	seen := ""
	for i, r := range name {
		why := ""
		switch {
		case r != ' ' && ledger.IsUnseen(r), r == ' ' && (i == 0 || i == len(name)-utf8.RuneLen(r)):
			why = "a character that nobody sees"
		case r >= 0xff01 && r <= 0xff5e:
			why = "a full-width form"
		case r >= 0x300 && r <= 0x36f:
			why = "a combining mark"
		}
		if s := script(r); s != "" && seen != "" && s != seen {
			why = seen + " and " + s + " letters"
		} else if s != "" {
			seen = s
		}
		if why != "" {
			return refuse("name", "the item's name could be taken for another by its look", "事项名称可能因外形相近而与其他名称混淆",
				"item", clip(name), "why", why)
		}
	}
	return nil
}

func script(r rune) string {
	for _, s := range scripts {
		for _, span := range s.ranges {
			if span[0] <= r && r <= span[1] {
				return s.name
			}
		}
	}
	return ""
}
