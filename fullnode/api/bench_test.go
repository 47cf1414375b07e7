package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"evident/lightclient/ledger"
)

// discard is a response that nobody reads.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkAnswer measures the handler alone: no network, a ledger in memory.
func BenchmarkAnswer(b *testing.B) {
	f := newFixture(b, 300)
	var many []*ledger.Record
	for i := range 1000 {
		many = append(many, f.chain.record(b, 1000+i))
	}
	f.chain.grow(b, many...)
	for _, bench := range []struct{ name, path string }{
		{"status", "/v1/status"},
		{"head", "/v1/head?from=17"},
		{"record", "/v1/records/" + f.records[1].ID.String() + "?size=200"},
		{"state", "/v1/state/notes/other"},
		{"block-of-1000", "/v1/blocks/300"},
		{"tile", "/tile/0/000"},
		{"page", "/"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.api.ServeHTTP(discard{http.Header{}}, httptest.NewRequest("GET", "http://localhost"+bench.path, nil))
			}
		})
	}
}

// BenchmarkSubmit measures a record's way in and out over a TCP connection,
// client included; the intake does nothing but parse it.
func BenchmarkSubmit(b *testing.B) {
	f := newFixture(b, 300)
	f.api.Intake = parsingIntake{f.intake}
	note := f.records[0].Note
	b.ReportAllocs()
	for b.Loop() {
		if status, body := f.post(b, "/v1/records?wait=final", note); status != http.StatusOK {
			b.Fatalf("%d %s", status, body)
		}
	}
}

type parsingIntake struct{ *testIntake }

func (in parsingIntake) Submit(_ context.Context, msg []byte) (Submission, error) {
	u, err := ledger.ParseRecord(msg)
	if err != nil {
		return Submission{}, err
	}
	return Submission{ID: u.ID}, nil
}
