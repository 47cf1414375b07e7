package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"

	"evident/lightclient"
	"evident/lightclient/author"
	"evident/lightclient/home"
	"evident/lightclient/ledger"
	"evident/lightclient/proof"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// writer is the author of this home: its key, its outbox, and the light client.
type writer struct {
	home    home.Home
	service *service.Service
	node    lazyNode

	mu sync.Mutex // held while looking for the key, or making it
}

// reach returns when the ledger can be written to: a head is known that is not
// too old to be named in a record.
func (w *writer) reach(ctx context.Context) error {
	client, err := w.service.Client(ctx)
	if err != nil {
		return err
	}
	if head, known := client.Head(); known {
		if _, stale := client.Age(head); !stale {
			return nil
		}
	}
	_, err = client.Sync(ctx)
	return err
}

// stamp takes an order to its proof.
func (w *writer) stamp(ctx context.Context, o order, report func(author.Progress)) (out outcome, err error) {
	a, err := w.open(ctx)
	if err != nil {
		return out, err
	}
	a.Mode = ledger.Mode(o.Mode)
	if o.Paths != nil {
		out.Stamped, out.walked, err = a.StampTogether(ctx, o.Paths, o.Statement, report)
		return out, err
	}
	out.Stamped, err = a.Stamp(ctx, o.Path, o.Statement, report)
	return out, err
}

// keepers says who has signed that they keep a file, and how many are to.
func (w *writer) keepers(receipts []transfer.Receipt) (kept []service.Keeper, wanted int) {
	client, err := w.service.Client(context.Background()) // it is open: receipts came through it
	if err != nil {
		return []service.Keeper{}, 0
	}
	_, genesis := client.Genesis()
	members := client.Trusted().Members
	return service.Keepers(receipts, members), genesis.Limits.Keepers(members)
}

// resume takes the records in the outbox to their proofs. Without any it needs
// neither a node nor a key.
func (w *writer) resume(ctx context.Context, report func(author.Progress), done func(string, author.Stamped, error)) error {
	if entries, err := w.signed(); err != nil || len(entries) == 0 {
		return err
	}
	a, err := w.open(ctx)
	if err != nil {
		return err
	}
	return a.Resume(ctx, report, done)
}

// signed lists the records in the outbox.
func (w *writer) signed() ([]author.Entry, error) { return w.home.Outbox().Entries() }

func (w *writer) open(ctx context.Context) (*author.Author, error) {
	client, err := w.service.Client(ctx)
	if err != nil {
		return nil, err
	}
	names, err := w.keyNames()
	if err != nil {
		return nil, err
	}
	key, err := w.home.Keys().Open(names[0].name)
	if err != nil {
		return nil, err
	}
	return &author.Author{Client: client, Key: key, Outbox: w.home.Outbox()}, nil
}

// disclose adds to a proof what lets others compare the sealed files whose secrets
// are here. Without, a proof says of a sealed file only that it was recorded.
func (w *writer) disclose(p *proof.Proof, record lightclient.Record) error {
	for i, e := range record.Evidence {
		if e.Mode != ledger.Sealed {
			continue
		}
		secret, err := w.home.Outbox().Secrets().Open(record.ID, i)
		if errors.Is(err, author.ErrNoSecret) {
			continue
		}
		if err != nil {
			return err
		}
		p.Disclosures = append(p.Disclosures, proof.Disclosure{Index: int64(i), Salt: secret.Salt, SHA256: secret.SHA256})
	}
	return nil
}

// proof returns the proof file of a record, and what to call it.
func (w *writer) proof(ctx context.Context, id ledger.RecordID) (file []byte, name string, err error) {
	client, err := w.service.Client(ctx)
	if err != nil {
		return nil, "", err
	}
	record, err := client.Record(ctx, id)
	if err != nil {
		return nil, "", err
	}
	p, err := author.Proof(ctx, client, record)
	if err != nil {
		return nil, "", err
	}
	if err := w.disclose(p, record); err != nil {
		return nil, "", err
	}
	if file, err = p.Encode(); err != nil {
		return nil, "", fmt.Errorf("encode proof: %w", err)
	}
	return file, proofName(record.Record), nil
}

// keyName is a key's name and when it was made, in Unix milliseconds.
type keyName struct {
	name    string
	created int64
}

// keyNames lists the keys, the oldest first: that one signs, so that a further
// key changes nothing by itself. The first key is made here, when it is needed.
func (w *writer) keyNames() ([]keyName, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := w.home.Keys()
	names, err := keys.Names()
	if err == nil && len(names) == 0 {
		// Somebody else may make the first key at this moment: then that one is used.
		if _, err = keys.Create(userName()); err == nil || errors.Is(err, author.ErrKeyExists) {
			names, err = keys.Names()
		}
	}
	if err != nil {
		return nil, err
	}
	var found []keyName
	for _, name := range names {
		info, err := os.Stat(filepath.Join(keys.Dir, name+".key"))
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		found = append(found, keyName{name, info.ModTime().UnixMilli()})
	}
	slices.SortStableFunc(found, func(a, b keyName) int { return cmp.Compare(a.created, b.created) })
	return found, nil
}

// keys lists the keys of this home, the one that signs first.
func (a *App) keys(context.Context, service.None) (service.Keys, error) {
	if a.unfit != nil {
		return service.Keys{}, a.unfit
	}
	names, err := a.author.keyNames()
	if err != nil {
		return service.Keys{}, err
	}
	out := service.Keys{Keys: []service.Key{}}
	for _, n := range names {
		key, err := a.home.Keys().Open(n.name)
		if err != nil {
			return service.Keys{}, problem(err)
		}
		out.Keys = append(out.Keys, service.Key{Name: key.Name(), Key: key.Verifier(), Created: n.created})
	}
	return out, nil
}

// makeKey makes a further key. The oldest stays the one that signs.
func (a *App) makeKey(ctx context.Context, p service.KeyParams) (service.Keys, error) {
	if a.unfit != nil {
		return service.Keys{}, a.unfit
	}
	if _, err := a.home.Keys().Create(p.Name); err != nil {
		return service.Keys{}, problem(err)
	}
	return a.keys(ctx, service.None{})
}

// userName is the name of the first key: the user's on this machine, which
// says no more about a person than the person has said already.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return "author"
	}
	return keyNameOf(u.Username)
}

// keyNameOf makes a name that a key can have of a user's name.
func keyNameOf(username string) string {
	_, name, found := strings.Cut(username, `\`) // a Windows domain comes first
	if !found {
		name = username
	}
	name = strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || c == '.' || c == '_' || c == '@' {
			return c
		}
		return '-'
	}, name)
	name = strings.Trim(name, ".-")
	for len(name) > ledger.MaxNameSize {
		runes := []rune(name)
		name = string(runes[:len(runes)-1])
	}
	return cmp.Or(name, "author")
}

// transient tells whether an error will pass by itself: no node was reached.
func transient(err error) bool {
	return errors.Is(err, lightclient.ErrUnavailable) || errors.Is(err, lightclient.ErrStale) || errors.Is(err, context.DeadlineExceeded)
}

// unlock opens keys and secrets that a passphrase protects, until this program ends.
func (a *App) unlock(_ context.Context, p service.UnlockParams) (service.None, error) {
	if err := a.home.Vault.Unlock(p.Passphrase); err != nil {
		return service.None{}, problem(err)
	}
	return service.None{}, nil
}
