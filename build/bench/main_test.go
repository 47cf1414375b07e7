package main

import "testing"

func TestMetric(t *testing.T) {
	out := []byte("goos: linux\nBenchmarkFileX-2 \t 1\t 9.9 of-sha256\nBenchmarkFile-2 \t 3\t 1254 cid-MiB/s\t 0.954 of-sha256\nPASS\n")
	tests := []struct {
		name, benchmark, unit string
		want                  float64
		ok                    bool
	}{
		{"first metric", "BenchmarkFile", "cid-MiB/s", 1254, true},
		{"second metric", "BenchmarkFile", "of-sha256", 0.954, true},
		{"other unit", "BenchmarkFile", "ns/op", 0, false},
		{"other benchmark", "BenchmarkNone", "of-sha256", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := metric(out, tt.benchmark, tt.unit)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %v, %v, want %v, ok %v", got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestRow(t *testing.T) {
	tests := []struct {
		name  string
		f     figure
		value float64
		want  string
	}{
		{"floor met", figure{title: "speed", unit: "%", goal: 80, atLeast: true}, 95.44, "speed\t95.4 %\t>= 80 %\tmet"},
		{"floor missed", figure{title: "speed", unit: "%", goal: 80, atLeast: true}, 79.9, "speed\t79.9 %\t>= 80 %\tmissed"},
		{"ceiling met", figure{title: "size", unit: "B", goal: 4096}, 4096, "size\t4096 B\t<= 4096 B\tmet"},
		{"ceiling missed", figure{title: "size", unit: "B", goal: 4096}, 5600, "size\t5600 B\t<= 4096 B\tmissed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.f.row(tt.value); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
