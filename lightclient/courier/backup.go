package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"filippo.io/age"

	"evident/lightclient/backup"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// Limits of a backup. What scrypt takes, a browser's worker can have.
const (
	minPassphrase = 12        // characters
	maxBackup     = 128 << 20 // of its text
	workFactor    = 16
	maxWorkFactor = 18
)

// backup returns all keys, secrets and proofs as package backup has them.
func (c *Courier) backup(_ context.Context, p service.BackupParams) (service.Backup, error) {
	if utf8.RuneCountInString(p.Passphrase) < minPassphrase {
		return service.Backup{}, &service.Error{Code: "passphrase_short", Message: "The passphrase is too short.", Hint: "Use at least 12 characters: four or more words are good."}
	}
	identities, err := c.identities()
	if err != nil {
		return service.Backup{}, err
	}
	var text bytes.Buffer
	w, err := backup.NewWriter(&text, p.Passphrase, workFactor, identities)
	if err != nil {
		return service.Backup{}, err
	}
	out := packer{c, w, &text, identities[0].Recipient()}
	for _, pack := range []func() error{out.keys, out.secrets, out.openings, out.proofs, w.Close} {
		if err := pack(); err != nil {
			return service.Backup{}, err
		}
	}
	return service.Backup{Text: text.String()}, nil
}

// packer puts what the store holds into a backup, under the names that it has in a home.
type packer struct {
	*Courier
	to   *backup.Writer
	text *bytes.Buffer
	mine *age.HybridRecipient
}

func (p packer) seal(name string, made time.Time, data []byte) error {
	sealed, err := backup.Encrypt(p.mine, data)
	if err != nil {
		return err
	}
	return p.to.Add(backup.File{Name: name, Size: int64(len(sealed)), Content: bytes.NewReader(sealed), Made: made})
}

// keys files each key under its name; where another has it, or a file cannot have it, under the name's hash.
func (p packer) keys() error {
	all, err := p.allKeys()
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, k := range all {
		name, rest, _ := strings.Cut(k.Verifier, "+")
		file := backup.KeyName(name)
		if folded := strings.ToLower(file); taken[folded] || !backup.Holds(file) {
			hash, _, _ := strings.Cut(rest, "+")
			file = backup.KeyName(hash)
		}
		taken[strings.ToLower(file)] = true
		if err := p.seal(file, time.UnixMilli(k.Created), backup.Key{Private: k.Private, Verifier: k.Verifier}.Lines()); err != nil {
			return err
		}
	}
	return nil
}

func (p packer) secrets() error {
	return p.each(secretPrefix, func(place string) error {
		record, place, _ := strings.Cut(place, "/")
		index, err := strconv.Atoi(place)
		if err != nil {
			return err
		}
		secret, err := p.secret(record, index)
		if err != nil {
			return err
		}
		return p.sealed(backup.SecretName(record, strconv.Itoa(index)), secret)
	})
}

func (p packer) openings() error {
	return p.each(privatePrefix, func(record string) error {
		id, err := ledger.ParseRecordID(record)
		if err != nil {
			return err
		}
		openings, err := p.Private(id)
		if err != nil {
			return err
		}
		return p.sealed(backup.SecretName(record, backup.Openings), openings)
	})
}

// sealed writes a value as homes do.
func (p packer) sealed(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return p.seal(name, time.Time{}, data)
}

// proofs writes as many as there is room for: they can be made again.
func (p packer) proofs() error {
	return p.each(proofPrefix, func(record string) error {
		text, err := p.Proof(record)
		if err != nil || p.text.Len()+2*len(text) > maxBackup-1<<20 { // what age and tar hold back is less
			return err
		}
		return p.to.Add(backup.File{Name: backup.ProofName(record), Size: int64(len(text)), Content: strings.NewReader(text)})
	})
}

// each goes through what the store has under a prefix.
func (p packer) each(prefix string, use func(rest string) error) error {
	names, err := p.store.Names(prefix)
	for _, name := range names {
		if err := use(strings.TrimPrefix(name, prefix)); err != nil {
			return err
		}
	}
	return err
}

