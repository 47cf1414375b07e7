package evidence

import (
	"path"
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

// media are the types of the names that people give. Machines know others, and
// not the same ones: to some a .webm is sound.
var media = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".bmp": "image/bmp",
	".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg", ".mov": "video/quicktime",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".wav": "audio/wav", ".flac": "audio/flac", ".aac": "audio/aac",
	".pdf": "application/pdf", ".json": "application/json", ".xml": "application/xml", ".svg": "image/svg+xml",
	".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".html": "text/html", ".htm": "text/html",
}

// MediaType is the type that a file's name suggests; empty if it suggests none.
func MediaType(name string) string { return media[strings.ToLower(path.Ext(name))] }
