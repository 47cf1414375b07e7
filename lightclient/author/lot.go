package author

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/proof"
	"evident/lightclient/store"
)

// lot is the files of a record on the disk, so that millions of them need no memory:
//
//	files    a line for each: its path as Go quotes it, size, time of change, entry
//	hashes   the tree over the entries, as tlog stores it
type lot struct {
	folder  string
	files   *os.File
	hashes  *os.File
	lines   *bufio.Writer // onto files
	nodes   *bufio.Writer // onto hashes
	stored  int64         // hashes
	count   int64
	earlier *bufio.Scanner // of an earlier run
	next    lotFile        // of that, which was not met yet
	before  *os.File
	unlock  func()
}

type lotFile struct {
	path, entry   string
	size, changed int64
}

func (f lotFile) line() string {
	return fmt.Sprintf("%s %d %d %s\n", strconv.Quote(f.path), f.size, f.changed, f.entry)
}

func parseLotFile(line string) (f lotFile, err error) {
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return f, err
	}
	if f.path, err = strconv.Unquote(quoted); err != nil {
		return f, err
	}
	parts := strings.SplitN(line[len(quoted):], " ", 4)
	if len(parts) != 4 {
		return f, io.ErrUnexpectedEOF
	}
	f.size, err = strconv.ParseInt(parts[1], 10, 64)
	if err == nil {
		f.changed, err = strconv.ParseInt(parts[2], 10, 64)
	}
	f.entry = parts[3]
	return f, err
}

func (o *Outbox) lotPath(name string) string {
	return filepath.Join(filepath.Dir(o.Dir), "together", name)
}

// maxLine bounds a line of a lot: the longest path quoted, and an entry.
const maxLine = 64 << 10

// beginLot takes up the lot of these paths where an earlier run stopped, or starts it. One program collects a lot at a time.
func (o *Outbox) beginLot(paths []string) (_ *lot, err error) {
	if len(paths) == 0 {
		return nil, ErrNoFiles
	}
	sum := sha256.Sum256([]byte(strings.Join(paths, "\x00")))
	l := &lot{folder: o.lotPath(fmt.Sprintf("new-%x", sum[:16]))}
	if err := os.MkdirAll(l.folder, 0o700); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	if l.unlock, err = store.Lock(l.folder + ".lock"); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	files := filepath.Join(l.folder, "files")
	if err := os.Rename(files, files+".before"); err == nil {
		if l.before, err = os.Open(files + ".before"); err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
		l.earlier = bufio.NewScanner(l.before)
		l.earlier.Buffer(nil, maxLine)
	}
	if l.files, err = create(files); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	if l.hashes, err = create(filepath.Join(l.folder, "hashes")); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	l.lines, l.nodes = bufio.NewWriterSize(l.files, 1<<20), bufio.NewWriterSize(l.hashes, 1<<20)
	return l, nil
}

// create makes a file that only its owner reads.
func create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}

// recall returns the entry that an earlier run made of this file, if it is the next one that it made and the file has not
// changed.
func (l *lot) recall(path string, info fs.FileInfo) (string, bool) {
	if l.next.path == "" && l.earlier != nil && l.earlier.Scan() {
		var err error
		if l.next, err = parseLotFile(l.earlier.Text()); err != nil || !json.Valid([]byte(l.next.entry)) {
			l.next, l.earlier = lotFile{}, nil // cut, perhaps within the entry: the run ended here
		}
	}
	f := l.next
	if f.path != path {
		return "", false
	}
	l.next = lotFile{}
	return f.entry, f.size == info.Size() && f.changed == info.ModTime().UnixNano()
}

func (l *lot) add(path string, info fs.FileInfo, entry string) error {
	f := lotFile{path, entry, info.Size(), info.ModTime().UnixNano()}
	if _, err := l.lines.WriteString(f.line()); err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	hashes, err := tlog.StoredHashesForRecordHash(l.count, tlog.RecordHash([]byte(entry)), l)
	if err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	for _, h := range hashes {
		if _, err := l.nodes.Write(h[:]); err != nil {
			return fmt.Errorf("collect: %w", err)
		}
	}
	l.count++
	l.stored += int64(len(hashes))
	return nil
}

// ReadHashes implements tlog.HashReader.
func (l *lot) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if l.nodes != nil && (index+1)*tlog.HashSize > l.stored*tlog.HashSize-int64(l.nodes.Buffered()) {
			if err := l.nodes.Flush(); err != nil {
				return nil, err
			}
		}
		if _, err := l.hashes.ReadAt(out[i][:], index*tlog.HashSize); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// settle makes the lot durable under the name of its record.
func (l *lot) settle(folder string) error {
	err := errors.Join(l.lines.Flush(), l.nodes.Flush(), l.files.Sync(), l.hashes.Sync(), removeAll(filepath.Join(l.folder, "files.before")))
	if err == nil {
		err = os.Rename(l.folder, folder)
	}
	if err == nil { // before the record is
		err = store.SyncFolder(filepath.Dir(folder))
	}
	if err != nil {
		return fmt.Errorf("keep the lot: %w", err)
	}
	return nil
}

func (l *lot) drop() error { return os.RemoveAll(l.folder) }

func (l *lot) close() {
	if l.lines != nil {
		l.lines.Flush() // for the next run; what is missing is digested again
	}
	for _, f := range []*os.File{l.files, l.hashes, l.before} {
		if f != nil {
			f.Close()
		}
	}
	if l.unlock != nil {
		l.unlock()
	}
}

// openLot opens a lot that settled.
func openLot(folder string) (_ *lot, err error) {
	l := &lot{folder: folder}
	if l.files, err = os.Open(filepath.Join(folder, "files")); err != nil {
		return nil, fmt.Errorf("open the lot: %w", err)
	}
	if l.hashes, err = os.Open(filepath.Join(folder, "hashes")); err != nil {
		l.close()
		return nil, fmt.Errorf("open the lot: %w", err)
	}
	info, err := l.hashes.Stat()
	if err != nil {
		l.close()
		return nil, fmt.Errorf("open the lot: %w", err)
	}
	stored := info.Size() / tlog.HashSize
	l.count = int64(sort.Search(int(stored), func(n int) bool { return tlog.StoredHashCount(int64(n)) >= stored }))
	if tlog.StoredHashCount(l.count) != stored || info.Size()%tlog.HashSize != 0 {
		l.close()
		return nil, fmt.Errorf("open the lot: %w: %s", ErrDamaged, folder)
	}
	return l, nil
}

// each calls use for every file of the lot, from the first.
func (l *lot) each(use func(index int64, f lotFile) error) error {
	if _, err := l.files.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the lot: %w", err)
	}
	lines := bufio.NewScanner(l.files)
	lines.Buffer(nil, maxLine)
	for index := int64(0); lines.Scan(); index++ {
		f, err := parseLotFile(lines.Text())
		if err == nil {
			err = use(index, f)
		}
		if err != nil {
			return fmt.Errorf("read the lot: file %d: %w", index+1, err)
		}
	}
	return lines.Err()
}

// prove makes the proof of one file from that of the record.
func (l *lot) prove(base []byte, index int64, f lotFile) ([]byte, error) {
	path, err := tlog.ProveRecord(l.count, index, l)
	if err != nil {
		return nil, err
	}
	return proof.OfTogether(base, proof.Together{Entry: []byte(f.entry), Index: index, Path: path})
}
