package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"evident/lightclient/merkle"
)

// store is a KV in memory. It hands out one buffer, as a real one may.
type store struct {
	nodes map[string][]byte
	buf   []byte
}

func newTestStore() *store { return &store{nodes: map[string][]byte{}} }

func (s *store) Get(key []byte) ([]byte, error) {
	v, ok := s.nodes[string(key)]
	if !ok {
		return nil, ErrNotFound
	}
	s.buf = append(s.buf[:0], v...)
	return s.buf, nil
}

func (s *store) put(w Writes) {
	for _, p := range w.Put {
		s.nodes[string(p.Key)] = bytes.Clone(p.Value)
	}
}

func (s *store) prune(stale [][]byte) {
	for _, k := range stale {
		delete(s.nodes, string(k))
	}
}

// model is what the tree has to hold; root is the tree's definition.
type model map[tlog.Hash]tlog.Hash

func (m model) root() tlog.Hash {
	leaves := make([]merkle.Leaf, 0, len(m))
	for k, v := range m {
		leaves = append(leaves, merkle.Leaf{Key: k, Value: v})
	}
	return rootOf(leaves, 0)
}

func rootOf(leaves []merkle.Leaf, depth int) tlog.Hash {
	switch len(leaves) {
	case 0:
		return merkle.Empty
	case 1:
		return merkle.LeafHash(leaves[0].Key, leaves[0].Value)
	}
	var half [2][]merkle.Leaf
	for _, l := range leaves {
		bit := nibble(&l.Key, depth/4) >> (3 - depth%4) & 1
		half[bit] = append(half[bit], l)
	}
	return merkle.NodeHash(rootOf(half[0], depth+1), rootOf(half[1], depth+1))
}

// ledger is a tree with all that a caller keeps of it.
type ledger struct {
	*store
	cache Cache
	root  Root
	model model
}

func newTestLedger() *ledger { return &ledger{store: newTestStore(), model: model{}} }

func (l *ledger) update(t rapid.TB, version uint64, changes []merkle.Leaf) Writes {
	t.Helper()
	root, writes, err := Update(l, &l.cache, l.root, version, changes)
	if err != nil {
		t.Fatal(err)
	}
	l.put(writes)
	l.root = root
	for _, c := range changes {
		l.model[c.Key] = c.Value
	}
	return writes
}

// checkProofs proves every key under root, and that each has its value in m or is absent.
func checkProofs(t rapid.TB, kv KV, cache *Cache, root Root, m model, keys []tlog.Hash) {
	t.Helper()
	for _, key := range keys {
		value, p, err := Prove(kv, cache, root, key)
		if err != nil {
			t.Fatal(err)
		}
		want, present := m[key]
		if present != (value != nil) || present && *value != want {
			t.Fatalf("key %x: got value %v, want %v (present: %v)", key, value, want, present)
		}
		if p, err = merkle.ParseProof(p.Encode()); err != nil {
			t.Fatalf("key %x: %v", key, err)
		}
		if present {
			err = merkle.CheckPresent(root.Hash(), key, *value, p)
		} else {
			err = merkle.CheckAbsent(root.Hash(), key, p)
		}
		if err != nil {
			t.Fatalf("key %x, present %v: %v", key, present, err)
		}
	}
}

func testHash(i uint64) tlog.Hash {
	return merkle.Key("test", string(binary.BigEndian.AppendUint64(nil, i)))
}

// testKeys returns keys of which a few are very close to another: they share all but the last one to 250 bits.
func testKeys(n int) []tlog.Hash {
	keys := make([]tlog.Hash, n)
	for i := range keys {
		keys[i] = testHash(uint64(i))
		if i%16 == 15 {
			near := 5 + i%250
			keys[i] = keys[i-1]
			keys[i][near/8] ^= 0x80 >> (near % 8)
		}
	}
	return keys
}

func randomChanges(rng *rand.Rand, keys []tlog.Hash, n int) []merkle.Leaf {
	changes := make([]merkle.Leaf, n)
	for i, k := range rng.Perm(len(keys))[:n] {
		changes[i] = merkle.Leaf{Key: keys[k], Value: testHash(rng.Uint64())}
	}
	return changes
}

func TestAgainstModel(t *testing.T) {
	keys := testKeys(800)
	rng := rand.New(rand.NewPCG(1, 2))
	l := newTestLedger()
	checkProofs(t, l, &l.cache, l.root, l.model, keys[:10])
	for version := range uint64(60) {
		l.update(t, version, randomChanges(rng, keys[:600], 1+rng.IntN(40)))
		if got, want := l.root.Hash(), l.model.root(); got != want {
			t.Fatalf("version %d: got root %v, want %v", version, got, want)
		}
		checkProofs(t, l, &l.cache, l.root, l.model, keys)
		checkProofs(t, l, new(Cache), l.root, l.model, keys)
	}
}

