//go:build !js

package casefile_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"
	"testing"

	. "evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// harbour is a picture of a sky over water.
func harbour(t testing.TB) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 400))
	for y := range 400 {
		for x := range 640 {
			c := color.RGBA{uint8(120 + x/8), uint8(170 + x/12), 230, 255}
			if y > 240 {
				c = color.RGBA{20, uint8(60 + (x+y)%40), 110, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pictureCase is a package of one record of a picture, with the picture.
func pictureCase(t testing.TB, name string, file []byte) (*Case, []byte) {
	t.Helper()
	c, id := oneRecord(t, ledger.Evidence{CID: anyCID, Mode: ledger.Digest, Name: name, SHA256: fmt.Sprintf("%x", sha256.Sum256(file)), Size: int64(len(file))})
	f := &fixture{Case: c}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }
	return c, f.write(t, Export{Pages: paper.Pages, Files: []File{{Record: id, Open: open}}})
}

func TestThumbnail(t *testing.T) {
	c, data := pictureCase(t, "harbour.png", harbour(t))
	options := Options{Trusted: &c.Fingerprint, Pages: paper.Pages}
	if r := verify(t, data, options); r.Verdict != proof.Valid {
		t.Fatalf("got %q (%s), want valid", r.Verdict, r.Reason("en"))
	}
	small := "thumbnails/" + c.Records[0].Short() + "/1.png"
	for _, want := range []string{small, `src="data:image/png;base64,iVBOR`, "/Subtype /Image"} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("the package has no %s", want)
		}
	}
	if _, again := pictureCase(t, "harbour.png", harbour(t)); !bytes.Equal(again, data) {
		t.Error("the same export twice gives other bytes")
	}
	var other bytes.Buffer
	if err := png.Encode(&other, image.NewGray(image.Rect(0, 0, 240, 150))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, code string
		change     func([]entry) []entry
	}{
		{"of something else", "content.thumbnail", func(e []entry) []entry { return edit(e, small, func([]byte) []byte { return other.Bytes() }) }},
		{"no picture", "content.thumbnail", func(e []entry) []entry { return edit(e, small, func([]byte) []byte { return []byte("hello") }) }},
		{"too large", "manifest.claims", func(e []entry) []entry { return edit(e, small, func([]byte) []byte { return make([]byte, 1<<20) }) }},
		{"of a file that is not there", "manifest.claims", func(e []entry) []entry {
			for i := range e {
				e[i].name = strings.Replace(e[i].name, "/1.png", "/2.png", map[bool]int{true: 1}[e[i].name == small])
			}
			return e
		}},
		{"left out, but on the pages", "pages.differs", func(e []entry) []entry {
			for i := range e {
				if e[i].name == small {
					return append(e[:i], e[i+1:]...)
				}
			}
			return e
		}},
	} {
		r := verify(t, putTogether(relist(t, tt.change(takeApart(t, data)))), options)
		code := ""
		for _, s := range r.Stages {
			if s.Status == proof.Failed {
				code = s.Code
			}
		}
		if r.Verdict != proof.Altered || code != tt.code {
			t.Errorf("%s: got %q %q (%s), want %s", tt.name, r.Verdict, code, r.Reason("en"), tt.code)
		}
	}
}

// TestNoThumbnail checks that what is called a picture and is none goes into a package without one.
func TestNoThumbnail(t *testing.T) {
	for name, file := range map[string][]byte{"hello.png": []byte("hello"), "harbour.txt": harbour(t), "cut.png": harbour(t)[:900]} {
		c, data := pictureCase(t, name, file)
		r := verify(t, data, Options{Trusted: &c.Fingerprint, Pages: paper.Pages})
		if r.Verdict != proof.Valid || bytes.Contains(data, []byte("thumbnails/")) {
			t.Errorf("%s: got %q (%s), want valid and no small picture", name, r.Verdict, r.Reason("en"))
		}
	}
}
