package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/testnode"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"evident": main})
}

// consortium is what a script plays with: four members, with a node each.
type consortium struct {
	ledger *testnode.Ledger
	nodes  []*testnode.Node
}

// TestScripts gives each script a consortium of its own: its nodes' addresses
// in $NODE0 to $NODE3, its genesis in genesis.json, a record's id in $ID.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			c := &consortium{ledger: testnode.New(4)}
			deposit := c.ledger.Deposit("grace", "older than the script")
			c.ledger.Add(deposit)
			c.ledger.Grow(5)
			record, err := ledger.ParseRecord(deposit)
			if err != nil {
				return err
			}
			env.Setenv("ID", record.ID.String())
			env.Values["consortium"] = c
			for i := range 4 {
				n := c.ledger.Node(i)
				server := httptest.NewServer(n)
				env.Defer(func() { server.CloseClientConnections(); server.Close() })
				c.nodes = append(c.nodes, n)
				env.Setenv("NODE"+strconv.Itoa(i), server.URL)
			}
			f := c.ledger.Consortium().Fingerprint
			env.Setenv("FINGERPRINT", f.String())
			env.Setenv("WORDS", strings.Join(f.Words(), " "))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
			env.Setenv("LANG", "C.UTF-8")
			return os.WriteFile(filepath.Join(env.WorkDir, "genesis.json"), c.ledger.Consortium().File, 0o600)
		},
		Condition: func(name string) (bool, error) {
			return name == "namespaces" && exec.Command("unshare", "-rn", "true").Run() == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"node": nodeCommand, "flip": flipCommand, "mode": modeCommand, "many": manyCommand, "record": recordCommand, "refused": refusedCommand, "accuse": accuseCommand,
		},
	})
}

// nodeCommand is "node NUMBER down|up|hold|release|refuse|lie".
func nodeCommand(ts *testscript.TestScript, _ bool, args []string) {
	i, err := strconv.Atoi(args[0])
	ts.Check(err)
	n := ts.Value("consortium").(*consortium).nodes[i]
	change, ok := map[string]func(*testnode.Node){
		"down":    func(n *testnode.Node) { n.Down.Store(true) },
		"up":      func(n *testnode.Node) { n.Down.Store(false) },
		"hold":    func(n *testnode.Node) { n.Held = true },
		"release": func(n *testnode.Node) { n.Held = false },
		"refuse":  func(n *testnode.Node) { n.Refuse = "C2" },
		"lie":     func(n *testnode.Node) { n.Signs = 2 },
	}[args[1]]
	if !ok {
		ts.Fatalf("what should node %d do?", i)
	}
	n.Change(change)
}

// flipCommand changes one byte of a file: "flip FILE OFFSET".
func flipCommand(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	data[at] ^= 1
	ts.Check(os.WriteFile(path, data, 0o600))
}

// modeCommand checks who may use a file: "mode FILE 600".
func modeCommand(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// recordCommand takes the first record of "stamp --json" as $RECORD.
func recordCommand(ts *testscript.TestScript, _ bool, args []string) {
	var stamped struct{ Files []outcome }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &stamped))
	ts.Setenv("RECORD", stamped.Files[0].Record)
}

// refusedCommand takes the only refused record as $REFUSED.
func refusedCommand(ts *testscript.TestScript, _ bool, _ []string) {
	files, err := filepath.Glob(filepath.Join(ts.Getenv("XDG_DATA_HOME"), "evident", "refused", "*.evident"))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%d refusals are kept", len(files))
	}
	ts.Setenv("REFUSED", strings.TrimSuffix(filepath.Base(files[0]), ".evident"))
}

// accuseCommand gives the first node an accusation of the second member, and
// writes one that is not true: "accuse FALSE-FILE".
func accuseCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := ts.Value("consortium").(*consortium)
	founders := c.ledger.Consortium()
	member := founders.Genesis.Members[1]
	cosigned := func(label string) proof.Cosigned {
		tree := tlog.Tree{N: 4, Hash: tlog.RecordHash([]byte(label))}
		return proof.Cosigned{Note: ledger.FormatCosigned(founders.Origin, tree, founders.Cosign(member, tree, 1763849000).Lines)}
	}
	a := proof.Accusation{Genesis: founders.File, Member: member.Name, One: cosigned("one"), Other: cosigned("other")}
	file, err := proof.NewAccusation(a)
	ts.Check(err)
	c.nodes[0].Change(func(n *testnode.Node) { n.Accusations = []string{string(file)} })
	a.Other = a.One
	file, err = a.Encode()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file, 0o600))
}

// manyCommand makes files: "many FOLDER COUNT".
func manyCommand(ts *testscript.TestScript, _ bool, args []string) {
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	for i := range count {
		ts.Check(os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".txt"), []byte(strconv.Itoa(i)), 0o600))
	}
}
