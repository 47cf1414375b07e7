package fullnode_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"evident/fullnode/api"
	"evident/fullnode/testnet"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"

	"golang.org/x/mod/sumdb/tlog"
)

// impostor is the member that a test plays.
const impostor = 3

// threeAndImpostor starts three honest nodes beside a member that answers with
// handler, and makes a first record final.
func threeAndImpostor(t *testing.T, handler http.HandlerFunc) (*testnet.Net, *testnet.Impostor, *testnet.Author) {
	t.Helper()
	net := testnet.New(t, 4)
	liar := net.Play(impostor, handler)
	net.MustStart(0, 1, 2)
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	return net, liar, ada
}

// Whatever one member says, the others go on at their pace, and their memory
// does not grow with it.
func TestMemberSaysAnything(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	noise := make([]byte, 1<<20)
	rand.Read(noise)
	lines := strings.Repeat("— member04.harbour.example "+strings.Repeat("A", 100)+"\n", 90)
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"noise", func(w http.ResponseWriter, r *http.Request) { w.Write(noise[:32<<10]) }},
		{"nothing", func(w http.ResponseWriter, r *http.Request) {}},
		{"a size that nobody has", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "9007199254740991") }},
		{"a certificate of ninety lines", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "harbour.example/0123456789abcdef\n2\n%s\n\n%s", tlog.Hash{}, lines)
		}},
		{"without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(noise); err != nil {
					return
				}
			}
		}},
		{"never", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"byte by byte", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write(noise[:1])
				http.NewResponseController(w).Flush()
				time.Sleep(200 * time.Millisecond)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int64
			net, liar, _ := threeAndImpostor(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				io.Copy(io.Discard, r.Body)
				tt.handler(w, r)
			})
			load := net.StartLoad(8)
			for _, path := range []string{"/cosignature", "/records"} {
				for i := range 3 {
					for _, size := range []int{0, 10, 500, 100_000, 2 << 20} {
						body := make([]byte, size)
						rand.Read(body)
						if status, _, err := liar.Ask(i, http.MethodPost, path, body); err == nil && status == http.StatusOK && size > 0 {
							t.Errorf("%s takes %d bytes of noise", path, size)
						}
					}
				}
			}
			took := net.AwaitFinals(load, 150, 30*time.Second)
			load.Stop()
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			t.Logf("150 records in %s while asked %d times, slowest %s; %d goroutines, %d MiB in use", took.Round(time.Millisecond), asked.Load(),
				time.Duration(load.Slowest.Load()).Round(time.Millisecond), runtime.NumGoroutine(), memory.HeapInuse>>20)
			if asked.Load() == 0 {
				t.Error("the member was never asked")
			}
			net.AwaitLevel(10*time.Second, 0, 1, 2)
			net.StopAndCheck()
		})
	}
}

// Two cosignatures of one member on different trees of one size are kept, as an
// accusation that anyone can verify, also over a restart, and stop nobody. A
// second pair makes no second file.
func TestConflictingCosignatures(t *testing.T) {
	t.Parallel()
	net, liar, ada := threeAndImpostor(t, func(w http.ResponseWriter, r *http.Request) {})
	net.AwaitLevel(10*time.Second, 0, 1, 2)
	head, _ := net.Nodes[0].Chain().Head()
	size := head.Certificate.Tree.N + 2
	one, two := tlog.Tree{N: size, Hash: tlog.RecordHash([]byte("one"))}, tlog.Tree{N: size, Hash: tlog.RecordHash([]byte("two"))}
	for i := range 3 {
		for _, tree := range []tlog.Tree{one, two} {
			if status, body, err := liar.Ask(i, http.MethodPost, "/cosignature", liar.Cosignature(tree)); err != nil || status != http.StatusOK {
				t.Fatalf("node %d: %v, %d %s", i, err, status, body)
			}
		}
	}
	for i := range 3 {
		checkEvidence(t, net, i, one, two)
	}
	more := tlog.Tree{N: size, Hash: tlog.RecordHash([]byte("three"))}
	if status, _, err := liar.Ask(0, http.MethodPost, "/cosignature", liar.Cosignature(more)); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	net.Stop(0)
	net.MustStart(0)
	checkEvidence(t, net, 0, one, two)
	net.MustFinal(1, ada.Deposit("after"))
	net.AwaitLevel(10*time.Second, 0, 1, 2)
	net.StopAndCheck()
}

func checkEvidence(t *testing.T, net *testnet.Net, node int, trees ...tlog.Tree) {
	t.Helper()
	dir := filepath.Join(net.Places[node].Dir, "misbehaviour")
	net.Eventually(5*time.Second, "evidence is kept", func() bool { return len(net.Nodes[node].Accusations()) == 1 })
	files := filesIn(t, dir)
	if len(files) != 1 {
		t.Fatalf("node %d: %d files", node, len(files))
	}
	file, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := ledger.GenesisFingerprint(net.File)
	r := proof.VerifyAccusation(file, &fingerprint)
	if r.Verdict != proof.Valid || r.Accused.Member != net.Places[impostor].Member.Name || net.Nodes[node].Accusations()[0] != string(file) {
		t.Fatalf("node %d: %s", node, r.Reason("en"))
	}
	for _, tree := range trees {
		if r.Accused.One.Root != tree.Hash && r.Accused.Other.Root != tree.Hash {
			t.Errorf("node %d: the accusation lacks %v", node, tree)
		}
	}
	if !slices.ContainsFunc(net.Nodes[node].Problems(), func(p api.Problem) bool { return p.Code == "misbehaviour" }) {
		t.Errorf("node %d does not tell its operator", node)
	}
}

