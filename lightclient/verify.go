package lightclient

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// Trusted is what a client stands on: a ledger and the members in force.
type Trusted struct {
	Fingerprint ledger.Fingerprint
	Origin      string
	Members     ledger.MemberSet
}

// Head is a final block, the newest that a certificate speaks of.
type Head struct {
	Header      ledger.Header
	Inclusion   tlog.RecordProof // of the header under the certificate
	Certificate *ledger.Certificate
}

// Tree is the chain log that the head's certificate commits to.
func (h Head) Tree() tlog.Tree { return h.Certificate.Tree }

// Time is when at least one honest member had signed the head.
func (h Head) Time() time.Time { return time.Unix(h.Certificate.Time(), 0) }

// OpenHead checks that a node's head is a final block of the trusted ledger.
// In this order:
//
//  1. its certificate has a quorum of the members in force (rule L3);
//  2. its header is the last one the certificate commits to, of this ledger;
//  3. the header is certified by the members in force, by its own word;
//  4. the header is under the certificate.
//
// It does not say that the head continues what the client knows: Extends does.
func (t Trusted) OpenHead(u UnverifiedHead) (Head, error) {
	c, err := ledger.OpenCertificate(t.Origin, t.Members, []byte(u.Certificate))
	if err != nil {
		return Head{}, err
	}
	h, err := t.openHeader(u.Header, u.Inclusion, c.Tree)
	if err != nil {
		return Head{}, err
	}
	if h.Height != c.Height() {
		return Head{}, fmt.Errorf("%w: header %d comes with the certificate of block %d", ledger.ErrProof, h.Height, c.Height())
	}
	if h.Members != t.Members.Digest() {
		return Head{}, fmt.Errorf("%w at block %d or before", ErrMembersChanged, h.Height)
	}
	return Head{Header: h, Inclusion: u.Inclusion, Certificate: c}, nil
}

// openHeader checks that text is a header of this ledger and under the tree.
func (t Trusted) openHeader(text string, inclusion tlog.RecordProof, tree tlog.Tree) (ledger.Header, error) {
	h, err := t.parseHeader(text)
	if err != nil {
		return h, err
	}
	return h, h.CheckIncluded(inclusion, tree)
}

// parseHeader checks the form of a header, and its ledger.
func (t Trusted) parseHeader(text string) (ledger.Header, error) {
	h, err := ledger.ParseHeader([]byte(text))
	if err != nil {
		return h, err
	}
	if h.Ledger != t.Origin {
		return h, fmt.Errorf("%w: the header is of %q", ledger.ErrLedger, h.Ledger)
	}
	if h.Height == 0 && h.Parent != tlog.Hash(t.Fingerprint) {
		return h, fmt.Errorf("%w: block 0 does not follow from the pinned genesis", ledger.ErrLedger)
	}
	return h, nil
}

// Extends checks that the head's history begins with all of older's; the
// empty tree is the beginning of every history.
func (h Head) Extends(older tlog.Tree, p tlog.TreeProof) error {
	tree := h.Tree()
	if older.N > tree.N {
		return fmt.Errorf("%w: a log of size %d does not extend one of size %d", ledger.ErrProof, tree.N, older.N)
	}
	if older.N == 0 || older == tree {
		return nil
	}
	if err := tlog.CheckTree(p, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("%w: the log of size %d does not extend the verified one of size %d", ledger.ErrProof, tree.N, older.N)
	}
	return nil
}

// CheckParent checks that parent is the header before child. It links a list
// of headers to one that is proven already.
func CheckParent(child, parent ledger.Header) error {
	if child.Height != parent.Height+1 || child.Parent != parent.Hash() {
		return fmt.Errorf("%w: header %d is not the parent of block %d", ledger.ErrProof, parent.Height, child.Height)
	}
	return nil
}

// OpenRecord checks that a node's record is the one asked for and final. In this order:
//
//  1. its header is of this ledger, and under the verified head;
//  2. the note is a record of this ledger, with the id asked for;
//  3. the record is in the block;
//  4. every author has signed it.
func (t Trusted) OpenRecord(head Head, id ledger.RecordID, u UnverifiedRecord) (*ledger.Record, ledger.Header, error) {
	h, err := t.openHeader(u.Header, u.Inclusion, head.Tree())
	if err != nil {
		return nil, h, err
	}
	r, err := ledger.ParseRecord([]byte(u.Note))
	if err != nil {
		return nil, h, err
	}
	if r.ID != id {
		return nil, h, fmt.Errorf("%w: the record is %s, not %s", ledger.ErrProof, r.ID, id)
	}
	if r.Ledger != t.Origin {
		return nil, h, fmt.Errorf("%w: the record is of %q", ledger.ErrLedger, r.Ledger)
	}
	if err := h.CheckRecord(u.Path, u.Index, r.Leaf()); err != nil {
		return nil, h, err
	}
	verified, err := r.Verify()
	return verified, h, err
}

