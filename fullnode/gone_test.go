package fullnode_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"evident/fullnode/testnet"
	"evident/lightclient"
	"evident/lightclient/casefile"
	"evident/lightclient/casefile/certificate/paper"
	"evident/lightclient/collect"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/source"
	"evident/lightclient/store"
)

// A package outlives its ledger: when every node is gone and all their data is deleted, it still verifies, by this
// program and by hand, as long as somebody knows the fingerprint.
func TestPackageOutlivesTheLedger(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	net.AwaitOrdered(20*time.Second, 0)
	f := net.NewFile(5, 3<<20)
	id := storeFile(net, f)
	net.Eventually(30*time.Second, "three receipts", func() bool { return len(net.StoredBy(0, id, f)) == 3 })
	var sources []lightclient.Source
	for _, p := range net.Places {
		s, err := source.New(p.URL())
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, s)
	}
	open := func() (*lightclient.Client, error) {
		return lightclient.Open(t.Context(), lightclient.Config{Sources: sources, Store: new(store.Memory), Genesis: net.File})
	}
	client, err := open()
	if err != nil {
		t.Fatal(err)
	}
	data := exportAll(t, client, id)
	trusted := client.Trusted().Fingerprint

	net.StopAndCheck()
	for _, p := range net.Places {
		if err := os.RemoveAll(p.Dir); err != nil {
			t.Fatal(err)
		}
	}
	if client, err = open(); err == nil {
		if _, err = client.Record(t.Context(), id); err == nil {
			t.Fatal("somebody still answers")
		}
	}

	report, err := casefile.Verify(bytes.NewReader(data), int64(len(data)), casefile.Options{
		Trusted: &trusted, Pages: paper.Pages, NewCID: func() casefile.CIDWriter { return evidence.NewHasher() },
	})
	if err != nil || report.Verdict != proof.Valid || len(report.Proofs) != 1 || len(report.Proofs[0].Proven.Storage) != 3 || report.Stage(casefile.StageContent).Code != "content.ok" {
		t.Errorf("%v, %s: %s", err, report.Verdict, report.Reason("en"))
	}
	byHand(t, data, trusted)
}

// exportAll writes a package of a record with its file, which is read from the members.
func exportAll(t *testing.T, client *lightclient.Client, id ledger.RecordID) []byte {
	t.Helper()
	options := collect.Options{Content: true}
	proofs, err := collect.Records(t.Context(), client, []ledger.RecordID{id}, options)
	if err != nil {
		t.Fatal(err)
	}
	made, err := casefile.NewCase(proofs)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	export := casefile.Export{Files: collect.Files(t.Context(), client, made, options), Exporter: "test", At: time.Now().UnixMilli(), Pages: paper.Pages}
	if err := made.Write(&b, export); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// byHand follows the package's VERIFY.txt.
func byHand(t *testing.T, data []byte, trusted ledger.Fingerprint) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "case.zip"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		c := exec.Command(name, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	run("python3", "-m", "zipfile", "-e", "case.zip", ".")
	text, err := os.ReadFile(filepath.Join(dir, "VERIFY.txt"))
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	for line := range strings.Lines(string(text)) {
		if command, ok := strings.CutPrefix(line, "    $ "); ok {
			said = run("bash", "-c", command)
		}
	}
	if !strings.Contains(string(text), trusted.String()) || !strings.HasSuffix(said, "all proofs hold\n") || !strings.Contains(said, "checked") {
		t.Errorf("by hand: %s", said)
	}
}
