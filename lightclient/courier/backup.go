package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"evident/lightclient/service"
)

// Limits of a backup.
const (
	minPassphrase = 12 // characters
	maxBackup     = 64 << 20
	workFactor    = 16 // of scrypt: 64 MiB, which a browser's worker can have
	maxWorkFactor = 18
)

// contents is what a backup holds: values of the store by their names.
type contents map[string]json.RawMessage

var backedUp = []string{keyPrefix, identityName, "secret/", privatePrefix}

// backup returns all keys and secrets as an age file under a passphrase.
func (c *Courier) backup(_ context.Context, p service.BackupParams) (service.Backup, error) {
	if len([]rune(p.Passphrase)) < minPassphrase {
		return service.Backup{}, &service.Error{Code: "passphrase_short", Message: "The passphrase is too short.", Hint: "Use at least 12 characters: four or more words are good."}
	}
	all := contents{}
	for _, prefix := range backedUp {
		names, err := c.store.Names(prefix)
		if err != nil {
			return service.Backup{}, err
		}
		for _, name := range names {
			if all[name], err = c.store.Read(name); err != nil {
				return service.Backup{}, err
			}
		}
	}
	recipient, err := age.NewScryptRecipient(p.Passphrase)
	if err != nil {
		return service.Backup{}, err
	}
	recipient.SetWorkFactor(workFactor)
	var text bytes.Buffer
	armoured := armor.NewWriter(&text)
	w, err := age.Encrypt(armoured, recipient)
	if err != nil {
		return service.Backup{}, err
	}
	if err := json.NewEncoder(w).Encode(all); err != nil {
		return service.Backup{}, err
	}
	if err := w.Close(); err != nil {
		return service.Backup{}, err
	}
	if err := armoured.Close(); err != nil {
		return service.Backup{}, err
	}
	return service.Backup{Text: text.String()}, nil
}

var errBackup = &service.Error{Code: "backup", Message: "The backup cannot be opened.", Hint: "Check the passphrase, and that this is a backup file of Evident."}

// restore adds what a backup holds. What is here stays as it is.
func (c *Courier) restore(_ context.Context, p service.RestoreParams) (service.Restored, error) {
	identity, err := age.NewScryptIdentity(p.Passphrase)
	if err != nil {
		return service.Restored{}, errBackup
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(p.Text)), identity)
	if err != nil {
		return service.Restored{}, errBackup
	}
	data, err := io.ReadAll(io.LimitReader(r, maxBackup))
	var all contents
	if err != nil || json.Unmarshal(data, &all) != nil {
		return service.Restored{}, errBackup
	}
	var out service.Restored
	for name, value := range all {
		isKey, isSecret := strings.HasPrefix(name, keyPrefix), strings.HasPrefix(name, "secret/") || name == identityName
		if old, err := c.store.Read(name); err != nil || old != nil || !isKey && !isSecret {
			if err != nil {
				return out, err
			}
			continue
		}
		if err := c.store.Put(name, value); err != nil {
			return out, err
		}
		if isKey {
			out.Keys++
		} else {
			out.Secrets++
		}
	}
	return out, nil
}
