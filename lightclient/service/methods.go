package service

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

func (s *Service) status(ctx context.Context, _ None) (Status, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Status{}, err
	}
	head, err := s.newest(ctx, c)
	if err != nil {
		return Status{}, err
	}
	_, genesis := c.Genesis()
	trusted := c.Trusted()
	age, stale := c.Age(head)
	out := Status{
		Ledger: trusted.Origin, Name: genesis.Name, Words: trusted.Fingerprint.Words(), Fingerprint: trusted.Fingerprint.String(),
		Height: height(head.Header.Height), HeadTime: head.Time().UnixMilli(), HeadAgeMs: age.Milliseconds(), Stale: stale,
		Members: len(trusted.Members), Quorum: trusted.Members.Quorum(), Sources: []Source{},
	}
	for _, n := range c.Nodes() {
		out.Sources = append(out.Sources, sourceOf(n))
	}
	return out, nil
}

// newest syncs for the first answer; after that Run keeps the head moving.
func (s *Service) newest(ctx context.Context, c *lightclient.Client) (lightclient.Head, error) {
	head, ok := c.Head()
	asked := slices.ContainsFunc(c.Nodes(), func(n lightclient.NodeStatus) bool { return n.State != lightclient.NodeUnasked })
	if ok && asked {
		if _, stale := c.Age(head); !stale {
			return head, nil
		}
	}
	synced, err := c.Sync(ctx)
	if ok && errors.Is(err, lightclient.ErrUnavailable) {
		return head, nil // it says itself that it is stale
	}
	return synced, err
}

func sourceOf(n lightclient.NodeStatus) Source {
	out := Source{URL: n.Address, Member: n.Member, State: string(n.State), Height: height(ledger.Height(max(n.Size-1, 0)))}
	if n.Err != nil {
		out.Error = n.Err.Error()
	}
	if n.State == lightclient.NodeUnasked {
		out.State, out.Error = "down", "it was not asked yet"
	}
	return out
}

func (s *Service) blocks(ctx context.Context, p BlocksParams) (Blocks, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Blocks{}, err
	}
	var before *ledger.Height
	if p.Before != "" {
		h, err := parseHeight(p.Before)
		if err != nil {
			return Blocks{}, err
		}
		before = &h
	}
	if p.Limit < 1 {
		return Blocks{}, badRequest("limit is 1 to %d", lightclient.MaxBlocks)
	}
	headers, err := c.Blocks(ctx, before, p.Limit)
	if err != nil {
		return Blocks{}, err
	}
	summaries, err := summarise(ctx, c, headers)
	return Blocks{Blocks: summaries}, err
}

func summarise(ctx context.Context, c *lightclient.Client, headers []ledger.Header) ([]BlockSummary, error) {
	certs, err := c.Certificates(ctx, headers)
	if err != nil {
		return nil, err
	}
	out := make([]BlockSummary, len(headers))
	for i, h := range headers {
		out[i] = summaryOf(h, certs[i])
	}
	return out, nil
}

func (s *Service) block(ctx context.Context, p BlockParams) (Block, error) {
	h, err := parseHeight(p.Height)
	if err != nil {
		return Block{}, err
	}
	c, err := s.Client(ctx)
	if err != nil {
		return Block{}, err
	}
	b, err := c.Block(ctx, h)
	if err != nil {
		return Block{}, err
	}
	members := c.Trusted().Members
	out := Block{
		Summary: summaryOf(b.Header, b.Certificate), Header: string(b.Header.Text()),
		Parent: hex.EncodeToString(b.Header.Parent[:]), RecordsRoot: hex.EncodeToString(b.Header.RecordsRoot[:]),
		StateRoot: hex.EncodeToString(b.Header.State[:]), Certificate: string(b.Certificate.Note),
		Cosignatures: cosignaturesOf(members, b.Certificate), Records: []RecordSummary{},
		Proof: proofOf(members, b.Header, b.Inclusion, b.Certificate),
	}
	for i, r := range b.Records {
		out.Records = append(out.Records, recordSummary(r, b.Header.Height, int64(i)))
	}
	return out, nil
}

