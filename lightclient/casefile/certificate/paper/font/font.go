// Package font has the fonts of the certificate on paper. Both may be embedded
// in documents: the Go fonts (BSD licence) for Latin, Greek and Cyrillic, Droid
// Sans Fallback (Apache licence 2.0, © Google) for Chinese, Japanese and Korean.
package font

import (
	_ "embed"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
)

// Fonts as TrueType files.
var (
	Regular = goregular.TTF
	Bold    = gobold.TTF
	Mono    = gomono.TTF

	//go:embed DroidSansFallbackFull.ttf
	CJK []byte
)
