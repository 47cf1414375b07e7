package main

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "512": 512, "1KiB": 1 << 10, "3MiB": 3 << 20, "500GiB": 500 << 30, "2TiB": 2 << 40,
		"": 0, "0": 0, "-1": 0, "GiB": 0, "1GB": 0, "1 GiB": 0, "1.5GiB": 0, "9999999999TiB": 0, "1gib": 0,
	} {
		got, err := parseSize(text)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
}
