package evidence

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"runtime"
	"sync"

	"evident/lightclient/ledger"
)

// Stored is what became of a file: its plain content, and the tree that the members store.
type Stored struct {
	SHA256 [sha256.Size]byte // of the plain bytes
	SHA512 [sha512.Size]byte // zero in a page
	Plain  int64             // bytes
	CID    ledger.CID
	Size   int64 // bytes of what the tree holds
}

// Split makes the blocks of a public file of exactly size bytes, in one pass: leaves in their order, each node after its
// children, the root last. emit is called from the calling goroutine; a block's data is good until it returns.
func Split(ctx context.Context, r io.Reader, size int64, emit func(Block) error) (Stored, error) {
	return Store(ctx, r, plainForm{size, profile.leaf}, emit)
}

// Store is Split for any form of the file. r has exactly f.Length bytes.
func Store(ctx context.Context, r io.Reader, f Form, emit func(Block) error) (Stored, error) {
	return storeFile(ctx, profile, r, f, emit)
}

// Form says which bytes are stored for a file, leaf by leaf; all leaves but the last have LeafSize bytes. Leaves are made
// side by side, so each is a function of the plain bytes that it depends on and of nothing before them.
type Form interface {
	// Length counts the plain bytes.
	Length() int64
	// Stored counts the bytes that are stored.
	Stored() int64
	// Source returns which plain bytes a leaf is made of: at most LeafSize and Slack. Neither end lies before that of an
	// earlier leaf, no byte is left out, and the last leaf ends with the file.
	Source(leaf int64) (from, to int64)
	// Leaf makes a leaf of its plain bytes. It may be plain itself, or lie in buf, which is empty and has room for Slack
	// bytes behind the leaf.
	Leaf(leaf int64, plain, buf []byte) []byte
}

// Slack is for forms whose own parts are not aligned to leaves, and are at most half as long.
const Slack = 128 << 10

// AsItIs is the form of a public file of so many bytes.
func AsItIs(size int64) Form { return plainForm{size, profile.leaf} }

// plainForm stores a file as it is.
type plainForm struct{ size, leaf int64 }

func (f plainForm) Length() int64 { return f.size }
func (f plainForm) Stored() int64 { return f.size }

func (f plainForm) Source(leaf int64) (from, to int64) {
	return leaf * f.leaf, min((leaf+1)*f.leaf, f.size)
}

func (f plainForm) Leaf(_ int64, plain, _ []byte) []byte { return plain }

// job is one leaf on its way.
type job struct {
	index int64
	input []byte // the plain bytes it is made of
	fresh []byte // the part of input that no leaf before had
	buf   []byte
	data  []byte // the leaf
	child child
	err   error // of reading; the last job then
	busy  sync.WaitGroup
}

// maxWorkers bounds the memory: every leaf under way takes a bit more than 2 MiB.
const maxWorkers = 8

// storeFile reads r through four stages: one reads, two hash the plain bytes, which has to be done in order, and as many
// as there are cores make leaves. They are taken up here in their order. Jobs are reused: there are never more than a few.
func storeFile(ctx context.Context, s shape, r io.Reader, f Form, emit func(Block) error) (Stored, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := max(min(runtime.GOMAXPROCS(0), maxWorkers), leastWorkers)
	under := 2*workers + 2
	free := make(chan *job, under)
	for range under {
		free <- new(job)
	}
	ordered, work := make(chan *job, under), make(chan *job, under)
	out := Stored{Plain: f.Length(), Size: f.Stored()}
	whole, long := newWhole(f.Length()), newLong()
	hashing := []chan *job{make(chan *job, under), make(chan *job, under)}
	for i, h := range []hash.Hash{whole, long} {
		go func() {
			for j := range hashing[i] {
				h.Write(j.fresh)
				j.busy.Done()
			}
		}()
	}
	for range workers {
		go func() {
			for j := range work {
				j.data = f.Leaf(j.index, j.input, j.buf[:0])
				j.child = leafOf(sumLeaf(j.data), len(j.data))
				j.busy.Done()
			}
		}()
	}
	go func() {
		readJobs(ctx, s, r, f, free, func(j *job) {
			if j.err == nil {
				j.busy.Add(3)
				hashing[0] <- j
				hashing[1] <- j
				work <- j
			}
			ordered <- j
		})
		close(ordered)
		close(work)
		close(hashing[0])
		close(hashing[1])
	}()
	root, err := collect(s, ordered, free, emit)
	if err != nil {
		cancel()
		for j := range ordered { // so that nobody waits for us
			j.busy.Wait()
		}
		return Stored{}, err
	}
	out.CID = root.cid
	whole.Sum(out.SHA256[:0])
	long.Sum(out.SHA512[:0])
	return out, nil
}

// collect builds the tree of the leaves.
func collect(s shape, ordered <-chan *job, free chan<- *job, emit func(Block) error) (child, error) {
	t := &tree{width: int(s.width), emit: emit}
	var last child
	for j := range ordered {
		j.busy.Wait()
		if j.err != nil {
			return child{}, j.err
		}
		if j.index > 0 {
			if err := t.add(0, last); err != nil {
				return child{}, err
			}
		}
		last = j.child
		if err := emit(Block{last.cid, j.data}); err != nil {
			return child{}, err
		}
		free <- j
	}
	return t.finish(last)
}

// readJobs reads the plain bytes of one leaf after the other. A reader with more or fewer bytes than the form expects has
// changed.
func readJobs(ctx context.Context, s shape, r io.Reader, f Form, free <-chan *job, next func(*job)) {
	leaves := max((f.Stored()+s.leaf-1)/s.leaf, 1)
	var read int64
	var tail []byte // read for the leaf before, the last bytes of its input
	for i := range leaves {
		var j *job
		select {
		case j = <-free:
		case <-ctx.Done():
			next(&job{err: ctx.Err()})
			return
		}
		from, to := f.Source(i)
		j.index = i
		if j.buf == nil {
			j.buf = make([]byte, 0, min(s.leaf, f.Stored())+Slack)
			j.input = make([]byte, 0, min(s.leaf+Slack, f.Length()))
		}
		j.input = j.input[:to-from]
		old := copy(j.input, tail[int64(len(tail))-(read-from):])
		j.fresh = j.input[old:]
		if _, err := io.ReadFull(r, j.fresh); err != nil {
			next(&job{err: changed(err)})
			return
		}
		read, tail = to, j.input
		if i == leaves-1 {
			if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 || err != io.EOF {
				next(&job{err: changed(err)})
				return
			}
		}
		next(j)
	}
}

// changed is the reason why a reader did not have exactly the bytes that it should have had.
func changed(err error) error {
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrChanged
	}
	return fmt.Errorf("read evidence file: %w", err)
}
