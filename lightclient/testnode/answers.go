package testnode

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

type object = map[string]any

// serve writes an answer: bytes as they are, anything else as JSON.
func (n *Node) serve(answer func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.ledger.mu.Lock()
		defer n.ledger.mu.Unlock()
		v, err := answer(r)
		var refused *refusedError
		switch {
		case errors.As(err, &refused):
			w.WriteHeader(refused.status)
			v = object{"error": object{"code": refused.code, "message": refused.message}}
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
			v = object{"error": object{"code": "bad_request", "message": err.Error()}}
		}
		if data, ok := v.([]byte); ok {
			w.Write(data)
			return
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.Encode(v)
	}
}

func number(r *http.Request, name string, otherwise int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		text = r.PathValue(name)
	}
	if text == "" {
		return otherwise, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

func (n *Node) genesis(*http.Request) (any, error) { return n.chain.File, nil }

func (n *Node) head(r *http.Request) (any, error) {
	from, err := number(r, "from", 0)
	if err != nil {
		return nil, err
	}
	return n.headFrom(from), nil
}

func (n *Node) headFrom(from int64) object {
	size := n.size()
	consistency := tlog.TreeProof{}
	if from > 0 && from < size {
		consistency = n.chain.ProveTree(from, size)
	}
	h := n.chain.Headers[size-1]
	return object{"certificate": string(n.cert(size)), "header": string(h.Text()),
		"inclusion": proofOf(n.chain.Prove(h.Height, size)), "consistency": proofOf(consistency)}
}

func (n *Node) headers(r *http.Request) (any, error) {
	before, err := number(r, "before", n.size())
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 20)
	list := []object{}
	for h := min(before, n.size()) - 1; h >= 0 && int64(len(list)) < limit; h-- {
		header := n.chain.Headers[h]
		list = append(list, object{"height": h, "header": string(header.Text()), "records": header.Records})
	}
	return list, err
}

// place returns a header and the size it is to be proven in.
func (n *Node) place(r *http.Request, height int64) (ledger.Header, int64, error) {
	if height >= n.size() {
		return ledger.Header{}, 0, &refusedError{http.StatusNotFound, "behind", "not here yet"}
	}
	size, err := number(r, "size", height+1)
	if err == nil && (size <= height || size > n.size()) {
		err = &refusedError{http.StatusNotFound, "behind", "not that size"}
	}
	return n.chain.Headers[height], size, err
}

func (n *Node) block(r *http.Request) (any, error) {
	height, err := number(r, "height", 0)
	if err != nil {
		return nil, err
	}
	h, size, err := n.place(r, height)
	if err != nil {
		return nil, err
	}
	records := []string{}
	for _, n := range n.ledger.blocks[h.Height] {
		records = append(records, string(n))
	}
	return object{"header": string(h.Text()), "inclusion": proofOf(n.chain.Prove(h.Height, size)), "size": size,
		"records": records, "certificate": string(n.cert(height + 1))}, nil
}

func (n *Node) certificate(r *http.Request) (any, error) {
	height, err := number(r, "height", 0)
	if err != nil {
		return nil, err
	}
	if _, _, err := n.place(r, height); err != nil {
		return nil, err
	}
	return n.cert(height + 1), nil
}

func (n *Node) record(r *http.Request) (any, error) {
	id, err := ledger.ParseRecordID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	at, ok := n.ledger.places[id]
	if !ok || int64(at.height) >= n.size() {
		return nil, missing("no record %s", id)
	}
	h, size, err := n.place(r, int64(at.height))
	if err != nil {
		return nil, err
	}
	notes := n.ledger.blocks[at.height]
	leaves := make([]tlog.Hash, len(notes))
	for i, n := range notes {
		leaves[i] = tlog.RecordHash(n)
	}
	path := must(ledger.NewRecordsTree(leaves).Prove(int64(at.index)))
	return object{"id": id.String(), "note": string(notes[at.index]), "height": at.height, "index": at.index,
		"count": len(notes), "path": proofOf(path), "header": string(h.Text()),
		"inclusion": proofOf(n.chain.Prove(h.Height, size)), "size": size}, nil
}

