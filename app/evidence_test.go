package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"evident/lightclient"
	"evident/lightclient/author"
	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// must calls the app and fails the test if it refuses.
func must[R any](t *testing.T, a *App, method string, params any) R {
	t.Helper()
	out, failed := invoke[R](t, a, method, params)
	if failed != nil {
		t.Fatalf("%s: %+v", method, failed)
	}
	return out
}

func noise(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(data)
	return data
}

// stored takes one file through the app and returns its record.
func stored(t *testing.T, a *App, name, mode string, content []byte) string {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), name), string(content))
	must[service.StampStatus](t, a, "clearFinished", service.None{})
	must[service.StampStatus](t, a, "stamp", service.StampParams{Paths: []string{path}, Mode: mode})
	job := await(t, a)
	if job.State != final || len(job.Stored) != job.Wanted || job.Wanted == 0 || job.Sent != job.ToSend {
		t.Fatalf("not stored: %+v", job)
	}
	return job.Record
}

// get asks the shelf as the window does.
func get(a *App, path, ranges string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	w := httptest.NewRecorder()
	a.shelf.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) []byte {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEvidenceComesBack(t *testing.T) {
	_, nodes := serve(t)
	a, d := newTestApp(t, t.TempDir(), nodes...)
	content := noise(3<<20 + 7)
	tests := []struct{ name, mode, kind, key, media string }{
		{"海上的光.webm", "sealed", "video", "here", "video/webm"},
		{"tone.ogg", "public", "audio", "not_needed", "audio/ogg"},
		{"photo.jpg", "sealed", "image", "here", "image/jpeg"},
		{"page.html", "sealed", "text", "here", "application/octet-stream"},
		{"drawing.svg", "public", "text", "not_needed", "application/octet-stream"},
		{"brief.pdf", "sealed", "pdf", "here", "application/octet-stream"},
		{"program.exe", "public", "other", "not_needed", "application/octet-stream"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			record := stored(t, a, tt.name, tt.mode, content)
			o := must[service.Opened](t, a, "openEvidence", service.EvidenceParams{Record: record})
			if o.Name != tt.name || o.Kind != tt.kind || o.Key != tt.key || o.Size != decimal(int64(len(content))) || (o.URL != "") != (tt.kind == "video" || tt.kind == "audio") {
				t.Errorf("opened: %+v", o)
			}
			r := get(a, evidencePath+o.Token, "")
			for name, want := range map[string]string{"Content-Type": tt.media, "X-Content-Type-Options": "nosniff"} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") || !strings.HasSuffix(r.Header.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("policy %q", r.Header.Get("Content-Security-Policy"))
			}
			if got := body(t, r); !bytes.Equal(got, content) || !d.heard(`"token":"`+o.Token+`","recorded":true`) {
				t.Errorf("the whole: %d bytes", len(got))
			}
			part := get(a, evidencePath+o.Token, "bytes=1048570-2097160")
			if got := body(t, part); part.StatusCode != http.StatusPartialContent || !bytes.Equal(got, content[1048570:2097161]) {
				t.Errorf("a range: %s, %d bytes", part.Status, len(got))
			}
			must[service.None](t, a, "closeEvidence", service.TokenParams{Token: o.Token})
			if r := get(a, evidencePath+o.Token, ""); r.StatusCode != http.StatusNotFound {
				t.Errorf("closed: %s", r.Status)
			}
		})
	}
}

// TestPlayer reads as a player does: over HTTP on this machine, from anywhere in the file.
func TestPlayer(t *testing.T) {
	_, nodes := serve(t)
	a, _ := newTestApp(t, t.TempDir(), nodes...)
	content := noise(5<<20 + 3)
	record := stored(t, a, "film.webm", "sealed", content)
	o := must[service.Opened](t, a, "openEvidence", service.EvidenceParams{Record: record})
	address := strings.TrimPrefix(o.URL, "http://")[:len(a.shelf.players.Addr().String())]
	tests := []struct {
		name, url, host, method, ranges string
		status                          int
		want                            []byte
	}{
		{name: "from the middle", url: o.URL, ranges: "bytes=4000000-", status: 206, want: content[4000000:]},
		{name: "the end", url: o.URL, ranges: "bytes=-5", status: 206, want: content[len(content)-5:]},
		{name: "behind the end", url: o.URL, ranges: "bytes=9000000-", status: 416},
		{name: "by another name of this machine", url: o.URL, host: "evil.example", status: 421},
		{name: "another token", url: "http://" + address + evidencePath + "A", status: 404},
		{name: "no token", url: "http://" + address + "/", status: 404},
		{name: "a write", url: o.URL, method: http.MethodPost, status: 405},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, err := http.NewRequest(tt.method, tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if q.Host = address; tt.host != "" {
				q.Host = tt.host
			}
			if tt.ranges != "" {
				q.Header.Set("Range", tt.ranges)
			}
			r, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			got := body(t, r)
			if r.StatusCode != tt.status || tt.want != nil && !bytes.Equal(got, tt.want) {
				t.Errorf("%s, %d bytes; want %d and %d", r.Status, len(got), tt.status, len(tt.want))
			}
		})
	}
}

