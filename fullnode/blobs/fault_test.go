package blobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// forget loses a block, as a bad disk does.
func (n *node) forget(c ledger.CID) error {
	return n.store.update(func(txn *badger.Txn) error { return deleteBlock(txn, c[4:]) })
}

func lies(body []byte) *http.HandlerFunc {
	f := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	return &f
}

func sign(t *testing.T, s note.Signer, text string) []byte {
	t.Helper()
	msg, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func leafBlock(data []byte) evidence.Block {
	return evidence.Block{CID: ledger.NewCID(ledger.CodecRaw, sha256.Sum256(data)), Data: data}
}

func TestBadUploads(t *testing.T) {
	w := newWorld(t, 1)
	f := w.file(noiseOf(1, 3<<20))
	car := f.car()
	wrong := f.blocks[1]
	wrong.Data = append(bytes.Clone(wrong.Data[:len(wrong.Data)-1]), 0)
	huge := leafBlock(make([]byte, evidence.MaxBlock+1))
	head := carOf(nil)
	tests := []struct {
		name string
		body []byte
		code int
		want string
	}{
		{"nothing", nil, 400, "header"},
		{"not a CAR", []byte("GET / HTTP/1.1\r\n\r\n"), 413, "limit"},
		{"version 2", append([]byte{10}, "\xa1gversion\x02"...), 400, "format"},
		{"cut in the header", car[:20], 400, "early"},
		{"cut in a block", car[:len(car)-5], 400, "early"},
		{"cut in a CID", append(bytes.Clone(head), 40, 1, 0x55), 400, "early"},
		{"bytes of another block", carOf(nil, f.blocks[0], wrong), 422, "1 blocks before"},
		{"block over 2 MiB", carOf(nil, huge), 413, "limit"},
		{"endless block", binary.AppendUvarint(bytes.Clone(head), 1<<40), 400, "format"},
		{"section without a CID", append(bytes.Clone(head), 3, 1, 2, 3), 400, "CID"},
		{"CID of another hash", append(bytes.Clone(head), append([]byte{37, 1, 0x55, 0x13, 32}, make([]byte, 33)...)...), 400, "CID"},
		{"CID of version 0", append(bytes.Clone(head), append([]byte{36, 0x12, 32}, make([]byte, 34)...)...), 400, "CID"},
		{"root that is not in it", carOf(&huge.CID, f.blocks...), 200, `"root":false`},
		{"whole", car, 200, `"blocks":4`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, body := w.nodes[0].post("/v1/files/car", tt.body)
			if code != tt.code || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s, want %d %s", code, body, tt.code, tt.want)
			}
		})
	}
	if n := w.nodes[0]; n.store.has(huge.CID) || !n.whole(f) {
		t.Error("stored what is wrong, or not what is right")
	}
}

func TestUploadsWithoutRecordsAreLimited(t *testing.T) {
	w := newTunedWorld(t, 1, 1, func(c *Config) { c.Quotas.Waiting = 5 << 20 })
	n := w.nodes[0]
	f := w.file(noiseOf(1, 6<<20))
	if code, body := n.post("/v1/files/car", f.car()); code != 507 || !strings.Contains(body, "wait for their records") {
		t.Errorf("%d %s", code, body)
	}
	if got := n.store.waiting(); got > 6<<20 {
		t.Errorf("%d bytes were kept", got)
	}
}

// An upload that broke goes on with what is missing.
func TestResume(t *testing.T) {
	w := newWorld(t, 3)
	f := w.file(noiseOf(1, 6<<20))
	n := w.nodes[0]
	car := f.car()
	n.post("/v1/files/car", car[:len(car)/2])
	var cids []string
	for _, b := range f.blocks {
		cids = append(cids, `"`+b.CID.String()+`"`)
	}
	_, missing := n.post("/v1/files/have", []byte("["+strings.Join(cids, ",")+"]"))
	var rest []evidence.Block
	for _, b := range f.blocks {
		if strings.Contains(missing, b.CID.String()) {
			rest = append(rest, b)
		}
	}
	if len(rest) < 3 || len(rest) > 5 {
		t.Errorf("%d of %d blocks are missing", len(rest), len(f.blocks))
	}
	if code, body := n.post("/v1/files/car", carOf(&f.stored.CID, rest...)); code != 200 || !strings.Contains(body, `"root":true`) {
		t.Errorf("%d %s", code, body)
	}
	w.stored(n, f, w.record(f.public()), 3)
}

