package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/proof"
	. "evident/lightclient/service"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

var photo = ledgertest.New(4).Statement().Evidence[0]

func newTestService(t *testing.T) (*Service, *testnode.Ledger, *testnode.Node) {
	t.Helper()
	l := testnode.New(4)
	l.Grow(6)
	n := l.Node(0)
	s := New(func(ctx context.Context) (*lightclient.Client, error) {
		return lightclient.Open(ctx, lightclient.Config{
			Sources: []lightclient.Source{n}, Store: new(store.Memory), Genesis: l.Consortium().File,
			Now: func() time.Time { return time.UnixMilli(l.Head().Time).Add(2 * time.Second) },
		})
	})
	return s, l, n
}

// invoke calls a method and decodes its result, which may have no null but where the table says so.
func invoke[R any](t *testing.T, s *Service, name string, params any) R {
	t.Helper()
	in, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	answer := s.Invoke(t.Context(), name, in)
	var out struct {
		OK    *R     `json:"ok"`
		Error *Error `json:"error"`
	}
	if err := json.Unmarshal(answer, &out); err != nil || out.OK == nil {
		t.Fatalf("%s %s: %s, %v", name, in, answer, err)
	}
	for _, null := range regexp.MustCompile(`"\w+":null`).FindAllString(string(answer), -1) {
		if !slices.Contains([]string{`"record":null`, `"state":null`, `"block":null`, `"lastCosigned":null`, `"item":null`, `"refusal":null`, `"accusation":null`}, null) {
			t.Errorf("%s: %s in %s", name, null, answer)
		}
	}
	return *out.OK
}

func TestMethods(t *testing.T) {
	s, l, _ := newTestService(t)
	consortium := l.Consortium()
	msg := l.DepositAfter("ada", "港口 <harbour>", ledger.Point{Size: 3, Root: l.Node(1).Tree(3).Hash}, photo)
	l.Add(msg)
	l.Grow(20)
	r, err := ledger.ParseRecord(msg)
	if err != nil {
		t.Fatal(err)
	}

	status := invoke[Status](t, s, "status", None{})
	if status.Height != "19" || status.Stale || status.Ledger != consortium.Origin || len(status.Words) != 12 || status.Sources[0].State != "ok" {
		t.Errorf("status %+v", status)
	}
	blocks := invoke[Blocks](t, s, "blocks", BlocksParams{Limit: 5})
	if len(blocks.Blocks) != 5 || blocks.Blocks[4].Height != "15" || blocks.Blocks[4].Cosigners != 3 {
		t.Errorf("blocks %+v", blocks)
	}
	older := invoke[Blocks](t, s, "blocks", BlocksParams{Before: "7", Limit: 2})
	if len(older.Blocks) != 2 || older.Blocks[0].Height != "6" || older.Blocks[0].NotBefore != ledgertest.Created+6*30_000+2000 {
		t.Errorf("older %+v", older)
	}
	block := invoke[Block](t, s, "block", BlockParams{Height: "6"})
	if len(block.Records) != 1 || block.Records[0].ID != r.ID.String() || block.Summary != older.Blocks[0] || len(block.Cosignatures) != 3 {
		t.Errorf("block %+v", block)
	}
	record := invoke[LedgerRecord](t, s, "record", RecordParams{ID: r.ID.String()})
	if record.Height != "6" || record.Badges.SignedAfter != Proven || record.SignedAfter.Time != ledgertest.Created+2*30_000+2000 ||
		record.Fields["text"] != "港口 <harbour>" || record.State.Seq != 1 || record.Badges.State != Proven || record.Proof.Record == nil {
		t.Errorf("record %+v", record)
	}
	members := invoke[Members](t, s, "members", None{})
	if len(members.Members) != 4 || members.Members[3].LastCosigned == nil {
		t.Errorf("members %+v", members)
	}
	found := invoke[Lookup](t, s, "lookup", LookupParams{SHA256: photo.SHA256})
	if !found.Found || found.Record.ID != record.ID || found.ExistedBy != record.ExistedBy {
		t.Errorf("lookup %+v", found)
	}
	absent := invoke[Lookup](t, s, "lookup", LookupParams{SHA256: strings.Repeat("00", 32)})
	if absent.Found || absent.ProvenAbsentAtHeight != "19" || absent.Proof.State == nil {
		t.Errorf("absent %+v", absent)
	}
	hits := invoke[Search](t, s, "search", SearchParams{Query: "6"})
	if len(hits.Hits) == 0 || hits.Hits[0].Kind != "block" {
		t.Errorf("hits %+v", hits)
	}
	trust := invoke[Trust](t, s, "trust", TrustParams{})
	if trust.Pinned || invoke[Trust](t, s, "trust", TrustParams{Genesis: trust.Fingerprint}).Pinned == false {
		t.Errorf("trust %+v", trust)
	}

	file := &FileDigest{SHA256: photo.SHA256, CID: photo.CID, Size: "5"}
	for _, tt := range []struct {
		name   string
		params VerifyParams
		want   string
		exit   int
	}{
		{"with its file", VerifyParams{Proof: record.ProofFile, File: file}, "valid", 0},
		{"without", VerifyParams{Proof: record.ProofFile}, "valid", 0},
		{"another file", VerifyParams{Proof: record.ProofFile, File: &FileDigest{SHA256: strings.Repeat("00", 32), Size: "5"}}, "altered", 1},
		{"another ledger", VerifyParams{Proof: record.ProofFile, Genesis: strings.Repeat("00", 32)}, "unknown ledger", 2},
		{"altered", VerifyParams{Proof: strings.Replace(record.ProofFile, "harbour>", "Harbour>", 1)}, "altered", 1},
		{"not a proof", VerifyParams{Proof: "hello"}, "incomplete", 2},
	} {
		report := invoke[Report](t, s, "verify", tt.params)
		if report.Verdict != tt.want || report.Exit != tt.exit || len(report.Stages) != 12 {
			t.Errorf("%s: %+v", tt.name, report)
		}
		if tt.exit == 0 && (report.Record == nil || report.Record.ID != record.ID || report.Record.ExistedBy != record.ExistedBy) {
			t.Errorf("%s: record %+v", tt.name, report.Record)
		}
	}
	accusation := ledgertest.ReadVectors("../testdata/vectors", "accusation")
	for _, v := range accusation {
		report := invoke[Report](t, s, "verify", VerifyParams{Proof: string(v.Data), Genesis: ledgertest.New(4).Fingerprint.String()})
		if want, _, _ := strings.Cut(v.Outcome, " "); report.Verdict != want || report.Record != nil {
			t.Errorf("%s: %+v", v.Name, report)
		}
	}
}

