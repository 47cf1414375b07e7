package author

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

// TestPauseAnywhere ends each mode's way at each of its stages, and goes on with the same call: there is one record, and its
// proof holds.
func TestPauseAnywhere(t *testing.T) {
	for _, mode := range []ledger.Mode{ledger.Digest, ledger.Public, ledger.Sealed} {
		for _, stage := range []Stage{Digesting, Sending, Submitting, Received, Final, Storing} {
			t.Run(string(mode)+" "+string(stage), func(t *testing.T) {
				d := newTestDesk(t, mode)
				path, content := d.file(t, "photo.jpg", 3<<20)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				reached := false
				_, err := d.Stamp(ctx, path, "", func(p Progress) {
					if p.Stage == stage {
						reached = true
						stop()
					}
				})
				if reached && err != nil && !errors.Is(err, context.Canceled) {
					t.Fatalf("stopped: %v", err)
				}
				before := d.records()
				s, err := d.Stamp(t.Context(), path, "", quiet)
				if err != nil {
					t.Fatal(err)
				}
				checkProof(t, d, s, content)
				if after := d.records(); after != 1 || before > 1 {
					t.Errorf("%d records, then %d", before, after)
				}
				if left, err := d.Outbox.Entries(); err != nil || len(left) > 0 {
					t.Errorf("%d entries are left: %v", len(left), err)
				}
			})
		}
	}
}

// records counts those of this desk.
func (d *desk) records() int64 {
	n := int64(0)
	head, _ := d.Client.Head()
	for h := range head.Tree().N {
		header, err := d.Client.Block(context.Background(), ledger.Height(h))
		if err != nil {
			return -1
		}
		n += header.Header.Records
	}
	return n
}

// TestChangedWhilePaused records a file that changed after its record was signed twice: both contents have a proof.
func TestChangedWhilePaused(t *testing.T) {
	d := newTestDesk(t, ledger.Digest)
	path, _ := d.file(t, "a.txt", 100)
	ctx, stop := context.WithCancel(t.Context())
	d.Stamp(ctx, path, "", func(p Progress) {
		if p.Stage == Submitting {
			stop()
		}
	})
	content := []byte("something else")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := d.Stamp(t.Context(), path, "", quiet)
	if err != nil || s.Proof != path+".2"+proofEnding {
		t.Fatalf("%s: %v", s.Proof, err)
	}
	checkProof(t, d, s, content)
}

// TestOddFiles stamps what has a content of its own, and refuses everything else at once.
func TestOddFiles(t *testing.T) {
	for _, mode := range []ledger.Mode{ledger.Digest, ledger.Sealed, ledger.Public} {
		d := newTestDesk(t, mode)
		path, content := d.file(t, "a.txt", 5)
		at := func(name string) string { return filepath.Join(d.dir, name) }
		sparse, err := os.Create(at("sparse"))
		if err == nil {
			err = errors.Join(sparse.Truncate(5<<20+7), sparse.Close())
		}
		err = errors.Join(err, syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("loop", at("loop")), os.Symlink("gone", at("dangling")),
			os.Symlink(path, at("link")), os.WriteFile(at("empty"), nil, 0o600), os.WriteFile(at("inva\xfflid \n"), content, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name    string
			path    string
			content []byte
			want    error
		}{
			{"pipe", at("pipe"), nil, evidence.ErrNotFile},
			{"folder", d.dir, nil, evidence.ErrNotFile},
			{"device", "/dev/zero", nil, evidence.ErrNotFile},
			{"loop of links", at("loop"), nil, syscall.ELOOP},
			{"dangling link", at("dangling"), nil, fs.ErrNotExist},
			{"gone", at("gone"), nil, fs.ErrNotExist},
			{"below a file", filepath.Join(path, "x"), nil, syscall.ENOTDIR},
			{"link to a file", at("link"), content, nil},
			{"empty", at("empty"), []byte{}, nil},
			{"sparse", at("sparse"), make([]byte, 5<<20+7), nil},
			{"name that is no text", at("inva\xfflid \n"), content, nil},
		} {
			s, err := d.Stamp(t.Context(), tt.path, "", quiet)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s, %s: %v", mode, tt.name, err)
			}
			if tt.want == nil && err == nil {
				if checkProof(t, d, s, tt.content); s.Proof != tt.path+proofEnding {
					t.Errorf("%s, %s: the proof is %q", mode, tt.name, s.Proof)
				}
			}
		}
		if left, err := filepath.Glob(filepath.Join(d.Outbox.Secrets().Dir, "sealing-*.[at]*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left %q, %v", mode, left, err)
		}
	}
}

