package courier

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// key is an author's key pair, as it lies in the store.
type key struct {
	Created  int64  `json:"created"`
	Private  string `json:"private"`
	Verifier string `json:"verifier"`
}

const keyPrefix = "key/"

// allKeys lists the keys, the oldest first: it is the one that signs.
func (c *Courier) allKeys() ([]key, error) {
	names, err := c.store.Names(keyPrefix)
	if err != nil {
		return nil, err
	}
	var out []key
	for _, name := range names {
		var k key
		if _, err := c.read(name, &k); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	slices.SortStableFunc(out, func(a, b key) int { return cmp.Compare(a.Created, b.Created) })
	return out, nil
}

func (c *Courier) signer() (note.Signer, string, error) {
	keys, err := c.allKeys()
	if err != nil {
		return nil, "", err
	}
	if len(keys) == 0 {
		return nil, "", errNoKey
	}
	signer, err := note.NewSigner(keys[0].Private)
	return signer, keys[0].Verifier, err
}

// Verifiers and the three below implement drafts.Keys: drafts are signed here too.
func (c *Courier) Verifiers(context.Context) ([]string, error) {
	keys, err := c.allKeys()
	var out []string
	for _, k := range keys {
		out = append(out, k.Verifier)
	}
	return out, err
}

// Signer returns the key with that verifier key.
func (c *Courier) Signer(_ context.Context, verifier string) (note.Signer, error) {
	var k key
	found, err := c.read(keyPrefix+verifier, &k)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoKey
	}
	return note.NewSigner(k.Private)
}

// KeepPrivate makes what a record hides durable.
func (c *Courier) KeepPrivate(id ledger.RecordID, openings []ledger.Opening) error {
	return c.write(privatePrefix+id.String(), openings)
}

// Private returns what a record hides, as far as it was kept here.
func (c *Courier) Private(id ledger.RecordID) (openings []ledger.Opening, err error) {
	_, err = c.read(privatePrefix+id.String(), &openings)
	return openings, err
}

// privatePrefix is under what the private fields of records are kept.
const privatePrefix = "private/"

var errNoKey = &service.Error{Code: "no_key", Message: "There is no such key in this browser.", Hint: "Make one, or restore a backup."}

func (c *Courier) keys(context.Context, service.None) (service.Keys, error) {
	keys, err := c.allKeys()
	out := service.Keys{Keys: []service.Key{}}
	for _, k := range keys {
		name, _, _ := strings.Cut(k.Verifier, "+")
		out.Keys = append(out.Keys, service.Key{Name: name, Key: k.Verifier, Created: k.Created})
	}
	return out, err
}

// makeKey makes a key. It never replaces one.
func (c *Courier) makeKey(ctx context.Context, p service.KeyParams) (service.Keys, error) {
	if p.Name == "" || len(p.Name) > ledger.MaxNameSize || strings.ContainsAny(p.Name, "+/\\ \t\n") || strings.HasPrefix(p.Name, ".") {
		return service.Keys{}, &service.Error{Code: "key_name", Message: "This cannot be the name of a key.",
			Hint: "Use letters, digits, dots and hyphens, without spaces."}
	}
	private, verifier, err := note.GenerateKey(rand.Reader, p.Name)
	if err == nil {
		err = ledger.CheckKey(verifier)
	}
	if err != nil {
		return service.Keys{}, badRequest("make a key: %v", err)
	}
	if err := c.write(keyPrefix+verifier, key{time.Now().UnixMilli(), private, verifier}); err != nil {
		return service.Keys{}, err
	}
	return c.keys(ctx, service.None{})
}
