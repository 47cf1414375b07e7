package chain

import (
	"bytes"
	"testing"
)

func FuzzParseProposal(f *testing.F) {
	f.Add(Proposal{Height: 7, Time: 5, Notes: [][]byte{[]byte("a"), {}, []byte("bc")}}.Encode())
	f.Add(Proposal{}.Encode())
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProposal(data)
		if err == nil && !bytes.Equal(p.Encode(), data) {
			t.Errorf("%x is encoded again as %x", data, p.Encode())
		}
	})
}
