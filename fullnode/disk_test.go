package fullnode_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"evident/fullnode/testnet"
)

// Nodes without room take nothing in and say so; the others go on while they
// are a quorum, and everything goes on when there is room again.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	t.Parallel()
	net := testnet.New(t, 4)
	net.MustStart()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	fill := func(full bool, nodes ...int) {
		for _, i := range nodes {
			net.Nodes[i].Full.Store(full)
		}
	}

	fill(true, 2)
	if a, err := net.Submit(t.Context(), 2, ada.Deposit("no room"), 0); err != nil || a.HTTP != http.StatusServiceUnavailable || a.Error.Code != "busy" {
		t.Errorf("got %v, HTTP %d %+v", err, a.HTTP, a.Error)
	}
	if !hasProblem(net, 2, "disk") {
		t.Error("health says nothing of the disk")
	}
	for range 3 {
		net.MustFinal(0, ada.Deposit("with three"))
	}
	fill(false, 2)
	net.AwaitLevel(10*time.Second, 0, 1, 2, 3)

	leader := net.Leader() // it hands over, since nobody could have the next block from it
	fill(true, leader)
	for range 3 {
		net.MustFinal((leader+1)%4, ada.Deposit("without the leader"))
	}
	fill(false, leader)
	net.AwaitLevel(10*time.Second, 0, 1, 2, 3)

	r := ada.Deposit("promised before the disks were full")
	net.Partition([]int{0}, []int{1}, []int{2}, []int{3}) // it stays with the node that took it
	if a, err := net.Submit(t.Context(), 0, r, 0); err != nil || a.Receipt == "" {
		t.Fatalf("got %v, %+v", err, a)
	}
	fill(true, 0, 1, 2, 3)
	net.Heal()
	time.Sleep(2 * time.Second)
	if a, err := net.Submit(t.Context(), 0, r, time.Second); err != nil || a.Status != "received" {
		t.Errorf("on full disks: %v, %q", err, a.Status)
	}
	fill(false, 0, 1, 2, 3)
	began := time.Now()
	net.MustFinal(0, r)
	t.Logf("final %s after there was room", time.Since(began).Round(time.Millisecond))
	net.AwaitLevel(20*time.Second, 0, 1, 2, 3)
	net.StopAndCheck()
}

// A real process on a small disk that fills up: it stops taking records in
// long before its store would be killed by the kernel, and resumes.
func TestFullDiskForReal(t *testing.T) {
	if testing.Short() {
		return // the full run has it
	}
	dir, mounted := smallDisk(t)
	if !mounted {
		return // TestFullDisk has shown the rest
	}
	c := testnet.FoundIn(t, dir, 1)
	net := testnet.Run(t, c)
	net.Start()
	ada := net.NewAuthor("ada")
	net.MustFinal(0, ada.Deposit("before"))
	// Evidence stops before records do: this disk never has the room that it leaves to them.
	if _, err := net.Upload(0, net.NewFile(1, 3<<20), func(int) {}); err == nil || !strings.Contains(err.Error(), "507") {
		t.Errorf("evidence on a small disk: %v", err)
	}
	for n := range 3 {
		ballast := filepath.Join(dir, "ballast")
		fillDisk(t, ballast)
		net.Eventually(10*time.Second, "intake stops", func() bool {
			a, err := net.Submit(t.Context(), 0, ada.Deposit("more"), 0)
			return err == nil && a.HTTP == http.StatusServiceUnavailable
		})
		time.Sleep(500 * time.Millisecond)
		net.MustRun()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		net.MustFinal(0, ada.Deposit(fmt.Sprint("room again ", n)))
	}
	net.StopAndCheck()
}

// smallDisk is a file system of 256 MiB, where this user may mount one.
func smallDisk(t *testing.T) (dir string, mounted bool) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256m"); err != nil {
		t.Logf("cannot mount a file system to fill: %v", err)
		return dir, false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, true
}

// fillDisk leaves a few MiB free.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for {
		var s syscall.Statfs_t
		if err := syscall.Fstatfs(int(file.Fd()), &s); err != nil {
			t.Fatal(err)
		}
		free := int64(s.Bavail)*s.Bsize - 4<<20
		if free <= 0 {
			return
		}
		if _, err := file.Write(make([]byte, min(free, 1<<20))); err != nil {
			t.Fatal(err)
		}
	}
}
