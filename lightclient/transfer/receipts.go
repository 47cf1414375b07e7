package transfer

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"evident/lightclient"
	"evident/lightclient/ledger"
)

// Receipt is a member's signed statement that it keeps a file.
type Receipt struct {
	ledger.Storage
	Member string
	Note   string
}

// Ledger is what receipts are held to.
type Ledger struct {
	Origin  string
	Members ledger.MemberSet
}

// Receipts asks all nodes for the storage receipts of a record's evidence and returns the valid ones, one for each
// member. Nodes that do not answer are left out: fewer receipts claim less.
func Receipts(ctx context.Context, sources []lightclient.Source, l Ledger, record ledger.RecordID, e ledger.Evidence) []Receipt {
	answers := make(chan []string, len(sources))
	for _, s := range sources {
		go func() {
			limited, cancel := context.WithTimeout(ctx, 15*time.Second)
			defer cancel()
			var said struct {
				Receipts []string `json:"receipts"`
			}
			body, err := ask(limited, s, lightclient.Question{Method: "GET", Limit: maxAnswer,
				Path: "/v1/files/" + e.CID + "/receipts?record=" + record.String()})
			if err != nil || json.Unmarshal(body, &said) != nil {
				said.Receipts = nil
			}
			answers <- said.Receipts
		}()
	}
	found := map[string]Receipt{}
	for range sources {
		for _, text := range <-answers {
			if r, ok := l.open(text); ok && r.Record == record && r.CID.String() == e.CID && r.Bytes == e.Size {
				found[r.Member] = r
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Receipt) int { return cmp.Compare(a.Member, b.Member) })
}

// open finds the member who signed.
func (l Ledger) open(text string) (Receipt, bool) {
	for _, m := range l.Members {
		if s, err := ledger.OpenStorage(l.Origin, m, []byte(text)); err == nil {
			return Receipt{s, m.Name, text}, true
		}
	}
	return Receipt{}, false
}

// Await asks again and again until want members have given receipts, or ctx ends, and returns what there is.
func Await(ctx context.Context, sources []lightclient.Source, l Ledger, record ledger.RecordID, e ledger.Evidence, want int) []Receipt {
	for pause := retryFirst; ; pause = min(2*pause, retryLast) {
		receipts := Receipts(ctx, sources, l, record, e)
		if len(receipts) >= want {
			return receipts
		}
		select {
		case <-ctx.Done():
			return receipts
		case <-time.After(pause):
		}
	}
}
