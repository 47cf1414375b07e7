package evidence

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// foreignTree is one line of testdata/unixfs.json: the CID of Size bytes of the stream under a leaf size and a number of
// links. The pages' tests hold an importer in another language, which shares no code with ours or with boxo, to the same file.
type foreignTree struct {
	Size  int64
	Leaf  int64
	Links int64
	CID   string
}

// stream is content that is easy to make in any language: the upper bytes of a linear congruential generator.
func stream(n int64) []byte {
	b := make([]byte, n)
	x := uint32(0)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func TestUnixFSVectors(t *testing.T) {
	const file = "testdata/unixfs.json"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []foreignTree
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no vectors")
	}
	for i, v := range all {
		content := stream(v.Size)
		if *update {
			all[i].CID = boxoCID(t, bytes.NewReader(content), v.Leaf, int(v.Links))
		}
		h := newHasher(v.Leaf, v.Links)
		h.Write(content)
		if got := h.CID(); got != all[i].CID {
			t.Errorf("%d bytes, leaves of %d, %d links: got %s, want %s", v.Size, v.Leaf, v.Links, got, all[i].CID)
		}
	}
	if *update {
		text, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
