package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"evident/lightclient/service"
)

// guard is a home with a queue and watched folders, in a hurry.
type guard struct {
	*bench
	watches *watches
}

// newGuard starts where an earlier one in the same home stopped.
func newGuard(t *testing.T, home string, f *fakeStamper) *guard {
	t.Helper()
	g := &guard{bench: newBench(t, f, filepath.Join(home, "queue"))}
	g.watches = newWatches(home, g.queue, func(any) {})
	g.watches.quiet, g.watches.again, g.watches.soon = 30*time.Millisecond, time.Hour, 50*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	if err := g.watches.start(ctx); err != nil {
		t.Fatal(err)
	}
	end := g.end
	g.end = func() {
		cancel()
		g.watches.stop()
		end()
	}
	t.Cleanup(func() { cancel(); g.watches.stop() })
	return g
}

func (g *guard) watch(t *testing.T, folder string) {
	t.Helper()
	if err := g.watches.add(watched{Path: folder, Mode: "digest"}); err != nil {
		t.Fatal(err)
	}
}

// signed are the names of the files that were, with how often.
func (f *fakeStamper) stamped(folder string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for path, n := range f.signatures {
		name, err := filepath.Rel(folder, path)
		if err != nil {
			name = path
		}
		names = append(names, fmt.Sprintf("%s:%d", name, n))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// settles waits until the files are stamped as they are to be, and then whether it stays so.
func (g *guard) settles(t *testing.T, folder, want string) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for g.stamper.stamped(folder) != want && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(5 * g.watches.quiet)
	if got := g.stamper.stamped(folder); got != want {
		t.Fatalf("stamped %q, want %q", got, want)
	}
}

func TestWatch(t *testing.T) {
	home, folder := t.TempDir(), tree(t, "old.jpg", ".hidden", "old.jpg.evident", "sub/港.png", "film.part")
	g := newGuard(t, home, newFake())
	g.watch(t, folder)
	g.settles(t, folder, "old.jpg:1 sub/港.png:1")

	steps := []struct {
		name string
		do   func() error
		want string
	}{
		{"a new file", func() error { return os.WriteFile(folder+"/new", []byte("new"), 0o600) }, "new:1 old.jpg:1 sub/港.png:1"},
		{"a file that changed", func() error { return os.WriteFile(folder+"/new", []byte("newer"), 0o600) }, "new:2 old.jpg:1 sub/港.png:1"},
		{"a file that was only touched", func() error { return os.Chtimes(folder+"/new", time.Now(), time.Now().Add(-time.Hour)) }, "new:2 old.jpg:1 sub/港.png:1"},
		{"a copy", func() error { return os.WriteFile(folder+"/copy", []byte("newer"), 0o600) }, "new:2 old.jpg:1 sub/港.png:1"},
		{"the content of before", func() error { return os.WriteFile(folder+"/new", []byte("new"), 0o600) }, "new:2 old.jpg:1 sub/港.png:1"},
		{"a proof", func() error { return os.WriteFile(folder+"/new.evident", []byte("{}"), 0o600) }, "new:2 old.jpg:1 sub/港.png:1"},
		{"a file that was moved", func() error { return os.Rename(folder+"/old.jpg", folder+"/sub/moved.jpg") }, "new:2 old.jpg:1 sub/港.png:1"},
		{"a download that is whole now", func() error { return os.Rename(folder+"/film.part", folder+"/film") }, "film:1 new:2 old.jpg:1 sub/港.png:1"},
		{"a new folder in a new folder", func() error {
			if err := os.MkdirAll(folder+"/a/b", 0o700); err != nil {
				return err
			}
			return os.WriteFile(folder+"/a/b/c", []byte("c"), 0o600)
		}, "a/b/c:1 film:1 new:2 old.jpg:1 sub/港.png:1"},
		{"a file in it later", func() error { return os.WriteFile(folder+"/a/b/d", []byte("d"), 0o600) }, "a/b/c:1 a/b/d:1 film:1 new:2 old.jpg:1 sub/港.png:1"},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
		t.Log(s.name)
		g.settles(t, folder, s.want)
	}
	if v := g.watches.all().Folders[0]; v.Files != 8 || v.Waiting != 0 || v.LastAt == 0 || v.Error != "" {
		t.Errorf("%+v", v)
	}
}

func TestWatchWaitsUntilAFileIsWhole(t *testing.T) {
	folder := t.TempDir()
	g := newGuard(t, t.TempDir(), newFake())
	g.watch(t, folder)
	f, err := os.Create(filepath.Join(folder, "film"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 40 {
		if _, err := f.WriteString("frame"); err != nil {
			t.Fatal(err)
		}
		if got := g.stamper.stamped(folder); got != "" {
			t.Fatalf("stamped %q while it is written", got)
		}
		time.Sleep(g.watches.quiet / 4)
	}
	g.settles(t, folder, "film:1")
}

// TestWatchCatchesUp changes files while nobody watches.
func TestWatchCatchesUp(t *testing.T) {
	home, folder := t.TempDir(), tree(t, "a", "b", "c")
	f := newFake()
	g := newGuard(t, home, f)
	g.watch(t, folder)
	g.settles(t, folder, "a:1 b:1 c:1")
	g.end()
	for name, content := range map[string]string{"b": "changed", "d": "new"} {
		write(t, filepath.Join(folder, name), content)
	}
	seen := g.watches.seenPath(folder)
	if err := appendTo(seen, "cut off"); err != nil {
		t.Fatal(err)
	}
	next := newFake()
	g = newGuard(t, home, next)
	g.settles(t, folder, "b:1 d:1")
	if info, err := os.Stat(seen); err != nil || info.Size()%entrySize != 0 {
		t.Errorf("what was cut off is still there: %v", err)
	}

	if err := g.watches.remove(folder); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "e"), "e")
	g.settles(t, folder, "b:1 d:1")
	g.end()
	last := newFake()
	g = newGuard(t, home, last)
	g.settles(t, folder, "")
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// TestWatchHandsOverAgainWhatItCouldNotNote is the moment between the queue and the note.
func TestWatchHandsOverAgainWhatItCouldNotNote(t *testing.T) {
	home, folder := t.TempDir(), tree(t, "a")
	f := newFake()
	f.down, f.retry = true, 50*time.Millisecond
	g := newGuard(t, home, f)
	g.watch(t, folder)
	until(t, "it is handed over", func() bool { return len(g.status().Jobs) == 1 && g.watches.all().Folders[0].Files == 1 })
	g.end() // the queue has it
	if err := os.Truncate(g.watches.seenPath(folder), 0); err != nil {
		t.Fatal(err)
	}
	g = newGuard(t, home, f)
	until(t, "it is handed over again", func() bool { return g.watches.all().Folders[0].Files == 1 })
	f.setDown(false)
	g.settles(t, folder, "a:1")
}

func TestWatchSaysWhatIsWrong(t *testing.T) {
	above := t.TempDir()
	folder := filepath.Join(above, "photographs")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	g := newGuard(t, t.TempDir(), newFake())
	g.watch(t, folder)
	view := func() service.Watch { return g.watches.all().Folders[0] }
	if err := os.Rename(folder, folder+"-away"); err != nil {
		t.Fatal(err)
	}
	g.watches.folders[0].mark(folder) // as the next look at everything does
	until(t, "it is said that the folder is not there", func() bool { return strings.Contains(view().Error, "not there") && view().Hint != "" })
	write(t, folder+"-away/a", "a")
	if err := os.Rename(folder+"-away", folder); err != nil {
		t.Fatal(err)
	}
	g.settles(t, folder, "a:1")
	until(t, "nothing is wrong", func() bool { return view().Error == "" })
	f := g.watches.folders[0]
	f.cannotRead(folder+"/b", fs.ErrPermission)
	if v := view(); !strings.Contains(v.Error, "/b. The file cannot be read.") || v.Hint == "" {
		t.Errorf("a file that cannot be read: %+v", v)
	}
	clear(f.unread)
	f.isDeaf(fmt.Errorf("no space left on device"))
	if v := view(); !strings.Contains(v.Hint, "max_user_watches") {
		t.Errorf("a system that does not tell: %+v", v)
	}
}

func TestWatchRefuses(t *testing.T) {
	folder := tree(t, "a", "sub/b")
	g := newGuard(t, t.TempDir(), newFake())
	g.watch(t, folder+"/sub")
	tests := []struct {
		name string
		ask  watched
		code string
	}{
		{"a folder around it", watched{Path: folder, Mode: "digest"}, "watched"},
		{"a file", watched{Path: folder + "/a", Mode: "digest"}, "bad_request"},
		{"nothing", watched{Path: folder + "/gone", Mode: "digest"}, "no_file"},
		{"sealed together", watched{Path: folder + "/sub", Mode: "sealed", Together: true}, "together_mode"},
	}
	for _, tt := range tests {
		if err := g.watches.add(tt.ask); explain(err).Code != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	if err := g.watches.add(watched{Path: folder + "/sub", Mode: "sealed"}); err != nil || len(g.watches.all().Folders) != 1 {
		t.Errorf("in another mode: %v", err)
	}
}

// TestWatchThousands: a card of photographs is put into the folder.
func TestWatchThousands(t *testing.T) {
	folder := t.TempDir()
	g := newGuard(t, t.TempDir(), newFake())
	g.watch(t, folder)
	const files = 3000
	for i := range files {
		write(t, filepath.Join(folder, fmt.Sprint(i)), fmt.Sprint("photograph ", i))
	}
	until(t, "all are stamped", func() bool {
		g.stamper.mu.Lock()
		defer g.stamper.mu.Unlock()
		return len(g.stamper.signatures) == files
	})
}
