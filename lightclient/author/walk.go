package author

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"evident/lightclient/evidence"
)

var (
	// ErrLink means that a folder holds a link, which is not followed: it may lead anywhere, and in circles.
	ErrLink = errors.New("a link is not followed")
	// ErrHidden means that a folder holds something whose name begins with a dot.
	ErrHidden = errors.New("hidden")
)

// folderPiece is how many entries of a folder are held at a time.
const folderPiece = 1024

// Walk calls visit for every file in the paths, folders and all that is below them, and skip for everything that is left
// out, with the reason. One bad file or folder ends nothing; only visit does, and ctx. Proofs are not visited. What is
// visited in which order is the disk's affair: a folder of millions is read piece by piece.
func Walk(ctx context.Context, paths []string, visit func(path string, info fs.FileInfo) error, skip func(path string, why error)) error {
	roots, err := outermost(paths)
	if err != nil {
		return err
	}
	for _, root := range roots {
		info, err := os.Stat(root) // what a person names may be a link
		switch {
		case err != nil:
			skip(root, err)
		case info.IsDir():
			if err := walkFolders(ctx, root, visit, skip); err != nil {
				return err
			}
		case !info.Mode().IsRegular():
			skip(root, evidence.ErrNotFile)
		default:
			if err := visit(root, info); err != nil {
				return err
			}
		}
	}
	return nil
}

// outermost makes the paths absolute and drops those that lie in another one.
func outermost(paths []string) ([]string, error) {
	var roots []string
	for _, path := range paths {
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		roots = append(roots, full)
	}
	slices.Sort(roots)
	roots = slices.Compact(roots)
	within := map[string]bool{}
	for _, root := range roots {
		within[root] = true
	}
	return slices.DeleteFunc(roots, func(path string) bool {
		for up := filepath.Dir(path); ; path, up = up, filepath.Dir(up) {
			if within[up] && up != path {
				return true
			}
			if up == path {
				return false
			}
		}
	}), nil
}

func walkFolders(ctx context.Context, root string, visit func(string, fs.FileInfo) error, skip func(string, error)) error {
	for waiting := []string{root}; len(waiting) > 0; {
		folder := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		f, err := os.Open(folder)
		if err != nil {
			skip(folder, err)
			continue
		}
		below, err := walkFolder(ctx, f, visit, skip)
		f.Close()
		if err != nil {
			return err
		}
		waiting = append(waiting, below...)
	}
	return nil
}

// walkFolder visits the files of a folder and returns the folders in it.
func walkFolder(ctx context.Context, f *os.File, visit func(string, fs.FileInfo) error, skip func(string, error)) (below []string, err error) {
	for {
		entries, err := f.ReadDir(folderPiece)
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			path := filepath.Join(f.Name(), e.Name())
			switch {
			case strings.HasPrefix(e.Name(), "."):
				skip(path, ErrHidden)
			case e.IsDir():
				below = append(below, path)
			case e.Type()&fs.ModeSymlink != 0:
				skip(path, ErrLink)
			case !e.Type().IsRegular():
				skip(path, evidence.ErrNotFile)
			case strings.HasSuffix(e.Name(), proofEnding):
			default:
				if err := visitEntry(path, e, visit, skip); err != nil {
					return nil, err
				}
			}
		}
		if err == io.EOF {
			return below, nil
		}
		if err != nil {
			skip(f.Name(), err)
			return below, nil
		}
	}
}

func visitEntry(path string, e fs.DirEntry, visit func(string, fs.FileInfo) error, skip func(string, error)) error {
	info, err := e.Info()
	if err != nil {
		skip(path, err)
		return nil
	}
	return visit(path, info)
}