// Every old version keeps its proofs until what is stale for it is removed, and then no later version misses a node; with all
// of it removed, what is left is what the newest root reaches.
func TestStaleIsExact(t *testing.T) {
	keys := testKeys(300)
	rng := rand.New(rand.NewPCG(3, 4))
	l := newTestLedger()
	type version struct {
		root  Root
		model model
		stale [][]byte
	}
	var versions []version
	for v := range uint64(30) {
		w := l.update(t, 10*v, randomChanges(rng, keys[:250], 1+rng.IntN(25)))
		versions = append(versions, version{l.root, maps.Clone(l.model), w.Stale})
	}
	for i, v := range versions {
		l.prune(v.stale)
		for _, later := range versions[i:] {
			checkProofs(t, l, new(Cache), later.root, later.model, keys)
		}
		if i > 0 {
			_, _, err := Prove(l, new(Cache), versions[i-1].root, keys[0])
			if !errors.Is(err, ErrNotFound) {
				t.Fatalf("version %d, pruned: got %v, want %v", i-1, err, ErrNotFound)
			}
		}
	}
	reached := &recorder{kv: l, keys: map[string]bool{}}
	checkProofs(t, reached, new(Cache), l.root, l.model, keys)
	if got, want := len(l.nodes), len(reached.keys); got != want {
		t.Errorf("%d nodes are left, want the %d that the root reaches", got, want)
	}
}

type recorder struct {
	kv   KV
	keys map[string]bool
}

func (r *recorder) Get(key []byte) ([]byte, error) {
	r.keys[string(key)] = true
	return r.kv.Get(key)
}

func TestUpdateIsPure(t *testing.T) {
	keys := testKeys(200)
	l := newTestLedger()
	l.update(t, 1, randomChanges(rand.New(rand.NewPCG(5, 6)), keys, 100))
	changes := randomChanges(rand.New(rand.NewPCG(7, 8)), keys, 50)
	given := slices.Clone(changes)
	root, writes, err := Update(l, &l.cache, l.root, 2, changes)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(changes, given) {
		t.Error("the caller's changes were reordered")
	}
	slices.Reverse(changes)
	for _, cache := range []*Cache{&l.cache, new(Cache)} {
		again, writesAgain, err := Update(l, cache, l.root, 2, changes)
		if err != nil {
			t.Fatal(err)
		}
		if again != root || !reflect.DeepEqual(writesAgain, writes) {
			t.Error("the same changes in another order gave another result")
		}
	}
	checkProofs(t, l, &l.cache, l.root, l.model, keys)
}

// An update whose block was dropped leaves its nodes in the cache; another one takes its version.
func TestCacheAfterDroppedUpdate(t *testing.T) {
	keys := testKeys(400)
	rng := rand.New(rand.NewPCG(9, 10))
	l := newTestLedger()
	for version := range uint64(40) {
		dropped := randomChanges(rng, keys, 30)
		if _, _, err := Update(l, &l.cache, l.root, version, dropped); err != nil {
			t.Fatal(err)
		}
		checkProofs(t, l, &l.cache, l.root, l.model, keys)
		l.update(t, version, randomChanges(rng, keys, 30))
		if got, want := l.root.Hash(), l.model.root(); got != want {
			t.Fatalf("version %d: got root %v, want %v", version, got, want)
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	l := newTestLedger()
	a := merkle.Leaf{Key: testHash(1), Value: testHash(2)}
	l.update(t, 7, []merkle.Leaf{a})
	for _, test := range []struct {
		name    string
		version uint64
		changes []merkle.Leaf
	}{
		{"same version", 7, []merkle.Leaf{a}},
		{"older version", 6, []merkle.Leaf{a}},
		{"same key twice", 8, []merkle.Leaf{a, {Key: testHash(3)}, a}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := Update(l, &l.cache, l.root, test.version, test.changes); err == nil {
				t.Error("got no error")
			}
		})
	}
	root, w, err := Update(l, &l.cache, l.root, 8, nil)
	if root != l.root || len(w.Put)+len(w.Stale) > 0 || err != nil {
		t.Errorf("no changes: got %v, %v, %v, want the old root and nothing to write", root, w, err)
	}
}

func TestEveryDamagedByteIsDetected(t *testing.T) {
	keys := testKeys(60)
	l := newTestLedger()
	rng := rand.New(rand.NewPCG(11, 12))
	for version := range uint64(3) {
		l.prune(l.update(t, version+1000, randomChanges(rng, keys, 25)).Stale)
	}
	for name, value := range l.nodes {
		key := tlog.Hash{}
		copy(key[:], name[10:])
		for i := range value {
			for _, flip := range []byte{0x01, 0x80, 0xff} {
				value[i] ^= flip
				if _, _, err := Prove(l, new(Cache), l.root, key); !errors.Is(err, ErrDamaged) {
					t.Fatalf("prove over node %x, byte %d damaged: got %v, want %v", name, i, err, ErrDamaged)
				}
				change := []merkle.Leaf{{Key: key}}
				if _, _, err := Update(l, new(Cache), l.root, 2000, change); !errors.Is(err, ErrDamaged) {
					t.Fatalf("update over node %x, byte %d damaged: got %v, want %v", name, i, err, ErrDamaged)
				}
				value[i] ^= flip
			}
		}
	}
}

// A node with a good checksum is still not believed: it may hide that a node exists, but not change what is proven.
func TestForgedBytesNeverMislead(t *testing.T) {
	keys := testKeys(40)
	l := newTestLedger()
	rng := rand.New(rand.NewPCG(13, 14))
	for version := range uint64(3) {
		l.prune(l.update(t, version+1000, randomChanges(rng, keys, 15)).Stale)
	}
	refused := 0
	for name, value := range l.nodes {
		for i := range len(value) - 4 {
			forged := bytes.Clone(value)
			forged[i] ^= 1 << rng.IntN(8)
			binary.BigEndian.PutUint32(forged[len(forged)-4:], checksum(forged[:len(forged)-4]))
			l.nodes[name] = forged
			for _, key := range keys {
				_, _, err := Prove(l, new(Cache), l.root, key)
				if err == nil {
					checkProofs(t, l, new(Cache), l.root, l.model, []tlog.Hash{key})
					continue
				}
				refused++
				if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound) {
					t.Fatalf("node %x, byte %d forged: got %v", name, i, err)
				}
			}
		}
		l.nodes[name] = value
	}
	if refused == 0 {
		t.Error("no forged node was refused")
	}
}

