package p2p

import (
	"net/http"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/p2p/net/gostream"

	"evident/lightclient"
	"evident/lightclient/store"
	"evident/lightclient/testnode"
)

func TestSyncOverStreams(t *testing.T) {
	l := testnode.New(4)
	l.Grow(10)
	host, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	listener, err := gostream.Listen(host, apiProtocol)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: l.Node(0)}
	go server.Serve(listener)
	defer server.Close()

	var dialer Dialer
	defer dialer.Close()
	address := host.Addrs()[0].String() + "/p2p/" + host.ID().String()
	s, err := dialer.New(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := lightclient.Open(t.Context(), lightclient.Config{Sources: []lightclient.Source{s}, Store: new(store.Memory), Pin: l.Consortium().Fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := c.Sync(t.Context()); err != nil || h.Header.Height != 9 {
		t.Errorf("head %d, %v", h.Header.Height, err)
	}
	if got := c.Nodes()[0].Address; got != address {
		t.Errorf("the node is called %s", got)
	}
	for _, bad := range []string{"", "http://x", "/ip4/127.0.0.1/tcp/1", "/p2p/" + host.ID().String()} {
		if _, err := dialer.New(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
