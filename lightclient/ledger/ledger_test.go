package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	. "evident/lightclient/ledger"
)

// consortium is a ledger of n members whose keys are all known, so that every
// run makes the same bytes.
type consortium struct {
	genesis     *Genesis
	file        []byte
	origin      string
	cosigners   []ed25519.PrivateKey
	author      note.Signer
	authorVKey  string
	fingerprint Fingerprint
}

func seed(label string, i int) []byte {
	h := tlog.RecordHash(fmt.Appendf(nil, "%s %d", label, i))
	return h[:]
}

func newConsortium(t testing.TB, n int) *consortium {
	t.Helper()
	c := new(consortium)
	g := Genesis{
		Contracts: []ContractRef{{Name: "notes", Version: 1}},
		Created:   1763848800000,
		Limits:    Limits{BlockBytes: 512 << 10, BlockRecords: 1000},
		Name:      "harbour.example",
	}
	for i := range n {
		name := fmt.Sprintf("member%d.harbour.example", i+1)
		key := ed25519.NewKeyFromSeed(seed("cosigner", i))
		node := ed25519.NewKeyFromSeed(seed("node", i))
		nodeKey, err := note.NewEd25519VerifierKey(name, node.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		c.cosigners = append(c.cosigners, key)
		g.Members = append(g.Members, Member{
			Addresses: []string{}, Roles: []string{},
			Keys: []string{NewCosignerKey(name, key.Public().(ed25519.PublicKey)).String()},
			Name: name, Node: nodeKey, Organisation: fmt.Sprintf("Member %d", i+1), Registry: "",
		})
	}
	var err error
	if c.file, err = g.Encode(); err != nil {
		t.Fatal(err)
	}
	if c.genesis, err = ParseGenesis(c.file); err != nil {
		t.Fatal(err)
	}
	c.fingerprint = GenesisFingerprint(c.file)
	c.origin = c.genesis.Origin(c.fingerprint)
	skey, vkey, err := note.GenerateKey(bytes.NewReader(seed("author", 0)), "ada")
	if err != nil {
		t.Fatal(err)
	}
	c.authorVKey = vkey
	if c.author, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *consortium) statement() Statement {
	return Statement{
		Ledger: c.origin, Contract: "notes", Version: 1, Action: "deposit", Seq: 1, At: 1763848800123,
		After: Point{Size: 1, Root: tlog.RecordHash([]byte("x"))}, By: []string{c.authorVKey},
		Fields: json.RawMessage(`{"text":"港口 & <harbour>"}`), Nonce: strings.Repeat("0a", 16),
		Evidence: []Evidence{{Name: "港口 照片.jpg", Size: 48211, Media: "image/jpeg", SHA256: strings.Repeat("ab", 32), CID: "bafy"}},
	}
}

func (c *consortium) cosign(tree tlog.Tree, member int, seconds int64) Cosignature {
	text := FormatCheckpoint(c.origin, tree)
	key := c.genesis.Members[member].CosignerKey()
	line := key.CosignatureLine(seconds, ed25519.Sign(c.cosigners[member], CosignedMessage(text, seconds)))
	s, err := key.Open(text, line)
	if err != nil {
		panic(err)
	}
	return s
}

func (c *consortium) certificate(t testing.TB, size int64) *Certificate {
	t.Helper()
	tree := tlog.Tree{N: size, Hash: tlog.RecordHash([]byte("root"))}
	cert, err := NewCertificate(c.origin, c.genesis.Members, tree,
		[]Cosignature{c.cosign(tree, 0, 1010), c.cosign(tree, 1, 1020), c.cosign(tree, 2, 1030)})
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestRecordRoundTrip(t *testing.T) {
	c := newConsortium(t, 4)
	r, err := c.statement().Sign(c.author)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenRecord(r.Note)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != r.ID || again.ItemName() != r.ID.String() {
		t.Errorf("id %s, item %s, want %s", again.ID, again.ItemName(), r.ID)
	}
}

func TestRecordEveryByteCounts(t *testing.T) {
	c := newConsortium(t, 4)
	r, err := c.statement().Sign(c.author)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Note {
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(r.Note)
			changed[i] ^= flip
			if _, err := OpenRecord(changed); err == nil {
				t.Fatalf("byte %d ^ %#x: accepted", i, flip)
			}
		}
	}
}

func TestCertificateUnderTorchwood(t *testing.T) {
	c := newConsortium(t, 4)
	tree := tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("root"))}
	cert, err := NewCertificate(c.origin, c.genesis.Members, tree,
		[]Cosignature{c.cosign(tree, 2, 1030), c.cosign(tree, 0, 1010), c.cosign(tree, 3, 1020)})
	if err != nil {
		t.Fatal(err)
	}
	if got := cert.Time(); got != 1020 {
		t.Errorf("time %d, want the second smallest, 1020", got)
	}
	var verifiers []note.Verifier
	for _, m := range c.genesis.Members {
		v, err := torchwood.NewCosignatureVerifier(m.Keys[0])
		if err != nil {
			t.Fatal(err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(cert.Note, note.VerifierList(verifiers...))
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Sigs) != 3 {
		t.Errorf("torchwood counts %d cosignatures, want 3", len(n.Sigs))
	}
	theirs, err := torchwood.ParseCheckpoint(n.Text)
	if err != nil || theirs.Tree != tree || theirs.Origin != c.origin {
		t.Errorf("torchwood reads %+v, %v", theirs, err)
	}
}

func TestCertificateRefusals(t *testing.T) {
	c := newConsortium(t, 4)
	tree := tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("root"))}
	a, b, d := c.cosign(tree, 0, 1), c.cosign(tree, 1, 2), c.cosign(tree, 2, 3)
	text := string(FormatCheckpoint(c.origin, tree)) + "\n"
	stranger := "— someone.example AAAABBBB\n"
	tests := []struct {
		name string
		msg  string
		want error
	}{
		{"quorum", text + a.Line + b.Line + d.Line, nil},
		{"unknown lines are ignored", text + stranger + a.Line + stranger + b.Line + d.Line, nil},
		{"unknown key of a member is ignored", text + "— member4.harbour.example AAAABBBB\n" + a.Line + b.Line + d.Line, nil},
		{"one short", text + a.Line + b.Line, ErrQuorum},
		{"the same member twice", text + a.Line + a.Line + b.Line, ErrQuorum},
		{"other ledger", strings.Replace(text, "harbour", "haven", 1) + a.Line + b.Line + d.Line, ErrLedger},
		{"another size", strings.Replace(text, "\n43\n", "\n44\n", 1) + a.Line + b.Line + d.Line, ErrSignature},
		{"no line feed at the end", strings.TrimSuffix(text+a.Line+b.Line+d.Line, "\n"), ErrFormat},
		{"extension line", strings.TrimSuffix(text, "\n") + "more\n\n" + a.Line + b.Line + d.Line, ErrFormat},
		{"101 lines", text + strings.Repeat(stranger, 98) + a.Line + b.Line + d.Line, ErrLimit},
		{"too large", text + strings.Repeat("x", MaxCertificateSize) + "\n", ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := OpenCertificate(c.origin, c.genesis.Members, []byte(tt.msg))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestHeaderRoundTripAndInclusion(t *testing.T) {
	c := newConsortium(t, 4)
	leaves := []tlog.Hash{tlog.RecordHash([]byte("a")), tlog.RecordHash([]byte("b")), tlog.RecordHash([]byte("c"))}
	records := NewRecordsTree(leaves)
	h := Header{Ledger: c.origin, Height: 42, Time: 5, Records: 3, RecordsRoot: records.Root(), Members: c.genesis.Members.Digest()}
	again, err := ParseHeader(h.Text())
	if err != nil || again != h {
		t.Fatalf("got %+v, %v", again, err)
	}
	for i, leaf := range leaves {
		path, err := records.Prove(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.CheckRecord(path, int64(i), leaf); err != nil {
			t.Error(err)
		}
		if err := h.CheckRecord(path, int64(i), leaves[(i+1)%3]); !errors.Is(err, ErrProof) {
			t.Errorf("a wrong leaf: got %v", err)
		}
	}
	if got := fmt.Sprint(c.fingerprint.Words()); len(c.fingerprint.Words()) != 12 {
		t.Errorf("words %s", got)
	}
}
