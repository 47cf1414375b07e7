package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain"
	"evident/fullnode/contract"
	"evident/fullnode/finality"
	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// testStart is the time of block 0.
const testStart = 1763848800000

// testChain is a real ledger in memory: every hash and signature holds.
type testChain struct {
	file      []byte
	genesis   *ledger.Genesis
	cosigners []*ledger.CosigningKey
	author    note.Signer
	authorKey string
	state     map[[2]string]json.RawMessage

	mu     sync.Mutex
	blocks []ledger.Block
	certs  []*ledger.Certificate
	stored tlogHashes
	places map[ledger.RecordID]chain.Place
	grown  chan struct{} // closed and replaced when a block is added
}

type tlogHashes []tlog.Hash

func (s tlogHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = s[x]
	}
	return out, nil
}

func testSeed(label string, i int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", label, i))
	return sum[:]
}

// newTestChain makes a ledger of four members and no block.
func newTestChain(t testing.TB) *testChain {
	t.Helper()
	c := &testChain{places: map[ledger.RecordID]chain.Place{}, grown: make(chan struct{})}
	g := ledger.Genesis{
		Contracts: []ledger.ContractRef{{Name: "notes", Version: 1}},
		Created:   testStart, Name: "harbour.example",
		Limits: ledger.Limits{BlockBytes: 512 << 10, BlockRecords: 1000, Copies: 3},
	}
	for i := range 4 {
		name := fmt.Sprintf("member%d.harbour.example", i+1)
		key, err := ledger.NewCosigningKey(name, testSeed("cosigner", i), testSeed("cosigner ml-dsa-44", i))
		if err != nil {
			t.Fatal(err)
		}
		node, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(testSeed("node", i)).Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		c.cosigners = append(c.cosigners, key)
		g.Members = append(g.Members, ledger.Member{
			Addresses: []string{}, Roles: []string{}, Name: name, Node: node, Organisation: fmt.Sprintf("Member %d", i+1),
			Keys: key.Cosigner().Keys(),
		})
	}
	var err error
	if c.file, err = g.Encode(); err != nil {
		t.Fatal(err)
	}
	if c.genesis, err = ledger.ParseGenesis(c.file); err != nil {
		t.Fatal(err)
	}
	skey, vkey, err := note.GenerateKey(bytes.NewReader(testSeed("author", 0)), "ada")
	if err != nil {
		t.Fatal(err)
	}
	c.authorKey = vkey
	if c.author, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a public file"))
	c.state = map[[2]string]json.RawMessage{
		{"notes", "harbour <&> 港口/1"}: json.RawMessage(`{"text":"<b>&</b>"}`),
		{"notes", "other"}:            json.RawMessage(`{"text":"x"}`),
		{"digest", string(digest[:])}: json.RawMessage(`{"height":1}`),
	}
	return c
}

// record makes a signed record; n tells them apart.
func (c *testChain) record(t testing.TB, n int) *ledger.Record {
	t.Helper()
	r, err := ledger.Statement{
		Ledger: c.Origin(), Contract: "notes", Version: 1, Action: "deposit", Seq: 1, At: testStart,
		After: ledger.Point{Size: 1}, By: []string{c.authorKey}, Evidence: []ledger.Evidence{},
		Fields: json.RawMessage(`{"text":"<script>港口</script>"}`), Nonce: fmt.Sprintf("%032x", n),
	}.Sign(c.author)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// grow adds a final block with these records.
func (c *testChain) grow(t testing.TB, records ...*ledger.Record) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.blocks)
	root, _ := c.prove(merkle.Key("", ""))
	h := ledger.Header{
		Ledger: c.Origin(), Height: ledger.Height(n), Parent: tlog.Hash(ledger.GenesisFingerprint(c.file)), Time: testStart + int64(n)*1000,
		Records: int64(len(records)), State: root, Members: c.genesis.Members.Digest(), Next: c.genesis.Members.Digest(),
	}
	if n > 0 {
		h.Parent = c.blocks[n-1].Header.Hash()
	}
	b := ledger.Block{}
	var leaves []tlog.Hash
	for i, r := range records {
		leaves = append(leaves, r.Leaf())
		b.Notes = append(b.Notes, r.Note)
		c.places[r.ID] = chain.Place{Height: h.Height, Index: int64(i)}
	}
	h.RecordsRoot = ledger.NewRecordsTree(leaves).Root()
	b.Header = h
	hashes, err := tlog.StoredHashesForRecordHash(int64(n), h.Hash(), c.stored)
	if err != nil {
		t.Fatal(err)
	}
	c.stored = append(c.stored, hashes...)
	c.blocks = append(c.blocks, b)
	c.certs = append(c.certs, c.certify(t, h.Time/1000))
	close(c.grown)
	c.grown = make(chan struct{})
}