var errBackup = &service.Error{Code: "backup", Message: "The backup cannot be opened.", Hint: "Check the passphrase, and that this is a backup file of Evident."}

// restore adds what a backup holds, whichever program wrote it. What is here stays as it is, and nothing is added before all
// of it was read and found unaltered.
func (c *Courier) restore(_ context.Context, p service.RestoreParams) (service.Restored, error) {
	if len(p.Text) > maxBackup {
		return service.Restored{}, errBackup
	}
	values, identities, err := unpack(p)
	if err != nil {
		return service.Restored{}, errBackup
	}
	if err := c.adopt(identities); err != nil {
		return service.Restored{}, err
	}
	var out service.Restored
	for name, value := range values {
		if old, err := c.store.Read(name); err != nil || old != nil {
			if err != nil {
				return out, err
			}
			continue
		}
		if err := c.write(name, value); err != nil {
			return out, err
		}
		switch {
		case strings.HasPrefix(name, keyPrefix):
			out.Keys++
		case !strings.HasPrefix(name, proofPrefix):
			out.Secrets++
		}
	}
	return out, nil
}

// unpack returns what a backup holds, by the names of the store.
func unpack(p service.RestoreParams) (values map[string]any, identities []*age.HybridIdentity, err error) {
	files, made := map[string][]byte{}, map[string]time.Time{}
	err = backup.Read(strings.NewReader(p.Text), p.Passphrase, maxWorkFactor, func(f backup.File) (err error) {
		if _, twice := files[f.Name]; twice {
			return backup.ErrBackup
		}
		if to, _ := placeOf(f.Name); to == "" && f.Name != backup.Identities {
			return nil // of a home
		}
		files[f.Name], err = io.ReadAll(f.Content)
		made[f.Name] = f.Made
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if identities, err = backup.ParseIdentities(files[backup.Identities]); err != nil {
		return nil, nil, err
	}
	delete(files, backup.Identities)
	values = map[string]any{}
	for name, data := range files {
		to, read := placeOf(name)
		value, err := read(data, identities)
		if err != nil {
			return nil, nil, err
		}
		if k, is := value.(key); is {
			k.Created = made[name].UnixMilli()
			to, value = keyPrefix+k.Verifier, k
		}
		values[to] = value
	}
	return values, identities, nil
}

// reading is how a file of a backup becomes a value of the store.
type reading func(data []byte, identities []*age.HybridIdentity) (any, error)

// placeOf says where in the store a file of a backup has its place; nowhere if it is empty. A key tells itself.
func placeOf(name string) (to string, read reading) {
	folder, rest, _ := strings.Cut(name, "/")
	record, what, _ := strings.Cut(rest, ".")
	index, noIndex := strconv.Atoi(strings.TrimSuffix(what, ".age"))
	_, noRecord := ledger.ParseRecordID(record)
	switch {
	case folder == "keys":
		return keyPrefix, readKey
	case noRecord != nil:
		return "", nil
	case name == backup.ProofName(record):
		return proofPrefix + record, func(data []byte, _ []*age.HybridIdentity) (any, error) { return string(data), nil }
	case name == backup.SecretName(record, backup.Openings):
		return privatePrefix + record, readSealed(new([]ledger.Opening))
	case noIndex == nil && name == backup.SecretName(record, strconv.Itoa(index)):
		return secretName(record, index), readSealed(new(seal.Secret))
	}
	return "", nil
}

func readKey(data []byte, identities []*age.HybridIdentity) (any, error) {
	var err error
	if !backup.IsPlainKey(data) {
		data, err = backup.Decrypt(bytes.NewReader(data), identities)
	}
	if err != nil {
		return nil, err
	}
	k, _, err := backup.ParseKey(data)
	return key{Private: k.Private, Verifier: k.Verifier}, err
}

func readSealed(value any) reading {
	return func(data []byte, identities []*age.HybridIdentity) (any, error) {
		data, err := backup.Decrypt(bytes.NewReader(data), identities)
		if err != nil {
			return nil, err
		}
		return value, json.Unmarshal(data, value)
	}
}
