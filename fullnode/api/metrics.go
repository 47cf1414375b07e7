package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the API's own, beside whatever else the registry holds.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	handler  http.Handler
}

// newMetrics registers the metrics of a.
func newMetrics(a *API) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "evident_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "evident_http_seconds", Help: "Time to answer, by route; waiting submissions and event streams include their wait.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9), // 100 us to 6.5 s
		}, []string{"route"}),
		handler: promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.requests, m.seconds,
		gauge("evident_http_waiting", "Submissions open now.", a.waiters.count),
		gauge("evident_http_event_streams", "Event streams open now.", a.subscribers.count),
		gauge("evident_head_height", "Newest final block; -1 before block 0.", func() float64 {
			if head, ok := a.Ledger.Head(); ok {
				return float64(head.Header.Height)
			}
			return -1
		}),
		gauge("evident_head_certified_seconds", "Time of the newest certificate, POSIX seconds.", func() float64 {
			if head, ok := a.Ledger.Head(); ok {
				return float64(head.Certificate.Time())
			}
			return 0
		}),
	} {
		errs = append(errs, a.Registry.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) serve(w http.ResponseWriter, r *http.Request) error {
	m.handler.ServeHTTP(w, r)
	return nil
}

// observe counts the answers of next. The route is the pattern that the mux
// found, so that no client makes up label values.
func (m *metrics) observe(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next(sw, r)
		m.requests.WithLabelValues(r.Pattern, strconv.Itoa(sw.status)).Inc()
		m.seconds.WithLabelValues(r.Pattern).Observe(time.Since(start).Seconds())
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
