// Package testnet runs whole consortia for tests: full nodes in this process,
// whose clocks and connections a test can bend, or real evidentd processes
// that it kills. What it promises is the check at the end: CheckLedger
// verifies every byte of every node, compares the nodes, and holds them to
// everything that a client was told.
//
// Nothing in it is for use outside tests: it reads members' keys.
package testnet

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"evident/fullnode"
	"evident/fullnode/contract"
	"evident/fullnode/finality/guard"
	"evident/lightclient/ledger"
)

// Consortium is the folders, keys and addresses of a ledger's members.
type Consortium struct {
	testing.TB
	Dir    string
	File   []byte // genesis
	Origin string
	Places []*Place
	Witness
}

// Place is where one member's node lives. Its addresses stay the same over
// restarts, since the others' configurations name them.
type Place struct {
	Member ledger.Member
	Dir    string
	HTTP   string // host:port
	Listen string // multiaddr
}

// URL is the node's HTTP API.
func (p *Place) URL() string { return "http://" + p.HTTP }

// Found makes the folders and keys of n members, and the genesis that names them.
func Found(t testing.TB, n int) *Consortium {
	t.Helper()
	return FoundIn(t, t.TempDir(), n)
}

// FoundIn founds a consortium in an empty folder.
func FoundIn(t testing.TB, dir string, n int) *Consortium {
	t.Helper()
	c := &Consortium{TB: t, Dir: dir, Witness: newWitness()}
	g := ledger.Genesis{
		Contracts: []ledger.ContractRef{},
		Created:   time.Now().UnixMilli(),
		Limits:    ledger.Limits{BlockBytes: 480 << 10, BlockRecords: 5000, Copies: min(ledger.DefaultCopies, int64(n))},
		Name:      "harbour.example",
	}
	for _, one := range contract.Library() {
		g.Contracts = append(g.Contracts, contract.Ref(one))
	}
	for i := range n {
		p, err := newPlace(c.Dir, fmt.Sprintf("member%02d.harbour.example", i+1))
		c.must(err)
		c.Places = append(c.Places, p)
		g.Members = append(g.Members, p.Member)
	}
	var err error
	c.File, err = g.Encode()
	c.must(err)
	c.Origin = g.Origin(ledger.GenesisFingerprint(c.File))
	c.must(os.WriteFile(filepath.Join(c.Dir, "genesis.json"), c.File, 0o600))
	for i := range c.Places {
		c.must(c.writeConfig(i))
	}
	return c
}

func newPlace(dir, name string) (*Place, error) {
	p := &Place{Dir: filepath.Join(dir, name[:8])}
	cosigner, err := guard.Create(filepath.Join(p.Dir, "guard"), name)
	if err != nil {
		return nil, err
	}
	node, err := fullnode.CreateIdentity(p.Dir, name)
	if err != nil {
		return nil, err
	}
	p.Member = ledger.Member{Addresses: []string{}, Roles: []string{"member"}, Name: name, Organisation: name,
		Node: node, Keys: cosigner.Keys()}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	p.HTTP, p.Listen = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", ports[1])
	return p, nil
}

// freePorts returns ports of 127.0.0.1 that nobody listens on now. They are
// below those that the system gives to outgoing connections, which would take
// the port of a node while it is stopped.
func freePorts(n int) ([]int, error) {
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		port := 10_000 + rand.IntN(20_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil && tries < 100 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, port)
	}
	return ports, nil
}

// Config is the configuration of member i.
func (c *Consortium) Config(i int) fullnode.Config {
	p := c.Places[i]
	cfg := fullnode.Config{Dir: p.Dir, Genesis: filepath.Join(c.Dir, "genesis.json"), Listen: []string{p.Listen},
		HTTP: p.HTTP, Hosts: []string{}, Peers: map[string][]string{}, Nodes: map[string][]string{}}
	for _, other := range c.Places {
		cfg.Peers[other.Member.Name] = []string{other.Listen}
		cfg.Nodes[other.Member.Name] = []string{other.URL()}
	}
	return cfg
}

// ConfigPath is where the configuration file of member i is.
func (c *Consortium) ConfigPath(i int) string { return filepath.Join(c.Places[i].Dir, "config.json") }

func (c *Consortium) writeConfig(i int) error {
	data, err := json.MarshalIndent(c.Config(i), "", "  ")
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return os.WriteFile(c.ConfigPath(i), data, 0o600)
}

// Members is the member set.
func (c *Consortium) Members() ledger.MemberSet {
	var set ledger.MemberSet
	for _, p := range c.Places {
		set = append(set, p.Member)
	}
	return set
}

// Wipe removes a part of a stopped node's folder: "raft", "ledger", "journal".
func (c *Consortium) Wipe(i int, part string) {
	c.Helper()
	c.must(os.RemoveAll(filepath.Join(c.Places[i].Dir, part)))
}

// Eventually waits until a condition holds.
func (c *Consortium) Eventually(within time.Duration, what string, holds func() bool) {
	c.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			c.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *Consortium) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}