func TestBadQuestions(t *testing.T) {
	w := newWorld(t, 1)
	c := w.file([]byte("x")).stored.CID.String()
	many := "[" + strings.Repeat(`"`+c+`",`, MaxHave) + `"` + c + `"]`
	for _, tt := range []struct {
		name, body string
		code       int
	}{
		{"no JSON", "x", 400}, {"no list", "{}", 400}, {"no CIDs", `["x"]`, 400}, {"CIDv0", `["QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"]`, 400},
		{"many", many, 400}, {"long", `["` + strings.Repeat("x", maxHaveBytes) + `"]`, 413}, {"none", "[]", 200}, {"one", `["` + c + `"]`, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, body := w.nodes[0].post("/v1/files/have", []byte(tt.body)); code != tt.code {
				t.Errorf("%d %s, want %d", code, body, tt.code)
			}
		})
	}
}

// node makes a dag-pb file node that says whatever the test wants.
func lyingNode(size int64, children []evidence.Block, sizes []int64, trees []int64) evidence.Block {
	var links, unixfs []byte
	for i, c := range children {
		l := append([]byte{0x0a, byte(len(c.CID))}, c.CID[:]...)
		l = append(l, 0x12, 0, 0x18)
		l = binary.AppendUvarint(l, uint64(trees[i]))
		links = append(append(links, 0x12, byte(len(l))), l...)
		unixfs = binary.AppendUvarint(append(unixfs, 0x20), uint64(sizes[i]))
	}
	unixfs = append(binary.AppendUvarint([]byte{8, 2, 0x18}, uint64(size)), unixfs...)
	data := append(binary.AppendUvarint(append(links, 0x0a), uint64(len(unixfs))), unixfs...)
	return evidence.Block{CID: ledger.NewCID(ledger.CodecDagPB, sha256.Sum256(data)), Data: data}
}

// What a record names has to be the tree of a file of its size; nobody signs for anything else.
func TestDAGThatLies(t *testing.T) {
	w := newWorld(t, 3)
	const leaf = 1 << 20
	full, rest := leafBlock(noiseOf(1, leaf)), leafBlock(noiseOf(2, 100))
	two := []evidence.Block{full, rest}
	honest := lyingNode(leaf+100, two, []int64{leaf, 100}, []int64{leaf, 100})
	// A diamond: every level has one block, twice. 40 levels are 2^40 paths.
	diamond := []evidence.Block{full}
	size := int64(leaf)
	for range 40 {
		top := diamond[len(diamond)-1]
		diamond = append(diamond, lyingNode(2*size, []evidence.Block{top, top}, []int64{size, size}, []int64{size, size}))
		size *= 2
	}
	tests := []struct {
		name   string
		blocks []evidence.Block
		size   int64
		good   bool
	}{
		{"honest", append(two, honest), leaf + 100, true},
		{"record says more", append(two, honest), leaf + 101, false},
		{"record says a leaf", append(two, honest), 100, false},
		{"record says far more", append(two, honest), MaxFile + 1, false},
		{"node says more", append(two, lyingNode(leaf+200, two, []int64{leaf, 200}, []int64{leaf, 200})), leaf + 200, false},
		{"tree says more", append(two, lyingNode(leaf+100, two, []int64{leaf, 100}, []int64{leaf, 101})), leaf + 100, false},
		{"sizes do not add up", append(two, lyingNode(leaf+100, two, []int64{leaf, 99}, []int64{leaf, 100})), leaf + 100, false},
		{"leaves in another order", append(two, lyingNode(leaf+100, []evidence.Block{rest, full}, []int64{100, leaf}, []int64{100, leaf})), leaf + 100, false},
		{"diamond", diamond, leaf << 10, false},
		{"diamond of its own size", diamond[:31], leaf << 30, false},
		{"diamond within limits", diamond[:20], leaf << 19, false},
		{"no node at all", []evidence.Block{{CID: ledger.NewCID(ledger.CodecDagPB, sha256.Sum256(full.Data)), Data: full.Data}}, 2 * leaf, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tt.blocks[len(tt.blocks)-1].CID
			if code, body := w.nodes[0].post("/v1/files/car", carOf(&root, tt.blocks...)); code != 200 {
				t.Fatal(code, body)
			}
			record := w.record(ledger.Evidence{CID: root.String(), Mode: ledger.Public, SHA256: strings.Repeat("ab", 32), Size: tt.size})
			id := fileID{root, record}
			w.eventually("decided", func() bool {
				e, _, err := w.nodes[1].store.load(id)
				w.must(err)
				return e.Held == tt.good && (e.Refused != "") == !tt.good
			})
		})
	}
}

