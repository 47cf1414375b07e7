package merkle

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// model is the tree by its definition: the leaves that share a path, and nothing stored.
type model []Leaf

func (m model) split(depth int) (left, right model) {
	for _, l := range m {
		if bit(&l.Key, depth) == 0 {
			left = append(left, l)
		} else {
			right = append(right, l)
		}
	}
	return left, right
}

func (m model) root(depth int) tlog.Hash {
	switch len(m) {
	case 0:
		return Empty
	case 1:
		return LeafHash(m[0].Key, m[0].Value)
	}
	left, right := m.split(depth)
	return NodeHash(left.root(depth+1), right.root(depth+1))
}

// prove returns the proof of presence or absence of key, and the value if it is present.
func (m model) prove(key tlog.Hash) (value *tlog.Hash, p Proof) {
	for depth := 0; len(m) > 1; depth++ {
		left, right := m.split(depth)
		if bit(&key, depth) == 1 {
			left, right = right, left
		}
		p.Siblings = append(p.Siblings, right.root(depth+1))
		m = left
	}
	if len(m) == 0 {
		return nil, p
	}
	if m[0].Key == key {
		return &m[0].Value, p
	}
	p.Other = &m[0]
	return nil, p
}

func newTestModel(t testing.TB, n int) model {
	t.Helper()
	m := make(model, n)
	for i := range m {
		m[i] = Leaf{Key("work", fmt.Sprint(i)), Key("state", fmt.Sprint(i))}
	}
	return m
}

func check(root, key tlog.Hash, value *tlog.Hash, p Proof) error {
	if value == nil {
		return CheckAbsent(root, key, p)
	}
	return CheckPresent(root, key, *value, p)
}

func TestProofsOfEveryKind(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 16, 257} {
		m := newTestModel(t, n)
		root := m.root(0)
		for i := range n + 40 {
			key := Key("work", fmt.Sprint(i))
			value, p := m.prove(key)
			if got, want := value != nil, i < n; got != want {
				t.Fatalf("%d leaves, key %d: present %v, want %v", n, i, got, want)
			}
			parsed, err := ParseProof(p.Encode())
			if err != nil {
				t.Fatalf("%d leaves, key %d: %v", n, i, err)
			}
			if err := check(root, key, value, parsed); err != nil {
				t.Errorf("%d leaves, key %d: %v", n, i, err)
			}
			if value != nil && CheckAbsent(root, key, parsed) == nil {
				t.Errorf("%d leaves: key %d proven absent although present", n, i)
			}
			if CheckPresent(root, key, Key("state", "forged"), parsed) == nil {
				t.Errorf("%d leaves: key %d proven to have a forged value", n, i)
			}
		}
	}
}

