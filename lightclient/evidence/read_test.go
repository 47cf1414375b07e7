package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"testing"

	"evident/lightclient/ledger"
)

// small is a shape that has every form of tree within a few bytes.
var small = shape{8, 3}

func mustStore(t testing.TB, content []byte) (ledger.CID, *kept) {
	t.Helper()
	k := newKept()
	stored, err := storeFile(t.Context(), small, bytes.NewReader(content), plainForm{int64(len(content)), small.leaf}, k.put)
	if err != nil {
		t.Fatal(err)
	}
	return stored.CID, k
}

func readAll(t testing.TB, blocks Blocks, root ledger.CID, size int64) ([]byte, error) {
	t.Helper()
	r, err := openReader(t.Context(), blocks, root, size, small)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

// TestReader reads trees of every form, at every place.
func TestReader(t *testing.T) {
	for size := range int64(300) {
		content := pattern(size)
		root, k := mustStore(t, content)
		if got, err := readAll(t, k, root, size); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		r, err := openReader(t.Context(), k, root, size, small)
		if err != nil {
			t.Fatal(err)
		}
		for i := range size {
			at := i * 97 % size
			var b [1]byte
			if _, err := r.ReadAt(b[:], at); err != nil || b[0] != content[at] {
				t.Fatalf("byte %d of %d: %v", at, size, err)
			}
		}
	}
}

// TestReaderRefuses gives every block's place to something else.
func TestReaderRefuses(t *testing.T) {
	content := pattern(200)
	root, k := mustStore(t, content)
	for cid, data := range maps.Clone(k.blocks) {
		for i := range data {
			changed := bytes.Clone(data)
			changed[i] ^= 1
			k.set(cid, changed)
			if _, err := readAll(t, k, root, 200); !errors.Is(err, ledger.ErrProof) {
				t.Fatalf("byte %d of %s changed: %v", i, cid, err)
			}
		}
		k.set(cid, nil)
		if _, err := readAll(t, k, root, 200); !errors.Is(err, errMissing) {
			t.Fatalf("without %s: %v", cid, err)
		}
		k.set(cid, make([]byte, MaxBlock+1))
		if _, err := readAll(t, k, root, 200); !errors.Is(err, ledger.ErrLimit) {
			t.Fatalf("%s of over 2 MiB: %v", cid, err)
		}
		k.set(cid, data)
	}
	for _, size := range []int64{0, 1, 8, 199, 201, 208, 1 << 40, maxSize} {
		if _, err := readAll(t, k, root, size); !errors.Is(err, ErrTree) {
			t.Errorf("said to have %d bytes: %v", size, err)
		}
	}
	for _, size := range []int64{-1, maxSize + 1} {
		if _, err := readAll(t, k, root, size); !errors.Is(err, ledger.ErrLimit) {
			t.Errorf("said to have %d bytes: %v", size, err)
		}
	}
}

// TestForgedNodes signs nothing but has every CID right: nodes that lie about what is below them.
func TestForgedNodes(t *testing.T) {
	forge := func(k *kept, data []byte) ledger.CID {
		cid := ledger.NewCID(ledger.CodecDagPB, sha256.Sum256(data))
		k.set(cid, data)
		return cid
	}
	content := pattern(24)
	root, k := mustStore(t, content)
	node := k.blocks[root]
	for _, tt := range []struct {
		name string
		data []byte
		size int64
	}{
		{"a byte behind", append(bytes.Clone(node), 0), 24},
		{"cut", node[:len(node)-1], 24},
		{"nothing", []byte{}, 24},
		{"a size of one more", bytes.Replace(node, []byte{fileSize, 24}, []byte{fileSize, 25}, 1), 24},
		{"a child of one more", bytes.Replace(node, []byte{fileSubtotal, 8}, []byte{fileSubtotal, 9}, 1), 24},
		{"a directory", bytes.Replace(node, []byte{fileType, unixFSFile}, []byte{fileType, 1}, 1), 24},
	} {
		if _, err := readAll(t, k, forge(k, tt.data), tt.size); !errors.Is(err, ErrTree) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// A diamond: each node has its child three times over. 3^33 leaves are well formed as long as the size says so; then
	// a reader needs 34 blocks, and reads as long as it is asked to.
	cid, level, size := leafOf(sha256.Sum256(content[:8]), 8), 0, int64(8)
	k.set(cid.cid, content[:8])
	for ; small.span(level+1) < maxSize; level++ {
		n := small.node([]child{cid, cid, cid})
		data := n.encode()
		cid = child{forge(k, data), n.bytes, n.below + uint64(len(data))}
		size *= 3
	}
	r, err := openReader(t.Context(), k, cid.cid, size, small)
	if err != nil {
		t.Fatal(err)
	}
	var end [3]byte
	if _, err := r.ReadAt(end[:], size-3); err != nil || end != [3]byte(content[5:8]) {
		t.Errorf("the end of the diamond: %v", err)
	}
	if _, err := readAll(t, k, cid.cid, 1000); !errors.Is(err, ErrTree) {
		t.Errorf("a diamond that is said to be small: %v", err)
	}
}

// TestReaderIsBounded holds what a reader asks for at a time, and keeps, to a few leaves.
func TestReaderIsBounded(t *testing.T) {
	content := pattern(2000)
	root, k := mustStore(t, content)
	r, err := openReader(t.Context(), k, root, 2000, small)
	if err != nil {
		t.Fatal(err)
	}
	for at := range 2000 {
		if _, err := r.ReadAt(make([]byte, 1), int64(at*7%2000)); err != nil {
			t.Fatal(err)
		}
		if len(r.near) > 3*Ahead {
			t.Fatalf("%d leaves are kept", len(r.near))
		}
	}
}

func TestReaderStops(t *testing.T) {
	root, _ := mustStore(t, pattern(200))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := openReader(ctx, silent{}, root, 200, small)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.ReadAt(make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// silent never answers.
type silent struct{}

func (silent) Block(ctx context.Context, _ ledger.CID) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCAR(t *testing.T) {
	root, k := mustStore(t, pattern(200))
	for _, first := range []*ledger.CID{nil, &root} {
		var car bytes.Buffer
		w, err := NewCARWriter(&car, first)
		if err != nil {
			t.Fatal(err)
		}
		for _, cid := range k.order {
			if err := w.Write(Block{cid, k.blocks[cid]}); err != nil {
				t.Fatal(err)
			}
		}
		file := car.Bytes()
		got, blocks, err := readCAR(file)
		if err != nil || (got == nil) != (first == nil) || got != nil && *got != root || len(blocks) != len(k.order) {
			t.Fatalf("read root %v, %d blocks, %v", got, len(blocks), err)
		}
		ends := carEnds(file)
		for i := range file {
			if _, _, err := readCAR(file[:i]); (err == nil) != ends[i] {
				t.Errorf("cut at %d: %v", i, err)
			}
			flipped := bytes.Clone(file)
			flipped[i] ^= 1
			if got, _, err := readCAR(flipped); err == nil && (first == nil || got != nil && *got == root) {
				t.Errorf("byte %d changed: accepted", i)
			}
		}
	}
}

// carEnds says after which bytes a CAR may end.
func carEnds(file []byte) map[int]bool {
	ends := map[int]bool{}
	for at := 0; at < len(file); {
		length, n := binary.Uvarint(file[at:])
		at += n + int(length)
		ends[at] = true
	}
	return ends
}

func readCAR(file []byte) (root *ledger.CID, blocks []Block, err error) {
	r, root, err := NewCARReader(bytes.NewReader(file))
	if err != nil {
		return nil, nil, err
	}
	for {
		b, err := r.Next()
		if err == io.EOF {
			return root, blocks, nil
		}
		if err != nil {
			return root, nil, err
		}
		blocks = append(blocks, Block{b.CID, bytes.Clone(b.Data)})
	}
}

func TestCARRefuses(t *testing.T) {
	header := carBefore + carNone + carAfter
	start := string(rune(len(header))) + header
	cid := ledger.NewCID(ledger.CodecRaw, sha256.Sum256(nil))
	for _, tt := range []struct {
		name, file string
		want       error
	}{
		{"nothing", "", ledger.ErrFormat},
		{"version 2", "\x0a\xa1gversion\x02", ledger.ErrFormat},
		{"null for roots", "\x11" + carBefore + "\xf6" + carAfter, ledger.ErrFormat},
		{"a huge header", "\xff\xff\xff\xff\x0f", ledger.ErrLimit},
		{"a length without end", start + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", ledger.ErrFormat},
		{"a length with a needless byte", start + "\xa4\x00", ledger.ErrFormat},
		{"no CID", start + "\x00", ledger.ErrFormat},
		{"another CID", start + "\x24" + string(make([]byte, 36)), ledger.ErrFormat},
		{"an empty block", start + "\x24" + string(cid[:]), nil},
		{"a block of over 2 MiB", start + string(binary.AppendUvarint(nil, 36+MaxBlock+1)) + string(cid[:]), ledger.ErrLimit},
		{"a block that is not there", start + string(binary.AppendUvarint(nil, 36+MaxBlock)) + string(cid[:]), ledger.ErrFormat},
	} {
		if _, _, err := readCAR([]byte(tt.file)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func FuzzCAR(f *testing.F) {
	f.Add([]byte("\x0f" + carBefore + carNone + carAfter))
	root, k := mustStore(f, pattern(30))
	var car bytes.Buffer
	w, _ := NewCARWriter(&car, &root)
	for _, cid := range k.order {
		w.Write(Block{cid, k.blocks[cid]})
	}
	f.Add(car.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		root, blocks, err := readCAR(file)
		if err != nil {
			return
		}
		var again bytes.Buffer
		w, err := NewCARWriter(&again, root)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			if err := w.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(again.Bytes(), file) {
			t.Errorf("accepted %x, which is written %x", file, again.Bytes())
		}
	})
}

// FuzzNode holds decode to the one encoding of a node.
func FuzzNode(f *testing.F) {
	root, k := mustStore(f, pattern(60))
	f.Add(k.blocks[root], int64(60))
	root, k = mustStore(f, pattern(20))
	f.Add(k.blocks[root], int64(20))
	f.Fuzz(func(t *testing.T, data []byte, size int64) {
		if size <= small.leaf || size > 1<<20 {
			return
		}
		level := small.height(size)
		cids, err := small.decode(level, size, data)
		if err != nil {
			return
		}
		children := small.children(level, size)
		for i := range children {
			children[i].cid = cids[i]
		}
		if !bytes.Equal(small.node(children).encode(), data) {
			t.Errorf("accepted %x", data)
		}
	})
}

// TestSizeOf reads the size of a root, and takes nothing else for one.
func TestSizeOf(t *testing.T) {
	for _, size := range []int64{LeafSize + 1, 5*LeafSize + 7} {
		var root []byte
		if _, err := Split(t.Context(), bytes.NewReader(make([]byte, size)), size, func(b Block) error { root = bytes.Clone(b.Data); return nil }); err != nil {
			t.Fatal(err)
		}
		if got, err := SizeOf(root); got != size || err != nil {
			t.Errorf("%d bytes: got %d, %v", size, got, err)
		}
		for n := range len(root) {
			if got, err := SizeOf(root[:n]); err == nil {
				t.Errorf("the first %d bytes say %d", n, got)
			}
		}
	}
	for name, node := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "a folder": {0x0a, 2, 8, 1}, "no size": {0x0a, 2, 8, 2},
		"a size beyond all files": append([]byte{0x0a, 12, 8, 2, 0x18}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"a length beyond the end": {0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
	} {
		if got, err := SizeOf(node); !errors.Is(err, ErrTree) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}
