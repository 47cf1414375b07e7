package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"evident/fullnode/chain"
	"evident/lightclient/ledger"
)

// failure is an error that the client is told as it is.
type failure struct {
	status int
	told   Error
}

func (f *failure) Error() string { return f.told.Code + ": " + f.told.Message }

func fail(status int, code, message, hint string) *failure {
	return &failure{status, Error{Code: code, Message: message, Hint: hint}}
}

func badRequest(message, hint string) error {
	return fail(http.StatusBadRequest, "bad_request", message, hint)
}

func behind(message string) error {
	return fail(http.StatusNotFound, "behind", message, "ask again in a moment, or ask another node")
}

func busy(status int, message string) error {
	return fail(status, "busy", message, "send it again after the time in Retry-After")
}

// failureOf gives an error from behind the API its status and its words. What
// it does not know is the node's fault, and its cause stays here.
func failureOf(err error) *failure {
	var f *failure
	var told Told
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &told):
		status, code, message, hint := told.Told()
		return fail(status, code, message, hint)
	case errors.Is(err, chain.ErrNotFound):
		return fail(http.StatusNotFound, "not_found", "this node has no such thing",
			"that proves nothing about the ledger; only /v1/state/… proves absence")
	case errors.Is(err, ErrBusy):
		return fail(http.StatusServiceUnavailable, "busy", "this node takes no records in for the moment", "send it again after the time in Retry-After, or to another node; /v1/health says why")
	case errors.As(err, &tooLong), errors.Is(err, ledger.ErrLimit):
		return fail(http.StatusRequestEntityTooLarge, "limit", err.Error(), "a record has at most 32 KiB")
	case errors.Is(err, ledger.ErrFormat):
		return fail(http.StatusBadRequest, "format", err.Error(), "send the exact bytes of the signed record as the body")
	case errors.Is(err, ledger.ErrSignature):
		return fail(http.StatusUnprocessableEntity, "signature", err.Error(), "every key in \"by\" signs the same text")
	case errors.Is(err, ledger.ErrLedger):
		return fail(http.StatusUnprocessableEntity, "other_ledger", err.Error(), "compare the origin with /v1/status")
	}
	return fail(http.StatusInternalServerError, "internal", "the node could not answer", "ask another node; this node's log has the cause")
}

// refuse writes an error.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := failureOf(err)
	if f.status == http.StatusInternalServerError && r.Context().Err() == nil {
		a.Log.Error("request failed", "method", r.Method, "path", clip(r.URL.Path), "error", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	if f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	body, _ := encode(Failure{f.told}) // strings always encode
	write(w, f.status, "application/json", body)
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	write(w, status, "application/json", body)
	return nil
}

// encode keeps raw JSON inside v byte for byte, because its digest is proven:
// so no escapes for HTML, which no answer here is.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// write sends a whole answer. A client that went away is no error of ours.
func write(w http.ResponseWriter, status int, media string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", media)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache")
	}
	w.WriteHeader(status)
	w.Write(body)
}

const text = "text/plain; charset=utf-8"

// immutable lets caches keep an answer for good. Blocks and the genesis are not
// marked so, although they never change: another ledger may be founded behind
// the same address, and its clients must not meet the old one in a cache.
func immutable(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
}

// clip keeps hostile texts short in messages.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
