package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestContractCheck(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("name: bad\nversion: 1\ncolour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, file, out, problem string }{
		{"of the library", "../../contract/library/copyright.yaml", "copyright version 1 is well formed", ""},
		{"unknown member", bad, "", "bad.yaml:3: \"colour\" is not known here"},
		{"missing members", bad, "", "bad.yaml:1: \"title\" is missing"},
		{"no file", bad + "x", "", "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			p := program()
			p.Writer = &out
			err := p.Run(t.Context(), []string{"evidentd", "contract", "check", tt.file})
			if (err != nil) != (tt.problem != "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("error %v, want %q", err, tt.problem)
			}
			if !strings.Contains(out.String(), tt.out) {
				t.Errorf("output %q, want %q", out.String(), tt.out)
			}
		})
	}
}
