package certificate_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate"
	"evident/lightclient/ledger/ledgertest"
)

// newCase takes valid proofs of the vectors.
func newCase(t *testing.T, names ...string) *casefile.Case {
	t.Helper()
	var files [][]byte
	for _, v := range ledgertest.ReadVectors("../../testdata/vectors", "proof") {
		for _, name := range names {
			if v.Name == "proof/"+name {
				files = append(files, v.Data)
			}
		}
	}
	c, err := casefile.NewCase(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPages looks at the pages as a program can: sections in order, everything
// of others escaped, nothing that runs or loads.
func TestPages(t *testing.T) {
	c := newCase(t, "plain", "full")
	m := &casefile.Manifest{Exporter: "test <1>"}
	pages, err := certificate.Screens(c, m, strings.Repeat("ab", 32))
	if err != nil || len(pages) != 2 {
		t.Fatalf("got %d pages, %v, want two", len(pages), err)
	}
	for _, p := range pages {
		t.Run(p.Name, func(t *testing.T) {
			for _, forbidden := range []string{"<script", "http://", "https://", "href=", "%!", "<harbour>", "<1>"} {
				if bytes.Contains(p.Data, []byte(forbidden)) {
					t.Errorf("holds %q", forbidden)
				}
			}
			letters := regexp.MustCompile(`<h2><b>(.)</b>`).FindAllSubmatch(p.Data, -1)
			var got string
			for _, l := range letters {
				got += string(l[1])
			}
			if got != "ABCABCDEFGH" {
				t.Errorf("sections %s, want ABCABCDEFGH", got)
			}
			if bytes.Count(p.Data, []byte("<table")) != bytes.Count(p.Data, []byte("</table>")) {
				t.Error("a table is not closed")
			}
			checkQR(t, p.Data)
		})
	}
}

// checkQR checks that the picture of the code is well formed, with dark squares.
func checkQR(t *testing.T, page []byte) {
	t.Helper()
	_, rest, _ := bytes.Cut(page, []byte("<svg "))
	svg, _, _ := bytes.Cut(rest, []byte("</svg>"))
	d := xml.NewDecoder(strings.NewReader("<svg " + string(svg) + "</svg>"))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the code's picture: %v", err)
		}
	}
	if n := bytes.Count(svg, []byte("h1v1h-1z")); n < 300 {
		t.Errorf("%d dark squares", n)
	}
}
