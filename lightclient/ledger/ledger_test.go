package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	. "evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

func newConsortium(t testing.TB) *ledgertest.Consortium {
	t.Helper()
	return ledgertest.New(4)
}

func sign(t testing.TB, st Statement) *Record {
	t.Helper()
	ada, _ := ledgertest.Author("ada")
	r, err := st.Sign(ada)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	c := newConsortium(t)
	r := sign(t, c.Statement())
	again, err := OpenRecord(r.Note)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != r.ID || again.ItemName() != r.ID.String() {
		t.Errorf("id %s, item %s, want %s", again.ID, again.ItemName(), r.ID)
	}
}

func TestRecordEveryByteCounts(t *testing.T) {
	c := newConsortium(t)
	r := sign(t, c.Statement())
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
	c := newConsortium(t)
	tree := tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("root"))}
	cert, err := NewCertificate(c.Origin, c.Genesis.Members, tree,
		[]Cosignature{c.Cosign(c.Genesis.Members[2], tree, 1030), c.Cosign(c.Genesis.Members[0], tree, 1010), c.Cosign(c.Genesis.Members[3], tree, 1020)})
	if err != nil {
		t.Fatal(err)
	}
	if got := cert.Time(); got != 1020 {
		t.Errorf("time %d, want the second smallest, 1020", got)
	}
	var verifiers []note.Verifier
	for _, m := range c.Genesis.Members {
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
	if err != nil || theirs.Tree != tree || theirs.Origin != c.Origin {
		t.Errorf("torchwood reads %+v, %v", theirs, err)
	}
}

func TestCertificateRefusals(t *testing.T) {
	c := newConsortium(t)
	tree := tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("root"))}
	a, b, d := c.Cosign(c.Genesis.Members[0], tree, 1), c.Cosign(c.Genesis.Members[1], tree, 2), c.Cosign(c.Genesis.Members[2], tree, 3)
	text := string(FormatCheckpoint(c.Origin, tree)) + "\n"
	stranger := "— someone.example AAAABBBB\n"
	tests := []struct {
		name string
		msg  string
		want error
	}{
		{"quorum", text + a.Lines + b.Lines + d.Lines, nil},
		{"unknown lines are ignored", text + stranger + a.Lines + stranger + b.Lines + d.Lines, nil},
		{"unknown key of a member is ignored", text + "— member04.harbour.example AAAABBBB\n" + a.Lines + b.Lines + d.Lines, nil},
		{"one short", text + a.Lines + b.Lines, ErrQuorum},
		{"the same member twice", text + a.Lines + a.Lines + b.Lines, ErrQuorum},
		{"other ledger", strings.Replace(text, "harbour", "haven", 1) + a.Lines + b.Lines + d.Lines, ErrLedger},
		{"another size", strings.Replace(text, "\n43\n", "\n44\n", 1) + a.Lines + b.Lines + d.Lines, ErrSignature},
		{"no line feed at the end", strings.TrimSuffix(text+a.Lines+b.Lines+d.Lines, "\n"), ErrFormat},
		{"extension line", strings.TrimSuffix(text, "\n") + "more\n\n" + a.Lines + b.Lines + d.Lines, ErrFormat},
		{"101 lines", text + strings.Repeat(stranger, 95) + a.Lines + b.Lines + d.Lines, ErrLimit},
		{"too large", text + strings.Repeat("x", MaxCertificateSize) + "\n", ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := OpenCertificate(c.Origin, c.Genesis.Members, []byte(tt.msg))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// A certificate is made of what was verified for it, and of nothing else.
func TestNewCertificateVerifies(t *testing.T) {
	c := newConsortium(t)
	set := c.Genesis.Members
	tree := tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("root"))}
	other := tlog.Tree{N: 43, Hash: tlog.RecordHash([]byte("another root"))}
	bare := func(s Cosignature) Cosignature { return Cosignature{Member: s.Member, Time: s.Time, Lines: s.Lines} }
	altered := func(change func(*Cosignature)) Cosignature {
		s := c.Cosign(set[2], tree, 3)
		change(&s)
		return s
	}
	tests := []struct {
		name  string
		third Cosignature
		want  error
	}{
		{"verified before", c.Cosign(set[2], tree, 3), nil},
		{"not verified before", bare(c.Cosign(set[2], tree, 3)), nil},
		{"of another checkpoint", c.Cosign(set[2], other, 3), ErrSignature},
		{"with other lines", altered(func(s *Cosignature) { s.Lines = c.Cosign(set[2], other, 3).Lines }), ErrSignature},
		{"under another name", altered(func(s *Cosignature) { s.Member = set[3].Name }), nil}, // its lines say whose it is
		{"twice the same", c.Cosign(set[1], tree, 2), ErrQuorum},
		{"a stranger's", bare(Cosignature{Member: "x.example", Lines: "— x.example AAAABBBB\n"}), ErrQuorum},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cert, err := NewCertificate(c.Origin, set, tree, []Cosignature{c.Cosign(set[0], tree, 1), c.Cosign(set[1], tree, 2), tt.third})
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if err != nil {
				return
			}
			if again, err := OpenCertificate(c.Origin, set, cert.Note); err != nil || again.Time() != cert.Time() || cert.Cosignatures[2].Member != set[2].Name {
				t.Errorf("what was made does not verify: %v", err)
			}
		})
	}
}

func TestHeaderRoundTripAndInclusion(t *testing.T) {
	c := newConsortium(t)
	leaves := []tlog.Hash{tlog.RecordHash([]byte("a")), tlog.RecordHash([]byte("b")), tlog.RecordHash([]byte("c"))}
	records := NewRecordsTree(leaves)
	h := Header{Ledger: c.Origin, Height: 42, Time: 5, Records: 3, RecordsRoot: records.Root(), Members: c.Genesis.Members.Digest()}
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
	if got := fmt.Sprint(c.Fingerprint.Words()); len(c.Fingerprint.Words()) != 12 {
		t.Errorf("words %s", got)
	}
}

// The list of the format has to cover what package note refuses in names, in every version of Unicode that comes.
func TestUnseenCoversUnicode(t *testing.T) {
	_, ada := ledgertest.Author("ada")
	data, err := base64.StdEncoding.DecodeString(ada[strings.LastIndexByte(ada, '+')+1:])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*unicode.RangeTable{unicode.White_Space, unicode.Cf} {
		for r := rune(0x80); r <= unicode.MaxRune; r++ {
			if !unicode.Is(table, r) {
				continue
			}
			name := "a" + string(r)
			sum := sha256.Sum256(append([]byte(name+"\n"), data...))
			key := fmt.Sprintf("%s+%x+%s", name, sum[:4], base64.StdEncoding.EncodeToString(data))
			if CheckKey(key) == nil {
				t.Errorf("U+%04X may stand in a name", r)
			}
		}
	}
}
