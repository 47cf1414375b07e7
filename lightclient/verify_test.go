package lightclient_test

import (
	"errors"
	"slices"
	"testing"

	. "evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// TestOwnProof compares the proof that is cut out of a later one with the one
// that a full node makes, for every block of every log of up to 70.
func TestOwnProof(t *testing.T) {
	c := ledgertest.NewChain(4)
	for size := int64(1); size <= 70; size++ {
		for _, h := range c.Headers {
			later := c.Prove(h.Height, size)
			own, tree := OwnProof(h, later, size)
			want := int64(h.Height) + 1
			if tree != c.At(want) || !slices.Equal(own, c.Prove(h.Height, want)) {
				t.Fatalf("block %d from a log of %d: %d hashes, tree of %d", h.Height, size, len(own), tree.N)
			}
			if err := h.CheckIncluded(own, tree); err != nil {
				t.Fatal(err)
			}
		}
		c.Add(c.Set)
	}
}

// TestOpenHead breaks the conditions one by one.
func TestOpenHead(t *testing.T) {
	c := ledgertest.NewChain(4)
	for range 9 {
		c.Add(c.Set)
	}
	trusted := Trusted{Fingerprint: c.Fingerprint, Origin: c.Origin, Members: c.Genesis.Members}
	head := func(height ledger.Height, size int64) UnverifiedHead {
		return UnverifiedHead{Certificate: string(c.Certify(c.Genesis.Members, c.At(size), 1).Note),
			Header: string(c.Headers[height].Text()), Inclusion: c.Prove(height, size)}
	}
	elsewhere := trusted
	elsewhere.Origin = "haven.example/0000000000000000"
	others := trusted
	others.Members = ledgertest.Members(7)
	changed := ledgertest.NewChain(4)
	changed.Set = ledgertest.Members(5)
	changed.Add(changed.Set)
	tests := []struct {
		name    string
		trusted Trusted
		head    UnverifiedHead
		want    error
	}{
		{"right", trusted, head(9, 10), nil},
		{"block 0", trusted, head(0, 1), nil},
		{"another ledger", elsewhere, head(9, 10), ledger.ErrLedger},
		{"too few of the members in force", others, head(9, 10), ledger.ErrQuorum},
		{"not the last header", trusted, head(8, 10), ledger.ErrProof},
		{"the header of another block", trusted, func() UnverifiedHead {
			u := head(9, 10)
			u.Header = string(c.Headers[8].Text())
			return u
		}(), ledger.ErrProof},
		{"block 0 of another genesis", Trusted{Origin: c.Origin, Members: c.Genesis.Members}, head(0, 1), ledger.ErrLedger},
		{"a member set that is not known", trusted, UnverifiedHead{
			Certificate: string(changed.Certify(c.Genesis.Members, changed.At(2), 1).Note),
			Header:      string(changed.Headers[1].Text()), Inclusion: changed.Prove(1, 2)}, ErrMembersChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.trusted.OpenHead(tt.head); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
