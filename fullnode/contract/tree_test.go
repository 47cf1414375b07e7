package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"evident/fullnode/chain/state"
	"evident/lightclient/merkle"
)

// nodes are the nodes of a state tree in memory.
type nodes map[string][]byte

func (n nodes) Get(key []byte) ([]byte, error) {
	if value, ok := n[string(key)]; ok {
		return value, nil
	}
	return nil, state.ErrNotFound
}

// tree is the state tree over a stage's state.
type tree struct {
	nodes nodes
	cache state.Cache
	root  state.Root
}

func (t *tree) update(tb testing.TB, height uint64, changes []Change) {
	tb.Helper()
	var leaves []merkle.Leaf
	for _, c := range changes {
		leaves = append(leaves, merkle.Leaf{Key: merkle.Key(c.Space, c.Name), Value: sha256.Sum256(c.Value)})
	}
	root, writes, err := state.Update(t.nodes, &t.cache, t.root, height, leaves)
	if err != nil {
		tb.Fatal(err)
	}
	for _, put := range writes.Put {
		t.nodes[string(put.Key)] = slices.Clone(put.Value)
	}
	t.root = root
}

// TestGoldenTree holds the state tree's roots over 10,000 blocks, with a contract deployed on the way, a second version of it
// later, and items of both, some migrated, to what they were on other machines.
func TestGoldenTree(t *testing.T) {
	s := newTestStage(t, Contracts)
	grown := &tree{nodes: nodes{}}
	all := sha256.New()
	d := &dice{}
	tickets := &Contract{name: "tickets"}
	var items []string
	counts := map[string]int{}
	for n := range 10_000 {
		before := s.height
		switch n {
		case 100:
			s.deploy(ticketOne, "", "member", "court", "regulator")
		case 4000:
			s.deploy(ticketTwo, "", "member", "court", "regulator")
		}
		if s.height != before {
			var changes []Change
			for _, key := range sortedKeys(s.state) {
				space, name, _ := strings.Cut(key, "\x00")
				changes = append(changes, Change{Space: space, Name: name, Value: s.state[key]})
			}
			s.height++
			grown.update(t, uint64(s.height), changes)
		}
		one := step{Do: []string{"issue", "use", "recall", "migrate"}[d.roll(4)], Under: int64(1 + d.roll(2)), By: []string{"ada"}}
		if one.Do != "issue" && len(items) > 0 {
			one.Item = items[d.roll(len(items))]
		}
		if one.Do == "issue" {
			one.Fields = map[string]any{"seat": hex.EncodeToString([]byte{byte(d.roll(256))})}
			if one.Under == 1 && len(items) > 0 && d.roll(3) == 0 {
				one.Fields["from"] = []any{items[d.roll(len(items))]}
			}
		}
		s.clock += int64(d.roll(100000))
		s.height++
		r := s.make(tickets, one)
		changes, refusal, err := s.engine.Block(s, s.clock, s.height).Apply(r)
		if err != nil {
			t.Fatal(err)
		}
		if refusal != nil {
			all.Write([]byte(refusal.Rule))
			counts[refusal.Rule]++
		} else {
			counts[one.Do]++
			if one.Do == "issue" {
				items = append(items, r.ItemName())
			}
		}
		for _, c := range changes {
			s.state[c.Space+"\x00"+c.Name] = c.Value
		}
		grown.update(t, uint64(s.height), changes)
		root := grown.root.Hash()
		all.Write(root[:])
	}
	for _, what := range []string{"issue", "use", "recall", "migrate", "contract", "version", "C2"} {
		if counts[what] < 50 {
			t.Errorf("%s happened only %d times", what, counts[what])
		}
	}
	got := hex.EncodeToString(all.Sum(nil)) + "\n"
	const golden = "testdata/tree.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != got {
		t.Errorf("the roots are %s, want %s, %v", got, want, err)
	}
}
