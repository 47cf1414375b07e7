package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"evident/lightclient/ledger"
)

func (f *fixture) post(t testing.TB, path string, body []byte) (int, []byte) {
	t.Helper()
	resp, err := http.Post(f.URL+path, "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func TestSubmit(t *testing.T) {
	fresh := 100
	tests := []struct {
		name, query string
		intake      testIntake
		status      int
		want        Submitted
	}{
		{"at once", "", testIntake{}, 202, Submitted{Status: "received", Receipt: "receipt"}},
		{"wait", "?wait=final", testIntake{}, 200, Submitted{Status: "final", Receipt: "receipt", Height: 3}},
		{"wait in vain", "?wait=final&timeout=1s", testIntake{hold: true}, 202, Submitted{Status: "received", Receipt: "receipt"}},
		{"refused", "?wait=final", testIntake{refuse: true}, 200, Submitted{Status: "refused", Refusal: "refusal"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, 3)
			*f.intake = tt.intake
			f.intake.t, f.intake.chain = t, f.chain
			fresh++
			r := f.chain.record(t, fresh)
			status, body := f.post(t, "/v1/records"+tt.query, r.Note)
			var got Submitted
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			tt.want.ID = r.ID.String()
			if status != tt.status || got != tt.want {
				t.Errorf("%d %+v, want %d %+v", status, got, tt.status, tt.want)
			}
		})
	}
}

func TestSubmitAgainIsTheSame(t *testing.T) {
	f := newFixture(t, 3)
	for range 2 {
		status, body := f.post(t, "/v1/records", f.records[1].Note)
		var got Submitted
		if err := json.Unmarshal(body, &got); err != nil || status != 200 || got.Status != "final" || got.Height != 1 {
			t.Errorf("%d %s", status, body)
		}
	}
	if len(f.chain.blocks) != 3 {
		t.Errorf("%d blocks, want 3", len(f.chain.blocks))
	}
}

func TestSubmitRefusesBadInput(t *testing.T) {
	f := newFixture(t, 3)
	good := f.records[0].Note
	wrong := bytes.Replace(good, []byte(strings.Repeat("0", 32)), []byte(strings.Repeat("1", 32)), 1)
	other := newTestChain(t)
	other.genesis.Name = "elsewhere.example"
	tests := []struct {
		name, path string
		body       []byte
		status     int
		code       string
	}{
		{"empty", "/v1/records", nil, 400, "format"},
		{"not a record", "/v1/records", []byte("hello"), 400, "format"},
		{"too large", "/v1/records", make([]byte, ledger.MaxRecordSize+1), 413, "limit"},
		{"as large as may be", "/v1/records", make([]byte, ledger.MaxRecordSize), 400, "format"},
		{"wrong signature", "/v1/records", wrong, 422, "signature"},
		{"other ledger", "/v1/records", other.record(t, 1).Note, 422, "other_ledger"},
		{"wrong signature, dry", "/v1/records/check", wrong, 422, "signature"},
		{"too large, dry", "/v1/records/check", make([]byte, ledger.MaxRecordSize+1), 413, "limit"},
		{"wait for what", "/v1/records?wait=accepted", good, 400, "bad_request"},
		{"timeout without wait", "/v1/records?timeout=5s", good, 400, "bad_request"},
		{"no unit", "/v1/records?wait=final&timeout=5", good, 400, "bad_request"},
		{"too short", "/v1/records?wait=final&timeout=1ms", good, 400, "bad_request"},
		{"too long", "/v1/records?wait=final&timeout=2m", good, 400, "bad_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := f.post(t, tt.path, tt.body)
			var e Failure
			if err := json.Unmarshal(body, &e); err != nil || status != tt.status || e.Error.Code != tt.code {
				t.Errorf("%d %s, want %d %s", status, body, tt.status, tt.code)
			}
		})
	}
}

func TestIntakeIsBusy(t *testing.T) {
	f := newFixture(t, 3)
	f.intake.busy = true
	resp, code := f.call(t, "POST", "/v1/records", string(f.records[0].Note), nil)
	if resp.StatusCode != 503 || code != "busy" || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", resp.StatusCode, code)
	}
}

func TestCheck(t *testing.T) {
	f := newFixture(t, 3)
	if status, body := f.post(t, "/v1/records/check", f.records[0].Note); status != 200 || string(body) != "{\"accepted\":true}\n" {
		t.Errorf("%d %s", status, body)
	}
	f.intake.refuse = true
	status, body := f.post(t, "/v1/records/check", f.records[0].Note)
	if status != 200 || !bytes.Contains(body, []byte(`"accepted":false,"refusal":{"en":"no text","rule":"notes.text"`)) {
		t.Errorf("%d %s", status, body)
	}
}

// A client that goes away does not keep its slot.
func TestSubmitGivesItsSlotBack(t *testing.T) {
	f := newFixture(t, 3)
	f.intake.hold = true
	impatient := http.Client{Timeout: 50 * time.Millisecond}
	if _, err := impatient.Post(f.URL+"/v1/records?wait=final&timeout=60s", "", bytes.NewReader(f.chain.record(t, 77).Note)); err == nil {
		t.Fatal("answered")
	}
	for deadline := time.Now().Add(5 * time.Second); f.api.waiters.count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the slot is still taken")
		}
	}
}
