package chain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// manifestHead is Badger's magic and version.
const manifestHead = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkManifest checks that Badger's list of tables is whole: length, checksum and bytes of every entry. Badger takes a
// damaged length for an unfinished last entry, forgets all that follows, and deletes the tables that it forgot.
func checkManifest(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "MANIFEST"))
	if errors.Is(err, fs.ErrNotExist) {
		return checkNoTables(dir)
	}
	if err != nil {
		return err
	}
	if len(data) < manifestHead {
		return fmt.Errorf("%w: the list of tables has no beginning", ErrDamaged)
	}
	for data = data[manifestHead:]; len(data) > 0; {
		if len(data) < 8 {
			return fmt.Errorf("%w: the list of tables ends within an entry", ErrDamaged)
		}
		size, sum := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
		data = data[8:]
		if uint64(size) > uint64(len(data)) || crc32.Checksum(data[:size], castagnoli) != sum {
			return fmt.Errorf("%w: an entry in the list of tables is not what was written", ErrDamaged)
		}
		data = data[size:]
	}
	return nil
}

// checkNoTables refuses a folder that has tables and no list of them.
func checkNoTables(dir string) error {
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		return fmt.Errorf("%w: the list of tables is missing", ErrDamaged)
	}
	return nil
}
