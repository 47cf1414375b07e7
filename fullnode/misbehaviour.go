package fullnode

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"evident/fullnode/finality"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/store"
)

// misbehaviour keeps an accusation of each member that was seen to cosign two
// histories: a file that the operator finds, that clients are given, and that
// anyone verifies offline. One of each is enough, and a member that makes one
// at every block fills no disk.
type misbehaviour struct {
	dir     string
	genesis []byte
	origin  string

	mu    sync.Mutex
	files map[string]string // by member
}

const accusationSuffix = ".accusation"

// openMisbehaviour reads what is in the folder, and leaves out what does not verify.
func openMisbehaviour(dir string, genesis []byte, origin string) (*misbehaviour, error) {
	m := &misbehaviour{dir: dir, genesis: genesis, origin: origin, files: map[string]string{}}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read accusations: %w", err)
	}
	fingerprint := ledger.GenesisFingerprint(genesis)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), accusationSuffix) {
			continue
		}
		file, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read accusations: %w", err)
		}
		if r := proof.VerifyAccusation(file, &fingerprint); r.Verdict == proof.Valid {
			m.files[r.Accused.Member] = string(file)
		}
	}
	return m, nil
}

// keep makes the accusation durable, unless there is one of that member.
func (m *misbehaviour) keep(found finality.Misbehaviour) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[found.Member] != "" {
		return nil
	}
	file, err := proof.NewAccusation(proof.Accusation{Genesis: m.genesis, Member: found.Member,
		One: proof.Cosigned{Note: formatCosigned(m.origin, found.First)}, Other: proof.Cosigned{Note: formatCosigned(m.origin, found.Second)}})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return fmt.Errorf("keep an accusation: %w", err)
	}
	// A name is a domain, whose slashes would be folders.
	name := strings.ReplaceAll(found.Member, "/", "_") + accusationSuffix
	if err := store.WriteFile(filepath.Join(m.dir, name), file, 0o600); err != nil {
		return fmt.Errorf("keep an accusation: %w", err)
	}
	m.files[found.Member] = string(file)
	return nil
}

// members returns who is accused.
func (m *misbehaviour) members() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.files))
}

// Accusations implements api.Node: the files, by the order of the members.
func (n *Node) Accusations() []string {
	n.misbehaviour.mu.Lock()
	defer n.misbehaviour.mu.Unlock()
	files := []string{}
	for _, member := range slices.Sorted(maps.Keys(n.misbehaviour.files)) {
		files = append(files, n.misbehaviour.files[member])
	}
	return files
}
