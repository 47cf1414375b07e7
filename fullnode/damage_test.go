package fullnode_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"evident/fullnode/chain"
	"evident/fullnode/testnet"
)

// A flipped bit anywhere in a node's folders is found or does no harm: the
// node starts and agrees with the others, or it refuses to start, names the
// ledger as damaged, and comes back when that folder is taken away.
func TestDamagedBytes(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	load := net.StartLoad(4)
	net.AwaitFinals(load, 60, 30*time.Second)
	load.Stop()
	ada := net.NewAuthor("ada")
	random := rand.New(rand.NewPCG(1, 2))
	found, harmless := 0, 0
	for _, folder := range []string{"ledger", "raft", "journal"} {
		for range damages(folder) {
			net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
			net.Stop(2)
			file, place := damage(t, random, filepath.Join(net.Places[2].Dir, folder))
			err := net.Start(2)
			switch {
			case err == nil:
				harmless++
			case errors.Is(err, chain.ErrDamaged) && folder == "ledger":
				found++
				net.Wipe(2, "ledger")
				net.MustStart(2)
			default:
				t.Fatalf("%s, byte %d: %v", file, place, err)
			}
			net.MustFinal(2, ada.Deposit("after damage"))
		}
	}
	net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
	t.Logf("%d times the ledger was called damaged, %d times the node came back as it was", found, harmless)
	net.StopAndCheck()
}

func damages(folder string) int {
	if folder == "journal" {
		return 2
	}
	return 5
}

// damage flips one bit of a file in a stopped node's folder.
func damage(t *testing.T, random *rand.Rand, root string) (file string, place int64) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil && info.Size() > 0 {
				files = append(files, path)
			}
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("files in %s: %d, %v", root, len(files), err)
	}
	file = files[random.IntN(len(files))]
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	place = random.Int64N(info.Size())
	var one [1]byte
	if _, err := f.ReadAt(one[:], place); err != nil {
		t.Fatal(err)
	}
	one[0] ^= 1 << random.IntN(8)
	if _, err := f.WriteAt(one[:], place); err != nil {
		t.Fatal(err)
	}
	return file, place
}
