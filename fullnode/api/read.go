package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"evident/fullnode/chain"
	"evident/lightclient/ledger"
)

// Limits of lists and queries.
const (
	maxBlockList = 100
	maxHits      = 50
	defaultList  = 20
	maxTerm      = 256 // bytes of a search
	maxItem      = 128 // bytes of an item's name
)

// newest is the head that an answer stands on.
func (a *API) newest() (chain.Head, error) {
	head, ok := a.Ledger.Head()
	if !ok {
		return head, fail(http.StatusServiceUnavailable, "starting", "no block is final on this node yet", "ask again in a moment, or ask another node")
	}
	return head, nil
}

func (a *API) genesisFile(w http.ResponseWriter, r *http.Request) error {
	write(w, http.StatusOK, "application/json", a.Ledger.Genesis())
	return nil
}

func (a *API) checkpoint(w http.ResponseWriter, r *http.Request) error {
	head, err := a.newest()
	if err != nil {
		return err
	}
	write(w, http.StatusOK, text, head.Certificate.Note)
	return nil
}

func (a *API) head(w http.ResponseWriter, r *http.Request) error {
	head, err := a.newest()
	if err != nil {
		return err
	}
	out, err := a.headFrom(r, head.Header, head.Certificate.Note)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, out)
}

// headFrom is the head that ends in header, for a client that says in the
// query which tree it comes from.
func (a *API) headFrom(r *http.Request, header ledger.Header, certificate []byte) (Head, error) {
	size := int64(header.Height) + 1
	from, err := number(r, "from", 0, 0, 1<<53)
	if err != nil {
		return Head{}, err
	}
	if from > size {
		return Head{}, behind(fmt.Sprintf("the chain log has size %d here", size))
	}
	out := Head{Certificate: string(certificate), Header: string(header.Text()), Consistency: tlog.TreeProof{}}
	if out.Inclusion, err = a.included(header.Height, size); err != nil {
		return Head{}, err
	}
	if from == 0 || from == size {
		return out, nil
	}
	if out.Consistency, err = a.Ledger.ProveTree(from, size); err != nil {
		return Head{}, fmt.Errorf("prove tree %d from %d: %w", size, from, err)
	}
	return out, nil
}

// included is the path of a header in the tree of that size.
func (a *API) included(h ledger.Height, size int64) (tlog.RecordProof, error) {
	path, err := a.Ledger.ProveHeader(h, size)
	if err != nil {
		return nil, fmt.Errorf("prove header %d in tree %d: %w", h, size, err)
	}
	return listed(path), nil
}

// listed makes a path without hashes an empty list, not null.
func listed(path tlog.RecordProof) tlog.RecordProof {
	if path == nil {
		return tlog.RecordProof{}
	}
	return path
}

func (a *API) blockList(w http.ResponseWriter, r *http.Request) error {
	head, err := a.newest()
	if err != nil {
		return err
	}
	size := int64(head.Header.Height) + 1
	before, err := number(r, "before", size, 0, 1<<53)
	if err != nil {
		return err
	}
	limit, err := number(r, "limit", defaultList, 1, maxBlockList)
	if err != nil {
		return err
	}
	before = min(before, size)
	list := []BlockEntry{}
	for h := before - 1; h >= max(0, before-limit); h-- {
		header, err := a.Ledger.Header(ledger.Height(h))
		if err != nil {
			return fmt.Errorf("read header %d: %w", h, err)
		}
		list = append(list, BlockEntry{Height: header.Height, Header: string(header.Text()), Records: header.Records})
	}
	return answer(w, http.StatusOK, list)
}

func (a *API) block(w http.ResponseWriter, r *http.Request) error {
	h, err := a.height(r)
	if err != nil {
		return err
	}
	size, err := a.size(r, h, int64(h)+1)
	if err != nil {
		return err
	}
	block, err := a.Ledger.Block(h)
	if err != nil {
		return fmt.Errorf("read block %d: %w", h, err)
	}
	certificate, err := a.Ledger.Certificate(h)
	if err != nil {
		return fmt.Errorf("read certificate %d: %w", h, err)
	}
	path, err := a.included(h, size)
	if err != nil {
		return err
	}
	out := Block{Header: string(block.Header.Text()), Inclusion: path, Size: size, Certificate: string(certificate)}
	out.Records = make([]string, len(block.Notes))
	for i, n := range block.Notes {
		out.Records[i] = string(n)
	}
	return answer(w, http.StatusOK, out)
}

func (a *API) blockRaw(w http.ResponseWriter, r *http.Request) error {
	h, err := a.height(r)
	if err != nil {
		return err
	}
	block, err := a.Ledger.Block(h)
	if err != nil {
		return fmt.Errorf("read block %d: %w", h, err)
	}
	write(w, http.StatusOK, "application/octet-stream", block.Encode())
	return nil
}

func (a *API) blockCertificate(w http.ResponseWriter, r *http.Request) error {
	h, err := a.height(r)
	if err != nil {
		return err
	}
	certificate, err := a.Ledger.Certificate(h)
	if err != nil {
		return fmt.Errorf("read certificate %d: %w", h, err)
	}
	write(w, http.StatusOK, text, certificate)
	return nil
}

