//go:build !js

package casefile_test

import (
	"io"
	"path"
	"strings"
	"testing"

	. "evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
)

// BenchmarkWriteCase exports a case of 1,000 records, with its certificate for
// screens and for paper, and without files.
func BenchmarkWriteCase(b *testing.B) {
	f := newFixture(b, 1000)
	for b.Loop() {
		c := must(NewCase(f.proofs))
		if err := c.Write(io.Discard, Export{Exporter: "test", Pages: paper.Pages}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPackage exports one record without its file, and reports what takes
// how much of the package. Most of it are the fonts in two PDFs, and the
// members' keys and signatures of ML-DSA-44 in the proof and in the texts that
// repeat it.
func BenchmarkPackage(b *testing.B) {
	f := newFixture(b, 1)
	var data []byte
	for b.Loop() {
		data = f.write(b, Export{Pages: paper.Pages})
	}
	parts := map[string]int{"proof": 0, "texts": 0, "html": 0, "pdf": 0}
	for _, e := range takeApart(b, data) {
		kind := "texts"
		switch ending := path.Ext(e.name); {
		case ending == ".html" || ending == ".pdf":
			kind = ending[1:]
		case strings.HasPrefix(e.name, "records/") || e.name == "trust/genesis.json":
			kind = "proof"
		}
		parts[kind] += len(e.data)
	}
	b.ReportMetric(float64(len(data)), "bytes/package")
	b.ReportMetric(float64(len(data)-parts["pdf"]), "bytes/without-pdf")
	for kind, n := range parts {
		b.ReportMetric(float64(n), "bytes/"+kind)
	}
}