func TestCheckConditions(t *testing.T) {
	m := newTestModel(t, 64)
	root := m.root(0)
	here, there := m[0], m[1]
	_, present := m.prove(here.Key)
	value := here.Value

	absentKey, other := absentBesideLeaf(t, m)
	_, deep := m.prove(there.Key)
	foreign := Proof{Siblings: other.Siblings, Other: leafOffPath(t, m, absentKey, len(other.Siblings))}
	long := Proof{Siblings: slices.Repeat([]tlog.Hash{root}, MaxDepth+1)}
	hollow := Proof{Siblings: append(slices.Clone(present.Siblings), Empty)}

	for _, test := range []struct {
		name string
		err  error
		want error
	}{
		{"present", CheckPresent(root, here.Key, value, present), nil},
		{"present, too deep", CheckPresent(root, here.Key, value, long), ErrShape},
		{"present, last sibling empty", CheckPresent(root, here.Key, value, hollow), ErrShape},
		{"present, other leaf named", CheckPresent(root, here.Key, value, Proof{present.Siblings, &there}), ErrOther},
		{"present, other value", CheckPresent(root, here.Key, there.Value, present), ErrRoot},
		{"present, other key's path", CheckPresent(root, here.Key, value, deep), ErrRoot},
		{"present, other root", CheckPresent(value, here.Key, value, present), ErrRoot},
		{"present, empty tree", CheckPresent(Empty, here.Key, value, Proof{}), ErrRoot},
		{"absent", CheckAbsent(root, absentKey, other), nil},
		{"absent, too deep", CheckAbsent(root, absentKey, long), ErrShape},
		{"absent, last sibling empty", CheckAbsent(root, absentKey, hollow), ErrShape},
		{"absent, the leaf is the key's own", CheckAbsent(root, here.Key, Proof{present.Siblings, &here}), ErrOther},
		{"absent, the leaf is elsewhere", CheckAbsent(root, absentKey, foreign), ErrOther},
		{"absent, the leaf is left out", CheckAbsent(root, absentKey, Proof{Siblings: other.Siblings}), ErrRoot},
		{"absent, the place is not empty", CheckAbsent(root, here.Key, present), ErrRoot},
		{"absent, empty tree", CheckAbsent(Empty, here.Key, Proof{}), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !errors.Is(test.err, test.want) {
				t.Fatalf("got %v, want %v", test.err, test.want)
			}
			if test.want != nil && !errors.Is(test.err, ErrProof) {
				t.Errorf("%v is not an ErrProof", test.err)
			}
		})
	}
}

func absentBesideLeaf(t *testing.T, m model) (tlog.Hash, Proof) {
	t.Helper()
	for i := range 1000 {
		key := Key("nothing", fmt.Sprint(i))
		if _, p := m.prove(key); p.Other != nil {
			return key, p
		}
	}
	t.Fatal("no absent key is beside a leaf")
	return Empty, Proof{}
}

func leafOffPath(t *testing.T, m model, key tlog.Hash, depth int) *Leaf {
	t.Helper()
	for i := range m {
		if !agree(&key, &m[i].Key, depth) {
			return &m[i]
		}
	}
	t.Fatal("every leaf is on the path")
	return nil
}

