package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"evident/lightclient/author"
	"evident/lightclient/service"
)

// minPassphrase is as short as a passphrase may be, in characters. Who has the
// backup may guess without end.
const minPassphrase = 12

// backup asks the user where to, and writes all keys and secrets there.
func (a *App) backup(_ context.Context, p service.BackupParams) (service.Backup, error) {
	if a.unfit != nil {
		return service.Backup{}, a.unfit
	}
	if utf8.RuneCountInString(p.Passphrase) < minPassphrase {
		return service.Backup{}, &service.Error{Code: "passphrase_short", Message: "The passphrase is too short.", Hint: "Use at least 12 characters: four or more words are good."}
	}
	path, err := a.chooseTarget("evident-backup-" + time.Now().Format(time.DateOnly) + ".age")
	if err != nil || path == "" {
		return service.Backup{}, err
	}
	to := path
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		to += ".new" // the dialog asked whether to replace it, which is done when the new one is whole
	}
	if _, err := a.vault().Backup(to, p.Passphrase); err != nil {
		return service.Backup{}, problem(err)
	}
	if to != path {
		if err := os.Rename(to, path); err != nil {
			return service.Backup{}, problem(err)
		}
	}
	return service.Backup{Path: path}, nil
}

// restore asks the user for a backup, and brings what is in it into this home.
func (a *App) restore(_ context.Context, p service.RestoreParams) (service.Restored, error) {
	if a.unfit != nil {
		return service.Restored{}, a.unfit
	}
	a.dialogs.Lock()
	paths, err := a.window.ChooseFiles()
	a.dialogs.Unlock()
	if err != nil || len(paths) == 0 {
		return service.Restored{}, err
	}
	file, err := os.Open(paths[0])
	if err != nil {
		return service.Restored{}, problem(err)
	}
	defer file.Close()
	c, err := a.vault().Restore(file, p.Passphrase)
	if errors.Is(err, author.ErrDamaged) { // it is the backup that is
		err = fmt.Errorf("%w: %w", author.ErrBackup, err)
	}
	if err != nil {
		return service.Restored{}, problem(err)
	}
	return service.Restored{Keys: c.Keys, Secrets: c.Secrets}, nil
}

func (a *App) vault() *author.Vault { return a.home.Keys().Vault }
