package lightclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// Limits of a question.
const (
	MaxBlocks = 100 // headers in one list
	maxHits   = 20  // of a search
)

// headerCache holds headers of our own history, by height.
type headerCache map[ledger.Height]ledger.Header

const maxKnownHeaders = 4096

// remember keeps a verified head's header and certificate. The lock is held.
func (c *Client) remember(h Head) {
	c.known.add(h.Header)
	c.certs[h.Header.Height] = h.Certificate
}

func (k headerCache) add(h ledger.Header) {
	if len(k) >= maxKnownHeaders {
		clear(k)
	}
	k[h.Height] = h
}

func (c *Client) knownHeader(height ledger.Height) (ledger.Header, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.known[height]
	return h, ok
}

func (c *Client) learn(headers ...ledger.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range headers {
		c.known.add(h)
	}
}

// synced returns the newest verified head, and syncs if there is none.
func (c *Client) synced(ctx context.Context) (Head, error) {
	if err := c.halted(); err != nil {
		return Head{}, err
	}
	if h, ok := c.Head(); ok {
		return h, nil
	}
	return c.Sync(ctx)
}

// reach returns a head whose log has block h in it.
func (c *Client) reach(ctx context.Context, height ledger.Height) (Head, error) {
	head, err := c.synced(ctx)
	if err == nil && height > head.Header.Height {
		head, err = c.Sync(ctx)
	}
	if err == nil && height > head.Header.Height {
		err = fmt.Errorf("%w: block %d: the newest final block is %d", ErrNotShown, height, head.Header.Height)
	}
	return head, err
}

// header returns a final header: known already, linked to the head by its
// descendants' parent hashes, or else proven to be under the head.
func (c *Client) header(ctx context.Context, height ledger.Height) (ledger.Header, error) {
	head, err := c.reach(ctx, height)
	if err != nil {
		return ledger.Header{}, err
	}
	if h, ok := c.knownHeader(height); ok {
		return h, nil
	}
	if back := head.Header.Height - height; back < MaxBlocks {
		list, err := c.below(ctx, head.Header, int(back))
		if err != nil {
			return ledger.Header{}, err
		}
		return list[len(list)-1], nil
	}
	b, err := c.blockUnder(ctx, head, height)
	return b.Header, err
}

// below returns limit headers that come before child, the newest first, each
// linked to the next one by its parent hash.
func (c *Client) below(ctx context.Context, child ledger.Header, limit int) ([]ledger.Header, error) {
	limit = min(limit, int(child.Height))
	if limit == 0 {
		return nil, nil
	}
	return first(ctx, c, func(ctx context.Context, n *node) ([]ledger.Header, error) {
		us, said, err := askFor[[]UnverifiedHeader](ctx, n, headers(child.Height, limit))
		if err != nil {
			return nil, err
		}
		if len(us) != limit {
			return nil, fmt.Errorf("%w: %s listed %d of %d blocks", ErrUnavailable, n.source.Name(), len(us), limit)
		}
		list := make([]ledger.Header, limit)
		for i, next := 0, child; i < limit; next, i = list[i], i+1 {
			if list[i], err = c.trusted.parseHeader(us[i].Header); err == nil {
				err = CheckParent(next, list[i])
			}
			if err != nil {
				return nil, n.refuse(err, said)
			}
		}
		c.learn(list...)
		return list, nil
	})
}

// Blocks returns at most limit headers, the newest first: from the newest final
// block on, or from the one before a height.
func (c *Client) Blocks(ctx context.Context, before *ledger.Height, limit int) ([]ledger.Header, error) {
	limit = min(max(limit, 1), MaxBlocks)
	head, err := c.synced(ctx)
	if err != nil {
		return nil, err
	}
	if before == nil || *before > head.Header.Height {
		older, err := c.below(ctx, head.Header, limit-1)
		return append([]ledger.Header{head.Header}, older...), err
	}
	child, err := c.header(ctx, *before)
	if err != nil {
		return nil, err
	}
	return c.below(ctx, child, limit)
}

// Block is a final block with the certificate that made it final.
type Block struct {
	Header      ledger.Header
	Inclusion   tlog.RecordProof // of the header under the certificate
	Certificate *ledger.Certificate
	Records     []*ledger.UnverifiedRecord // proven to be in the block; the authors' signatures are the quorum's word
}

// Block returns a final block.
func (c *Client) Block(ctx context.Context, height ledger.Height) (Block, error) {
	head, err := c.reach(ctx, height)
	if err != nil {
		return Block{}, err
	}
	return c.blockUnder(ctx, head, height)
}

func (c *Client) blockUnder(ctx context.Context, head Head, height ledger.Height) (Block, error) {
	return first(ctx, c, func(ctx context.Context, n *node) (Block, error) {
		u, said, err := askFor[UnverifiedBlock](ctx, n, block(height, head.size()))
		if err != nil {
			return Block{}, err
		}
		h, records, err := c.trusted.OpenBlock(head, height, u)
		if err != nil {
			return Block{}, n.refuse(err, said)
		}
		c.learn(h)
		own, cert, err := c.openOwn(ctx, n, head, h, u.Inclusion, []byte(u.Certificate))
		if err != nil {
			return Block{}, err
		}
		return Block{Header: h, Inclusion: own, Certificate: cert, Records: records}, nil
	})
}

