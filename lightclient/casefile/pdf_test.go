package casefile_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"testing"

	. "evident/lightclient/casefile"
)

// tinyPDF is what the comparison sees of a PDF: two objects with streams, and where they are.
func tinyPDF(level int) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.3\n")
	var at []int
	for i, text := range []string{"BT (recorded) Tj ET BT (recorded) Tj ET", "q 1 0 0 1 0 0 cm Q"} {
		var deflated bytes.Buffer
		z := must(zlib.NewWriterLevel(&deflated, level))
		must(io.WriteString(z, text))
		if err := z.Close(); err != nil {
			panic(err)
		}
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n<</Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream\nendobj\n", i+1, deflated.Len(), deflated.Bytes())
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 3\n0000000000 65535 f \n%010d 00000 n \n%010d 00000 n \ntrailer\n<<\n/Size 3\n>>\nstartxref\n%d\n%%%%EOF\n", at[0], at[1], table)
	return b.Bytes()
}

var lengthOf = regexp.MustCompile(`/Length ([0-9]+)>>\nstream\n`)

// takePDFApart returns a PDF with its streams inflated, and without numbers, which may differ.
func takePDFApart(pdf []byte) (string, error) {
	var out bytes.Buffer
	for {
		m := lengthOf.FindSubmatchIndex(pdf)
		if m == nil {
			out.Write(pdf)
			return regexp.MustCompile(`[0-9]+`).ReplaceAllString(out.String(), "n"), nil
		}
		size, err := strconv.Atoi(string(pdf[m[2]:m[3]]))
		if err != nil || m[1]+size > len(pdf) {
			return "", fmt.Errorf("a stream of %d bytes", size)
		}
		z, err := zlib.NewReader(bytes.NewReader(pdf[m[1] : m[1]+size]))
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(z)
		if err != nil {
			return "", err
		}
		out.Write(pdf[:m[1]])
		fmt.Fprintf(&out, "%x", text)
		pdf = pdf[m[1]+size:]
	}
}

// FuzzSamePDF wants two PDFs that count as the same to hold the same, when they
// are taken apart by other means.
func FuzzSamePDF(f *testing.F) {
	made := tinyPDF(flate.BestCompression)
	want := must(takePDFApart(made))
	for _, level := range []int{flate.BestCompression, flate.NoCompression, flate.BestSpeed} {
		found := tinyPDF(level)
		if !SamePDF(found, made) {
			f.Fatalf("compressed at level %d, it is another", level)
		}
		f.Add(found)
	}
	f.Add(bytes.Replace(made, []byte("/Size 3"), []byte("/Size 4"), 1))
	f.Add(made[:len(made)-1])
	f.Fuzz(func(t *testing.T, found []byte) {
		if !SamePDF(found, made) {
			return
		}
		if got, err := takePDFApart(found); err != nil || got != want {
			t.Errorf("the same, but it holds %q, %v", got, err)
		}
	})
}
