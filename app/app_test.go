package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"evident/lightclient/author"
	"evident/lightclient/home"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/testnode"
)

// fakeDesktop answers dialogs as the test says, and keeps the events.
type fakeDesktop struct {
	files  []string
	target string

	mu     sync.Mutex
	events []string
}

func (d *fakeDesktop) Send(event string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, event)
}

func (d *fakeDesktop) heard(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.events {
		if strings.Contains(e, text) {
			return true
		}
	}
	return false
}

func (d *fakeDesktop) ChooseFiles() ([]string, error) { return d.files, nil }

func (d *fakeDesktop) ChooseFolder() (string, error) { return d.target, nil }

func (d *fakeDesktop) ChooseTarget(_, name string) (string, error) {
	if d.target == "" {
		return "", nil
	}
	return filepath.Join(d.target, name), nil
}

// newTestApp starts an app with a home of its own.
func newTestApp(t *testing.T, dir string, nodes ...string) (*App, *fakeDesktop) {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir()) // no consortium on this machine
	a, d := newApp(home.Home{Dir: dir}, nodes), new(fakeDesktop)
	a.start(context.Background(), d)
	t.Cleanup(a.close)
	return a, d
}

// serve starts four nodes of a ledger.
func serve(t *testing.T) (*testnode.Ledger, []string) {
	t.Helper()
	l := testnode.New(4)
	var nodes []string
	for i := range 4 {
		server := httptest.NewServer(l.Node(i))
		t.Cleanup(func() {
			server.CloseClientConnections()
			server.Close()
		})
		nodes = append(nodes, server.URL)
	}
	return l, nodes
}

