package testnet

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"evident/fullnode/api"
	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Author signs records.
type Author struct {
	signer note.Signer
	vkey   string
	origin string
}

// NewAuthor makes an author with a fresh key.
func (c *Consortium) NewAuthor(name string) *Author {
	c.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	c.must(err)
	signer, err := note.NewSigner(skey)
	c.must(err)
	return &Author{signer: signer, vkey: vkey, origin: c.Origin}
}

// Statement is a deposit of a text, now.
func (a *Author) Statement(text string) ledger.Statement {
	fields, err := ledger.EncodeCanonical(map[string]string{"text": text})
	if err != nil {
		panic("testnet: " + err.Error())
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	return ledger.Statement{Action: "deposit", After: ledger.Point{Size: 1, Root: tlog.RecordHash(nil)}, At: time.Now().UnixMilli(),
		By: []string{a.vkey}, Contract: "notes", Version: 1, Evidence: []ledger.Evidence{},
		Fields: fields, Ledger: a.origin, Nonce: hex.EncodeToString(nonce[:]), Seq: 1}
}

// Sign signs a statement.
func (a *Author) Sign(s ledger.Statement) *ledger.Record {
	r, err := s.Sign(a.signer)
	if err != nil {
		panic("testnet: " + err.Error())
	}
	return r
}

// Deposit is a signed record with a text.
func (a *Author) Deposit(text string) *ledger.Record { return a.Sign(a.Statement(text)) }

// Answer is what a node's HTTP API said to a submission.
type Answer struct {
	HTTP int
	api.Submitted
	api.Failure
}

// client has no limit on connections: the load comes from many users.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// Post sends bytes as a record; wait 0 does not wait for final. An error means
// that the node gave no answer.
func Post(ctx context.Context, base string, body []byte, wait time.Duration) (Answer, error) {
	target := base + "/v1/records"
	if wait > 0 {
		target += "?wait=final&timeout=" + url.QueryEscape(wait.String())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{HTTP: resp.StatusCode}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("%s: %q: %w", resp.Status, data, err)
	}
	return a, nil
}

// Get asks a node for JSON.
func Get(base, path string, v any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(v)
}

// Size is the size of the chain log that node i serves; 0 if it does not answer.
func (c *Consortium) Size(i int) int64 {
	var s api.Status
	if Get(c.Places[i].URL(), "/v1/status", &s) != nil {
		return 0
	}
	return s.Size
}

// Submit sends a record to node i and keeps what it said, as an outbox would:
// receipts are opened, and what is called final is never to vanish.
func (c *Consortium) Submit(ctx context.Context, i int, r *ledger.Record, wait time.Duration) (Answer, error) {
	a, err := Post(ctx, c.Places[i].URL(), r.Note, wait)
	if err != nil {
		return a, err
	}
	if a.Receipt != "" {
		receipt, err := ledger.OpenReceipt(c.Origin, c.Places[i].Member, []byte(a.Receipt))
		if err != nil {
			return a, err
		}
		if receipt.Record != r.ID {
			return a, fmt.Errorf("receipt for %s, want %s", receipt.Record, r.ID)
		}
		c.promised(r)
	}
	if a.Status == "final" {
		c.final(r, a.Height)
	}
	return a, nil
}

// MustFinal submits records to node i, one after the other, and fails the test
// unless each becomes final.
func (c *Consortium) MustFinal(i int, records ...*ledger.Record) {
	c.Helper()
	for _, r := range records {
		a, err := c.Submit(context.Background(), i, r, 30*time.Second)
		for began := time.Now(); (err != nil || a.HTTP == http.StatusServiceUnavailable) && time.Since(began) < 20*time.Second; {
			time.Sleep(50 * time.Millisecond) // starting
			a, err = c.Submit(context.Background(), i, r, 30*time.Second)
		}
		if err != nil {
			c.Fatalf("submit to %s: %v", c.Places[i].Member.Name, err)
		}
		if a.Status != "final" {
			c.Fatalf("submit to %s: HTTP %d %q %s%s", c.Places[i].Member.Name, a.HTTP, a.Status, a.Error.Message, a.Refusal)
		}
	}
}

// Load is clients that submit records until they are told to stop.
type Load struct {
	Final   atomic.Int64 // records
	Slowest atomic.Int64 // nanoseconds from the first attempt to final
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// StartLoad starts that many clients. Each signs a record, and sends it to one
// node after the other until one says that it is final.
func (c *Consortium) StartLoad(clients int) *Load {
	ctx, stop := context.WithCancel(context.Background())
	l := &Load{stop: stop}
	for i := range clients {
		author := c.NewAuthor(fmt.Sprintf("author%d", i))
		l.done.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				c.deliver(ctx, l, i+n, author.Deposit(fmt.Sprintf("%d of client %d", n, i)))
			}
		})
	}
	return l
}

func (c *Consortium) deliver(ctx context.Context, l *Load, first int, r *ledger.Record) {
	began := time.Now()
	for try := first; ctx.Err() == nil; try++ {
		limited, cancel := context.WithTimeout(ctx, 6*time.Second)
		a, err := c.Submit(limited, try%len(c.Places), r, 4*time.Second)
		cancel()
		if err == nil && a.Status == "final" {
			l.Final.Add(1)
			l.Slowest.Store(max(l.Slowest.Load(), int64(time.Since(began))))
			return
		}
		if err == nil && a.Status == "refused" {
			c.Errorf("a good record was refused: %s", a.Refusal)
			return
		}
		if err != nil || a.HTTP != http.StatusAccepted {
			time.Sleep(50 * time.Millisecond) // down, or busy
		}
	}
}

// Stop ends the load and waits for the clients.
func (l *Load) Stop() {
	l.stop()
	l.done.Wait()
}

// AwaitFinals waits until n more records are final.
func (c *Consortium) AwaitFinals(l *Load, n int64, within time.Duration) time.Duration {
	c.Helper()
	began, want := time.Now(), l.Final.Load()+n
	c.Eventually(within, fmt.Sprintf("%d more records final", n), func() bool { return l.Final.Load() >= want })
	return time.Since(began)
}

// AwaitLevel waits until the nodes with these indexes have all that any of
// them has now, and what clients were told is final.
func (c *Consortium) AwaitLevel(within time.Duration, nodes ...int) {
	c.Helper()
	want := c.finalSize()
	for _, i := range nodes {
		want = max(want, c.Size(i))
	}
	for _, i := range nodes {
		c.Eventually(within, fmt.Sprintf("%s reaches size %d, is at %d", c.Places[i].Member.Name, want, c.Size(i)),
			func() bool { return c.Size(i) >= want })
	}
}

// errClosed is what a stopped node's Run returned without being asked to.
var errClosed = errors.New("the node stopped by itself")
