package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/note"
)

// sign makes n records with 300 bytes of fields each, by one author.
func (c *consortium) sign(b *testing.B, n int) [][]byte { return c.signWith(b, n) }

// signWith signs records that name evidence.
func (c *consortium) signWith(b *testing.B, n int, files ...ledger.Evidence) [][]byte {
	skey, vkey, err := note.GenerateKey(rand.Reader, "ada")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		b.Fatal(err)
	}
	fields, err := json.Marshal(map[string]string{"text": strings.Repeat("x", 289)})
	if err != nil {
		b.Fatal(err)
	}
	notes := make([][]byte, n)
	for i := range notes {
		r, err := ledger.Statement{Ledger: c.name, Contract: "notes", Version: 1, Action: "deposit", Seq: 1, At: time.Now().UnixMilli(),
			After: c.after, By: []string{vkey}, Evidence: append([]ledger.Evidence{}, files...), Fields: fields, Nonce: nonce()}.Sign(signer)
		if err != nil {
			b.Fatal(err)
		}
		notes[i] = r.Note
	}
	return notes
}

func nonce() string {
	n := make([]byte, 16)
	rand.Read(n)
	return hex.EncodeToString(n)
}

// connection is one to a node, used by one goroutine. It does without most of package http, because the one who
// measures shares the cores with what is measured.
type connection struct {
	host string
	conn net.Conn
	from *bufio.Reader
}

func (c *consortium) connect(b *testing.B, node int) *connection {
	b.Helper()
	host := strings.TrimPrefix(c.nodes[node], "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &connection{host, conn, bufio.NewReader(conn)}
}

// submit sends a record until it is taken in; query is "" or "?wait=final".
func (c *connection) submit(msg []byte, query string) error {
	for {
		status, body, err := c.post(msg, query)
		switch {
		case err != nil:
			return fmt.Errorf("submit: %w", err)
		case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
			time.Sleep(20 * time.Millisecond)
		case status != http.StatusOK && status != http.StatusAccepted:
			return fmt.Errorf("submit: %d %s", status, body)
		default:
			return nil
		}
	}
}

func (c *connection) post(msg []byte, query string) (status int, body []byte, err error) {
	request := fmt.Appendf(nil, "POST /v1/records%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", query, c.host, len(msg))
	if _, err := c.conn.Write(append(request, msg...)); err != nil {
		return 0, nil, err
	}
	resp, err := http.ReadResponse(c.from, nil)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// load submits every record, from several connections to every node, and returns when all are final on all nodes.
func (c *consortium) load(b *testing.B, notes [][]byte, connections int) {
	b.Helper()
	var wg sync.WaitGroup
	for worker := range connections {
		to := c.connect(b, worker%len(c.nodes))
		wg.Go(func() {
			for i := worker; i < len(notes); i += connections {
				if err := to.submit(notes[i], ""); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	// What comes last into the queue of each node is behind all the rest.
	for worker := range connections {
		to := c.connect(b, worker%len(c.nodes))
		last := (len(notes)-1-worker)/connections*connections + worker
		wg.Go(func() {
			if err := to.submit(notes[last], "?wait=final&timeout=60s"); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}