func (s *Service) record(ctx context.Context, p RecordParams) (LedgerRecord, error) {
	id, err := ledger.ParseRecordID(p.ID)
	if err != nil {
		return LedgerRecord{}, badRequest("%v", err)
	}
	c, err := s.Client(ctx)
	if err != nil {
		return LedgerRecord{}, err
	}
	r, err := c.Record(ctx, id)
	if err != nil {
		return LedgerRecord{}, err
	}
	file, err := c.Proof(ctx, r)
	if err != nil {
		return LedgerRecord{}, err
	}
	text, err := file.Encode()
	if err != nil {
		return LedgerRecord{}, fmt.Errorf("encode proof: %w", err)
	}
	out := describe(c.Trusted().Members, r)
	out.ProofFile = string(text)
	if file.Since != nil {
		s.dateAfter(ctx, c, r, &out)
	}
	s.addState(ctx, c, r, &out)
	return out, nil
}

// dateAfter says when the checkpoint that the author named was certified. If
// that cannot be had, the bound stays without a time.
func (s *Service) dateAfter(ctx context.Context, c *lightclient.Client, r lightclient.Record, out *LedgerRecord) {
	out.Badges.SignedAfter = Proven
	before := ledger.Height(r.After.Size)
	headers, err := c.Blocks(ctx, &before, 1)
	if err != nil {
		return
	}
	if certs, err := c.Certificates(ctx, headers); err == nil {
		out.SignedAfter.Time = certs[0].Time() * 1000
	}
}

// addState says what the item's state is now, if that can be proven.
func (s *Service) addState(ctx context.Context, c *lightclient.Client, r lightclient.Record, out *LedgerRecord) {
	state, err := c.State(ctx, r.Contract, r.ItemName())
	if err != nil {
		return
	}
	out.Badges.State = Proven
	out.State = itemState(state)
	out.Proof.State = &StateProof{Space: r.Contract, Name: r.ItemName(), Value: string(state.Value), Proof: base64Of(state.Proof)}
}

func (s *Service) members(ctx context.Context, _ None) (Members, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Members{}, err
	}
	members, err := c.Members(ctx)
	if err != nil {
		return Members{}, err
	}
	out := Members{Members: []Member{}}
	for _, m := range members {
		next := Member{Name: m.Name, Organisation: m.Organisation, Registry: m.Registry, Roles: m.Roles,
			Key: m.Keys[0], Node: m.Node, Addresses: m.Addresses}
		if m.Last != nil {
			next.LastCosigned = &LastCosigned{Height: height(m.Last.Height), Time: m.Last.Time.UnixMilli()}
		}
		out.Members = append(out.Members, next)
	}
	return out, nil
}

func (s *Service) lookup(ctx context.Context, p LookupParams) (Lookup, error) {
	digest, err := ledger.ParseRecordID(p.SHA256) // 64 hexadecimal digits too
	if err != nil {
		return Lookup{}, badRequest("%q is not a SHA-256: want 64 hexadecimal digits", p.SHA256)
	}
	c, err := s.Client(ctx)
	if err != nil {
		return Lookup{}, err
	}
	r, state, err := c.Lookup(ctx, digest)
	if err != nil {
		return Lookup{}, err
	}
	members := c.Trusted().Members
	if r == nil {
		out := Lookup{ProvenAbsentAtHeight: height(state.Head.Header.Height),
			Proof: proofOf(members, state.Head.Header, state.Head.Inclusion, state.Head.Certificate)}
		out.Proof.State = &StateProof{Space: lightclient.DigestSpace, Name: p.SHA256, Proof: base64Of(state.Proof)}
		return out, nil
	}
	summary := recordSummary(&r.UnverifiedRecord, r.Header.Height, r.Index)
	out := Lookup{Found: true, Record: &summary, ExistedBy: r.ExistedBy().UnixMilli(), Proof: describe(members, *r).Proof}
	out.Proof.State = &StateProof{Space: lightclient.DigestSpace, Name: p.SHA256, Value: string(state.Value), Proof: base64Of(state.Proof)}
	return out, nil
}

