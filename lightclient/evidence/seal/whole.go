package seal

import (
	"crypto/sha256"
	"hash"
	"sync"
)

// Whole is how far a file was read from its beginning without a gap, by whoever read it, in one go or in pieces. It compares
// the file with what was recorded as soon as all of it was read: who then withholds the end lets nobody take what came for
// the file. Who reads only parts gets what the members keep and the author sealed, which says less.
type Whole struct {
	plain *Plain

	mu    sync.Mutex
	at    int64
	sum   hash.Hash
	other bool // all was read, and it is not what was recorded
}

// Whole returns a Whole of which nothing was read.
func (p *Plain) Whole() *Whole {
	w := &Whole{plain: p, sum: sha256.New()}
	w.compare()
	return w
}

func (w *Whole) compare() (ended bool) {
	if w.at == w.plain.Size {
		w.other = !w.plain.Recorded([sha256.Size]byte(w.sum.Sum(nil)))
	}
	return w.at == w.plain.Size
}

// Saw takes what was read at a place. It reports whether that came to the end of what is read in order, which it does once,
// and whether the content is known to be another than was recorded.
func (w *Whole) Saw(offset int64, p []byte) (ended, other bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at < offset || w.at >= offset+int64(len(p)) {
		return false, w.other
	}
	w.sum.Write(p[w.at-offset:])
	w.at = offset + int64(len(p))
	ended = w.compare()
	return ended, w.other
}
