package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	. "evident/lightclient/ledger"
)

// benchRecord is a record with 300 bytes of fields and no evidence.
func benchRecord(b *testing.B) []byte {
	c := newConsortium(b, 4)
	st := c.statement()
	st.Evidence = []Evidence{}
	st.Fields = json.RawMessage(fmt.Sprintf(`{"text":%q,"title":"Harbour at dawn"}`, strings.Repeat("evidence ", 30)[:263]))
	if len(st.Fields) != 300 {
		b.Fatalf("fields have %d bytes", len(st.Fields))
	}
	r, err := st.Sign(c.author)
	if err != nil {
		b.Fatal(err)
	}
	return r.Note
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
	c := newConsortium(b, 4)
	cert := c.certificate(b, 43)
	for b.Loop() {
		if _, err := OpenCertificate(c.origin, c.genesis.Members, cert.Note); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseGenesis(b *testing.B) {
	c := newConsortium(b, 4)
	for b.Loop() {
		if _, err := ParseGenesis(c.file); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckKey(b *testing.B) {
	c := newConsortium(b, 1)
	for b.Loop() {
		if err := CheckKey(c.authorVKey); err != nil {
			b.Fatal(err)
		}
	}
}
