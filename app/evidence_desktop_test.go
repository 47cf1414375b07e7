//go:build desktoptest

package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"evident/lightclient/service"
)

// stamped hands a file over through the window and waits for its job.
func (p *page) stamped(t *testing.T, path, mode string, patience time.Duration) service.StampJob {
	t.Helper()
	var status service.StampStatus
	p.invoke(t, "stamp", service.StampParams{Paths: []string{path}, Mode: mode}, &status)
	return p.final(t, path, patience)
}

// final waits until a file's record is final, with all the receipts there are to be.
func (p *page) final(t *testing.T, path string, patience time.Duration) service.StampJob {
	t.Helper()
	var job service.StampJob
	eventually(t, patience, path+" is final", func() bool {
		job = p.job(t, path)
		if job.State == failedJob {
			t.Fatalf("%+v", job)
		}
		return job.State == final
	})
	return job
}

func (p *page) job(t *testing.T, path string) service.StampJob {
	t.Helper()
	var status service.StampStatus
	p.invoke(t, "stampStatus", service.None{}, &status)
	for _, j := range status.Jobs {
		if j.Path == path {
			return j
		}
	}
	return service.StampJob{}
}

// tone is a WAV file of a sound, about 21 MB for two minutes.
func tone(seconds int) []byte {
	const rate, channels = 44100, 2
	samples := rate * channels * seconds
	var b bytes.Buffer
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+2*samples))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(channels), uint32(rate), uint32(rate * channels * 2), uint16(channels * 2), uint16(16)} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(2*samples))
	for i := range samples {
		binary.Write(&b, binary.LittleEndian, int16(i*37))
	}
	return b.Bytes()
}

// TestSealedFilesPlay plays in the real window what lies sealed with the members, and jumps in it.
func TestSealedFilesPlay(t *testing.T) {
	d := newDesk(t)
	d.found(t)
	p, _ := d.open(t)
	p.waitFor(t, "document.body.innerText.includes('Newest final block')")
	clip, err := os.ReadFile(filepath.Join("testdata", "clip.webm"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, element, kind string
		content             []byte
		seek                float64
	}{
		{"film.webm", "video", "video", clip, 12},
		{"tone.wav", "audio", "audio", tone(120), 90},
	}
	for _, tt := range tests {
		job := p.stamped(t, d.file(t, tt.name, string(tt.content)), "sealed", time.Minute)
		if len(job.Stored) != 3 || job.Wanted != 3 {
			t.Errorf("%s: stored by %v of %d", tt.name, job.Stored, job.Wanted)
		}
		var o service.Opened
		p.invoke(t, "openEvidence", service.EvidenceParams{Record: job.Record}, &o)
		if o.Kind != tt.kind || o.Key != "here" || o.URL == "" {
			t.Fatalf("%s: %+v", tt.name, o)
		}
		p.eval(t, fmt.Sprintf(`(() => { const v = document.createElement(%q); window.player = v; v.muted = true; v.src = %q; document.body.append(v); v.play(); })()`, tt.element, o.URL))
		p.waitFor(t, "window.player.error || window.player.currentTime > 0.3")
		if why := p.eval(t, "window.player.error ? window.player.error.message : ''"); why != "" {
			t.Fatalf("%s does not play: %s", tt.name, why)
		}
		p.eval(t, fmt.Sprintf("(window.player.currentTime = %v, 0)", tt.seek))
		p.waitFor(t, fmt.Sprintf("!window.player.seeking && window.player.currentTime > %v", tt.seek+0.3))
		if tt.element == "video" && p.eval(t, "window.player.videoWidth") != "160" {
			t.Errorf("%s shows no picture", tt.name)
		}
		shoot(t, "plays-"+tt.kind)
		p.eval(t, "(window.player.remove(), 0)")

		// What the page itself reads comes through the window, whole and in parts.
		got := p.settled(t, fmt.Sprintf(`fetch('/evidence/%s').then((r) => r.arrayBuffer()).then((b) => crypto.subtle.digest('SHA-256', b)).then((h) => [...new Uint8Array(h)].map((x) => x.toString(16).padStart(2, '0')).join(''))`, o.Token))
		if want := fmt.Sprintf("%x", sha256.Sum256(tt.content)); got != want {
			t.Errorf("%s: the page read %s, want %s", tt.name, got, want)
		}
		got = p.settled(t, fmt.Sprintf(`fetch('/evidence/%s', { headers: { Range: 'bytes=5-104' } }).then(async (r) => r.status + ' ' + (await r.arrayBuffer()).byteLength)`, o.Token))
		if got != "206 100" {
			t.Errorf("%s: a range: %s", tt.name, got)
		}
		p.invoke(t, "closeEvidence", service.TokenParams{Token: o.Token}, new(service.None))
		if r, err := http.Get(o.URL); err != nil || r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: closed, but %v, %v", tt.name, r, err)
		}
	}
}

