package blobs

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	audits   *prometheus.CounterVec
	uploaded prometheus.Counter
	gauges   []prometheus.Collector
}

func newMetrics(b *Blobs) *metrics {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	return &metrics{
		audits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "evident_files_audits_total", Help: "Audits of members' evidence files, by result.",
		}, []string{"member", "result"}),
		uploaded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "evident_files_uploaded_bytes_total", Help: "Bytes of blocks that came in uploads.",
		}),
		gauges: []prometheus.Collector{
			gauge("evident_files_loose_bytes", "Bytes of blocks that no stored file refers to.", func() float64 { _, total := b.store.loose.of(ourselves); return float64(total) }),
			gauge("evident_files_failing", "Files that a member promised to keep and does not give back.", func() float64 {
				b.mu.Lock()
				defer b.mu.Unlock()
				return float64(len(b.failing))
			}),
		},
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	errs := []error{r.Register(m.audits), r.Register(m.uploaded)}
	for _, g := range m.gauges {
		errs = append(errs, r.Register(g))
	}
	return errors.Join(errs...)
}
