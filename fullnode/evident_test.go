package fullnode_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"evident/fullnode/testnet"
)

// TestEvident plays scripts of the command line on a running consortium, whose contracts are the real ones.
func TestEvident(t *testing.T) {
	net := testnet.New(t, 4)
	net.MustStart()
	net.AwaitOrdered(20*time.Second, 0)
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "evident/lightclient/cmd/evident").CombinedOutput(); err != nil {
		t.Fatalf("build evident: %v\n%s", err, out)
	}
	type place struct {
		Member string `json:"member"`
		Dir    string `json:"dir"`
	}
	var local struct {
		Genesis string   `json:"genesis"`
		Nodes   []string `json:"nodes"`
		Members []place  `json:"members"`
	}
	local.Genesis = filepath.Join(net.Dir, "genesis.json")
	for _, p := range net.Places {
		local.Nodes = append(local.Nodes, p.URL())
		local.Members = append(local.Members, place{p.Member.Name, p.Dir})
	}
	description, err := json.Marshal(local)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "evident"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
			env.Setenv("LANG", "C.UTF-8")
			dev := filepath.Join(env.WorkDir, "data", "evident", "dev")
			if err := os.MkdirAll(dev, 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dev, "consortium.json"), description, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"take": takeCommand},
	})
}

// takeCommand puts a member of the JSON that the last command printed into a variable: "take MEMBER VARIABLE".
func takeCommand(ts *testscript.TestScript, _ bool, args []string) {
	var printed map[string]any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &printed); err != nil {
		ts.Fatalf("stdout is no JSON: %v", err)
	}
	value := strings.TrimSpace(fmt.Sprint(printed[args[0]]))
	if printed[args[0]] == nil || value == "" {
		ts.Fatalf("stdout has no %s", args[0])
	}
	ts.Setenv(args[1], value)
}
