package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	passphrase = "harbour lantern ocean"
	work       = 4 // tests do not wait
)

var record = strings.Repeat("ab", 32)

func newTestIdentity(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// newTestBackup holds a key and a proof that fills several chunks of age's.
func newTestBackup(t testing.TB) (text []byte, files map[string]string) {
	t.Helper()
	files = map[string]string{KeyName("林晓"): "a key", ProofName(record): strings.Repeat("proof\n", 30_000)}
	id := newTestIdentity(t)
	var out bytes.Buffer
	w, err := NewWriter(&out, passphrase, work, []*age.HybridIdentity{id})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{KeyName("林晓"), ProofName(record)} {
		if err := w.Add(File{Name: name, Size: int64(len(files[name])), Content: strings.NewReader(files[name]), Made: time.UnixMilli(1_700_000_000_123)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	files[Identities] = id.String() + "\n"
	return out.Bytes(), files
}

func readAll(r io.Reader, passphrase string) (map[string]string, error) {
	files := map[string]string{}
	return files, Read(r, passphrase, 18, func(f File) error {
		data, err := io.ReadAll(f.Content)
		files[f.Name] = string(data)
		if err == nil && f.Name != Identities && f.Made.UnixMilli() != 1_700_000_000_123 {
			err = fmt.Errorf("%s was made %v", f.Name, f.Made)
		}
		return err
	})
}

// TestRead takes a backup whose text has been armoured and one whose has not.
func TestRead(t *testing.T) {
	text, files := newTestBackup(t)
	raw, err := io.ReadAll(armor.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"armoured": text, "binary": raw, "pasted": append([]byte("\r\n\n"), text...)} {
		if got, err := readAll(bytes.NewReader(file), passphrase); err != nil || !maps.Equal(got, files) {
			t.Errorf("%s: %d files: %v", name, len(got), err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	text, _ := newTestBackup(t)
	raw, err := io.ReadAll(armor.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		file       []byte
		passphrase string
		want       error
	}{
		"wrong passphrase": {text, "harbour lantern oceans", ErrPassphrase},
		"no passphrase":    {text, "", ErrPassphrase},
		"no backup":        {[]byte("hello"), passphrase, ErrDamaged},
		"nothing":          {nil, passphrase, ErrDamaged},
		"armoured, longer": {append(bytes.Clone(text), '0'), passphrase, ErrDamaged},
		"binary, longer":   {append(bytes.Clone(raw), 0), passphrase, ErrDamaged},
	} {
		if _, err := readAll(bytes.NewReader(tt.file), tt.passphrase); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, file := range [][]byte{text, raw} {
		for i := 0; i < len(file); i += len(file) / 60 {
			bad := bytes.Clone(file)
			bad[i] ^= 2
			if _, err := readAll(bytes.NewReader(bad), passphrase); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrPassphrase) {
				t.Errorf("byte %d of %d altered: %v", i, len(file), err)
			}
			if _, err := readAll(bytes.NewReader(file[:i]), passphrase); !errors.Is(err, ErrDamaged) {
				t.Errorf("cut to %d of %d bytes: %v", i, len(file), err)
			}
		}
	}
	var costly bytes.Buffer
	w, err := NewWriter(&costly, passphrase, 12, []*age.HybridIdentity{newTestIdentity(t)})
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if err := Read(&costly, passphrase, 11, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("more work than allowed: %v", err)
	}
}

// header is a file that says it has so many bytes, of which none follow.
type header struct {
	name string
	size int64
	kind byte
}

func archiveOf(t testing.TB, format string, headers ...header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: formatName, Mode: 0o600, Size: int64(len(format))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, format); err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		if err := w.WriteHeader(&tar.Header{Name: h.name, Mode: 0o600, Size: h.size, Typeflag: h.kind, Linkname: map[bool]string{true: "x"}[h.kind == tar.TypeSymlink]}); err != nil {
			t.Fatal(err)
		}
	}
	if len(headers) == 0 || headers[len(headers)-1].size == 0 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// TestLimits refuses a file by its header: nobody is handed any of it.
func TestLimits(t *testing.T) {
	identity := header{Identities, 0, tar.TypeReg}
	list := "together/" + record + "/files"
	for name, tt := range map[string]struct {
		archive []byte
		want    error
		last    string // that was handed out
	}{
		"the least":          {archiveOf(t, format, identity), nil, Identities},
		"no identity":        {archiveOf(t, format, header{"keys/a.key", 0, tar.TypeReg}), ErrBackup, "keys/a.key"},
		"another version":    {archiveOf(t, "evident/backup/v2\n", identity), ErrBackup, ""},
		"longer version":     {archiveOf(t, format+"\n", identity), ErrBackup, ""},
		"no archive":         {[]byte(strings.Repeat("x", 1024)), ErrDamaged, ""},
		"empty":              {nil, ErrBackup, ""},
		"large identities":   {archiveOf(t, format, header{Identities, MaxPrivate + 1, tar.TypeReg}), ErrBackup, ""},
		"large key":          {archiveOf(t, format, identity, header{"keys/a.key", MaxPrivate + 1, tar.TypeReg}), ErrBackup, Identities},
		"large secret":       {archiveOf(t, format, identity, header{SecretName(record, "0"), MaxPrivate + 1, tar.TypeReg}), ErrBackup, Identities},
		"large proof":        {archiveOf(t, format, identity, header{ProofName(record), maxFile + 1, tar.TypeReg}), ErrBackup, Identities},
		"large list":         {archiveOf(t, format, identity, header{list, maxList + 1, tar.TypeReg}), ErrBackup, Identities},
		"a list that is cut": {archiveOf(t, format, identity, header{list, maxList, tar.TypeReg}), ErrDamaged, list},
		"link":               {archiveOf(t, format, identity, header{"keys/a.key", 0, tar.TypeSymlink}), ErrBackup, Identities},
		"elsewhere":          {archiveOf(t, format, identity, header{"../keys/a.key", 0, tar.TypeReg}), ErrBackup, Identities},
		"hidden":             {archiveOf(t, format, identity, header{"keys/.a.key", 0, tar.TypeReg}), ErrBackup, Identities},
		"unknown":            {archiveOf(t, format, identity, header{"ledgers/x", 0, tar.TypeReg}), ErrBackup, Identities},
	} {
		last := ""
		err := readArchive(bytes.NewReader(tt.archive), func(f File) error {
			last = f.Name
			_, err := io.Copy(io.Discard, f.Content)
			return err
		})
		if !errors.Is(err, tt.want) || last != tt.last {
			t.Errorf("%s: last %q, %v", name, last, err)
		}
	}
}

// TestAddRefuses writes nothing that Read would not take.
func TestAddRefuses(t *testing.T) {
	w, err := NewWriter(io.Discard, passphrase, work, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []File{{Name: "keys/.a.key"}, {Name: Identities}, {Name: "keys/a.key", Size: MaxPrivate + 1}, {Name: ProofName(record), Size: maxFile + 1}} {
		if err := w.Add(f); err == nil {
			t.Errorf("took %q of %d bytes", f.Name, f.Size)
		}
	}
}

func TestMerge(t *testing.T) {
	a, b, c := newTestIdentity(t), newTestIdentity(t), newTestIdentity(t)
	got := IdentityLines(Merge([]*age.HybridIdentity{a, b}, []*age.HybridIdentity{b, c, c}))
	if want := IdentityLines([]*age.HybridIdentity{a, b, c}); !bytes.Equal(got, want) {
		t.Errorf("got %s", got)
	}
	if back, err := ParseIdentities(got); err != nil || len(back) != 3 {
		t.Errorf("%d read back: %v", len(back), err)
	}
	for _, text := range []string{"", "\n", string(got) + "x\n", string(got[1:])} {
		if _, err := ParseIdentities([]byte(text)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archiveOf(f, format, header{Identities, 0, tar.TypeReg}, header{"keys/a.key", 0, tar.TypeReg}))
	f.Add(archiveOf(f, format, header{Identities, 5, tar.TypeReg}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		identified := false
		err := readArchive(bytes.NewReader(archive), func(file File) error {
			identified = identified || file.Name == Identities
			n, err := io.Copy(io.Discard, file.Content)
			if file.Name != Identities && !Holds(file.Name) || n > limitOf(file.Name) || err == nil && n != file.Size {
				t.Errorf("%q of %d bytes, %d read", file.Name, file.Size, n)
			}
			return err
		})
		if err == nil && !identified {
			t.Error("taken without an identity")
		}
	})
}
