package blobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// Limits of what clients send.
const (
	MaxHave      = 4096 // CIDs in one question
	maxHaveBytes = 64 * MaxHave
	MaxUpload    = 16 << 30 // bytes of one CAR
	maxReceipts  = 100      // records of one CID that are told of
)

// blockTimeout is how long one block may take on its way; a transfer may take as long as its blocks keep coming.
const blockTimeout = time.Minute

// refusal is an error that a client is told of; see Told in package api.
type refusal struct {
	status              int
	code, message, hint string
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

// Told returns what to answer.
func (r *refusal) Told() (status int, code, message, hint string) {
	return r.status, r.code, r.message, r.hint
}

// told gives an error its answer; what it does not know is the node's own fault.
func told(err error) error {
	var tooLong *http.MaxBytesError
	if refused := toldQuota(err); refused != nil {
		return refused
	}
	switch {
	case errors.Is(err, ErrFull):
		return &refusal{http.StatusInsufficientStorage, "full", err.Error(), "send it to another member's node; /v1/nodes lists them"}
	case errors.Is(err, ErrMissing):
		return &refusal{http.StatusNotFound, "not_found", "this node does not have it", "/v1/files/<cid> says which members keep a file"}
	case errors.Is(err, ledger.ErrLimit), errors.As(err, &tooLong):
		return &refusal{http.StatusRequestEntityTooLarge, "limit", err.Error(), "a block has at most 2 MiB, an upload 16 GiB, a question 4,096 CIDs"}
	case errors.Is(err, ledger.ErrFormat), errors.Is(err, ErrDAG):
		return &refusal{http.StatusBadRequest, "format", err.Error(), "CIDv1 of SHA-256 in base32; CAR version 1; profile unixfs-v1-2025"}
	case errors.Is(err, ledger.ErrProof):
		return &refusal{http.StatusUnprocessableEntity, "block", err.Error(), "the file changed while it was read, or the transfer was damaged: send the block again"}
	}
	return err
}

// Have answers POST /v1/files/have: of a list of CIDs, those whose blocks are not here, or not for long.
// client names who asks.
func (b *Blobs) Have(w http.ResponseWriter, r *http.Request, client string) error {
	var texts []string
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHaveBytes))
	if err != nil {
		return told(fmt.Errorf("read the list: %w", err))
	}
	if err := json.Unmarshal(body, &texts); err != nil || len(texts) > MaxHave {
		return told(fmt.Errorf("%w: want a JSON list of at most %d CIDs", ledger.ErrFormat, MaxHave))
	}
	absent := []string{}
	for _, text := range texts {
		c, err := ledger.ParseCID(text)
		if err != nil {
			return told(err)
		}
		stays, err := b.store.freshen(c, uploaderOf(client), false)
		if err != nil {
			return err
		}
		if !stays {
			absent = append(absent, text)
		}
	}
	return answer(w, absent)
}

// Uploaded is what became of a CAR.
type Uploaded struct {
	Blocks int   `json:"blocks"` // in the CAR; all are stored
	Bytes  int64 `json:"bytes"`  //
	Root   bool  `json:"root"`   // the block of its root is here, or it names none
}

// Upload answers POST /v1/files/car. Each block is verified and stored as it comes; those that arrived stay when the
// transfer breaks, so that it can go on with what Have says is missing. client names who uploads: until a final record
// names the blocks, they count against them.
func (b *Blobs) Upload(w http.ResponseWriter, r *http.Request, client string) error {
	from := uploaderOf(client)
	if err := b.accepts(from); err != nil {
		return told(err)
	}
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Time{}) // a writer without deadlines has none to move
	rc.SetReadDeadline(time.Now().Add(blockTimeout))
	car, root, err := evidence.NewCARReader(http.MaxBytesReader(w, r.Body, MaxUpload))
	if err != nil {
		return told(err)
	}
	up, err := b.receive(r.Context(), car, from, func() { rc.SetReadDeadline(time.Now().Add(blockTimeout)) })
	if err != nil {
		return told(fmt.Errorf("%w (%d blocks before it are kept)", err, up.Blocks))
	}
	up.Root = root == nil || b.store.has(*root)
	return answer(w, up)
}

// accepts says whether a client can upload one more block.
func (b *Blobs) accepts(from uploader) error {
	b.mu.Lock()
	kept := b.usage.total
	b.mu.Unlock()
	if q := b.Quotas.Kept; q > 0 && kept >= q {
		return fmt.Errorf("%w: it keeps %d MiB, and its operator allows %d", errKept, kept>>20, q>>20)
	}
	return errors.Join(b.mayWait(from, evidence.MaxBlock), b.store.room(evidence.MaxBlock))
}

