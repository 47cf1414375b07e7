package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Every curl line of the README works on a ledger, and every endpoint has one.
func TestREADME(t *testing.T) {
	f := newFixture(t, 3)
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a public file"))
	fill := strings.NewReplacer("http://127.0.0.1:7080", f.URL, "$ID", f.records[0].ID.String(), "$ITEM", "other", "$DIGEST", hex.EncodeToString(digest[:]),
		"$CID", "bafkreif7rteqv2xlpdwkw66ov3hl2aptfuvrx2ezavr3ykpoktdfy7xapy")
	asked := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		_, command, ok := strings.Cut(strings.TrimSpace(line), "curl ")
		if !ok {
			continue
		}
		command, _, _ = strings.Cut(command, " | ") // what the shell makes of the answer is not ours
		filled := fill.Replace(command)
		r, patience := f.parseCurl(t, words(filled))
		body := f.run(t, r, patience)
		if strings.Contains(filled, "$") || len(body) == 0 {
			t.Errorf("curl %s: %q", command, body)
		}
		asked[r.Method+" "+r.Pattern] = true
	}
	for _, rt := range f.api.table() {
		if !asked[rt.method+" "+rt.path] {
			t.Errorf("no curl line for %s %s", rt.method, rt.path)
		}
	}
}

// words splits a command at blanks that are not inside quotes.
func words(command string) []string {
	var quote rune
	fields := strings.FieldsFunc(command, func(c rune) bool {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		}
		return quote == 0 && c == ' '
	})
	for i := range fields {
		fields[i] = strings.Trim(fields[i], `'"`)
	}
	return fields
}

// parseCurl makes the request of curl's arguments, and refuses an option that it does not know.
func (f *fixture) parseCurl(t *testing.T, args []string) (*http.Request, time.Duration) {
	t.Helper()
	r, patience := &http.Request{Method: "GET", Header: http.Header{}}, time.Minute
	var target string
	var body io.Reader
	for i := 0; i < len(args); i++ {
		value := func() string {
			i++
			return args[i]
		}
		switch arg := args[i]; arg {
		case "-s", "-sN":
		case "-o":
			value()
		case "-H":
			name, v, _ := strings.Cut(value(), ": ")
			r.Header.Set(name, v)
		case "--max-time":
			seconds, err := strconv.Atoi(value())
			if err != nil {
				t.Fatal(err)
			}
			patience = time.Duration(seconds) * time.Second
		case "--data-binary":
			bodies := map[string][]byte{"@record.note": f.records[0].Note, "@file.car": []byte("blocks"), "@cids.json": []byte("[]")}
			data, known := bodies[value()]
			if !known {
				t.Fatalf("data %s", args[i])
			}
			r.Method, body = "POST", bytes.NewReader(data)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does
		default:
			if target != "" || !strings.HasPrefix(arg, f.URL) {
				t.Fatalf("curl %q: do not know %q", args, arg)
			}
			target = arg
		}
	}
	made, err := http.NewRequest(r.Method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	made.Header = r.Header
	return made, patience
}

// run sends the request and sets its Pattern to the route that answers it.
func (f *fixture) run(t *testing.T, r *http.Request, patience time.Duration) []byte {
	t.Helper()
	client := http.Client{Timeout: patience}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !os.IsTimeout(err) {
		t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		t.Errorf("%s %s: %d %s", r.Method, r.URL, resp.StatusCode, body)
	}
	_, r.Pattern = f.api.routes(nil).Handler(r)
	return body
}
