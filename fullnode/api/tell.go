package api

import (
	"net/http"

	"evident/lightclient/ledger"
)

func (a *API) status(w http.ResponseWriter, r *http.Request) error {
	head, err := a.newest()
	if err != nil {
		return err
	}
	set := a.Ledger.Members()
	return answer(w, http.StatusOK, Status{
		Ledger: a.Ledger.Origin(), Name: a.genesis.Name, Fingerprint: a.fingerprint.String(), Words: a.fingerprint.Words(),
		Member: a.Node.Member(), Version: a.Version,
		Height: head.Header.Height, Size: int64(head.Header.Height) + 1,
		HeaderMs: head.Header.Time, CertifiedMs: head.Certificate.Time() * 1000, NowMs: a.Now().UnixMilli(),
		Members: len(set), Quorum: set.Quorum(), Faults: set.Faults(), Limits: a.genesis.Limits,
	})
}

func (a *API) members(w http.ResponseWriter, r *http.Request) error {
	head, err := a.newest()
	if err != nil {
		return err
	}
	set := a.Ledger.Members()
	out := Members{Height: head.Header.Height, Digest: set.Digest(), Quorum: set.Quorum(), Members: make([]Member, len(set))}
	for i, m := range set {
		out.Members[i].Member = m
		if c, ok := a.Node.Cosigned(m.Name); ok {
			out.Members[i].Checkpoint = string(ledger.FormatCheckpoint(a.Ledger.Origin(), c.Tree))
			out.Members[i].Cosignature = c.Lines
		}
	}
	return answer(w, http.StatusOK, out)
}

func (a *API) nodes(w http.ResponseWriter, r *http.Request) error {
	out := Nodes{Nodes: append([]NodeHint{}, a.Node.Nodes()...)}
	for i, n := range out.Nodes {
		out.Nodes[i].URLs = append([]string{}, n.URLs...)
		out.Nodes[i].Addresses = append([]string{}, n.Addresses...)
	}
	return answer(w, http.StatusOK, out)
}

// maxAccusations bounds an answer; those who look want to know of one.
const maxAccusations = 16

func (a *API) misbehaviour(w http.ResponseWriter, r *http.Request) error {
	files := a.Node.Accusations()
	return answer(w, http.StatusOK, Misbehaviour{Accusations: files[:min(len(files), maxAccusations)]})
}

func (a *API) health(w http.ResponseWriter, r *http.Request) error {
	out, code := Health{Status: "ok", Problems: append([]Problem{}, a.Node.Problems()...)}, http.StatusOK
	if _, ok := a.Ledger.Head(); !ok {
		out.Problems = append(out.Problems, Problem{Code: "starting", Message: "no block is final here yet", Failing: true})
	}
	for _, p := range out.Problems {
		if p.Failing {
			out.Status, code = "failing", http.StatusServiceUnavailable
			break
		}
		out.Status = "degraded"
	}
	return answer(w, code, out)
}