// openOwn checks the certificate of a block that is proven under head. If it is
// of another history, the client has found a contradiction.
func (c *Client) openOwn(ctx context.Context, n *node, head Head, h ledger.Header, inclusion tlog.RecordProof, msg []byte) (tlog.RecordProof, *ledger.Certificate, error) {
	own, tree := OwnProof(h, inclusion, head.size())
	cert, err := c.trusted.OpenCertificate(tree, msg)
	if errors.Is(err, errForked) {
		ours := Sighting{Certificate: string(head.Certificate.Note), Header: string(h.Text()), Inclusion: inclusion}
		return nil, nil, c.compare(ctx, n, ours, Head{Certificate: cert}, h.Height, n.lied(err, msg))
	}
	if err != nil {
		return nil, nil, n.refuse(err, msg)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.certs) >= maxKnownHeaders {
		clear(c.certs)
	}
	c.certs[h.Height] = cert
	for _, s := range cert.Cosignatures {
		c.sawCosignature(s.Member, LastCosigned{Height: h.Height, Time: time.Unix(s.Time, 0)})
	}
	return own, cert, nil
}

// Record is a final record with everything that proves it.
type Record struct {
	*ledger.Record
	Index       int64
	Path        tlog.RecordProof // in the block
	Header      ledger.Header
	Inclusion   tlog.RecordProof // of the header under the certificate
	Certificate *ledger.Certificate
}

// Record returns a final record. ErrNotShown does not prove that there is none.
// A record that no node shows under the current head may be newer than that.
func (c *Client) Record(ctx context.Context, id ledger.RecordID) (Record, error) {
	head, err := c.synced(ctx)
	if err != nil {
		return Record{}, err
	}
	r, failed := c.record(ctx, id)
	if failed == nil || c.halted() != nil {
		return r, failed
	}
	if newer, err := c.Sync(ctx); err != nil || newer.Tree() == head.Tree() {
		return Record{}, errors.Join(failed, err)
	}
	return c.record(ctx, id)
}

func (c *Client) record(ctx context.Context, id ledger.RecordID) (Record, error) {
	return first(ctx, c, func(ctx context.Context, n *node) (Record, error) {
		head, _ := c.Head()
		u, said, err := askFor[UnverifiedRecord](ctx, n, record(id, head.size()))
		if err != nil {
			return Record{}, err
		}
		r, h, err := c.trusted.OpenRecord(head, id, u)
		if err != nil {
			return Record{}, n.refuse(err, said)
		}
		c.learn(h)
		msg, err := n.ask(ctx, certificate(h.Height))
		if err != nil {
			return Record{}, err
		}
		own, cert, err := c.openOwn(ctx, n, head, h, u.Inclusion, msg)
		if err != nil {
			return Record{}, err
		}
		return Record{Record: r, Index: u.Index, Path: u.Path, Header: h, Inclusion: own, Certificate: cert}, nil
	})
}

// ExistedBy is when the record existed at the latest: one honest member at
// least had signed its block by then.
func (r Record) ExistedBy() time.Time { return time.Unix(r.Certificate.Time(), 0) }

// State is what is so at a block: the value of an item, or that it has none.
type State struct {
	Head  Head            // the block it is so at, under that block's own certificate
	Value json.RawMessage // canonical JSON; nil: proven absent
	Proof []byte          // package merkle, under the state root of the head's header
}

// State returns what is so now. Under a stale head it returns that head's
// state and ErrStale.
func (c *Client) State(ctx context.Context, space, name string) (State, error) {
	s, err := c.StateAtHead(ctx, space, name)
	if err != nil {
		return s, err
	}
	if age, stale := c.Age(s.Head); stale {
		return s, fmt.Errorf("%w: block %d, %s old", ErrStale, s.Head.Header.Height, age.Round(time.Second))
	}
	return s, nil
}

// StateAtHead returns what is so at the newest block that can be verified,
// however old that is. A node may not answer with an older block than the
// client has seen: an old state could be a true one that has changed.
func (c *Client) StateAtHead(ctx context.Context, space, name string) (State, error) {
	least, err := c.Sync(ctx)
	if err != nil {
		return State{}, err
	}
	return first(ctx, c, func(ctx context.Context, n *node) (State, error) {
		return c.askState(ctx, n, least, space, name, wireName(space, name))
	})
}

// wireName is how a path writes a name of the state: digests in hexadecimal.
func wireName(space, name string) string {
	if space == DigestSpace {
		return fmt.Sprintf("%x", name)
	}
	return name
}

