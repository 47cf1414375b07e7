package fullnode_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"evident/fullnode/testnet"
	"evident/lightclient/ledger"
)

// Bad records get a clear answer from every node, and none of them is in any
// block afterwards.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada, eve := net.NewAuthor("ada"), net.NewAuthor("eve")
	good := ada.Deposit("good")
	net.MustFinal(0, good)
	elsewhere := testnet.Found(t, 1).NewAuthor("ada")
	for _, tt := range []struct {
		name string
		note []byte
		http int    // of an error
		code string // of an error
		rule string // of a signed refusal
	}{
		{name: "nothing", http: 400, code: "format"},
		{name: "noise", note: []byte("\x00\xff record"), http: 400, code: "format"},
		{name: "JSON", note: []byte(`{"action":"deposit"}`), http: 400, code: "format"},
		{name: "truncated", note: good.Note[:len(good.Note)-20], http: 400, code: "format"},
		{name: "bytes behind it", note: append(bytes.Clone(good.Note), "more\n"...), http: 400, code: "format"},
		{name: "too large", note: bytes.Repeat([]byte("a"), ledger.MaxRecordSize+1), http: 413, code: "limit"},
		{name: "an unknown version of the format", note: replaced(good, "evident/record/v1", "evident/record/v2"), http: 400, code: "format"},
		{name: "an unknown field", note: replaced(good, `"version":1}`, `"version":1,"x":1}`), http: 400, code: "format"},
		{name: "a float", note: replaced(good, `"version":1}`, `"version":1.0}`), http: 400, code: "format"},
		{name: "not canonical", note: replaced(good, `{"action"`, `{ "action"`), http: 400, code: "format"},
		{name: "changed after signing", note: replaced(good, `"good"`, `"goof"`), http: 422, code: "signature"},
		{name: "signed by another", note: signedBy(good, eve.Deposit("good")), http: 422, code: "signature"},
		{name: "another ledger", note: elsewhere.Deposit("elsewhere").Note, rule: "ledger"},
		{name: "an hour ahead", note: changed(ada, func(s *ledger.Statement) { s.At += time.Hour.Milliseconds() }), rule: "C4"},
		{name: "an unknown contract", note: changed(ada, func(s *ledger.Statement) { s.Contract = "loans" }), rule: "contract"},
		{name: "an unknown version", note: changed(ada, func(s *ledger.Statement) { s.Version = 2 }), rule: "version"},
		{name: "an unknown action", note: changed(ada, func(s *ledger.Statement) { s.Action = "shred" }), rule: "action"},
		{name: "a link to nothing", note: changed(ada, func(s *ledger.Statement) {
			s.Action, s.Item, s.Seq, s.Prev = "correct", strings.Repeat("0", 64), 2, strings.Repeat("0", 64)
		}), rule: "C3"},
		{name: "a field that the contract does not know", note: changed(ada, func(s *ledger.Statement) { s.Fields = []byte(`{"text":"a","x":1}`) }), rule: "fields"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range net.Nodes {
				a, err := testnet.Post(t.Context(), net.Places[i].URL(), tt.note, time.Second)
				if err != nil {
					t.Fatal(err)
				}
				if tt.rule == "" {
					if a.HTTP != tt.http || a.Error.Code != tt.code || a.Error.Message == "" || a.Error.Hint == "" {
						t.Errorf("node %d: got %d %+v, want %d %s with message and hint", i, a.HTTP, a.Error, tt.http, tt.code)
					}
					continue
				}
				refusal, err := ledger.OpenRefusal(net.Origin, net.Places[i].Member, []byte(a.Refusal))
				if a.HTTP != http.StatusOK || a.Status != "refused" || err != nil || refusal.Reason.Rule != tt.rule {
					t.Errorf("node %d: got %d %q, %v, rule %q, want a refusal by rule %s", i, a.HTTP, a.Status, err, refusal.Reason.Rule, tt.rule)
				}
			}
		})
	}
	// Again, and through another node, it is the record that it was.
	for i := range net.Nodes {
		net.MustFinal(i, good)
	}
	if head, _ := net.Nodes[0].Chain().Head(); countRecords(t, net) != 1 {
		t.Errorf("%d records up to block %d, want 1", countRecords(t, net), head.Header.Height)
	}
	net.StopAndCheck()
}

func countRecords(t *testing.T, net *testnet.Net) int64 {
	t.Helper()
	count := int64(0)
	head, _ := net.Nodes[0].Chain().Head()
	for h := head.Header.Height; h > 0; h-- {
		header, err := net.Nodes[0].Chain().Header(h)
		if err != nil {
			t.Fatal(err)
		}
		count += header.Records
	}
	return count
}

func replaced(r *ledger.Record, old, new string) []byte {
	return bytes.Replace(r.Note, []byte(old), []byte(new), 1)
}

func changed(a *testnet.Author, change func(*ledger.Statement)) []byte {
	s := a.Statement("changed")
	change(&s)
	return a.Sign(s).Note
}

// signedBy puts the signature bytes of another record under one.
func signedBy(r, other *ledger.Record) []byte {
	text, line := cutSignature(r)
	_, others := cutSignature(other)
	blob, err := base64.StdEncoding.DecodeString(line[strings.LastIndex(line, " ")+1:])
	if err != nil {
		panic(err)
	}
	foreign, err := base64.StdEncoding.DecodeString(others[strings.LastIndex(others, " ")+1:])
	if err != nil {
		panic(err)
	}
	copy(blob[4:], foreign[4:])
	return []byte(text + line[:strings.LastIndex(line, " ")+1] + base64.StdEncoding.EncodeToString(blob) + "\n")
}

func cutSignature(r *ledger.Record) (text, line string) {
	at := bytes.LastIndex(r.Note, []byte("\n\n")) + 2
	return string(r.Note[:at]), strings.TrimSuffix(string(r.Note[at:]), "\n")
}
