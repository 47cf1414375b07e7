package lightclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// Sighting is a header that a quorum's certificate makes final.
type Sighting struct {
	Certificate string           `json:"certificate"`
	Header      string           `json:"header"`
	Inclusion   tlog.RecordProof `json:"inclusion"`
}

// Contradiction is the proof that members certified two histories: two final
// headers of one height, or two logs of one size. It stands for itself: Check
// needs nothing but the genesis.
type Contradiction struct {
	Ledger  string   `json:"ledger"`
	First   Sighting `json:"first"`
	Second  Sighting `json:"second"`
	Members []string `json:"members"` // who signed both

	Accusations []string `json:"accusations"` // of each of them: files of package proof
}

// Error implements error.
func (c *Contradiction) Error() string {
	return fmt.Sprintf("the ledger contradicts itself: two histories are certified, both by %s", strings.Join(c.Members, ", "))
}

// Check checks that the two sightings cannot both be true, and that Members are
// those who signed both. In this order:
//
//  1. each certificate has a quorum;
//  2. each header is under its certificate;
//  3. the logs have one size and different roots, or the headers have one
//     height and differ;
//  4. Members are exactly those whose cosignatures stand in both.
func (c *Contradiction) Check(t Trusted) error {
	var certs [2]*ledger.Certificate
	var headers [2]ledger.Header
	for i, s := range []Sighting{c.First, c.Second} {
		var err error
		if certs[i], err = ledger.OpenCertificate(t.Origin, t.Members, []byte(s.Certificate)); err != nil {
			return err
		}
		if headers[i], err = t.openHeader(s.Header, s.Inclusion, certs[i].Tree); err != nil {
			return err
		}
	}
	logs := certs[0].Tree.N == certs[1].Tree.N && certs[0].Tree != certs[1].Tree
	blocks := headers[0].Height == headers[1].Height && headers[0] != headers[1]
	if !logs && !blocks {
		return fmt.Errorf("%w: the two do not contradict each other", ledger.ErrProof)
	}
	if both := signedBoth(certs[0], certs[1]); !slices.Equal(both, c.Members) {
		return fmt.Errorf("%w: %s signed both", ledger.ErrSignature, strings.Join(both, ", "))
	}
	return nil
}

func signedBoth(a, b *ledger.Certificate) []string {
	var both []string
	for _, x := range a.Cosignatures {
		if slices.ContainsFunc(b.Cosignatures, func(y ledger.Cosignature) bool { return y.Member == x.Member }) {
			both = append(both, x.Member)
		}
	}
	slices.Sort(both)
	return both
}

func sighting(h Head) Sighting {
	return Sighting{Certificate: string(h.Certificate.Note), Header: string(h.Header.Text()), Inclusion: h.Inclusion}
}

// sightingAt proves the header at a height under our own head.
func (c *Client) sightingAt(ctx context.Context, known Head, height ledger.Height) (Sighting, error) {
	return first(ctx, c, func(ctx context.Context, n *node) (Sighting, error) {
		return c.askSighting(ctx, n, known, height)
	})
}

func (c *Client) askSighting(ctx context.Context, n *node, under Head, height ledger.Height) (Sighting, error) {
	u, said, err := askFor[UnverifiedBlock](ctx, n, block(height, under.size()))
	if err != nil {
		return Sighting{}, err
	}
	if _, _, err := c.trusted.OpenBlock(under, height, u); err != nil {
		return Sighting{}, n.refuse(err, said)
	}
	return Sighting{Certificate: string(under.Certificate.Note), Header: u.Header, Inclusion: u.Inclusion}, nil
}

// examine finds out why a certified head does not extend ours: the node gave a
// wrong proof, or there are two histories.
func (c *Client) examine(ctx context.Context, n *node, ours, theirs Head, lied error) error {
	return c.compare(ctx, n, sighting(ours), theirs, ours.Header.Height, lied)
}

// compare asks for the header that the node's certified log has at the height
// of ours. Only the node itself can show that it differs, so a node that does
// not has lied.
func (c *Client) compare(ctx context.Context, n *node, ours Sighting, theirs Head, height ledger.Height, lied error) error {
	proof, err := c.askSighting(ctx, n, theirs, height)
	if err != nil || proof.Header == ours.Header {
		return lied
	}
	return c.contradicted(ours, proof)
}

// contradicted checks the evidence, keeps it and stops the client for good.
func (c *Client) contradicted(first, second Sighting) error {
	found := &Contradiction{Ledger: c.trusted.Origin, First: first, Second: second}
	a, err := ledger.OpenCertificate(c.trusted.Origin, c.trusted.Members, []byte(first.Certificate))
	if err != nil {
		return err
	}
	b, err := ledger.OpenCertificate(c.trusted.Origin, c.trusted.Members, []byte(second.Certificate))
	if err != nil {
		return err
	}
	found.Members = signedBoth(a, b)
	if err := found.Check(c.trusted); err != nil {
		return err
	}
	if err := c.accuse(found); err != nil {
		return err
	}
	file, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return fmt.Errorf("encode contradiction: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = found
	if err := c.swap(storedContradiction, nil, file); err != nil && !errors.Is(err, ErrConflict) {
		c.stopped = errors.Join(found, err)
	}
	return c.stopped
}

// loadContradiction stops a client that has found one before.
func (c *Client) loadContradiction() error {
	file, err := c.read(storedContradiction)
	if err != nil || file == nil {
		return err
	}
	found := new(Contradiction)
	if err := json.Unmarshal(file, found); err != nil {
		return fmt.Errorf("%w: the stored contradiction is damaged: %v", ErrStore, err)
	}
	return found
}

// halted returns what stopped the client.
func (c *Client) halted() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}
