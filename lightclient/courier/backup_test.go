package courier

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/author"
	"evident/lightclient/backup"
	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

const words = "harbour lantern ocean"

// used is a browser in which a file was sealed and recorded, and a record hides something.
type used struct {
	*Courier
	w       *world
	place   service.EvidenceParams
	content []byte
	hidden  []ledger.Opening
}

func newTestUsed(t *testing.T) *used {
	t.Helper()
	w := newTestWorld(t)
	c, _ := w.start(t)
	must[service.Keys](t, c, "makeKey", service.KeyParams{Name: "ada"})
	u := &used{Courier: c, w: w, content: pattern(5000), hidden: []ledger.Opening{{Name: "price", Salt: tlog.Hash{1, 2}, Value: `"12 €"`}}}
	c.Hold("a", &given{name: "a.pdf", content: u.content})
	must[service.StampStatus](t, c, "stamp", service.StampParams{Paths: []string{"a"}, Mode: "sealed"})
	c.until(t, c.hasState(final))
	u.place = service.EvidenceParams{Record: c.first().Record}
	if err := c.KeepPrivate(u.id(t), u.hidden); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *used) id(t *testing.T) ledger.RecordID {
	t.Helper()
	id, err := ledger.ParseRecordID(u.place.Record)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// fresh is another browser on the same ledger.
func (u *used) fresh(t *testing.T) *Courier {
	t.Helper()
	other := *u.w
	other.store = &memory{values: map[string][]byte{}}
	c, _ := other.start(t)
	return c
}

func backedUp(t *testing.T, c *Courier) string {
	t.Helper()
	return must[service.Backup](t, c, "backup", service.BackupParams{Passphrase: words}).Text
}

func restoredFrom(t *testing.T, c *Courier, text string) service.Restored {
	t.Helper()
	return must[service.Restored](t, c, "restore", service.RestoreParams{Passphrase: words, Text: text})
}

func addressOf(t *testing.T, c *Courier) string {
	t.Helper()
	return must[service.Recipient](t, c, "recipient", service.None{}).Recipient
}

// home is one of the desktop and the command line.
type home struct {
	keys   author.Keys
	outbox *author.Outbox
}

func newTestHome(t *testing.T) home {
	dir := t.TempDir()
	vault := &author.Vault{Dir: dir}
	return home{author.Keys{Dir: filepath.Join(dir, "keys"), Vault: vault}, &author.Outbox{Dir: filepath.Join(dir, "outbox"), Vault: vault}}
}

// TestBackupToAHomeAndBack takes what a browser holds to a home, and from there to another browser.
func TestBackupToAHomeAndBack(t *testing.T) {
	u := newTestUsed(t)
	h := newTestHome(t)
	for range 2 { // encrypted anew, it is the same still
		got, err := h.outbox.Vault.Restore(strings.NewReader(backedUp(t, u.Courier)), words)
		if err != nil || got.Keys != 1 || got.Secrets != 2 || got.Other != 1 || got.Differ != nil {
			t.Fatalf("restored %+v: %v", got, err)
		}
	}
	first := must[service.Keys](t, u.Courier, "keys", service.None{}).Keys[0]
	if key, err := h.keys.Open("ada"); err != nil || key.Verifier() != first.Key {
		t.Errorf("key: %v", err)
	}
	if info, err := os.Stat(filepath.Join(h.keys.Dir, "ada.key")); err != nil || info.ModTime().UnixMilli() != first.Created {
		t.Errorf("made %v, want %v: %v", info.ModTime(), time.UnixMilli(first.Created), err)
	}
	if to, err := h.outbox.Vault.Recipient(); err != nil || to != addressOf(t, u.Courier) {
		t.Errorf("recipient: %v", err)
	}
	want, err := u.secret(u.place.Record, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.outbox.Secrets().Open(u.id(t), 0); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("secret: %v", err)
	}
	data, err := h.outbox.Secrets().Private(u.id(t), backup.Openings)
	var hidden []ledger.Opening
	if err != nil || json.Unmarshal(data, &hidden) != nil || !reflect.DeepEqual(hidden, u.hidden) {
		t.Errorf("hidden: %s, %v", data, err)
	}
	text, err := u.Proof(u.place.Record)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(h.outbox.Vault.Dir, "proofs", u.place.Record+".evident")); err != nil || string(got) != text {
		t.Errorf("proof of %d bytes: %v", len(got), err)
	}

	// The home makes a key of its own, and holds files that a browser has no place for.
	if _, err := h.keys.Create("grace"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"genesis.json", "outbox/" + u.place.Record + ".json", "proofs/" + u.place.Record + "/7.evident"} {
		path := filepath.Join(h.outbox.Vault.Dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("{}"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := h.outbox.Vault.WriteBackup(&file, words); err != nil {
		t.Fatal(err)
	}
	again := u.fresh(t)
	if got := restoredFrom(t, again, file.String()); got != (service.Restored{Keys: 2, Secrets: 2}) {
		t.Errorf("restored %+v", got)
	}
	if got := restoredFrom(t, again, file.String()); got != (service.Restored{}) {
		t.Errorf("restored once more: %+v", got)
	}
	keys := must[service.Keys](t, again, "keys", service.None{}).Keys
	if len(keys) != 2 || keys[0] != first || keys[1].Name != "grace" {
		t.Errorf("keys %+v", keys)
	}
	if addressOf(t, again) != addressOf(t, u.Courier) {
		t.Error("another recipient")
	}
	if hidden, err := again.Private(u.id(t)); err != nil || !reflect.DeepEqual(hidden, u.hidden) {
		t.Errorf("hidden: %+v, %v", hidden, err)
	}
	if got, err := again.Proof(u.place.Record); err != nil || got != text {
		t.Errorf("proof of %d bytes: %v", len(got), err)
	}
	if names, err := again.store.Names(proofPrefix); err != nil || len(names) != 1 {
		t.Errorf("proofs %q: %v", names, err)
	}
	checkOpens(t, again, u.place, u.content)
}

// TestRestoreWhereThereIsAKey keeps what a browser has, and opens what was sealed to either address.
func TestRestoreWhereThereIsAKey(t *testing.T) {
	u := newTestUsed(t)
	c := u.fresh(t)
	must[service.Keys](t, c, "makeKey", service.KeyParams{Name: "ADA"})
	own := addressOf(t, c)
	if got := restoredFrom(t, c, backedUp(t, u.Courier)); got != (service.Restored{Keys: 1, Secrets: 2}) {
		t.Errorf("restored %+v", got)
	}
	if addressOf(t, c) != own {
		t.Error("another recipient")
	}
	for _, to := range []string{own, addressOf(t, u.Courier)} {
		must[service.Received](t, c, "receive", service.ReceiveParams{Text: sharedWith(t, u.Courier, u.place, to)})
	}
	// Where files cannot be told by the case of their names, both keys have theirs.
	h := newTestHome(t)
	got, err := h.outbox.Vault.Restore(strings.NewReader(backedUp(t, c)), words)
	if err != nil || got.Keys != 2 {
		t.Fatalf("restored %+v: %v", got, err)
	}
	names, err := h.keys.Names()
	if err != nil || len(names) != 2 || strings.EqualFold(names[0], names[1]) {
		t.Errorf("keys %q: %v", names, err)
	}
	for _, name := range names {
		if key, err := h.keys.Open(name); err != nil || !strings.EqualFold(key.Name(), "ada") {
			t.Errorf("key %s: %v", name, err)
		}
	}
}

// TestRestoreRefuses adds nothing of a backup that is not whole.
func TestRestoreRefuses(t *testing.T) {
	u := newTestUsed(t)
	text := backedUp(t, u.Courier)
	identities, err := u.identities()
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(value string) string {
		data, err := backup.Encrypt(identities[0].Recipient(), []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	with := func(files ...string) string {
		var out bytes.Buffer
		w, err := backup.NewWriter(&out, words, 4, identities)
		for i := 0; err == nil && i < len(files); i += 2 {
			err = w.Add(backup.File{Name: files[i], Size: int64(len(files[i+1])), Content: strings.NewReader(files[i+1])})
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	secret := backup.SecretName(u.place.Record, "0")
	c := u.fresh(t)
	for name, tt := range map[string]struct{ text, passphrase string }{
		"wrong passphrase":    {text, "another one here"},
		"no passphrase":       {text, ""},
		"nothing":             {"", words},
		"something else":      {"hello", words},
		"altered":             {text[:len(text)/2] + map[bool]string{true: "A", false: "B"}[text[len(text)/2] != 'A'] + text[len(text)/2+1:], words},
		"cut":                 {text[:len(text)-100], words},
		"cut early":           {text[:200], words},
		"a key that is none":  {with("keys/a.key", "PRIVATE+KEY+hello"), words},
		"a secret of another": {with(secret, "hello"), words},
		"no secret":           {with(secret, sealed("{")), words},
		"twice":               {with(secret, sealed("{}"), secret, sealed("{}")), words},
	} {
		if _, failed := call[service.Restored](t, c, "restore", service.RestoreParams{Passphrase: tt.passphrase, Text: tt.text}); failed == nil || failed.Code != "backup" {
			t.Errorf("%s: %+v", name, failed)
		}
		if names, err := c.store.Names(""); err != nil || len(names) > 0 {
			t.Fatalf("%s: left %q, %v", name, names, err)
		}
	}
	// What a home can hold may be more than a browser can take.
	list := "together/" + u.place.Record + "/files"
	for size, want := range map[int]error{maxBackup / 2: nil, maxBackup * 3 / 4: errBackup} {
		_, err := c.restore(t.Context(), service.RestoreParams{Passphrase: words, Text: with(list, strings.Repeat("x", size))})
		if !errors.Is(err, want) {
			t.Errorf("a list of %d bytes: %v", size, err)
		}
	}
}
