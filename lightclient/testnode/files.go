package testnode

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// Keep puts a block in the node's store.
func (n *Node) Keep(b evidence.Block) {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	n.files[b.CID] = bytes.Clone(b.Data)
}

// Lose empties the node's store.
func (n *Node) Lose() {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	clear(n.files)
}

// Blocks returns how many blocks the node keeps.
func (n *Node) Blocks() int {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	return len(n.files)
}

func (n *Node) have(r *http.Request) (any, error) {
	var texts []string
	if err := json.NewDecoder(r.Body).Decode(&texts); err != nil {
		return nil, err
	}
	absent := []string{}
	for _, text := range texts {
		cid, err := ledger.ParseCID(text)
		if err != nil {
			return nil, err
		}
		if n.files[cid] == nil {
			absent = append(absent, text)
		}
	}
	return absent, nil
}

func (n *Node) upload(r *http.Request) (any, error) {
	if n.Full {
		return nil, &refusedError{http.StatusInsufficientStorage, "full", "no room"}
	}
	car, _, err := evidence.NewCARReader(r.Body)
	if err != nil {
		return nil, err
	}
	for count := 0; ; count++ {
		b, err := car.Next()
		if err == io.EOF {
			return object{"blocks": count}, nil
		}
		if err != nil {
			return nil, err
		}
		n.files[b.CID] = bytes.Clone(b.Data)
	}
}

// raw serves a block that any of the nodes keeps.
func (n *Node) raw(r *http.Request) (any, error) {
	cid, err := ledger.ParseCID(r.PathValue("cid"))
	if err != nil {
		return nil, err
	}
	for _, other := range n.ledger.nodes {
		if data := other.files[cid]; data != nil {
			return data, nil
		}
	}
	return nil, missing("no block %s", cid)
}

// obey erases a file when its author orders it.
func (l *Ledger) obey(r *ledger.UnverifiedRecord) {
	if r.Contract != "files" || r.Action != "erase" {
		return
	}
	var order map[string]string
	if err := json.Unmarshal(r.Fields, &order); err != nil {
		panic("testnode: " + err.Error())
	}
	cid := must(ledger.ParseCID(order["cid"]))
	l.erased[cid] = true
	for _, n := range l.nodes {
		delete(n.files, cid)
	}
}

// receipts are those of the first three members: that they keep the file, as soon as some node keeps its root; after an
// order to erase it, that it is gone.
func (n *Node) receipts(r *http.Request) (any, error) {
	kept, gone := []string{}, []string{}
	cid, err := ledger.ParseCID(r.PathValue("cid"))
	if err != nil {
		return nil, err
	}
	id, err := ledger.ParseRecordID(r.URL.Query().Get("record"))
	if err != nil {
		return nil, err
	}
	place, known := n.ledger.places[id]
	if _, err := n.raw(r); !known || err != nil && !n.ledger.erased[cid] {
		return object{"receipts": kept, "erasures": gone}, nil
	}
	record := must(ledger.ParseRecord(n.ledger.blocks[place.height][place.index]))
	for _, e := range record.Evidence {
		if e.CID != cid.String() {
			continue
		}
		s := ledger.Storage{Ledger: n.chain.Origin, Record: id, CID: cid, Bytes: e.Size, Time: n.chain.Headers[n.size()-1].Time}
		for _, m := range n.chain.Set[:min(3, len(n.chain.Set))] {
			if n.ledger.erased[cid] {
				gone = append(gone, string(must(note.Sign(&note.Note{Text: s.ErasureText()}, nodeSigner(m.Name)))))
				continue
			}
			kept = append(kept, string(must(note.Sign(&note.Note{Text: s.Text()}, nodeSigner(m.Name)))))
		}
	}
	return object{"receipts": kept, "erasures": gone}, nil
}
