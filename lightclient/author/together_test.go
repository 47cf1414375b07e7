package author

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// folder makes a folder of files with names of every kind, and of what is no file.
func (d *desk) folder(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = filepath.Join(d.dir, "album")
	for _, name := range []string{"a.jpg", "港口 照片.jpg", "new\nline", "quo\"te's", "inva\xfflid", "tab\t.txt", " ", "-rf", "empty", "deep/er/b.jpg"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		content := name
		if name == "empty" {
			content = ""
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	for link, to := range map[string]string{"loop": dir, "deep/up": dir, "link.jpg": files[0], "dangling": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".hidden"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

func (d *desk) checkOne(t *testing.T, path string, file []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	trusted := d.Client.Trusted().Fingerprint
	r := proof.Verify(file, proof.Options{Trusted: &trusted, Content: &proof.Content{SHA256: sha256.Sum256(content), Size: int64(len(content))}})
	if r.Verdict != proof.Valid || r.Stage(proof.StageTogether).Status != proof.Passed {
		t.Errorf("%q: the proof is %s: %s", path, r.Verdict, r.Reason("en"))
	}
}

func TestStampTogether(t *testing.T) {
	d := newTestDesk(t, "")
	dir, files := d.folder(t)
	s, w, err := d.StampTogether(t.Context(), []string{dir, filepath.Join(dir, "deep")}, "holiday 假期", quiet)
	if err != nil || w.Files != int64(len(files)) || s.Record.Contract != proof.TogetherContract || len(s.Record.Evidence) != 0 {
		t.Fatalf("%d of %d files: %v", w.Files, len(files), err)
	}
	var left []string
	for _, skipped := range w.Skipped {
		name := strings.TrimPrefix(skipped.Path, dir+"/")
		left = append(left, name)
		want := ErrLink
		if name == ".hidden" {
			want = ErrHidden
		}
		if !errors.Is(skipped.Why, want) {
			t.Errorf("%s: %v", name, skipped.Why)
		}
	}
	slices.Sort(left)
	if want := []string{".hidden", "dangling", "deep/up", "link.jpg", "loop"}; !slices.Equal(left, want) {
		t.Errorf("skipped %q, want %q", left, want)
	}
	for _, path := range files {
		file, err := os.ReadFile(path + proofEnding)
		if err != nil {
			t.Fatal(err)
		}
		d.checkOne(t, path, file)
		again, err := d.Outbox.TogetherProof(s.Record.ID, path)
		if err != nil || string(again) != string(file) {
			t.Errorf("%q: made again: %v", path, err)
		}
	}
	entries, err := d.Outbox.Entries()
	if err != nil || len(entries) != 0 {
		t.Errorf("%d entries are left: %v", len(entries), err)
	}
	if ids, err := d.Outbox.TogetherRecords(); err != nil || !slices.Equal(ids, []ledger.RecordID{s.Record.ID}) {
		t.Errorf("records %v: %v", ids, err)
	}

	// Once more: one file is new, one has changed, the others have their proof.
	if err := os.WriteFile(filepath.Join(dir, "new.jpg"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, w, err = d.StampTogether(t.Context(), []string{dir}, "", quiet)
	if err != nil || w.Files != 2 || w.Before != int64(len(files))-1 {
		t.Errorf("again: %d files, %d before: %v", w.Files, w.Before, err)
	}
	file, err := os.ReadFile(files[0] + ".2" + proofEnding)
	if err != nil {
		t.Fatal(err)
	}
	d.checkOne(t, files[0], file)
	s, w, err = d.StampTogether(t.Context(), []string{dir}, "", quiet)
	if err != nil || !s.Before || w.Files != 0 || w.Before != int64(len(files))+1 {
		t.Errorf("nothing new: %+v, %d files, %d before: %v", s.Before, w.Files, w.Before, err)
	}
}

func TestTogetherRefuses(t *testing.T) {
	d := newTestDesk(t, ledger.Sealed)
	path, _ := d.file(t, "a.bin", 5)
	if _, _, err := d.StampTogether(t.Context(), []string{path}, "", quiet); !errors.Is(err, ErrTogetherMode) {
		t.Errorf("sealed: %v", err)
	}
	d.Mode = ledger.Digest
	empty := filepath.Join(d.dir, "none")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, paths := range [][]string{nil, {empty}, {filepath.Join(empty, "gone")}} {
		if _, _, err := d.StampTogether(t.Context(), paths, "", quiet); !errors.Is(err, ErrNoFiles) {
			t.Errorf("%q: %v", paths, err)
		}
	}
}

// TestTogetherGoesOn stops while digesting: files that were digested are not read again, unless they have changed.
func TestTogetherGoesOn(t *testing.T) {
	d := newTestDesk(t, "")
	dir := filepath.Join(d.dir, "many")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), make([]byte, i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var order []string
	_, _, err := d.StampTogether(ctx, []string{dir}, "", func(p Progress) {
		if len(order) == 0 || order[len(order)-1] != p.Path {
			order = append(order, p.Path)
		}
		if p.Files == 11 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) || len(order) < 10 {
		t.Fatalf("stopped after %d: %v", len(order), err)
	}
	// What was digested is unreadable now, but for its size and time: it must not be read again.
	info, err := os.Stat(order[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(order[0], []byte(strings.Repeat("x", int(info.Size()))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(order[0], info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	s, w, err := d.StampTogether(t.Context(), []string{dir}, "", quiet)
	if err != nil || w.Files != 20 {
		t.Fatalf("%d files: %v", w.Files, err)
	}
	for i, path := range order[:10] {
		file, err := d.Outbox.TogetherProof(s.Record.ID, path)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && info.Size() > 0 {
			p, err := proof.Parse(file)
			if err != nil || strings.Contains(string(p.Together[0].Entry), fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Repeat("x", int(info.Size())))))) {
				t.Errorf("the first file was read again: %v", err)
			}
			continue
		}
		d.checkOne(t, path, file)
	}
}

// TestTogetherResumes stops after the record is signed; Resume writes the proofs.
func TestTogetherResumes(t *testing.T) {
	d := newTestDesk(t, "")
	dir, files := d.folder(t)
	ctx, stop := context.WithCancel(t.Context())
	_, _, err := d.StampTogether(ctx, []string{dir}, "", func(p Progress) {
		if p.Stage == Proving && p.Files == 3 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	resumed := 0
	err = d.Resume(t.Context(), quiet, func(path string, s Stamped, err error) {
		if resumed++; err != nil || path != dir {
			t.Errorf("resumed %q: %v", path, err)
		}
	})
	if err != nil || resumed != 1 {
		t.Fatalf("resumed %d: %v", resumed, err)
	}
	for _, path := range files {
		file, err := os.ReadFile(path + proofEnding)
		if err != nil {
			t.Fatal(err)
		}
		d.checkOne(t, path, file)
		if _, err := os.Stat(path + ".2" + proofEnding); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q has two proofs: %v", path, err)
		}
	}
}

// TestWalk names what is wrong with each path, and ends for none of them.
func TestWalk(t *testing.T) {
	d := newTestDesk(t, "")
	path, _ := d.file(t, "a.bin", 5)
	gone := filepath.Join(d.dir, "gone")
	var visited []string
	skipped := map[string]error{}
	err := Walk(t.Context(), []string{gone, "/dev/null", path, path}, func(path string, _ fs.FileInfo) error {
		visited = append(visited, path)
		return nil
	}, func(path string, why error) { skipped[path] = why })
	if err != nil || !slices.Equal(visited, []string{path}) {
		t.Errorf("visited %q: %v", visited, err)
	}
	if !errors.Is(skipped[gone], fs.ErrNotExist) || !errors.Is(skipped["/dev/null"], evidence.ErrNotFile) || len(skipped) != 2 {
		t.Errorf("skipped %v", skipped)
	}
}
