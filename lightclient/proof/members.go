package proof

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// term is a member set with the first height at which it is in force.
type term struct {
	from ledger.Height
	set  ledger.MemberSet
}

// memberSets are the terms from genesis on, each certified by the one before.
type memberSets []term

// memberSets walks the member history. For each change, in this order:
//
//  1. its header is of this ledger, and later than the change before;
//  2. the header names the set in force, and a certificate of exactly this
//     height by that set covers it;
//  3. the new set is well formed and the one that the header announces.
func (p *Proof) memberSets(g *ledger.Genesis, f ledger.Fingerprint, known *Certificates) (memberSets, error) {
	origin := g.Origin(f)
	sets := memberSets{{set: g.Members}}
	for i, c := range p.History {
		old := sets[i]
		if c.Header.Ledger != origin {
			return nil, otherLedger(c.Header, origin)
		}
		if i > 0 && c.Header.Height < old.from {
			return nil, malformed("the changes of the member set are not in order")
		}
		if c.Header.Members != old.set.Digest() {
			return nil, fmt.Errorf("%w: block %d was not certified by the members of its time", ledger.ErrProof, c.Header.Height)
		}
		cert, err := known.openExact(origin, old.set, c.Certificate)
		if err != nil {
			return nil, err
		}
		if cert.Height() != c.Header.Height {
			return nil, malformed("the change at height %d has a certificate of height %d", c.Header.Height, cert.Height())
		}
		if err := c.Header.CheckIncluded(c.Inclusion, cert.Tree); err != nil {
			return nil, err
		}
		set, err := ledger.ParseMemberSet(c.Members)
		if err != nil {
			return nil, err
		}
		if set.Digest() != c.Header.Next || c.Header.Next == c.Header.Members {
			return nil, fmt.Errorf("%w: block %d does not announce this member set", ledger.ErrProof, c.Header.Height)
		}
		sets = append(sets, term{from: c.Header.Height + 1, set: set})
	}
	return sets, nil
}

// at returns the set in force at a height.
func (s memberSets) at(h ledger.Height) ledger.MemberSet {
	set := s[0].set
	for _, t := range s[1:] {
		if t.from <= h {
			set = t.set
		}
	}
	return set
}

// newest returns the last set.
func (s memberSets) newest() term { return s[len(s)-1] }

// openNewest opens a certificate under the last set and cuts it to a quorum.
func (s memberSets) openNewest(origin string, msg []byte) (*ledger.Certificate, error) {
	cert, err := ledger.OpenCertificate(origin, s.newest().set, msg)
	if err != nil {
		return nil, err
	}
	cert.Note = cert.Exact(origin)
	return cert, nil
}

// Certificates remembers certificates that were verified, each under its
// members, so that the proofs of a case, which share some, verify each once.
// The zero value is empty; its methods may be called from any goroutine.
type Certificates struct{ known sync.Map }

// openExact opens a certificate, unless the very same bytes were good before
// under the same members. Without anything to remember by it opens each.
func (k *Certificates) openExact(origin string, set ledger.MemberSet, msg []byte) (*ledger.Certificate, error) {
	if k == nil {
		return openExact(origin, set, msg)
	}
	type under struct{ members, note [sha256.Size]byte }
	key := under{set.Digest(), sha256.Sum256(append([]byte(origin+"\n"), msg...))}
	if cert, ok := k.known.Load(key); ok {
		return cert.(*ledger.Certificate), nil
	}
	cert, err := openExact(origin, set, msg)
	if err != nil {
		return nil, err
	}
	k.known.Store(key, cert)
	return cert, nil
}

// openExact opens a certificate that has the cosignatures of a quorum and no other byte.
func openExact(origin string, set ledger.MemberSet, msg []byte) (*ledger.Certificate, error) {
	cert, err := ledger.OpenCertificate(origin, set, msg)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(cert.Exact(origin), msg) {
		return nil, malformed("a certificate has more than the cosignatures of a quorum")
	}
	return cert, nil
}

// checkLogged checks that a header of this ledger is in the log, under the members of its time.
func (s memberSets) checkLogged(origin string, h ledger.Header, path tlog.RecordProof, tree tlog.Tree) error {
	if h.Ledger != origin {
		return otherLedger(h, origin)
	}
	if h.Members != s.at(h.Height).Digest() {
		return fmt.Errorf("%w: block %d does not name the members of its time", ledger.ErrProof, h.Height)
	}
	return h.CheckIncluded(path, tree)
}

func otherLedger(h ledger.Header, origin string) error {
	return fmt.Errorf("%w: block %d is of %q, not of %q", ledger.ErrLedger, h.Height, h.Ledger, origin)
}

// Policy returns a C2SP policy for the certificate: a quorum of the members in
// force. It names the cosigners only; a verifier must also want the origin,
// which is the first line of the checkpoint. The policy is of the Ed25519 keys:
// programs that read it do not know ML-DSA-44 yet, and refuse a policy with
// keys that they do not know.
func (p *Proof) Policy() ([]byte, error) {
	g, err := ledger.ParseGenesis(p.Genesis)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	f := ledger.GenesisFingerprint(p.Genesis)
	sets, err := p.memberSets(g, f, nil)
	if err != nil {
		return nil, fmt.Errorf("policy: member history: %w", err)
	}
	set := sets.newest().set
	out := fmt.Appendf(nil, "# %d of %d members of %s, by their Ed25519 cosignatures\n# genesis %s\n", set.Quorum(), len(set), g.Origin(f), f)
	group := fmt.Appendf(nil, "group members %d", set.Quorum())
	for _, m := range set {
		out = fmt.Appendf(out, "witness %s %s\n", m.Name, m.Keys[0])
		group = append(append(group, ' '), m.Name...)
	}
	return append(append(out, group...), "\nquorum members\n"...), nil
}
