//go:build desktoptest

package app

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
)

// These tests drive the real window of the built program, against four real
// nodes, on whatever display there is. With EVIDENT_SHOTS they leave pictures of
// the screen in that folder.

// desk is a machine of a person: a home, a display with a window manager, and
// perhaps a consortium.
type desk struct {
	data  string // XDG_DATA_HOME
	files string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{data: t.TempDir(), files: t.TempDir()}
	run(t, exec.Command("openbox", "--sm-disable"))
	return d
}

// run starts a program that is ended with the test: politely, then not.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		end(cmd)
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, said.String())
		}
	})
}

func end(cmd *exec.Cmd) {
	cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(3*time.Second, func() { cmd.Process.Kill() }) // an open dialog blocks the polite end
	defer late.Stop()
	cmd.Wait()
}

// found starts a consortium where the program looks for one.
func (d *desk) found(t *testing.T) (trusted ledger.Fingerprint) {
	t.Helper()
	dir := filepath.Join(d.data, "evident", "dev")
	run(t, exec.Command(program(t, "evidentd"), "dev", "--dir", dir, "--http", "127.0.0.1:0"))
	var said struct {
		Genesis string
		Nodes   []string
	}
	eventually(t, 30*time.Second, "the consortium is there", func() bool {
		data, err := os.ReadFile(filepath.Join(dir, "consortium.json"))
		if err != nil || json.Unmarshal(data, &said) != nil {
			return false
		}
		resp, err := http.Get(said.Nodes[0] + "/checkpoint")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	genesis, err := os.ReadFile(said.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.GenesisFingerprint(genesis)
}

// open starts the desktop program and returns its page.
func (d *desk) open(t *testing.T, args ...string) (*page, *exec.Cmd) {
	t.Helper()
	inspector := freeAddress(t)
	cmd := exec.Command(program(t, "evident-desktop"), args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+d.data, "WEBKIT_INSPECTOR_HTTP_SERVER="+inspector, "GSETTINGS_BACKEND=memory")
	run(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			shoot(t, "failed-"+t.Name())
		}
	})
	p := openPage(t, inspector)
	p.waitFor(t, "document.querySelector('main')")
	return p, cmd
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: build it with make desktop build", err)
	}
	return path
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (d *desk) file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(d.files, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// xdotool presses keys and moves the mouse.
func xdotool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("xdotool", args...).CombinedOutput(); err != nil {
		t.Fatalf("xdotool %q: %v\n%s", args, err, out)
	}
}

// answerDialog types a path into the system's file dialog.
func answerDialog(t *testing.T, path string) {
	t.Helper()
	var dialog string
	eventually(t, 10*time.Second, "the dialog opens", func() bool {
		active, err := exec.Command("xdotool", "getactivewindow", "getwindowpid", "getactivewindow").Output()
		fields := strings.Fields(string(active))
		if err != nil || len(fields) < 1 {
			return false
		}
		dialog = fields[len(fields)-1]
		kind, _ := exec.Command("xprop", "-id", dialog, "_NET_WM_WINDOW_TYPE").Output()
		return strings.Contains(string(kind), "DIALOG")
	})
	for _, step := range [][]string{{"key", "ctrl+l"}, {"key", "ctrl+a"}, {"type", "--delay", "10", path}} {
		time.Sleep(500 * time.Millisecond) // a dialog has the focus before it listens
		xdotool(t, step...)
	}
	eventually(t, 20*time.Second, "the dialog closes", func() bool {
		time.Sleep(700 * time.Millisecond) // a name that is being completed takes the key
		active, _ := exec.Command("xdotool", "getactivewindow").Output()
		if strings.TrimSpace(string(active)) != dialog {
			return true
		}
		xdotool(t, "key", "Return")
		return false
	})
}

// shoot keeps a picture of the screen.
func shoot(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv("EVIDENT_SHOTS")
	if folder == "" {
		return
	}
	time.Sleep(time.Second) // what the page says is painted a little later
	if out, err := exec.Command("import", "-window", "root", filepath.Join(folder, name+".png")).CombinedOutput(); err != nil {
		t.Fatalf("screenshot: %v\n%s", err, out)
	}
}

// checkProof verifies the proof beside a file, without any network.
func checkProof(t *testing.T, file, written string, trusted ledger.Fingerprint) {
	t.Helper()
	text, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	d, err := evidence.File(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	report := proof.Verify(text, proof.Options{Trusted: &trusted, Content: &proof.Content{SHA256: d.SHA256, Size: d.Size}})
	if report.Verdict != proof.Valid {
		t.Errorf("proof of %s: %s", file, report.Verdict)
	}
}

func TestStampThroughTheWindow(t *testing.T) {
	d := newDesk(t)
	trusted := d.found(t)
	p, _ := d.open(t)
	p.waitFor(t, "document.body.innerText.includes('Newest final block')")
	shoot(t, "overview")

	photo := d.file(t, "first photograph.jpg", "light on water")
	p.eval(t, "location.hash = '#/stamp'")
	p.click(t, "Choose files")
	answerDialog(t, photo)
	p.waitFor(t, "document.body.innerText.includes('first photograph.jpg')")
	p.click(t, "Timestamp 1 file")
	p.waitFor(t, "document.querySelector('[data-state=final]')")
	shoot(t, "stamped")
	checkProof(t, photo, photo+".evident", trusted)

	p.click(t, "Open the record")
	p.click(t, "Save the proof")
	saved := filepath.Join(d.files, "for the court.evident")
	answerDialog(t, saved)
	eventually(t, 10*time.Second, "the proof is saved", func() bool { _, err := os.Stat(saved); return err == nil })
	checkProof(t, photo, saved, trusted)
	shoot(t, "record")

	p.eval(t, "location.hash = '#/'")
	p.waitFor(t, "document.body.innerText.includes('Newest final block')")
	var status service.Status
	p.invoke(t, "status", service.None{}, &status)
	if status.Height == "0" || len(status.Sources) != 4 {
		t.Errorf("status: height %s, %d sources; want a block and four nodes", status.Height, len(status.Sources))
	}
	shoot(t, "overview-after")
}

// TestNothingIsLost hands a file over where no node is known, kills the
// program, founds a consortium and starts the program again.
func TestNothingIsLost(t *testing.T) {
	d := newDesk(t)
	p, cmd := d.open(t)
	p.waitFor(t, "document.querySelector('[role=alert]')?.innerText.includes('No node is known yet')")
	shoot(t, "without-nodes")
	photo := d.file(t, "港口 照片.png", "海上的光")
	var status service.StampStatus
	p.invoke(t, "stamp", service.StampParams{Paths: []string{photo}, Statement: "初稿"}, &status)
	cmd.Process.Kill()
	cmd.Wait()

	trusted := d.found(t)
	p, _ = d.open(t)
	p.eval(t, "location.hash = '#/stamp'")
	p.waitFor(t, "document.querySelector('[data-state=final]')?.innerText.includes('港口 照片.png')")
	checkProof(t, photo, photo+".evident", trusted)
	p.click(t, "中文")
	shoot(t, "stamped-zh")
}

func TestSecondWindow(t *testing.T) {
	d := newDesk(t)
	d.open(t)
	second, _ := d.open(t)
	second.waitFor(t, "document.querySelector('[role=alert]')?.innerText.includes('Another Evident window')")
	shoot(t, "second-window")
}

// TestDropOnTheWindow drags files from another window. A view that is left to
// itself would show the file instead of the page.
func TestDropOnTheWindow(t *testing.T) {
	d := newDesk(t)
	p, _ := d.open(t)
	p.eval(t, "location.hash = '#/stamp'")
	p.waitFor(t, "document.body.innerText.includes('Drop files or folders here')")
	paths := []string{d.file(t, "港口 照片.png", "a"), d.file(t, "b & c #1%20.pdf", "b")}
	drag := filepath.Join(t.TempDir(), "drag")
	build := exec.Command("sh", "-c", `cc -o "$0" testdata/drag.c $(pkg-config --cflags --libs gtk+-3.0)`, drag)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the window to drag from: %v\n%s", err, out)
	}
	run(t, exec.Command(drag, paths...))
	eventually(t, 10*time.Second, "the window to drag from opens", func() bool {
		return exec.Command("xdotool", "search", "--name", "^files to drag$").Run() == nil
	})
	steps := [][]string{{"search", "--name", "^files to drag$", "mousemove", "--window", "%1", "60", "30"}, {"mousedown", "1"}}
	for x := 80; x <= 600; x += 40 { // a drag begins with small moves
		steps = append(steps, []string{"mousemove", fmt.Sprint(x), fmt.Sprint(60 + x/2)})
	}
	for _, step := range append(steps, []string{"mouseup", "1"}) {
		time.Sleep(100 * time.Millisecond)
		xdotool(t, step...)
	}
	p.click(t, "Timestamp 2 files")
	p.waitFor(t, "document.querySelectorAll('[data-state]').length === 2")
	shoot(t, "dropped")
	var status service.StampStatus
	p.invoke(t, "stampStatus", service.None{}, &status)
	for i, j := range status.Jobs {
		if j.Path != paths[i] {
			t.Errorf("got %q, want %q", j.Path, paths[i])
		}
	}
	if len(status.Jobs) != len(paths) {
		t.Errorf("%d files in the queue, want %d", len(status.Jobs), len(paths))
	}
}