// OpenBlock checks that a node's block is the one asked for and final. In this order:
//
//  1. its header has the height asked for, is of this ledger and under the verified head;
//  2. the records are all those of the header, in order;
//  3. each has the form of a record of this ledger. That its authors signed it
//     is the quorum's word until OpenRecord has checked it.
func (t Trusted) OpenBlock(head Head, height ledger.Height, u UnverifiedBlock) (ledger.Header, []*ledger.UnverifiedRecord, error) {
	h, err := t.openHeader(u.Header, u.Inclusion, head.Tree())
	if err != nil {
		return h, nil, err
	}
	if h.Height != height {
		return h, nil, fmt.Errorf("%w: block %d is not block %d", ledger.ErrProof, h.Height, height)
	}
	leaves := make([]tlog.Hash, len(u.Records))
	for i, note := range u.Records {
		leaves[i] = tlog.RecordHash([]byte(note))
	}
	if int64(len(leaves)) != h.Records || ledger.NewRecordsTree(leaves).Root() != h.RecordsRoot {
		return h, nil, fmt.Errorf("%w: the records are not those of block %d", ledger.ErrProof, height)
	}
	records := make([]*ledger.UnverifiedRecord, len(u.Records))
	for i, note := range u.Records {
		if records[i], err = ledger.ParseRecord([]byte(note)); err != nil {
			return h, nil, err
		}
	}
	return h, records, nil
}

// OpenState checks the state proof of a name under a verified header, and
// returns the canonical JSON of its value, nil when it is proven absent.
func OpenState(h ledger.Header, space, name string, u UnverifiedState) (json.RawMessage, error) {
	p, err := merkle.ParseProof(u.Proof)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ledger.ErrFormat, err)
	}
	key := merkle.Key(space, name)
	if len(u.Value) == 0 || bytes.Equal(u.Value, []byte("null")) {
		if err := merkle.CheckAbsent(h.State, key, p); err != nil {
			return nil, fmt.Errorf("%w: %s is not proven absent at block %d", ledger.ErrProof, space, h.Height)
		}
		return nil, nil
	}
	value, err := ledger.CanonicalObject(u.Value)
	if err != nil {
		return nil, err
	}
	if err := merkle.CheckPresent(h.State, key, sha256.Sum256(value), p); err != nil {
		return nil, fmt.Errorf("%w: %s is not proven present at block %d", ledger.ErrProof, space, h.Height)
	}
	return value, nil
}

// OwnProof turns the inclusion of header number h in a log of size into its
// inclusion in the log of size h+1, where it is the last leaf: of the path,
// only the left siblings remain. It returns the tree that follows. So the
// certificate of a block itself is checked with the proof under a later one.
func OwnProof(h ledger.Header, inclusion tlog.RecordProof, size int64) (tlog.RecordProof, tlog.Tree) {
	n := int64(h.Height)
	own := tlog.RecordProof{}
	for lo, hi, i := int64(0), size, len(inclusion)-1; hi-lo > 1 && i >= 0; i-- {
		half := int64(1)
		for half*2 < hi-lo {
			half *= 2
		}
		if n < lo+half {
			hi = lo + half
			continue
		}
		lo += half
		own = append(tlog.RecordProof{inclusion[i]}, own...)
	}
	root := h.Hash()
	for _, left := range own {
		root = tlog.NodeHash(left, root)
	}
	return own, tlog.Tree{N: n + 1, Hash: root}
}

// OpenCertificate checks the certificate of a block whose header is proven,
// with the tree that OwnProof gives. With errForked it returns the certificate
// too: it is half of a contradiction.
func (t Trusted) OpenCertificate(own tlog.Tree, msg []byte) (*ledger.Certificate, error) {
	c, err := ledger.OpenCertificate(t.Origin, t.Members, msg)
	if err != nil {
		return nil, err
	}
	if c.Tree.N != own.N {
		return nil, fmt.Errorf("%w: want the certificate of block %d, got block %d's", ledger.ErrProof, own.N-1, c.Height())
	}
	if c.Tree != own {
		return c, fmt.Errorf("%w: the certificate of block %d is of another history", errForked, own.N-1)
	}
	return c, nil
}

var errForked = errors.New("two histories")
