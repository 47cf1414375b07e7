package courier

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"evident/lightclient/evidence/seal"
	"evident/lightclient/service"
	"evident/lightclient/testnode"
)

// begun starts to stamp one sealed file and returns when some of it was read.
func begun(t *testing.T, w *world, size int) (c *Courier, release func()) {
	t.Helper()
	reached := make(chan struct{})
	c, _ = w.start(t)
	must[service.Keys](t, c, "makeKey", service.KeyParams{Name: "ada"})
	halt := make(chan struct{})
	release = sync.OnceFunc(func() { close(halt) })
	t.Cleanup(release)
	reach := sync.OnceFunc(func() { close(reached) })
	c.Hold("a", &given{name: "a.mp4", content: pattern(size), slow: func(read int) {
		if read > size*3/4 {
			reach()
			<-halt
		}
	}})
	must[service.StampStatus](t, c, "stamp", service.StampParams{Paths: []string{"a"}, Mode: "sealed"})
	<-reached
	return c, release
}

// TestSealingGoesOn closes the page in the middle of an upload. The next one asks for the file, and sends only what is
// missing under the same secret; of another file under the same name it makes nothing with that secret.
func TestSealingGoesOn(t *testing.T) {
	for _, changed := range []bool{false, true} {
		t.Run(fmt.Sprintf("changed %t", changed), func(t *testing.T) {
			w := newTestWorld(t)
			content := pattern(12 << 20)
			first, stop := w.start(t)
			must[service.Keys](t, first, "makeKey", service.KeyParams{Name: "ada"})
			gate := make(chan struct{})
			first.Hold("a", &given{name: "a.mp4", content: content, slow: func(read int) {
				if read > 8<<20 {
					<-gate
				}
			}})
			must[service.StampStatus](t, first, "stamp", service.StampParams{Paths: []string{"a"}, Mode: "sealed"})
			for w.blocks() == 0 {
				first.until(t, func() bool { return true })
			}
			go stop()
			first.until(t, func() bool { return first.ctx.Err() != nil })
			close(gate)
			stop()
			before := w.blocks()

			second, _ := w.start(t)
			second.until(t, func() bool { return second.first().Code == "file_needed" })
			if state := second.first().State; state != paused {
				t.Fatalf("state %s", state)
			}
			if changed {
				content[1<<20+5] ^= 1
			}
			second.Hold("a", &given{name: "a.mp4", content: content})
			must[service.StampStatus](t, second, "resume", service.JobsParams{Jobs: []string{second.first().Job}})
			second.until(t, second.hasState(final))
			checkStored(t, w, second, second.first().Record, 0, "sealed", content)
			want := 14 // leaves and the root
			if changed {
				want += before
			}
			if after := w.blocks(); after != want {
				t.Errorf("%d blocks before, %d after, want %d", before, after, want)
			}
			if names, _ := w.store.Names("trail/"); len(names) != 0 {
				t.Errorf("left behind: %q", names)
			}
		})
	}
}

func (w *world) blocks() int {
	n := 0
	for _, node := range w.nodes {
		n = max(n, node.Blocks())
	}
	return n
}

// TestSignedRecordIsSentAgain stops the page when the record is signed and no node takes it. The next page sends it
// without the file.
func TestSignedRecordIsSentAgain(t *testing.T) {
	w := newTestWorld(t)
	var down atomic.Bool
	down.Store(true)
	for _, n := range w.nodes {
		n.Change(func(n *testnode.Node) {
			n.Answer = func(path string, body []byte) []byte {
				if down.Load() && strings.HasPrefix(path, "/v1/records") {
					return []byte("{}")
				}
				return body
			}
		})
	}
	first, stop := w.start(t)
	must[service.Keys](t, first, "makeKey", service.KeyParams{Name: "ada"})
	first.Hold("a", &given{name: "a", content: pattern(1000)})
	must[service.StampStatus](t, first, "stamp", service.StampParams{Paths: []string{"a"}, Mode: "sealed"})
	first.until(t, func() bool { return first.first().Record != "" })
	record := first.first().Record
	if _, failed := call[service.None](t, first, "cancel", service.JobParams{Job: first.first().Job}); failed == nil || failed.Code != "signed" {
		t.Errorf("a signed record was called back: %+v", failed)
	}
	stop()
	down.Store(false)
	second, _ := w.start(t)
	second.until(t, second.hasState(final))
	if got := second.first().Record; got != record {
		t.Errorf("record %s, then %s", record, got)
	}
}

