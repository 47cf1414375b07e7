package blobs

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// file is a file's blocks.
type file struct {
	stored evidence.Stored
	blocks []evidence.Block // the root is the last
}

func (w *world) file(content []byte) file {
	w.Helper()
	var f file
	var err error
	f.stored, err = evidence.Split(context.Background(), bytes.NewReader(content), int64(len(content)), func(b evidence.Block) error {
		f.blocks = append(f.blocks, evidence.Block{CID: b.CID, Data: bytes.Clone(b.Data)})
		return nil
	})
	w.must(err)
	return f
}

func (f file) public() ledger.Evidence {
	return ledger.Evidence{CID: f.stored.CID.String(), Mode: ledger.Public, SHA256: hex.EncodeToString(f.stored.SHA256[:]), Size: f.stored.Size}
}

func (f file) car() []byte { return carOf(&f.stored.CID, f.blocks...) }

func car(f file) io.Reader { return bytes.NewReader(f.car()) }

func carOf(root *ledger.CID, blocks ...evidence.Block) []byte {
	var out bytes.Buffer
	c, err := evidence.NewCARWriter(&out, root)
	for _, b := range blocks {
		err = errors.Join(err, c.Write(b))
	}
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

// noiseOf is that many bytes that do not repeat.
func noiseOf(seed byte, n int) []byte {
	out := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(out)
	return out
}
