package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"evident/lightclient/evidence"
	"evident/lightclient/service"
)

// Limits of a folder that is watched.
const (
	maxMarked = 1000 // paths to look at; beyond that, everything is looked at
	maxUnread = 100  // files that are remembered because they cannot be read
	lotSize   = 500  // files that are waited for, read and handed over at a time
)

// folder is a folder that is watched. What the system tells of is a hint where
// to look, and is lost at times: therefore everything is looked at now and then,
// and at the start, which is how it catches up with what changed meanwhile.
//
// A file is handed over when it has looked the same for a while, and once for
// each content: it is noted only after the queue has it, so whatever stops the
// program, the next look hands over what is missing.
type folder struct {
	watched
	of     *watches
	cancel context.CancelFunc
	work   sync.WaitGroup
	poked  chan struct{} // there is something to look at

	mu      sync.Mutex
	seen    *seen
	marked  map[string]bool
	unread  map[string]error
	waiting int
	trouble *service.Error // with the folder as a whole
	deaf    error          // the system does not tell of all changes
}

func newFolder(w *watches, k watched, s *seen) *folder {
	return &folder{watched: k, of: w, seen: s, poked: make(chan struct{}, 1), marked: map[string]bool{k.Path: true}, unread: map[string]error{}}
}

func (f *folder) start(ctx context.Context) {
	ctx, f.cancel = context.WithCancel(ctx)
	f.work.Go(func() { f.run(ctx) })
}

func (f *folder) stop() {
	f.cancel()
	f.work.Wait()
	f.seen.close()
}

// run looks at what is marked, until ctx ends.
func (f *folder) run(ctx context.Context) {
	system, err := fsnotify.NewWatcher()
	if err != nil {
		f.isDeaf(err)
	} else {
		defer system.Close()
		f.work.Go(func() { f.listen(system) })
	}
	for {
		f.look(ctx, system)
		f.tell()
		pause := f.of.again
		if f.isTroubled() {
			pause = f.of.soon
		}
		select {
		case <-f.poked:
		case <-time.After(pause):
			f.mark(f.Path)
		case <-ctx.Done():
			return
		}
	}
}

// listen marks what the system tells of, until it is closed.
func (f *folder) listen(system *fsnotify.Watcher) {
	for {
		select {
		case event, open := <-system.Events:
			if !open {
				return
			}
			if !isLeftOut(filepath.Base(event.Name)) {
				f.mark(event.Name)
			}
		case _, open := <-system.Errors:
			if !open {
				return
			}
			f.mark(f.Path) // something was lost
		}
	}
}

// mark has a path looked at.
func (f *folder) mark(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.marked) == maxMarked || path == f.Path {
		clear(f.marked)
		path = f.Path
	}
	if !f.marked[f.Path] {
		f.marked[path] = true
	}
	poke(f.poked)
}

// look goes through what is marked.
func (f *folder) look(ctx context.Context, system *fsnotify.Watcher) {
	f.mu.Lock()
	marked := slices.Sorted(maps.Keys(f.marked))
	clear(f.marked)
	f.mu.Unlock()
	l := lot{folder: f}
	for _, path := range marked {
		info, err := os.Lstat(path)
		switch {
		case path == f.Path && (err != nil || !info.IsDir()):
			f.vanished(err)
		case err != nil: // it went as it came
		case info.IsDir():
			f.walk(ctx, path, system, &l)
		case info.Mode().IsRegular():
			l.add(ctx, path, info)
		}
		if ctx.Err() != nil {
			return
		}
	}
	l.flush(ctx)
}

func (f *folder) vanished(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = failed("no_folder", "The folder is not there.", "Attach its disk, or bring it back; or stop watching it.", err)
}

// walk goes through all files below a folder, and has the system tell of what changes there.
func (f *folder) walk(ctx context.Context, root string, system *fsnotify.Watcher, l *lot) {
	if root == f.Path {
		f.mu.Lock()
		f.trouble = nil
		clear(f.unread)
		f.mu.Unlock()
	}
	enter := func(folder string) {
		if system == nil || isBelow(folder, f.of.home) {
			return
		}
		if err := system.Add(folder); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			f.isDeaf(err)
		}
	}
	for path, err := range filesBelow(root, "", enter) {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.cannotRead(path, err)
			continue
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			l.add(ctx, path, info)
		}
	}
}

func (f *folder) isDeaf(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = err
}

