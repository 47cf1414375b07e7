package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"evident/lightclient/ledger"
)

const (
	heartbeat    = 15 * time.Second
	eventTimeout = 10 * time.Second // to write one event; a slower reader is cut
	maxReplay    = 1000             // events; a reader further behind is taken to the newest
)

// stream sends each block as it becomes final. A stream keeps no queue: it
// reads the next block from the ledger when the one before is written, so a
// slow reader costs nothing but its connection.
func (a *API) stream(w http.ResponseWriter, r *http.Request) error {
	next, err := a.firstEvent(r)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // reverse proxies hold events back otherwise
	if r.Method == http.MethodHead {
		return nil
	}
	http.NewResponseController(w).Flush() // the reader learns at once that it is connected
	for {
		message, err := a.nextEvent(r.Context(), &next)
		if r.Context().Err() != nil {
			return nil
		}
		if err != nil {
			a.Log.Error("event stream ended", "height", next, "error", err)
			return nil
		}
		outlast(w, eventTimeout)
		if _, err := w.Write(message); err != nil {
			return nil
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return nil
		}
	}
}

// firstEvent is the block to begin with: the one after Last-Event-ID, or the newest.
func (a *API) firstEvent(r *http.Request) (ledger.Height, error) {
	head, ok := a.Ledger.Head()
	if !ok {
		return 0, nil
	}
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		return head.Header.Height, nil
	}
	n, err := parseNumber("Last-Event-ID", last, 0, 1<<53)
	return min(ledger.Height(n), head.Header.Height) + 1, err
}

// nextEvent waits for the block next and moves on; without one in time it
// returns a heartbeat.
func (a *API) nextEvent(ctx context.Context, next *ledger.Height) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, a.heartbeat)
	defer cancel()
	err := a.Ledger.Wait(limited, *next)
	if errors.Is(err, context.DeadlineExceeded) {
		return []byte(": heartbeat\n\n"), nil
	}
	if err != nil {
		return nil, fmt.Errorf("wait for block %d: %w", *next, err)
	}
	if head, ok := a.Ledger.Head(); ok && head.Header.Height >= *next+maxReplay {
		*next = head.Header.Height
	}
	message, err := a.events.at(a.Ledger, *next)
	*next++
	return message, err
}

// eventCache keeps the newest event, which all streams send at about the same time.
type eventCache struct {
	mu      sync.Mutex
	height  ledger.Height
	message []byte
}

func (c *eventCache) at(l Ledger, h ledger.Height) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.message != nil && c.height == h {
		return c.message, nil
	}
	header, err := l.Header(h)
	if err != nil {
		return nil, fmt.Errorf("read header %d: %w", h, err)
	}
	certificate, err := l.Certificate(h)
	if err != nil {
		return nil, fmt.Errorf("read certificate %d: %w", h, err)
	}
	data, err := encode(Event{Height: h, Header: string(header.Text()), Certificate: string(certificate)})
	if err != nil {
		return nil, err
	}
	message := fmt.Appendf(nil, "id: %d\nevent: block\ndata: %s\n", h, data) // data ends in its own line feed
	if c.message == nil || h > c.height {
		c.height, c.message = h, message
	}
	return message, nil
}
