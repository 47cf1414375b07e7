package author

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"evident/lightclient"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

// desk is an author with a home, over nodes in memory.
type desk struct {
	*Author
	dir   string
	nodes []*testnode.Node
}

func newTestDesk(t *testing.T, mode ledger.Mode) *desk {
	t.Helper()
	l := testnode.New(4)
	l.Grow(3)
	d := &desk{dir: t.TempDir()}
	var sources []lightclient.Source
	for i := range 4 {
		n := l.Node(i)
		d.nodes, sources = append(d.nodes, n), append(sources, n)
	}
	c := l.Consortium()
	client, err := lightclient.Open(t.Context(), lightclient.Config{Sources: sources, Store: new(store.Memory), Genesis: c.File, Pin: c.Fingerprint,
		Now: func() time.Time { return time.UnixMilli(ledgertest.Created + 100_000) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	vault := &Vault{Dir: filepath.Join(d.dir, "home"), work: 4}
	key, err := Keys{filepath.Join(d.dir, "home", "keys"), vault}.Create("ada")
	if err != nil {
		t.Fatal(err)
	}
	d.Author = &Author{Mode: mode, Client: client, Key: key, Outbox: &Outbox{filepath.Join(d.dir, "home", "outbox"), vault}}
	if err := os.MkdirAll(d.Outbox.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) file(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size)}).Read(content)
	path = filepath.Join(d.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func quiet(Progress) {}

func TestStampAndFetch(t *testing.T) {
	for _, mode := range []ledger.Mode{"", ledger.Digest, ledger.Public, ledger.Sealed} {
		t.Run(string(mode), func(t *testing.T) {
			d := newTestDesk(t, mode)
			path, content := d.file(t, "港口.jpg", 3<<20+5)
			s, err := d.Stamp(t.Context(), path, "", quiet)
			if err != nil {
				t.Fatal(err)
			}
			checkProof(t, d, s, content)
			again, err := d.Stamp(t.Context(), path, "", quiet)
			if err != nil || !again.Before {
				t.Errorf("stamped again: %+v, %v", again.Before, err)
			}
			back := filepath.Join(d.dir, "back.jpg")
			f, err := Fetch(t.Context(), d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, back, nil)
			if mode == "" || mode == ledger.Digest {
				if !errors.Is(err, ErrNotStored) || len(s.Receipts) != 0 || d.nodes[0].Blocks() != 0 {
					t.Errorf("by digest: %v, %d receipts, %d blocks", err, len(s.Receipts), d.nodes[0].Blocks())
				}
				return
			}
			if err != nil || f.Size != int64(len(content)) || len(s.Receipts) != ledger.DefaultCopies {
				t.Fatalf("fetched %d bytes, %d receipts: %v", f.Size, len(s.Receipts), err)
			}
			if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) {
				t.Errorf("fetched something else: %v", err)
			}
			if _, err := Fetch(t.Context(), d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, back, nil); !errors.Is(err, ErrFileExists) {
				t.Errorf("fetched over a file: %v", err)
			}
			if left, err := d.Outbox.Entries(); err != nil || len(left) != 0 {
				t.Errorf("%d entries are left: %v", len(left), err)
			}
		})
	}
}

// checkProof verifies the proof with the file, and that a sealed record tells nothing of it.
func checkProof(t *testing.T, d *desk, s Stamped, content []byte) {
	t.Helper()
	file, err := os.ReadFile(s.Proof)
	if err != nil {
		t.Fatal(err)
	}
	trusted := d.Client.Trusted().Fingerprint
	r := proof.Verify(file, proof.Options{Trusted: &trusted, Content: &proof.Content{SHA256: sha256.Sum256(content), Size: int64(len(content))}})
	if r.Verdict != proof.Valid {
		t.Errorf("the proof is %s: %s", r.Verdict, r.Reason("en"))
	}
	note := string(s.Record.Note)
	if d.Mode == ledger.Sealed && (strings.Contains(note, "港口") || strings.Contains(note, "jpeg") || strings.Contains(note, seal.Sum(sha256.Sum256(content)).String())) {
		t.Errorf("the record tells of the file: %s", note)
	}
}

// TestSealingGoesOn stops an upload in the middle. The next run, by a program that remembers nothing, sends only what is
// missing; if the file has changed, it is sealed with another secret.
func TestSealingGoesOn(t *testing.T) {
	for _, changed := range []bool{false, true} {
		d := newTestDesk(t, ledger.Sealed)
		path, content := d.file(t, "video.mp4", 12<<20)
		ctx, stop := context.WithCancel(t.Context())
		_, err := d.Stamp(ctx, path, "", func(p Progress) {
			if p.Stage == Sending && p.Done > 4<<20 {
				stop()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped: %v", err)
		}
		before := d.blocks()
		if changed {
			content[1<<20+5] ^= 1
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := d.Stamp(t.Context(), path, "", quiet)
		if err != nil {
			t.Fatal(err)
		}
		checkProof(t, d, s, content)
		after, want := d.blocks(), 14 // leaves and the root
		if changed {
			want += before
		}
		if before == 0 || after != want {
			t.Errorf("changed %t: %d blocks before, %d after, want %d", changed, before, after, want)
		}
		left, err := filepath.Glob(filepath.Join(d.Outbox.Secrets().Dir, "sealing-*.[at]*"))
		if err != nil || len(left) != 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
}

func (d *desk) blocks() int {
	n := 0
	for _, node := range d.nodes {
		n = max(n, node.Blocks())
	}
	return n
}

// TestReceiptsComeLater keeps a record in the outbox until enough members keep its file.
func TestReceiptsComeLater(t *testing.T) {
	d := newTestDesk(t, ledger.Sealed)
	path, content := d.file(t, "a.bin", 100)
	hide := func(path string, body []byte) []byte {
		if strings.Contains(path, "/receipts") {
			return []byte(`{"receipts":[]}`)
		}
		return body
	}
	for _, n := range d.nodes {
		n.Change(func(n *testnode.Node) { n.Answer = hide })
	}
	ctx, stop := context.WithCancel(t.Context())
	s, err := d.Stamp(ctx, path, "", func(p Progress) {
		if p.Stage == Storing {
			stop()
		}
	})
	if err != nil || len(s.Receipts) != 0 {
		t.Fatalf("%d receipts: %v", len(s.Receipts), err)
	}
	checkProof(t, d, s, content)
	if left, err := d.Outbox.Entries(); err != nil || len(left) != 1 {
		t.Fatalf("%d entries are left: %v", len(left), err)
	}
	for _, n := range d.nodes {
		n.Change(func(n *testnode.Node) { n.Answer = nil })
	}
	err = d.Resume(t.Context(), quiet, func(_ string, again Stamped, err error) {
		if err != nil || len(again.Receipts) != ledger.DefaultCopies || again.Proof != s.Proof {
			t.Errorf("resumed: %d receipts, %v", len(again.Receipts), err)
		}
	})
	if left, readErr := d.Outbox.Entries(); err != nil || readErr != nil || len(left) != 0 {
		t.Errorf("%d entries are left: %v, %v", len(left), err, readErr)
	}
	text, err := os.ReadFile(d.Outbox.receiptsFile(s.Record.ID))
	if err != nil || strings.Count(string(text), "evident/storage/v1") != ledger.DefaultCopies {
		t.Errorf("receipts on disk: %v\n%s", err, text)
	}
}

// TestFetchGoesOn continues a part of this record's file, does without one that fits nothing, and touches no other.
func TestFetchGoesOn(t *testing.T) {
	d := newTestDesk(t, ledger.Sealed)
	path, content := d.file(t, "a.bin", 2<<20)
	s, err := d.Stamp(t.Context(), path, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(d.dir, "back.bin")
	part, other := PartPath(back, File{Record: s.Record.ID}), PartPath(back, File{})
	foreign := []string{back + ".part", other}
	for _, path := range foreign {
		if err := os.WriteFile(path, []byte("of another program"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad := slices.Clone(content[:1<<20])
	bad[7] ^= 1
	fetch := func(name string, begun []byte, want error) {
		if err := os.WriteFile(part, begun, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Fetch(t.Context(), d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, back, nil)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(part); err == nil {
			t.Errorf("%s: the part is left", name)
		}
		got, err := os.ReadFile(back)
		if want == nil && (err != nil || !bytes.Equal(got, content)) || want != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the file has %d bytes, %v", name, len(got), err)
		}
		os.Remove(back)
	}
	for _, tt := range []struct {
		name  string
		begun []byte
	}{
		{"nothing", nil},
		{"half", content[:1<<20]},
		{"all", content},
		{"zeros, as after a power cut", make([]byte, 1<<20)},
		{"a byte is another", bad},
		{"too long", append(slices.Clone(content), 0)},
	} {
		fetch(tt.name, tt.begun, nil)
	}
	secret, err := d.Outbox.Secrets().Open(s.Record.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	secret.Salt[0] ^= 1
	if err := d.Outbox.Secrets().put(s.Record.ID, 0, secret); err != nil {
		t.Fatal(err)
	}
	fetch("not what was recorded", content[:1<<20], seal.ErrContent)
	for _, path := range foreign {
		if text, err := os.ReadFile(path); err != nil || string(text) != "of another program" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
}

// TestPartPath names parts of files with long names.
func TestPartPath(t *testing.T) {
	for _, name := range []string{"a", strings.Repeat("x", 255), strings.Repeat("港", 85)} {
		part := filepath.Base(PartPath(filepath.Join(t.TempDir(), name), File{}))
		if len(part) > 255 || !utf8.ValidString(part) || !strings.HasSuffix(part, ".part") {
			t.Errorf("%d bytes: %s", len(part), part)
		}
	}
}
