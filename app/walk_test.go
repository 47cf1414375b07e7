package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// below lists what a walk finds, as paths below the folder.
func below(t *testing.T, folder, after string) (files []string, unread int) {
	t.Helper()
	for path, err := range filesBelow(folder, after, nil) {
		if err != nil {
			unread++
			continue
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	return files, unread
}

func TestWalk(t *testing.T) {
	folder := tree(t, "a.jpg", "b b.pdf", "a.jpg.EVIDENT", ".hidden", "sub/港.png", "sub/a/1", "sub/b/2", ".git/x", "z", "sub.txt")
	if err := os.Symlink(filepath.Join(folder, "a.jpg"), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder, filepath.Join(folder, "loop")); err != nil {
		t.Fatal(err)
	}
	all, _ := below(t, folder, "")
	if want := []string{"a.jpg", "b b.pdf", "sub/a/1", "sub/b/2", "sub/港.png", "sub.txt", "z"}; !slices.Equal(all, want) {
		t.Fatalf("got %q, want %q", all, want)
	}
	for i, name := range all {
		if got, _ := below(t, folder, filepath.Join(folder, name)); !slices.Equal(got, all[i+1:]) {
			t.Errorf("after %s: got %q, want %q", name, got, all[i+1:])
		}
	}
	if got, _ := below(t, folder, filepath.Join(folder, "sub", "a", "gone")); !slices.Equal(got, all[3:]) {
		t.Errorf("after a file that is gone: got %q, want %q", got, all[3:])
	}
	if _, unread := below(t, filepath.Join(folder, "gone"), ""); unread != 1 {
		t.Errorf("a folder that is gone was said %d times", unread)
	}
}

// TestWalkInPortions has more names in a folder than are in memory at a time.
func TestWalkInPortions(t *testing.T) {
	folder := t.TempDir()
	const files = namesAtOnce + 700
	for i := range files {
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%06d", i)))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	got, _ := below(t, folder, "")
	if len(got) != files || !slices.IsSorted(got) || slices.Compact(got)[files-1] != fmt.Sprintf("%06d", files-1) {
		t.Errorf("%d files, want %d, each once and sorted", len(got), files)
	}
	if rest, _ := below(t, folder, filepath.Join(folder, "050300")); len(rest) != files-50301 {
		t.Errorf("%d files after one in the second portion, want %d", len(rest), files-50301)
	}
}
