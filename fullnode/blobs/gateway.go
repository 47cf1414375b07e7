package blobs

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// The media types of a trustless gateway. There are no others: this node never says what a file means, only what its
// blocks are.
const (
	mediaRaw = "application/vnd.ipld.raw"
	mediaCAR = "application/vnd.ipld.car"
)

// Gateway answers GET /ipfs/<cid> as a trustless gateway: one block as it is, or a CAR of the file or of a part of it,
// depth first and each block once. It gives what is here, and asks no other member.
func (b *Blobs) Gateway(w http.ResponseWriter, r *http.Request) error {
	c, err := ledger.ParseCID(r.PathValue("cid"))
	if err != nil {
		return told(err)
	}
	media, err := wanted(r)
	if err != nil {
		return err
	}
	root, err := b.store.get(c)
	if err != nil {
		return told(err)
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=29030400, immutable")
	h.Set("Vary", "Accept")
	if media == mediaRaw {
		h.Set("Content-Type", mediaRaw)
		h.Set("Content-Disposition", `attachment; filename="`+c.String()+`.bin"`)
		h.Set("Etag", `"`+c.String()+`.raw"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(root))
		return nil
	}
	return b.sendCAR(w, r, c, root)
}

// wanted is the media type that a request asks for, by ?format= or by Accept.
func wanted(r *http.Request) (string, error) {
	switch r.URL.Query().Get("format") {
	case "raw":
		return mediaRaw, nil
	case "car":
		return mediaCAR, nil
	case "":
		for accept := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
			media, params, err := mime.ParseMediaType(accept)
			if err != nil || params["version"] != "" && params["version"] != "1" {
				continue
			}
			if media == mediaRaw || media == mediaCAR {
				return media, nil
			}
		}
	}
	return "", &refusal{http.StatusNotAcceptable, "format", "this gateway gives blocks and CARs only",
		"?format=raw or ?format=car; a client verifies and puts the file together"}
}

// sendCAR sends what is asked for of a file. A block that is missing in the middle cuts the answer off, so that nobody
// takes it for whole.
func (b *Blobs) sendCAR(w http.ResponseWriter, r *http.Request, c ledger.CID, root []byte) error {
	size := int64(len(root))
	if c.Codec() != ledger.CodecRaw {
		_, entries, err := b.store.filesOf(c, 1)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return told(fmt.Errorf("%w: no record names the file", ErrMissing))
		}
		// Records may claim other sizes; the root has only one.
		if size, err = evidence.SizeOf(root); err != nil {
			return told(fmt.Errorf("%w: %w", ErrDAG, err))
		}
	}
	q := r.URL.Query()
	from, to, err := byteRange(q.Get("entity-bytes"), size)
	if err != nil {
		return err
	}
	scope := q.Get("dag-scope")
	switch scope {
	case "", "all", "entity", "block":
	default:
		return &refusal{http.StatusBadRequest, "bad_request", "dag-scope is block, entity or all", "README.md lists every parameter"}
	}
	h := w.Header()
	h.Set("Content-Type", mediaCAR+"; version=1; order=dfs; dups=n")
	h.Set("Content-Disposition", `attachment; filename="`+c.String()+`.car"`)
	h.Set("Etag", fmt.Sprintf(`W/"%s.car.%s.%d-%d"`, c, scope, from, to))
	if r.Method == http.MethodHead {
		return nil
	}
	rc := http.NewResponseController(w)
	out, err := evidence.NewCARWriter(w, &c)
	send := func(id ledger.CID, data []byte) error {
		rc.SetWriteDeadline(time.Now().Add(blockTimeout))
		return out.Write(evidence.Block{CID: id, Data: data})
	}
	if err == nil && scope == "block" {
		err = send(c, root)
	} else if err == nil {
		err = walk(fileRoot(c, size), from, to, b.store.get, send)
	}
	if err != nil {
		b.Log.Debug("a CAR was cut off", "cid", c.String(), "err", err)
		panic(http.ErrAbortHandler) // the only way to tell a client after the first byte
	}
	return nil
}

// byteRange parses entity-bytes: from:to, both inclusive and counted from the end if negative; * is the end.
func byteRange(text string, size int64) (from, to int64, err error) {
	if text == "" {
		return 0, size, nil
	}
	first, last, ok := strings.Cut(text, ":")
	from, err = strconv.ParseInt(first, 10, 64)
	to = size
	if err == nil && last != "*" {
		to, err = strconv.ParseInt(last, 10, 64)
		if to < 0 {
			to += size
		}
		to = min(to, size-1) + 1
	}
	if from < 0 {
		from = max(from+size, 0)
	}
	if !ok || err != nil || from > to {
		return 0, 0, &refusal{http.StatusBadRequest, "bad_request", "entity-bytes is from:to in bytes, as 0:1048575 or 1048576:*", "README.md lists every parameter"}
	}
	return from, to, nil
}
