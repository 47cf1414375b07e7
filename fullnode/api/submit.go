package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"evident/lightclient/ledger"
)

// How long a submission may wait for its final block.
const (
	minWait     = time.Second
	maxWait     = time.Minute
	defaultWait = 30 * time.Second
)

func (a *API) submit(w http.ResponseWriter, r *http.Request) error {
	wait, err := waitOf(r)
	if err != nil {
		return err
	}
	note, err := readNote(w, r)
	if err != nil {
		return err
	}
	if err := a.Files.Admit(note); err != nil {
		return err
	}
	s, err := a.Intake.Submit(r.Context(), note)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	if wait > 0 && s.pending() {
		outlast(w, wait+writeTimeout)
		if s, err = a.outcome(r.Context(), s, wait); err != nil {
			return err
		}
	}
	out := Submitted{ID: s.ID.String(), Status: "final", Receipt: string(s.Receipt), Height: s.Height, Refusal: string(s.Refusal)}
	status := http.StatusOK
	switch {
	case s.Refusal != nil:
		out.Status = "refused"
	case !s.Final:
		out.Status, status = "received", http.StatusAccepted
	}
	w.Header().Set("Cache-Control", "no-store")
	return answer(w, status, out)
}

// outcome is what became of a received record within the time; after it, the
// record is still received, and that is no error.
func (a *API) outcome(ctx context.Context, received Submission, wait time.Duration) (Submission, error) {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s, err := a.Intake.Outcome(limited, received.ID)
	if err != nil && limited.Err() != nil {
		return received, nil
	}
	if err != nil {
		return s, fmt.Errorf("outcome of %s: %w", received.ID, err)
	}
	s.Receipt = received.Receipt
	return s, nil
}

func (a *API) check(w http.ResponseWriter, r *http.Request) error {
	note, err := readNote(w, r)
	if err != nil {
		return err
	}
	reason, err := a.Intake.Check(r.Context(), note)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return answer(w, http.StatusOK, Checked{Accepted: reason == nil, Refusal: reason})
}

// waitOf is how long to wait for the final block; zero is not at all.
func waitOf(r *http.Request) (time.Duration, error) {
	q := r.URL.Query()
	switch wait, timeout := q.Get("wait"), q.Get("timeout"); {
	case wait == "" && timeout == "":
		return 0, nil
	case wait != "final":
		return 0, badRequest("wait can only be \"final\", and timeout needs it", "?wait=final&timeout=30s")
	case timeout == "":
		return defaultWait, nil
	default:
		d, err := time.ParseDuration(timeout)
		if err != nil || d < minWait || d > maxWait {
			return 0, badRequest("timeout is a duration from 1s to 60s", "?wait=final&timeout=30s")
		}
		return d, nil
	}
}

// readNote reads the body, which is a record's note and no larger than one.
func readNote(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	note, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ledger.MaxRecordSize))
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return note, nil
}