func (c *testChain) certify(t testing.TB, seconds int64) *ledger.Certificate {
	t.Helper()
	size := int64(len(c.blocks))
	root, err := tlog.TreeHash(size, c.stored)
	if err != nil {
		t.Fatal(err)
	}
	tree := tlog.Tree{N: size, Hash: root}
	var all []ledger.Cosignature
	for i := range 3 {
		all = append(all, c.cosigners[i].Cosign(c.Origin(), tree, seconds))
	}
	made, err := ledger.NewCertificate(c.Origin(), c.genesis.Members, tree, all)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ledger.OpenCertificate(c.Origin(), c.genesis.Members, made.Note)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// prove makes the state proof of a key, and the root, by the definition.
func (c *testChain) prove(key tlog.Hash) (tlog.Hash, merkle.Proof) {
	var leaves []merkle.Leaf
	for name, value := range c.state {
		leaves = append(leaves, merkle.Leaf{Key: merkle.Key(name[0], name[1]), Value: sha256.Sum256(value)})
	}
	return subtree(leaves, key, 0)
}

func subtree(leaves []merkle.Leaf, key tlog.Hash, depth int) (tlog.Hash, merkle.Proof) {
	switch len(leaves) {
	case 0:
		return merkle.Empty, merkle.Proof{}
	case 1:
		p := merkle.Proof{}
		if leaves[0].Key != key {
			p.Other = &leaves[0]
		}
		return merkle.LeafHash(leaves[0].Key, leaves[0].Value), p
	}
	right := func(k tlog.Hash) bool { return k[depth/8]>>(7-depth%8)&1 == 1 }
	var halves [2][]merkle.Leaf
	for _, l := range leaves {
		i := 0
		if right(l.Key) {
			i = 1
		}
		halves[i] = append(halves[i], l)
	}
	l, lp := subtree(halves[0], key, depth+1)
	r, rp := subtree(halves[1], key, depth+1)
	p, sibling := lp, r
	if right(key) {
		p, sibling = rp, l
	}
	p.Siblings = append([]tlog.Hash{sibling}, p.Siblings...)
	return merkle.NodeHash(l, r), p
}

func (c *testChain) Genesis() []byte           { return c.file }
func (c *testChain) Origin() string            { return c.genesis.Origin(ledger.GenesisFingerprint(c.file)) }
func (c *testChain) Members() ledger.MemberSet { return c.genesis.Members }

func (c *testChain) Head() (chain.Head, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.blocks)
	if n == 0 {
		return chain.Head{}, false
	}
	return chain.Head{Header: c.blocks[n-1].Header, Certificate: c.certs[n-1]}, true
}