func TestPauseResumeCancelClear(t *testing.T) {
	w := newTestWorld(t)
	c, release := begun(t, w, 8<<20)
	id := c.first().Job
	must[service.StampStatus](t, c, "pause", service.JobsParams{Jobs: []string{}})
	status := must[service.StampStatus](t, c, "stampStatus", service.None{})
	if status.Jobs[0].State != paused || !status.Totals.Paused {
		t.Errorf("paused: %+v", status)
	}
	must[service.None](t, c, "cancel", service.JobParams{Job: id})
	release()
	c.until(t, func() bool { return c.jobs[0].stop == nil })
	status = must[service.StampStatus](t, c, "clearFinished", service.None{})
	if names, _ := w.store.Names("job/"); len(status.Jobs) != 0 || len(names) != 0 {
		t.Errorf("cleared: %+v, %q", status, names)
	}
	for _, prefix := range []string{"secret/", "trail/"} {
		if names, _ := w.store.Names(prefix); len(names) != 0 {
			t.Errorf("left of what was cancelled: %q", names)
		}
	}
}

func TestWhatCannotBeStamped(t *testing.T) {
	w := newTestWorld(t)
	c, _ := w.start(t)
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint(i)
		c.Hold(many[i], &given{name: many[i]})
	}
	for _, tt := range []struct {
		name   string
		params service.StampParams
		want   string
	}{
		{"not handed over", service.StampParams{Paths: []string{"x"}}, "bad_request"},
		{"no such mode", service.StampParams{Paths: many[:1], Mode: "secret"}, "bad_request"},
		{"too long a statement", service.StampParams{Paths: many[:1], Statement: strings.Repeat("港", 4097)}, "bad_request"},
		{"too many together", service.StampParams{Paths: many, Together: true}, "too_many_together"},
	} {
		if _, failed := call[service.StampStatus](t, c, "stamp", tt.params); failed == nil || failed.Code != tt.want || failed.Hint == "" {
			t.Errorf("%s: %+v, want %s", tt.name, failed, tt.want)
		}
	}
	if _, failed := call[service.Keys](t, c, "makeKey", service.KeyParams{Name: "a b"}); failed == nil || failed.Code != "key_name" {
		t.Errorf("a key with a space: %+v", failed)
	}
}

// TestNoRoom has the members take nothing, and then something: the person is told, and tries again.
func TestNoRoom(t *testing.T) {
	w := newTestWorld(t)
	full := func(full bool) {
		for _, n := range w.nodes {
			n.Change(func(n *testnode.Node) { n.Full = full })
		}
	}
	full(true)
	c, _ := w.start(t)
	must[service.Keys](t, c, "makeKey", service.KeyParams{Name: "ada"})
	c.Hold("a", &given{name: "a", content: pattern(2 << 20)})
	must[service.StampStatus](t, c, "stamp", service.StampParams{Paths: []string{"a"}, Mode: "sealed"})
	c.until(t, c.hasState(failed))
	if j := c.first(); j.Code != "full" || j.Hint == "" || j.Record != "" {
		t.Errorf("told %q: %s; %s; record %q", j.Code, j.Error, j.Hint, j.Record)
	}
	full(false)
	must[service.StampStatus](t, c, "retry", service.JobParams{Job: c.first().Job})
	c.until(t, c.hasState(final))
}

// TestBackupAndShare restores a backup in another browser, and shares a file with a third.
func TestBackupAndShare(t *testing.T) {
	w := newTestWorld(t)
	ada, _ := w.start(t)
	must[service.Keys](t, ada, "makeKey", service.KeyParams{Name: "ada"})
	content := pattern(5000)
	ada.Hold("a", &given{name: "a.pdf", content: content})
	must[service.StampStatus](t, ada, "stamp", service.StampParams{Paths: []string{"a"}, Mode: "sealed"})
	ada.until(t, ada.hasState(final))
	place := service.EvidenceParams{Record: ada.first().Record}

	if _, failed := call[service.Backup](t, ada, "backup", service.BackupParams{Passphrase: "short"}); failed == nil || failed.Code != "passphrase_short" {
		t.Errorf("a short passphrase: %+v", failed)
	}
	backup := must[service.Backup](t, ada, "backup", service.BackupParams{Passphrase: "harbour lantern ocean"})
	other := *w
	other.store = &memory{values: map[string][]byte{}}
	again, _ := other.start(t)
	for _, wrong := range []service.RestoreParams{{Passphrase: "another one here", Text: backup.Text}, {Passphrase: "harbour lantern ocean", Text: backup.Text[:200]}, {}} {
		if _, failed := call[service.Restored](t, again, "restore", wrong); failed == nil || failed.Code != "backup" {
			t.Errorf("a wrong restore: %+v", failed)
		}
	}
	restored := must[service.Restored](t, again, "restore", service.RestoreParams{Passphrase: "harbour lantern ocean", Text: backup.Text})
	if restored != (service.Restored{Keys: 1, Secrets: 1}) {
		t.Errorf("restored %+v", restored)
	}
	checkOpens(t, again, place, content)

	third := *w
	third.store = &memory{values: map[string][]byte{}}
	bob, _ := third.start(t)
	if o := must[service.Opened](t, bob, "openEvidence", place); o.Key != "none" || o.Token != "" {
		t.Errorf("without a key: %+v", o)
	}
	if _, failed := call[service.Shared](t, ada, "share", service.ShareParams{Record: place.Record, Recipient: "age", To: "Bob"}); failed == nil || failed.Code != "recipient" {
		t.Errorf("not a recipient: %+v", failed)
	}
	address := must[service.Recipient](t, bob, "recipient", service.None{}).Recipient
	shared := sharedWith(t, ada, place, address)
	if _, failed := call[service.Received](t, again, "receive", service.ReceiveParams{Text: shared}); failed == nil || failed.Code != "share" {
		t.Errorf("somebody else takes it: %+v", failed)
	}
	if got := must[service.Received](t, bob, "receive", service.ReceiveParams{Text: shared}); got.Name != "a.pdf" || got.Record != place.Record {
		t.Errorf("received %+v", got)
	}
	checkOpens(t, bob, place, content)
}

