package blobs

import (
	"errors"
	"io"
	"net/http"

	"evident/lightclient/ledger"
)

// Handle answers what members ask each other about files, on the member protocol. asker names the member who asks; its
// identity is proven by libp2p.
func (b *Blobs) Handle(mux *http.ServeMux, asker func(*http.Request) string) {
	for _, kind := range []signed{storing, erasing} {
		mux.HandleFunc("POST "+kind.path(), func(w http.ResponseWriter, r *http.Request) { b.told(w, r, kind, asker(r)) })
		mux.HandleFunc("GET "+kind.path(), func(w http.ResponseWriter, r *http.Request) { b.ownReceipt(w, r, kind) })
	}
	mux.HandleFunc("GET /files/block", b.ownBlock)
}

// told keeps a receipt that a member tells. Its record may not be final here yet: then we shall ask for it.
func (b *Blobs) told(w http.ResponseWriter, r *http.Request, kind signed, member string) {
	msg, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ledger.MaxReceiptSize))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	id, _, err := b.openReceipt(kind, member, msg)
	if err == nil {
		err = b.takeReceipt(kind, id, member, msg)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// ownReceipt answers with this member's receipt in a frame, or with nothing if there is none: it does not hold the file,
// or has not erased it.
func (b *Blobs) ownReceipt(w http.ResponseWriter, r *http.Request, kind signed) {
	id, ok := parseQuery(w, r)
	if !ok {
		return
	}
	e, known, err := b.store.load(id)
	if err == nil && known && (kind == erasing || e.Held) {
		var receipts map[string][]byte
		if receipts, err = b.store.receipts(kind, id); err == nil && receipts[b.Self] != nil {
			w.Write(ledger.AppendFrame(nil, receipts[b.Self]))
		}
	}
	if err != nil {
		http.Error(w, "internal", http.StatusInternalServerError)
	}
}

// ownBlock answers with a block in a frame, or with nothing if it is not here. If it should be, we have lost it.
func (b *Blobs) ownBlock(w http.ResponseWriter, r *http.Request) {
	id, ok := parseQuery(w, r)
	if !ok {
		return
	}
	c, err := ledger.ParseCID(r.URL.Query().Get("block"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data, err := b.store.get(c)
	switch {
	case err == nil:
		w.Write(ledger.AppendFrame(nil, data))
	case !errors.Is(err, ErrMissing):
		http.Error(w, "internal", http.StatusInternalServerError)
	default:
		if err := b.missed(id, c); err != nil {
			b.Log.Error("remember a lost file", "file", id.String(), "err", err)
		}
	}
}

// missed is called when a member asks for a block that is not here. Only a block that our own pin refers to is a loss;
// a member cannot make us fetch a file again by asking for anything else.
func (b *Blobs) missed(id fileID, c ledger.CID) error {
	if pinned, err := b.store.pinned(c, id.cid); err != nil || !pinned {
		return err
	}
	return b.lose(id.cid)
}

func parseQuery(w http.ResponseWriter, r *http.Request) (id fileID, ok bool) {
	q := r.URL.Query()
	c, err := ledger.ParseCID(q.Get("cid"))
	if err == nil {
		id.cid = c
		id.record, err = ledger.ParseRecordID(q.Get("record"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return id, false
	}
	return id, true
}
