// Package finality decides who may cosign what and when a block is final. It
// is one pure step function, so that a simulator can replay every schedule by
// its seed: no clock, no disk, no network, no goroutine, and never a private
// key.
//
// A block becomes final in one step: each member executes it and cosigns the
// checkpoint that it makes; a quorum of cosignatures is the certificate. The
// echo and vote messages that will let a height survive an equivocating leader
// go in front of the Cosign output, and change nothing behind it.
package finality

import (
	"fmt"

	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

// ahead is how many sizes beyond the open one cosignatures are kept for: a
// member may be one block ahead of us and no more, since a height waits for
// the certificate of the one below.
const ahead = 2

// Input is what happened. It is one of Candidate, Cosigned, Final.
type Input interface{ input() }

// Candidate says that this member executed the block that makes Tree, on its
// own final state, and that the block and its header are on disk.
type Candidate struct{ Tree tlog.Tree }

// Cosigned says that a member's cosignature over the checkpoint Tree came in,
// from a peer or from this member's own guard: both of its lines, or it is
// nothing.
type Cosigned struct {
	Member string
	Tree   tlog.Tree
	Lines  string
}

// Final says that the tree is final on disk here, by our own certificate or by
// one that came with a block from a peer.
type Final struct{ Tree tlog.Tree }

func (Candidate) input() {}
func (Cosigned) input()  {}
func (Final) input()     {}

// Output is what is to be done. It is one of Cosign, Certified, Behind,
// Diverged, Misbehaviour.
type Output interface{ output() }

// Cosign asks the guard for this member's cosignature on the open candidate.
type Cosign struct{ Tree tlog.Tree }

// Certified says that the open candidate has a quorum: it is to be made final.
type Certified struct{ Certificate *ledger.Certificate }

// Behind says that members cosigned a tree of this size, which this member
// cannot reach by executing: it has to catch up from its peers.
type Behind struct{ Size int64 }

// Diverged says that a quorum cosigned another tree than this member's own
// execution made: its state is wrong, and it must stop.
type Diverged struct {
	Ours        tlog.Tree
	Certificate *ledger.Certificate
}

// Misbehaviour is two cosignatures of one member on different trees of one size.
type Misbehaviour struct {
	Member string
	First  Cosigned
	Second Cosigned
}

func (Cosign) output()       {}
func (Certified) output()    {}
func (Behind) output()       {}
func (Diverged) output()     {}
func (Misbehaviour) output() {}

// State is what one member knows of the open height. The zero value is not
// useful: New makes it.
type State struct {
	origin    string
	members   ledger.MemberSet
	final     tlog.Tree
	candidate *tlog.Tree
	certified bool
	cosigned  map[int64]map[string]kept // by size and member, only valid ones
}

// kept is a cosignature that was verified when it came in.
type kept struct {
	Cosigned
	opened ledger.Cosignature
}

// New returns the state of a member whose newest final tree is final (size 0
// before block 0 has its certificate).
func New(origin string, members ledger.MemberSet, final tlog.Tree) *State {
	return &State{origin: origin, members: members, final: final, cosigned: map[int64]map[string]kept{}}
}

// Step takes one input in and returns what is to be done, in order.
func (s *State) Step(in Input) []Output {
	switch in := in.(type) {
	case Candidate:
		return s.open(in.Tree)
	case Cosigned:
		return s.receive(in)
	case Final:
		return s.close(in.Tree)
	}
	panic(fmt.Sprintf("finality: unknown input %T", in))
}

// Latest returns the newest valid cosignature of a member that is kept here.
func (s *State) Latest(member string) (Cosigned, bool) {
	for size := s.final.N + ahead; size >= s.final.N; size-- {
		if c, ok := s.cosigned[size][member]; ok {
			return c.Cosigned, true
		}
	}
	return Cosigned{}, false
}

func (s *State) open(tree tlog.Tree) []Output {
	if tree.N != s.final.N+1 {
		panic(fmt.Sprintf("finality: candidate of size %d on a final tree of size %d", tree.N, s.final.N))
	}
	s.candidate = &tree
	return append([]Output{Cosign{tree}}, s.count(tree.N)...)
}

// receive keeps a valid cosignature for an open or coming size. A member is
// held to its first; a second one on another tree is evidence.
func (s *State) receive(in Cosigned) []Output {
	member := s.members.ByName(in.Member)
	if member == nil || in.Tree.N < s.final.N || in.Tree.N == 0 {
		return nil
	}
	first, known := s.cosigned[in.Tree.N][in.Member]
	if known && first.Tree == in.Tree {
		return nil
	}
	opened, err := member.Cosigner().Open(s.origin, in.Tree, in.Lines)
	if err != nil {
		return nil
	}
	if known {
		return []Output{Misbehaviour{Member: in.Member, First: first.Cosigned, Second: in}}
	}
	if in.Tree.N > s.final.N+ahead {
		return []Output{Behind{in.Tree.N}}
	}
	if s.cosigned[in.Tree.N] == nil {
		s.cosigned[in.Tree.N] = map[string]kept{}
	}
	s.cosigned[in.Tree.N][in.Member] = kept{in, opened}
	return s.count(in.Tree.N)
}

// count looks whether one tree of that size has its quorum.
func (s *State) count(size int64) []Output {
	if size <= s.final.N || s.certified && size == s.final.N+1 {
		return nil
	}
	byTree := map[tlog.Tree][]ledger.Cosignature{}
	for _, m := range s.members {
		c, ok := s.cosigned[size][m.Name]
		if !ok {
			continue
		}
		byTree[c.Tree] = append(byTree[c.Tree], c.opened)
		if len(byTree[c.Tree]) < s.members.Quorum() {
			continue
		}
		certificate, err := ledger.NewCertificate(s.origin, s.members, c.Tree, byTree[c.Tree])
		if err != nil {
			panic("finality: cosignatures that were checked one by one: " + err.Error())
		}
		return s.certify(certificate)
	}
	return nil
}

func (s *State) certify(c *ledger.Certificate) []Output {
	switch {
	case c.Tree.N > s.final.N+1:
		return []Output{Behind{c.Tree.N}}
	case s.candidate == nil:
		return nil // the block is on its way through Raft
	case *s.candidate != c.Tree:
		return []Output{Diverged{Ours: *s.candidate, Certificate: c}}
	}
	s.certified = true
	return []Output{Certified{c}}
}

func (s *State) close(tree tlog.Tree) []Output {
	if tree.N <= s.final.N {
		return nil
	}
	s.final, s.candidate, s.certified = tree, nil, false
	for size := range s.cosigned {
		if size < tree.N {
			delete(s.cosigned, size)
		}
	}
	return nil
}