// settled returns what a promise in the page comes to.
func (p *page) settled(t *testing.T, promise string) string {
	t.Helper()
	p.eval(t, "(window.came = undefined, "+promise+".then((v) => window.came = v, (e) => window.came = 'failed: ' + e), 0)")
	p.waitFor(t, "window.came !== undefined")
	return p.eval(t, "window.came")
}

// largeFile is how long the file of TestKilledInTheMiddle is; EVIDENT_LARGE says otherwise.
func largeFile(t *testing.T) int64 {
	given := os.Getenv("EVIDENT_LARGE")
	if given == "" {
		return 192 << 20
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKilledInTheMiddle kills the program with kill -9 when it has sent two
// fifths of a sealed file, and starts it again: it goes on where it was, the
// record is final with three receipts, and the file comes back as it was.
func TestKilledInTheMiddle(t *testing.T) {
	size := largeFile(t)
	patience := time.Minute + time.Duration(size>>20)*time.Second/2
	d := newDesk(t)
	d.found(t)
	path := filepath.Join(d.files, "film.mkv")
	sum := random(t, path, size)

	p, cmd := d.open(t)
	p.waitFor(t, "document.body.innerText.includes('Newest final block')")
	rest, begun := highWater(t, cmd), time.Now()
	p.invoke(t, "stamp", service.StampParams{Paths: []string{path}, Mode: "sealed"}, new(service.StampStatus))
	var sent int64
	eventually(t, patience, "two fifths are sent", func() bool {
		sent = parse(p.job(t, path).Sent)
		return sent >= size*2/5
	})
	first := time.Since(begun)
	peak := highWater(t, cmd)
	cmd.Process.Kill()
	cmd.Wait()
	if sent >= size {
		t.Fatalf("all %d bytes were sent before the program was killed", sent)
	}

	p, cmd = d.open(t)
	begun = time.Now()
	job := p.final(t, path, patience)
	t.Logf("%d MiB: killed after %v with %d MiB sent; final %v after the next start; memory %d MiB at rest, at most %d before and %d after",
		size>>20, first.Round(time.Millisecond), sent>>20, time.Since(begun).Round(time.Millisecond), rest>>10, peak>>10, highWater(t, cmd)>>10)
	if len(job.Stored) != 3 {
		t.Errorf("stored by %+v", job.Stored)
	}
	var o service.Opened
	p.invoke(t, "openEvidence", service.EvidenceParams{Record: job.Record}, &o)
	if o.Size != decimal(size) || o.Kind != "other" {
		t.Errorf("opened: %+v", o)
	}
	if err := os.Remove(path); err != nil { // it has to come from the members
		t.Fatal(err)
	}
	target := filepath.Join(d.files, "back.mkv")
	p.eval(t, fmt.Sprintf("(window.go.app.App.Invoke('saveEvidence', %q), 0)", fmt.Sprintf(`{"record":%q,"index":0}`, job.Record)))
	answerDialog(t, target)
	eventually(t, patience, "the file is back", func() bool { _, err := os.Stat(target); return err == nil })
	if got := sumOf(t, target); got != sum {
		t.Errorf("what came back is something else")
	}
	t.Logf("fetched; at most %d MiB of memory", highWater(t, cmd)>>10)
}

// random writes a file that cannot be compressed, and returns its SHA-256.
func random(t *testing.T, path string, size int64) [sha256.Size]byte {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, sum), rand.NewChaCha8([32]byte{7}), size); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

func sumOf(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// highWater is the most memory that a program had at a time, in KiB.
func highWater(t *testing.T, cmd *exec.Cmd) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
