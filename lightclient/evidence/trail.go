package evidence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"evident/lightclient/ledger"
)

// Trail remembers which leaves a secret has sealed, so that it never seals two different ones at one place. It is a list
// of the leaves' digests, 32 bytes for each MiB.
//
// A leaf that is on the trail must be the same again; any other is put on the trail before it goes out. Whoever keeps
// the trail has to have it on disk before the blocks leave the machine: then it does not matter where we stop.
type Trail struct {
	earlier io.Reader
	append  io.Writer
}

// NewTrail continues a trail: earlier has what was appended before.
func NewTrail(earlier io.Reader, append io.Writer) *Trail { return &Trail{earlier, append} }

// Check takes the next block. ErrChanged means that the file is not what it was when this secret was first used: the
// block must not leave the machine, and the file needs a new secret. Nodes are only sums of leaves and pass.
func (t *Trail) Check(b Block) error {
	if b.CID.Codec() != ledger.CodecRaw {
		return nil
	}
	digest := [sha256.Size]byte(b.CID[len(b.CID)-sha256.Size:])
	if t.earlier != nil {
		var before [sha256.Size]byte
		_, err := io.ReadFull(t.earlier, before[:])
		switch {
		case err == nil && before != digest:
			return ErrChanged
		case err == nil:
			return nil
		case !errors.Is(err, io.EOF):
			return fmt.Errorf("read the trail of a sealed file: %w", err)
		}
		t.earlier = nil
	}
	if _, err := t.append.Write(digest[:]); err != nil {
		return fmt.Errorf("write the trail of a sealed file: %w", err)
	}
	return nil
}
