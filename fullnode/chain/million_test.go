package chain

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// BenchmarkMillion is a ledger of a million items: a block of 5,000 actions on 5,000 of them, with all that makes it final
// but the signatures; the memory of the process; and the state proof of one item.
func BenchmarkMillion(b *testing.B) {
	const items, actions, blocks = 1_000_000, 5000, 4
	w := newTestWorld(b, func(g *ledger.Genesis) {
		g.Limits = ledger.Limits{BlockBytes: ledger.MaxBlockBytes, BlockRecords: actions, Copies: 3}
	})
	c := w.open(b, b.TempDir(), Options{})
	defer c.Close()
	w.genesisBlock(b, c)
	before := memory(b)
	w.populate(b, c, items)
	b.ReportMetric(float64(memory(b)-before)/items, "memory-B/item")
	var executed, executing, all, cpu time.Duration
	for n := range blocks {
		notes := make([][]byte, actions)
		for i := range notes {
			notes[i] = w.sign(b, w.followUp((n*actions+i)*199%items)).Note
		}
		c.checker.young = known(b, notes)
		p, used, start := proposal(c, notes...), processorTime(b), time.Now()
		cand, err := c.Execute(p)
		executed, executing = executed+time.Since(start), executing+processorTime(b)-used
		if err != nil {
			b.Fatal(err)
		}
		if len(cand.Refused) > 0 {
			b.Fatal(cand.Refused[0].Refusal)
		}
		w.finish(b, c, cand)
		all, cpu = all+time.Since(start), cpu+processorTime(b)-used
	}
	b.ReportMetric(float64(executed.Microseconds())/1000/blocks, "execute-ms/block")
	b.ReportMetric(float64(executing.Microseconds())/1000/blocks, "execute-cpu-ms/block")
	b.ReportMetric(float64(all.Microseconds())/1000/blocks, "final-ms/block")
	b.ReportMetric(float64(cpu.Microseconds())/1000/blocks, "cpu-ms/block")
	reportProofs(b, c, w)
}

// populate puts items into the state without records: notes of the first author, each with one record.
func (w *world) populate(b *testing.B, c *Chain, items int) {
	b.Helper()
	const block = 20_000
	for first := 0; first < items; first += block {
		head, _ := c.Head()
		cand := newCandidate(c.header(head.Header.Height+1, head.Header.Hash(), head.Header.Time+1000))
		for i := first; i < first+block; i++ {
			id := itemID(i)
			cand.values[merkle.Key("notes", id)] = json.RawMessage(fmt.Sprintf(
				`{"at":%d,"authors":[%q],"first":%q,"height":%d,"last":%q,"seq":1,"status":"deposited","version":1}`,
				int64(created), w.authors[0].vkey, id, head.Header.Height+1, id))
		}
		if err := c.seal(cand, nil); err != nil {
			b.Fatal(err)
		}
		if err := c.Finalize(cand, w.certify(b, cand.Tree)); err != nil {
			b.Fatal(err)
		}
	}
}

func itemID(i int) string {
	hash := tlog.Hash(seed("item", i))
	return fmt.Sprintf("%x", hash[:])
}

// followUp is a correction of item i.
func (w *world) followUp(i int) ledger.Statement {
	s := w.statement(i)
	s.Action, s.Item, s.Prev, s.Seq, s.At = "correct", itemID(i), itemID(i), 2, created
	s.Fields = []byte(`{"reason":"incorrect_data","text":"` + strings.Repeat("x", 100) + `"}`)
	return s
}

func reportProofs(b *testing.B, c *Chain, w *world) {
	b.Helper()
	const proofs = 2000
	var size int
	var build, verify time.Duration
	for i := range proofs {
		name := itemID(i * 397)
		used := processorTime(b)
		a, err := c.State("notes", name)
		build += processorTime(b) - used
		if err != nil || a.Value == nil {
			b.Fatal(err)
		}
		size += len(a.Proof.Encode()) + len(a.Value)
		used = processorTime(b)
		p, err := merkle.ParseProof(a.Proof.Encode())
		if err == nil {
			err = merkle.CheckPresent(a.Header.State, merkle.Key("notes", name), sha256.Sum256(a.Value), p)
		}
		verify += processorTime(b) - used
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/proofs, "bytes/state-proof")
	b.ReportMetric(float64(build.Microseconds())/proofs, "build-us/state-proof")
	b.ReportMetric(float64(verify.Microseconds())/proofs, "verify-us/state-proof")
}

// memory is what the process holds now, once its garbage collector has given back what it can.
func memory(b *testing.B) int64 {
	b.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes << 10
}
