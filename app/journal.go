package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"evident/lightclient/store"
)

// waiting is a file that was handed over and is not signed yet.
type waiting struct {
	Job       string `json:"job"`
	Path      string `json:"path,omitempty"`
	Statement string `json:"statement,omitempty"`
	At        int64  `json:"at,omitempty"` // when it was handed over, Unix milliseconds
}

// journal keeps the waiting files on disk, as lines of JSON: a line with a path
// adds a file, a line without one removes it. It is durable when a method
// returns. A last line that was cut off never was acknowledged, and is dropped.
type journal struct {
	file *os.File
	size int64
}

// openJournal returns what is waiting, in its order, and writes the file anew
// without what has been removed.
func openJournal(path string) (*journal, []waiting, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read the queue: %w", err)
	}
	left, err := replay(data)
	if err != nil {
		return nil, nil, fmt.Errorf("read the queue %s: %w", path, err)
	}
	anew := lines(left)
	if err := store.WriteFile(path, anew, 0o600); err != nil {
		return nil, nil, fmt.Errorf("write the queue: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("write the queue: %w", err)
	}
	return &journal{file, int64(len(anew))}, left, nil
}

func replay(data []byte) ([]waiting, error) {
	var order []string
	files := map[string]waiting{}
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			break
		}
		data = rest
		var w waiting
		if err := json.Unmarshal(line, &w); err != nil {
			return nil, err
		}
		if w.Path == "" {
			delete(files, w.Job)
			continue
		}
		order = append(order, w.Job)
		files[w.Job] = w
	}
	var left []waiting
	for _, job := range order {
		if w, ok := files[job]; ok {
			left = append(left, w)
		}
	}
	return left, nil
}

func lines(files []waiting) []byte {
	var out []byte
	for _, w := range files {
		line, err := json.Marshal(w)
		if err != nil {
			panic("app: encode a line of the queue: " + err.Error())
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

// add puts files at the end.
func (j *journal) add(files ...waiting) error { return j.write(lines(files)) }

// remove takes a job out.
func (j *journal) remove(job string) error { return j.write(lines([]waiting{{Job: job}})) }

// write appends all of the lines or, as far as the disk lets it, none.
func (j *journal) write(data []byte) error {
	_, err := j.file.Write(data)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the queue: %w", errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(len(data))
	return nil
}

func (j *journal) close() error { return j.file.Close() }
