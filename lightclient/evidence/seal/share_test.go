package seal

import (
	"errors"
	"strings"
	"testing"

	"filippo.io/age"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// TestShared hands a key to holders of both kinds of age identities, and to nobody else.
func TestShared(t *testing.T) {
	secret, err := NewSecret("film.mp4", "video/mp4", 5)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := secret.Seal(t.Context(), strings.NewReader("hello"), func(evidence.Block) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	e := secret.Evidence(stored)
	ours, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	const origin = "harbour.example/7ff9aa46aa525b37"
	id := ledger.RecordID{1}
	text, err := Share(secret, origin, id, 3, e.CID, ours.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenShared(text, theirs.String(), ours.String())
	if err != nil || got.Record != id.String() || got.Index != 3 || got.Ledger != origin || got.Secret.Name != "film.mp4" || !got.Fits(e) {
		t.Fatalf("%+v: %v", got, err)
	}
	if got.Secret.Header != nil || secret.Header == nil {
		t.Error("the header was handed out, or is gone")
	}
	other := e
	other.Commit = ledger.Commitment(secret.Salt, [32]byte{}).String()
	public := e
	public.Mode = ledger.Public
	if got.Fits(other) || got.Fits(public) {
		t.Error("it fits other files")
	}
	for _, identities := range [][]string{{theirs.String()}, {}, {"AGE-SECRET-KEY-1"}} {
		if _, err := OpenShared(text, identities...); err == nil {
			t.Errorf("%d identities open it", len(identities))
		}
	}
	plain, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Share(secret, origin, id, 0, e.CID, plain.Recipient().String()); err != nil {
		t.Errorf("an X25519 recipient: %v", err)
	}
	for _, recipient := range []string{"", "age1", "AGE-SECRET-KEY-1", ours.String()} {
		if _, err := CheckRecipient(recipient); !errors.Is(err, ErrRecipient) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%.20s: %v", recipient, err)
		}
	}
}

func FuzzOpenShared(f *testing.F) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		f.Fatal(err)
	}
	text, err := Share(&Secret{}, "a", ledger.RecordID{}, 0, "", identity.Recipient().String())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if shared, err := OpenShared(text, identity.String()); err == nil && shared.Format != sharedFormat {
			t.Errorf("opened %+v", shared)
		}
	})
}