func (a *API) record(w http.ResponseWriter, r *http.Request) error {
	id, err := ledger.ParseRecordID(r.PathValue("id"))
	if err != nil {
		return badRequest(err.Error(), "find it with /v1/search")
	}
	head, err := a.newest()
	if err != nil {
		return err
	}
	place, note, err := a.Ledger.Record(id)
	if err != nil {
		return fmt.Errorf("read record %s: %w", id, err)
	}
	size, err := a.size(r, place.Height, int64(head.Header.Height)+1)
	if err != nil {
		return err
	}
	header, err := a.Ledger.Header(place.Height)
	if err != nil {
		return fmt.Errorf("read header %d: %w", place.Height, err)
	}
	path, err := a.Ledger.ProveRecord(place)
	if err != nil {
		return fmt.Errorf("prove record %d of block %d: %w", place.Index, place.Height, err)
	}
	inclusion, err := a.included(place.Height, size)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, Record{
		ID: id.String(), Note: string(note), Height: place.Height, Index: place.Index, Count: header.Records,
		Path: listed(path), Header: string(header.Text()), Inclusion: inclusion, Size: size,
	})
}

func (a *API) item(w http.ResponseWriter, r *http.Request) error {
	contract, item, err := a.itemOf(r)
	if err != nil {
		return err
	}
	return a.state(w, r, contract, item)
}

// itemOf is the contract and the item that the path names, on a node that has a block.
func (a *API) itemOf(r *http.Request) (contract, item string, err error) {
	if _, err := a.newest(); err != nil {
		return "", "", err
	}
	contract, item = r.PathValue("contract"), r.PathValue("item")
	if len(contract) > ledger.MaxNameSize || len(item) > maxItem || !utf8.ValidString(contract+item) {
		return "", "", badRequest("want CONTRACT/ITEM", "an item's name has at most 128 bytes")
	}
	return contract, item, nil
}

func (a *API) digest(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.newest(); err != nil {
		return err
	}
	sum, err := ledger.ParseRecordID(r.PathValue("digest")) // a SHA-256 in hexadecimal has the same form
	if err != nil {
		return badRequest("a digest is a SHA-256 of 64 lower-case hexadecimal digits", "sha256sum FILE prints it")
	}
	return a.state(w, r, "digest", string(sum[:]))
}

func (a *API) state(w http.ResponseWriter, r *http.Request, space, name string) error {
	if r.URL.Query().Has("height") {
		return a.oldState(w, r, space, name)
	}
	found, err := a.Ledger.State(space, name)
	if err != nil {
		return fmt.Errorf("read state of %s: %w", clip(space), err)
	}
	certificate, err := a.Ledger.Certificate(found.Header.Height)
	if err != nil {
		return fmt.Errorf("read certificate %d: %w", found.Header.Height, err)
	}
	head, err := a.headFrom(r, found.Header, certificate)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, State{Height: found.Header.Height, Head: head, Value: found.Value, Proof: found.Proof.Encode()})
}

// oldState answers for the block that the query names, under that block's own certificate.
func (a *API) oldState(w http.ResponseWriter, r *http.Request, space, name string) error {
	n, err := number(r, "height", 0, 0, 1<<53)
	if err != nil {
		return err
	}
	h := ledger.Height(n)
	size, err := a.size(r, h, n+1)
	if err != nil {
		return err
	}
	found, err := a.Ledger.StateAt(space, name, h)
	if err != nil {
		return fmt.Errorf("read state of %s after block %d: %w", clip(space), h, err)
	}
	certificate, err := a.Ledger.Certificate(h)
	if err != nil {
		return fmt.Errorf("read certificate %d: %w", h, err)
	}
	path, err := a.included(h, size)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, State{Height: h, Value: found.Value, Proof: found.Proof.Encode(),
		Head: Head{Certificate: string(certificate), Header: string(found.Header.Text()), Inclusion: path, Consistency: tlog.TreeProof{}}})
}

func (a *API) search(w http.ResponseWriter, r *http.Request) error {
	term := r.URL.Query().Get("q")
	if term == "" || len(term) > maxTerm || !utf8.ValidString(term) {
		return badRequest("q is a text of 1 to 256 bytes", "/v1/search?q=…")
	}
	limit, err := number(r, "limit", defaultList, 1, maxHits)
	if err != nil {
		return err
	}
	found, err := a.Ledger.Search(term, int(limit))
	if err != nil && !errors.Is(err, chain.ErrNotFound) {
		return fmt.Errorf("search: %w", err)
	}
	out := Search{Hits: make([]Hit, len(found))}
	for i, hit := range found {
		out.Hits[i] = Hit{ID: hit.ID.String(), Height: hit.Height}
	}
	return answer(w, http.StatusOK, out)
}

// height is the block that the path names, and it is final here.
func (a *API) height(r *http.Request) (ledger.Height, error) {
	head, err := a.newest()
	if err != nil {
		return 0, err
	}
	h, err := parseNumber("height", r.PathValue("height"), 0, 1<<53)
	if err != nil {
		return 0, err
	}
	if ledger.Height(h) > head.Header.Height {
		return 0, behind(fmt.Sprintf("the newest final block is %d here", head.Header.Height))
	}
	return ledger.Height(h), nil
}

// size is the tree that a proof of header h is to lead to.
func (a *API) size(r *http.Request, h ledger.Height, otherwise int64) (int64, error) {
	head, err := a.newest()
	if err != nil {
		return 0, err
	}
	size, err := number(r, "size", otherwise, 1, 1<<53)
	switch {
	case err != nil:
		return 0, err
	case size <= int64(h):
		return 0, badRequest(fmt.Sprintf("a tree of size %d does not reach block %d", size, h), "verify a newer /v1/head first")
	case size > int64(head.Header.Height)+1:
		return 0, behind(fmt.Sprintf("the chain log has size %d here", head.Header.Height+1))
	}
	return size, nil
}

// number is a parameter of the query between two bounds.
func number(r *http.Request, name string, otherwise, least, most int64) (int64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return otherwise, nil
	}
	return parseNumber(name, s, least, most)
}

func parseNumber(name, s string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s || n < least || n > most {
		return 0, badRequest(fmt.Sprintf("%s is a number from %d to %d", name, least, most), "got "+clip(s))
	}
	return n, nil
}
