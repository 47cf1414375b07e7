package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"evident/app/swarm"
	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/source"
	"evident/lightclient/transfer"
)

// newFile writes a file of noise.
func newFile(b *testing.B, size int64) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "file")
	f, err := os.Create(path)
	if err == nil {
		_, err = io.CopyN(f, rand.NewChaCha8([32]byte{byte(rand.N(256)), byte(rand.N(256))}), size)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// sealed seals a file anew with each call and gives the blocks to emit.
func sealed(b *testing.B, path string, size int64) (*seal.Secret, func(emit func(evidence.Block) error) (evidence.Stored, error)) {
	b.Helper()
	secret, err := seal.NewSecret("file", "", size)
	if err != nil {
		b.Fatal(err)
	}
	return secret, func(emit func(evidence.Block) error) (stored evidence.Stored, err error) {
		err = evidence.Read(path, func(content io.Reader, _ int64) error {
			stored, err = secret.Seal(b.Context(), content, emit)
			return err
		})
		return stored, err
	}
}

// send seals a file and uploads it to a node, as the programs do.
func (c *consortium) send(b *testing.B, node int, path string, size int64) ledger.Evidence {
	b.Helper()
	secret, pass := sealed(b, path, size)
	var stored evidence.Stored
	to := []lightclient.Source{source.NewHTTP(c.nodes[node], http.DefaultTransport)}
	err := transfer.Upload(b.Context(), to, size, nil, func(emit func(evidence.Block) error) (err error) {
		stored, err = pass(emit)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return secret.Evidence(stored)
}

// BenchmarkStorage reports the memory that the largest of four nodes has of its own while it takes and replicates a file,
// and how long it takes from the upload's beginning until three members have signed.
func BenchmarkStorage(b *testing.B) {
	const size = 512 << 20
	for range b.N {
		c := newConsortium(b)
		path := newFile(b, size)
		done, most := make(chan struct{}), make(chan int64)
		go func() {
			var peak int64
			for {
				select {
				case <-done:
					most <- peak
					return
				case <-time.After(50 * time.Millisecond):
					_, own := c.memory(b)
					peak = max(peak, own)
				}
			}
		}()
		began := time.Now()
		e := c.send(b, 0, path, size)
		if err := c.connect(b, 0).submit(c.signWith(b, 1, e)[0], "?wait=final"); err != nil {
			b.Fatal(err)
		}
		for stored := 0; stored < 3; time.Sleep(100 * time.Millisecond) {
			body, err := get(c.nodes[0] + "/v1/files/" + e.CID + "/receipts")
			var answer struct{ Receipts []string }
			if err != nil || json.Unmarshal(body, &answer) != nil || time.Since(began) > 5*time.Minute {
				b.Fatalf("%v: %s", err, body)
			}
			stored = len(answer.Receipts)
		}
		b.ReportMetric(time.Since(began).Seconds(), "stored-s")
		close(done)
		b.ReportMetric(float64(<-most)/1e6, "node-MB")
		c.stop()
	}
}

// BenchmarkSend brings a sealed file from an author's machine to one node, in both ways, from its first reading on.
func BenchmarkSend(b *testing.B) {
	const size = 256 << 20
	for range b.N {
		c := newConsortium(b)
		path := newFile(b, size)
		began := time.Now()
		c.send(b, 0, path, size)
		b.ReportMetric(size/1e6/time.Since(began).Seconds(), "car-MB/s")

		s, err := swarm.New()
		if err != nil {
			b.Fatal(err)
		}
		began = time.Now()
		if err := c.offer(b, s, 0, path, size); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(size/1e6/time.Since(began).Seconds(), "offer-MB/s")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		c.stop()
	}
}

// offer seals a file, signs its record, and offers it to a node.
func (c *consortium) offer(b *testing.B, s *swarm.Swarm, node int, path string, size int64) error {
	secret, err := seal.NewSecret("file", "", size)
	if err != nil {
		return err
	}
	form, err := secret.Form()
	if err != nil {
		return err
	}
	f, err := swarm.Index(b.Context(), path, form)
	if err != nil {
		return err
	}
	secret.SHA256 = f.Stored.SHA256
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	member, addresses := c.place(b, node)
	return s.Offer(ctx, member, addresses, c.signWith(b, 1, secret.Evidence(f.Stored))[0], f)
}

// place is whose node this is, and its libp2p addresses.
func (c *consortium) place(b *testing.B, node int) (ledger.Member, []string) {
	b.Helper()
	var self struct{ Member string }
	var set struct{ Members []ledger.Member }
	var told struct {
		Nodes []struct {
			Member    string
			Addresses []string
		}
	}
	for path, into := range map[string]any{"/v1/status": &self, "/v1/members": &set, "/v1/nodes": &told} {
		body, err := get(c.nodes[node] + path)
		if err == nil {
			err = json.Unmarshal(body, into)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for i, n := range told.Nodes {
		if n.Member == self.Member {
			return set.Members[i], n.Addresses
		}
	}
	b.Fatalf("%s tells no address", c.nodes[node])
	return ledger.Member{}, nil
}
