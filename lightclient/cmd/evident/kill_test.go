package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"evident/lightclient/author"
	"evident/lightclient/ledger"
	"evident/lightclient/testnode"
)

// victim is a home whose program is killed without a warning.
type victim struct {
	t     *testing.T
	dir   string
	nodes []*testnode.Node
	urls  []string
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	l := testnode.New(4)
	l.Grow(3)
	v := &victim{t: t, dir: t.TempDir()}
	for i := range 4 {
		n := l.Node(i)
		server := httptest.NewServer(n)
		t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
		v.nodes, v.urls = append(v.nodes, n), append(v.urls, server.URL)
	}
	if err := os.WriteFile(filepath.Join(v.dir, "genesis.json"), l.Consortium().File, 0o600); err != nil {
		t.Fatal(err)
	}
	v.run("key", "new", "ada")
	v.run("trust", "genesis.json")
	return v
}

func (v *victim) command(args ...string) *exec.Cmd {
	v.t.Helper()
	global := []string{"--home", filepath.Join(v.dir, "home"), "--json"}
	for _, url := range v.urls {
		global = append(global, "--node", url)
	}
	c := exec.Command("evident", append(global, args...)...)
	c.Dir = v.dir
	c.Env = append(os.Environ(), "XDG_DATA_HOME="+filepath.Join(v.dir, "xdg"), "LANG=C.UTF-8")
	return c
}

// run runs a command to its end and returns what it printed.
func (v *victim) run(args ...string) []byte {
	v.t.Helper()
	var errors bytes.Buffer
	c := v.command(args...)
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		v.t.Fatalf("%q: %v\n%s%s", args, err, out, errors.String())
	}
	return out
}

// killWhen runs a command and kills it as soon as reached says so. It returns false if the command ended before.
func (v *victim) killWhen(reached func() bool, args ...string) bool {
	v.t.Helper()
	c := v.command(args...)
	if err := c.Start(); err != nil {
		v.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case <-ended:
			return false
		case <-time.After(2 * time.Millisecond):
			if reached() {
				c.Process.Kill()
				<-ended
				return true
			}
		}
	}
}

func (v *victim) blocks() int {
	n := 0
	for _, node := range v.nodes {
		n = max(n, node.Blocks())
	}
	return n
}

func (v *victim) slow(delay time.Duration) {
	for _, n := range v.nodes {
		n.Change(func(n *testnode.Node) { n.Delay = delay })
	}
}

// TestKilled kills the program again and again while it seals, sends and fetches a file. Every run goes on where the last
// one was, so the members have the blocks of one secret, and nothing but the whole file ever has its name.
func TestKilled(t *testing.T) {
	v := newVictim(t)
	film, back := filepath.Join(v.dir, "film.mp4"), filepath.Join(v.dir, "back.mp4")
	content := make([]byte, 24<<20)
	rand.NewChaCha8([32]byte{1}).Read(content)
	if err := os.WriteFile(film, content, 0o600); err != nil {
		t.Fatal(err)
	}
	v.slow(20 * time.Millisecond)
	kills := 0
	for _, least := range []int{1, 4, 9, 15, 21} {
		if v.killWhen(func() bool { return v.blocks() >= least }, "stamp", "--sealed", film) {
			kills++
		}
		if _, err := os.Stat(film + ".evident"); err == nil {
			t.Fatal("there is a proof already")
		}
	}
	var stamped struct{ Files []outcome }
	if err := json.Unmarshal(v.run("stamp", "--sealed", film), &stamped); err != nil {
		t.Fatal(err)
	}
	if want := 24 + 1 + 1; kills < 4 || v.blocks() != want { // leaves, one more for what age adds, and the root
		t.Errorf("killed %d times, the members have %d blocks, want %d", kills, v.blocks(), want)
	}
	v.run("verify", film)

	kills = 0
	record := stamped.Files[0].Record
	id, err := ledger.ParseRecordID(record)
	if err != nil {
		t.Fatal(err)
	}
	part := func(least int64) func() bool {
		return func() bool {
			info, err := os.Stat(author.PartPath(back, author.File{Record: id}))
			return err == nil && info.Size() >= least
		}
	}
	for _, least := range []int64{1 << 20, 7 << 20, 15 << 20} {
		if v.killWhen(part(least), "fetch", record, "-o", back) {
			kills++
		}
		if _, err := os.Stat(back); err == nil {
			t.Fatal("a part has the name of the file")
		}
	}
	v.slow(0)
	v.run("fetch", record, "-o", back)
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) || kills < 2 {
		t.Errorf("killed %d times, fetched something else: %v", kills, err)
	}
}

// TestKilledTogether kills the program while it writes the proofs of many files, and while a backup is restored.
func TestKilledTogether(t *testing.T) {
	v := newVictim(t)
	album := filepath.Join(v.dir, "album")
	if err := os.Mkdir(album, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		if err := os.WriteFile(filepath.Join(album, string(rune('一'+i))), []byte{byte(i), byte(i >> 8)}, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	proofs := func() int {
		found, err := filepath.Glob(filepath.Join(album, "*.evident"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	killed := v.killWhen(func() bool { return proofs() > 100 }, "stamp", "--together", album)
	if n := proofs(); !killed || n >= 2000 {
		t.Fatalf("killed %t with %d proofs", killed, n)
	}
	var told struct{ Before int }
	if err := json.Unmarshal(v.run("stamp", "--together", album), &told); err != nil || told.Before != 2000 || proofs() != 2000 {
		t.Fatalf("%d files had a proof, there are %d proofs: %v", told.Before, proofs(), err)
	}
	for i := range 7 {
		v.run("verify", filepath.Join(album, string(rune('一'+i*311))))
	}
}
