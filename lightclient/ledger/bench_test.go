package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	. "evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// benchRecord is a record with 300 bytes of fields and no evidence.
func benchRecord(b *testing.B) []byte {
	st := newConsortium(b).Statement()
	st.Evidence = []Evidence{}
	st.Fields = json.RawMessage(fmt.Sprintf(`{"text":%q,"title":"Harbour at dawn"}`, strings.Repeat("evidence ", 30)[:263]))
	if len(st.Fields) != 300 {
		b.Fatalf("fields have %d bytes", len(st.Fields))
	}
	return sign(b, st).Note
}

func BenchmarkRecord(b *testing.B) {
	msg := benchRecord(b)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseRecord(msg); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(msg)), "bytes/record")
	})
	b.Run("parse+verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := OpenRecord(msg); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenCertificate(b *testing.B) {
	c := newConsortium(b)
	cert := c.Certify(c.Genesis.Members, tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("root"))}, 1763848801)
	for b.Loop() {
		if _, err := OpenCertificate(c.Origin, c.Genesis.Members, cert.Note); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(cert.Note)), "bytes/certificate")
}

func BenchmarkParseGenesis(b *testing.B) {
	c := newConsortium(b)
	for b.Loop() {
		if _, err := ParseGenesis(c.File); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckKey(b *testing.B) {
	_, vkey := ledgertest.Author("ada")
	for b.Loop() {
		if err := CheckKey(vkey); err != nil {
			b.Fatal(err)
		}
	}
}
