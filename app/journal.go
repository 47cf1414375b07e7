package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"evident/lightclient/store"
)

// order is what was handed over and is not signed yet: a file, files that go
// together, or a folder whose files each get a job of their own.
type order struct {
	Job       string   `json:"job"`
	Path      string   `json:"path,omitempty"`
	Paths     []string `json:"paths,omitempty"` // together
	Folder    bool     `json:"folder,omitempty"`
	After     string   `json:"after,omitempty"` // the folder's files up to this one have their jobs
	Mode      string   `json:"mode,omitempty"`
	Statement string   `json:"statement,omitempty"`
	At        int64    `json:"at,omitempty"` // when it was handed over, Unix milliseconds
	Paused    bool     `json:"paused,omitempty"`
}

// isGone tells whether a line removes what it names.
func (o order) isGone() bool { return o.Path == "" && !o.Paused }

// leastRenewed is the size below which the journal is not worth writing anew.
const leastRenewed = 4 << 20

// journal keeps the orders on disk, as lines of JSON: a line with a path adds or
// replaces one, a line without removes it. It is durable when a method returns.
// A last line that was cut off never was acknowledged, and is dropped.
type journal struct {
	path string
	file *os.File
	size int64
	most int64 // the size from which on the past is thrown away
	live map[string]order
	rank map[string]int // the place of an order among all there were
	next int
}

// openJournal returns what is waiting, in its order, and writes the file anew
// without what has been removed.
func openJournal(path string) (*journal, []order, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read the queue: %w", err)
	}
	j := &journal{path: path, live: map[string]order{}, rank: map[string]int{}}
	if err := j.replay(data); err != nil {
		return nil, nil, fmt.Errorf("read the queue %s: %w", path, err)
	}
	if err := j.renew(); err != nil {
		return nil, nil, err
	}
	return j, j.orders(), nil
}

func (j *journal) replay(data []byte) error {
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			break
		}
		data = rest
		var o order
		if err := json.Unmarshal(line, &o); err != nil {
			return err
		}
		j.keep(o)
	}
	return nil
}

func (j *journal) keep(o order) {
	if o.isGone() {
		delete(j.live, o.Job)
		delete(j.rank, o.Job)
		return
	}
	if _, known := j.live[o.Job]; !known {
		j.next++
		j.rank[o.Job] = j.next
	}
	j.live[o.Job] = o
}

// orders are those that wait, as they were handed over.
func (j *journal) orders() []order {
	var out []order
	for _, o := range j.live {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b order) int { return j.rank[a.Job] - j.rank[b.Job] })
	return out
}

// renew writes the file without the past.
func (j *journal) renew() error {
	anew := lines(j.orders())
	if err := store.WriteFile(j.path, anew, 0o600); err != nil {
		return fmt.Errorf("write the queue: %w", err)
	}
	file, err := os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the queue: %w", err)
	}
	if j.file != nil {
		j.file.Close() // what it was is replaced
	}
	j.file, j.size = file, int64(len(anew))
	j.most = max(leastRenewed, 4*j.size)
	return nil
}

func lines(orders []order) []byte {
	var out []byte
	for _, o := range orders {
		line, err := json.Marshal(o)
		if err != nil {
			panic("app: encode a line of the queue: " + err.Error())
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

// write makes orders known, or changes them, all at once. An order that has
// nothing but its job is removed.
func (j *journal) write(orders ...order) error {
	data := lines(orders)
	_, err := j.file.Write(data)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the queue: %w", errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(len(data))
	for _, o := range orders {
		j.keep(o)
	}
	if j.size < j.most {
		return nil
	}
	return j.renew()
}

// remove takes a job out.
func (j *journal) remove(job string) error { return j.write(order{Job: job}) }

func (j *journal) close() error { return j.file.Close() }
