package fullnode

import (
	"sync"

	"evident/fullnode/finality"
	"evident/lightclient/ledger"
)

// formatCosigned writes a cosignature as a signed note of its two lines.
func formatCosigned(origin string, c finality.Cosigned) []byte {
	return ledger.FormatCosigned(origin, c.Tree, c.Lines)
}

// parseCosigned reads such a note. The signature itself is checked by finality.
func parseCosigned(origin, member string, msg []byte) (finality.Cosigned, error) {
	tree, lines, err := ledger.ParseCosigned(origin, msg)
	if err != nil {
		return finality.Cosigned{}, err
	}
	return finality.Cosigned{Member: member, Tree: tree, Lines: lines}, nil
}

// seen keeps each member's newest cosignature, for the members page, and for a
// member that asks what it signed last.
type seen struct {
	origin  string
	members ledger.MemberSet
	mu      sync.Mutex
	by      map[string]finality.Cosigned
}

func newSeen(origin string, members ledger.MemberSet) *seen {
	return &seen{origin: origin, members: members, by: map[string]finality.Cosigned{}}
}

// note takes a cosignature in that was checked before, or comes with a certificate.
func (s *seen) note(c finality.Cosigned) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Tree.N > s.by[c.Member].Tree.N {
		s.by[c.Member] = c
	}
}

func (s *seen) certificate(c *ledger.Certificate) {
	for _, x := range c.Cosignatures {
		s.note(finality.Cosigned{Member: x.Member, Tree: c.Tree, Lines: x.Lines})
	}
}

func (s *seen) newest(member string) (finality.Cosigned, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.by[member]
	return c, ok
}
