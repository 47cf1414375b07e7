// Package transfer moves the blocks of evidence files between this machine and the members' nodes, over whatever carries
// a light client's questions.
//
// Nothing is believed: a block that comes is held to its CID, a storage receipt to its member's key. Nothing is sent
// twice: a node is asked first what it has not got, so a transfer that was broken off, here or there, goes on where it
// stopped. To pause is to stop.
package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"evident/lightclient"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

var (
	// ErrUnavailable wraps why no node took or gave the blocks.
	ErrUnavailable = lightclient.ErrUnavailable
	// ErrFull means that a node has no room for a file now.
	ErrFull = lightclient.ErrFull
	// ErrQuota means that a node takes no more from this client or author now.
	ErrQuota = lightclient.ErrQuota
)

// Limits of one request.
const (
	maxPiece  = 8 << 20 // bytes of blocks in one CAR
	maxAnswer = 300 << 10
)

// Patience with one node, and with all of them.
const (
	pieceTime  = 3 * time.Minute
	tries      = 4
	retryFirst = 500 * time.Millisecond
	retryLast  = 15 * time.Second
)

// Progress is how far a file is. Rate is of the last seconds, in bytes per second.
type Progress struct {
	Done, Total int64
	Rate        float64
}

// Left is how long the rest takes at this rate; 0 if nobody can tell.
func (p Progress) Left() time.Duration {
	if p.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(p.Total-p.Done) / p.Rate * float64(time.Second))
}

// Meter makes progress of bytes that went by.
type Meter struct {
	Total  int64
	Report func(Progress) // nil: nobody listens

	done  int64
	since time.Time
	then  int64
	rate  float64
}

// Rate is in bytes per second, of the last seconds.
func (m *Meter) Rate() float64 { return m.rate }

// Add counts n bytes.
func (m *Meter) Add(n int64) {
	m.done += n
	now := time.Now()
	if m.since.IsZero() {
		m.since = now
	}
	if passed := now.Sub(m.since).Seconds(); passed >= 1 {
		latest := float64(m.done-m.then) / passed
		if m.rate == 0 {
			m.rate = latest
		}
		m.rate += (latest - m.rate) / 3
		m.since, m.then = now, m.done
	}
	if m.Report != nil {
		m.Report(Progress{Done: m.done, Total: m.Total, Rate: m.rate})
	}
}

// Upload brings a file to one node, from where the members fetch it. pass makes the file's blocks, always the same ones;
// it is called again when another node has to take over. Sources are tried in their order, round and round, until ctx
// ends; an error of pass itself ends it too. So does want of room, which waiting does not make: ErrFull or ErrQuota, when
// no node has any, those left out that could not be reached in a few rounds.
func Upload(ctx context.Context, sources []lightclient.Source, total int64, report func(Progress), pass func(emit func(evidence.Block) error) error) error {
	if len(sources) == 0 {
		return fmt.Errorf("upload: %w: there is no node", ErrUnavailable)
	}
	pause := retryFirst
	for round := 1; ; round++ {
		var failures, noRoom []error
		for _, s := range sources {
			u := &upload{ctx: ctx, source: s, meter: Meter{Total: total, Report: report}, limit: evidence.MaxBlock}
			err := pass(u.emit)
			if err == nil {
				err = u.flush()
			}
			if err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return fmt.Errorf("upload: %w", context.Cause(ctx))
			}
			switch {
			case errors.Is(err, ErrFull), errors.Is(err, ErrQuota):
				noRoom = append(noRoom, err)
			case !errors.Is(err, ErrUnavailable):
				return fmt.Errorf("upload: %w", err)
			}
			failures = append(failures, err)
		}
		if len(noRoom) == len(failures) || len(noRoom) > 0 && round == tries {
			return fmt.Errorf("upload: %w", errors.Join(noRoom...))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("upload: %w", errors.Join(append(failures, context.Cause(ctx))...))
		case <-time.After(pause):
		}
		pause = min(2*pause, retryLast)
	}
}

// upload is one pass over a file's blocks to one node.
type upload struct {
	ctx    context.Context
	source lightclient.Source
	meter  Meter
	limit  int // bytes of the next piece: as much as the line carries in about a second
	piece  []evidence.Block
	bytes  int
}

func (u *upload) emit(b evidence.Block) error {
	u.piece = append(u.piece, evidence.Block{CID: b.CID, Data: bytes.Clone(b.Data)})
	if u.bytes += len(b.Data); u.bytes < u.limit {
		return nil
	}
	return u.flush()
}

