package state

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"evident/lightclient/merkle"
)

// shared is a KV in memory that gives its own bytes.
type shared map[string][]byte

func (s shared) Get(key []byte) ([]byte, error) {
	if v, ok := s[string(key)]; ok {
		return v, nil
	}
	return nil, ErrNotFound
}

func (s shared) apply(w Writes) {
	for _, p := range w.Put {
		s[string(p.Key)] = p.Value
	}
	for _, k := range w.Stale {
		delete(s, string(k))
	}
}

// Half of each block's changes are to keys that the tree has, half are to new ones.
func BenchmarkUpdate(b *testing.B) {
	for _, size := range []struct{ changes, keys uint64 }{{500, 100_000}, {500, 1_000_000}, {5000, 1_000_000}} {
		b.Run(fmt.Sprintf("changes=%d/keys=%d", size.changes, size.keys), func(b *testing.B) {
			kv, cache, root, version := newBenchTree(b, size.keys)
			rng := rand.New(rand.NewPCG(1, 1))
			var changed, stored int
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				version++
				changes := benchBlock(rng, size.changes, size.keys)
				b.StartTimer()
				next, w, err := Update(kv, cache, root, version, changes)
				b.StopTimer()
				if err != nil {
					b.Fatal(err)
				}
				kv.apply(w)
				root = next
				changed += len(changes)
				for _, p := range w.Put {
					stored += len(p.Key) + len(p.Value)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(changed), "ns/change")
			b.ReportMetric(float64(stored)/float64(changed), "stored-B/change")
		})
	}
}

func newBenchTree(b *testing.B, keys uint64) (shared, *Cache, Root, uint64) {
	b.Helper()
	kv, cache, root, version := shared{}, new(Cache), Root{}, uint64(0)
	for first := uint64(0); first < keys; first += 20_000 {
		changes := make([]merkle.Leaf, 20_000)
		for i := range changes {
			changes[i] = merkle.Leaf{Key: testHash(first + uint64(i)), Value: testHash(first)}
		}
		version++
		next, w, err := Update(kv, cache, root, version, changes)
		if err != nil {
			b.Fatal(err)
		}
		kv.apply(w)
		root = next
	}
	return kv, cache, root, version
}

func benchBlock(rng *rand.Rand, n, keys uint64) []merkle.Leaf {
	seen := map[uint64]bool{}
	var changes []merkle.Leaf
	for uint64(len(changes)) < n {
		x := rng.Uint64N(keys)
		if len(changes)%2 == 1 {
			x = rng.Uint64()
		}
		if !seen[x] {
			seen[x] = true
			changes = append(changes, merkle.Leaf{Key: testHash(x), Value: testHash(^x)})
		}
	}
	return changes
}

func BenchmarkProve(b *testing.B) {
	kv, cache, root, _ := newBenchTree(b, 100_000)
	size := 0
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		i++
		_, p, err := Prove(kv, cache, root, testHash(i%200_000))
		if err != nil {
			b.Fatal(err)
		}
		size += len(p.Siblings)
	}
	b.ReportMetric(float64(size)/float64(i), "siblings")
}
