package courier

import (
	"context"

	"filippo.io/age"

	"evident/lightclient/act"
	"evident/lightclient/backup"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// identityName is under what the identities lie, as in a home.
const identityName = "shares/identity"

// identities open what others share with this person, and what lies in a backup:
// the first is ours, made when it is first asked for; the others came with backups.
func (c *Courier) identities() ([]*age.HybridIdentity, error) {
	list, err := c.readIdentities()
	if err != nil || list != nil {
		return list, err
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, err
	}
	list = append(list, id)
	return list, c.write(identityName, string(backup.IdentityLines(list)))
}

func (c *Courier) readIdentities() ([]*age.HybridIdentity, error) {
	var text string
	if found, err := c.read(identityName, &text); err != nil || !found {
		return nil, err
	}
	return backup.ParseIdentities([]byte(text))
}

// adopt adds the identities of a backup. Where there is none yet, its first is ours.
func (c *Courier) adopt(more []*age.HybridIdentity) error {
	old, err := c.readIdentities()
	if err != nil {
		return err
	}
	return c.write(identityName, string(backup.IdentityLines(backup.Merge(old, more))))
}

func (c *Courier) recipient(context.Context, service.None) (service.Recipient, error) {
	list, err := c.identities()
	if err != nil {
		return service.Recipient{}, err
	}
	return service.Recipient{Recipient: list[0].Recipient().String()}, nil
}

// share seals a file's key to its recipient. The text is handed out only when
// the ledger says to whom.
func (c *Courier) share(ctx context.Context, p service.ShareParams) (service.Shared, error) {
	recipient, err := seal.CheckRecipient(p.Recipient)
	if err != nil || p.To == "" {
		return service.Shared{}, &service.Error{Code: "recipient", Message: "This is not the address of a recipient.",
			Hint: "Ask them for theirs: it begins with age1. Say who they are, too."}
	}
	s, err := c.stored(ctx, service.EvidenceParams{Record: p.Record, Index: p.Index})
	if err != nil {
		return service.Shared{}, err
	}
	if s.secret == nil {
		return service.Shared{}, errNoSecret
	}
	id, err := ledger.ParseRecordID(p.Record)
	if err != nil {
		return service.Shared{}, err
	}
	text, err := seal.Share(s.secret, s.client.Trusted().Origin, id, p.Index, s.evidence.CID, recipient)
	if err != nil {
		return service.Shared{}, err
	}
	grant, err := c.act(ctx, act.Action{Contract: "files", Action: "grant",
		Fields: map[string]any{"cid": s.evidence.CID, "record": p.Record, "recipient": seal.RecipientDigest(recipient), "to": p.To}})
	if err != nil {
		return service.Shared{}, err
	}
	if _, err := s.client.Submit(ctx, grant.Note, nil); err != nil {
		return service.Shared{}, err
	}
	return service.Shared{Text: text}, nil
}

// receive keeps a file key that was shared, if it is of what the record says.
func (c *Courier) receive(ctx context.Context, p service.ReceiveParams) (service.Received, error) {
	list, err := c.identities()
	if err != nil {
		return service.Received{}, err
	}
	var texts []string
	for _, id := range list {
		texts = append(texts, id.String())
	}
	shared, err := seal.OpenShared(p.Text, texts...)
	if err != nil {
		return service.Received{}, errShare
	}
	client, _, e, err := c.service.Evidence(ctx, service.EvidenceParams{Record: shared.Record, Index: shared.Index})
	if err != nil {
		return service.Received{}, err
	}
	if shared.Ledger != client.Trusted().Origin || !shared.Fits(e) {
		return service.Received{}, errShare
	}
	out := service.Received{Record: shared.Record, Index: shared.Index, Name: shared.Secret.Name}
	if old, err := c.secret(shared.Record, shared.Index); err != nil || old != nil {
		return out, err
	}
	return out, c.write(secretName(shared.Record, shared.Index), shared.Secret)
}

var (
	errShare = &service.Error{Code: "share", Message: "This text opens no file for you here.",
		Hint: "Check that it was copied whole, that it was made for your recipient address, and that this is the same ledger."}
	errNoSecret = &service.Error{Code: "no_secret", Message: "What opens this sealed file is not in this browser.",
		Hint: "Restore the backup of whoever sealed it, or ask them to share the file with you."}
)
