package chain

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/contract"
	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

const created = 1763848800000

// world is a consortium whose keys are all known, so that every run makes the same bytes.
type world struct {
	genesis   []byte
	origin    string
	members   ledger.MemberSet
	cosigners []*ledger.CosigningKey
	authors   []author
}

type author struct {
	signer note.Signer
	vkey   string
}

func seed(label string, i int) []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", label, i))
	return h[:]
}

func newTestWorld(t testing.TB, change ...func(*ledger.Genesis)) *world {
	t.Helper()
	w := new(world)
	g := ledger.Genesis{Created: created, Name: "harbour.example",
		Contracts: []ledger.ContractRef{contract.Ref(contract.Find("notes"))},
		Limits:    ledger.Limits{BlockBytes: 1 << 20, BlockRecords: 2000, Copies: 3}}
	for i := range 4 {
		name := fmt.Sprintf("member%d.harbour.example", i+1)
		key, err := ledger.NewCosigningKey(name, seed("cosigner", i), seed("cosigner ml-dsa-44", i))
		if err != nil {
			t.Fatal(err)
		}
		node, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(seed("node", i)).Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		w.cosigners = append(w.cosigners, key)
		g.Members = append(g.Members, ledger.Member{Addresses: []string{}, Roles: []string{}, Name: name, Node: node,
			Keys: key.Cosigner().Keys(), Organisation: name})
	}
	for _, f := range change {
		f(&g)
	}
	var err error
	if w.genesis, err = g.Encode(); err != nil {
		t.Fatal(err)
	}
	w.members, w.origin = g.Members, g.Origin(ledger.GenesisFingerprint(w.genesis))
	for i := range 3 {
		skey, vkey, err := note.GenerateKey(bytes.NewReader(seed("author", i)), []string{"ada", "adam", "贝阿特"}[i])
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		w.authors = append(w.authors, author{signer, vkey})
	}
	return w
}

// statement is deposit number i by the first author.
func (w *world) statement(i int) ledger.Statement {
	text := fmt.Sprintf("%06d 港口 ", i)
	for n := 0; len(text) < 288; n++ {
		text += hex.EncodeToString(seed("text", 100*i+n)[:4]) + " "
	}
	fields, err := ledger.EncodeCanonical(map[string]string{"text": text})
	if err != nil {
		panic(err)
	}
	return ledger.Statement{Action: "deposit", After: ledger.Point{Size: 1, Root: tlog.Hash(seed("after", 0))}, At: created + int64(i),
		By: []string{w.authors[0].vkey}, Contract: "notes", Evidence: []ledger.Evidence{}, Fields: fields,
		Ledger: w.origin, Nonce: hex.EncodeToString(seed("nonce", i)[:16]), Seq: 1, Version: 1}
}

func evidence(label string) ledger.Evidence {
	return ledger.Evidence{CID: ledger.NewCID(ledger.CodecRaw, [32]byte(seed(label, 0))).String(), Media: "image/jpeg", Mode: ledger.Digest, Name: label, SHA256: hex.EncodeToString(seed(label, 0)), Size: 5}
}

