package blobs

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	blocks "github.com/ipfs/go-block-format"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

const testProtocol = protocol.ID(swarmPrefix + "/ipfs/bitswap/1.2.0")

// A member that sends blocks nobody asked for, without end, fills nothing.
func TestUnwantedBlocks(t *testing.T) {
	w := newWorld(t, 2)
	victim, hostile := w.nodes[0], w.nodes[1]
	hostile.stop()
	stream, err := hostile.host.NewStream(t.Context(), victim.host.ID(), testProtocol)
	w.must(err)
	stream.SetWriteDeadline(time.Now().Add(10 * time.Second))
	for i := range 100 {
		m := message.New(false)
		b, err := blocks.NewBlockWithCid(noiseOf(byte(i), 1<<20), foreign(leafBlock(noiseOf(byte(i), 1<<20)).CID))
		w.must(err)
		m.AddBlock(b)
		if err := m.ToNetV1(stream); err != nil {
			break // it need not listen
		}
	}
	stream.Close()
	f := w.file(noiseOf(1, 1<<20))
	if victim.upload(f); victim.store.waiting() != 1<<20 {
		t.Errorf("%d bytes are stored", victim.store.waiting())
	}
}

// Whoever is no member gets no block, and has no ear here.
func TestOutsider(t *testing.T) {
	w := newWorld(t, 2)
	f := w.file(noiseOf(1, 100))
	w.nodes[0].upload(f)
	_, key, err := ed25519.GenerateKey(crand.Reader)
	w.must(err)
	outsider := newHost(t, key)
	defer outsider.Close()
	w.must(outsider.Connect(t.Context(), peer.AddrInfo{ID: w.nodes[0].host.ID(), Addrs: w.nodes[0].host.Addrs()}))
	if err := speak(t.Context(), outsider, w.nodes[0].host.ID(), f.stored.CID); err == nil {
		t.Error("an outsider was listened to")
	}
}

// speak asks for a block and returns why it got no answer.
func speak(ctx context.Context, h host.Host, p peer.ID, c ledger.CID) error {
	stream, err := h.NewStream(ctx, p, testProtocol)
	if err != nil {
		return err
	}
	defer stream.Reset()
	stream.SetDeadline(time.Now().Add(2 * time.Second))
	m := message.New(true)
	m.AddEntry(foreign(c), 1, 1, true)
	if err := m.ToNetV1(stream); err != nil {
		return err
	}
	_, err = stream.Read(make([]byte, 1))
	return err
}

func TestGateway(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	f := w.file(noiseOf(1, 5<<20+7))
	n.upload(f)
	path := "/ipfs/" + f.stored.CID.String()
	if code, _ := n.get(path + "?format=car"); code != 404 {
		t.Errorf("a CAR of a file that no record names: %d", code)
	}
	w.stored(n, f, w.record(f.public()), 1)
	leaf := "/ipfs/" + f.blocks[0].CID.String()
	tests := []struct {
		name, path, accept string
		code, blocks       int
	}{
		{"whole", path + "?format=car", "", 200, 7},
		{"by Accept", path, "text/html, application/vnd.ipld.car; version=1;q=0.5", 200, 7},
		{"root alone", path + "?format=car&dag-scope=block", "", 200, 1},
		{"entity", path + "?format=car&dag-scope=entity", "", 200, 7},
		{"first byte", path + "?format=car&entity-bytes=0:0", "", 200, 2},
		{"over an edge", path + "?format=car&entity-bytes=1048575:1048576", "", 200, 3},
		{"last bytes", path + "?format=car&entity-bytes=-3:*", "", 200, 2},
		{"from the end", path + "?format=car&entity-bytes=-1048583:-8", "", 200, 2},
		{"beyond", path + "?format=car&entity-bytes=99999999:*", "", 400, 0},
		{"leaf", leaf + "?format=car", "", 200, 1},
		{"bad range", path + "?format=car&entity-bytes=x", "", 400, 0},
		{"bad scope", path + "?format=car&dag-scope=x", "", 400, 0},
		{"raw", leaf + "?format=raw", "", 200, 0},
		{"raw by Accept", leaf, "application/vnd.ipld.raw", 200, 0},
		{"a page", path, "text/html", 406, 0},
		{"CAR version 2", path, "application/vnd.ipld.car; version=2", 406, 0},
		{"tar", path + "?format=tar", "", 406, 0},
		{"not here", "/ipfs/" + leafBlock([]byte("elsewhere")).CID.String() + "?format=raw", "", 404, 0},
		{"no CID", "/ipfs/x?format=raw", "", 400, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest("GET", n.server.URL+tt.path, nil)
			w.must(err)
			r.Header.Set("Accept", tt.accept)
			resp, err := http.DefaultClient.Do(r)
			w.must(err)
			code, body := w.read(resp)
			if code != tt.code {
				t.Fatalf("%d %.100s, want %d", code, body, tt.code)
			}
			if tt.blocks > 0 && countBlocks(t, body) != tt.blocks {
				t.Errorf("%d blocks, want %d", countBlocks(t, body), tt.blocks)
			}
			if strings.HasPrefix(tt.name, "raw") && body != string(f.blocks[0].Data) {
				t.Error("not the block")
			}
		})
	}
}

func countBlocks(t *testing.T, car string) (n int) {
	t.Helper()
	r, _, err := evidence.NewCARReader(strings.NewReader(car))
	for ; err == nil; n++ {
		_, err = r.Next()
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return n - 1
}

// A CAR whose blocks are not all here is cut off, never short.
func TestGatewayCutsOff(t *testing.T) {
	w := newWorld(t, 1)
	n := w.nodes[0]
	f := w.file(noiseOf(1, 5<<20))
	n.upload(f)
	w.stored(n, f, w.record(f.public()), 1)
	w.must(n.forget(f.blocks[3].CID))
	resp, err := http.Get(n.server.URL + "/ipfs/" + f.stored.CID.String() + "?format=car")
	w.must(err)
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the answer looks whole")
	}
}

// One fetch brings everything, from wherever it is.
func TestFetch(t *testing.T) {
	w := newWorld(t, 3)
	f := w.file(noiseOf(1, 40<<20))
	half := len(f.blocks) / 2
	for i, blocks := range [][]evidence.Block{f.blocks[:half], f.blocks[half:]} {
		if code, body := w.nodes[i].post("/v1/files/car", carOf(nil, blocks...)); code != 200 {
			t.Fatal(body)
		}
	}
	var cids []ledger.CID
	for _, b := range f.blocks {
		cids = append(cids, b.CID)
	}
	w.must(w.nodes[2].swarm.fetch(t.Context(), cids))
	if !w.nodes[2].whole(f) {
		t.Error("not whole")
	}
}