func (n *Node) state(r *http.Request) (any, error) {
	from, err := number(r, "from", 0)
	if err != nil {
		return nil, err
	}
	space, name := r.PathValue("space"), r.PathValue("name")
	raw := name
	if space == "digest" {
		data, err := hex.DecodeString(name)
		if err != nil {
			return nil, err
		}
		raw = string(data)
	}
	key := merkle.Key(space, raw)
	if r.URL.Query().Has("height") {
		return n.oldState(r, space+"/"+name, key)
	}
	answer := n.headFrom(from)
	answer["proof"] = n.chain.ProveState(key).Encode()
	value := n.ledger.values[space+"/"+name]
	if p := n.chain.ProveState(key); value != "" && merkle.CheckAbsent(n.chain.Headers[n.size()-1].State, key, p) != nil {
		answer["value"] = json.RawMessage(value)
	}
	return answer, nil
}

// oldState answers for a block that the query names.
func (n *Node) oldState(r *http.Request, name string, key tlog.Hash) (any, error) {
	height, err := number(r, "height", 0)
	if err != nil {
		return nil, err
	}
	h, size, err := n.place(r, height)
	if err != nil {
		return nil, err
	}
	if n.Forgets {
		return nil, missing("the state after block %d", height)
	}
	then := n.ledger.past[height]
	proof := then.chain.ProveState(key)
	answer := object{"certificate": string(n.cert(height + 1)), "header": string(h.Text()),
		"inclusion": proofOf(n.chain.Prove(h.Height, size)), "consistency": tlog.TreeProof{}, "proof": proof.Encode()}
	if value := then.values[name]; value != "" {
		answer["value"] = json.RawMessage(value)
	}
	return answer, nil
}

func (n *Node) search(r *http.Request) (any, error) {
	hits := []object{}
	for id, at := range n.ledger.places {
		notes := string(n.ledger.blocks[at.height][at.index])
		if q := r.URL.Query().Get("q"); strings.HasPrefix(id.String(), q) || strings.Contains(notes, q) {
			hits = append(hits, object{"id": id.String(), "height": at.height})
		}
	}
	return object{"hits": hits}, nil
}

func (n *Node) members(*http.Request) (any, error) {
	list := []object{}
	tree := n.chain.Tree()
	for _, m := range n.chain.Genesis.Members {
		c := n.chain.Cosign(m, tree, n.chain.Headers[tree.N-1].Time/1000+2)
		list = append(list, object{"name": m.Name, "cosignature": c.Lines,
			"checkpoint": string(ledger.FormatCheckpoint(n.chain.Origin, tree))})
	}
	return object{"members": list}, nil
}

func (n *Node) misbehaviour(*http.Request) (any, error) {
	return object{"accusations": append([]string{}, n.Accusations...)}, nil
}

func (n *Node) hints(*http.Request) (any, error) {
	list := []object{}
	for member, address := range n.Hints {
		list = append(list, object{"member": member, "urls": []string{address}, "addresses": n.Addresses[member]})
	}
	return object{"nodes": list}, nil
}

func (n *Node) status(*http.Request) (any, error) { return object{"member": n.Member.Name}, nil }

func (n *Node) tile(r *http.Request) (any, error) {
	t, err := tlog.ParseTilePath("tile/8/" + r.PathValue("level") + "/" + r.PathValue("place"))
	if err != nil {
		return nil, err
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			if x >= int64(len(stored)) {
				return nil, missing("no hash %d", x)
			}
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, h := range n.chain.Headers {
		stored = append(stored, must(tlog.StoredHashes(int64(i), h.Text(), reader))...)
	}
	return tlog.ReadTileData(t, reader)
}

// submit makes a block of the record at once.
func (n *Node) submit(r *http.Request) (any, error) {
	msg, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	record, err := ledger.OpenRecord(msg)
	if err != nil {
		return nil, err
	}
	if n.Refuse != "" {
		return object{"id": record.ID.String(), "status": "refused", "refusal": n.refusal(record.ID)}, nil
	}
	at, ok := n.ledger.places[record.ID]
	if !ok {
		at.height = n.ledger.add(msg).Height
	}
	said := object{"id": record.ID.String(), "status": "final", "height": at.height}
	if int64(at.height) >= n.size() {
		said["status"] = "received"
	}
	if !ok || said["status"] == "received" { // a node promises nothing about what is in a block
		said["receipt"] = n.receipt(record.ID)
	}
	return said, nil
}

// check says what would become of a record; nothing does.
func (n *Node) check(r *http.Request) (any, error) {
	msg, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if _, err := ledger.OpenRecord(msg); err != nil {
		return nil, err
	}
	if n.Refuse != "" {
		return object{"accepted": false, "refusal": n.reason()}, nil
	}
	return object{"accepted": true}, nil
}