func (c *testChain) Wait(ctx context.Context, h ledger.Height) error {
	for {
		c.mu.Lock()
		there, grown := len(c.blocks) > int(h), c.grown
		c.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

func (c *testChain) Block(h ledger.Height) (ledger.Block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int(h) >= len(c.blocks) {
		return ledger.Block{}, chain.ErrNotFound
	}
	return c.blocks[h], nil
}

func (c *testChain) Header(h ledger.Height) (ledger.Header, error) {
	b, err := c.Block(h)
	return b.Header, err
}

func (c *testChain) Certificate(h ledger.Height) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int(h) >= len(c.certs) {
		return nil, chain.ErrNotFound
	}
	return c.certs[h].Note, nil
}

func (c *testChain) Record(id ledger.RecordID) (chain.Place, []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.places[id]
	if !ok {
		return p, nil, chain.ErrNotFound
	}
	return p, c.blocks[p.Height].Notes[p.Index], nil
}

func (c *testChain) ProveRecord(p chain.Place) (tlog.RecordProof, error) {
	var leaves []tlog.Hash
	b, err := c.Block(p.Height)
	if err != nil {
		return nil, err
	}
	for _, n := range b.Notes {
		leaves = append(leaves, tlog.RecordHash(n))
	}
	return ledger.NewRecordsTree(leaves).Prove(p.Index)
}

func (c *testChain) ProveHeader(h ledger.Height, size int64) (tlog.RecordProof, error) {
	return tlog.ProveRecord(size, int64(h), c.HashReader())
}

func (c *testChain) ProveTree(from, to int64) (tlog.TreeProof, error) {
	return tlog.ProveTree(to, from, c.HashReader())
}

func (c *testChain) HashReader() tlog.HashReader {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clip(c.stored)
}

func (c *testChain) State(space, name string) (chain.StateAnswer, error) {
	head, _ := c.Head()
	_, p := c.prove(merkle.Key(space, name))
	return chain.StateAnswer{Header: head.Header, Value: c.state[[2]string{space, name}], Proof: p}, nil
}

// StateAt has the newest block's and block 1's.
func (c *testChain) StateAt(space, name string, h ledger.Height) (chain.StateAnswer, error) {
	header, err := c.Header(h)
	if head, _ := c.Head(); err != nil || h != 1 && h != head.Header.Height {
		return chain.StateAnswer{}, chain.ErrNotKept
	}
	_, p := c.prove(merkle.Key(space, name))
	return chain.StateAnswer{Header: header, Value: c.state[[2]string{space, name}], Proof: p}, nil
}

func (c *testChain) Search(query string, limit int) ([]chain.Hit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var hits []chain.Hit
	for id, p := range c.places {
		if strings.HasPrefix(id.String(), query) && len(hits) < limit {
			hits = append(hits, chain.Hit{ID: id, Height: p.Height})
		}
	}
	return hits, nil
}

func (c *testChain) Contracts() ([]contract.InForce, error) {
	return []contract.InForce{{Contract: contract.Find("notes")}}, nil
}

func (c *testChain) Definition(name string, version int64) ([]byte, error) {
	if name != "notes" || version != 1 {
		return nil, chain.ErrNotFound
	}
	return []byte(`{"name":"notes","version":1}`), nil
}

// Items pages through the records by their place in block 1.
func (c *testChain) Items(name string, before chain.Place, limit int) ([]chain.Found, chain.Place, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []chain.Found
	for id, p := range c.places {
		if p.Height < before.Height || p.Index < before.Index {
			list = append(list, chain.Found{Item: id.String(), Record: id, Place: p})
		}
	}
	slices.SortFunc(list, func(a, b chain.Found) int { return int(b.Index - a.Index) })
	if len(list) > limit {
		return list[:limit], list[limit-1].Place, nil
	}
	return list, chain.Place{Index: -1}, nil
}

func (c *testChain) ItemRecords(name, item string, before ledger.RecordID, limit int) ([]ledger.RecordID, error) {
	id, err := ledger.ParseRecordID(item)
	if err != nil || before == id {
		return nil, nil
	}
	return []ledger.RecordID{id}, nil
}

func (c *testChain) Related(name, item string) (parents, children []string, err error) {
	return []string{"harbour <&> 港口/1"}, []string{}, nil
}

// testIntake makes a block of each record at once, unless it is told to hold
// records back, to be busy or to refuse.
type testIntake struct {
	t      testing.TB
	chain  *testChain
	hold   bool
	busy   bool
	refuse bool
}

func (in *testIntake) Submit(ctx context.Context, msg []byte) (Submission, error) {
	if in.busy {
		return Submission{}, fmt.Errorf("20000 records are waiting: %w", ErrBusy)
	}
	r, err := in.open(msg)
	if err != nil {
		return Submission{}, err
	}
	s := Submission{ID: r.ID, Receipt: []byte("receipt")}
	if place, _, err := in.chain.Record(r.ID); err == nil {
		return Submission{ID: r.ID, Final: true, Height: place.Height}, nil
	}
	if in.refuse {
		return Submission{ID: r.ID, Refusal: []byte("refusal")}, nil
	}
	if !in.hold {
		in.chain.grow(in.t, r)
	}
	return s, nil
}

func (in *testIntake) open(msg []byte) (*ledger.Record, error) {
	r, err := ledger.OpenRecord(msg)
	if err == nil && r.Ledger != in.chain.Origin() {
		err = fmt.Errorf("%w: it is for %s", ledger.ErrLedger, r.Ledger)
	}
	return r, err
}

func (in *testIntake) Outcome(ctx context.Context, id ledger.RecordID) (Submission, error) {
	for {
		place, _, err := in.chain.Record(id)
		if err == nil {
			return Submission{ID: id, Final: true, Height: place.Height}, nil
		}
		select {
		case <-ctx.Done():
			return Submission{}, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func (in *testIntake) Check(ctx context.Context, msg []byte) (*contract.Refusal, error) {
	if _, err := in.open(msg); err != nil || !in.refuse {
		return nil, err
	}
	return &contract.Refusal{Rule: "notes.text", En: "no text", Zh: "没有正文", Values: map[string]string{"text": ""}}, nil
}

// testNode is the first member's.
type testNode struct {
	chain    *testChain
	problems []Problem
}

func (n *testNode) Member() string      { return "member1.harbour.example" }
func (n *testNode) Problems() []Problem { return n.problems }

func (n *testNode) Accusations() []string { return []string{"{}"} }

func (n *testNode) Nodes() []NodeHint {
	return []NodeHint{
		{Member: "member1.harbour.example", URLs: []string{"http://127.0.0.1:7080"}, Addresses: []string{}},
		{Member: "member2.harbour.example", URLs: []string{"https://node.example; script-src *"}},
	}
}

func (n *testNode) Cosigned(member string) (finality.Cosigned, bool) {
	head, ok := n.chain.Head()
	if !ok {
		return finality.Cosigned{}, false
	}
	for _, c := range head.Certificate.Cosignatures {
		if c.Member == member {
			return finality.Cosigned{Member: member, Tree: head.Certificate.Tree, Lines: c.Lines}, true
		}
	}
	return finality.Cosigned{}, false
}

// testFiles has one file, and takes everything.
type testFiles struct{}

func (testFiles) Admit([]byte) error { return nil }
func (testFiles) Have(w http.ResponseWriter, r *http.Request, client string) error {
	return testFiles{}.say(w, "[]")
}
func (testFiles) Upload(w http.ResponseWriter, r *http.Request, client string) error {
	return testFiles{}.say(w, `{"blocks":1}`)
}
func (testFiles) Status(w http.ResponseWriter, r *http.Request) error {
	return testFiles{}.say(w, fmt.Sprintf(`{"cid":%q}`, r.PathValue("cid")))
}
func (testFiles) Receipts(w http.ResponseWriter, r *http.Request) error {
	return testFiles{}.say(w, `{"receipts":[]}`)
}
func (testFiles) Gateway(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("cid") == "full" {
		return fmt.Errorf("read: %w", toldFull{})
	}
	return testFiles{}.say(w, "block")
}

func (testFiles) say(w http.ResponseWriter, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// toldFull says itself what the client is told.
type toldFull struct{}

func (toldFull) Error() string { return "full" }
func (toldFull) Told() (status int, code, message, hint string) {
	return http.StatusInsufficientStorage, "full", "no room", "another node"
}

// fixture is an API over a test chain, behind a real server.
type fixture struct {
	*httptest.Server
	api     *API
	chain   *testChain
	intake  *testIntake
	node    *testNode
	records []*ledger.Record // of block 1
	log     *bytes.Buffer    // read it after the server is closed
}

var testPages = fstest.MapFS{
	"index.html":            {Data: []byte("<!doctype html><title>Evident</title>")},
	"assets/app-1a2b.js":    {Data: []byte("export {}")},
	"evident.wasm":          {Data: []byte("\x00asm, plain")},
	"evident.wasm.br":       {Data: []byte("brotli")},
	"evident.wasm.gz":       {Data: []byte("gzip")},
	"assets/app-1a2b.js.gz": {Data: []byte("gzip")},
}

// newFixture serves a ledger of the given number of blocks; block 1 has three records.
func newFixture(t testing.TB, blocks int) *fixture {
	t.Helper()
	f := &fixture{chain: newTestChain(t), log: new(bytes.Buffer)}
	for i := range 3 {
		f.records = append(f.records, f.chain.record(t, i))
	}
	for i := range blocks {
		if i == 1 {
			f.chain.grow(t, f.records...)
			continue
		}
		f.chain.grow(t)
	}
	f.intake = &testIntake{t: t, chain: f.chain}
	f.node = &testNode{chain: f.chain}
	var err error
	f.api, err = New(Config{
		Ledger: f.chain, Intake: f.intake, Node: f.node, Files: testFiles{}, Pages: testPages, Hosts: []string{"node1.harbour.example"},
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(f.log, nil)), Version: "test",
		Now: func() time.Time { return time.UnixMilli(testStart + int64(blocks)*1000) },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Server = httptest.NewServer(f.api)
	t.Cleanup(f.Server.Close)
	return f
}
