package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"testing"
)

func painting(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(255 * x / w), uint8(255 * y / h), uint8(255 * (x + y) / (w + h)), 255})
		}
	}
	return img
}

func encoded(t testing.TB, img image.Image, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(quality int) func(io.Writer, image.Image) error {
	return func(w io.Writer, img image.Image) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: quality}) }
}

func asGIF(w io.Writer, img image.Image) error { return gif.Encode(w, img, nil) }

func TestSmall(t *testing.T) {
	for _, tt := range []struct {
		name       string
		file       []byte
		wide, high int
	}{
		{"PNG", encoded(t, painting(900, 300), png.Encode), 240, 80},
		{"JPEG", encoded(t, painting(300, 900), asJPEG(90)), 80, 240},
		{"GIF", encoded(t, painting(480, 480), asGIF), 240, 240},
		{"smaller than that", encoded(t, painting(7, 3), png.Encode), 7, 3},
		{"a line", encoded(t, painting(5000, 1), png.Encode), 240, 1},
		{"grey of 16 bits", encoded(t, image.NewGray16(image.Rect(0, 0, 500, 500)), png.Encode), 240, 240},
		{"transparent", encoded(t, image.NewNRGBA(image.Rect(0, 0, 10, 10)), png.Encode), 10, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			small, err := Small(bytes.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			again, _ := Small(bytes.NewReader(tt.file))
			size, err := png.DecodeConfig(bytes.NewReader(small))
			if err != nil || size.Width != tt.wide || size.Height != tt.high || !bytes.Equal(small, again) {
				t.Errorf("%d by %d, want %d by %d, twice the same; %v", size.Width, size.Height, tt.wide, tt.high, err)
			}
			if err := Check(small, bytes.NewReader(tt.file)); err != nil {
				t.Errorf("it is not of its file: %v", err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	large := painting(900, 300)
	file := encoded(t, large, asJPEG(95))
	small, err := Small(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(small, bytes.NewReader(encoded(t, large, asJPEG(90)))); err != nil {
		t.Errorf("a shade of difference: %v", err)
	}
	spot := painting(900, 300)
	for i := range 40 {
		for j := range 40 {
			spot.SetRGBA(100+i, 100+j, color.RGBA{A: 255})
		}
	}
	for name, other := range map[string][]byte{
		"a spot":             encoded(t, spot, asJPEG(95)),
		"another size":       encoded(t, painting(300, 900), asJPEG(95)),
		"no picture":         []byte("hello"),
		"a cut file":         file[:len(file)/3],
		"nothing":            nil,
		"a picture too wide": encoded(t, image.NewPaletted(image.Rect(0, 0, 1<<16, 1<<9), color.Palette{color.Black, color.White}), png.Encode),
	} {
		if err := Check(small, bytes.NewReader(other)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for name, other := range map[string][]byte{"nothing": nil, "a large one": encoded(t, large, png.Encode), "no PNG": file} {
		if err := Check(other, bytes.NewReader(file)); !errors.Is(err, ErrDiffers) {
			t.Errorf("%s as the small one: %v", name, err)
		}
	}
}

// TestBounds checks that what would cost much is refused before it does.
func TestBounds(t *testing.T) {
	huge := encoded(t, painting(10, 10), png.Encode)
	copy(huge[16:24], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65,536 by 65,536; its checksum is wrong as well
	scans := encoded(t, painting(64, 64), asJPEG(90))
	at := bytes.Index(scans, []byte{0xff, 0xda})
	many := append(bytes.Clone(scans[:at]), bytes.Repeat(scans[at:len(scans)-2], 200)...)
	for name, file := range map[string][]byte{"65,536 by 65,536": huge, "200 scans": many} {
		if _, err := Small(bytes.NewReader(file)); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noise := image.NewRGBA(image.Rect(0, 0, 240, 240))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(r.Uint32()) | map[bool]uint8{true: 255}[i%4 == 3]
	}
	if small, err := Small(bytes.NewReader(encoded(t, noise, png.Encode))); err != nil || len(small) > MaxSmall {
		t.Errorf("noise: %d bytes, %v", len(small), err)
	}
}

func FuzzCheck(f *testing.F) {
	file := encoded(f, painting(30, 20), asJPEG(80))
	small, err := Small(bytes.NewReader(file))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small, file)
	f.Add(small, encoded(f, painting(30, 20), asGIF))
	f.Add(small, small)
	f.Fuzz(func(t *testing.T, small, file []byte) {
		if made, err := Small(bytes.NewReader(file)); err == nil {
			if err := Check(made, bytes.NewReader(file)); err != nil {
				t.Errorf("what was made of a file is not of it: %v", err)
			}
		}
		_ = Check(small, bytes.NewReader(file))
	})
}
