package author

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"evident/lightclient/evidence/seal"
	"evident/lightclient/ledger"
)

// TestShare gives a sealed file's key to another home, which then fetches the file.
func TestShare(t *testing.T) {
	d, s, content := sealedDesk(t)
	_, friend := homeOf(t.TempDir(), nil)
	recipient, err := friend.Vault.Recipient()
	if err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(t.TempDir(), "back.bin")
	if _, err := Fetch(t.Context(), d.Client, friend.Secrets(), s.Record.ID, FirstStored, back, nil); !errors.Is(err, ErrNoSecret) {
		t.Fatalf("before: %v", err)
	}
	text, grant, err := d.Share(t.Context(), File{s.Record.ID, FirstStored}, "\n"+recipient+"  \n", "Wei Zhang 张伟")
	if err != nil {
		t.Fatal(err)
	}
	fields := string(grant.Fields)
	if grant.Contract != "files" || grant.Action != "grant" || !strings.Contains(fields, s.Record.ID.String()) ||
		!strings.Contains(fields, "张伟") || !strings.Contains(fields, seal.RecipientDigest(recipient)) {
		t.Errorf("the record says %s", fields)
	}
	if strings.Contains(text, "secret.bin") || strings.Contains(text, "AGE-SECRET") {
		t.Errorf("the key lies open: %s", text)
	}
	file, secret, err := Receive(t.Context(), d.Client, friend.Secrets(), "  "+text+"\n\n")
	if err != nil || file != (File{s.Record.ID, 0}) || secret.Name != "secret.bin" || secret.Header != nil {
		t.Fatalf("received %+v: %v", file, err)
	}
	if _, err := Fetch(t.Context(), d.Client, friend.Secrets(), s.Record.ID, FirstStored, back, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) {
		t.Errorf("fetched something else: %v", err)
	}
	if _, _, err := Receive(t.Context(), d.Client, d.Outbox.Secrets(), text); !errors.Is(err, seal.ErrShare) {
		t.Errorf("not sealed to us: %v", err)
	}
}

func TestShareRefuses(t *testing.T) {
	d, s, _ := sealedDesk(t)
	_, friend := homeOf(t.TempDir(), nil)
	recipient, err := friend.Vault.Recipient()
	if err != nil {
		t.Fatal(err)
	}
	d.Mode = ledger.Public
	path, _ := d.file(t, "open.bin", 3)
	public, err := d.Stamp(t.Context(), path, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, recipient, to string
		file                File
		want                error
	}{
		{"no recipient", "", "Wei", File{s.Record.ID, 0}, seal.ErrRecipient},
		{"not one", "age1hello", "Wei", File{s.Record.ID, 0}, seal.ErrRecipient},
		{"two", recipient + "\n" + recipient, "Wei", File{s.Record.ID, 0}, seal.ErrRecipient},
		{"no such file", recipient, "Wei", File{s.Record.ID, 1}, ErrNotStored},
		{"public", recipient, "Wei", File{public.Record.ID, 0}, ErrNotSealed},
	} {
		if text, _, err := d.Share(t.Context(), tt.file, tt.recipient, tt.to); !errors.Is(err, tt.want) || text != "" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	secret, err := d.Outbox.Secrets().Open(s.Record.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := s.Record.Evidence[0]
	share := func(origin string, id ledger.RecordID, index int, cid string, change func(*seal.Secret)) string {
		changed := *secret
		change(&changed)
		text, err := seal.Share(&changed, origin, id, index, cid, recipient)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	asIs := func(*seal.Secret) {}
	good := share(s.Record.Ledger, s.Record.ID, 0, e.CID, asIs)
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", seal.ErrShare},
		{"long", strings.Repeat("x", 1<<20), seal.ErrShare},
		{"a letter changed", strings.Replace(good, good[200:201], map[bool]string{true: "A", false: "B"}[good[200] != 'A'], 1), seal.ErrShare},
		{"another ledger", share("haven.example/7ff9aa46aa525b37", s.Record.ID, 0, e.CID, asIs), ledger.ErrLedger},
		{"another file", share(s.Record.Ledger, public.Record.ID, 0, e.CID, asIs), seal.ErrShare},
		{"another place", share(s.Record.Ledger, s.Record.ID, 1, e.CID, asIs), seal.ErrShare},
		{"below zero", share(s.Record.Ledger, s.Record.ID, -1, e.CID, asIs), seal.ErrShare},
		{"another CID", share(s.Record.Ledger, s.Record.ID, 0, public.Record.Evidence[0].CID, asIs), seal.ErrShare},
		{"another salt", share(s.Record.Ledger, s.Record.ID, 0, e.CID, func(s *seal.Secret) { s.Salt[0] ^= 1 }), seal.ErrShare},
	} {
		if _, _, err := Receive(t.Context(), d.Client, friend.Secrets(), tt.text); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(friend.Secrets().Dir, "*.age")); err != nil || len(left) > 0 {
		t.Errorf("kept %q, %v", left, err)
	}
	if _, err := age.ParseHybridRecipient(recipient); err != nil {
		t.Errorf("our recipient is not post-quantum: %v", err)
	}
}

func TestErase(t *testing.T) {
	d, s, _ := sealedDesk(t)
	author := d.Key
	var err error
	if d.Key, err = (Keys{filepath.Join(d.dir, "others"), d.Outbox.Vault}).Create("mallory"); err != nil {
		t.Fatal(err)
	}
	before := d.records()
	if _, err := d.Erase(t.Context(), File{s.Record.ID, FirstStored}, "x"); !errors.Is(err, ErrNotAuthor) || d.records() != before {
		t.Errorf("ordered by somebody else: %v", err)
	}
	d.Key = author
	got, err := d.Erase(t.Context(), File{s.Record.ID, FirstStored}, "personal data 个人信息")
	if err != nil || len(got.Gone) != ledger.DefaultCopies || len(got.Kept) != 0 || got.Record.Action != "erase" {
		t.Fatalf("%d erased, %d kept: %v", len(got.Gone), len(got.Kept), err)
	}
	if !strings.Contains(string(got.Record.Fields), s.Record.Evidence[0].CID) || !strings.Contains(string(got.Record.Fields), "个人信息") {
		t.Errorf("the order says %s", got.Record.Fields)
	}
	if _, err := Fetch(t.Context(), d.Client, d.Outbox.Secrets(), s.Record.ID, FirstStored, filepath.Join(d.dir, "back"), nil); !errors.Is(err, ErrErased) {
		t.Errorf("fetched an erased file: %v", err)
	}
	d.Mode = ledger.Digest
	path, _ := d.file(t, "digest.bin", 3)
	digest, err := d.Stamp(t.Context(), path, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Erase(t.Context(), File{digest.Record.ID, FirstStored}, "x"); !errors.Is(err, ErrNotStored) {
		t.Errorf("by digest: %v", err)
	}
}
