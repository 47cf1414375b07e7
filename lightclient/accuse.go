package lightclient

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// Accusation is a verified accusation of a member, and its file.
type Accusation struct {
	*proof.Accused
	File string
}

// maxAccusations bounds what a node may answer: some files with their genesis each.
const maxAccusations = 8 << 20

// Accusations asks every node for members who cosigned two histories, and
// returns one verified accusation of each, by name. That there are none is the
// nodes' word; that there is one is proven.
func (c *Client) Accusations(ctx context.Context) ([]Accusation, error) {
	nodes := c.line()
	answers, err := gather(ctx, c, nodes, len(nodes), len(nodes), c.askAccusations)
	if err != nil {
		return nil, fmt.Errorf("ask for accusations: %w", err)
	}
	byName := func(a, b Accusation) int { return cmp.Compare(a.Member, b.Member) }
	all := slices.Concat(answers...)
	slices.SortStableFunc(all, byName)
	return slices.CompactFunc(all, func(a, b Accusation) bool { return a.Member == b.Member }), nil
}

// askAccusations leaves out what does not verify: it accuses nobody, and proves
// nothing against the node, which may have it from another.
func (c *Client) askAccusations(ctx context.Context, n *node) ([]Accusation, error) {
	u, _, err := askFor[struct{ Accusations []string }](ctx, n, get("/v1/misbehaviour", maxAccusations))
	if err != nil {
		return nil, err
	}
	return c.trusted.openAccusations(u.Accusations), nil
}

func (t Trusted) openAccusations(files []string) []Accusation {
	var out []Accusation
	for _, file := range files {
		if r := proof.VerifyAccusation([]byte(file), &t.Fingerprint); r.Verdict == proof.Valid {
			out = append(out, Accusation{Accused: r.Accused, File: file})
		}
	}
	return out
}

// accuse makes the accusation of each member who signed both sightings of a
// contradiction, so that each stands without the others.
func (c *Client) accuse(found *Contradiction) error {
	for _, name := range found.Members {
		a := proof.Accusation{Genesis: c.genesis, Member: name}
		sizes := [2]int64{}
		for i, side := range []struct {
			from Sighting
			to   *proof.Cosigned
		}{{found.First, &a.One}, {found.Second, &a.Other}} {
			tree, err := c.trusted.cosigned(side.from, name, side.to)
			if err != nil {
				return fmt.Errorf("accuse %s: %w", name, err)
			}
			sizes[i] = tree
		}
		if sizes[0] == sizes[1] { // the roots say it
			a.One.Header, a.One.Path, a.Other.Header, a.Other.Path = nil, nil, nil, nil
		}
		file, err := proof.NewAccusation(a)
		if err != nil {
			return err
		}
		found.Accusations = append(found.Accusations, string(file))
	}
	return nil
}

// cosigned takes a member's part out of a sighting, and returns the size of the log.
func (t Trusted) cosigned(s Sighting, name string, to *proof.Cosigned) (int64, error) {
	cert, err := ledger.OpenCertificate(t.Origin, t.Members, []byte(s.Certificate))
	if err != nil {
		return 0, err
	}
	h, err := ledger.ParseHeader([]byte(s.Header))
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(cert.Cosignatures, func(c ledger.Cosignature) bool { return c.Member == name })
	to.Note = ledger.FormatCosigned(t.Origin, cert.Tree, cert.Cosignatures[i].Lines)
	to.Header, to.Path = &h, s.Inclusion
	return cert.Tree.N, nil
}