// A file of one block repeated has few blocks and many paths: each block is visited once.
func TestRepeatedBlocks(t *testing.T) {
	w := newWorld(t, 3)
	f := w.file(make([]byte, 40<<20))
	distinct := map[ledger.CID]evidence.Block{}
	for _, b := range f.blocks {
		distinct[b.CID] = b
	}
	var blocks []evidence.Block
	for _, b := range distinct {
		blocks = append(blocks, b)
	}
	f.blocks = blocks
	w.nodes[0].upload(f)
	w.stored(w.nodes[0], f, w.record(f.public()), 3)
	if code, body := w.nodes[0].get("/ipfs/" + f.stored.CID.String() + "?format=car"); code != 200 || len(body) > 2<<20 {
		t.Errorf("%d, %d bytes", code, len(body))
	}
}

// Records that claim other sizes for a file keep nobody from getting it.
func TestRecordsThatLieOfSize(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	f := w.file(noiseOf(1, 3<<20))
	n.upload(f)
	honest := w.signed(w.author, w.vkey, "notes", "deposit", "{}", f.public())
	lie := f.public()
	lie.Size--
	lying := honest
	for bytes.Compare(lying.ID[:], honest.ID[:]) >= 0 { // it is found first
		lying = w.signed(w.author, w.vkey, "notes", "deposit", "{}", lie)
	}
	w.final(lying, honest)
	w.stored(n, f, honest.ID, 1)
	resp, err := http.Get(n.server.URL + "/ipfs/" + f.stored.CID.String() + "?format=car")
	w.must(err)
	defer resp.Body.Close()
	car, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || len(car) < 3<<20 {
		t.Errorf("%d, %d bytes, %v", resp.StatusCode, len(car), err)
	}
}

// A peer that sends other blocks than those it was asked for, or nothing, is no harm: another has them.
func TestMemberThatLies(t *testing.T) {
	for name, body := range map[string][]byte{
		"other bytes": ledger.AppendFrame(nil, []byte("other bytes")), "nothing": nil, "garbage": {0xff, 0xff, 0xff}, "endless": make([]byte, 3<<20),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 4)
			f := w.file(noiseOf(1, 3<<20))
			keepers, others := w.keepers(f.stored.CID)
			keepers[0].answer.Store(lies(body))
			others[0].upload(f)
			record := w.record(f.public())
			for _, n := range keepers[1:] {
				w.eventually("stored", func() bool {
					e, _, err := n.store.load(fileID{f.stored.CID, record})
					w.must(err)
					return e.Held && n.whole(f)
				})
			}
		})
	}
}

