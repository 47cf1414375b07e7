package service

import (
	"maps"
	"slices"
	"strconv"

	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// What files other than a proof of a record show: see package proof.

// FoundItem is what the ledger held under a name after a block.
type FoundItem struct {
	Space     string `json:"space"`
	Name      string `json:"name"`
	Value     string `json:"value"` // canonical JSON; empty: there was nothing
	Height    string `json:"height"`
	ExistedBy int64  `json:"existedBy"`
	Signed    int    `json:"signed"` // how many members signed
	Members   int    `json:"members"`
}

// FoundRefusal is what a member's node signed of a record.
type FoundRefusal struct {
	ID           string      `json:"id"`
	Contract     string      `json:"contract"`
	Action       string      `json:"action"`
	Item         string      `json:"item"`
	By           []Author    `json:"by"`
	Member       string      `json:"member"`
	Organisation string      `json:"organisation"`
	At           int64       `json:"at"` // by the node's clock
	Rule         string      `json:"rule"`
	En           string      `json:"en"`
	Zh           string      `json:"zh"`
	Values       []RuleValue `json:"values"`
}

// FoundAccusation is a member who signed two histories.
type FoundAccusation struct {
	Member       string         `json:"member"`
	Organisation string         `json:"organisation"`
	Registry     string         `json:"registry"`
	Height       string         `json:"height"` // of the first block that is shown to differ
	Cosigned     []CosignedTree `json:"cosigned"`
}

// CosignedTree is one of the histories.
type CosignedTree struct {
	Size string `json:"size"`
	Root string `json:"root"`
	Time int64  `json:"time"` // by the member's clock
}

// verify checks a proof, a state proof, a refused record or an accusation, and
// tells what it shows. Only a proof shows a record of the ledger.
func verify(file []byte, options proof.Options) (proof.Report, Report) {
	var out Report
	switch {
	case proof.IsItem(file):
		r := proof.VerifyItem(file, options.Trusted)
		out.Item = foundItem(r.Item)
		return r.Report, out
	case proof.IsRefused(file):
		r := proof.VerifyRefused(file, options.Trusted)
		out.Refusal = foundRefusal(r.Refused)
		return r.Report, out
	case proof.IsAccusation(file):
		r := proof.VerifyAccusation(file, options.Trusted)
		out.Accusation = foundAccusation(r.Accused)
		return r.Report, out
	}
	return proof.Verify(file, options), out
}

func foundItem(i *proof.ProvenItem) *FoundItem {
	if i == nil {
		return nil
	}
	return &FoundItem{Space: i.Space, Name: i.Name, Value: i.Value, Height: height(i.Height), ExistedBy: i.ExistedBy * 1000,
		Signed: len(i.Cosigners), Members: i.Members}
}

func foundRefusal(r *proof.ProvenRefusal) *FoundRefusal {
	if r == nil {
		return nil
	}
	out := &FoundRefusal{ID: r.ID.String(), Contract: r.Record.Contract, Action: r.Record.Action, Item: itemName(r.Record, r.ID),
		By: authorsOf(r.Record.By), Member: r.Member, Organisation: r.Organisation, At: r.At,
		Rule: r.Reason.Rule, En: r.Reason.En, Zh: r.Reason.Zh, Values: []RuleValue{}}
	for _, name := range slices.Sorted(maps.Keys(r.Reason.Values)) {
		out.Values = append(out.Values, RuleValue{name, r.Reason.Values[name]})
	}
	return out
}

// itemName is the item of a statement; the first record of an item names none.
func itemName(s ledger.Statement, id ledger.RecordID) string {
	if s.Item == "" {
		return id.String()
	}
	return s.Item
}

func foundAccusation(a *proof.Accused) *FoundAccusation {
	if a == nil {
		return nil
	}
	out := &FoundAccusation{Member: a.Member, Organisation: a.Organisation, Registry: a.Registry, Height: height(a.Height)}
	for _, tree := range []proof.CosignedTree{a.One, a.Other} {
		out.Cosigned = append(out.Cosigned, CosignedTree{Size: strconv.FormatInt(tree.Size, 10), Root: tree.Root.String(), Time: tree.Time * 1000})
	}
	return out
}
