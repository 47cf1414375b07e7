package fullnode_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"evident/fullnode/testnet"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// An evidence file goes to one node over HTTP; three members store it and sign for it, every node knows their receipts,
// and one whose blocks were wiped gets them back by itself.
func TestEvidenceFile(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	content := bytes.Repeat([]byte("evidence "), 500_000)
	var car bytes.Buffer
	c, err := evidence.NewCARWriter(&car, nil)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := evidence.Split(t.Context(), bytes.NewReader(content), int64(len(content)), c.Write)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.Post(net.Places[0].URL()+"/v1/files/car", "", &car); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	ada := net.NewAuthor("ada")
	statement := ada.Statement("with a file")
	statement.Evidence = []ledger.Evidence{{CID: stored.CID.String(), Mode: ledger.Public, SHA256: hex.EncodeToString(stored.SHA256[:]), Size: stored.Size}}
	record := ada.Sign(statement)
	net.MustFinal(0, record)
	for i := range net.Nodes {
		net.Eventually(30*time.Second, "three receipts", func() bool { return len(storedBy(t, net, i, record, stored)) == 3 })
	}

	keeper := storedBy(t, net, 0, record, stored)[0]
	for i, p := range net.Places {
		if p.Member.Name != keeper {
			continue
		}
		net.Stop(i)
		net.Wipe(i, "blobs")
		net.MustStart(i)
		net.Eventually(30*time.Second, "repaired", func() bool {
			resp, err := http.Get(p.URL() + "/ipfs/" + stored.CID.String() + "?format=car")
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			return err == nil && resp.StatusCode == http.StatusOK && len(storedBy(t, net, i, record, stored)) == 3
		})
	}
	net.StopAndCheck()
}

// storedBy lists the members whose storage receipts node i has, and verifies them.
func storedBy(t *testing.T, net *testnet.Net, i int, record *ledger.Record, stored evidence.Stored) (members []string) {
	t.Helper()
	resp, err := http.Get(net.Places[i].URL() + "/v1/files/" + stored.CID.String() + "/receipts?record=" + record.ID.String())
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var answer struct{ Receipts []string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	for _, msg := range answer.Receipts {
		for _, m := range net.Members() {
			if s, err := ledger.OpenStorage(net.Origin, m, []byte(msg)); err == nil && s.CID == stored.CID && s.Record == record.ID {
				members = append(members, m.Name)
			}
		}
	}
	return members
}
