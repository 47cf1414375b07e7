package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

// signed is the guard's record: the newest tree and the time in its
// cosignature, which can be made again from both.
type signed struct {
	tree    tlog.Tree
	seconds int64
}

// slotSize is one disk sector, which is written whole or not at all.
const slotSize = 512

const slotPurpose = "evident/guard/v2"

// slotKey names a member's keys in a sector, which has no room for them.
func slotKey(c ledger.Cosigner) string {
	sum := sha256.Sum256([]byte(strings.Join(c.Keys(), "\n")))
	return hex.EncodeToString(sum[:])
}

// slotFile keeps the newest record and the one before in two slots that are
// written in turn, so that the record before survives whatever happens to the
// write of the newest.
type slotFile struct {
	file *os.File
	key  string
	next int64
}

func (f *slotFile) Close() error { return f.file.Close() }

// encodeSlot makes a sector: purpose, digest of the keys, inode, size, root, seconds and the
// SHA-256 of those lines, padded with zeros.
func encodeSlot(key string, inode uint64, s signed) []byte {
	text := fmt.Appendf(nil, "%s\n%s\n%d\n%d\n%s\n%d\n", slotPurpose, key, inode, s.tree.N, s.tree.Hash, s.seconds)
	sum := sha256.Sum256(text)
	text = fmt.Appendf(text, "%x\n", sum)
	return append(text, make([]byte, slotSize-len(text))...)
}

func decodeSlot(slot []byte) (key string, inode uint64, s signed, err error) {
	lines := strings.Split(string(bytes.TrimRight(slot, "\x00")), "\n")
	if len(lines) != 8 || lines[0] != slotPurpose {
		return "", 0, signed{}, ErrDamaged
	}
	inode, err1 := strconv.ParseUint(lines[2], 10, 64)
	size, err2 := strconv.ParseInt(lines[3], 10, 64)
	root, err3 := ledger.ParseHash(lines[4])
	seconds, err4 := strconv.ParseInt(lines[5], 10, 64)
	s = signed{tree: tlog.Tree{N: size, Hash: root}, seconds: seconds}
	if errors.Join(err1, err2, err3, err4) != nil || !bytes.Equal(encodeSlot(lines[1], inode, s), slot) {
		return "", 0, signed{}, ErrDamaged
	}
	return lines[1], inode, s, nil
}

func createSlots(path, key string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create guard: %w", err)
	}
	defer file.Close()
	inode, err := inodeOf(file)
	if err != nil {
		return err
	}
	empty := encodeSlot(key, inode, signed{})
	if _, err := file.Write(append(empty, empty...)); err != nil {
		return fmt.Errorf("create guard: %w", err)
	}
	return file.Sync()
}

// openSlots reads both slots. The newest valid record counts; damaged says
// that the other one was not valid, and may have been newer.
func openSlots(path, key string) (f *slotFile, last signed, damaged bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, signed{}, false, fmt.Errorf("open guard: %w", err)
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	inode, err := inodeOf(file)
	if err != nil {
		return nil, signed{}, false, err
	}
	data := make([]byte, 2*slotSize)
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, signed{}, false, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	valid := 0
	for i := range int64(2) {
		slotKey, slotInode, s, err := decodeSlot(data[i*slotSize : (i+1)*slotSize])
		if err != nil {
			continue
		}
		if slotKey != key {
			return nil, signed{}, false, fmt.Errorf("%w: it belongs to another key", ErrDamaged)
		}
		if slotInode != inode {
			return nil, signed{}, false, ErrCopied
		}
		if valid++; valid == 1 || s.tree.N > last.tree.N {
			last, f = s, &slotFile{file: file, key: key, next: 1 - i}
		}
	}
	if valid == 0 {
		return nil, signed{}, false, ErrDamaged
	}
	return f, last, valid == 1, nil
}

// write puts the record into the older slot; it is on disk on return.
func (f *slotFile) write(s signed) error {
	inode, err := inodeOf(f.file)
	if err != nil {
		return err
	}
	if _, err := f.file.WriteAt(encodeSlot(f.key, inode, s), f.next*slotSize); err != nil {
		return fmt.Errorf("write guard: %w", err)
	}
	if err := syscall.Fdatasync(int(f.file.Fd())); err != nil {
		return fmt.Errorf("write guard: %w", err)
	}
	f.next = 1 - f.next
	return nil
}

func inodeOf(file *os.File) (uint64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("open guard: %w", err)
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}

func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock guard: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, ErrInUse
	}
	return file, nil
}

const (
	keyPurpose = "evident/cosigner-key/v2"
	seedSize   = 32 // of either key
)

// writeKey writes the purpose, the member's name, and the seeds of Ed25519 and
// of ML-DSA-44, a line each.
func writeKey(path, member string, seeds []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write cosigning keys: %w", err)
	}
	defer file.Close()
	text := fmt.Sprintf("%s\n%s\n", keyPurpose, member)
	for seed := range slices.Chunk(seeds, seedSize) {
		text += base64.StdEncoding.EncodeToString(seed) + "\n"
	}
	if _, err := file.WriteString(text); err != nil {
		return fmt.Errorf("write cosigning keys: %w", err)
	}
	return file.Sync()
}

func readKey(path string) (*ledger.CosigningKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) != 5 || lines[0] != keyPurpose {
		return nil, fmt.Errorf("%w: cosigning keys", ErrDamaged)
	}
	first, err1 := base64.StdEncoding.DecodeString(lines[2])
	second, err2 := base64.StdEncoding.DecodeString(lines[3])
	key, err3 := ledger.NewCosigningKey(lines[1], first, second)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("%w: cosigning keys: %w", ErrDamaged, err)
	}
	return key, nil
}

func syncDir(dir string) error {
	for _, path := range []string{dir, filepath.Dir(dir)} {
		d, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("sync %s: %w", filepath.Base(path), err)
		}
		err = d.Sync()
		d.Close()
		if err != nil {
			return fmt.Errorf("sync %s: %w", filepath.Base(path), err)
		}
	}
	return nil
}
