package service

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

func height(h ledger.Height) string { return strconv.FormatUint(uint64(h), 10) }

func parseHeight(text string) (ledger.Height, error) {
	h, err := strconv.ParseUint(text, 10, 53)
	if err != nil || height(ledger.Height(h)) != text {
		return 0, badRequest("%q is not a height", text)
	}
	return ledger.Height(h), nil
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func texts[T ~[]tlog.Hash](hashes T) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = h.String()
	}
	return out
}

func summaryOf(h ledger.Header, c *ledger.Certificate) BlockSummary {
	hash := h.Hash()
	return BlockSummary{Height: height(h.Height), Time: h.Time, Records: h.Records, Hash: hex.EncodeToString(hash[:]),
		NotBefore: c.Time() * 1000, Cosigners: len(c.Cosignatures), Badge: Proven}
}

func cosignaturesOf(members ledger.MemberSet, c *ledger.Certificate) []Cosignature {
	out := []Cosignature{}
	for _, s := range c.Cosignatures {
		next := Cosignature{Member: s.Member, Time: s.Time * 1000}
		if m := members.ByName(s.Member); m != nil {
			next.Organisation = m.Organisation
		}
		out = append(out, next)
	}
	return out
}

func proofOf(members ledger.MemberSet, h ledger.Header, inclusion tlog.RecordProof, c *ledger.Certificate) Proof {
	hash := h.Hash()
	return Proof{Height: height(h.Height), Header: string(h.Text()), HeaderHash: hex.EncodeToString(hash[:]),
		Inclusion: texts(inclusion), Size: strconv.FormatInt(c.Tree.N, 10), Root: c.Tree.Hash.String(), Certificate: string(c.Note),
		Cosignatures: cosignaturesOf(members, c), Members: len(members), Quorum: members.Quorum()}
}

func authorsOf(keys []string) []Author {
	out := make([]Author, len(keys))
	for i, key := range keys {
		name, _, _ := strings.Cut(key, "+")
		out[i] = Author{Name: name, Key: key}
	}
	return out
}

func recordSummary(r *ledger.UnverifiedRecord, at ledger.Height, index int64) RecordSummary {
	return RecordSummary{ID: r.ID.String(), Height: height(at), Index: index, Contract: r.Contract, Action: r.Action,
		Item: r.ItemName(), At: r.At, By: authorsOf(r.By), Evidence: len(r.Evidence), Badge: Proven}
}

// describe tells a proven record. What its author could make up is called
// claimed; what needs another question stays unverified until that is asked.
func describe(members ledger.MemberSet, r lightclient.Record) LedgerRecord {
	out := LedgerRecord{
		ID: r.ID.String(), Height: height(r.Header.Height), Index: r.Index, Contract: r.Contract, Version: r.Version,
		Action: r.Action, Item: r.ItemName(), Seq: r.Seq, Prev: r.Prev, At: r.At, By: authorsOf(r.By),
		Fields: map[string]any{}, Evidence: []Evidence{},
		SignedAfter: SignedAfter{Size: strconv.FormatInt(r.After.Size, 10), Root: r.After.Root.String()},
		ExistedBy:   r.ExistedBy().UnixMilli(), Note: string(r.Note),
		Badges: RecordBadges{Height: Proven, Author: Proven, At: Claimed, Fields: Claimed, Evidence: Claimed,
			SignedAfter: Claimed, ExistedBy: Proven, State: Unverified},
		Proof: proofOf(members, r.Header, r.Inclusion, r.Certificate),
	}
	out.Proof.Record = &RecordProof{ID: out.ID, Note: out.Note, Index: r.Index, Count: r.Header.Records, Path: texts(r.Path)}
	if err := json.Unmarshal(r.Record.Fields, &out.Fields); err != nil {
		panic("service: fields of a record that was checked: " + err.Error())
	}
	out.Evidence = EvidenceOf(r.Record.Evidence)
	return out
}

// EvidenceOf tells the files that a record names.
func EvidenceOf(files []ledger.Evidence) []Evidence {
	out := []Evidence{}
	for _, e := range files {
		out = append(out, Evidence{Name: e.Name, Size: strconv.FormatInt(e.Size, 10), Media: e.Media,
			Mode: string(e.Mode), SHA256: e.SHA256, Commit: e.Commit, CID: e.CID})
	}
	return out
}

func itemState(s lightclient.State) ItemState {
	out := ItemState{Present: s.Value != nil, Value: string(s.Value), Height: height(s.Head.Header.Height)}
	var known struct {
		Seq int64 `json:"seq"`
	}
	if json.Unmarshal(s.Value, &known) == nil {
		out.Seq = known.Seq
	}
	return out
}

// ReportOf verifies a proof, a state proof, a refused record or an accusation,
// and tells the result.
func ReportOf(file []byte, options proof.Options) Report {
	r, out := verify(file, options)
	out.Verdict, out.Exit, out.Words, out.Private = string(r.Verdict), r.Exit(), []string{}, []PrivateField{}
	for i := range r.Stages {
		stage := &r.Stages[i]
		out.Stages = append(out.Stages, Stage{Name: stage.Name, Status: string(stage.Status), En: stage.Text("en"), Zh: stage.Text("zh")})
	}
	if r.Words != nil {
		out.Words, out.Fingerprint = r.Words, r.Fingerprint.String()
	}
	if r.Proven == nil {
		return out
	}
	out.Ledger = r.Proven.Record.Ledger
	out.Private = disclosedOf(r.Proven)
	record, err := recordOf(file, r.Proven)
	if err != nil {
		panic("service: a proof that was verified: " + err.Error())
	}
	out.Record = record
	return out
}

// disclosedOf are the private fields that a proof discloses.
func disclosedOf(p *proof.Proven) []PrivateField {
	out := []PrivateField{}
	for _, o := range p.Private {
		out = append(out, PrivateField{Name: o.Name, Value: o.Value})
	}
	return out
}

// recordOf tells the record of a proof file that was verified. The members are
// those in force at its certificate.
func recordOf(file []byte, proven *proof.Proven) (*LedgerRecord, error) {
	p, err := proof.Parse(file)
	if err != nil {
		return nil, err
	}
	r, err := ledger.OpenRecord(p.Record)
	if err != nil {
		return nil, err
	}
	g, err := ledger.ParseGenesis(p.Genesis)
	if err != nil {
		return nil, err
	}
	members := g.Members
	if n := len(p.History); n > 0 {
		if members, err = ledger.ParseMemberSet(p.History[n-1].Members); err != nil {
			return nil, err
		}
	}
	cert, err := ledger.OpenCertificate(r.Ledger, members, p.Certificate)
	if err != nil {
		return nil, err
	}
	out := describe(members, lightclient.Record{Record: r, Index: p.Index, Path: p.Path, Header: p.Header, Inclusion: p.Inclusion, Certificate: cert})
	for _, d := range proven.Disclosures {
		out.Evidence[d.Index].SHA256 = hex.EncodeToString(d.SHA256[:])
	}
	if proven.SignedAfter {
		out.Badges.SignedAfter = Proven
	}
	if state := proven.State; state != nil {
		out.Badges.State = Proven
		out.State = ItemState{Present: true, Value: state.Value, Height: height(state.Height)}
	}
	out.ProofFile = string(file)
	return &out, nil
}
