package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// get returns the status and body of a GET.
func (f *fixture) get(t testing.TB, path string) (int, []byte) {
	t.Helper()
	resp, err := http.Get(f.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// read decodes a successful answer, and refuses members that the wire types do not have.
func (f *fixture) read(t testing.TB, path string, v any) {
	t.Helper()
	status, body := f.get(t, path)
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, status, body)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, body)
	}
	if bytes.Contains(body, []byte(":null")) {
		t.Errorf("GET %s: a list is null in %s", path, body)
	}
}

// checkHead verifies all of a head as a light client does.
func (f *fixture) checkHead(t testing.TB, h Head, from int64) (ledger.Header, tlog.Tree) {
	t.Helper()
	cert, err := ledger.OpenCertificate(f.chain.Origin(), f.chain.Members(), []byte(h.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	header, err := ledger.ParseHeader([]byte(h.Header))
	if err != nil {
		t.Fatal(err)
	}
	if err := header.CheckIncluded(h.Inclusion, cert.Tree); err != nil {
		t.Fatal(err)
	}
	if header.Height != cert.Height() {
		t.Errorf("header %d under a certificate of %d", header.Height, cert.Height())
	}
	if from == 0 {
		return header, cert.Tree
	}
	old, err := tlog.TreeHash(from, f.chain.HashReader())
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(h.Consistency, cert.Tree.N, cert.Tree.Hash, from, old); err != nil {
		t.Fatalf("consistency from %d: %v", from, err)
	}
	return header, cert.Tree
}

func TestHeadFromEverySize(t *testing.T) {
	f := newFixture(t, 9)
	for from := range int64(10) {
		var h Head
		f.read(t, fmt.Sprintf("/v1/head?from=%d", from), &h)
		f.checkHead(t, h, from)
	}
	if status, body := f.get(t, "/v1/head?from=10"); status != 404 || !bytes.Contains(body, []byte(`"behind"`)) {
		t.Errorf("from the future: %d %s", status, body)
	}
}

func TestCheckpointAndGenesis(t *testing.T) {
	f := newFixture(t, 3)
	_, note := f.get(t, "/checkpoint")
	if cert, err := ledger.OpenCertificate(f.chain.Origin(), f.chain.Members(), note); err != nil || cert.Tree.N != 3 {
		t.Errorf("checkpoint: %v", err)
	}
	if _, file := f.get(t, "/v1/genesis"); !bytes.Equal(file, f.chain.file) {
		t.Error("genesis differs")
	}
}

func TestBlocks(t *testing.T) {
	f := newFixture(t, 30)
	var list []BlockEntry
	f.read(t, "/v1/blocks", &list)
	if len(list) != defaultList || list[0].Height != 29 || list[19].Height != 10 {
		t.Errorf("newest blocks: %d from %d", len(list), list[0].Height)
	}
	f.read(t, "/v1/blocks?before=2&limit=100", &list)
	if len(list) != 2 || list[0].Records != 3 || list[1].Height != 0 {
		t.Errorf("blocks before 2: %+v", list)
	}
	f.read(t, "/v1/blocks?before=0", &list)
	if len(list) != 0 {
		t.Errorf("blocks before 0: %+v", list)
	}
	for _, path := range []string{"/v1/blocks/1", "/v1/blocks/1?size=2", "/v1/blocks/1?size=30"} {
		var b Block
		f.read(t, path, &b)
		f.checkBlock(t, b)
	}
	_, raw := f.get(t, "/v1/blocks/1/raw")
	if b, err := ledger.ParseBlock(raw); err != nil || len(b.Notes) != 3 {
		t.Errorf("raw block: %v", err)
	}
	_, note := f.get(t, "/v1/blocks/1/certificate")
	if cert, err := ledger.OpenCertificate(f.chain.Origin(), f.chain.Members(), note); err != nil || cert.Height() != 1 {
		t.Errorf("certificate: %v", err)
	}
}

func (f *fixture) checkBlock(t *testing.T, b Block) {
	t.Helper()
	header, err := ledger.ParseHeader([]byte(b.Header))
	if err != nil {
		t.Fatal(err)
	}
	root, err := tlog.TreeHash(b.Size, f.chain.HashReader())
	if err != nil {
		t.Fatal(err)
	}
	if err := header.CheckIncluded(b.Inclusion, tlog.Tree{N: b.Size, Hash: root}); err != nil {
		t.Error(err)
	}
	cert, err := ledger.OpenCertificate(f.chain.Origin(), f.chain.Members(), []byte(b.Certificate))
	if err != nil || cert.Height() != header.Height {
		t.Errorf("certificate of block %d: %v", header.Height, err)
	}
	for i, r := range f.records {
		if b.Records[i] != string(r.Note) {
			t.Errorf("record %d differs", i)
		}
	}
}

func TestRecordIsProven(t *testing.T) {
	f := newFixture(t, 5)
	for i, want := range f.records {
		var r Record
		f.read(t, "/v1/records/"+want.ID.String()+"?size=4", &r)
		got, err := ledger.OpenRecord([]byte(r.Note))
		if err != nil || got.ID != want.ID || r.ID != want.ID.String() || r.Index != int64(i) {
			t.Fatalf("record %d: %v", i, err)
		}
		header, err := ledger.ParseHeader([]byte(r.Header))
		if err != nil {
			t.Fatal(err)
		}
		if err := header.CheckRecord(r.Path, r.Index, got.Leaf()); err != nil {
			t.Error(err)
		}
		root, _ := tlog.TreeHash(4, f.chain.HashReader())
		if err := header.CheckIncluded(r.Inclusion, tlog.Tree{N: r.Size, Hash: root}); err != nil || r.Size != 4 || r.Count != 3 {
			t.Errorf("size %d, count %d: %v", r.Size, r.Count, err)
		}
	}
}

func TestStateIsProven(t *testing.T) {
	f := newFixture(t, 5)
	sum := sha256.Sum256([]byte("a public file"))
	none := sha256.Sum256([]byte("another file"))
	tests := []struct {
		name, path, space, key string
		present                bool
	}{
		{"item", "/v1/state/notes/" + url.PathEscape("harbour <&> 港口/1"), "notes", "harbour <&> 港口/1", true},
		{"no item", "/v1/state/notes/nothing", "notes", "nothing", false},
		{"digest", "/v1/state/digest/" + hex.EncodeToString(sum[:]), "digest", string(sum[:]), true},
		{"no digest", "/v1/state/digest/" + hex.EncodeToString(none[:]), "digest", string(none[:]), false},
		{"no contract", "/v1/state/nothing/x", "nothing", "x", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s State
			f.read(t, tt.path+"?from=2", &s)
			header, _ := f.checkHead(t, s.Head, 2)
			proof, err := merkle.ParseProof(s.Proof)
			if err != nil || header.Height != s.Height {
				t.Fatalf("height %d, header %d: %v", s.Height, header.Height, err)
			}
			key := merkle.Key(tt.space, tt.key)
			if tt.present {
				err = merkle.CheckPresent(header.State, key, sha256.Sum256(s.Value), proof)
			} else {
				err = merkle.CheckAbsent(header.State, key, proof)
			}
			if err != nil || (s.Value != nil) != tt.present {
				t.Errorf("value %s: %v", s.Value, err)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	f := newFixture(t, 3)
	id := f.records[0].ID.String()
	var s Search
	f.read(t, "/v1/search?q="+id[:60], &s)
	if len(s.Hits) != 1 || s.Hits[0] != (Hit{ID: id, Height: 1}) {
		t.Errorf("hits %+v", s.Hits)
	}
	f.read(t, "/v1/search?q=nothing", &s)
	if len(s.Hits) != 0 {
		t.Errorf("hits %+v", s.Hits)
	}
}

// A client that we did not write reads the whole chain log from the tiles.
func TestTilesUnderTorchwood(t *testing.T) {
	f := newFixture(t, 600)
	tree := tlog.Tree{N: 600}
	tree.Hash, _ = tlog.TreeHash(600, f.chain.HashReader())
	fetcher, err := torchwood.NewTileFetcher(f.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for i, entry := range client.AllEntries(t.Context(), tree, 0) {
		if i != n || !bytes.Equal(entry, f.chain.blocks[i].Header.Text()) {
			t.Fatalf("entry %d, want %d", i, n)
		}
		n++
	}
	if client.Err() != nil || n != 600 {
		t.Errorf("%d entries: %v", n, client.Err())
	}
	entry, path, err := client.Entry(t.Context(), tree, 321)
	if err != nil || tlog.CheckRecord(path, tree.N, tree.Hash, 321, tlog.RecordHash(entry)) != nil {
		t.Errorf("entry 321: %v", err)
	}
}

func TestTileHeadersAndBounds(t *testing.T) {
	f := newFixture(t, 260)
	tests := []struct {
		path   string
		status int
	}{
		{"/tile/0/000", 200}, {"/tile/0/001.p/4", 200}, {"/tile/0/001.p/3", 200}, {"/tile/1/000.p/1", 200}, {"/tile/entries/000", 200},
		{"/tile/entries/001.p/4", 200}, {"/tile/0/001", 404}, {"/tile/0/001.p/5", 404}, {"/tile/1/000", 404}, {"/tile/1/000.p/2", 404},
		{"/tile/2/000.p/1", 404}, {"/tile/6/000.p/1", 404}, {"/tile/7/000", 400}, {"/tile/63/000", 400}, {"/tile/data/000", 404},
		{"/tile/0/x999/x999/x999/x999/x999/999", 404}, {"/tile/0/x999/x999/x999/x999/x999/x999/999", 400}, {"/tile/0/1", 400},
		{"/tile/0/000.p/0", 400}, {"/tile/0/000.p/256", 400}, {"/tile/-1/000", 400}, {"/tile/0", 400}, {"/tile/entries", 400}, {"/tile/8/0/000", 400},
	}
	for _, tt := range tests {
		resp, err := http.Get(f.URL + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		cached := resp.Header.Get("Cache-Control") == "public, max-age=31536000, immutable"
		if resp.StatusCode != tt.status || cached != (tt.status == 200) {
			t.Errorf("%s: %d, cached %v, want %d", tt.path, resp.StatusCode, cached, tt.status)
		}
	}
}

func TestTold(t *testing.T) {
	f := newFixture(t, 4)
	var s Status
	f.read(t, "/v1/status", &s)
	if s.Ledger != f.chain.Origin() || s.Height != 3 || s.Size != 4 || len(s.Words) != 12 || s.Quorum != 3 || s.HeaderMs != testStart+3000 {
		t.Errorf("status %+v", s)
	}
	var m Members
	f.read(t, "/v1/members", &m)
	if len(m.Members) != 4 || m.Members[3].Cosignature != "" || m.Digest != f.chain.Members().Digest() {
		t.Errorf("members %+v", m)
	}
	tree, err := ledger.ParseCheckpoint(f.chain.Origin(), []byte(m.Members[0].Checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := m.Members[0].Cosigner().Open(f.chain.Origin(), tree, m.Members[0].Cosignature); err != nil || c.Time != testStart/1000+3 {
		t.Errorf("last cosignature %+v: %v", c, err)
	}
	var n Nodes
	f.read(t, "/v1/nodes", &n)
	if len(n.Nodes) != 2 || n.Nodes[0].URLs[0] != "http://127.0.0.1:7080" {
		t.Errorf("nodes %+v", n)
	}
}

func TestHealth(t *testing.T) {
	tests := []struct {
		name     string
		blocks   int
		problems []Problem
		status   int
		want     string
	}{
		{"ok", 2, nil, 200, "ok"},
		{"no block", 0, nil, 503, "failing"},
		{"a problem", 2, []Problem{{Code: "peers", Message: "one member is away"}}, 200, "degraded"},
		{"a failure", 2, []Problem{{Code: "peers"}, {Code: "disk", Message: "the disk is full", Failing: true}}, 503, "failing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.blocks)
			f.node.problems = tt.problems
			status, body := f.get(t, "/v1/health")
			var h Health
			if err := json.Unmarshal(body, &h); err != nil || status != tt.status || h.Status != tt.want {
				t.Errorf("%d %s, want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}