// invoke calls the app as the pages do.
func invoke[R any](t *testing.T, a *App, method string, params any) (R, *service.Error) {
	t.Helper()
	given, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct {
		OK    R              `json:"ok"`
		Error *service.Error `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.Invoke(method, string(given))), &envelope); err != nil {
		t.Fatal(err)
	}
	return envelope.OK, envelope.Error
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStampToProof(t *testing.T) {
	l, nodes := serve(t)
	folder := t.TempDir()
	a, d := newTestApp(t, t.TempDir(), nodes...)
	d.files = []string{write(t, filepath.Join(folder, "港口 photo.jpg"), "light on water")}
	picked, failed := invoke[service.Files](t, a, "pickFiles", service.None{})
	if failed != nil || len(picked.Files) != 1 || picked.Files[0].Size != "14" {
		t.Fatalf("pickFiles: %+v, %v", picked, failed)
	}
	path := picked.Files[0].Path
	if _, failed := invoke[service.StampStatus](t, a, "stamp", service.StampParams{Paths: []string{path}, Statement: "first draft"}); failed != nil {
		t.Fatal(failed)
	}
	job := await(t, a)
	if job.State != final || job.ProofPath != path+".evident" || job.Height == "" {
		t.Fatalf("got %+v", job)
	}
	if !d.heard(`"kind":"stamp"`) || !d.heard(`"state":"final"`) {
		t.Errorf("the pages did not hear of it: %q", d.events)
	}
	inspected, failed := invoke[service.Inspected](t, a, "inspect", service.PathParams{Path: job.ProofPath})
	if failed != nil || inspected.Proof == "" {
		t.Fatalf("inspect: %+v, %v", inspected, failed)
	}
	digest, failed := invoke[service.FileDigest](t, a, "digest", service.DigestParams{Job: "1", Path: path})
	if failed != nil {
		t.Fatal(failed)
	}
	report, failed := invoke[service.Report](t, a, "verify", service.VerifyParams{Proof: inspected.Proof, File: &digest})
	if failed != nil || report.Verdict != "valid" || report.Record.Fields["text"] != "first draft" {
		t.Errorf("verify: %+v, %v", report, failed)
	}
	d.target = t.TempDir()
	saved, failed := invoke[service.Saved](t, a, "saveProof", service.RecordParams{ID: job.Record})
	if failed != nil || filepath.Base(saved.Path) != "港口 photo.jpg.evident" {
		t.Fatalf("saveProof: %+v, %v", saved, failed)
	}
	text, err := os.ReadFile(saved.Path)
	trusted := ledger.GenesisFingerprint(l.Consortium().File)
	if report := proof.Verify(text, proof.Options{Trusted: &trusted}); err != nil || report.Exit() != 0 {
		t.Errorf("the saved proof: %v, %v", report.Verdict, err)
	}
	d.target = ""
	if saved, failed := invoke[service.Saved](t, a, "saveProof", service.RecordParams{ID: job.Record}); failed != nil || saved.Path != "" {
		t.Errorf("a closed dialog: %+v, %v", saved, failed)
	}
}

// await waits for the one job in the queue.
func await(t *testing.T, a *App) service.StampJob {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, failed := invoke[service.StampStatus](t, a, "stampStatus", service.None{})
		if failed != nil || len(status.Jobs) != 1 {
			t.Fatalf("stampStatus: %+v, %v", status, failed)
		}
		job := status.Jobs[0]
		if job.State == final || job.State == failedJob || time.Now().After(end) {
			return job
		}
	}
}

// TestStartWithoutAnyNode: the window opens, says what is wrong, and takes files.
func TestStartWithoutAnyNode(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	tests := []struct {
		name  string
		nodes []string
		want  string
	}{
		{"no node is known", nil, "no_nodes"},
		{"no node answers", []string{gone.URL}, "unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, _ := newTestApp(t, t.TempDir(), tt.nodes...)
			if _, failed := invoke[service.Status](t, a, "status", service.None{}); failed == nil || failed.Code != tt.want || failed.Hint == "" {
				t.Errorf("status: %+v, want %s", failed, tt.want)
			}
			path := write(t, filepath.Join(t.TempDir(), "a"), "a")
			status, failed := invoke[service.StampStatus](t, a, "stamp", service.StampParams{Paths: []string{path}})
			if failed != nil || len(status.Jobs) != 1 || status.Jobs[0].State != queued {
				t.Errorf("stamp: %+v, %v", status, failed)
			}
		})
	}
}

// TestStampAfterTheNextStart hands a file over without a node, ends the
// program, and starts it again with nodes.
func TestStampAfterTheNextStart(t *testing.T) {
	_, nodes := serve(t)
	dir, path := t.TempDir(), write(t, filepath.Join(t.TempDir(), "a"), "a")
	first := newApp(home.Home{Dir: dir}, nil)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	first.start(context.Background(), new(fakeDesktop))
	if _, failed := invoke[service.StampStatus](t, first, "stamp", service.StampParams{Paths: []string{path}}); failed != nil {
		t.Fatal(failed)
	}
	first.close()
	a, _ := newTestApp(t, dir, nodes...)
	if job := await(t, a); job.State != final {
		t.Errorf("got %+v", job)
	}
}

func TestOneWindowPerHome(t *testing.T) {
	dir := t.TempDir()
	newTestApp(t, dir)
	second, _ := newTestApp(t, dir)
	for _, method := range []string{"status", "keys"} {
		if _, failed := invoke[service.None](t, second, method, service.None{}); failed == nil || failed.Code != "in_use" {
			t.Errorf("%s: %+v, want in_use", method, failed)
		}
	}
	if _, failed := invoke[service.None](t, second, "stamp", service.StampParams{Paths: []string{"/a"}}); failed == nil || failed.Code != "in_use" {
		t.Errorf("stamp: %+v, want in_use", failed)
	}
}

func TestTheFirstKeyIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	a, _ := newTestApp(t, dir)
	first, failed := invoke[service.Keys](t, a, "keys", service.None{})
	if failed != nil || len(first.Keys) != 1 || first.Keys[0].Created == 0 {
		t.Fatalf("keys: %+v, %v", first, failed)
	}
	if _, err := (home.Home{Dir: dir}).Keys().Create("aaa"); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "keys", first.Keys[0].Name+".key"), old, old); err != nil {
		t.Fatal(err)
	}
	again, failed := invoke[service.Keys](t, a, "keys", service.None{})
	if failed != nil || len(again.Keys) != 2 || again.Keys[0].Key != first.Keys[0].Key {
		t.Errorf("with a further key: %+v, %v; the oldest has to stay the first", again, failed)
	}
}

func TestKeyNames(t *testing.T) {
	tests := []struct{ name, user, want string }{
		{"plain", "ada", "ada"},
		{"Windows domain", `HARBOUR\Ada Lovelace`, "Ada-Lovelace"},
		{"Chinese", "李明", "李明"},
		{"signs of its own", "../a+b\tc\u202e", "a-b-c"},
		{"long", strings.Repeat("港", 30), strings.Repeat("港", 21)},
		{"nothing left", "+/-", "author"},
		{"empty", "", "author"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := keyNameOf(tt.user)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if _, err := (home.Home{Dir: t.TempDir()}).Keys().Create(got); err != nil {
				t.Errorf("no key can have this name: %v", err)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	folder := t.TempDir()
	const text = `{"format":"evident/proof/v1","genesis":""}` + "\n"
	tests := []struct {
		name, file, content, want string
	}{
		{"a proof", "a.evident", text, text},
		{"a proof under another name", "proof.json", text, text},
		{"called a proof", "b.EVIDENT", "no", "no"},
		{"an accusation", "a.accusation", "no", "no"},
		{"a state proof under another name", "state.txt", `{"format":"evident/state/v1",`, `{"format":"evident/state/v1",`},
		{"a refused record under another name", "refused.txt", `{"format":"evident/refused/v1",`, `{"format":"evident/refused/v1",`},
		{"an accusation under another name", "two", `{"format":"evident/accusation/v1",`, `{"format":"evident/accusation/v1",`},
		{"a photograph", "c.jpg", "\xff\xd8\xff", ""},
		{"empty", "d", "", ""},
		{"other JSON", "e.json", `{"a":1}`, ""},
		{"too large", "f.evident", strings.Repeat(" ", proof.MaxSize+1), ""},
	}
	a, _ := newTestApp(t, t.TempDir())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, filepath.Join(folder, tt.file), tt.content)
			got, failed := invoke[service.Inspected](t, a, "inspect", service.PathParams{Path: path})
			want := service.Inspected{Name: tt.file, Size: decimal(int64(len(tt.content))), Proof: tt.want}
			if failed != nil || got != want {
				t.Errorf("got %.80v, %v", got, failed)
			}
		})
	}
	if got, failed := invoke[service.Inspected](t, a, "inspect", service.PathParams{Path: folder}); failed != nil || got.Proof != "" {
		t.Errorf("a folder: %+v, %v", got, failed)
	}
	if _, failed := invoke[service.Inspected](t, a, "inspect", service.PathParams{Path: folder + "/gone"}); failed == nil || failed.Code != "no_file" {
		t.Errorf("a file that is gone: %+v", failed)
	}
}

func TestDigest(t *testing.T) {
	a, d := newTestApp(t, t.TempDir())
	path := write(t, filepath.Join(t.TempDir(), "hello"), "hello")
	got, failed := invoke[service.FileDigest](t, a, "digest", service.DigestParams{Job: "1", Path: path})
	want := service.FileDigest{SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		CID: "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq", Size: "5"}
	if failed != nil || got != want {
		t.Errorf("got %+v, %v", got, failed)
	}
	if !d.heard(`{"kind":"progress","job":"1","done":"5","size":"5"}`) {
		t.Errorf("no progress: %q", d.events)
	}
	if _, failed := invoke[service.FileDigest](t, a, "digest", service.DigestParams{Job: "2", Path: filepath.Dir(path)}); failed == nil || failed.Code != "not_a_file" {
		t.Errorf("a folder: %+v", failed)
	}
	if _, failed := invoke[service.FileDigest](t, a, "digest", map[string]string{"job": "3", "path": path, "colour": "red"}); failed == nil || failed.Code != "bad_request" {
		t.Errorf("an unknown field: %+v", failed)
	}
}

func TestDigestIsCancelled(t *testing.T) {
	a, d := newTestApp(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "large")
	write(t, path, "")
	if err := os.Truncate(path, 64<<30); err != nil { // holes: minutes to read, nothing on the disk
		t.Fatal(err)
	}
	ended := make(chan *service.Error)
	go func() {
		_, failed := invoke[service.FileDigest](t, a, "digest", service.DigestParams{Job: "1", Path: path})
		ended <- failed
	}()
	for !d.heard(`"job":"1"`) {
		time.Sleep(time.Millisecond)
	}
	if _, failed := invoke[service.None](t, a, "cancel", service.JobParams{Job: "1"}); failed != nil {
		t.Fatal(failed)
	}
	if failed := <-ended; failed == nil || failed.Code != "cancelled" {
		t.Errorf("got %+v, want cancelled", failed)
	}
	if _, failed := invoke[service.None](t, a, "cancel", service.JobParams{Job: "1"}); failed != nil {
		t.Errorf("cancelled again: %+v", failed)
	}
}

func TestProofNames(t *testing.T) {
	id, _ := ledger.ParseRecordID(strings.Repeat("ab", 32))
	tests := []struct{ name, given, want string }{
		{"plain", "photo.jpg", "photo.jpg.evident"},
		{"leads elsewhere", "../../etc/passwd", "_.._etc_passwd.evident"},
		{"hidden", ".bashrc", "bashrc.evident"},
		{"turns around", "a\u202egpj.exe", "a_gpj.exe.evident"},
		{"nothing", "", hex.EncodeToString(id[:8]) + ".evident"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &ledger.Record{UnverifiedRecord: ledger.UnverifiedRecord{ID: id,
				Statement: ledger.Statement{Evidence: []ledger.Evidence{{Name: tt.given}}}}}
			if got := proofName(r); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheWindowRemembersItsSize(t *testing.T) {
	first := windowSize{Width: firstWidth, Height: firstHeight}
	tests := []struct {
		name, file string
		want       windowSize
	}{
		{"kept", `{"width":900,"height":700,"maximised":true}`, windowSize{900, 700, true}},
		{"too small", `{"width":9,"height":700}`, first},
		{"not a size", `{"width":900000,"height":700}`, first},
		{"damaged", `{`, first},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "window.json"), tt.file)
			if got := readSize(path); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "window.json")
	if err := writeSize(path, windowSize{800, 600, false}); err != nil || readSize(path) != (windowSize{800, 600, false}) {
		t.Errorf("written: %+v, %v", readSize(path), err)
	}
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	window, err := New([]string{"--home", dir, "--node", "http://a", "--node", "http://b"}, fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	a := window.Bind[0].(*App)
	if a.home.Dir != dir || len(a.nodes) != 2 || window.Title != title {
		t.Errorf("home %s, nodes %q", a.home.Dir, a.nodes)
	}
	if _, err := New([]string{"--colour"}, fstest.MapFS{}); err == nil {
		t.Error("an unknown flag was accepted")
	}
}

func TestProtectedHomeIsUnlocked(t *testing.T) {
	dir := t.TempDir()
	h := home.Home{Dir: dir, Vault: &author.Vault{Dir: dir}}
	if _, err := h.Keys().Create("ada"); err != nil {
		t.Fatal(err)
	}
	if err := h.Vault.Protect("four words are better"); err != nil {
		t.Fatal(err)
	}
	a, _ := newTestApp(t, dir)
	if _, failed := invoke[service.Keys](t, a, "keys", service.None{}); failed == nil || failed.Code != "locked" {
		t.Fatalf("before: %v, want locked", failed)
	}
	if _, failed := invoke[service.None](t, a, "unlock", service.UnlockParams{Passphrase: "another one"}); failed == nil || failed.Code != "passphrase" {
		t.Fatalf("the wrong passphrase: %v", failed)
	}
	if _, failed := invoke[service.None](t, a, "unlock", service.UnlockParams{Passphrase: "four words are better"}); failed != nil {
		t.Fatal(failed)
	}
	keys, failed := invoke[service.Keys](t, a, "keys", service.None{})
	if failed != nil || len(keys.Keys) != 1 || keys.Keys[0].Name != "ada" {
		t.Errorf("after: %+v, %v", keys, failed)
	}
}
