package fullnode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"time"

	"evident/lightclient/ledger"
)

// journal keeps the records that this node gave receipts for until they are in
// a block, so that a promise outlives a crash. It is an append-only file of
// frames, each behind its CRC-32; records that are settled vanish when the file
// is written anew.
type journal struct {
	path string

	mu      sync.Mutex
	file    *os.File
	size    int64
	pending *flush // the writes that the next sync covers
	last    int    // appends in the last flush
}

// flush is one write and sync that several appends wait for together.
type flush struct {
	data []byte
	held int // appends
	done chan struct{}
	err  error
}

// gatherEach and gatherMost are how long the first of a flush waits for others,
// when the last one held several: so long for each of them. A sync costs the
// same whatever it covers.
const (
	gatherEach = 200 * time.Microsecond
	gatherMost = 2 * time.Millisecond
)

// openJournal opens the file and returns the notes in it. A torn frame at the
// end is the crash of a write that nobody was promised anything for; a frame
// that was damaged later does not take those behind it along.
func openJournal(path string) (*journal, [][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("read journal: %w", err)
	}
	var notes [][]byte
	for len(data) > 0 {
		note, rest, whole := readEntry(data)
		if note == nil {
			break
		}
		if whole {
			notes = append(notes, note)
		}
		data = rest
	}
	j := &journal{path: path}
	return j, notes, j.rewrite(func() [][]byte { return notes })
}

func appendEntry(out, note []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(note))
	return ledger.AppendFrame(out, note)
}

// readEntry returns the first note, nil if there is none, and whether it is
// what was written.
func readEntry(data []byte) (note, rest []byte, whole bool) {
	if len(data) < 5 {
		return nil, nil, false
	}
	size, n := binary.Uvarint(data[4:])
	body := data[4+max(n, 0):]
	if n <= 0 || size > ledger.MaxRecordSize || size > uint64(len(body)) {
		return nil, nil, false
	}
	note, rest = body[:size], body[size:]
	return note, rest, crc32.ChecksumIEEE(note) == binary.BigEndian.Uint32(data)
}

// append puts a note on disk; appends that come together share one sync.
func (j *journal) append(note []byte) error {
	j.mu.Lock()
	f := j.pending
	first := f == nil
	if first {
		f = &flush{done: make(chan struct{})}
		j.pending = f
	}
	f.data = appendEntry(f.data, note)
	f.held++
	last := j.last
	j.mu.Unlock()
	if first {
		if last > 1 {
			time.Sleep(min(time.Duration(last)*gatherEach, gatherMost))
		}
		j.flush(f)
	}
	<-f.done
	return f.err
}

// flush writes what gathered while the lock of the file was waited for.
func (j *journal) flush(f *flush) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending, j.last = nil, f.held
	n, err := j.file.Write(f.data)
	j.size += int64(n)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		f.err = fmt.Errorf("write journal: %w", err)
	}
	close(f.done)
}

// rewrite replaces the file by one with just the notes that keep returns. It
// is asked under the lock, so that no append falls between it and the file.
func (j *journal) rewrite(keep func() [][]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var data []byte
	for _, note := range keep() {
		data = appendEntry(data, note)
	}
	next, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	_, err = next.Write(data)
	if err == nil {
		err = next.Sync()
	}
	if err == nil {
		err = os.Rename(j.path+".new", j.path)
	}
	if err != nil {
		next.Close()
		return fmt.Errorf("write journal: %w", err)
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size = next, int64(len(data))
	return syncFolder(filepath.Dir(j.path))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer d.Close()
	return d.Sync()
}

func (j *journal) bytes() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

func (j *journal) close() error { return j.file.Close() }
