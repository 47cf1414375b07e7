package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"evident/fullnode"
	"evident/fullnode/contract"
	"evident/fullnode/finality/guard"
	"evident/lightclient/ledger"
	"evident/lightclient/store"
)

// The first ports that dev tries; the one for the explorer is a flag.
const firstPeerPort = 7180

// organisations name the members of a consortium for trying out.
var organisations = []struct{ name, organisation, registry, role string }{
	{"court.harbour.example", "Harbour Internet Court", "HB-C-0001", "court"},
	{"notary.harbour.example", "Lighthouse Notary Office", "HB-N-0417", "notary"},
	{"press.harbour.example", "Association of Harbour Publishers", "HB-A-2210", "association"},
	{"archive.harbour.example", "Harbour City Archive", "HB-P-0073", "platform"},
}

func defaultDevDir() string {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			home = "."
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "evident", "dev")
}

// place is where one node of the consortium is.
type place struct {
	Member string `json:"member"`
	Dir    string `json:"dir"`
	URL    string `json:"url"`
	Peer   string `json:"peer"` // multiaddr
	http   string
}

// consortium is what dev tells other programs, in consortium.json.
type consortium struct {
	Ledger  string   `json:"ledger"`
	Genesis string   `json:"genesis"` // path
	Words   []string `json:"words"`
	Nodes   []string `json:"nodes"` // URLs, the explorer's first
	Members []place  `json:"members"`
}

// dev founds a consortium in dir, or resumes it, with one process for each node.
func dev(ctx context.Context, dir, httpAddr string, members int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", dir, err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	genesisPath := filepath.Join(dir, "genesis.json")
	if _, err := os.Stat(genesisPath); errors.Is(err, os.ErrNotExist) {
		if err := found(dir, members); err != nil {
			return err
		}
	}
	genesis, err := os.ReadFile(genesisPath)
	if err != nil {
		return fmt.Errorf("read genesis: %w", err)
	}
	g, err := ledger.ParseGenesis(genesis)
	if err != nil {
		return fmt.Errorf("%s is not a genesis of this version; a ledger of an earlier one cannot be continued: found a new one with evidentd dev --dir FOLDER, or move this folder away: %w", genesisPath, err)
	}
	if err := awaitEnded(ctx, dir, g.Members); err != nil {
		return err
	}
	places, err := findPlaces(dir, g, httpAddr)
	if err != nil {
		return err
	}
	if err := writeConfigs(dir, places); err != nil {
		return err
	}
	c := describe(dir, g, genesis, places)
	if err := writeJSON(filepath.Join(dir, "consortium.json"), c); err != nil {
		return err
	}
	return supervise(ctx, c)
}

func lockDir(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", dir, guard.ErrInUse)
	}
	return file, nil
}

