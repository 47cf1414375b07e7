package seal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"filippo.io/age"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// maxHeader bounds the header of an age file; ours has some 2 KiB.
const maxHeader = 64 << 10

// Plain is the content of a stored file. It can be read at any place, for playback, or as a whole, which alone shows that
// it is what the author recorded.
type Plain struct {
	io.ReaderAt
	Size int64

	check func([sha256.Size]byte) bool
}

// Open opens evidence that the members store. A sealed file needs its secret, of which the identity is enough to read and
// the salt to compare; it is nil for a public one.
func Open(ctx context.Context, blocks evidence.Blocks, e ledger.Evidence, s *Secret) (*Plain, error) {
	root, err := ledger.ParseCID(e.CID)
	if err != nil {
		return nil, err
	}
	stored, err := evidence.OpenReader(ctx, blocks, root, e.Size)
	if err != nil {
		return nil, err
	}
	if e.Mode != ledger.Sealed {
		return &Plain{stored, e.Size, func(sum [sha256.Size]byte) bool { return hex.EncodeToString(sum[:]) == e.SHA256 }}, nil
	}
	if s == nil {
		return nil, fmt.Errorf("%w: there is none", ErrSecret)
	}
	plain, size, err := unseal(stored, s)
	if err != nil {
		return nil, fmt.Errorf("open sealed file %s: %w", root, err)
	}
	return &Plain{plain, size, func(sum [sha256.Size]byte) bool { return ledger.Commitment(s.Salt, sum).String() == e.Commit }}, nil
}

// unseal leaves decryption to age. That the ciphertext is whole says nothing of who made it, so its header is bounded
// before age parses it.
func unseal(stored *evidence.Reader, s *Secret) (io.ReaderAt, int64, error) {
	identity, err := age.ParseHybridIdentity(s.Identity)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	head := make([]byte, min(stored.Size(), maxHeader))
	if _, err := stored.ReadAt(head, 0); err != nil {
		return nil, 0, err
	}
	if !bytes.Contains(head, []byte("\n--- ")) {
		return nil, 0, fmt.Errorf("%w: not an age file with a header of at most 64 KiB", ledger.ErrFormat)
	}
	plain, size, err := age.DecryptReaderAt(stored, stored.Size(), identity)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	return plain, size, nil
}

// Range returns length bytes from offset on.
func (p *Plain) Range(offset, length int64) *io.SectionReader {
	return io.NewSectionReader(p, offset, length)
}

// Recorded tells whether a digest is that of the content which the author recorded.
func (p *Plain) Recorded(sum [sha256.Size]byte) bool { return p.check(sum) }

// Copy writes the whole content to w. ErrContent means that it is not what was recorded: then nothing that was written
// may be shown to anybody as the file.
func (p *Plain) Copy(w io.Writer) error { return p.Continue(w, bytes.NewReader(nil)) }

// Continue is Copy for a w that has the beginning already, which is read from begun.
func (p *Plain) Continue(w io.Writer, begun io.Reader) error {
	sum := sha256.New()
	buf := make([]byte, 4*chunkSize)
	old, err := io.CopyBuffer(sum, begun, buf)
	if err != nil {
		return fmt.Errorf("read what was fetched before: %w", err)
	}
	rest := io.NewSectionReader(p, old, max(p.Size-old, 0))
	n, err := io.CopyBuffer(onlyWriter{io.MultiWriter(w, sum)}, rest, buf)
	if err != nil {
		return err
	}
	if old+n != p.Size || !p.check([sha256.Size]byte(sum.Sum(nil))) {
		return ErrContent
	}
	return nil
}

// onlyWriter hides other methods, so that CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }
