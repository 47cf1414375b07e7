package author

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"

	"evident/lightclient/ledger"
)

// TestLostUpload has every node lose a file between its upload and its record: it is sent again from the file that is
// still here, and from no other.
func TestLostUpload(t *testing.T) {
	for _, mode := range []ledger.Mode{ledger.Sealed, ledger.Public} {
		for _, tt := range []struct {
			name string
			then func(path string, content []byte) error // what becomes of the file
			want error
		}{
			{"is still here", func(string, []byte) error { return nil }, nil},
			{"has changed", func(path string, content []byte) error {
				content[2<<20] ^= 1
				return os.WriteFile(path, content, 0o600)
			}, ErrLost},
			{"is longer", func(path string, content []byte) error { return os.WriteFile(path, append(content, 0), 0o600) }, ErrLost},
			{"is gone", func(path string, _ []byte) error { return os.Remove(path) }, ErrLost},
		} {
			t.Run(string(mode)+", "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newTestDesk(t, mode)
					path, content := d.file(t, "film.mp4", 3<<20)
					s, err := d.Stamp(t.Context(), path, "", func(p Progress) {
						if p.Stage != Final {
							return
						}
						for _, n := range d.nodes {
							n.Lose()
						}
						if err := tt.then(path, content); err != nil {
							t.Error(err)
						}
					})
					if !errors.Is(err, tt.want) || err == nil && len(s.Receipts) != ledger.DefaultCopies {
						t.Errorf("%d receipts, %v", len(s.Receipts), err)
					}
					left, err := d.Outbox.Entries()
					if err != nil || len(left) != map[bool]int{true: 0, false: 1}[tt.want == nil] {
						t.Errorf("%d entries are left: %v", len(left), err)
					}
					sent := 0
					for _, n := range d.nodes {
						sent += n.Blocks()
					}
					if (sent > 0) != (tt.want == nil) {
						t.Errorf("%d blocks left the machine", sent)
					}
					if tt.want == nil {
						checkProof(t, d, s, content)
					}
				})
			})
		}
	}
}
