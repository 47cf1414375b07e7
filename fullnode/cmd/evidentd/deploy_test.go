package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"evident/fullnode/testnet"
	"evident/lightclient"
	"evident/lightclient/act"
)

func writeTestConfig(t *testing.T, net *testnet.Net, i int) string {
	t.Helper()
	data, err := json.Marshal(net.Config(i))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// newTestOperator is a member's operator with the node's configuration.
func newTestOperator(t *testing.T, net *testnet.Net, i int) func(args ...string) (string, error) {
	t.Helper()
	config := writeTestConfig(t, net, i)
	return func(args ...string) (string, error) {
		var out bytes.Buffer
		p := program()
		p.Writer = &out
		err := p.Run(t.Context(), append([]string{"evidentd", "contract", args[0], "--config", config}, args[1:]...))
		return out.String(), err
	}
}

// Three of four operators agree to a contract; then its items begin. A new version is tried against them, agreed to, and
// an item is migrated, while another stays.
func TestDeploy(t *testing.T) {
	net := testnet.New(t, 4)
	net.MustStart()
	net.MustFinal(0, net.NewAuthor("ada").Deposit("first"))
	net.AwaitLevel(recovery, 0, 1, 2, 3)
	var operators []func(...string) (string, error)
	for i := range 3 {
		operators = append(operators, newTestOperator(t, net, i))
	}
	deploy := func(file string) {
		t.Helper()
		for i, want := range []string{"1 of 4 members so far, 3 are needed", "2 of 4 members so far", "in force from block"} {
			if out, err := operators[i]("deploy", file); err != nil || !strings.Contains(out, want) {
				t.Fatalf("operator %d: %v in %q, want %q", i, err, out, want)
			}
		}
	}
	deploy("testdata/tickets.yaml")
	if out, err := operators[0]("deploy", "testdata/tickets.yaml"); err == nil || !strings.Contains(err.Error(), "version 1 is in force already") {
		t.Errorf("deployed again: %v, %s", err, out)
	}

	m, err := openMember(t.Context(), writeTestConfig(t, net, 3), new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	do := func(a act.Action) lightclient.Record {
		t.Helper()
		a.Contract = "tickets"
		r, err := m.send(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := do(act.Action{Action: "issue", Fields: map[string]any{"seat": "A1"}}).ItemName()
	two := do(act.Action{Action: "issue", Fields: map[string]any{"seat": "A2"}}).ItemName()
	do(act.Action{Action: "use", Item: two})

	out, err := operators[1]("try", "testdata/tickets2.yaml")
	for _, want := range []string{"1 items under version 1 are valid: they can be migrated by [migrate]", "1 items under version 1 are used: they stay under version 1",
		"there is no action use any more", "field seat is dropped"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("try: %v in %q, want %q", err, out, want)
		}
	}
	deploy("testdata/tickets2.yaml")
	if r := do(act.Action{Action: "issue"}); r.Version != 2 {
		t.Errorf("a new item is under version %d", r.Version)
	}
	do(act.Action{Action: "migrate", Version: 2, Item: one})
	var refused *lightclient.Refused
	if _, err := m.send(t.Context(), act.Action{Contract: "tickets", Version: 2, Action: "migrate", Item: two}); !errors.As(err, &refused) || refused.Refusal.Reason.Rule != "C2" {
		t.Errorf("a used ticket is migrated: %v", err)
	}
	agreed, err := m.client.Contract(t.Context(), "tickets", 2)
	if err != nil || agreed.Deployed == nil {
		t.Errorf("contract as the light client proves it: %v", err)
	}
	net.StopAndCheck()
	net.MustStart(0) // the deployed contracts are compiled anew
	net.StopAll()
}

// A member that was away while the others agreed to a contract, and acted under it, executes it when it is back: then it
// is one of the quorum, and its ledger is the others', from block 0 on.
func TestDeployedWhileAway(t *testing.T) {
	net := testnet.New(t, 4)
	net.MustStart()
	net.MustFinal(0, net.NewAuthor("ada").Deposit("first"))
	net.AwaitLevel(recovery, 0, 1, 2, 3)
	net.Stop(3)
	net.Wipe(3, "ledger")
	for i := range 3 {
		if out, err := newTestOperator(t, net, i)("deploy", "testdata/tickets.yaml"); err != nil {
			t.Fatalf("operator %d: %v, %s", i, err, out)
		}
	}
	issue := func(i int) lightclient.Record {
		t.Helper()
		m, err := openMember(t.Context(), writeTestConfig(t, net, i), new(bytes.Buffer))
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.send(t.Context(), act.Action{Contract: "tickets", Action: "issue", Fields: map[string]any{"seat": "A1"}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	issue(0)
	net.MustStart(3)
	net.AwaitLevel(recovery, 0, 1, 2, 3)
	net.Stop(0) // now the one that was away is needed
	issue(3)
	net.MustStart(0)
	net.AwaitLevel(recovery, 0, 1, 2, 3)
	net.StopAndCheck()
}