// flush sends what the node has not got of the blocks at hand. What arrived stays there, whatever happens to us.
func (u *upload) flush() error {
	if len(u.piece) == 0 {
		return nil
	}
	var err error
	for pause, n := retryFirst, 0; n < tries; pause, n = 2*pause, n+1 {
		if err = u.send(); err == nil || !errors.Is(err, ErrUnavailable) {
			break
		}
		select {
		case <-u.ctx.Done():
			return context.Cause(u.ctx)
		case <-time.After(pause):
		}
	}
	if err != nil {
		return err
	}
	for _, b := range u.piece {
		if b.CID.Codec() == ledger.CodecRaw {
			u.meter.Add(int64(len(b.Data)))
		}
	}
	u.piece, u.bytes = u.piece[:0], 0
	return nil
}

func (u *upload) send() error {
	missing, err := u.missing()
	if err != nil || len(missing) == 0 {
		return err
	}
	var car bytes.Buffer
	w, err := evidence.NewCARWriter(&car, nil)
	if err != nil {
		return err
	}
	for _, b := range u.piece {
		if missing[b.CID] {
			if err := w.Write(b); err != nil {
				return err
			}
		}
	}
	begun := time.Now()
	if _, err = u.ask("/v1/files/car", car.Bytes()); err != nil {
		return err
	}
	switch took := time.Since(begun); {
	case took < time.Second:
		u.limit = min(2*u.limit, maxPiece)
	case took > 4*time.Second:
		u.limit = 1
	}
	return nil
}

func (u *upload) missing() (map[ledger.CID]bool, error) {
	texts := make([]string, len(u.piece))
	for i, b := range u.piece {
		texts[i] = b.CID.String()
	}
	question, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	answer, err := u.ask("/v1/files/have", question)
	if err != nil {
		return nil, err
	}
	texts = nil
	if err := json.Unmarshal(answer, &texts); err != nil {
		return nil, fmt.Errorf("%w: %s does not say what it has not got", ErrUnavailable, u.source.Name())
	}
	missing := map[ledger.CID]bool{}
	for _, text := range texts {
		cid, err := ledger.ParseCID(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, u.source.Name(), err)
		}
		missing[cid] = true
	}
	return missing, nil
}

func (u *upload) ask(path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(u.ctx, pieceTime)
	defer cancel()
	return ask(ctx, u.source, lightclient.Question{Method: "POST", Path: path, Body: body, Limit: maxAnswer})
}

// The HTTP statuses of a node that has no room: for anybody, or for this client or author.
const (
	statusFull  = 507
	statusQuota = 429
)

// refusal is what a node says when it has no room; nil if it says something else. One that is only busy has another code.
func refusal(a lightclient.Answer) error {
	var said struct {
		Error struct{ Code, Message, Hint string }
	}
	json.Unmarshal(a.Body, &said) // what it does not say stays empty
	switch {
	case a.Status == statusFull:
		return fmt.Errorf("%w: %s; %s", ErrFull, said.Error.Message, said.Error.Hint)
	case a.Status == statusQuota && said.Error.Code == "quota":
		return fmt.Errorf("%w: %s; %s", ErrQuota, said.Error.Message, said.Error.Hint)
	}
	return nil
}

func ask(ctx context.Context, s lightclient.Source, q lightclient.Question) ([]byte, error) {
	a, err := s.Ask(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, s.Name(), err)
	}
	if err := refusal(a); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name(), err)
	}
	if a.Status/100 != 2 || int64(len(a.Body)) > q.Limit {
		return nil, fmt.Errorf("%w: %s answers with status %d", ErrUnavailable, s.Name(), a.Status)
	}
	return a.Body, nil
}

// Blocks gets blocks from several nodes. It implements evidence.Blocks.
type Blocks struct {
	Sources []lightclient.Source

	turn atomic.Int64
}

// Block asks one node after the other, each time beginning with another one, and returns a block that is the one that
// was asked for.
func (b *Blocks) Block(ctx context.Context, cid ledger.CID) ([]byte, error) {
	turn := int(b.turn.Add(1))
	var failures []error
	for pause, n := retryFirst, 0; n < tries; pause, n = 2*pause, n+1 {
		failures = nil
		for i := range b.Sources {
			data, err := get(ctx, b.Sources[(turn+i)%len(b.Sources)], cid)
			if err == nil {
				return data, nil
			}
			failures = append(failures, err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, errors.Join(failures...))
}

func get(ctx context.Context, s lightclient.Source, cid ledger.CID) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pieceTime)
	defer cancel()
	data, err := ask(ctx, s, lightclient.Question{Method: "GET", Path: "/ipfs/" + cid.String() + "?format=raw", Limit: evidence.MaxBlock})
	if err != nil {
		return nil, err
	}
	if err := cid.Check(data); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name(), err)
	}
	return data, nil
}
