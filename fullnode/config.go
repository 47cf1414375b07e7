package fullnode

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"evident/fullnode/blobs"
)

// Config is one member's node. The configuration file is its JSON; relative
// paths are relative to the file.
type Config struct {
	Dir     string              `json:"dir"`     // data folder
	Genesis string              `json:"genesis"` // path of the genesis file
	Listen  []string            `json:"listen"`  // libp2p multiaddrs, for members and for light clients
	HTTP    string              `json:"http"`    // host:port of the HTTP API and the explorer
	Hosts   []string            `json:"hosts"`   // names the HTTP API answers to, beside loopback and its own address
	Peers   map[string][]string `json:"peers"`   // multiaddrs by member name; without, the genesis' addresses
	Nodes   map[string][]string `json:"nodes"`   // URLs of the nodes by member name, told to light clients as hints
	Files   blobs.Quotas        `json:"files"`   // how much evidence is kept, in bytes

	Archive bool `json:"archive"` // keep the state of every block from now on, not only the newest

	Log  *slog.Logger                    `json:"-"`
	Now  func() time.Time                `json:"-"` // the member's clock; time.Now when nil
	Free func(dir string) (int64, error) `json:"-"` // free bytes where dir is; the system's when nil
	Pace blobs.Pace                      `json:"-"` // of the work on evidence files
}

// ReadConfig reads a configuration file. Unknown members are refused, so that
// a misspelt setting is never silently ignored.
func ReadConfig(path string) (Config, error) {
	c := Config{HTTP: "127.0.0.1:7080"} // other interfaces only when they are named
	data, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("read configuration %s: %w", path, err)
	}
	if len(c.Listen) == 0 {
		return c, fmt.Errorf("read configuration %s: it names no address to listen on", path)
	}
	base := filepath.Dir(path)
	c.Dir, c.Genesis = resolve(base, c.Dir), resolve(base, c.Genesis)
	return c, nil
}

func resolve(base, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}
