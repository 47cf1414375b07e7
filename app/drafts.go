package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/author"
	"evident/lightclient/backup"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/store"
)

// ring is the home's keys and what its records hide, as drafts need them.
type ring struct{ app *App }

// Verifiers implements drafts.Keys.
func (r ring) Verifiers(ctx context.Context) ([]string, error) {
	list, err := r.app.keys(ctx, service.None{})
	var out []string
	for _, k := range list.Keys {
		out = append(out, k.Key)
	}
	return out, err
}

// Signer implements drafts.Keys.
func (r ring) Signer(ctx context.Context, verifier string) (note.Signer, error) {
	list, err := r.app.keys(ctx, service.None{})
	if err != nil {
		return nil, err
	}
	for _, k := range list.Keys {
		if k.Key == verifier {
			return r.app.home.Keys().Open(k.Name)
		}
	}
	return nil, &service.Error{Code: "no_key", Message: "This machine holds no such key.", Hint: "Make one, or restore a backup."}
}

// KeepPrivate implements drafts.Keys.
func (r ring) KeepPrivate(id ledger.RecordID, openings []ledger.Opening) error {
	data, err := json.Marshal(openings)
	if err != nil {
		return fmt.Errorf("keep the private fields: %w", err)
	}
	return r.app.home.Outbox().Secrets().KeepPrivate(id, backup.Openings, data)
}

// Private implements drafts.Keys.
func (r ring) Private(id ledger.RecordID) ([]ledger.Opening, error) {
	data, err := r.app.home.Outbox().Secrets().Private(id, backup.Openings)
	if errors.Is(err, author.ErrNoSecret) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var openings []ledger.Opening
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&openings); err != nil {
		return nil, fmt.Errorf("read the private fields: %w", err)
	}
	return openings, nil
}

// saveText asks the user where, and writes a text there.
func (a *App) saveText(_ context.Context, p service.TextParams) (service.Saved, error) {
	path, err := a.chooseTarget(plainName(p.Name))
	if err != nil || path == "" {
		return service.Saved{}, err
	}
	if err := store.WriteFile(path, []byte(p.Text), 0o600); err != nil {
		return service.Saved{}, failed("store", "The file cannot be written there.", "Choose another folder.", err)
	}
	return service.Saved{Path: path}, nil
}
