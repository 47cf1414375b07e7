package contract

import "testing"

func TestChecks(t *testing.T) {
	tests := []struct{ check, good, bad string }{
		{"gtin", "4006381333931", "4006381333932"},
		{"gtin", "96385074", "9638507x"},
		{"gln", "5412345000013", "541234500001"},
		{"sscc", "106141412345678908", "106141412345678909"},
		{"isbn", "978-3-16-148410-0", "977-3-16-148410-0"},
		{"isbn", "0-8044-2957-X", "0-8044-2957-1"},
		{"issn", "2049-3630", "20493630"},
		{"issn", "2434-561X", "2434-561Y"},
		{"isrc", "GB-A1B-24-00013", "gb-A1B-24-00013"},
		{"iswc", "T-034.524.680-1", "T-034.524.680-2"},
		{"isan", "0000-0000-D07A-0090-Q", "0000-0000-D07A-0090-R"},
		{"is_date", "2024-02-29", "2025-02-29"},
		{"is_hex", "00000000000000000000000000000000000000000000000000000000000000ff", "ff"},
		{"is_key", "ada+1e0d629f+Af1450b2pHk04YEETPvqnrRjUeucLHj8T91IXLe75xTG", "ada+1e0d629e+Af1450b2pHk04YEETPvqnrRjUeucLHj8T91IXLe75xTG"},
	}
	for _, tt := range tests {
		if !checks[tt.check](tt.good) || checks[tt.check](tt.bad) || checks[tt.check]("") || checks[tt.check]("港口") {
			t.Errorf("%s: %s is %v, %s is %v", tt.check, tt.good, checks[tt.check](tt.good), tt.bad, checks[tt.check](tt.bad))
		}
	}
}