func (w *world) sign(t testing.TB, s ledger.Statement, authors ...int) *ledger.Record {
	t.Helper()
	if authors == nil {
		authors = []int{0}
	}
	s.By = nil
	var signers []note.Signer
	for _, a := range authors {
		s.By = append(s.By, w.authors[a].vkey)
		signers = append(signers, w.authors[a].signer)
	}
	r, err := s.Sign(signers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) notes(t testing.TB, from, to int) [][]byte {
	t.Helper()
	var notes [][]byte
	for i := from; i < to; i++ {
		notes = append(notes, w.sign(t, w.statement(i)).Note)
	}
	return notes
}

func (w *world) certify(t testing.TB, tree tlog.Tree) *ledger.Certificate {
	t.Helper()
	var lines []ledger.Cosignature
	for _, key := range w.cosigners[:w.members.Quorum()] {
		lines = append(lines, key.Cosign(w.origin, tree, int64(created/1000)+tree.N))
	}
	c, err := ledger.NewCertificate(w.origin, w.members, tree, lines)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) open(t testing.TB, dir string, opts Options) *Chain {
	t.Helper()
	c, err := Open(dir, w.genesis, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// begin opens a ledger in a new folder, with block 0 final; it is closed with the test.
func (w *world) begin(t testing.TB) *Chain {
	t.Helper()
	c := w.open(t, t.TempDir(), Options{})
	t.Cleanup(func() { c.Close() })
	w.genesisBlock(t, c)
	return c
}

func (w *world) genesisBlock(t testing.TB, c *Chain) {
	t.Helper()
	cand, err := c.GenesisCandidate()
	if err != nil {
		t.Fatal(err)
	}
	w.finish(t, c, cand)
}

func (w *world) finish(t testing.TB, c *Chain, cand *Candidate) {
	t.Helper()
	if err := c.Prepare(cand); err != nil {
		t.Fatal(err)
	}
	if err := c.Finalize(cand, w.certify(t, cand.Tree)); err != nil {
		t.Fatal(err)
	}
}

// proposal is for the next height.
func proposal(c *Chain, notes ...[]byte) Proposal {
	head, _ := c.Head()
	return Proposal{Height: head.Header.Height + 1, Parent: head.Header.Hash(), Time: head.Header.Time + 1000, Notes: notes}
}

func execute(t testing.TB, c *Chain, notes ...[]byte) *Candidate {
	t.Helper()
	cand, err := c.Execute(proposal(c, notes...))
	if err != nil {
		t.Fatal(err)
	}
	return cand
}

// add makes a final block of the notes.
func (w *world) add(t testing.TB, c *Chain, notes ...[]byte) *Candidate {
	t.Helper()
	cand := execute(t, c, notes...)
	w.finish(t, c, cand)
	return cand
}

// checkLedger verifies everything that the ledger says about itself, as a client would and from the beginning.
func checkLedger(t testing.TB, c *Chain) {
	t.Helper()
	if err := inspect(c); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// inspect reads every block and record with its proofs.
func inspect(c *Chain) error {
	head, ok := c.Head()
	if !ok {
		return nil
	}
	size := int64(head.Header.Height) + 1
	tree := head.Certificate.Tree
	for h := ledger.Height(0); h <= head.Header.Height; h++ {
		b, err := c.Block(h)
		if err != nil {
			return err
		}
		path, err := c.ProveHeader(h, size)
		if err != nil {
			return err
		}
		if err := b.Header.CheckIncluded(path, tree); err != nil {
			return err
		}
		text, err := c.Certificate(h)
		if err != nil {
			return err
		}
		cert, err := ledger.OpenCertificate(c.Origin(), c.Members(), text)
		if err != nil {
			return err
		}
		extension, err := c.ProveTree(int64(h)+1, size)
		if err != nil {
			return err
		}
		if int64(h)+1 < size {
			if err := tlog.CheckTree(extension, size, tree.Hash, int64(h)+1, cert.Tree.Hash); err != nil {
				return err
			}
		}
		for i, n := range b.Notes {
			if err := inspectRecord(c, b.Header, int64(i), n); err != nil {
				return fmt.Errorf("record %d of block %d: %w", i, h, err)
			}
		}
	}
	return nil
}

func inspectRecord(c *Chain, header ledger.Header, i int64, n []byte) error {
	r, err := ledger.OpenRecord(n)
	if err != nil {
		return err
	}
	place, stored, err := c.Record(r.ID)
	if err != nil {
		return err
	}
	if place != (Place{header.Height, i}) || !bytes.Equal(stored, n) {
		return fmt.Errorf("found at %v", place)
	}
	path, err := c.ProveRecord(place)
	if err != nil {
		return err
	}
	if err := header.CheckRecord(path, i, r.Leaf()); err != nil {
		return err
	}
	answer, err := c.State(r.Contract, r.ItemName())
	if err != nil {
		return err
	}
	if answer.Value == nil {
		return errors.New("its item is absent")
	}
	if err := merkle.CheckPresent(answer.Header.State, merkle.Key(r.Contract, r.ItemName()), sha256.Sum256(answer.Value), answer.Proof); err != nil {
		return err
	}
	var item contract.Item
	return json.Unmarshal(answer.Value, &item)
}