func (s *Service) search(ctx context.Context, p SearchParams) (Search, error) {
	query := strings.TrimSpace(p.Query)
	if query == "" || len(query) > 256 {
		return Search{}, badRequest("a search has 1 to 256 bytes")
	}
	c, err := s.Client(ctx)
	if err != nil {
		return Search{}, err
	}
	out := Search{Hits: []Hit{}}
	if h, err := parseHeight(query); err == nil {
		if b, err := c.Block(ctx, h); err == nil {
			summary := summaryOf(b.Header, b.Certificate)
			out.Hits = append(out.Hits, Hit{Kind: "block", Block: &summary})
		}
	}
	records, err := c.Search(ctx, query)
	if err != nil {
		return Search{}, err
	}
	for _, r := range records {
		summary := recordSummary(&r.UnverifiedRecord, r.Header.Height, r.Index)
		out.Hits = append(out.Hits, Hit{Kind: "record", Record: &summary})
	}
	return out, nil
}

// connectLimit is how long a verification waits to learn which ledger to trust,
// at the very first visit.
const connectLimit = 3 * time.Second

// verify needs no ledger: it works without a network. The ledger it trusts is
// the one this client follows, or the one whose words a person has confirmed.
func (s *Service) verify(ctx context.Context, p VerifyParams) (Report, error) {
	if p.Genesis == "" {
		limited, cancel := context.WithTimeout(ctx, connectLimit)
		defer cancel()
		if c, err := s.Client(limited); err == nil {
			p.Genesis = c.Trusted().Fingerprint.String()
		}
	}
	return Verify(p)
}

// Verify checks a proof file as the method does, but trusts only the ledger
// that the parameters name.
func Verify(p VerifyParams) (Report, error) {
	var options proof.Options
	if p.Genesis != "" {
		f, err := ledger.ParseFingerprint(p.Genesis)
		if err != nil {
			return Report{}, badRequest("%v", err)
		}
		options.Trusted = &f
	}
	if p.File != nil {
		content, err := contentOf(*p.File)
		if err != nil {
			return Report{}, err
		}
		options.Content = content
	}
	return ReportOf([]byte(p.Proof), options), nil
}

func contentOf(d FileDigest) (*proof.Content, error) {
	digest, err := ledger.ParseRecordID(d.SHA256)
	if err != nil {
		return nil, badRequest("%q is not a SHA-256: want 64 hexadecimal digits", d.SHA256)
	}
	size, err := strconv.ParseInt(d.Size, 10, 64)
	if err != nil || size < 0 {
		return nil, badRequest("%q is not a size", d.Size)
	}
	return &proof.Content{SHA256: digest, CID: d.CID, Size: size}, nil
}

func (s *Service) trust(ctx context.Context, p TrustParams) (Trust, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Trust{}, err
	}
	if p.Genesis != "" {
		f, err := ledger.ParseFingerprint(p.Genesis)
		if err != nil {
			return Trust{}, badRequest("%v", err)
		}
		if err := c.Confirm(f); err != nil {
			return Trust{}, err
		}
	}
	f := c.Trusted().Fingerprint
	return Trust{Fingerprint: f.String(), Words: f.Words(), Pinned: c.Pinned()}, nil
}

// Run follows the ledger and emits its new blocks, until ctx ends or the client
// has stopped for good. dial, which may be nil, makes sources of further nodes.
func (s *Service) Run(ctx context.Context, dial func(address string) (lightclient.Source, error)) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := s.run(ctx, dial)
		var contradiction *lightclient.Contradiction
		if ctx.Err() != nil || errors.As(err, &contradiction) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s *Service) run(ctx context.Context, dial func(address string) (lightclient.Source, error)) error {
	c, err := s.Client(ctx)
	if err != nil {
		return err
	}
	if _, err := c.Sync(ctx); err != nil {
		return err
	}
	if dial != nil {
		c.Discover(ctx, dial) // without it, the nodes we have are enough
	}
	c.Survey(ctx)
	return c.Follow(ctx, func(h ledger.Header) {
		summaries, err := summarise(ctx, c, []ledger.Header{h})
		if err == nil {
			s.Emit(BlockEvent{Kind: "block", Block: summaries[0]})
		}
	})
}
