package app

import (
	"context"
	"errors"

	"evident/lightclient/author"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
	"evident/lightclient/transfer"
)

// openEvidence opens a stored file for the pages. Nothing of it is fetched but its beginning.
func (a *App) openEvidence(ctx context.Context, p service.EvidenceParams) (service.Opened, error) {
	client, record, e, err := a.service.Evidence(ctx, p)
	if err != nil {
		return service.Opened{}, err
	}
	out := service.Opened{Name: e.Name, Media: e.Media, Size: decimal(e.Size), Mode: string(e.Mode), Kind: "other", Key: "not_needed"}
	_, secret, err := author.OpenStored(record, p.Index, a.home.Outbox().Secrets())
	switch {
	case errors.Is(err, author.ErrNoSecret):
		out.Key = "none"
		return out, nil
	case err != nil:
		return service.Opened{}, problem(err)
	case secret != nil:
		out.Key, out.Name, out.Media = "here", secret.Name, secret.Media
	}
	ctx, cancel := context.WithCancel(a.ctx) // it is read until it is closed
	plain, err := seal.Open(ctx, &transfer.Blocks{Sources: client.Sources()}, e, secret)
	if err != nil {
		cancel()
		return service.Opened{}, problem(err)
	}
	out.Size, out.Media = decimal(plain.Size), service.MediaOf(out.Media, out.Name)
	out.Kind = service.KindOf(out.Media, out.Name)
	out.Token = a.shelf.put(&openFile{plain: plain, read: plain.Whole(), media: servedAs(out.Kind, out.Media), close: cancel})
	if out.Kind == "video" || out.Kind == "audio" {
		address, err := a.shelf.listen()
		if err != nil {
			a.shelf.remove(out.Token)
			return service.Opened{}, failed("store", "Nothing can be played.", "Save the file and open it in a player.", err)
		}
		out.URL = "http://" + address + evidencePath + out.Token
	}
	return out, nil
}

// servedAs is the media type for pictures, sound and video. All else is bytes,
// whatever its author called it.
func servedAs(kind, media string) string {
	switch kind {
	case "image", "video", "audio":
		return media
	}
	return "application/octet-stream"
}

// closeEvidence ends all reading of a file that was opened.
func (a *App) closeEvidence(_ context.Context, p service.TokenParams) (service.None, error) {
	a.shelf.remove(p.Token)
	return service.None{}, nil
}

// recipient is where others seal the keys of their files for this person.
func (a *App) recipient(context.Context, service.None) (service.Recipient, error) {
	if a.unfit != nil {
		return service.Recipient{}, a.unfit
	}
	recipient, err := a.home.Recipient()
	return service.Recipient{Recipient: recipient}, err
}

// share gives another person the key of a sealed file, and says so on the ledger.
func (a *App) share(ctx context.Context, p service.ShareParams) (service.Shared, error) {
	writer, id, err := a.writerOf(ctx, p.Record)
	if err != nil {
		return service.Shared{}, err
	}
	text, _, err := writer.Share(ctx, author.File{Record: id, Index: p.Index}, p.Recipient, p.To)
	if err != nil {
		return service.Shared{}, problem(err)
	}
	return service.Shared{Text: text}, nil
}

// erase orders the members to erase a file, waits a while for them to obey, and
// says who keeps it then.
func (a *App) erase(ctx context.Context, p service.EraseParams) (service.Storage, error) {
	writer, id, err := a.writerOf(ctx, p.Record)
	if err != nil {
		return service.Storage{}, err
	}
	erased, err := writer.Erase(ctx, author.File{Record: id, Index: p.Index}, p.Reason)
	if err != nil {
		return service.Storage{}, problem(err)
	}
	_, genesis := writer.Client.Genesis()
	members := writer.Client.Trusted().Members
	return service.Storage{Wanted: genesis.Limits.Keepers(members), Told: []string{},
		Kept: service.Keepers(erased.Kept, members), Erased: service.Keepers(erased.Gone, members)}, nil
}

// receive takes a key that another person shared.
func (a *App) receive(ctx context.Context, p service.ReceiveParams) (service.Received, error) {
	client, err := a.service.Client(ctx)
	if err != nil {
		return service.Received{}, err
	}
	file, secret, err := author.Receive(ctx, client, a.home.Outbox().Secrets(), p.Text)
	if err != nil {
		return service.Received{}, problem(err)
	}
	return service.Received{Record: file.Record.String(), Index: file.Index, Name: secret.Name}, nil
}

func (a *App) writerOf(ctx context.Context, record string) (*author.Author, ledger.RecordID, error) {
	id, err := ledger.ParseRecordID(record)
	if err != nil {
		return nil, id, badRequest("%v", err)
	}
	writer, err := a.author.open(ctx)
	return writer, id, err
}
