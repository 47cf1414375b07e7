// Package ledgertest is a small consortium whose keys are all known, for tests
// and vectors: the same calls make the same bytes on every machine.
//
// Its keys are public. It panics where a test would fail.
package ledgertest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// Created is the time of block 0, Unix milliseconds.
const Created = 1763848800000

// Consortium is a ledger of n members.
type Consortium struct {
	Genesis     *ledger.Genesis
	File        []byte // the genesis file
	Fingerprint ledger.Fingerprint
	Origin      string

	cosigned sync.Map
}

// New founds a consortium of n members.
func New(n int) *Consortium {
	g := ledger.Genesis{
		Contracts: []ledger.ContractRef{{Name: "notes", Version: 1, Digest: sha256.Sum256([]byte("notes/1"))}},
		Created:   Created,
		Limits:    ledger.Limits{BlockBytes: 512 << 10, BlockRecords: 1000, Copies: min(ledger.DefaultCopies, int64(n))},
		Members:   Members(n),
		Name:      "harbour.example",
	}
	file := must(g.Encode())
	c := &Consortium{Genesis: must(ledger.ParseGenesis(file)), File: file, Fingerprint: ledger.GenesisFingerprint(file)}
	c.Origin = c.Genesis.Origin(c.Fingerprint)
	return c
}

// Members returns the first n members.
func Members(n int) ledger.MemberSet {
	organisations := []string{"Harbour District Court", "Chamber of Commerce", "Authors' Guild", "海港公证处"}
	var set ledger.MemberSet
	for i := range n {
		name := fmt.Sprintf("member%02d.harbour.example", i+1)
		set = append(set, ledger.Member{
			Addresses:    []string{"https://" + name},
			Keys:         CosigningKey(name).Cosigner().Keys(),
			Name:         name,
			Node:         must(note.NewEd25519VerifierKey(name, key("node", name).Public().(ed25519.PublicKey))),
			Organisation: organisations[i%len(organisations)],
			Registry:     fmt.Sprintf("HRB %05d", i+1),
			Roles:        []string{"member"},
		})
	}
	return set
}

// CosigningKey returns the private cosigning keys of the member of that name.
func CosigningKey(member string) *ledger.CosigningKey {
	ed25519, mldsa44 := CosignerSeeds(member)
	return must(ledger.NewCosigningKey(member, ed25519, mldsa44))
}

// CosignerSeeds returns the seeds of those keys.
func CosignerSeeds(member string) (ed25519, mldsa44 []byte) {
	return seed("cosigner", member), seed("cosigner ml-dsa-44", member)
}

// Author returns a signer and its verifier key.
func Author(name string) (note.Signer, string) { return signer("author", name) }

// Node returns the signer of a member's node.
func Node(member string) note.Signer {
	s, _ := signer("node", member)
	return s
}

func signer(purpose, name string) (note.Signer, string) {
	private := key(purpose, name)
	vkey := must(note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey)))
	hash := strings.Split(vkey, "+")[1]
	seed := base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...))
	return must(note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + seed)), vkey
}

// Statement returns a deposit by ada of one file.
func (c *Consortium) Statement() ledger.Statement {
	_, ada := Author("ada")
	return ledger.Statement{
		Action: "deposit", Contract: "notes", Version: 1, Ledger: c.Origin, Seq: 1, At: Created + 123,
		After: ledger.Point{Size: 1, Root: tlog.RecordHash([]byte("block 0"))}, By: []string{ada},
		Fields: json.RawMessage(`{"text":"港口的照片 & <harbour>"}`), Nonce: strings.Repeat("0a", 16),
		Evidence: []ledger.Evidence{{
			CID: "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq", Media: "image/jpeg", Mode: ledger.Digest, Name: "港口 照片.jpg",
			SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", Size: 5,
		}},
	}
}

// Cosign returns a member's cosignature on a checkpoint. It is made once.
func (c *Consortium) Cosign(m ledger.Member, tree tlog.Tree, seconds int64) ledger.Cosignature {
	type signed struct {
		name    string
		tree    tlog.Tree
		seconds int64
	}
	key := signed{m.Name, tree, seconds}
	if made, ok := c.cosigned.Load(key); ok {
		return made.(ledger.Cosignature)
	}
	made := must(m.Cosigner().Open(c.Origin, tree, CosigningKey(m.Name).Cosign(c.Origin, tree, seconds).Lines))
	c.cosigned.Store(key, made)
	return made
}

// Certify returns a certificate by the first quorum of a set, one second apart from seconds on.
func (c *Consortium) Certify(set ledger.MemberSet, tree tlog.Tree, seconds int64) *ledger.Certificate {
	var lines []ledger.Cosignature
	for i, m := range set[:set.Quorum()] {
		lines = append(lines, c.Cosign(m, tree, seconds+int64(i)))
	}
	return must(ledger.NewCertificate(c.Origin, set, tree, lines))
}

func key(purpose, name string) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(seed(purpose, name)) }

func seed(purpose, name string) []byte {
	sum := sha256.Sum256([]byte(purpose + " " + name))
	return sum[:]
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("ledgertest: " + err.Error())
	}
	return v
}
