package contract

import (
	"testing"
)

// BenchmarkNotes is what a deposit costs beside its signature and the store.
func BenchmarkNotes(b *testing.B) {
	w := newTestWorld(b)
	r := w.sign(w.deposit())
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal, err := w.engine.Apply(w, r, now, 1); refusal != nil || err != nil {
			b.Fatal(refusal, err)
		}
	}
}