// Proofs go on while an update fills the cache that they share.
func TestProofsDuringUpdates(t *testing.T) {
	keys := testKeys(300)
	rng := rand.New(rand.NewPCG(15, 16))
	l := newTestLedger()
	for version := range uint64(20) {
		l.update(t, version, randomChanges(rng, keys, 60))
		snapshot, root, m := &store{nodes: maps.Clone(l.nodes)}, l.root, maps.Clone(l.model)
		done := make(chan struct{})
		go func() {
			defer close(done)
			checkProofs(t, snapshot, &l.cache, root, m, keys[:100])
		}()
		if _, _, err := Update(l, &l.cache, l.root, version+1, randomChanges(rng, keys, 60)); err != nil {
			t.Fatal(err)
		}
		<-done
	}
}

func TestMissingNode(t *testing.T) {
	l := newTestLedger()
	l.update(t, 1, randomChanges(rand.New(rand.NewPCG(1, 1)), testKeys(50), 50))
	clear(l.nodes)
	if _, _, err := Prove(l, new(Cache), l.root, testHash(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("prove: got %v, want %v", err, ErrNotFound)
	}
	if _, _, err := Update(l, new(Cache), l.root, 2, []merkle.Leaf{{}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("update: got %v, want %v", err, ErrNotFound)
	}
}

func TestRootEncoding(t *testing.T) {
	l := newTestLedger()
	l.update(t, 1<<40, []merkle.Leaf{{}})
	for _, r := range []Root{{}, l.root} {
		if got, err := ParseRoot(r.Encode()); got != r || err != nil {
			t.Errorf("got %v, %v, want %v", got, err, r)
		}
	}
	for _, bad := range [][]byte{nil, l.root.Encode()[1:], append(l.root.Encode(), 0), append([]byte{1}, make([]byte, 39)...)} {
		if _, err := ParseRoot(bad); !errors.Is(err, ErrDamaged) {
			t.Errorf("%x: got %v, want %v", bad, err, ErrDamaged)
		}
	}
}

// Keys drawn from a tiny alphabet share long prefixes, which hashes never do.
func TestAnyKeys(t *testing.T) {
	hashes := rapid.Custom(func(t *rapid.T) (h tlog.Hash) {
		copy(h[rapid.IntRange(0, 31).Draw(t, "at"):], rapid.SliceOfN(rapid.ByteRange(0, 3), 1, 3).Draw(t, "bytes"))
		return h
	})
	rapid.Check(t, func(rt *rapid.T) {
		l := newTestLedger()
		for version := range uint64(3) {
			var changes []merkle.Leaf
			for k, v := range rapid.MapOfN(hashes, hashes, 0, 12).Draw(rt, "changes") {
				changes = append(changes, merkle.Leaf{Key: k, Value: v})
			}
			l.prune(l.update(rt, version, changes).Stale)
		}
		if got, want := l.root.Hash(), l.model.root(); got != want {
			rt.Fatalf("got root %v, want %v", got, want)
		}
		absent := rapid.SliceOfN(hashes, 5, 5).Draw(rt, "absent")
		checkProofs(rt, l, &l.cache, l.root, l.model, append(slices.Collect(maps.Keys(l.model)), absent...))
	})
}

func FuzzParseNode(f *testing.F) {
	l := newTestLedger()
	for _, p := range l.update(f, 1, randomChanges(rand.New(rand.NewPCG(1, 1)), testKeys(50), 50)).Put {
		f.Add(p.Value[:len(p.Value)-4], p.Key[9])
	}
	f.Fuzz(func(t *testing.T, body []byte, depth byte) {
		n, sum := new(node), binary.BigEndian.AppendUint32(bytes.Clone(body), checksum(body))
		if n.parse(sum, int(depth)%nibbles) != nil {
			return
		}
		again, stored := new(node), n.append(nil)
		if err := again.parse(stored, int(depth)%nibbles); err != nil || !bytes.Equal(again.append(nil), stored) {
			t.Fatalf("a parsed node does not come back: %v", err)
		}
	})
}
