package contract

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkNotes is what a deposit costs beside its signature and the store.
func BenchmarkNotes(b *testing.B) {
	w := newTestWorld(b)
	r := w.sign(w.deposit())
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal, err := w.engine.Block(w, now, 1).Apply(r); refusal != nil || err != nil {
			b.Fatal(refusal, err)
		}
	}
}

// BenchmarkAction is what an action costs beside its signature and the store: a registration with two files, and a
// licence against five others.
func BenchmarkAction(b *testing.B) {
	s := newTestStage(b, "copyright")
	scenario := readScenario(b, "testdata/copyright.yaml")
	s.grant(scenario.Roles)
	for i, one := range scenario.Steps {
		if one.As == "photo" {
			b.Run("register", func(b *testing.B) { s.bench(b, one) })
		}
		s.play(s.contract, i+1, one)
		if one.State["unconfirmed"] == nil && one.Do == "confirm" {
			break
		}
	}
	one := step{Do: "license", Item: "$photo", By: []string{"ada"}, Want: "licensed", Fields: map[string]any{"licence": map[string]any{
		"licensee": "@bo", "right": "display", "territory": "DE", "since": 1, "until": int64(now * 2)}}}
	for i := range 5 {
		s.play(s.contract, i, one)
	}
	b.Run("license", func(b *testing.B) { s.bench(b, one) })
}

func (s *stage) bench(b *testing.B, one step) {
	r := s.make(s.contract, one)
	b.ReportAllocs()
	block, before := s.engine.Block(s, s.clock, s.height), processorTime(b)
	for b.Loop() {
		if _, refusal, err := block.Apply(r); refusal != nil || err != nil {
			b.Fatal(refusal, err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-us/op")
}

// processorTime is what this process has used, its garbage collector's included: a busy machine does not change it.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
