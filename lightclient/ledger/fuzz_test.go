package ledger_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	. "evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// seeds adds the vectors of a format that are short enough to mutate.
func seeds(f *testing.F, format string) {
	f.Helper()
	vectors := ledgertest.ReadVectors("../testdata/vectors", format)
	if len(vectors) == 0 {
		f.Fatalf("no vectors of format %s", format)
	}
	for _, v := range vectors {
		if len(v.Data) <= 16<<10 {
			f.Add(v.Data)
		}
	}
}

// same fails unless an accepted input is the one spelling of what it means.
func same(t *testing.T, got, data []byte) {
	t.Helper()
	if !bytes.Equal(got, data) {
		t.Errorf("accepted %q, which is written %q", data, got)
	}
}

// FuzzRecord also wants package note to agree about the signatures.
func FuzzRecord(f *testing.F) {
	seeds(f, "record")
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := ParseRecord(data)
		if err != nil {
			return
		}
		text, err := u.Text()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte(text+"\n")) {
			t.Errorf("accepted %q, which is written %q", data, text)
		}
		var keys []note.Verifier
		for _, key := range u.By {
			v, err := note.NewVerifier(key)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, v)
		}
		n, theirs := note.Open(data, note.VerifierList(keys...))
		_, ours := u.Verify()
		if (ours == nil) != (theirs == nil && len(n.Sigs) == len(keys)) {
			t.Errorf("verified: %v, by package note: %v", ours, theirs)
		}
	})
}

func FuzzHeader(f *testing.F) {
	seeds(f, "header")
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := ParseHeader(data); err == nil {
			same(t, h.Text(), data)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	seeds(f, "checkpoint")
	origin := ledgertest.New(4).Origin
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := ParseCheckpoint(origin, data)
		if err != nil {
			return
		}
		same(t, FormatCheckpoint(origin, tree), data)
		theirs, err := torchwood.ParseCheckpoint(string(data))
		if err != nil || theirs.Tree != tree || theirs.Origin != origin || theirs.Extension != "" {
			t.Errorf("torchwood reads %+v, %v", theirs, err)
		}
	})
}

// FuzzCertificate wants a certificate that is cut to its quorum to convince torchwood.
func FuzzCertificate(f *testing.F) {
	seeds(f, "certificate")
	c := ledgertest.New(4)
	var members []torchwood.Policy
	for _, m := range c.Genesis.Members {
		v, err := torchwood.NewCosignatureVerifier(m.Keys[0])
		if err != nil {
			f.Fatal(err)
		}
		members = append(members, torchwood.SingleVerifierPolicy(v))
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(c.Origin), torchwood.ThresholdPolicy(3, members...))
	f.Fuzz(func(t *testing.T, data []byte) {
		cert, err := OpenCertificate(c.Origin, c.Genesis.Members, data)
		if err != nil {
			return
		}
		exact, err := NewCertificate(c.Origin, c.Genesis.Members, cert.Tree, cert.Cosignatures)
		if err != nil || exact.Time() != cert.Time() {
			t.Fatalf("cut to its quorum: %v", err)
		}
		if _, _, err := torchwood.VerifyCheckpoint(exact.Note, policy); err != nil {
			t.Errorf("torchwood: %v", err)
		}
	})
}

func FuzzMemberSet(f *testing.F) {
	seeds(f, "members")
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := ParseMemberSet(data)
		if err != nil {
			return
		}
		same(t, set.Text(), data)
		for _, m := range set {
			if _, err := torchwood.NewCosignatureVerifier(m.Keys[0]); err != nil {
				t.Error(err)
			}
			if _, err := note.NewVerifier(m.Node); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzGenesis(f *testing.F) {
	seeds(f, "genesis")
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := ParseGenesis(data)
		if err != nil {
			return
		}
		again, err := g.Encode()
		if err != nil {
			t.Fatal(err)
		}
		same(t, again, data)
		if err := CheckOrigin(g.Origin(GenesisFingerprint(data))); err != nil {
			t.Error(err)
		}
	})
}

// FuzzNodeNote is for receipts and refusals, which only their node can make.
func FuzzNodeNote(f *testing.F) {
	seeds(f, "receipt")
	seeds(f, "refusal")
	c := ledgertest.New(4)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := OpenReceipt(c.Origin, c.Genesis.Members[0], data); err == nil {
			sameText(t, r.Text(), data)
		}
		if r, err := OpenRefusal(c.Origin, c.Genesis.Members[0], data); err == nil {
			text, err := r.Text()
			if err != nil {
				t.Fatal(err)
			}
			sameText(t, text, data)
		}
	})
}

func sameText(t *testing.T, text string, data []byte) {
	t.Helper()
	if !bytes.HasPrefix(data, []byte(text+"\n")) {
		t.Errorf("accepted %q, which is written %q", data, text)
	}
}

func FuzzBlock(f *testing.F) {
	seeds(f, "block")
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := ParseBlock(data); err == nil {
			same(t, b.Encode(), data)
		}
	})
}

// FuzzKey wants every key that is accepted to be one for package note.
func FuzzKey(f *testing.F) {
	for _, v := range ledgertest.ReadVectors("../testdata/vectors", "*key*") {
		f.Add(string(v.Data))
	}
	f.Fuzz(func(t *testing.T, key string) {
		if CheckKey(key) == nil {
			if v, err := note.NewVerifier(key); err != nil || !strings.HasPrefix(key, v.Name()+"+") {
				t.Errorf("%q: %v", key, err)
			}
		}
		keys := strings.Split(key, "\n")
		if c, err := ParseCosigner(keys); err == nil && !slices.Equal(c.Keys(), keys) {
			t.Errorf("%q is written %q", keys, c.Keys())
		}
	})
}
