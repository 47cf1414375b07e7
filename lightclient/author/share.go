package author

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"evident/lightclient"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

var (
	// ErrNotSealed means that a file needs no key to be read.
	ErrNotSealed = errors.New("the file is not sealed: nobody needs a key")
	// ErrNotAuthor means that somebody else signed the record.
	ErrNotAuthor = errors.New("the record was signed with other keys: only its authors order that")
)

// File is a file's place in a record; Index may be FirstStored.
type File struct {
	Record ledger.RecordID
	Index  int
}

// Share gives another person the key of a sealed file. The ledger gets a record that says to whom, by name and by the
// digest of their recipient; what is in the file it does not say. Only when that record is final, the key is handed out:
// text, which nobody but the recipient can open.
func (a *Author) Share(ctx context.Context, file File, recipient, to string) (text string, grant lightclient.Record, err error) {
	recipient, err = seal.CheckRecipient(recipient)
	if err != nil {
		return "", grant, fmt.Errorf("share: %w", err)
	}
	record, index, err := a.find(ctx, file)
	if err != nil {
		return "", grant, fmt.Errorf("share: %w", err)
	}
	e := record.Evidence[index]
	if e.Mode != ledger.Sealed {
		return "", grant, fmt.Errorf("share: %w", ErrNotSealed)
	}
	secret, err := a.Outbox.Secrets().Open(record.ID, index)
	if err != nil {
		return "", grant, fmt.Errorf("share: %w", err)
	}
	if text, err = seal.Share(secret, record.Ledger, record.ID, index, e.CID, recipient); err != nil {
		return "", grant, err
	}
	grant, err = a.state(ctx, "grant", map[string]any{"cid": e.CID, "record": record.ID.String(), "recipient": seal.RecipientDigest(recipient), "to": to})
	if err != nil {
		return "", grant, fmt.Errorf("share: %w", err)
	}
	return text, grant, nil
}

// find returns a record and the place of a file in it that the members keep.
func (a *Author) find(ctx context.Context, file File) (lightclient.Record, int, error) {
	record, err := a.Client.Record(ctx, file.Record)
	if err != nil {
		return record, 0, err
	}
	index, err := storedAt(record, file.Index)
	return record, index, err
}

// state puts a statement about files on the ledger and waits until it is final.
func (a *Author) state(ctx context.Context, action string, fields map[string]any) (lightclient.Record, error) {
	canonical, err := ledger.EncodeCanonical(fields)
	if err != nil {
		return lightclient.Record{}, err
	}
	r, err := a.sign(ctx, ledger.Statement{Action: action, Contract: "files", Evidence: []ledger.Evidence{}, Fields: json.RawMessage(canonical)})
	if err != nil {
		return lightclient.Record{}, err
	}
	return a.Client.Submit(ctx, r.Note, nil)
}

// Receive takes a key that somebody shared: from then on Fetch opens the file. The key is kept only if it is of what the
// record says.
func Receive(ctx context.Context, client *lightclient.Client, secrets Secrets, text string) (File, *seal.Secret, error) {
	identities, err := secrets.Vault.identities()
	if err != nil {
		return File{}, nil, fmt.Errorf("receive: %w", err)
	}
	texts := make([]string, len(identities))
	for i, id := range identities {
		texts[i] = id.String()
	}
	shared, err := seal.OpenShared(text, texts...)
	if err != nil {
		return File{}, nil, fmt.Errorf("receive: %w", err)
	}
	id, err := ledger.ParseRecordID(shared.Record)
	if err != nil {
		return File{}, nil, fmt.Errorf("receive: %w: %w", seal.ErrShare, err)
	}
	if origin := client.Trusted().Origin; shared.Ledger != origin {
		return File{}, nil, fmt.Errorf("receive: %w: the file is on the ledger %q, not on %q", ledger.ErrLedger, shared.Ledger, origin)
	}
	record, err := client.Record(ctx, id)
	if err != nil {
		return File{}, nil, fmt.Errorf("receive: %w", err)
	}
	if shared.Index < 0 || shared.Index >= len(record.Evidence) || !shared.Fits(record.Evidence[shared.Index]) {
		return File{}, nil, fmt.Errorf("receive: %w: it is not of the file that the record names", seal.ErrShare)
	}
	file := File{id, shared.Index}
	if _, err := secrets.Open(id, shared.Index); err == nil {
		return file, &shared.Secret, nil // ours, perhaps with its header
	}
	return file, &shared.Secret, secrets.put(id, shared.Index, &shared.Secret)
}

// Erased is what came of an order to erase a file.
type Erased struct {
	Record lightclient.Record // the order
	Gone   []transfer.Receipt // by members who erased it
	Kept   []transfer.Receipt // by members who said that they keep it, and have not said more
}

// erasingPatience is how long Erase waits for the members.
const erasingPatience = 2 * time.Minute

// Erase orders the members to erase a file, for a reason that everybody can read, and waits for their signed receipts. They
// obey if an author of every record that names the file signs the order. The records stay, and so does our secret: nothing
// proves what was there without it.
func (a *Author) Erase(ctx context.Context, file File, reason string) (Erased, error) {
	record, index, err := a.find(ctx, file)
	if err != nil {
		return Erased{}, fmt.Errorf("erase: %w", err)
	}
	if !slices.Contains(record.By, a.Key.Verifier()) { // nobody would obey
		return Erased{}, fmt.Errorf("erase: %w", ErrNotAuthor)
	}
	e := record.Evidence[index]
	order, err := a.state(ctx, "erase", map[string]any{"cid": e.CID, "reason": reason, "record": record.ID.String()})
	if err != nil {
		return Erased{}, fmt.Errorf("erase: %w", err)
	}
	trusted := a.Client.Trusted()
	limited, cancel := context.WithTimeout(ctx, erasingPatience)
	defer cancel()
	keepers := transfer.AwaitErasure(limited, a.Client.Sources(), transfer.Ledger{Origin: trusted.Origin, Members: trusted.Members}, record.ID, e)
	return Erased{order, keepers.Gone, keepers.Kept}, nil
}