// TestAbandon forgets what was begun, and what never was.
func TestAbandon(t *testing.T) {
	d := newTestDesk(t, ledger.Sealed)
	path, _ := d.file(t, "video.mp4", 6<<20)
	ctx, stop := context.WithCancel(t.Context())
	if _, err := d.Stamp(ctx, path, "", func(p Progress) {
		if p.Stage == Sending {
			stop()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Outbox.Secrets().Abandon(path); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(d.Outbox.Secrets().Dir, "sealing-*.[at]*")); err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
}

// TestFullDisk runs out of room where a file is fetched to, and where the home is.
func TestFullDisk(t *testing.T) {
	d, s, content := sealedDesk(t)
	back := filepath.Join(d.dir, "back.bin")
	part := PartPath(back, File{Record: s.Record.ID})
	if err := os.Symlink("/dev/full", part); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, back, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("fetched onto a full disk: %v", err)
	}
	if _, err := os.Lstat(back); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, back, nil); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) {
		t.Errorf("fetched something else: %v", err)
	}
	full := &limited{w: io.Discard, left: 3000}
	if _, err := d.Outbox.Vault.WriteBackup(full, "correct horse"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("backup onto a full disk: %v", err)
	}
	// Without a place for the outbox nothing is sent to the ledger.
	before := d.records()
	d.Outbox = &Outbox{filepath.Join(back, "outbox"), d.Outbox.Vault}
	d.Mode = ledger.Digest
	path, _ := d.file(t, "b.bin", 7)
	if _, err := d.Stamp(t.Context(), path, "", quiet); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("stamped without an outbox: %v", err)
	}
	if after := d.records(); after != before {
		t.Errorf("%d records, then %d", before, after)
	}
}

// limited is a disk of so many bytes.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, syscall.ENOSPC
	}
	l.left -= len(p)
	return l.w.Write(p)
}

// TestFetchPauses stops a fetch in the middle: nothing has the file's name, and what is there is not asked for again.
func TestFetchPauses(t *testing.T) {
	d := newTestDesk(t, ledger.Sealed)
	path, content := d.file(t, "film.mp4", 12<<20)
	s, err := d.Stamp(t.Context(), path, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(d.dir, "back.mp4")
	ctx, stop := context.WithCancel(t.Context())
	_, err = Fetch(ctx, d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, back, func(p transfer.Progress) {
		if p.Done > 5<<20 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	if _, err := os.Lstat(back); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a partial file has the name of the whole: %v", err)
	}
	info, err := os.Stat(PartPath(back, File{Record: s.Record.ID}))
	if err != nil || info.Size() < 5<<20 {
		t.Fatalf("the part has %d bytes: %v", info.Size(), err)
	}
	sent := d.sent()
	for now := int64(-1); now != sent; sent = d.sent() { // what was read ahead may still be on its way
		now = sent
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := Fetch(t.Context(), d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, back, nil); err != nil {
		t.Fatal(err)
	}
	if again, most := d.sent()-sent, int64(len(content))-info.Size()+3*evidence.LeafSize; again > most {
		t.Errorf("%d bytes came again, at most %d were missing", again, most)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) {
		t.Errorf("fetched something else: %v", err)
	}
}

func (d *desk) sent() (n int64) {
	for _, node := range d.nodes {
		n += node.Bytes.Load()
	}
	return n
}

// TestStampAllStops returns soon when a person interrupts it, however many files wait.
func TestStampAllStops(t *testing.T) {
	d := newTestDesk(t, ledger.Digest)
	var paths []string
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		path, _ := d.file(t, name, 1<<20)
		paths = append(paths, path)
	}
	for range 7 {
		paths = slices.Concat(paths, paths)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	begun := time.Now()
	ended := make(chan error, len(paths))
	d.StampAll(ctx, paths, "", quiet, func(_ string, _ Stamped, err error) { ended <- err })
	if took := time.Since(begun); took > 5*time.Second || len(ended) != len(paths) {
		t.Errorf("%d of %d ended, after %v", len(ended), len(paths), took)
	}
	for range paths {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
