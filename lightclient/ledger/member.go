package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxMembers bounds a member set.
const MaxMembers = 64

const membersPurpose = "evident/members/v1\n"

// Member is an organisation that cosigns the ledger.
type Member struct {
	Addresses    []string `json:"addresses"`    // URLs and multiaddrs of its node: hints, never trusted
	Keys         []string `json:"keys"`         // verifier keys of its Cosigner (C2SP tlog-cosignature): Ed25519, ML-DSA-44
	Name         string   `json:"name"`         // key name, a schema-less URL
	Node         string   `json:"node"`         // verifier key of its node's identity: libp2p, receipts, refusals
	Organisation string   `json:"organisation"` // legal name
	Registry     string   `json:"registry"`     // company or authority register number
	Roles        []string `json:"roles"`        //
}

// Cosigner returns the member's cosigning keys.
func (m Member) Cosigner() Cosigner {
	c, err := ParseCosigner(m.Keys)
	if err != nil {
		panic("ledger: member that was not checked: " + err.Error())
	}
	return c
}

// MemberSet is the members in force at a height, sorted by name.
type MemberSet []Member

// Quorum is more than two thirds of the members: floor(2n/3)+1.
func (s MemberSet) Quorum() int { return 2*len(s)/3 + 1 }

// Faults is how many members may do anything without harm: floor((n-1)/3).
func (s MemberSet) Faults() int { return (len(s) - 1) / 3 }

// Text returns the set's text: a purpose line and one line of canonical JSON.
func (s MemberSet) Text() []byte {
	line, err := EncodeCanonical(s)
	if err != nil {
		panic("ledger: member set that was not checked: " + err.Error())
	}
	return []byte(membersPurpose + string(line) + "\n")
}

// Digest returns the hash by which headers name the set: the SHA-256 of its text.
func (s MemberSet) Digest() tlog.Hash { return sha256.Sum256(s.Text()) }

// ParseMemberSet parses the text of a member set. Whether it is in force, a
// certified header tells.
func ParseMemberSet(text []byte) (MemberSet, error) {
	if len(text) > MaxGenesisSize {
		return nil, tooLarge("a member set", len(text), MaxGenesisSize)
	}
	line, ok := bytes.CutPrefix(text, []byte(membersPurpose))
	line, ended := bytes.CutSuffix(line, []byte("\n"))
	if !ok || !ended {
		return nil, malformed("member set: want a line %q and a line of JSON", strings.TrimSpace(membersPurpose))
	}
	var set MemberSet
	if err := DecodeCanonical(line, &set); err != nil {
		return nil, err
	}
	return set, set.check()
}

// ByName returns the member of that name, or nil.
func (s MemberSet) ByName(name string) *Member {
	for i := range s {
		if s[i].Name == name {
			return &s[i]
		}
	}
	return nil
}

// check holds the set to its limits and refuses a key that serves twice.
func (s MemberSet) check() error {
	if len(s) < 1 || len(s) > MaxMembers {
		return malformed("%d members, want 1 to %d", len(s), MaxMembers)
	}
	seen := map[string]bool{}
	for i, m := range s {
		if i > 0 && s[i-1].Name >= m.Name {
			return malformed("members are not sorted by name")
		}
		if err := m.check(); err != nil {
			return err
		}
		for _, key := range append([]string{m.Node}, m.Keys...) {
			bytes := key[strings.IndexByte(key, '+')+10:]
			if seen[bytes[2:]] {
				return malformed("a key of member %s serves twice", m.Name)
			}
			seen[bytes[2:]] = true
		}
	}
	return nil
}

func (m Member) check() error {
	if !isDomain(m.Name) {
		return malformed("%q is not a member's name", clip(m.Name))
	}
	key, err := ParseCosigner(m.Keys)
	if err != nil {
		return fmt.Errorf("member %s: %w", m.Name, err)
	}
	if err := CheckKey(m.Node); err != nil {
		return err
	}
	if key.Name() != m.Name || !strings.HasPrefix(m.Node, m.Name+"+") {
		return malformed("member %s: its keys have another name", m.Name)
	}
	if m.Organisation == "" {
		return malformed("member %s: no organisation", m.Name)
	}
	if m.Addresses == nil || m.Roles == nil || len(m.Addresses) > 16 || len(m.Roles) > 16 {
		return malformed("member %s: addresses and roles are lists of at most 16", m.Name)
	}
	for _, text := range append(append([]string{m.Organisation, m.Registry}, m.Addresses...), m.Roles...) {
		if len(text) > 256 || !isPlainText(text) {
			return malformed("member %s: a text is longer than 256 bytes or has control characters", m.Name)
		}
	}
	return nil
}