func (f *folder) cannotRead(path string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.unread) < maxUnread && !errors.Is(err, fs.ErrNotExist) {
		f.unread[path] = err
	}
}

func (f *folder) isTroubled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trouble != nil || len(f.unread) > 0
}

// parts are how programs call files that are not whole yet.
var parts = []string{".part", ".crdownload"}

// lot is a portion of files that are new or changed.
type lot struct {
	folder *folder
	files  []looked
}

// add takes a file in that does not look as it did when it was handed over.
func (l *lot) add(ctx context.Context, path string, info fs.FileInfo) {
	f := l.folder
	f.mu.Lock()
	known := f.seen.knows(path, info)
	f.mu.Unlock()
	if known || isLeftOut(filepath.Base(path)) || slices.Contains(parts, filepath.Ext(path)) || isBelow(path, f.of.home) {
		return
	}
	l.files = append(l.files, looked{path: path, look: look(info)})
	if len(l.files) == lotSize {
		l.flush(ctx)
	}
}

// flush waits until files are quiet, reads them, hands over those whose content
// is new, and notes all of them. What is not quiet is looked at again.
func (l *lot) flush(ctx context.Context) {
	if len(l.files) == 0 {
		return
	}
	f := l.folder
	files := l.files
	l.files = nil
	f.expect(len(files))
	defer f.expect(0)
	if !sleep(ctx, f.of.quiet) {
		return
	}
	var whole []looked
	var fresh []string
	for _, file := range files {
		if ctx.Err() != nil {
			return
		}
		if !f.read(&file) {
			continue
		}
		whole = append(whole, file)
		f.mu.Lock()
		if known := f.seen.contents[file.content]; !known && !slices.ContainsFunc(whole[:len(whole)-1], func(o looked) bool { return o.content == file.content }) {
			fresh = append(fresh, file.path)
		}
		f.mu.Unlock()
	}
	err := f.of.queue.addWhenRoom(ctx, service.StampParams{Paths: fresh, Mode: f.Mode, Together: f.Together})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		err = f.seen.add(whole)
	}
	if err != nil && ctx.Err() == nil {
		e := explain(err)
		f.trouble = &e
	}
}

// read finds a file's content; false if it is not to be handed over now.
func (f *folder) read(file *looked) bool {
	info, err := os.Lstat(file.path)
	if err == nil && look(info) != file.look {
		f.mark(file.path) // somebody writes to it
		return false
	}
	sum := sha256.New()
	if err == nil {
		err = evidence.Read(file.path, func(content io.Reader, _ int64) error {
			_, err := io.Copy(sum, content)
			return err
		})
	}
	f.mu.Lock()
	delete(f.unread, file.path)
	f.mu.Unlock()
	switch {
	case errors.Is(err, evidence.ErrChanged):
		f.mark(file.path)
	case err != nil:
		f.cannotRead(file.path, err)
	default:
		file.content = name(sum.Sum(nil)[:16])
	}
	return err == nil
}

// expect says how many files are on their way to the queue.
func (f *folder) expect(n int) {
	f.mu.Lock()
	f.waiting = n
	f.mu.Unlock()
	f.tell()
}

func (f *folder) tell() { f.of.tell(service.WatchEvent{Kind: "watch", Folder: f.view()}) }

// view shows the folder, and what is wrong with it.
func (f *folder) view() service.Watch {
	below := f.of.queue.unfinishedBelow(f.Path)
	f.mu.Lock()
	defer f.mu.Unlock()
	out := service.Watch{Path: f.Path, Mode: f.Mode, Together: f.Together, Files: len(f.seen.looks), Waiting: f.waiting + below}
	if !f.seen.last.IsZero() {
		out.LastAt = f.seen.last.UnixMilli()
	}
	switch {
	case f.trouble != nil:
		out.Error, out.Hint = f.trouble.Message, f.trouble.Hint
	case len(f.unread) > 0:
		first := slices.Min(slices.Collect(maps.Keys(f.unread)))
		e := explain(f.unread[first])
		out.Error, out.Hint = fmt.Sprintf("Not read: %d, the first of them %s. %s", len(f.unread), first, e.Message), e.Hint
	case f.deaf != nil:
		out.Error = fmt.Sprintf("The system does not tell of every change here. (%v)", f.deaf)
		out.Hint = fmt.Sprintf("New files are found within %v. On Linux, a larger fs.inotify.max_user_watches helps.", f.of.again)
	}
	return out
}