// sharedWith is what "share" hands out once the ledger says so; this ledger has no contract for it.
func sharedWith(t *testing.T, c *Courier, place service.EvidenceParams, recipient string) string {
	t.Helper()
	client, r, e, err := c.service.Evidence(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := c.secret(place.Record, place.Index)
	if err != nil {
		t.Fatal(err)
	}
	text, err := seal.Share(secret, client.Trusted().Origin, r.ID, place.Index, e.CID, recipient)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkOpens(t *testing.T, c *Courier, place service.EvidenceParams, content []byte) {
	t.Helper()
	o := must[service.Opened](t, c, "openEvidence", place)
	got, err := c.Read(o.Token, 0, int64(len(content)))
	if err != nil || !bytes.Equal(got, content) || o.Kind != "pdf" || o.Key != "here" {
		t.Errorf("opened %+v, %d bytes, %v", o, len(got), err)
	}
}

// TestWrongSecret fetches with a secret that decrypts but commits to something else: nothing may be saved.
func TestWrongSecret(t *testing.T) {
	w := newTestWorld(t)
	c, _ := w.start(t)
	must[service.Keys](t, c, "makeKey", service.KeyParams{Name: "ada"})
	c.Hold("a", &given{name: "a", content: pattern(3 << 20)})
	must[service.StampStatus](t, c, "stamp", service.StampParams{Paths: []string{"a"}, Mode: "sealed"})
	c.until(t, c.hasState(final))
	id := c.first().Record
	var secret seal.Secret
	if _, err := c.read(secretName(id, 0), &secret); err != nil {
		t.Fatal(err)
	}
	secret.Salt[0] ^= 1
	if err := c.write(secretName(id, 0), secret); err != nil {
		t.Fatal(err)
	}
	o := must[service.Opened](t, c, "openEvidence", service.EvidenceParams{Record: id})
	if _, err := c.Read(o.Token, 1<<20, 1<<20); err != nil {
		t.Errorf("a part: %v", err)
	}
	for at, size := range []int64{1 << 20, 1<<20 + 7, 1<<20 - 7} {
		_, err := c.Read(o.Token, []int64{0, 1 << 20, 2<<20 + 7}[at], size)
		var e *service.Error
		if last := at == 2; last != (err != nil) || last && (!errors.As(err, &e) || e.Code != "other_content") {
			t.Errorf("piece %d of another content: %v", at, err)
		}
	}
	var sink buffer
	job, err := c.Fetch(t.Context(), service.EvidenceParams{Record: id}, func(string, int64) (Sink, error) { return &sink, nil })
	if err != nil {
		t.Fatal(err)
	}
	c.until(t, func() bool { return c.fetch[job.Job] == nil })
	c.until(t, sink.aborted.Load)
	if sink.committed.Load() {
		t.Error("a file that is not the recorded one was saved")
	}
}

func TestKinds(t *testing.T) {
	for _, tt := range []struct{ media, name, want string }{
		{"image/png", "", "image"}, {"", "a.JPG", "image"}, {"image/svg+xml", "", "text"}, {"text/html; charset=utf-8", "", "text"},
		{"application/xhtml+xml", "a.png", "other"}, {"video/webm", "", "video"}, {"", "a.exe", "other"}, {"application/octet-stream", "b.pdf", "pdf"},
	} {
		if got := service.KindOf(tt.media, tt.name); got != tt.want {
			t.Errorf("%q %q: %s, want %s", tt.media, tt.name, got, tt.want)
		}
	}
}
