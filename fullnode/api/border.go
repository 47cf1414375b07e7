package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limits of what is answered at once. One client never holds more than half of
// any of them, so that no single one shuts the others out.
const (
	maxRequests    = 512
	maxBlocks      = 16
	maxWaiters     = 2048
	maxSubscribers = 256
	maxUploads     = 16 // each holds a few blocks in memory
	maxDownloads   = 64
	maxQuery       = 1 << 10 // bytes
)

// border is what every request passes first. In this order: the name it came
// under is ours; its query is short; a page of another site asks for nothing
// but what is open to all.
func (a *API) border(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	// A record is vouched for by its authors' signatures and by nothing of the
	// visitor's: no cookie, no address, no session. A page of another site
	// gains nothing here that it could not do from its own server, and browser
	// clients need to send to several members' nodes.
	cross.AddInsecureBypassPattern("POST /v1/records")
	cross.AddInsecureBypassPattern("POST /v1/records/check")
	// The same holds for blocks: each is vouched for by its CID, and stays only if a record names it.
	cross.AddInsecureBypassPattern("POST /v1/files/have")
	cross.AddInsecureBypassPattern("POST /v1/files/car")
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, fail(http.StatusForbidden, "cross_origin", "a page of another site may not ask for this", "ask from the node's own pages"))
	}))
	next = cross.Handler(next)
	return a.metrics.observe(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		switch {
		case !a.answersTo(r):
			a.refuse(w, r, fail(http.StatusMisdirectedRequest, "host", "this node does not answer to "+clip(r.Host), "use 127.0.0.1, or a name from the node's configuration"))
		case len(r.URL.RawQuery) > maxQuery:
			a.refuse(w, r, fail(http.StatusRequestURITooLong, "limit", "the query is too long", "a query has at most 1 KiB"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// answersTo says whether the request came under a name of ours: loopback, one
// from the configuration, or the very address it reached. So a hostile domain
// that resolves to this machine (DNS rebinding) reads nothing of a node that
// listens on the loopback address only. A libp2p stream comes from a peer that
// named us by our key.
func (a *API) answersTo(r *http.Request) bool {
	name := hostname(r.Host)
	switch local := r.Context().Value(http.LocalAddrContextKey).(type) {
	case nil:
		return a.hosts[name]
	case *net.TCPAddr:
		return a.hosts[name] || local.IP.Equal(net.ParseIP(name))
	}
	return true
}

// hostname is the Host header without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}

// endpoint is the handler of a route: it answers one method, within its slots,
// and gives errors their form. The pages and the metrics are the node's own;
// all else is public to the pages of every member's node, because browser
// clients compare several nodes.
func (a *API) endpoint(rt route) http.Handler {
	public := rt.path != "/" && rt.path != "/metrics"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if public {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
		}
		if public && r.Method == http.MethodOptions {
			preflight(w)
			return
		}
		if err := a.admit(rt, w, r); err != nil {
			a.refuse(w, r, err)
		}
	})
}

func (a *API) admit(rt route, w http.ResponseWriter, r *http.Request) error {
	if r.Method != rt.method && (r.Method != http.MethodHead || rt.method != http.MethodGet) {
		w.Header().Set("Allow", rt.method)
		return fail(http.StatusMethodNotAllowed, "method", "use "+rt.method+", not "+clip(r.Method), "README.md lists every endpoint")
	}
	leave, err := rt.slots.enter(client(r.RemoteAddr))
	if err != nil {
		return err
	}
	defer leave()
	return rt.answer(w, r)
}

func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// byClient tells a handler who asks.
func byClient(answer func(w http.ResponseWriter, r *http.Request, client string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return answer(w, r, client(r.RemoteAddr)) }
}

// client names who asks: an address, the /64 network of an IPv6 address, or
// the peer of a libp2p stream.
func client(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := ap.Addr().Unmap()
	if network, err := ip.Prefix(64); ip.Is6() && err == nil {
		return network.String()
	}
	return ip.String()
}

// slots counts what is open, in all and by client.
type slots struct {
	limit int

	mu   sync.Mutex
	all  int
	open map[string]int
}

func newSlots(limit int) *slots { return &slots{limit: limit, open: map[string]int{}} }

// enter takes a slot, to be given back by leave.
func (s *slots) enter(client string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.all == s.limit:
		return nil, busy(http.StatusServiceUnavailable, "this node has too many requests open")
	case s.open[client] == s.limit/2:
		return nil, busy(http.StatusTooManyRequests, "you have too many requests open")
	}
	s.all++
	s.open[client]++
	return func() { s.leave(client) }, nil
}

func (s *slots) leave(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.open[client]--; s.open[client] == 0 {
		delete(s.open, client)
	}
}

func (s *slots) count() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(s.all)
}

// outlast lets an answer take longer than the server's timeouts: it may take d
// until all of it is written. A writer without deadlines has none to move.
func outlast(w http.ResponseWriter, d time.Duration) {
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{})
	rc.SetWriteDeadline(time.Now().Add(d))
}