// A proof between the deepest pair of keys there can be: they differ in their last bit only.
func TestDeepestProof(t *testing.T) {
	a, b := Leaf{Key: Key("a", "")}, Leaf{Key: Key("a", "")}
	b.Key[31] ^= 1
	m := model{a, b}
	value, p := m.prove(a.Key)
	if len(p.Siblings) != MaxDepth {
		t.Fatalf("got %d siblings, want %d", len(p.Siblings), MaxDepth)
	}
	encoded := p.Encode()
	if want := 3 + 32 + 32; len(encoded) != want {
		t.Errorf("got %d bytes, want %d", len(encoded), want)
	}
	p, err := ParseProof(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(m.root(0), a.Key, value, p); err != nil {
		t.Error(err)
	}
}

func TestParseProofRefuses(t *testing.T) {
	one := bytes.Repeat([]byte{1}, 32)
	zero := make([]byte, 32)
	for _, test := range []struct {
		name string
		in   []byte
	}{
		{"nothing", nil},
		{"half a head", []byte{0, 0}},
		{"two other leaves", append([]byte{2, 0, 0}, make([]byte, 128)...)},
		{"257 siblings", append([]byte{0, 1, 1}, make([]byte, 33+32)...)},
		{"no mask", []byte{0, 0, 1}},
		{"last sibling empty", []byte{0, 0, 1, 0}},
		{"a bit after the last", slices.Concat([]byte{0, 0, 1, 0xc0}, one, one)},
		{"sibling missing", []byte{0, 0, 1, 0x80}},
		{"sibling cut", slices.Concat([]byte{0, 0, 1, 0x80}, one[1:])},
		{"sibling Empty", slices.Concat([]byte{0, 0, 1, 0x80}, zero)},
		{"trailing byte", slices.Concat([]byte{0, 0, 1, 0x80}, one, []byte{0})},
		{"trailing leaf", slices.Concat([]byte{0, 0, 1, 0x80}, one, one, one)},
		{"leaf missing", slices.Concat([]byte{1, 0, 1, 0x80}, one)},
		{"trailing byte after nothing", []byte{0, 0, 0, 0}},
		{"longer than any proof", make([]byte, MaxProofSize+1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := ParseProof(test.in); !errors.Is(err, ErrEncoding) || !errors.Is(err, ErrProof) {
				t.Errorf("got %v, want %v", err, ErrEncoding)
			}
		})
	}
}

func TestEveryFlippedByteIsRefused(t *testing.T) {
	m := newTestModel(t, 300)
	root := m.root(0)
	besideLeaf, _ := absentBesideLeaf(t, m)
	for _, key := range []tlog.Hash{m[7].Key, besideLeaf, absentAtEmpty(t, m)} {
		value, p := m.prove(key)
		encoded := p.Encode()
		for i := range encoded {
			for flip := 1; flip < 256; flip++ {
				bad := bytes.Clone(encoded)
				bad[i] ^= byte(flip)
				p, err := ParseProof(bad)
				if err == nil {
					err = check(root, key, value, p)
				}
				if !errors.Is(err, ErrProof) {
					t.Fatalf("byte %d of %d, flip %02x: got %v, want a refusal", i, len(encoded), flip, err)
				}
			}
		}
	}
}

func absentAtEmpty(t *testing.T, m model) tlog.Hash {
	t.Helper()
	for i := range 1000 {
		key := Key("nothing", fmt.Sprint(i))
		if value, p := m.prove(key); value == nil && p.Other == nil {
			return key
		}
	}
	t.Fatal("no absent key has an empty place")
	return Empty
}

// The example in the package comment and the three hashes it is made of.
func TestDocumentedExample(t *testing.T) {
	var first, second Leaf
	for i := range first.Value {
		first.Value[i], second.Value[i] = 0x11, 0x22
	}
	second.Key[0] = 0x80
	m := model{first, second}
	_, p := m.prove(first.Key)
	for _, test := range []struct{ name, got, want string }{
		{"key", hexOf(Key("copyright", "42")), "ecfd6edfef7ce69416503526e59dc87b4ced2778385e5be30a390d19b5bfa04d"},
		{"root", hexOf(m.root(0)), "76ac87d94f7ceedd4aa804780d19cd25039c366ace0be09a127f6e4ed155ac11"},
		{"proof", hex.EncodeToString(p.Encode()), "000001807156549a28d7e7ba0c7bf1f96b250ebbf2097afd67926b01be72f60e0e26e816"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, test.got, test.want)
		}
	}
}

func hexOf(h tlog.Hash) string { return hex.EncodeToString(h[:]) }

func FuzzParseProof(f *testing.F) {
	m := newTestModel(f, 40)
	for _, name := range []string{"0", "1", "41", "42", "43"} {
		_, p := m.prove(Key("work", name))
		f.Add(p.Encode())
	}
	root := m.root(0)
	key := Key("work", "41")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			if !errors.Is(err, ErrEncoding) {
				t.Fatalf("got %v, want %v", err, ErrEncoding)
			}
			return
		}
		if got := p.Encode(); !bytes.Equal(got, b) {
			t.Fatalf("two encodings of one proof: %x and %x", b, got)
		}
		if !p.possible() {
			t.Fatal("parsed a path that no tree can have")
		}
		if CheckPresent(root, key, root, p) == nil {
			t.Fatal("proved an absent key")
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	m := newTestModel(b, 1<<14)
	root := m.root(0)
	value, p := m.prove(m[0].Key)
	encoded := p.Encode()
	b.ReportAllocs()
	for b.Loop() {
		p, err := ParseProof(encoded)
		if err != nil {
			b.Fatal(err)
		}
		if err := check(root, m[0].Key, value, p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(encoded)), "proof-bytes")
}
