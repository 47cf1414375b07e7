//go:build desktoptest

package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// page speaks to the page in a window over WebKit's inspector protocol.
type page struct {
	conn   *websocket.Conn
	target string
	next   int
}

var socketPath = regexp.MustCompile(`/socket/\d+/\d+/WebPage`)

// openPage waits for the window's page behind an inspector address.
func openPage(t *testing.T, address string) *page {
	t.Helper()
	var conn *websocket.Conn
	eventually(t, 30*time.Second, "the window opens a page", func() bool {
		resp, err := http.Get("http://" + address + "/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		list, _ := io.ReadAll(resp.Body)
		path := socketPath.Find(list)
		if path == nil {
			return false
		}
		conn, _, err = websocket.DefaultDialer.Dial("ws://"+address+string(path), nil)
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	p := &page{conn: conn}
	var created struct{ TargetInfo struct{ TargetID string } }
	p.await(t, "Target.targetCreated", &created)
	p.target = created.TargetInfo.TargetID
	return p
}

// await reads on to an event.
func (p *page) await(t *testing.T, method string, into any) {
	t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		var said struct {
			Method string
			Params json.RawMessage
		}
		if err := p.conn.ReadJSON(&said); err != nil {
			t.Fatalf("wait for %s: %v", method, err)
		}
		if said.Method != method {
			continue
		}
		if err := json.Unmarshal(said.Params, into); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		return
	}
}

// eval returns the value of an expression in the page, as text.
func (p *page) eval(t *testing.T, expression string) string {
	t.Helper()
	p.next++
	inner, _ := json.Marshal(map[string]any{"id": p.next, "method": "Runtime.evaluate",
		"params": map[string]any{"expression": "String(" + expression + ")", "returnByValue": true}})
	err := p.conn.WriteJSON(map[string]any{"id": p.next, "method": "Target.sendMessageToTarget",
		"params": map[string]any{"targetId": p.target, "message": string(inner)}})
	if err != nil {
		t.Fatalf("eval: %v", err)
	}
	for {
		var passed struct{ Message string }
		p.await(t, "Target.dispatchMessageFromTarget", &passed)
		var answer struct {
			ID     int
			Result struct {
				Result    struct{ Value, Description string }
				WasThrown bool
			}
		}
		if err := json.Unmarshal([]byte(passed.Message), &answer); err != nil || answer.ID != p.next {
			continue // an event of the page
		}
		if answer.Result.WasThrown {
			t.Fatalf("%s: %s", expression, answer.Result.Result.Description)
		}
		return answer.Result.Result.Value
	}
}

// waitFor waits until an expression is true in the page.
func (p *page) waitFor(t *testing.T, expression string) {
	t.Helper()
	eventually(t, 30*time.Second, expression, func() bool { return p.eval(t, "Boolean("+expression+")") == "true" })
}

// click clicks the button or link that shows a text.
func (p *page) click(t *testing.T, text string) {
	t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll('button, a')].find((e) => e.textContent.trim() === %q && !e.disabled)", text)
	p.waitFor(t, find)
	p.eval(t, find+".click()")
}

// invoke calls the app as the pages do, and returns what is in the envelope.
func (p *page) invoke(t *testing.T, method string, params, into any) {
	t.Helper()
	given, _ := json.Marshal(params)
	quoted, _ := json.Marshal(string(given))
	p.eval(t, fmt.Sprintf("(window.answer = '', window.go.app.App.Invoke(%q, %s).then((a) => window.answer = a), 0)", method, quoted))
	p.waitFor(t, "window.answer !== ''")
	envelope := struct {
		OK    any             `json:"ok"`
		Error json.RawMessage `json:"error"`
	}{OK: into}
	if err := json.Unmarshal([]byte(p.eval(t, "window.answer")), &envelope); err != nil || envelope.Error != nil {
		t.Fatalf("%s: %s, %v", method, envelope.Error, err)
	}
}

func eventually(t *testing.T, patience time.Duration, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v, not yet: %s", patience, what)
		}
	}
}