// blocks are a store in memory.
type blocks map[ledger.CID][]byte

func (b blocks) Block(_ context.Context, cid ledger.CID) ([]byte, error) { return b[cid], nil }

// TestAnotherContentIsWithheld: the members keep exactly what the record names by
// CID, but its author committed to something else.
func TestAnotherContentIsWithheld(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		content, kept := noise(3<<20), blocks{}
		file, err := evidence.Split(t.Context(), bytes.NewReader(content), int64(len(content)), func(b evidence.Block) error {
			kept[b.CID] = bytes.Clone(b.Data)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		e := ledger.Evidence{CID: file.CID.String(), Mode: ledger.Public, SHA256: hex.EncodeToString(file.SHA256[:]), Size: file.Size}
		if !recorded {
			e.SHA256 = strings.Repeat("0", 64)
		}
		plain, err := seal.Open(t.Context(), kept, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		var told []any
		s := &shelf{tell: func(event any) { told = append(told, event) }}
		token := s.put(&openFile{plain: plain, read: plain.Whole(), media: "image/png", close: func() {}})
		a := &App{shelf: s}
		for _, part := range []string{"bytes=2000000-2100000", "bytes=0-999999", "bytes=500000-1999999"} { // in pieces, not in order
			if r := get(a, evidencePath+token, part); r.StatusCode != http.StatusPartialContent || len(told) > 0 {
				t.Fatalf("%s: %s, told %v", part, r.Status, told)
			}
		}
		for _, rest := range []string{"bytes=2000000-", "", "bytes=-5"} {
			r := get(a, evidencePath+token, rest)
			if whole := int64(len(body(t, r))) == r.ContentLength; whole != recorded {
				t.Errorf("recorded %v: whole %v for %q", recorded, whole, rest)
			}
		}
		if want := []any{service.EvidenceEvent{Kind: "evidence", Token: token, Recorded: recorded}}; !reflect.DeepEqual(told, want) {
			t.Errorf("told %+v, want %+v", told, want)
		}
	}
}

func TestSaveEvidence(t *testing.T) {
	l, nodes := serve(t)
	a, d := newTestApp(t, t.TempDir(), nodes...)
	content := noise(2<<20 + 1)
	record := stored(t, a, "港口 b:c.bin", "sealed", content)
	closed := must[service.FetchJob](t, a, "saveEvidence", service.EvidenceParams{Record: record})
	if closed.State != cancelled || closed.Job != "" {
		t.Errorf("a closed dialog: %+v", closed)
	}
	d.target = t.TempDir()
	file, err := os.ReadFile(must[service.Saved](t, a, "saveProof", service.RecordParams{ID: record}).Path)
	if err != nil {
		t.Fatal(err)
	}
	trusted := ledger.GenesisFingerprint(l.Consortium().File)
	report := proof.Verify(file, proof.Options{Trusted: &trusted, Content: &proof.Content{SHA256: sha256.Sum256(content), Size: int64(len(content))}})
	if report.Verdict != proof.Valid {
		t.Errorf("the saved proof with the file: %s, %s", report.Verdict, report.Reason("en"))
	}
	for _, there := range []bool{false, true} { // the dialog asked whether to replace it
		job := must[service.FetchJob](t, a, "saveEvidence", service.EvidenceParams{Record: record})
		if job.State != fetching || filepath.Base(job.Path) != "港口 b_c.bin" {
			t.Fatalf("saveEvidence: %+v", job)
		}
		until(t, "the file is saved", func() bool { return d.heard(job.Job) && d.heard(`"state":"saved"`) })
		until(t, "it has its name", func() bool { got, err := os.ReadFile(job.Path); return err == nil && bytes.Equal(got, content) })
		if there {
			break
		}
		write(t, job.Path, "something older")
	}
}

// TestFetchEnds ends a fetch in every way over a file that is there.
func TestFetchEnds(t *testing.T) {
	tests := []struct {
		name  string
		bring func(ctx context.Context, to string) error
		state string
		code  string
		part  bool // is left for a later try
	}{
		{"well", func(_ context.Context, to string) error { return os.WriteFile(to, []byte("new"), 0o600) }, saved, "", false},
		{"called back", func(ctx context.Context, to string) error {
			os.WriteFile(author.PartPath(to, author.File{}), nil, 0o600)
			<-ctx.Done()
			return ctx.Err()
		}, cancelled, "", false},
		{"a member promised and lost it", func(_ context.Context, to string) error {
			os.WriteFile(author.PartPath(to, author.File{}), nil, 0o600)
			return lightclient.ErrUnavailable
		}, failedJob, "unavailable", true},
		{"something else", func(context.Context, string) error { return seal.ErrContent }, failedJob, "other_content", false},
		{"a full disk", func(context.Context, string) error { return &os.PathError{Err: syscall.ENOSPC} }, failedJob, "disk_full", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, d := newTestApp(t, t.TempDir())
			path := write(t, filepath.Join(t.TempDir(), "film"), "old")
			ctx, cancel := context.WithCancel(a.ctx)
			defer cancel()
			a.fetches.add("1", cancel)
			done := make(chan struct{})
			go func() {
				defer close(done)
				a.fetch(ctx, service.FetchJob{Job: "1", Path: path, State: fetching}, author.File{}, func(to string, report func(transfer.Progress)) (int64, error) {
					report(transfer.Progress{Done: 1, Total: 3})
					return 3, tt.bring(ctx, to)
				})
			}()
			if tt.state == cancelled {
				must[service.None](t, a, "cancel", service.JobParams{Job: "1"})
			}
			<-done
			if !d.heard(`"state":"`+tt.state+`"`) || !d.heard(`"code":"`+tt.code+`"`) || !d.heard(`"done":"1","rate"`) {
				t.Errorf("told %q", d.events)
			}
			want := map[bool]string{true: "new", false: "old"}[tt.state == saved]
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("the file is %q, want %q: %v", got, want, err)
			}
			if _, err := os.Stat(author.PartPath(path+".fetched", author.File{})); (err == nil) != tt.part {
				t.Errorf("a part is left: %v", err == nil)
			}
		})
	}
}