// receive stores the blocks of a CAR. One is stored beside reading and hashing the next, and no more: that one and what is
// left of the next are all that a kill may lose.
func (b *Blobs) receive(ctx context.Context, car *evidence.CARReader, from uploader, progress func()) (up Uploaded, err error) {
	group, ctx := errgroup.WithContext(ctx)
	buffers := make(chan []byte, 1)
	buffers <- nil
	for ctx.Err() == nil {
		var block evidence.Block
		if block, err = car.Next(); err != nil {
			break
		}
		progress()
		up.Blocks, up.Bytes = up.Blocks+1, up.Bytes+int64(len(block.Data))
		data := append((<-buffers)[:0], block.Data...)
		group.Go(func() error {
			defer func() { buffers <- data }()
			return b.storeUploaded(block.CID, data, from)
		})
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if failed := group.Wait(); failed != nil {
		return up, failed
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return up, err
}

// storeUploaded stores an uploaded block.
func (b *Blobs) storeUploaded(c ledger.CID, data []byte, from uploader) error {
	if err := b.accepts(from); err != nil {
		return err
	}
	if err := b.store.put(c, data, from); err != nil {
		return err
	}
	b.metrics.uploaded.Add(float64(len(data)))
	return nil
}

// Kept is what a member keeps of a file.
type Kept struct {
	Member  string `json:"member"`
	State   string `json:"state"`  // stored, failing (it promised and does not show it), expected, erasing or erased
	TimeMs  int64  `json:"timeMs"` // of the receipt; 0 without
	Receipt string `json:"-"`
	Erasure string `json:"-"`
}

// Named is a file under one of the records that name it.
type Named struct {
	Record  string `json:"record"`
	Mode    string `json:"mode"`
	Bytes   int64  `json:"bytes"`
	Refused string `json:"refused"` // why it is not kept, or empty
	Waiting string `json:"waiting"` // why not all who are to keep it do, as far as this node knows, or empty
	Erased  string `json:"erased"`  // the record that had it erased, or empty
	Members []Kept `json:"members"`
}

// Status is what this node knows of a CID.
type Status struct {
	CID   string  `json:"cid"`
	Here  bool    `json:"here"` // this node can give the root block
	Files []Named `json:"files"`
}

// Status answers GET /v1/files/<cid>.
func (b *Blobs) Status(w http.ResponseWriter, r *http.Request) error {
	s, err := b.status(r)
	if err != nil {
		return told(err)
	}
	return answer(w, s)
}

// Receipts answers GET /v1/files/<cid>/receipts: the storage receipts and the erasure receipts, signed by the members'
// node keys.
func (b *Blobs) Receipts(w http.ResponseWriter, r *http.Request) error {
	s, err := b.status(r)
	if err != nil {
		return told(err)
	}
	signed := map[string][]string{"receipts": {}, "erasures": {}}
	for _, f := range s.Files {
		for _, k := range f.Members {
			if k.Receipt != "" {
				signed["receipts"] = append(signed["receipts"], k.Receipt)
			}
			if k.Erasure != "" {
				signed["erasures"] = append(signed["erasures"], k.Erasure)
			}
		}
	}
	return answer(w, signed)
}

// status finds what is known of the CID in the path, under the record of the query if there is one.
func (b *Blobs) status(r *http.Request) (Status, error) {
	c, err := ledger.ParseCID(r.PathValue("cid"))
	if err != nil {
		return Status{}, err
	}
	ids, entries, err := b.store.filesOf(c, maxReceipts)
	if err != nil {
		return Status{}, err
	}
	if text := r.URL.Query().Get("record"); text != "" {
		record, err := ledger.ParseRecordID(text)
		if err != nil {
			return Status{}, err
		}
		e, ok, err := b.store.load(fileID{c, record})
		if err != nil {
			return Status{}, err
		}
		ids, entries = nil, nil
		if ok {
			ids, entries = []fileID{{c, record}}, []entry{e}
		}
	}
	s := Status{CID: c.String(), Here: b.store.has(c), Files: []Named{}}
	if !s.Here && len(ids) == 0 {
		return s, ErrMissing
	}
	for i, id := range ids {
		e := entries[i]
		kept, err := b.kept(id, e)
		if err != nil {
			return s, err
		}
		s.Files = append(s.Files, Named{Record: id.record.String(), Mode: string(e.Mode), Bytes: e.Bytes,
			Refused: e.Refused, Waiting: e.Why, Erased: e.Erased, Members: kept})
	}
	return s, nil
}

// kept lists the members that keep a file, are to keep it, or have erased it.
func (b *Blobs) kept(id fileID, e entry) ([]Kept, error) {
	stored, err := b.store.receipts(storing, id)
	if err != nil {
		return nil, err
	}
	erased, err := b.store.receipts(erasing, id)
	if err != nil {
		return nil, err
	}
	expected := b.responsible(id.cid)
	kept := []Kept{}
	for _, m := range b.Ledger.Members() {
		k := Kept{Member: m.Name, Receipt: string(stored[m.Name]), Erasure: string(erased[m.Name])}
		k.State = b.state(id, e, k, slices.Contains(expected, m.Name))
		if k.State == "" {
			continue
		}
		if k.TimeMs, err = b.signedAt(k); err != nil {
			return nil, fmt.Errorf("a receipt that was verified: %w", err)
		}
		kept = append(kept, k)
	}
	return kept, nil
}

// state is what a member has to do with a file, or empty.
func (b *Blobs) state(id fileID, e entry, k Kept, expected bool) string {
	switch {
	case k.Erasure != "":
		return "erased"
	case e.Erased != "" && (k.Receipt != "" || expected):
		return "erasing"
	case k.Receipt != "" && (b.failsFor(k.Member, id.cid) >= 0 || b.out(k.Member, id.cid, e)):
		return "failing"
	case k.Receipt != "":
		return "stored"
	case expected:
		return "expected"
	}
	return ""
}

// signedAt is the time of a member's receipt; 0 if there is none.
func (b *Blobs) signedAt(k Kept) (int64, error) {
	kind, msg := storing, k.Receipt
	if k.Erasure != "" {
		kind, msg = erasing, k.Erasure
	}
	if msg == "" {
		return 0, nil
	}
	_, s, err := b.openReceipt(kind, k.Member, []byte(msg))
	return s.Time, err
}

func answer(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.Write(append(body, '\n'))
	return nil
}