// TestReportShows checks that a file tells what it shows if it verifies, and otherwise nothing.
func TestReportShows(t *testing.T) {
	trusted := ledgertest.New(4).Fingerprint
	shown := map[string]func(r Report) bool{
		"item": func(r Report) bool {
			return r.Item != nil && r.Item.Signed == 3 && r.Item.Members == 4 && r.Item.Height != ""
		},
		"refused":    func(r Report) bool { return r.Refusal != nil && r.Refusal.Rule != "" && r.Refusal.Organisation != "" },
		"accusation": func(r Report) bool { return r.Accusation != nil && len(r.Accusation.Cosigned) == 2 },
	}
	for kind, isShown := range shown {
		for _, v := range ledgertest.ReadVectors("../testdata/vectors", kind) {
			report := ReportOf(v.Data, proof.Options{Trusted: &trusted})
			valid := report.Verdict == "valid"
			if report.Record != nil || isShown(report) != valid || valid != (v.Outcome == "valid") {
				t.Errorf("%s %s, want %s: %+v", kind, v.Name, v.Outcome, report)
			}
		}
	}
	private := 0
	for _, v := range ledgertest.ReadVectors("../testdata/vectors", "proof") {
		report := ReportOf(v.Data, proof.Options{Trusted: &trusted})
		private += len(report.Private)
		if len(report.Private) > 0 && report.Record == nil {
			t.Errorf("%s: private fields of no record", v.Name)
		}
	}
	if private < 256 {
		t.Errorf("%d private fields were shown", private)
	}
}

func TestErrors(t *testing.T) {
	s, _, node := newTestService(t)
	tests := []struct{ name, method, params, want string }{
		{"unknown method", "format", `{}`, "bad_request"},
		{"not offered here", "stamp", `{}`, "bad_request"},
		{"not JSON", "status", `{`, "bad_request"},
		{"two values", "status", `{} {}`, "bad_request"},
		{"unknown field", "status", `{"x":1}`, "bad_request"},
		{"wrong type", "block", `{"height":6}`, "bad_request"},
		{"not a height", "block", `{"height":"06"}`, "bad_request"},
		{"future block", "block", `{"height":"60"}`, "not_found"},
		{"not an id", "record", `{"id":"../../etc"}`, "bad_request"},
		{"no such record", "record", `{"id":"` + strings.Repeat("0", 64) + `"}`, "not_found"},
		{"another ledger", "trust", `{"genesis":"` + strings.Repeat("0", 64) + `"}`, "genesis"},
		{"empty search", "search", `{"query":" "}`, "bad_request"},
		{"no limit", "blocks", `{"limit":0}`, "bad_request"},
	}
	check := func(name, method, params, want string) {
		t.Helper()
		var out struct{ Error Error }
		answer := s.Invoke(t.Context(), method, []byte(params))
		if err := json.Unmarshal(answer, &out); err != nil || out.Error.Code != want || out.Error.Message == "" || out.Error.Hint == "" {
			t.Errorf("%s: %s", name, answer)
		}
	}
	for _, tt := range tests {
		check(tt.name, tt.method, tt.params, tt.want)
	}
	node.Down.Store(true)
	check("no node", "block", `{"height":"3"}`, "unavailable")
	fresh, _, down := newTestService(t)
	down.Down.Store(true)
	s = fresh
	check("no node from the start", "status", `{}`, "unavailable")
	down.Down.Store(false)
	if status := invoke[Status](t, s, "status", None{}); status.Height != "5" {
		t.Errorf("back again: %+v", status)
	}
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l, _ := newTestService(t)
		var mu sync.Mutex
		var heights []string
		s.Subscribe(func(event []byte) {
			var e BlockEvent
			if err := json.Unmarshal(event, &e); err != nil || e.Kind != "block" {
				t.Errorf("event %s", event)
			}
			mu.Lock()
			defer mu.Unlock()
			heights = append(heights, e.Block.Height)
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx, nil) }()
		time.Sleep(time.Second)
		l.Add()
		l.Add()
		time.Sleep(time.Second)
		cancel()
		<-done
		if fmt.Sprint(heights) != "[6 7]" {
			t.Errorf("events %v", heights)
		}
	})
}