func (c *Client) askState(ctx context.Context, n *node, least Head, space, name, wire string) (State, error) {
	from, _ := c.Head()
	u, said, err := askFor[UnverifiedState](ctx, n, item(space, wire, from.size()))
	if err != nil {
		return State{}, err
	}
	h, err := c.trusted.OpenHead(u.UnverifiedHead)
	if err != nil {
		return State{}, n.refuse(err, said)
	}
	if h.size() < least.size() {
		return State{}, fmt.Errorf("%w: %s answers from block %d, the client knows block %d",
			ErrUnavailable, n.source.Name(), h.Header.Height, least.Header.Height)
	}
	if err := c.consider(ctx, n, from, h, u.Consistency, said); err != nil {
		return State{}, err
	}
	value, err := OpenState(h.Header, space, name, u)
	if err != nil {
		return State{}, n.refuse(err, said)
	}
	return State{Head: h, Value: value, Proof: u.Proof}, nil
}

// DigestSpace is where the ledger keeps, for each public digest, the record
// that claimed it first. A name in it is the 32 bytes of a SHA-256.
const DigestSpace = "digest"

// Lookup returns the record that claimed a digest first, and the state that
// proves it, or proves that nobody has.
func (c *Client) Lookup(ctx context.Context, digest [32]byte) (*Record, State, error) {
	s, err := c.StateAtHead(ctx, DigestSpace, string(digest[:]))
	if err != nil || s.Value == nil {
		return nil, s, err
	}
	var claim struct {
		Record string `json:"record"`
	}
	if err := json.Unmarshal(s.Value, &claim); err != nil {
		return nil, s, fmt.Errorf("%w: the state of a digest: %v", ledger.ErrFormat, err)
	}
	id, err := ledger.ParseRecordID(claim.Record)
	if err != nil {
		return nil, s, err
	}
	r, err := c.Record(ctx, id)
	if err != nil {
		return nil, s, err
	}
	return &r, s, nil
}

// Search asks one node's index, and returns the hits that are proven to be
// final records and do fit the query. What is missing proves nothing.
func (c *Client) Search(ctx context.Context, query string) ([]Record, error) {
	if _, err := c.synced(ctx); err != nil {
		return nil, err
	}
	hits, err := first(ctx, c, func(ctx context.Context, n *node) ([]UnverifiedHit, error) {
		u, _, err := askFor[struct{ Hits []UnverifiedHit }](ctx, n, search(query))
		return u.Hits, err
	})
	if err != nil {
		return nil, err
	}
	var found []Record
	for _, hit := range hits[:min(len(hits), maxHits)] {
		id, err := ledger.ParseRecordID(hit.ID)
		if err != nil {
			continue
		}
		r, err := c.Record(ctx, id)
		if c.halted() != nil || ctx.Err() != nil {
			return nil, err
		}
		if err == nil && r.fits(query) {
			found = append(found, r)
		}
	}
	return found, nil
}

// fits says whether a record is what a query could mean: by the beginning of
// its id, its item, its height, an author, or a digest, a CID or a name of its evidence.
func (r Record) fits(query string) bool {
	q := strings.ToLower(strings.TrimSpace(query))
	texts := []string{r.ID.String(), r.ItemName(), fmt.Sprint(r.Header.Height)}
	texts = append(texts, r.By...)
	for _, e := range r.Evidence {
		texts = append(texts, e.SHA256, e.CID, e.Name)
	}
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), q) {
			return q != ""
		}
	}
	return false
}

// Member is a member in force, with its newest cosignature that the client has seen.
type Member struct {
	ledger.Member
	Last *LastCosigned // nil: none seen
}

// Members returns the members in force. It asks for their newest cosignatures,
// since a certificate holds only a quorum of them.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	if _, err := c.synced(ctx); err != nil {
		return nil, err
	}
	_, err := first(ctx, c, c.askCosignatures)
	if halted := c.halted(); halted != nil {
		return nil, halted
	}
	c.mu.Lock()
	cosigned := maps.Clone(c.cosigned)
	c.mu.Unlock()
	out := make([]Member, len(c.trusted.Members))
	for i, m := range c.trusted.Members {
		out[i].Member = m
		if last, ok := cosigned[m.Name]; ok {
			out[i].Last = &last
		}
	}
	if ctx.Err() != nil {
		return nil, err
	}
	return out, nil // without news from the nodes, what was seen before is still true
}

// askCosignatures takes over the cosignatures that verify.
func (c *Client) askCosignatures(ctx context.Context, n *node) (int, error) {
	u, _, err := askFor[struct{ Members []UnverifiedCosignature }](ctx, n, get("/v1/members", maxHead))
	if err != nil {
		return 0, err
	}
	count := 0
	for _, s := range u.Members {
		m := c.trusted.Members.ByName(s.Name)
		if m == nil {
			continue
		}
		tree, err := ledger.ParseCheckpoint(c.trusted.Origin, []byte(s.Checkpoint))
		if err != nil {
			continue
		}
		opened, err := m.Cosigner().Open(c.trusted.Origin, tree, s.Lines)
		if err != nil {
			continue
		}
		c.mu.Lock()
		c.sawCosignature(m.Name, LastCosigned{Height: ledger.Height(tree.N - 1), Time: time.Unix(opened.Time, 0)})
		c.mu.Unlock()
		count++
	}
	return count, nil
}
