// Package picture makes small pictures of large ones, for a certificate, and
// tells whether a small one is of a large one.
//
// Decoders of two years differ by a shade, so the two are compared with a
// tolerance. What is decoded comes from anybody: dimensions are read before
// pixels, and bytes, pixels and passes over them are bounded.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	"image/png"
	"io"
)

// Limits.
const (
	MaxSource = 64 << 20  // bytes of a file of which a small picture is made
	MaxSmall  = 256 << 10 // bytes of a small picture
	Side      = 240       // pixels on the longer side of one, at most

	maxPixels = 16 << 20 // at most eight bytes each while they are decoded
	maxScans  = 128      // of a JPEG file: each goes over all pixels
	tolerance = 24       // of 255, in any pixel
	samples   = 4        // on a side, of which a pixel is the mean
)

// ErrNone means that no small picture is made of a file.
var ErrNone = errors.New("not a picture of which a small one is made")

// ErrDiffers means that a small picture is not of the file.
var ErrDiffers = errors.New("the small picture does not show the file")

// Small returns the small picture of a JPEG, PNG or GIF file, as PNG. The same
// program makes the same bytes.
func Small(file io.Reader) ([]byte, error) {
	small, err := smaller(file)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, small); err != nil {
		return nil, fmt.Errorf("encode a small picture: %w", err)
	}
	if out.Len() > MaxSmall {
		return nil, ErrNone
	}
	return out.Bytes(), nil
}

// Check checks that a small picture is of the file.
func Check(small []byte, file io.Reader) error {
	got, err := parse(small)
	if err != nil {
		return err
	}
	want, err := smaller(file)
	if err != nil {
		return err
	}
	if got.Bounds() != want.Bounds() {
		return ErrDiffers
	}
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			a, b := color.RGBAModel.Convert(got.At(x, y)).(color.RGBA), want.RGBAAt(x, y)
			if far(a.R, b.R) || far(a.G, b.G) || far(a.B, b.B) || a.A != b.A {
				return ErrDiffers
			}
		}
	}
	return nil
}

func far(a, b uint8) bool { return int(a)-int(b) > tolerance || int(b)-int(a) > tolerance }

func parse(small []byte) (image.Image, error) {
	if len(small) > MaxSmall {
		return nil, ErrDiffers
	}
	size, err := png.DecodeConfig(bytes.NewReader(small))
	if err != nil || size.Width > Side || size.Height > Side {
		return nil, errors.Join(ErrDiffers, err)
	}
	got, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		return nil, errors.Join(ErrDiffers, err)
	}
	return got, nil
}

func smaller(file io.Reader) (*image.RGBA, error) {
	large, err := decode(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	b := large.Bounds()
	w, h := b.Dx(), b.Dy()
	if long := max(w, h); long > Side {
		w, h = max(1, w*Side/long), max(1, h*Side/long)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			out.SetRGBA(x, y, mean(large, x, y, w, h))
		}
	}
	return out, nil
}

// mean is the colour of a pixel of w by h: that of a few places below it, on white.
func mean(large image.Image, x, y, w, h int) color.RGBA {
	b := large.Bounds()
	var red, green, blue uint32
	for j := range samples {
		for i := range samples {
			// The middle of each of the parts into which the pixel is cut.
			at := image.Pt(b.Min.X+(2*(x*samples+i)+1)*b.Dx()/(2*samples*w), b.Min.Y+(2*(y*samples+j)+1)*b.Dy()/(2*samples*h))
			r, g, bl, a := large.At(at.X, at.Y).RGBA()
			white := 0xffff - a
			red, green, blue = red+r+white, green+g+white, blue+bl+white
		}
	}
	const n = samples * samples
	return color.RGBA{uint8(red / n >> 8), uint8(green / n >> 8), uint8(blue / n >> 8), 255}
}

// decode reads the dimensions, and if they are small enough, the pixels.
func decode(file io.Reader) (image.Image, error) {
	var head bytes.Buffer
	bounded := &scanned{r: io.LimitReader(file, MaxSource)}
	size, _, err := image.DecodeConfig(io.TeeReader(bounded, &head))
	if err != nil {
		return nil, err
	}
	if size.Width < 1 || size.Height < 1 || size.Width > maxPixels/size.Height {
		return nil, fmt.Errorf("a picture of %d by %d pixels", size.Width, size.Height)
	}
	large, _, err := image.Decode(io.MultiReader(&head, bounded))
	if err == nil && large.Bounds().Empty() {
		err = errors.New("a picture without pixels")
	}
	return large, err
}

// scanned ends a file that begins more scans than a picture needs.
type scanned struct {
	r     io.Reader
	last  byte
	scans int
}

// Read implements io.Reader.
func (s *scanned) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for _, b := range p[:n] {
		if s.last == 0xff && b == 0xda {
			s.scans++
		}
		s.last = b
	}
	if s.scans > maxScans {
		return 0, fmt.Errorf("a picture of more than %d scans", maxScans)
	}
	return n, err
}