// A block that changed on disk is not served; it is missing, and comes back from another member.
func TestDamagedBlock(t *testing.T) {
	w := newWorld(t, 3)
	f := w.file(noiseOf(1, 1<<20))
	w.nodes[0].upload(f)
	record := w.record(f.public())
	n := w.nodes[1]
	w.stored(n, f, record, 3)
	n.stop()
	logs, err := filepath.Glob(filepath.Join(w.dir, n.member.Name, "*.vlog"))
	w.must(err)
	for _, name := range logs {
		data, err := os.ReadFile(name)
		w.must(err)
		i := bytes.Index(data, f.blocks[0].Data[1000:1064])
		if i >= 0 {
			data[i] ^= 1
			w.must(os.WriteFile(name, data, 0o600))
		}
	}
	w.start(1)
	if _, err := n.store.get(f.stored.CID); !errors.Is(err, ErrMissing) {
		t.Fatalf("a damaged block: %v", err)
	}
	id := fileID{f.stored.CID, record}
	e, _, err := n.store.load(id)
	w.must(err)
	w.must(n.audit(t.Context(), n.Self, id, e))
	w.eventually("repaired", func() bool { return n.whole(f) })
}

// Space of deleted blocks is given back.
func TestReclaim(t *testing.T) {
	s, err := openStore(t.TempDir(), nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for i := range 300 {
		b := leafBlock(append(make([]byte, 1<<20), byte(i), byte(i>>8)))
		if err := s.put(b.CID, b.Data, ourselves); err != nil {
			t.Fatal(err)
		}
	}
	before := diskUse(t, s.dir)
	if blocks, bytes, err := s.sweep(time.Now().Add(time.Hour)); blocks != 300 || bytes < 300<<20 || err != nil {
		t.Fatal(blocks, bytes, err)
	}
	if err := s.reclaim(halfDead); err != nil {
		t.Fatal(err)
	}
	if after := diskUse(t, s.dir); after > before/2 {
		t.Errorf("%d MiB before, %d MiB after", before>>20, after>>20)
	}
}

func diskUse(t *testing.T, dir string) (bytes int64) {
	out, err := exec.Command("du", "-s", "-B1", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Sscan(string(out), &bytes)
	return bytes
}

// TestKilled stores blocks in a process that is killed in the middle.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("BLOBS_KILLED_DIR"); dir != "" {
		storeUntilKilled(t, dir)
	}
	w := newWorld(t, 1)
	dir := filepath.Join(w.dir, "killed")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "BLOBS_KILLED_DIR="+dir)
	out, err := cmd.StdoutPipe()
	w.must(err)
	w.must(cmd.Start())
	said := make([]byte, 20) // one byte for each block that was stored
	for n := 0; n < len(said); {
		k, err := out.Read(said[n:])
		w.must(err)
		n += k
	}
	w.must(cmd.Process.Kill())
	cmd.Wait()
	s, err := openStore(dir, nil, time.Now)
	w.must(err)
	defer s.close()
	for i := range len(said) {
		b := leafBlock(noiseOf(byte(i), 1<<20))
		if data, err := s.get(b.CID); err != nil || !bytes.Equal(data, b.Data) {
			t.Errorf("block %d: %v", i, err)
		}
	}
	if s.waiting() < int64(len(said))<<20 {
		t.Errorf("%d bytes are loose: something is pinned", s.waiting())
	}
}

func storeUntilKilled(t *testing.T, dir string) {
	s, err := openStore(dir, nil, time.Now)
	for i := 0; err == nil && i < 250; i++ {
		b := leafBlock(noiseOf(byte(i), 1<<20))
		if err = s.put(b.CID, b.Data, ourselves); err == nil {
			os.Stdout.Write([]byte{'.'})
		}
	}
	t.Fatal("not killed", err)
}

// A fetch from nobody ends.
func TestFetchFromNobody(t *testing.T) {
	w := newWorld(t, 2)
	start := time.Now()
	err := w.nodes[0].swarm.fetch(context.Background(), []ledger.CID{leafBlock([]byte("nowhere")).CID})
	if !errors.Is(err, ErrMissing) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}