// A node that catches up from a lying peer takes nothing that is not the
// ledger's, and takes the rest from an honest one.
func TestAlteredBlocksOnCatchUp(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	t.Parallel()
	var answer atomic.Pointer[[]byte]
	var served atomic.Int64
	net, liar, ada := threeAndImpostor(t, func(w http.ResponseWriter, r *http.Request) {
		switch p := answer.Load(); {
		case p == nil:
		case r.URL.Path == "/head":
			io.WriteString(w, "1000")
		case r.URL.Path == "/blocks":
			w.Write(*p)
			served.Add(1)
		}
	})
	net.Stop(2)
	net.AwaitLevel(10*time.Second, 0, 1)
	from := net.Size(0)
	net.MustStart(2)
	for n := range 4 {
		net.MustFinal(0, ada.Deposit(fmt.Sprint("missed ", n)))
	}
	net.AwaitLevel(10*time.Second, 0, 1, 2)
	_, good, err := liar.Ask(0, http.MethodGet, fmt.Sprintf("/blocks?from=%d", from), nil)
	if err != nil {
		t.Fatal(err)
	}
	net.StopAll()
	net.Wipe(2, "ledger") // and nobody but the liar is there
	net.MustStart(2)
	for name, lie := range alterations(t, good) {
		before := served.Load()
		answer.Store(&lie)
		net.Eventually(15*time.Second, name+": the lie is asked for", func() bool { return served.Load() > before+1 })
		if head, ok := net.Nodes[2].Chain().Head(); ok {
			t.Fatalf("%s: block %d was taken", name, head.Header.Height)
		}
	}
	net.MustStart(0, 1)
	net.AwaitLevel(30*time.Second, 0, 1, 2)
	net.MustFinal(2, ada.Deposit("after"))
	net.StopAndCheck()
}

// alterations of an answer with blocks and certificates, none of them true for
// an empty ledger.
func alterations(t *testing.T, good []byte) map[string][]byte {
	t.Helper()
	frames, err := ledger.ParseFrames(good, 1000)
	if err != nil || len(frames) < 6 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	join := func(frames ...[]byte) []byte {
		var out []byte
		for _, f := range frames {
			out = ledger.AppendFrame(out, f)
		}
		return out
	}
	all := map[string][]byte{
		"later blocks first":        good,
		"half a pair":               join(frames[0]),
		"certificate of another":    join(frames[0], frames[3]),
		"no certificate":            join(frames[0], nil),
		"a certificate as a block":  join(frames[1], frames[1]),
		"truncated":                 good[:len(good)-1],
		"larger than any answer":    bytes.Repeat(good, (9<<20)/len(good)),
		"a length that never comes": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	}
	for _, at := range []float64{0.1, 0.5, 0.9} {
		flipped := bytes.Clone(frames[0])
		flipped[int(at*float64(len(flipped)))] ^= 1
		all[fmt.Sprintf("a bit of the block at %.1f", at)] = join(flipped, frames[1])
		flipped = bytes.Clone(frames[1])
		flipped[int(at*float64(len(flipped)))] ^= 1
		all[fmt.Sprintf("a bit of the certificate at %.1f", at)] = join(frames[0], flipped)
	}
	return all
}

// Members' answers are for members: another peer gets none.
func TestStrangersAreNotAnswered(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	stranger := testnet.Found(t, 1)
	net.MustStart()
	net.MustFinal(0, net.NewAuthor("ada").Deposit("before"))
	liar := stranger.Play(0, http.NotFoundHandler())
	status, _, err := liar.AskAt(net.Places[0], http.MethodGet, "/head", nil)
	if err != nil || status != http.StatusForbidden {
		t.Errorf("a stranger gets %d, %v", status, err)
	}
	net.StopAndCheck()
}

// A quorum signed another block than this node's execution gives: either the
// node or the quorum is wrong, and the node signs nothing more, loudly.
func TestQuorumContradictsExecution(t *testing.T) {
	for _, path := range []string{"/blocks", "/cosignature"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			var block, certificate []byte
			net := testnet.New(t, 4)
			liar := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/head" && path == "/blocks":
					io.WriteString(w, "1000")
				case r.URL.Path == "/blocks":
					w.Write(ledger.AppendFrame(ledger.AppendFrame(nil, block), certificate))
				case r.URL.Path == "/cosignature" && path == "/cosignature":
					w.Write(certificate)
				}
			})
			digest := net.Members().Digest()
			genesis, err := ledger.ParseGenesis(net.File)
			if err != nil {
				t.Fatal(err)
			}
			other := ledger.Header{Ledger: net.Origin, Parent: tlog.Hash(ledger.GenesisFingerprint(net.File)), Time: genesis.Created,
				RecordsRoot: ledger.NewRecordsTree(nil).Root(), State: tlog.RecordHash([]byte("another state")), Members: digest, Next: digest}
			block = ledger.Block{Header: other}.Encode()
			tree := tlog.Tree{N: 1, Hash: other.Hash()}
			certificate = append(ledger.FormatCheckpoint(net.Origin, tree), '\n')
			for _, i := range []int{0, 1, impostor} {
				certificate = append(certificate, net.SignUnguarded(i, tree)...)
				net.Play(i, liar)
			}
			net.MustStart(2)
			net.Eventually(20*time.Second, "the node signs no more", func() bool { return net.Nodes[2].Failure() != nil })
			if head, ok := net.Nodes[2].Chain().Head(); ok {
				t.Errorf("block %d is final", head.Header.Height)
			}
			t.Log(net.Nodes[2].Failure())
			net.StopAll()
		})
	}
}