// TestTogether makes one record of a folder, and a proof for each of its files.
func TestTogether(t *testing.T) {
	l, nodes := serve(t)
	a, _ := newTestApp(t, t.TempDir(), nodes...)
	folder := tree(t, "a.jpg", "b/港.png", "c")
	if err := os.Symlink("/nowhere", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	must[service.StampStatus](t, a, "stamp", service.StampParams{Paths: []string{folder, folder + "-gone"}, Statement: "mine", Together: true})
	job := await(t, a)
	if job.State != final || job.Files != 3 || job.Record == "" || job.Code != "left_out" || !strings.Contains(job.Error, "Left out: 1, ") {
		t.Fatalf("together: %+v", job)
	}
	trusted := ledger.GenesisFingerprint(l.Consortium().File)
	for _, name := range []string{"a.jpg", "b/港.png", "c"} {
		path := filepath.Join(folder, name)
		file, err := os.ReadFile(path + ".evident")
		if err != nil {
			t.Fatal(err)
		}
		d, err := evidence.File(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		report := proof.Verify(file, proof.Options{Trusted: &trusted, Content: &proof.Content{SHA256: d.SHA256, CID: d.CID, Size: d.Size}})
		if report.Verdict != proof.Valid {
			t.Errorf("%s: %s", name, report.Verdict)
		}
	}
	must[service.StampStatus](t, a, "clearFinished", service.None{})
	must[service.StampStatus](t, a, "stamp", service.StampParams{Paths: []string{folder}, Statement: "mine", Together: true})
	if job := await(t, a); job.State != final || job.Record != "" {
		t.Errorf("again: %+v", job)
	}
}

// TestShare: what is sealed on one machine is read on another with the key that was shared.
func TestShare(t *testing.T) {
	_, nodes := serve(t)
	ada, _ := newTestApp(t, t.TempDir(), nodes...)
	ben, _ := newTestApp(t, t.TempDir(), nodes...)
	content := noise(70_000)
	record := stored(t, ada, "letter.txt", "sealed", content)
	params := service.EvidenceParams{Record: record}
	if o := must[service.Opened](t, ben, "openEvidence", params); o.Key != "none" || o.Token != "" || o.Kind != "other" {
		t.Errorf("without the key: %+v", o)
	}
	if _, failed := invoke[service.FetchJob](t, ben, "saveEvidence", params); failed == nil || failed.Code != "no_secret" {
		t.Errorf("saved without the key: %+v", failed)
	}
	if _, failed := invoke[service.Storage](t, ben, "erase", service.EraseParams{Record: record, Reason: "not mine"}); failed == nil || failed.Code != "not_author" {
		t.Errorf("erased by somebody else: %+v", failed)
	}
	to := must[service.Recipient](t, ben, "recipient", service.None{})
	shared := must[service.Shared](t, ada, "share", service.ShareParams{Record: record, Recipient: to.Recipient, To: "Ben"})
	if _, failed := invoke[service.Received](t, ben, "receive", service.ReceiveParams{Text: "age"}); failed == nil || failed.Code != "share" {
		t.Errorf("received nonsense: %+v", failed)
	}
	if got := must[service.Received](t, ben, "receive", service.ReceiveParams(shared)); got.Record != record || got.Name != "letter.txt" {
		t.Errorf("received: %+v", got)
	}
	o := must[service.Opened](t, ben, "openEvidence", params)
	if got := body(t, get(ben, evidencePath+o.Token, "")); !bytes.Equal(got, content) {
		t.Errorf("read %d bytes", len(got))
	}
}

// TestBackup: a home that is lost comes back, and opens what was sealed in it.
func TestBackup(t *testing.T) {
	_, nodes := serve(t)
	ada, d := newTestApp(t, t.TempDir(), nodes...)
	content := noise(70_000)
	record := stored(t, ada, "letter.txt", "sealed", content)
	d.target = t.TempDir()
	const passphrase = "four words are good"
	if _, failed := invoke[service.Backup](t, ada, "backup", service.BackupParams{Passphrase: "short"}); failed == nil || failed.Code != "passphrase_short" {
		t.Errorf("a short passphrase: %+v", failed)
	}
	day := "evident-backup-" + time.Now().Format(time.DateOnly) + ".age"
	write(t, filepath.Join(d.target, day), "an older one, which the dialog asked about")
	backup := must[service.Backup](t, ada, "backup", service.BackupParams{Passphrase: passphrase})
	if left, err := os.ReadDir(d.target); err != nil || len(left) != 1 || backup.Path != filepath.Join(d.target, day) {
		t.Errorf("%d files are where the backup is, %s: %v", len(left), backup.Path, err)
	}
	anew, d := newTestApp(t, t.TempDir(), nodes...)
	d.files = []string{write(t, filepath.Join(t.TempDir(), "x"), "x")}
	tests := []struct{ name, file, passphrase, code string }{
		{"something else", d.files[0], passphrase, "backup"},
		{"another passphrase", backup.Path, "four other words", "passphrase"},
		{"the backup", backup.Path, passphrase, ""},
	}
	for _, tt := range tests {
		d.files = []string{tt.file}
		restored, failed := invoke[service.Restored](t, anew, "restore", service.RestoreParams{Passphrase: tt.passphrase})
		if (failed == nil) != (tt.code == "") || failed != nil && failed.Code != tt.code || failed == nil && (restored.Keys != 1 || restored.Secrets != 1) {
			t.Errorf("%s: %+v, %+v", tt.name, restored, failed)
		}
	}
	o := must[service.Opened](t, anew, "openEvidence", service.EvidenceParams{Record: record})
	if got := body(t, get(anew, evidencePath+o.Token, "")); !bytes.Equal(got, content) {
		t.Errorf("read %d bytes", len(got))
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not yet: %s", what)
		}
	}
}
