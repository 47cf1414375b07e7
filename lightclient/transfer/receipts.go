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

// Keepers are the members who have signed something about a file, each once.
type Keepers struct {
	Kept []Receipt // who keep it
	Gone []Receipt // who kept it and have erased it
}

// Receipts asks all nodes for the storage receipts of a record's evidence and returns the valid ones of those who have not
// erased it since, one for each member. Nodes that do not answer are left out: fewer receipts claim less.
func Receipts(ctx context.Context, sources []lightclient.Source, l Ledger, record ledger.RecordID, e ledger.Evidence) []Receipt {
	return Ask(ctx, sources, l, record, e).Kept
}

// said is a node's answer.
type said struct {
	Receipts []string `json:"receipts"`
	Erasures []string `json:"erasures"`
}

// Ask is Receipts, and tells who erased the file too.
func Ask(ctx context.Context, sources []lightclient.Source, l Ledger, record ledger.RecordID, e ledger.Evidence) Keepers {
	answers := make(chan said, len(sources))
	for _, s := range sources {
		go func() {
			limited, cancel := context.WithTimeout(ctx, 15*time.Second)
			defer cancel()
			var a said
			body, err := ask(limited, s, lightclient.Question{Method: "GET", Limit: maxAnswer,
				Path: "/v1/files/" + e.CID + "/receipts?record=" + record.String()})
			if err != nil || json.Unmarshal(body, &a) != nil {
				a = said{}
			}
			answers <- a
		}()
	}
	kept, gone := map[string]Receipt{}, map[string]Receipt{}
	about := func(r Receipt) bool { return r.Record == record && r.CID.String() == e.CID && r.Bytes == e.Size }
	for range sources {
		a := <-answers
		l.collect(kept, a.Receipts, ledger.OpenStorage, about)
		l.collect(gone, a.Erasures, ledger.OpenErasure, about)
	}
	maps.DeleteFunc(kept, func(member string, r Receipt) bool {
		erased, ok := gone[member]
		return ok && erased.Time >= r.Time
	})
	maps.DeleteFunc(gone, func(member string, _ Receipt) bool { _, again := kept[member]; return again })
	return Keepers{byMember(kept), byMember(gone)}
}

func byMember(receipts map[string]Receipt) []Receipt {
	return slices.SortedFunc(maps.Values(receipts), func(a, b Receipt) int { return cmp.Compare(a.Member, b.Member) })
}

// collect takes the newest valid note of each member.
func (l Ledger) collect(into map[string]Receipt, notes []string, open func(string, ledger.Member, []byte) (ledger.Storage, error), about func(Receipt) bool) {
	for _, text := range notes {
		for _, m := range l.Members {
			s, err := open(l.Origin, m, []byte(text))
			r := Receipt{s, m.Name, text}
			if err == nil && about(r) && r.Time >= into[m.Name].Time {
				into[m.Name] = r
			}
		}
	}
}

// AwaitErasure asks again and again until some member has erased the file and nobody says that it keeps it, or ctx ends.
func AwaitErasure(ctx context.Context, sources []lightclient.Source, l Ledger, record ledger.RecordID, e ledger.Evidence) Keepers {
	for pause := retryFirst; ; pause = min(2*pause, retryLast) {
		k := Ask(ctx, sources, l, record, e)
		if len(k.Gone) > 0 && len(k.Kept) == 0 {
			return k
		}
		select {
		case <-ctx.Done():
			return k
		case <-time.After(pause):
		}
	}
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
