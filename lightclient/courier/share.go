package courier

import (
	"context"

	"filippo.io/age"

	"evident/lightclient/act"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// identityName lies with the keys, so that a backup holds it.
const identityName = "shares/identity"

// identity opens what others share with this person. It is made when it is first
// asked for.
func (c *Courier) identity() (*age.HybridIdentity, error) {
	var text string
	found, err := c.read(identityName, &text)
	if err != nil {
		return nil, err
	}
	if found {
		return age.ParseHybridIdentity(text)
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, err
	}
	return id, c.write(identityName, id.String())
}

func (c *Courier) recipient(context.Context, service.None) (service.Recipient, error) {
	id, err := c.identity()
	if err != nil {
		return service.Recipient{}, err
	}
	return service.Recipient{Recipient: id.Recipient().String()}, nil
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
	id, err := c.identity()
	if err != nil {
		return service.Received{}, err
	}
	shared, err := seal.OpenShared(p.Text, id.String())
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
