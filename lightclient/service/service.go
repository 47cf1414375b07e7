// Package service is the seam between pages and the light client: one table of
// typed methods, called by name with JSON, which answers in JSON. WebAssembly,
// the desktop binding and tests carry the same texts.
//
// An answer is {"ok":…} or {"error":{"code":…,"message":…,"hint":…}}. Every
// value in it was proven by the light client, or its badge says that it was not.
// The types for the pages are generated: go generate writes them.
package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"evident/lightclient"
	"evident/lightclient/transfer"
)

//go:generate go run ./gen ../../frontend/src/lib/client/types.gen.ts

// maxParams bounds the parameters of a call: a proof in JSON, and a little more.
const maxParams = 64 << 20

// Service answers calls. Its methods may be called at the same time.
type Service struct {
	connect  func(context.Context) (*lightclient.Client, error)
	handlers map[string]func(context.Context, []byte) (any, error)

	agreements sync.Map // of contractID to Contract

	mu     sync.Mutex // held while connecting
	client *lightclient.Client

	listening sync.Mutex
	listeners []func([]byte)
}

// New makes a service. connect opens the light client; it is called again
// after a failure, when the next call needs the ledger.
func New(connect func(context.Context) (*lightclient.Client, error)) *Service {
	s := &Service{connect: connect, handlers: map[string]func(context.Context, []byte) (any, error){}}
	Handle(s, "status", s.status)
	Handle(s, "blocks", s.blocks)
	Handle(s, "block", s.block)
	Handle(s, "record", s.record)
	Handle(s, "members", s.members)
	Handle(s, "lookup", s.lookup)
	Handle(s, "search", s.search)
	Handle(s, "verify", s.verify)
	Handle(s, "trust", s.trust)
	Handle(s, "contracts", s.contracts)
	Handle(s, "contract", s.contract)
	Handle(s, "items", s.items)
	Handle(s, "item", s.item)
	Handle(s, "history", s.history)
	Handle(s, "related", s.related)
	Handle(s, "parties", s.parties)
	Handle(s, "resolve", s.resolve)
	Handle(s, "storage", s.storage)
	return s
}

// Handle adds a method of the table, for what surrounds the service to offer.
func Handle[P, R any](s *Service, name string, method func(context.Context, P) (R, error)) {
	s.handlers[name] = func(ctx context.Context, params []byte) (any, error) {
		var p P
		if err := decode(params, &p); err != nil {
			return nil, err
		}
		return method(ctx, p)
	}
}

// decode refuses unknown names and anything behind the one value.
func decode(params []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(params))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return badRequest("the parameters: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("the parameters: more than one value")
	}
	return nil
}

// Invoke calls a method by its name.
func (s *Service) Invoke(ctx context.Context, name string, params []byte) []byte {
	return Answer(s.call(ctx, name, params))
}

// Answer is what Invoke returns, for what cannot be called with JSON alone.
func Answer(result any, err error) []byte {
	if err != nil {
		return encode(struct {
			Error Error `json:"error"`
		}{Explain(err)})
	}
	return encode(struct {
		OK any `json:"ok"`
	}{result})
}

func (s *Service) call(ctx context.Context, name string, params []byte) (any, error) {
	method, ok := s.handlers[name]
	if !ok {
		return nil, badRequest("there is no method %q here", name)
	}
	if len(params) > maxParams {
		return nil, badRequest("the parameters are longer than %d bytes", maxParams)
	}
	return method(ctx, params)
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("service: encode an answer: " + err.Error())
	}
	return data
}

// Client returns the light client, and opens it if that has not succeeded yet.
func (s *Service) Client(ctx context.Context) (*lightclient.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	s.client = c
	return c, nil
}

// Subscribe calls listener with each event, as JSON.
func (s *Service) Subscribe(listener func([]byte)) {
	s.listening.Lock()
	defer s.listening.Unlock()
	s.listeners = append(s.listeners, listener)
}

// Emit sends an event of the table to every subscriber.
func (s *Service) Emit(event any) {
	data := encode(event)
	s.listening.Lock()
	defer s.listening.Unlock()
	for _, listener := range s.listeners {
		listener(data)
	}
}

// Error is what went wrong, for a program and for a person.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

func badRequest(format string, args ...any) error {
	return &Error{Code: "bad_request", Message: fmt.Sprintf(format, args...), Hint: "Check what was typed."}
}

// Explain finds the code of an error, and what the user can do.
func Explain(err error) Error {
	var own *Error
	var contradiction *lightclient.Contradiction
	var old *lightclient.ErrTooOld
	var refused *lightclient.Refused
	var lied *lightclient.ErrLied
	out := Error{Code: "internal", Message: err.Error(), Hint: "Try again. If it stays, tell whoever runs this node what is written here."}
	switch {
	case errors.As(err, &own):
		return *own
	case errors.As(err, &contradiction):
		out.Code, out.Hint = "contradiction", "The client has stopped and kept the evidence. Do not rely on new records; tell your consortium."
	case errors.As(err, &old):
		out.Code, out.Hint = "old_checkpoint", "Compare a fresh checkpoint with your consortium first."
	case errors.As(err, &refused):
		out.Code, out.Hint = "refused", "Change what the rule objects to, and try again."
	case errors.Is(err, context.Canceled):
		out.Code, out.Hint = "cancelled", "Nothing was changed."
	case errors.Is(err, lightclient.ErrGenesis):
		out.Code, out.Hint = "genesis", "Use another folder (--home) for another ledger, or check the fingerprint."
	case errors.Is(err, lightclient.ErrStore):
		out.Code, out.Hint = "store", "Check that the folder can be written to and that the disk has room."
	case errors.Is(err, lightclient.ErrStale):
		out.Code, out.Hint = "stale", "Check the network connection, and the clock of this machine."
	case errors.Is(err, lightclient.ErrMembersChanged):
		out.Code, out.Hint = "members_changed", "Get a newer version of this program."
	case errors.Is(err, lightclient.ErrNoContract):
		out.Code, out.Hint = "no_contract", "Choose one of the contracts that this ledger has."
	case errors.Is(err, lightclient.ErrNotShown):
		out.Code, out.Hint = "not_found", "Check the number or id, or search for it. That no node shows it does not prove that it does not exist."
	case errors.As(err, &lied):
		out.Code, out.Hint = "lied", "The answer was thrown away. Try again: another member's node will answer."
	case errors.Is(err, transfer.ErrQuota):
		out.Code, out.Hint = "quota", "Let the records of what you sent become final, or wait a day; for more, ask a member of the consortium. Nothing is lost."
	case errors.Is(err, transfer.ErrFull):
		out.Code, out.Hint = "full", "Ask a member of the consortium for more room, and try again; or record the digest alone. Nothing is lost."
	case errors.Is(err, lightclient.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		out.Code, out.Hint = "unavailable", "Check the network connection and the nodes' addresses. Nothing is lost."
	}
	return out
}
