package chain

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"evident/fullnode/contract"
	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

func TestGenesisBlock(t *testing.T) {
	w := newTestWorld(t)
	c := w.begin(t)
	head, ok := c.Head()
	h := head.Header
	if !ok || h.Height != 0 || h.Records != 0 || h.Time != created || h.Parent != [32]byte(c.Fingerprint()) || h.Members != h.Next {
		t.Errorf("block 0 is %+v", h)
	}
	answer, err := c.State(ConsortiumSpace, MembersName)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"digest":"` + w.members.Digest().String() + `"}`; string(answer.Value) != want {
		t.Errorf("state of the members is %s, want %s", answer.Value, want)
	}
	if _, err := c.GenesisCandidate(); !errors.Is(err, ErrStale) {
		t.Errorf("a second block 0: got %v", err)
	}
	checkLedger(t, c)
}

func TestBlocks(t *testing.T) {
	w := newTestWorld(t)
	c := w.begin(t)
	for n := range 6 {
		cand := w.add(t, c, w.notes(t, n*10, n*10+n)...)
		if len(cand.Refused) != 0 {
			t.Errorf("block %d refuses %v", cand.Header.Height, cand.Refused[0].Refusal)
		}
		checkLedger(t, c)
	}
	if err := c.Wait(t.Context(), 6); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := c.Wait(short, 7); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for block 7: got %v", err)
	}
	for ms, want := range map[int64]ledger.Height{created: 0, created + 999: 0, created + 1000: 1, created + 6000: 6, created + 1e9: 6} {
		if got, err := c.HeightAt(ms); err != nil || got != want {
			t.Errorf("height at %d is %d, %v, want %d", ms-created, got, err, want)
		}
	}
}

func TestWaitIsWoken(t *testing.T) {
	w := newTestWorld(t)
	c := w.begin(t)
	woken := make(chan error)
	go func() { woken <- c.Wait(context.Background(), 1) }()
	w.add(t, c)
	if err := <-woken; err != nil {
		t.Error(err)
	}
}

func TestProposalConditions(t *testing.T) {
	w := newTestWorld(t, func(g *ledger.Genesis) { g.Limits = ledger.Limits{BlockBytes: 32 << 10, BlockRecords: 3, Copies: 3} })
	c := w.begin(t)
	w.add(t, c)
	tests := []struct {
		name   string
		change func(*Proposal)
		want   error
	}{
		{"next", func(p *Proposal) {}, nil},
		{"final already", func(p *Proposal) { p.Height = 1 }, ErrStale},
		{"block 0", func(p *Proposal) { p.Height = 0 }, ErrStale},
		{"gap", func(p *Proposal) { p.Height = 3 }, ErrGap},
		{"other parent", func(p *Proposal) { p.Parent[0] ^= 1 }, ErrInvalid},
		{"time of the parent", func(p *Proposal) { p.Time -= 1000 }, ErrInvalid},
		{"three records", func(p *Proposal) { p.Notes = w.notes(t, 0, 3) }, nil},
		{"four records", func(p *Proposal) { p.Notes = w.notes(t, 0, 4) }, ErrInvalid},
		{"too many bytes", func(p *Proposal) { p.Notes = [][]byte{make([]byte, 20<<10), make([]byte, 20<<10)} }, ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := proposal(c)
			tt.change(&p)
			if _, err := c.Execute(p); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			again, err := ParseProposal(p.Encode())
			if err != nil || again.Height != p.Height || again.Parent != p.Parent || again.Time != p.Time || len(again.Notes) != len(p.Notes) {
				t.Errorf("parsed again it is %+v, %v", again, err)
			}
		})
	}
}

func TestRefusedRecords(t *testing.T) {
	w := newTestWorld(t)
	c := w.begin(t)
	final := w.sign(t, w.statement(0))
	w.add(t, c, final.Note)
	other := w.statement(1)
	other.Ledger = "harbour.example/0000000000000000"
	future := w.statement(2)
	future.At = created + 2000 + contract.MaxAhead + 1
	broken := w.sign(t, w.statement(3)).Note
	broken = append([]byte(nil), broken...)
	broken[len(broken)-20] ^= 1
	good := w.sign(t, w.statement(4))
	tests := []struct {
		name, rule string
		note       []byte
	}{
		{"good", "", good.Note},
		{"twice in a block", "duplicate", good.Note},
		{"replayed", "duplicate", final.Note},
		{"other ledger", "ledger", w.sign(t, other).Note},
		{"future-dated", "C4", w.sign(t, future).Note},
		{"wrong signature", "record", broken},
		{"not a record", "record", []byte("evident/record/v1\n{}\n\n")},
		{"empty", "record", nil},
	}
	var notes [][]byte
	for _, tt := range tests {
		notes = append(notes, tt.note)
	}
	cand := w.add(t, c, notes...)
	if len(cand.Records) != 1 || cand.Records[0].ID != good.ID {
		t.Errorf("block has %d records", len(cand.Records))
	}
	for i, tt := range tests[1:] {
		if got := cand.Refused[i].Refusal; got.Rule != tt.rule || got.En == "" || got.Zh == "" {
			t.Errorf("%s: refused by %q (%s, %s), want %q", tt.name, got.Rule, got.En, got.Zh, tt.rule)
		}
	}
	if got, ok := c.Refusal(w.sign(t, future).ID); !ok || got.Rule != "C4" {
		t.Errorf("asked later: %v, %v", got, ok)
	}
	if _, ok := c.Refusal(final.ID); ok {
		t.Error("a record that is final has a refusal")
	}
	dry, err := c.DryRun(good, created)
	if err != nil || dry == nil || dry.Rule != contract.Duplicate {
		t.Errorf("dry run of a final record: %v, %v", dry, err)
	}
	if dry, err = c.DryRun(w.sign(t, w.statement(5)), created); dry != nil || err != nil {
		t.Errorf("dry run of a good record: %v, %v", dry, err)
	}
	checkLedger(t, c)
}

func TestItemHistory(t *testing.T) {
	w := newTestWorld(t)
	c := w.begin(t)
	s := w.statement(0)
	s.Evidence = []ledger.Evidence{evidence("a"), evidence("a"), evidence("b")}
	first := w.sign(t, s, 0, 1)
	second := w.statement(1)
	second.Evidence = []ledger.Evidence{evidence("b"), evidence("c")}
	w.add(t, c, first.Note, w.sign(t, second).Note)

	fix := w.statement(2)
	fix.Action, fix.Item, fix.Seq, fix.Prev = "correct", first.ID.String(), 2, first.ID.String()
	fix.Fields = json.RawMessage(`{"reason":"incorrect_data","text":"better"}`)
	fixed := w.sign(t, fix, 1, 0)
	end := fix
	end.Seq, end.Prev, end.Fields = 3, fixed.ID.String(), json.RawMessage(`{"reason":"did_not_occur","text":""}`)
	cand := w.add(t, c, fixed.Note, w.sign(t, end, 0, 1).Note)
	if len(cand.Refused) > 0 {
		t.Fatal(cand.Refused[0].Refusal)
	}
	var item contract.Item
	answer, err := c.State("notes", first.ID.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer.Value, &item); err != nil {
		t.Fatal(err)
	}
	if item.Seq != 3 || item.Status != "withdrawn" || item.First != first.ID.String() || item.Height != 2 || len(item.Authors) != 2 {
		t.Errorf("item is %s", answer.Value)
	}
	for label, want := range map[string]string{"a": first.ID.String(), "b": first.ID.String(), "c": w.sign(t, second).ID.String()} {
		answer, err := c.State(contract.DigestSpace, string(seed(label, 0)))
		if err != nil {
			t.Fatal(err)
		}
		var claim contract.Claim
		if err := json.Unmarshal(answer.Value, &claim); err != nil || claim.Record != want || claim.Height != 1 {
			t.Errorf("digest %s: claimed by %s, %v", label, answer.Value, err)
		}
	}
	absent, err := c.State(contract.DigestSpace, string(seed("nobody", 0)))
	if err != nil || absent.Value != nil {
		t.Fatalf("absent digest: %s, %v", absent.Value, err)
	}
	if err := merkle.CheckAbsent(absent.Header.State, merkle.Key(contract.DigestSpace, string(seed("nobody", 0))), absent.Proof); err != nil {
		t.Error(err)
	}
	checkLedger(t, c)
}

func TestSearch(t *testing.T) {
	w := newTestWorld(t)
	c := w.begin(t)
	s := w.statement(0)
	s.Evidence = []ledger.Evidence{evidence("a")}
	r := w.sign(t, s)
	fix := w.statement(1)
	fix.Action, fix.Item, fix.Seq, fix.Prev = "correct", r.ID.String(), 2, r.ID.String()
	fix.Fields = json.RawMessage(`{"reason":"incorrect_data","text":""}`)
	w.add(t, c, r.Note)
	w.add(t, c, w.sign(t, fix).Note, w.sign(t, w.statement(2), 1).Note, w.sign(t, w.statement(3), 2).Note)
	tests := []struct {
		query string
		want  int
	}{
		{r.ID.String()[:8], 1}, {r.ID.String()[:9], 1}, {r.ID.String()[:31], 1}, {r.ID.String()[:7], 0},
		{r.ID.String(), 2}, {s.Evidence[0].SHA256, 1}, {"1", 1}, {"2", 3}, {"3", 0},
		{"ada", 3}, {"adam", 1}, {w.authors[0].vkey, 2}, {"贝阿", 1}, {"", 0}, {"nobody", 0}, {"\x00", 0},
		{r.ID.String()[:20] + "000000000000", 0},
	}
	for _, tt := range tests {
		hits, err := c.Search(tt.query, 10)
		if err != nil || len(hits) != tt.want {
			t.Errorf("%q: %d hits, %v, want %d", tt.query, len(hits), err, tt.want)
		}
	}
	if hits, err := c.Search("ada", 1); err != nil || len(hits) != 1 {
		t.Errorf("limit 1: %d hits, %v", len(hits), err)
	}
}

func TestImport(t *testing.T) {
	w := newTestWorld(t)
	from := w.begin(t)
	w.add(t, from, w.notes(t, 0, 5)...)
	w.add(t, from, w.notes(t, 5, 6)...)
	to := w.open(t, t.TempDir(), Options{})
	defer to.Close()
	copyBlock := func(h ledger.Height) (ledger.Block, []byte) {
		b, err := from.Block(h)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := from.Certificate(h)
		if err != nil {
			t.Fatal(err)
		}
		return b, cert
	}
	b0, cert0 := copyBlock(0)
	if err := to.Import(b0, cert0); err != nil {
		t.Fatal(err)
	}
	b1, cert1 := copyBlock(1)
	b2, cert2 := copyBlock(2)
	tests := []struct {
		name   string
		change func(b *ledger.Block, cert *[]byte)
		want   error
	}{
		{"gap", func(b *ledger.Block, cert *[]byte) { *b, *cert = b2, cert2 }, ErrGap},
		{"stale", func(b *ledger.Block, cert *[]byte) { *b, *cert = b0, cert0 }, ErrStale},
		{"other certificate", func(b *ledger.Block, cert *[]byte) { *cert = cert2 }, ErrInvalid},
		{"altered certificate", func(b *ledger.Block, cert *[]byte) { *cert = alterSignature(cert1) }, ledger.ErrSignature},
		{"altered header", func(b *ledger.Block, cert *[]byte) { b.Header.Time++ }, ErrInvalid},
		{"altered state", func(b *ledger.Block, cert *[]byte) { b.Header.State[0]++ }, ErrInvalid},
		{"record missing", func(b *ledger.Block, cert *[]byte) { b.Notes = b.Notes[1:] }, ledger.ErrProof},
		{"record altered", func(b *ledger.Block, cert *[]byte) {
			b.Notes = [][]byte{b1.Notes[0], b1.Notes[0], b1.Notes[2], b1.Notes[3], b1.Notes[4]}
		}, ledger.ErrProof},
		{"right", func(b *ledger.Block, cert *[]byte) {}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, cert := b1, cert1
			tt.change(&b, &cert)
			if err := to.Import(b, cert); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if err := to.Import(b2, cert2); err != nil {
		t.Fatal(err)
	}
	a, _ := from.Head()
	b, _ := to.Head()
	if a.Header != b.Header {
		t.Errorf("heads differ: %+v, %+v", a.Header, b.Header)
	}
	checkLedger(t, to)
}

// TestSameEverywhere runs one chain under readers, with candidates that are dropped and a restart, and another that
// imports; both have to come to the same headers.
func TestSameEverywhere(t *testing.T) {
	w := newTestWorld(t)
	dir := t.TempDir()
	a := w.open(t, dir, Options{})
	w.genesisBlock(t, a)
	b := w.open(t, t.TempDir(), Options{})
	defer b.Close()
	for round := range 3 {
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() { readUntil(t, a, stop) })
		}
		for n := range 15 {
			i := 1000*round + 10*n
			dropped := execute(t, a, w.notes(t, i+5, i+9)...)
			if n%2 == 0 {
				if err := a.Prepare(dropped); err != nil {
					t.Fatal(err)
				}
			}
			s := w.statement(i)
			s.Evidence = []ledger.Evidence{evidence("same"), evidence(string(rune('a' + n)))}
			w.add(t, a, append(w.notes(t, i+1, i+6), w.sign(t, s).Note)...)
			if err := a.Finalize(dropped, w.certify(t, dropped.Tree)); !errors.Is(err, ErrStale) {
				t.Errorf("a dropped candidate: got %v", err)
			}
		}
		close(stop)
		readers.Wait()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		a = w.open(t, dir, Options{})
	}
	defer a.Close()
	head, _ := a.Head()
	for h := range head.Header.Height + 1 {
		block, err := a.Block(h)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := a.Certificate(h)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Import(block, cert); err != nil {
			t.Fatal(err)
		}
	}
	if other, _ := b.Head(); other.Header != head.Header {
		t.Errorf("heads differ: %+v, %+v", other.Header, head.Header)
	}
	checkLedger(t, a)
	checkLedger(t, b)
}

func readUntil(t *testing.T, c *Chain, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		head, _ := c.Head()
		if _, err := c.ProveTree(1, int64(head.Header.Height)+1); err != nil {
			t.Error(err)
		}
		hits, err := c.Search("ada", 3)
		if err != nil {
			t.Error(err)
		}
		for _, hit := range hits {
			answer, err := c.State("notes", hit.ID.String())
			if err != nil || answer.Value == nil {
				t.Errorf("item %s: %v", hit.ID, err)
			}
		}
	}
}

// alterSignature changes a character of the last signature to another one of base64.
func alterSignature(cert []byte) []byte {
	altered := append([]byte(nil), cert...)
	at := &altered[len(altered)-9]
	if *at == 'A' {
		*at = 'B'
	} else {
		*at = 'A'
	}
	return altered
}
