package author

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"evident/lightclient/backup"
	"evident/lightclient/ledger"
)

// homeOf opens the home of a desk as another run of the program would.
func homeOf(dir string, ask func() (string, error)) (Keys, *Outbox) {
	vault := &Vault{Dir: dir, Ask: ask}
	return Keys{filepath.Join(dir, "keys"), vault}, &Outbox{filepath.Join(dir, "outbox"), vault}
}

func answer(passphrase string) func() (string, error) {
	return func() (string, error) { return passphrase, nil }
}

// sealedDesk has stamped one sealed file.
func sealedDesk(t *testing.T) (*desk, Stamped, []byte) {
	t.Helper()
	d := newTestDesk(t, ledger.Sealed)
	path, content := d.file(t, "secret.bin", 2<<20)
	s, err := d.Stamp(t.Context(), path, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	return d, s, content
}

// TestAtRest finds neither keys nor secrets nor names in the files of a home.
func TestAtRest(t *testing.T) {
	d, s, _ := sealedDesk(t)
	secret, err := d.Outbox.Secrets().Open(s.Record.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Dir(d.Outbox.Dir)
	err = filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, private := range []string{"PRIVATE+KEY", secret.Identity, secret.SHA256.String()} {
			if bytes.Contains(data, []byte(private)) {
				t.Errorf("%s holds %s…", path, private[:11])
			}
		}
		info, statErr := entry.Info()
		if statErr == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return errors.Join(err, statErr)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPassphrase(t *testing.T) {
	d, s, _ := sealedDesk(t)
	home := filepath.Dir(d.Outbox.Dir)
	before, err := d.Outbox.Vault.Recipient()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Outbox.Vault.Protect("correct horse"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(home, "identity.txt")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the identity lies there: %s, %v", text, err)
	}
	for _, tt := range []struct {
		name string
		ask  func() (string, error)
		want error
	}{
		{"nobody to ask", nil, ErrLocked},
		{"nobody answers", func() (string, error) { return "", errors.New("closed") }, ErrLocked},
		{"wrong", answer("correct house"), ErrPassphrase},
		{"right", answer("correct horse"), nil},
	} {
		keys, outbox := homeOf(home, tt.ask)
		if _, err := keys.Open("ada"); !errors.Is(err, tt.want) {
			t.Errorf("%s: key: %v", tt.name, err)
		}
		if _, err := outbox.Secrets().Open(s.Record.ID, 0); !errors.Is(err, tt.want) {
			t.Errorf("%s: secret: %v", tt.name, err)
		}
		if again, err := outbox.Vault.Recipient(); err != nil || again != before {
			t.Errorf("%s: recipient: %v", tt.name, err)
		}
	}
	keys, _ := homeOf(home, answer("correct horse"))
	if err := keys.Vault.Protect(""); err != nil {
		t.Fatal(err)
	}
	if keys, _ = homeOf(home, nil); keys.Vault.Unlock("") != nil {
		t.Error("the passphrase is still there")
	}
	if _, err := keys.Open("ada"); err != nil {
		t.Error(err)
	}
}

// TestDamagedHome refuses to read what this home did not write, and to make a new identity for it.
func TestDamagedHome(t *testing.T) {
	d, s, _ := sealedDesk(t)
	home := filepath.Dir(d.Outbox.Dir)
	path := d.Outbox.Secrets().path(secretName(s.Record.ID, 0))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += len(whole) / 7 {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Outbox.Secrets().Open(s.Record.ID, 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	if err := os.Remove(filepath.Join(home, "identity.txt")); err != nil {
		t.Fatal(err)
	}
	keys, _ := homeOf(home, nil)
	if _, err := keys.Open("ada"); !errors.Is(err, ErrDamaged) {
		t.Errorf("without an identity: %v", err)
	}
	if _, err := os.Stat(filepath.Join(home, "identity.txt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an identity was made: %v", err)
	}
}

func TestBackup(t *testing.T) {
	d, s, content := sealedDesk(t)
	dir, _ := d.folder(t)
	d.Mode = ledger.Digest
	many, _, err := d.StampTogether(t.Context(), []string{dir}, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(d.dir, "home.age")
	made, err := d.Outbox.Vault.Backup(file, "correct horse")
	if err != nil || made.Keys != 1 || made.Secrets != 1 {
		t.Fatalf("backup of %+v: %v", made, err)
	}
	if _, err := d.Outbox.Vault.Backup(file, "correct horse"); !errors.Is(err, ErrFileExists) {
		t.Errorf("over a file: %v", err)
	}
	backup, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	fresh := t.TempDir()
	keys, outbox := homeOf(fresh, nil)
	for name, tt := range map[string]struct {
		file       []byte
		passphrase string
		want       error
	}{
		"wrong passphrase": {backup, "correct house", ErrPassphrase},
		"no passphrase":    {backup, "", ErrPassphrase},
		"a bit changed":    {flip(backup, len(backup)/2), "correct horse", ErrDamaged},
		"the last bit":     {flip(backup, len(backup)-1), "correct horse", ErrDamaged},
		"cut":              {backup[:len(backup)-100], "correct horse", ErrDamaged},
		"cut early":        {backup[:250], "correct horse", ErrDamaged},
		"longer":           {append(bytes.Clone(backup), 0), "correct horse", ErrDamaged},
		"no backup":        {[]byte("hello"), "correct horse", ErrDamaged},
	} {
		if _, err := outbox.Vault.Restore(bytes.NewReader(tt.file), tt.passphrase); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(fresh); err != nil || len(left) > 1 { // the lock
			t.Fatalf("%s: left %v, %v", name, left, err)
		}
	}
	for range 2 { // the second time changes nothing
		got, err := outbox.Vault.Restore(bytes.NewReader(backup), "correct horse")
		if err != nil || got.Keys != 1 || got.Secrets != 1 || got.Other != made.Other || got.Differ != nil {
			t.Fatalf("restored %+v: %v", got, err)
		}
	}
	key, err := keys.Open("ada")
	if err != nil || key.Verifier() != d.Key.Verifier() {
		t.Errorf("key: %v", err)
	}
	back := filepath.Join(fresh, "back.bin")
	if _, err := Fetch(t.Context(), d.Client, outbox.Secrets(), s.Record.ID, FirstStored, back, nil); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, content) {
		t.Errorf("fetched something else: %v", err)
	}
	if _, err := outbox.TogetherProof(many.Record.ID, filepath.Join(dir, "a.jpg")); err != nil {
		t.Error(err)
	}
}

// TestRestoreRefusesNames takes no file that could lie elsewhere, and nothing of another format.
func TestRestoreRefusesNames(t *testing.T) {
	for _, names := range [][]string{
		{"backup", "../x"}, {"backup", "/keys/a.key"}, {"backup", "keys/../../a.key"}, {"backup", `keys\a.key`}, {"backup", `keys/a\..\b.key`}, {"backup", "keys/.a.key"},
		{"backup", "ledgers/x"}, {"backup", "outbox/x.json"}, {"keys/a.key"}, {"backup"}, {},
	} {
		var file bytes.Buffer
		v := &Vault{Dir: t.TempDir()}
		sealed, err := backup.Protect(&file, "correct horse", 4)
		if err != nil {
			t.Fatal(err)
		}
		archive := tar.NewWriter(sealed)
		for _, name := range names {
			content := "evident/backup/v1\n"
			err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))})
			if _, writeErr := io.WriteString(archive, content); err != nil || writeErr != nil {
				t.Fatal(err, writeErr)
			}
		}
		if err := errors.Join(archive.Close(), sealed.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Restore(&file, "correct horse"); !errors.Is(err, ErrBackup) {
			t.Errorf("%q: %v", names, err)
		}
		if left, err := os.ReadDir(v.Dir); err != nil || len(left) > 1 { // the lock
			t.Errorf("%q: left %v, %v", names, left, err)
		}
	}
}

func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

// TestRestoreIntoAHome keeps what is there, and opens both.
func TestRestoreIntoAHome(t *testing.T) {
	d, s, _ := sealedDesk(t)
	var backup bytes.Buffer
	if _, err := d.Outbox.Vault.WriteBackup(&backup, "correct horse"); err != nil {
		t.Fatal(err)
	}
	keys, outbox := homeOf(t.TempDir(), nil)
	own, err := keys.Create("ada")
	if err != nil {
		t.Fatal(err)
	}
	before, err := outbox.Vault.Recipient()
	if err != nil {
		t.Fatal(err)
	}
	got, err := outbox.Vault.Restore(&backup, "correct horse")
	if err != nil || strings.Join(got.Differ, " ") != "keys/ada.key" || got.Secrets != 1 {
		t.Fatalf("restored %+v: %v", got, err)
	}
	if key, err := keys.Open("ada"); err != nil || key.Verifier() != own.Verifier() {
		t.Errorf("our key: %v", err)
	}
	if _, err := outbox.Secrets().Open(s.Record.ID, 0); err != nil {
		t.Errorf("their secret: %v", err)
	}
	_, again := homeOf(outbox.Vault.Dir, nil)
	if after, err := again.Vault.Recipient(); err != nil || after != before {
		t.Errorf("another recipient: %v", err)
	}
}
