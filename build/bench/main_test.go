package main

import (
	"errors"
	"testing"
)

func TestMetric(t *testing.T) {
	out := []byte("goos: linux\nBenchmarkFileX-2 \t 1\t 9.9 of-sha256\nBenchmarkFile-2 \t 3\t 1254 cid-MiB/s\t 0.954 of-sha256\n" +
		"BenchmarkSync/blocks=100-2 \t 7\t 12 ns/op\nBenchmarkSync/blocks=1000 \t 7\t 13 ns/op\nPASS\n")
	tests := []struct {
		name, benchmark, unit string
		want                  float64
		ok                    bool
	}{
		{"first metric", "BenchmarkFile", "cid-MiB/s", 1254, true},
		{"second metric", "BenchmarkFile", "of-sha256", 0.954, true},
		{"part of a benchmark", "BenchmarkSync/blocks=100", "ns/op", 12, true},
		{"on one core", "BenchmarkSync/blocks=1000", "ns/op", 13, true},
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
	measured := outputs{"./x BenchmarkX": {text: []byte("BenchmarkX-2 1 4096 bytes/op 79.9 % 5 s\n")}}
	bytes := value{"bytes/op", 1024, "KiB", 4, false}
	tests := []struct {
		name   string
		values []value
		needs  func() error
		want   string
	}{
		{"ceiling met", []value{bytes}, nil, "speed\t<= 4 KiB\t4 KiB\tmet"},
		{"ceiling missed", []value{{"bytes/op", 1, "B", 4095, false}}, nil, "speed\t<= 4095 B\t4096 B\tmissed"},
		{"floor met", []value{{"%", 1, "%", 79.9, true}}, nil, "speed\t>= 79.9 %\t79.9 %\tmet"},
		{"floor missed", []value{{"%", 1, "%", 80, true}}, nil, "speed\t>= 80 %\t79.9 %\tmissed"},
		{"one of two missed", []value{{"%", 1, "%", 80, true}, bytes}, nil, "speed\t>= 80 %, <= 4 KiB\t79.9 %, 4 KiB\tmissed"},
		{"one without a goal", []value{bytes, {"s", 1, "s", 0, false}}, nil, "speed\t<= 4 KiB\t4 KiB, 5 s\tmet"},
		{"no goal", []value{{"s", 1, "s", 0, false}}, nil, "speed\t\t5 s\t"},
		{"not on this machine", []value{bytes}, func() error { return errors.New("no browser") }, "speed\t<= 4 KiB\tnot measured: no browser\t"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := figure{"speed", "./x", "BenchmarkX", tt.values, tt.needs}.row(measured)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
