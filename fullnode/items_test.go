package fullnode_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"evident/fullnode/testnet"
	"evident/lightclient/ledger"
)

// Of actions that meet on one item exactly one wins, on every node; the others get a signed refusal that says what came
// before them.
func TestConcurrentActions(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	first := ada.Deposit("one item")
	net.MustFinal(0, first)
	last, least := first, net.Size(0)
	for round := range 3 {
		var racing []*ledger.Record
		for i := range 12 {
			s := ada.Statement("")
			s.Action, s.Item, s.Seq, s.Prev = "correct", first.ID.String(), int64(round+2), last.ID.String()
			s.After = ledger.Point{Size: least, Root: s.After.Root} // a node that is behind waits for it
			s.Fields = fmt.Appendf(nil, `{"reason":"incorrect_data","text":"%d"}`, i)
			racing = append(racing, ada.Sign(s))
		}
		answers := make([]testnet.Answer, len(racing))
		var all sync.WaitGroup
		for i, r := range racing {
			all.Go(func() {
				var err error
				if answers[i], err = testnet.Post(t.Context(), net.Places[i%len(net.Nodes)].URL(), r.Note, 30*time.Second); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		winners := 0
		for i, a := range answers {
			switch {
			case a.Status == "final":
				winners++
				last, least = racing[i], int64(a.Height)+1
			case a.Status != "refused" || !strings.Contains(a.Refusal, `"rule":"C3"`) || !strings.Contains(a.Refusal, "another may have come first"):
				t.Errorf("action %d: %s %s", i, a.Status, a.Refusal)
			}
		}
		if winners != 1 {
			t.Fatalf("round %d: %d of %d actions won", round, winners, len(racing))
		}
		for _, a := range answers {
			if a.Status == "refused" && !strings.Contains(a.Refusal, last.ID.String()) {
				t.Errorf("the refusal does not name the record that came first: %s", a.Refusal)
				break
			}
		}
	}
	net.StopAndCheck()
}
