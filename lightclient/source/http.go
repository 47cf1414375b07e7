//go:build !js

// Package source carries a light client's questions to one full node: by HTTP
// here, by the browser's fetch in WebAssembly, over libp2p in the package
// below. It bounds answers in size and time, and believes nothing.
package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"evident/lightclient"
)

// HTTP asks a node by HTTP or HTTPS.
type HTTP struct {
	base   string
	client *http.Client
}

// New makes a source of the node at a URL such as https://node.harbour.example.
func New(url string) (lightclient.Source, error) {
	base, err := clean(url)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	transport.ResponseHeaderTimeout = time.Minute // a submission may wait for its block
	return NewHTTP(base, transport), nil
}

// NewHTTP makes a source on another transport.
func NewHTTP(base string, transport http.RoundTripper) *HTTP {
	return &HTTP{base: base, client: &http.Client{
		Transport: transport,
		// A node speaks for itself: it does not send a client elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Name implements lightclient.Source.
func (h *HTTP) Name() string { return h.base }

// Ask implements lightclient.Source.
func (h *HTTP) Ask(ctx context.Context, q lightclient.Question) (lightclient.Answer, error) {
	r, err := h.do(ctx, q.Method, q.Path, q.Body)
	if err != nil {
		return lightclient.Answer{}, err
	}
	defer r.Body.Close()
	if r.ContentLength > q.Limit {
		return lightclient.Answer{}, tooLong(q)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, q.Limit+1))
	if err != nil {
		return lightclient.Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > q.Limit {
		return lightclient.Answer{}, tooLong(q)
	}
	return lightclient.Answer{Status: r.StatusCode, Body: body}, nil
}

// Listen implements lightclient.Source.
func (h *HTTP) Listen(ctx context.Context, path string, heard func()) error {
	r, err := h.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("listen: status %d", r.StatusCode)
	}
	for buf := make([]byte, 4096); ; {
		n, err := r.Body.Read(buf)
		if n > 0 {
			heard()
		}
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
}

func (h *HTTP) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, h.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return nil, errors.Unwrap(err) // the URL is in the caller's message
	}
	return answer, nil
}
