//go:build !js

package main_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"evident/lightclient/service"
	"evident/lightclient/testnode"
)

// hello is the digest of the five bytes that the known statement names.
const hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

// TestInNode runs the very program that pages load, against a node over HTTP.
func TestInNode(t *testing.T) {
	program := filepath.Join(t.TempDir(), "evident.wasm")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	glue := filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")

	l := testnode.New(4)
	l.Add(l.Deposit("ada", "hello", l.Consortium().Statement().Evidence...))
	l.Grow(10)
	nodes := []*testnode.Node{l.Node(0), l.Node(1)}
	hints := map[string]string{}
	for _, n := range nodes {
		server := httptest.NewServer(n)
		t.Cleanup(server.CloseClientConnections)
		hints[n.Member.Name] = server.URL
		n.Hints = hints
	}
	grown := time.AfterFunc(3*time.Second, func() { l.Add() })
	defer grown.Stop()

	calls := `[["status",{}],["lookup",{"sha256":"` + hello + `"}],["blocks",{"limit":3}],["record",{"id":"zz"}],["wait for an event"],["status",{}]]`
	out, err := exec.Command("node", "testdata/page.mjs", glue, program, hints[nodes[0].Member.Name]+"/index.html#/block/1", calls).Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	var got struct {
		Answers []struct {
			OK    json.RawMessage
			Error service.Error
		}
		Digest service.FileDigest
		Events []service.BlockEvent
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	var first, last service.Status
	var lookup service.Lookup
	var blocks service.Blocks
	for i, into := range []any{&first, &lookup, &blocks} {
		if err := json.Unmarshal(got.Answers[i].OK, into); err != nil {
			t.Fatalf("answer %d: %+v", i, got.Answers[i].Error)
		}
	}
	if err := json.Unmarshal(got.Answers[4].OK, &last); err != nil {
		t.Fatal(err)
	}
	if first.Height != "9" || last.Height != "10" || len(last.Sources) != 2 || last.Sources[1].State != "ok" {
		t.Errorf("status %+v, then %+v", first, last)
	}
	if !lookup.Found || lookup.Record.Height != "1" || len(blocks.Blocks) != 3 {
		t.Errorf("lookup %+v, blocks %+v", lookup, blocks)
	}
	if got.Answers[3].Error.Code != "bad_request" {
		t.Errorf("a wrong id: %+v", got.Answers[3].Error)
	}
	if len(got.Events) != 1 || got.Events[0].Block.Height != "10" {
		t.Errorf("events %+v", got.Events)
	}
	if got.Digest.SHA256 != hello || got.Digest.Size != "5" || !strings.HasPrefix(got.Digest.CID, "bafkrei") {
		t.Errorf("digest %+v", got.Digest)
	}
}
