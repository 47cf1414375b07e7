package finality_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	. "evident/fullnode/finality"
	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

const origin = "harbour.example/0123456789abcdef"

// world is n members with known keys, and the cosignatures that they made.
type world struct {
	made    map[place]ledger.Cosignature
	members ledger.MemberSet
	keys    []*ledger.CosigningKey
}

type place struct {
	member int
	tree   tlog.Tree
}

func newWorld(n int) *world {
	w := &world{made: map[place]ledger.Cosignature{}}
	for i := range n {
		seed := tlog.RecordHash(fmt.Appendf(nil, "member %d", i))
		name := fmt.Sprintf("m%02d.example", i)
		key, err := ledger.NewCosigningKey(name, seed[:], seed[:])
		if err != nil {
			panic(err)
		}
		w.keys = append(w.keys, key)
		w.members = append(w.members, ledger.Member{Name: name, Keys: key.Cosigner().Keys()})
	}
	return w
}

func (w *world) cosign(member int, tree tlog.Tree) Cosigned {
	at := place{member, tree}
	c, ok := w.made[at]
	if !ok {
		c = w.keys[member].Cosign(origin, tree, 1000)
		w.made[at] = c
	}
	return Cosigned{Member: c.Member, Tree: tree, Lines: c.Lines}
}

func tree(size int64, label string) tlog.Tree {
	return tlog.Tree{N: size, Hash: tlog.RecordHash([]byte(label))}
}

func kinds(outputs []Output) string {
	text := ""
	for _, o := range outputs {
		text += fmt.Sprintf("%T ", o)
	}
	return text
}

func TestSteps(t *testing.T) {
	w := newWorld(4)
	a, b, next := tree(5, "a"), tree(5, "b"), tree(6, "next")
	forged := w.cosign(1, a)
	forged.Tree = b
	half, other := w.cosign(2, a), w.cosign(2, a)
	first, second, _ := strings.Cut(half.Lines, "\n")
	half.Lines, other.Lines = first+"\n", second
	mixed := w.cosign(2, a) // its Ed25519 line is for a, its ML-DSA-44 line for b
	_, ofB, _ := strings.Cut(w.cosign(2, b).Lines, "\n")
	mixed.Lines = first + "\n" + ofB
	tests := []struct {
		name   string
		inputs []Input
		want   string // of the last input
	}{
		{"a candidate is cosigned", []Input{Candidate{a}}, "finality.Cosign "},
		{"two of four are no quorum", []Input{Candidate{a}, w.cosign(0, a), w.cosign(1, a)}, ""},
		{"three of four are", []Input{Candidate{a}, w.cosign(0, a), w.cosign(1, a), w.cosign(2, a)}, "finality.Certified "},
		{"a quorum counts once", []Input{Candidate{a}, w.cosign(0, a), w.cosign(1, a), w.cosign(2, a), w.cosign(3, a)}, ""},
		{"the same member twice counts once", []Input{Candidate{a}, w.cosign(0, a), w.cosign(1, a), w.cosign(1, a)}, ""},
		{"cosignatures may come first", []Input{w.cosign(0, a), w.cosign(1, a), w.cosign(2, a), Candidate{a}}, "finality.Cosign finality.Certified "},
		{"a forged line is nothing", []Input{Candidate{a}, w.cosign(0, a), w.cosign(2, a), forged}, ""},
		{"Ed25519 alone is nothing", []Input{Candidate{a}, w.cosign(0, a), w.cosign(1, a), half}, ""},
		{"ML-DSA-44 alone is nothing", []Input{Candidate{a}, w.cosign(0, a), w.cosign(1, a), other}, ""},
		{"two lines for two trees are nothing", []Input{Candidate{a}, w.cosign(0, a), w.cosign(1, a), mixed}, ""},
		{"a half accuses nobody", []Input{Candidate{b}, w.cosign(2, b), half}, ""},
		{"a stranger is nothing", []Input{Candidate{a}, Cosigned{Member: "x.example", Tree: a, Lines: forged.Lines}}, ""},
		{"two trees of one member are evidence", []Input{Candidate{a}, w.cosign(3, a), w.cosign(3, b)}, "finality.Misbehaviour "},
		{"a quorum elsewhere means our state is wrong", []Input{Candidate{a}, w.cosign(1, b), w.cosign(2, b), w.cosign(3, b)}, "finality.Diverged "},
		{"a quorum beyond the open height means catching up", []Input{w.cosign(0, next), w.cosign(1, next), w.cosign(2, next)}, "finality.Behind "},
		{"far beyond, one member is enough to look", []Input{w.cosign(0, tree(50, "far"))}, "finality.Behind "},
		{"what is final needs no more", []Input{Candidate{a}, Final{a}, w.cosign(0, a), w.cosign(1, a), w.cosign(2, a)}, ""},
		{"what is old is dropped", []Input{w.cosign(0, tree(3, "old"))}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := New(origin, w.members, tree(4, "final"))
			var outputs []Output
			for _, in := range tt.inputs {
				outputs = s.Step(in)
			}
			if got := kinds(outputs); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestNoForkUnderAnySchedule lets f members sign everything and honest ones
// cosign only their candidate, in random order with losses and repeats: no two
// honest members may certify different trees of one size.
func TestNoForkUnderAnySchedule(t *testing.T) {
	schedules := 400
	if testing.Short() {
		schedules = 100
	}
	for _, n := range []int{4, 7} {
		w := newWorld(n)
		certified := 0
		for seed := range schedules {
			certified += runSchedule(t, w, rand.New(rand.NewSource(int64(seed))))
		}
		if certified == 0 {
			t.Errorf("n = %d: no schedule made anything final: the test shows nothing", n)
		}
	}
}

// runSchedule plays one height where a hostile leader showed honest members
// two candidates, and returns how many honest members certified one.
func runSchedule(t *testing.T, w *world, rng *rand.Rand) int {
	a, b := tree(5, "a"), tree(5, "b")
	faulty := w.members.Faults()
	var states []*State
	var box []Cosigned
	for i := range w.members {
		states = append(states, New(origin, w.members, tree(4, "final")))
		if i < faulty {
			box = append(box, w.cosign(i, a), w.cosign(i, b))
			continue
		}
		candidate := a
		if rng.Intn(4) == 0 {
			candidate = b
		}
		states[i].Step(Candidate{candidate})
		box = append(box, w.cosign(i, candidate))
	}
	final := map[tlog.Tree]int{}
	for range 20 * len(w.members) {
		to := faulty + rng.Intn(len(w.members)-faulty)
		for _, out := range states[to].Step(box[rng.Intn(len(box))]) {
			if c, ok := out.(Certified); ok {
				final[c.Certificate.Tree]++
			}
		}
	}
	if len(final) > 1 {
		t.Fatalf("fork: %v", final)
	}
	return final[a] + final[b]
}
