package app

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// name stands for a path or a content: half of a SHA-256, which nobody can make
// two things for.
type name [16]byte

func nameOf(data []byte) name {
	sum := sha256.Sum256(data)
	return name(sum[:16])
}

// seen is what was handed over of a watched folder: of each path, how the file
// looked; and of all contents, that they were. On disk it is an entry of 40
// bytes each; an entry that was cut off never was acknowledged, and is dropped.
type seen struct {
	file     *os.File
	size     int64
	looks    map[name]uint64
	contents map[name]bool
	last     time.Time // when something was added
}

const entrySize = 16 + 16 + 8

// openSeen reads what earlier runs handed over.
func openSeen(path string) (*seen, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what was stamped: %w", err)
	}
	s := &seen{looks: map[name]uint64{}, contents: map[name]bool{}}
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		s.last = info.ModTime()
	}
	s.size = int64(len(data) / entrySize * entrySize)
	for ; len(data) >= entrySize; data = data[entrySize:] {
		s.looks[name(data[:16])] = binary.BigEndian.Uint64(data[32:entrySize])
		s.contents[name(data[16:32])] = true
	}
	if s.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("open what was stamped: %w", err)
	}
	if err := s.file.Truncate(s.size); err != nil {
		return nil, fmt.Errorf("open what was stamped: %w", errors.Join(err, s.file.Close()))
	}
	return s, nil
}

// look is how a file looks without reading it.
func look(info fs.FileInfo) uint64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(info.Size()))
	binary.BigEndian.PutUint64(b[8:], uint64(info.ModTime().UnixNano()))
	sum := nameOf(b[:])
	return binary.BigEndian.Uint64(sum[:])
}

// knows tells whether a file looks as it did when it was handed over.
func (s *seen) knows(path string, info fs.FileInfo) bool {
	was, ok := s.looks[nameOf([]byte(path))]
	return ok && was == look(info)
}

// looked is a file whose content is known.
type looked struct {
	path    string
	look    uint64
	content name
}

// add keeps files. It is durable when it returns.
func (s *seen) add(files []looked) error {
	var data []byte
	for _, f := range files {
		path := nameOf([]byte(f.path))
		data = append(append(data, path[:]...), f.content[:]...)
		data = binary.BigEndian.AppendUint64(data, f.look)
	}
	_, err := s.file.Write(data)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("note what was stamped: %w", errors.Join(err, s.file.Truncate(s.size)))
	}
	s.size += int64(len(data))
	for _, f := range files {
		s.looks[nameOf([]byte(f.path))] = f.look
		s.contents[f.content] = true
	}
	if len(files) > 0 {
		s.last = time.Now()
	}
	return nil
}

func (s *seen) close() { s.file.Close() } // every entry was synced when it was written