// awaitEnded gives the nodes of a dev that was killed a moment to end.
func awaitEnded(ctx context.Context, dir string, members ledger.MemberSet) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for _, m := range members {
		for {
			lock, err := lockDir(filepath.Join(nodeDir(dir, m.Name), "guard"))
			if err == nil {
				lock.Close()
				break
			}
			if !errors.Is(err, guard.ErrInUse) || ctx.Err() != nil {
				return err
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// found makes the members' keys and the genesis that names them. The genesis
// is written last: without it the folders are nothing, and are made anew.
func found(dir string, count int) error {
	if count < 1 || count > 16 {
		return fmt.Errorf("%d members: want 1 to 16", count)
	}
	if count == 3 || count == 2 {
		return fmt.Errorf("%d members survive no failure, like one: take 4, or 1 for a trial", count)
	}
	g := ledger.Genesis{
		Contracts: []ledger.ContractRef{},
		Created:   time.Now().UnixMilli(),
		Limits:    ledger.Limits{BlockBytes: 480 << 10, BlockRecords: 5000, Copies: min(ledger.DefaultCopies, int64(count))},
		Name:      "harbour.example",
	}
	for _, c := range contract.Library() {
		g.Contracts = append(g.Contracts, contract.Ref(c))
	}
	for i := range count {
		m, err := newMember(dir, i)
		if err != nil {
			return err
		}
		g.Members = append(g.Members, m)
	}
	slices.SortFunc(g.Members, func(a, b ledger.Member) int { return strings.Compare(a.Name, b.Name) })
	file, err := g.Encode()
	if err != nil {
		return fmt.Errorf("make genesis: %w", err)
	}
	return writeFile(filepath.Join(dir, "genesis.json"), file)
}

func newMember(dir string, i int) (ledger.Member, error) {
	m := ledger.Member{Addresses: []string{}, Roles: []string{"member"},
		Name: fmt.Sprintf("member%d.harbour.example", i+1), Organisation: fmt.Sprintf("Member %d", i+1)}
	if i < len(organisations) {
		o := organisations[i]
		m.Name, m.Organisation, m.Registry, m.Roles = o.name, o.organisation, o.registry, []string{o.role}
	}
	folder := nodeDir(dir, m.Name)
	if err := os.RemoveAll(folder); err != nil { // left by a founding that did not end
		return m, fmt.Errorf("create %s: %w", folder, err)
	}
	cosigner, err := guard.Create(filepath.Join(folder, "guard"), m.Name)
	if err != nil {
		return m, err
	}
	m.Keys = cosigner.Keys()
	m.Node, err = fullnode.CreateIdentity(folder, m.Name)
	return m, err
}

// nodeDir names a node's folder after the first word of the member's name.
func nodeDir(dir, member string) string {
	word, _, _ := strings.Cut(member, ".")
	return filepath.Join(dir, word)
}

// findPlaces gives each node free ports, the usual ones where they are free.
func findPlaces(dir string, g *ledger.Genesis, httpAddr string) ([]place, error) {
	host, port, err := net.SplitHostPort(httpAddr)
	if err != nil {
		return nil, fmt.Errorf("--http %s: want host:port", httpAddr)
	}
	var first int
	if _, err := fmt.Sscanf(port, "%d", &first); err != nil || first < 0 || first > 65000 {
		return nil, fmt.Errorf("--http %s: %q is not a port", httpAddr, port)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	var places []place
	for i, name := range explorerFirst(g.Members) {
		web, err := freePort(host, first, i)
		if err != nil {
			return nil, err
		}
		peer, err := freePort("127.0.0.1", firstPeerPort, i)
		if err != nil {
			return nil, err
		}
		if i == 0 && first != 0 && web != first {
			fmt.Printf("Port %d is taken; the explorer is on port %d.\n", first, web)
		}
		places = append(places, place{Member: name, Dir: nodeDir(dir, name), http: net.JoinHostPort(host, fmt.Sprint(web)),
			URL: "http://" + net.JoinHostPort(host, fmt.Sprint(web)), Peer: fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", peer)})
	}
	return places, nil
}

// explorerFirst lists the members in founding order: the first serves the explorer.
func explorerFirst(members ledger.MemberSet) []string {
	var names []string
	for _, o := range organisations {
		if members.ByName(o.name) != nil {
			names = append(names, o.name)
		}
	}
	for _, m := range members {
		if !strings.HasPrefix(m.Name, "member") {
			continue
		}
		names = append(names, m.Name)
	}
	return names
}

// freePort returns first+offset if nobody listens there, or any free port.
func freePort(host string, first, offset int) (int, error) {
	for _, port := range []int{first + offset, 0} {
		if first == 0 {
			port = 0
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port, nil
	}
	return 0, fmt.Errorf("no free port on %s", host)
}

func writeConfigs(dir string, places []place) error {
	peers, nodes := map[string][]string{}, map[string][]string{}
	for _, p := range places {
		peers[p.Member], nodes[p.Member] = []string{p.Peer}, []string{p.URL}
	}
	for _, p := range places {
		archive := strings.HasPrefix(p.Member, "archive.") // one of them keeps old states
		cfg := fullnode.Config{Archive: archive, Dir: ".", Genesis: "../genesis.json", Listen: []string{p.Peer}, HTTP: p.http, Hosts: []string{}, Peers: peers, Nodes: nodes}
		if err := writeJSON(filepath.Join(p.Dir, "config.json"), cfg); err != nil {
			return err
		}
	}
	return nil
}

func describe(dir string, g *ledger.Genesis, file []byte, places []place) consortium {
	fingerprint := ledger.GenesisFingerprint(file)
	c := consortium{Ledger: g.Origin(fingerprint), Genesis: filepath.Join(dir, "genesis.json"), Words: fingerprint.Words(), Members: places}
	for _, p := range places {
		c.Nodes = append(c.Nodes, p.URL)
	}
	return c
}

// supervise starts a process for each node, says when they are ready and what
// to try, and starts a node again that ends by itself.
func supervise(ctx context.Context, c consortium) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	fmt.Printf("Starting %s, %d members, in %s\n", c.Ledger, len(c.Members), filepath.Dir(c.Genesis))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	failed := make(chan error, len(c.Members))
	for _, p := range c.Members {
		wg.Go(func() {
			if err := keepRunning(ctx, program, p); err != nil {
				failed <- err
				stop()
			}
		})
	}
	if err := awaitFinal(ctx, c.Nodes); err == nil {
		greet(c)
	}
	<-ctx.Done()
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		fmt.Println("Stopped. The next start resumes this ledger.")
		return nil
	}
}

// keepRunning starts a node and starts it again when it was killed. A node
// that cannot even start ends the whole, with its own words.
func keepRunning(ctx context.Context, program string, p place) error {
	// The nodes end with this program even if it is killed; the kernel ties
	// that to the thread that started them.
	runtime.LockOSThread()
	for {
		started := time.Now()
		log, err := os.OpenFile(filepath.Join(p.Dir, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log of %s: %w", p.Member, err)
		}
		cmd := exec.CommandContext(ctx, program, "run", "--config", filepath.Join(p.Dir, "config.json"))
		cmd.Stdout, cmd.Stderr = log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 10 * time.Second
		err = cmd.Start()
		if err == nil {
			writeFile(filepath.Join(p.Dir, "pid"), fmt.Appendf(nil, "%d\n", cmd.Process.Pid))
			err = cmd.Wait()
		}
		log.Close()
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) < 2*time.Second {
			return fmt.Errorf("the node of %s does not start (%v):\n%s", p.Member, err, lastLines(filepath.Join(p.Dir, "node.log"), 5))
		}
		fmt.Printf("The node of %s ended (%v); it starts again in 5 seconds.\n", p.Member, err)
		select {
		case <-time.After(5 * time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

func lastLines(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}

// awaitFinal waits until the first node serves a final block.
func awaitFinal(ctx context.Context, nodes []string) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, nodes[0]+"/checkpoint", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func greet(c consortium) {
	fmt.Printf(`
  Explorer   %s
  Ledger     %s
  12 words   %s
             %s
  Nodes      %s
  Written    %s

Try next:
  1. bin/evident key new ada && bin/evident stamp PHOTO.jpg
  2. bin/evident verify PHOTO.jpg
  3. open the explorer and drop PHOTO.jpg on it

Ctrl-C stops the consortium; the next start resumes it.
`, c.Nodes[0], c.Ledger, strings.Join(c.Words[:6], " "), strings.Join(c.Words[6:], " "),
		strings.Join(c.Nodes, " "), filepath.Join(filepath.Dir(c.Genesis), "consortium.json"))
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return writeFile(path, append(data, '\n'))
}

// writeFile replaces a file at once and durably: readers see the old or the
// new, and a genesis that was announced outlives a power cut.
func writeFile(path string, data []byte) error {
	if err := store.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
