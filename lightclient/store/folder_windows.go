package store

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Lock takes the lock by creating a file that is deleted when it is closed or
// the process ends, and waits at most ten seconds for another holder.
func Lock(path string) (unlock func(), err error) {
	for range 1000 {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return func() { f.Close(); os.Remove(path) }, nil
		}
		if !errors.Is(err, os.ErrExist) && !errors.Is(err, os.ErrPermission) {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, fmt.Errorf("another program holds %s; if none runs, delete that file", path)
}

// SyncFolder does nothing: NTFS journals a rename, and folders cannot be opened for syncing.
func SyncFolder(string) error { return nil }
