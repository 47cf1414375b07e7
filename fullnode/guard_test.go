package fullnode_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"evident/fullnode/finality/guard"
	"evident/fullnode/testnet"
)

// A copy of a member's folder does not start, whatever was copied with it.
func TestCopiedFolderDoesNotSign(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	net.MustFinal(0, net.NewAuthor("ada").Deposit("before"))
	net.StopAll()
	place := *net.Places[1]
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(place.Dir)); err != nil {
		t.Fatal(err)
	}
	moved := place.Dir + ".away"
	if err := os.Rename(place.Dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(copied, place.Dir); err != nil {
		t.Fatal(err)
	}
	if err := net.Start(1); !errors.Is(err, guard.ErrCopied) {
		t.Errorf("the copy: got %v, want %v", err, guard.ErrCopied)
	}
	if err := errors.Join(os.RemoveAll(place.Dir), os.Rename(moved, place.Dir)); err != nil {
		t.Fatal(err)
	}
	net.MustStart()
	net.MustFinal(1, net.NewAuthor("ada").Deposit("the original still works"))
	net.StopAndCheck()
}

// An older guard that was written over the newer one, in place, so that no
// inode tells: the peers know what this member signed since.
func TestOlderGuardInPlace(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	t.Parallel()
	for _, tt := range []struct {
		name string
		also string // restored with it
	}{
		{name: "the guard alone"},
		{name: "the ledger with it", also: "ledger"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			net := testnet.New(t, 4)
			net.MustStart()
			ada := net.NewAuthor("ada")
			net.MustFinal(0, ada.Deposit("before"))
			net.AwaitLevel(10*time.Second, 0, 1, 2, 3)
			net.Stop(1)
			signed := filepath.Join(net.Places[1].Dir, "guard", "signed")
			old, err := os.ReadFile(signed)
			if err != nil {
				t.Fatal(err)
			}
			backup := filepath.Join(t.TempDir(), "backup")
			if tt.also != "" {
				if err := os.CopyFS(backup, os.DirFS(filepath.Join(net.Places[1].Dir, tt.also))); err != nil {
					t.Fatal(err)
				}
			}
			net.MustStart(1)
			net.AwaitOrdered(10*time.Second, 1)
			net.Stop(3) // so that every certificate has this member's cosignature
			for range 3 {
				net.MustFinal(1, ada.Deposit("signed since"))
			}
			net.Stop(1)
			if err := os.WriteFile(signed, old, 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.also != "" {
				net.Wipe(1, tt.also)
				if err := os.CopyFS(filepath.Join(net.Places[1].Dir, tt.also), os.DirFS(backup)); err != nil {
					t.Fatal(err)
				}
			}
			net.MustStart(1)
			net.Eventually(10*time.Second, "the node says that it cosigns no more", func() bool { return hasProblem(net, 1, "signing") })
			if !errors.Is(net.Nodes[1].Failure(), guard.ErrCopied) {
				t.Errorf("failure: %v", net.Nodes[1].Failure())
			}
			// Without it there is no quorum; with the fourth there is one again.
			r := ada.Deposit("needs a quorum")
			if a, err := net.Submit(t.Context(), 0, r, time.Second); err != nil || a.Status != "received" {
				t.Errorf("with two who sign: %v, %q", err, a.Status)
			}
			net.MustStart(3)
			net.MustFinal(0, r)
			net.AwaitLevel(10*time.Second, 0, 1, 2, 3)
			net.StopAndCheck()
		})
	}
}

// Without its guard a member does not start: it may have signed anything.
func TestLostGuard(t *testing.T) {
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	net.Stop(1)
	net.Wipe(1, "guard")
	if err := net.Start(1); !errors.Is(err, guard.ErrMissing) {
		t.Errorf("got %v, want %v", err, guard.ErrMissing)
	}
	net.MustFinal(0, ada.Deposit("after"))
	net.StopAndCheck(1)
}
