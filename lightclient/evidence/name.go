package evidence

import (
	"strings"
	"unicode/utf8"
)

// maxName is how long a file's name may be in a record, in bytes.
const maxName = 255

// FileName is a file's name as a record can hold it: what is not text, or could
// change how text is shown, becomes "_".
func FileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return '_'
		}
		return r
	}, name)
	for len(name) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}
