// Package home is the folder where a person's programs keep their light
// client's memory, keys and outbox, and how a client is opened from it. The
// command line and the desktop app share one home.
package home

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"evident/lightclient"
	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/source"
	"evident/lightclient/store"
)

// ErrNoNodes means that nobody said which nodes to ask.
var ErrNoNodes = errors.New("no node is known")

// Home is such a folder:
//
//	identity.*         opens keys and secrets (author.Vault)
//	keys/, secrets/    key files, and what opens sealed files
//	outbox/, proofs/   records on their way, and proofs that cannot lie beside their files
//	receipts/          storage receipts, by record
//	together/<id>/     the files of a record that holds many, from which each one's proof is made
//	refused/           records that were refused, with what the node signed
//	genesis.json       the genesis that a person pinned, if one did
//	nodes.json         the nodes to ask, if they were set
//	ledgers/<id>/      what the client remembers of a ledger
//	dev/               the consortium that runs on this machine, if one does
type Home struct {
	Dir   string
	Vault *author.Vault // nil: one is opened each time, which suffices as long as there is no passphrase
}

// Default is $XDG_DATA_HOME/evident, or ~/.local/share/evident.
func Default() Home {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			user = "."
		}
		base = filepath.Join(user, ".local", "share")
	}
	return Home{Dir: filepath.Join(base, "evident")}
}

// Keys is the folder of keys.
func (h Home) Keys() author.Keys {
	return author.Keys{Dir: filepath.Join(h.Dir, "keys"), Vault: h.vault()}
}

func (h Home) vault() *author.Vault {
	if h.Vault != nil {
		return h.Vault
	}
	return &author.Vault{Dir: h.Dir}
}

// Outbox is the folder of records on their way.
func (h Home) Outbox() *author.Outbox {
	return &author.Outbox{Dir: filepath.Join(h.Dir, "outbox"), Vault: h.vault()}
}

// Recipient is where others seal the keys of their files for this person.
func (h Home) Recipient() (string, error) { return h.vault().Recipient() }

// Consortium is what `evidentd dev` writes about a consortium on this machine.
type Consortium struct {
	Genesis string   `json:"genesis"` // path
	Nodes   []string `json:"nodes"`
	Members []struct {
		Member string `json:"member"`
		Dir    string `json:"dir"`
	} `json:"members"`
}

// Local reads the consortium on this machine, nil if there is none.
func Local() (*Consortium, error) {
	path := filepath.Join(Default().Dir, "dev", "consortium.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the consortium on this machine: %w", err)
	}
	c := new(Consortium)
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return c, nil
}

// Start is what a client starts from.
type Start struct {
	Nodes   []string
	Genesis []byte // nil: the first node's, which nobody has confirmed
	Pinned  bool   // a person chose this genesis, or it is the one of the consortium on this machine
}

// Start finds what a client of this home starts from. nodes, if any, come
// before the ones that were set, and those before the consortium on this
// machine.
func (h Home) Start(nodes []string) (Start, error) {
	local, err := Local()
	if err != nil {
		return Start{}, err
	}
	s := Start{Nodes: nodes}
	if len(s.Nodes) == 0 {
		if s.Nodes, err = h.Nodes(); err != nil {
			return Start{}, err
		}
	}
	usesLocal := local != nil && len(s.Nodes) == 0
	if usesLocal {
		s.Nodes = local.Nodes
	}
	if len(s.Nodes) == 0 {
		return Start{}, ErrNoNodes
	}
	s.Genesis, err = os.ReadFile(h.genesisPath())
	if errors.Is(err, fs.ErrNotExist) && usesLocal {
		s.Genesis, err = os.ReadFile(local.Genesis)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Start{}, fmt.Errorf("read genesis: %w", err)
	}
	s.Pinned = s.Genesis != nil
	return s, nil
}

func (h Home) genesisPath() string { return filepath.Join(h.Dir, "genesis.json") }
func (h Home) nodesPath() string   { return filepath.Join(h.Dir, "nodes.json") }

// Nodes returns the nodes that were set.
func (h Home) Nodes() ([]string, error) {
	data, err := os.ReadFile(h.nodesPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	var nodes []string
	if err := json.Unmarshal(data, &nodes); err != nil {
		return nil, fmt.Errorf("read %s: %w", h.nodesPath(), err)
	}
	return nodes, nil
}

// SetNodes keeps the nodes to ask from now on.
func (h Home) SetNodes(nodes []string) error {
	data, err := json.Marshal(nodes)
	if err != nil {
		return fmt.Errorf("write nodes: %w", err)
	}
	return h.write(h.nodesPath(), data)
}

// Pin makes a genesis the one to trust. It checks the file first.
func (h Home) Pin(genesis []byte) (ledger.Fingerprint, error) {
	if _, err := ledger.ParseGenesis(genesis); err != nil {
		return ledger.Fingerprint{}, err
	}
	return ledger.GenesisFingerprint(genesis), h.write(h.genesisPath(), genesis)
}

func (h Home) write(path string, data []byte) error {
	if err := os.MkdirAll(h.Dir, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return store.WriteFile(path, data, 0o600)
}

// Trusted returns the fingerprint to verify proofs against, without asking
// anybody; nil if no genesis is pinned.
func (h Home) Trusted() (*ledger.Fingerprint, error) {
	s, err := h.Start(nil)
	if errors.Is(err, ErrNoNodes) {
		s.Genesis, err = os.ReadFile(h.genesisPath())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	if err != nil || s.Genesis == nil {
		return nil, err
	}
	fingerprint := ledger.GenesisFingerprint(s.Genesis)
	return &fingerprint, nil
}

// Open opens a light client. dial makes a source of a node's address; nil
// means HTTP and HTTPS.
func (h Home) Open(ctx context.Context, s Start, dial func(string) (lightclient.Source, error)) (*lightclient.Client, error) {
	if dial == nil {
		dial = source.New
	}
	config := lightclient.Config{Genesis: s.Genesis}
	name := "unconfirmed"
	if s.Genesis != nil {
		fingerprint := ledger.GenesisFingerprint(s.Genesis)
		name = fingerprint.String()[:16]
		if s.Pinned {
			config.Pin = fingerprint
		}
	}
	for _, node := range s.Nodes {
		src, err := dial(strings.TrimSuffix(node, "/"))
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", node, err)
		}
		config.Sources = append(config.Sources, src)
	}
	folder, err := store.OpenFolder(filepath.Join(h.Dir, "ledgers", name))
	if err != nil {
		return nil, err
	}
	config.Store = folder
	return lightclient.Open(ctx, config)
}
