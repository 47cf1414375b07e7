package main

import (
	"testing"
	"time"

	"evident/lightclient/service"
)

// A status is not told alone where it would mislead.
func TestStateText(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_000)
	for _, tt := range []struct{ name, value, want string }{
		{"in force", `{"fields":{"valid_until":1800000000001},"status":"active"}`, "active"},
		{"without end", `{"status":"active"}`, "active"},
		{"its time is over", `{"fields":{"valid_until":1800000000000},"status":"active"}`, "active, valid until 2027-01-15 08:00:00 UTC"},
		{"on hold", `{"fields":{"held":"ab"},"status":"active"}`, "active, on hold"},
		{"no item", `null`, `null`},
		{"fields of other types", `{"fields":{"held":1},"status":"active"}`, "active"},
		{"no object", `[1]`, `[1]`},
	} {
		if got := (&program{printer: &printer{}}).stateText(service.ItemState{Value: tt.value}, at); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
