package lightclient_test

import (
	"fmt"
	"testing"

	. "evident/lightclient"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

// BenchmarkColdSync starts a client that has nothing but a fingerprint, with
// one node, and with two, which is how many a client asks of four.
func BenchmarkColdSync(b *testing.B) {
	l := testnode.New(4)
	for _, blocks := range []int{100, 1_000, 10_000, 100_000} {
		l.Grow(blocks)
		for _, nodes := range []int{1, 2} {
			b.Run(fmt.Sprintf("blocks=%d/nodes=%d", blocks, nodes), func(b *testing.B) {
				var sources []Source
				var asked []*testnode.Node
				for i := range nodes {
					n := l.Node(i)
					asked = append(asked, n)
					sources = append(sources, n)
				}
				for b.Loop() {
					c, err := Open(b.Context(), Config{Sources: sources, Store: new(store.Memory), Pin: l.Consortium().Fingerprint})
					if err != nil {
						b.Fatal(err)
					}
					if h, err := c.Sync(b.Context()); err != nil || int(h.Header.Height) != blocks-1 {
						b.Fatal(h.Header.Height, err)
					}
				}
				var requests, bytes int64
				for _, n := range asked {
					requests, bytes = requests+n.Requests.Load(), bytes+n.Bytes.Load()
				}
				b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
				b.ReportMetric(float64(bytes)/float64(b.N), "bytes/op")
			})
		}
	}
}
