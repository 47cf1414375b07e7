package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/store"
)

// watched is what is kept of a folder that is watched.
type watched struct {
	Path     string `json:"path"`
	Mode     string `json:"mode"`
	Together bool   `json:"together,omitempty"`
}

// watches are the folders whose files are handed over to the queue by themselves:
// all that are there, all that come, and all that change.
type watches struct {
	home  string // whose files are never handed over
	queue *queue
	tell  func(any)
	quiet time.Duration // how long a file looks the same before it is taken to be whole
	again time.Duration // the pause between two looks at everything
	soon  time.Duration // the pause before something is tried again

	mu      sync.Mutex
	folders []*folder
	ctx     context.Context // nil until they are started
}

func newWatches(home string, q *queue, tell func(any)) *watches {
	return &watches{home: home, queue: q, tell: tell, quiet: 2 * time.Second, again: 10 * time.Minute, soon: 15 * time.Second}
}

func (w *watches) list() string { return filepath.Join(w.home, "watches.json") }

// seenPath is where it is noted what of a folder was handed over.
func (w *watches) seenPath(folder string) string {
	return filepath.Join(w.home, "watches", fmt.Sprintf("%x.seen", nameOf([]byte(folder))))
}

// start watches the folders of earlier runs, until ctx ends.
func (w *watches) start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx = ctx
	data, err := os.ReadFile(w.list())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var kept []watched
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil {
		return fmt.Errorf("read the watched folders %s: %w", w.list(), err)
	}
	for _, k := range kept {
		if err := w.begin(k); err != nil {
			return err
		}
	}
	return nil
}

func (w *watches) begin(k watched) error {
	if err := os.MkdirAll(filepath.Dir(w.seenPath(k.Path)), 0o700); err != nil {
		return fmt.Errorf("watch %s: %w", k.Path, err)
	}
	seen, err := openSeen(w.seenPath(k.Path))
	if err != nil {
		return fmt.Errorf("watch %s: %w", k.Path, err)
	}
	f := newFolder(w, k, seen)
	w.folders = append(w.folders, f)
	f.start(w.ctx)
	return nil
}

// stop returns when nothing is watched any more.
func (w *watches) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.folders {
		f.stop()
	}
}

func (w *watches) save() error {
	var kept []watched
	for _, f := range w.folders {
		kept = append(kept, f.watched)
	}
	data, err := json.Marshal(kept)
	if err == nil {
		err = store.WriteFile(w.list(), data, 0o600)
	}
	if err != nil {
		return failed("store", "The watched folders cannot be written down.", "Check that the disk has room.", err)
	}
	return nil
}

// add watches a folder, or watches it in another mode.
func (w *watches) add(k watched) error {
	if k.Together && ledger.Mode(k.Mode) != ledger.Digest {
		return problem(author.ErrTogetherMode)
	}
	info, err := os.Stat(k.Path)
	if err != nil {
		return problem(err)
	}
	if !filepath.IsAbs(k.Path) || !info.IsDir() {
		return badRequest("%q is not the full path of a folder.", k.Path)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.folders {
		if f.Path != k.Path && (isBelow(k.Path, f.Path) || isBelow(f.Path, k.Path)) {
			return &service.Error{Code: "watched", Message: "The folder " + f.Path + " is watched already.", Hint: "Stop watching it first: one of the two lies in the other."}
		}
	}
	i := slices.IndexFunc(w.folders, func(f *folder) bool { return f.Path == k.Path })
	if i >= 0 { // what was handed over stays so
		w.folders[i].stop()
		w.folders = slices.Delete(w.folders, i, i+1)
	}
	if err := w.begin(k); err != nil {
		return err
	}
	return w.save()
}

// remove watches a folder no more, and forgets what was handed over.
func (w *watches) remove(path string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.folders, func(f *folder) bool { return f.Path == path })
	if i < 0 {
		return nil
	}
	w.folders[i].stop()
	w.folders = slices.Delete(w.folders, i, i+1)
	if err := w.save(); err != nil {
		return err
	}
	os.Remove(w.seenPath(path)) // if it stays, it says the truth
	return nil
}

func (w *watches) all() service.Watches {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := service.Watches{Folders: []service.Watch{}}
	for _, f := range w.folders {
		out.Folders = append(out.Folders, f.view())
	}
	return out
}

// isBelow tells whether a path is a folder or lies in it.
func isBelow(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, string(filepath.Separator))+string(filepath.Separator))
}

// watches lists the folders that are watched.
func (a *App) watched(context.Context, service.None) (service.Watches, error) {
	return a.watches.all(), nil
}

// watch begins to watch a folder; without a path the user is asked for one.
func (a *App) watch(_ context.Context, p service.WatchParams) (service.Watches, error) {
	if a.unfit != nil {
		return service.Watches{}, a.unfit
	}
	switch ledger.Mode(p.Mode) {
	case ledger.Digest, ledger.Sealed, ledger.Public:
	default:
		return service.Watches{}, badRequest("There is no mode %q.", p.Mode)
	}
	if p.Path == "" {
		folder, err := a.chooseFolder()
		if err != nil || folder == "" {
			return a.watches.all(), err
		}
		p.Path = folder
	}
	err := a.watches.add(watched{Path: filepath.Clean(p.Path), Mode: p.Mode, Together: p.Together})
	return a.watches.all(), err
}

// unwatch stops watching a folder. What was handed over goes on.
func (a *App) unwatch(_ context.Context, p service.PathParams) (service.Watches, error) {
	if a.unfit != nil {
		return service.Watches{}, a.unfit
	}
	err := a.watches.remove(filepath.Clean(p.Path))
	return a.watches.all(), err
}
