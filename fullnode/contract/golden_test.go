package contract

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dice are the same numbers on every machine.
type dice struct{ n uint64 }

func (d *dice) roll(sides int) int {
	d.n++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("dice"), d.n))
	return int(binary.BigEndian.Uint32(sum[:]) % uint32(sides))
}

// generate applies records made of a scenario's steps, each on any of its items, and returns the hash of everything that
// they changed or were refused for.
func (s *stage) generate(steps []step, blocks int) [32]byte {
	var root [32]byte
	d := &dice{}
	items := sortedKeys(s.names)
	for range blocks {
		one := steps[d.roll(len(steps))]
		if one.Item != "" && d.roll(3) == 0 && len(items) > 0 {
			one.Item = "$" + items[d.roll(len(items))]
		}
		if d.roll(10) == 0 && !slices.Contains(one.By, "court") {
			one.By = append(one.By[:len(one.By):len(one.By)], "court")
		}
		s.clock += int64(d.roll(100000))
		s.height++
		changes, refusal, err := s.engine.Block(s, s.clock, s.height).Apply(s.make(s.of(one), one))
		if err != nil {
			s.t.Fatal(err)
		}
		h := sha256.New()
		h.Write(root[:])
		if refusal != nil {
			h.Write([]byte(refusal.Rule))
		}
		for _, c := range changes {
			s.state[c.Space+"\x00"+c.Name] = c.Value
			h.Write([]byte(c.Space + "\x00" + c.Name + "\x00"))
			h.Write(c.Value)
		}
		h.Sum(root[:0])
	}
	return root
}

// TestGolden holds 10,000 blocks of every contract to the state that they had on other machines.
func TestGolden(t *testing.T) {
	for _, c := range Library() {
		if c.Name() == "notes" {
			continue // copyright and the others use all that notes does
		}
		t.Run(c.Name(), func(t *testing.T) {
			file := filepath.Join("testdata", c.Name()+".yaml")
			s := playFile(t, file)
			steps := readScenario(t, file).Steps
			for i := range steps {
				steps[i].As, steps[i].Keep = "", ""
			}
			root := s.generate(steps, 10_000)
			got := hex.EncodeToString(root[:]) + "\n"
			golden := filepath.Join("testdata", c.Name()+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != got {
				t.Errorf("the state is %s, want %s, %v", got, want, err)
			}
		})
	}
}
