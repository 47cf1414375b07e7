package evidence

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A file is read into pieces of pieceSize: one in the hands of each of the three stages, and the queues between them.
const (
	pieceSize = 256 << 10
	queued    = 2
	inUse     = 3 + 2*queued
)

type piece struct {
	buf [pieceSize]byte
	n   int
	err error // why reading ended here, io.EOF included
}

// File computes the Digest of the file at path. The whole-file hash and the tree each have to see every byte, so reading
// and the two hashes run side by side and a file takes little longer than its plain SHA-256 where two cores are free.
// progress, which may be nil, is called from the calling goroutine with the bytes done so far.
//
// A change during the read is seen by the file's size, time and identity; a writer that restores all three is not.
func File(ctx context.Context, path string, progress func(done, total int64)) (Digest, error) {
	var d Digest
	err := Read(path, func(content io.Reader, size int64) (err error) {
		content = io.LimitReader(content, size+1) // one byte more is enough to see that the file grows
		d, err = digest(ctx, content, func(done int64) {
			if progress != nil {
				progress(done, size)
			}
		})
		if err == nil && d.Size != size {
			return ErrChanged
		}
		return err
	})
	return d, err
}

// Read calls use with the content of the regular file at path and its size, and sees whether it changed meanwhile: then
// it returns ErrChanged, whatever use made of the content.
func Read(path string, use func(content io.Reader, size int64) error) error {
	before, err := os.Stat(path) // before opening, which would wait for ever on a pipe
	if err != nil {
		return fmt.Errorf("read evidence file: %w", err)
	}
	if err := CheckRegular(path, before.Mode()); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read evidence file: %w", err)
	}
	defer f.Close()
	if err := use(f, before.Size()); err != nil {
		return fmt.Errorf("read evidence file %s: %w", path, err)
	}
	opened, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read evidence file: %w", err)
	}
	after, err := os.Stat(path) // by name again: the file may have been replaced by another
	if err != nil || !sameContent(before, opened) || !sameContent(before, after) {
		return fmt.Errorf("read evidence file %s: %w", path, ErrChanged)
	}
	return nil
}

// digest reads r to its end through three stages, each on pieces of its own: read, hash the whole, hash the tree. The
// last stage runs here and ends when both others have.
func digest(ctx context.Context, r io.Reader, progress func(done int64)) (Digest, error) {
	read, hashed, free := make(chan *piece, queued), make(chan *piece, queued), make(chan *piece, inUse)
	h := NewHasher()

	go func() {
		defer close(read)
		readPieces(ctx, r, free, read)
	}()
	go func() {
		defer close(hashed)
		for p := range read {
			h.whole.Write(p.buf[:p.n])
			hashed <- p
		}
	}()

	var err error
	for p := range hashed {
		h.write(p.buf[:p.n])
		err = p.err
		free <- p
		progress(h.size)
	}
	if err != io.EOF {
		return Digest{}, err
	}
	return h.Sum(), nil
}

// readPieces sends the content of r; the last piece, and only that one, carries an error.
func readPieces(ctx context.Context, r io.Reader, free <-chan *piece, out chan<- *piece) {
	for {
		p := freePiece(free)
		p.n, p.err = io.ReadFull(r, p.buf[:])
		if p.err == io.ErrUnexpectedEOF {
			p.err = io.EOF
		}
		if p.err == nil {
			p.err = ctx.Err()
		}
		last := p.err != nil
		out <- p
		if last {
			return
		}
	}
}

// freePiece reuses a piece, and makes one only while fewer are in use than the stages can hold: a small file needs one.
func freePiece(free <-chan *piece) *piece {
	select {
	case p := <-free:
		return p
	default:
		return new(piece)
	}
}

func sameContent(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// CheckRegular says what a path leads to if it is not a file with a content of its own.
func CheckRegular(path string, mode fs.FileMode) error {
	var kind string
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	default:
		kind = "a special file"
	}
	return fmt.Errorf("%s is %s: %w", path, kind, ErrNotFile)
}
