package fullnode

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"evident/lightclient/ledger"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/mod/sumdb/note"
)

// identity is the node's own key: libp2p, receipts and refusals. It is not the
// cosigning key, which stays in the guard.
type identity struct {
	private ed25519.PrivateKey
	signer  note.Signer
	vkey    string
}

// CreateIdentity makes the node key of a member in dir and returns its
// verifier key, for the genesis.
func CreateIdentity(dir, member string) (vkey string, err error) {
	skey, vkey, err := note.GenerateKey(rand.Reader, member)
	if err != nil {
		return "", fmt.Errorf("make a node key: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "node.key"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("write node key: %w", err)
	}
	defer file.Close()
	if _, err := file.WriteString(skey + "\n"); err != nil {
		return "", fmt.Errorf("write node key: %w", err)
	}
	return vkey, errors.Join(file.Sync(), syncFolder(dir))
}

// OpenIdentity returns the node key in a member's folder, for what its operator
// signs in the member's name.
func OpenIdentity(dir string) (signer note.Signer, vkey string, err error) {
	id, err := readIdentity(dir)
	if err != nil {
		return nil, "", err
	}
	return id.signer, id.vkey, nil
}

func readIdentity(dir string) (*identity, error) {
	data, err := os.ReadFile(filepath.Join(dir, "node.key"))
	if err != nil {
		return nil, fmt.Errorf("read node key: %w", err)
	}
	skey := strings.TrimSpace(string(data))
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("read node key: %w", err)
	}
	// A signer key is PRIVATE+KEY+name+hash+base64(algorithm ‖ seed).
	parts := strings.SplitN(skey, "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, fmt.Errorf("read node key: not an Ed25519 key")
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("read node key: %w", err)
	}
	return &identity{private: private, signer: signer, vkey: vkey}, nil
}

// PeerID returns the libp2p peer of a member's node.
func PeerID(m ledger.Member) (peer.ID, error) {
	parts := strings.SplitN(m.Node, "+", 3)
	data, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(data) != 1+ed25519.PublicKeySize {
		return "", fmt.Errorf("node key of %s", m.Name)
	}
	public, err := crypto.UnmarshalEd25519PublicKey(data[1:])
	if err != nil {
		return "", fmt.Errorf("node key of %s: %w", m.Name, err)
	}
	return peer.IDFromPublicKey(public)
}

// newHost opens the node's one authenticated port: TCP with Noise.
func newHost(id *identity, listen []string) (host.Host, error) {
	private, err := crypto.UnmarshalEd25519PrivateKey(id.private)
	if err != nil {
		return nil, fmt.Errorf("node key: %w", err)
	}
	h, err := libp2p.New(
		libp2p.Identity(private),
		libp2p.ListenAddrStrings(listen...),
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.UserAgent("evidentd"),
	)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", strings.Join(listen, ", "), err)
	}
	return h, nil
}

// peerAddrs parses the multiaddrs among addresses; URLs are for light clients.
func peerAddrs(addresses []string) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, a := range addresses {
		if m, err := ma.NewMultiaddr(a); err == nil {
			out = append(out, m)
		}
	}
	return out
}
