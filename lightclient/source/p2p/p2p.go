// Package p2p asks full nodes over libp2p streams, where the node's identity
// key takes the place of a TLS certificate. It is apart from package source so
// that browsers, which cannot use it, need not carry it.
package p2p

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/gostream"

	"evident/lightclient"
	"evident/lightclient/source"
)

// apiProtocol is the nodes' HTTP interface on libp2p streams.
const apiProtocol = protocol.ID("/evident/http/1")

// Dialer makes sources that share one libp2p host, which listens nowhere.
type Dialer struct {
	mu   sync.Mutex
	host host.Host
}

// New makes a source of the node at a multiaddr that ends in /p2p/<peer id>.
func (d *Dialer) New(address string) (lightclient.Source, error) {
	info, err := peer.AddrInfoFromString(address)
	if err != nil || len(info.Addrs) == 0 {
		return nil, fmt.Errorf("%q is not the address of a node: want one such as /ip4/192.0.2.1/tcp/7180/p2p/12D3…", address)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.host == nil {
		if d.host, err = libp2p.New(libp2p.NoListenAddrs); err != nil {
			return nil, fmt.Errorf("start libp2p: %w", err)
		}
	}
	h := d.host
	transport := &http.Transport{MaxIdleConnsPerHost: 16, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if err := h.Connect(ctx, *info); err != nil {
			return nil, fmt.Errorf("connect to %s: %w", info.ID, err)
		}
		return gostream.Dial(ctx, h, info.ID, apiProtocol)
	}}
	return named{source.NewHTTP("http://"+info.ID.String(), transport), address}, nil
}

// Close ends every stream.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.host == nil {
		return nil
	}
	return d.host.Close()
}

// named is a source under the address that the user gave.
type named struct {
	*source.HTTP
	address string
}

// Name implements lightclient.Source.
func (n named) Name() string { return n.address }
