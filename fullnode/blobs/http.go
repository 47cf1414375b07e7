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

// Have answers POST /v1/files/have: of a list of CIDs, those whose blocks are not here.
func (b *Blobs) Have(w http.ResponseWriter, r *http.Request) error {
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
		if !b.store.has(c) {
			absent = append(absent, text)
			continue
		}
		if err := b.store.freshen(c); err != nil {
			return err
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
// transfer breaks, so that it can go on with what Have says is missing.
func (b *Blobs) Upload(w http.ResponseWriter, r *http.Request) error {
	if err := b.accepts(); err != nil {
		return told(err)
	}
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Time{}) // a writer without deadlines has none to move
	rc.SetReadDeadline(time.Now().Add(blockTimeout))
	car, root, err := evidence.NewCARReader(http.MaxBytesReader(w, r.Body, MaxUpload))
	if err != nil {
		return told(err)
	}
	up, err := b.receive(r.Context(), car, func() { rc.SetReadDeadline(time.Now().Add(blockTimeout)) })
	if err != nil {
		return told(fmt.Errorf("%w (%d blocks before it are kept)", err, up.Blocks))
	}
	up.Root = root == nil || b.store.has(*root)
	return answer(w, up)
}

// accepts says whether more can be uploaded.
func (b *Blobs) accepts() error {
	if loose := b.store.loose.Load(); loose >= b.Uploads {
		return fmt.Errorf("%w: %d MiB of uploads wait for their records", ErrFull, loose>>20)
	}
	return b.store.room(evidence.MaxBlock)
}

// receive stores the blocks of a CAR. Storing runs beside reading and hashing, on so many buffers and no more.
func (b *Blobs) receive(ctx context.Context, car *evidence.CARReader, progress func()) (up Uploaded, err error) {
	group, ctx := errgroup.WithContext(ctx)
	buffers := make(chan []byte, 3)
	for range cap(buffers) {
		buffers <- nil
	}
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
			return b.storeUploaded(block.CID, data)
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
func (b *Blobs) storeUploaded(c ledger.CID, data []byte) error {
	if err := b.accepts(); err != nil {
		return err
	}
	if err := b.store.put(c, data); err != nil {
		return err
	}
	b.metrics.uploaded.Add(float64(len(data)))
	return nil
}

// Kept is what a member keeps of a file.
type Kept struct {
	Member  string `json:"member"`
	State   string `json:"state"`  // stored, failing (audits say it is lost), or expected
	TimeMs  int64  `json:"timeMs"` // of the storage receipt; 0 without
	Receipt string `json:"-"`
}

// Named is a file under one of the records that name it.
type Named struct {
	Record  string `json:"record"`
	Mode    string `json:"mode"`
	Bytes   int64  `json:"bytes"`
	Refused string `json:"refused"` // why it is not kept, or empty
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

// Receipts answers GET /v1/files/<cid>/receipts: the storage receipts, signed by the members' node keys.
func (b *Blobs) Receipts(w http.ResponseWriter, r *http.Request) error {
	s, err := b.status(r)
	if err != nil {
		return told(err)
	}
	receipts := []string{}
	for _, f := range s.Files {
		for _, k := range f.Members {
			if k.Receipt != "" {
				receipts = append(receipts, k.Receipt)
			}
		}
	}
	return answer(w, map[string][]string{"receipts": receipts})
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
		kept, err := b.kept(id)
		if err != nil {
			return s, err
		}
		e := entries[i]
		s.Files = append(s.Files, Named{Record: id.record.String(), Mode: string(e.Mode), Bytes: e.Bytes, Refused: e.Refused, Members: kept})
	}
	return s, nil
}

// kept lists the members that keep a file or are to keep it.
func (b *Blobs) kept(id fileID) ([]Kept, error) {
	receipts, err := b.store.receipts(id)
	if err != nil {
		return nil, err
	}
	set := b.Ledger.Members()
	expected := responsible(set, b.copies(), id.cid, nobody)
	kept := []Kept{}
	for _, m := range set {
		msg, stored := receipts[m.Name]
		k := Kept{Member: m.Name, State: "expected", Receipt: string(msg)}
		switch {
		case stored:
			k.State = "stored"
			s, err := ledger.OpenStorage(b.Ledger.Origin(), m, msg)
			if err != nil {
				return nil, fmt.Errorf("stored receipt of %s: %w", m.Name, err)
			}
			k.TimeMs = s.Time
			if b.failsFor(m.Name, id.cid) >= 0 {
				k.State = "failing"
			}
		case !slices.Contains(expected, m.Name):
			continue
		}
		kept = append(kept, k)
	}
	return kept, nil
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
