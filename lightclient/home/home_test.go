package home

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// newHome points the XDG folders at an empty place, and writes the genesis of
// a consortium on this machine if there is to be one.
func newHome(t *testing.T, running bool) (Home, []byte) {
	t.Helper()
	base := t.TempDir()
	t.Setenv("XDG_DATA_HOME", base)
	genesis := ledgertest.New(4).File
	if running {
		dir := filepath.Join(base, "evident", "dev")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "genesis.json")
		told, err := json.Marshal(Consortium{Genesis: path, Nodes: []string{"http://127.0.0.1:7080"}})
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{path: genesis, filepath.Join(dir, "consortium.json"): told} {
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return Default(), genesis
}

func TestStart(t *testing.T) {
	local := []string{"http://127.0.0.1:7080"}
	set, given := []string{"https://a.example"}, []string{"https://b.example"}
	tests := []struct {
		name    string
		running bool
		set     []string
		given   []string
		pin     bool
		nodes   []string
		pinned  bool
		err     error
	}{
		{name: "nothing is known", err: ErrNoNodes},
		{name: "the consortium on this machine is trusted", running: true, nodes: local, pinned: true},
		{name: "nodes that were set come before it, and nobody vouches for them", running: true, set: set, nodes: set},
		{name: "nodes that are given come before those", running: true, set: set, given: given, nodes: given},
		{name: "a pinned genesis holds for any node", given: given, pin: true, nodes: given, pinned: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, genesis := newHome(t, tt.running)
			if tt.set != nil {
				if err := h.SetNodes(tt.set); err != nil {
					t.Fatal(err)
				}
			}
			if tt.pin {
				if _, err := h.Pin(genesis); err != nil {
					t.Fatal(err)
				}
			}
			s, err := h.Start(tt.given)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if !slices.Equal(s.Nodes, tt.nodes) || s.Pinned != tt.pinned || tt.pinned != (s.Genesis != nil) {
				t.Errorf("got %v, pinned %v, genesis of %d bytes", s.Nodes, s.Pinned, len(s.Genesis))
			}
		})
	}
}

func TestTrustedAsksNobody(t *testing.T) {
	h, genesis := newHome(t, false)
	if got, err := h.Trusted(); got != nil || err != nil {
		t.Errorf("nothing pinned: got %v, %v", got, err)
	}
	want, err := h.Pin(genesis)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.Trusted(); err != nil || got == nil || *got != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
}

func TestPinRefusesWhatIsNoGenesis(t *testing.T) {
	h, _ := newHome(t, false)
	if _, err := h.Pin([]byte("{}\n")); !errors.Is(err, ledger.ErrFormat) {
		t.Errorf("got %v, want %v", err, ledger.ErrFormat)
	}
	if got, err := h.Trusted(); got != nil || err != nil {
		t.Errorf("a refused genesis is trusted: %v, %v", got, err)
	}
}
