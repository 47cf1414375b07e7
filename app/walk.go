package app

import (
	"cmp"
	"container/heap"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// namesAtOnce bounds the names of one folder that are in memory.
const namesAtOnce = 50_000

// filesBelow goes through the regular files below a folder in the order of
// their names, without hidden ones and proofs, and without following links.
// after, unless it is empty, is the path of a file: what comes up to it is left
// out. What cannot be read comes with its error, and the rest goes on. enter is
// told of each folder before it is read; it may be nil.
//
// Memory does not grow with the folder: of a huge one, the names are read again
// for each portion, so that a walk can stop anywhere and go on by a name alone.
func filesBelow(folder, after string, enter func(string)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if enter == nil {
			enter = func(string) {}
		}
		walkFolder(folder, steps(folder, after), enter, yield)
	}
}

// steps are the names that lead from a folder to a path.
func steps(folder, path string) []string {
	rest, err := filepath.Rel(folder, path)
	if path == "" || err != nil {
		return nil
	}
	return strings.Split(rest, string(filepath.Separator))
}

// walkFolder reports whether to go on.
func walkFolder(folder string, after []string, enter func(string), yield func(string, error) bool) bool {
	enter(folder)
	from := ""
	if len(after) > 0 {
		from = after[0]
	}
	for inclusive := true; ; inclusive = false {
		entries, err := namesFrom(folder, from, inclusive)
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			switch {
			case isLeftOut(e.Name()):
			case e.IsDir():
				var rest []string
				if len(after) > 1 && e.Name() == after[0] {
					rest = after[1:]
				}
				if !walkFolder(path, rest, enter, yield) {
					return false
				}
			case len(after) == 1 && e.Name() == after[0]: // the last one of an earlier walk
			case e.Type().IsRegular():
				if !yield(path, nil) {
					return false
				}
			}
		}
		if err != nil {
			return yield(folder, err)
		}
		if len(entries) < namesAtOnce {
			return true
		}
		from = entries[len(entries)-1].Name()
	}
}

// isLeftOut tells whether a name stands for nothing to be stamped: something hidden, or a proof.
func isLeftOut(name string) bool {
	return strings.HasPrefix(name, ".") || strings.EqualFold(filepath.Ext(name), ".evident")
}

// namesFrom returns the first entries of a folder from a name on, sorted.
func namesFrom(folder, from string, inclusive bool) ([]fs.DirEntry, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var first latest
	for {
		some, err := f.ReadDir(1024)
		for _, e := range some {
			if e.Name() > from || inclusive && e.Name() == from {
				first.offer(e)
			}
		}
		if err != nil {
			slices.SortFunc(first, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return first, err
		}
	}
}

// latest is a heap of the first names that were offered, with the last of them on top.
type latest []fs.DirEntry

func (l latest) Len() int           { return len(l) }
func (l latest) Less(i, j int) bool { return l[i].Name() > l[j].Name() }
func (l latest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *latest) Push(e any)        { *l = append(*l, e.(fs.DirEntry)) }
func (l *latest) Pop() any {
	e := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return e
}

func (l *latest) offer(e fs.DirEntry) {
	if len(*l) < namesAtOnce {
		heap.Push(l, e)
		return
	}
	if e.Name() < (*l)[0].Name() {
		(*l)[0] = e
		heap.Fix(l, 0)
	}
}
