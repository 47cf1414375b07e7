package fullnode

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadConfig(t *testing.T) {
	for _, tt := range []struct {
		name, text, http, err string
	}{
		{name: "loopback unless another address is named", text: `{"listen":["/ip4/127.0.0.1/tcp/0"]}`, http: "127.0.0.1:7080"},
		{name: "a named address", text: `{"listen":["/ip4/127.0.0.1/tcp/0"],"http":"192.0.2.1:80"}`, http: "192.0.2.1:80"},
		{name: "nowhere to listen", text: `{}`, err: "no address"},
		{name: "a misspelt setting", text: `{"lisen":[]}`, err: "lisen"},
		{name: "not JSON", text: `dir = "."`, err: "invalid character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.json")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadConfig(path)
			if tt.err == "" && (err != nil || got.HTTP != tt.http) {
				t.Errorf("got %q, %v, want %q", got.HTTP, err, tt.http)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want an error with %q", err, tt.err)
			}
		})
	}
}
