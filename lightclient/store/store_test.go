//go:build !js

package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"evident/lightclient"
	"evident/lightclient/store"
)

func stores(t *testing.T) map[string]lightclient.Store {
	folder, err := store.OpenFolder(filepath.Join(t.TempDir(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]lightclient.Store{"memory": new(store.Memory), "folder": folder}
}

func TestSwap(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			steps := []struct {
				old, value []byte
				want       error
				after      string
			}{
				{[]byte("x"), []byte("1"), lightclient.ErrConflict, ""},
				{nil, []byte("1"), nil, "1"},
				{nil, []byte("2"), lightclient.ErrConflict, "1"},
				{[]byte("0"), []byte("2"), lightclient.ErrConflict, "1"},
				{[]byte("1"), []byte("2"), nil, "2"},
				{[]byte("2"), []byte{}, nil, ""},
				{nil, []byte("3"), lightclient.ErrConflict, ""},
				{[]byte{}, []byte("3"), nil, "3"},
			}
			for i, step := range steps {
				if err := s.Swap("head", step.old, step.value); !errors.Is(err, step.want) {
					t.Errorf("step %d: %v", i, err)
				}
				if got, err := s.Read("head"); err != nil || string(got) != step.after {
					t.Errorf("step %d: holds %q, %v", i, got, err)
				}
			}
			if got, err := s.Read("other"); got != nil || err != nil {
				t.Errorf("nothing: %q, %v", got, err)
			}
		})
	}
}

// TestSwapIsAtomic counts to 100 from four sides at once.
func TestSwapIsAtomic(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			if err := s.Swap("n", nil, []byte("0")); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			var won atomic.Int64
			for range 4 {
				wg.Go(func() {
					for won.Load() < 100 {
						old, err := s.Read("n")
						if err != nil {
							t.Error(err)
						}
						var n int
						fmt.Sscan(string(old), &n)
						if s.Swap("n", old, fmt.Append(nil, n+1)) == nil {
							won.Add(1)
						}
					}
				})
			}
			wg.Wait()
			if got, _ := s.Read("n"); string(got) != fmt.Sprint(won.Load()) {
				t.Errorf("counted to %s in %d steps", got, won.Load())
			}
		})
	}
}

func TestFolderFailsCleanly(t *testing.T) {
	dir := t.TempDir()
	f, err := store.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Swap("head", nil, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.Path("taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := store.WriteFile(f.Path("taken"), []byte("x"), 0o600); err == nil {
		t.Error("wrote over a folder")
	}
	if err := store.WriteFile(filepath.Join(dir, "none", "x"), []byte("x"), 0o600); err == nil {
		t.Error("wrote into a folder that is not there")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := store.OpenFolder(f.Path("head")); err == nil {
		t.Error("a file is not a folder")
	}
}
