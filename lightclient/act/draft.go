package act

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
)

const format = "evident/draft/v1"

// MaxDraftSize bounds a draft file: a record in JSON, and what it commits to.
const MaxDraftSize = 256 << 10

var (
	// ErrNotASigner means that a key was to sign a draft which does not name it.
	ErrNotASigner = errors.New("the draft does not name this key as a signer")
	// ErrSignaturesMissing means that a draft is no record yet.
	ErrSignaturesMissing = errors.New("not everybody has signed")
	// ErrSigned means that a draft cannot change any more.
	ErrSigned = errors.New("somebody has signed this draft already")
)

// Draft is a record on its way to the signatures that it needs.
type Draft struct {
	ledger.Statement                  // do not change: it has been encoded
	Private          []ledger.Opening // what the commitments in Fields hide, as far as it was passed on

	text       string
	verifiers  []note.Verifier  // of By
	signatures []note.Signature // of By; Base64 is empty where one is missing
}

// draft fixes the text of a statement.
func draft(s ledger.Statement, private []ledger.Opening) (*Draft, error) {
	text, err := s.Text()
	if err != nil {
		return nil, err
	}
	return read(text, private)
}

// read makes a draft of a text that nobody has signed, and checks that every opening belongs to it.
func read(text string, private []ledger.Opening) (*Draft, error) {
	s, err := ledger.ParseText(text)
	if err != nil {
		return nil, err
	}
	d := &Draft{Statement: s, Private: private, text: text, signatures: make([]note.Signature, len(s.By))}
	for _, key := range s.By {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("%w: signer %s: %w", ledger.ErrFormat, key, err)
		}
		d.verifiers = append(d.verifiers, v)
	}
	if len(private) > ledger.MaxOpenings {
		return nil, fmt.Errorf("%w: a draft has at most %d private fields", ledger.ErrLimit, ledger.MaxOpenings)
	}
	for _, o := range private {
		if err := o.Check(s.Fields); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// ID is the id that the record will have: it is the SHA-256 of the text, whoever has signed.
func (d *Draft) ID() ledger.RecordID { return sha256.Sum256([]byte(d.text)) }

// ItemName is the item that the record will act on.
func (d *Draft) ItemName() string {
	if d.Item == "" {
		return d.ID().String()
	}
	return d.Item
}

// Sign adds a signature; signing twice changes nothing.
func (d *Draft) Sign(signer note.Signer) error {
	i := slices.IndexFunc(d.verifiers, func(v note.Verifier) bool { return v.Name() == signer.Name() && v.KeyHash() == signer.KeyHash() })
	if i < 0 {
		return fmt.Errorf("%w: %s", ErrNotASigner, signer.Name())
	}
	msg, err := note.Sign(&note.Note{Text: d.text}, signer)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	opened, err := note.Open(msg, note.VerifierList(d.verifiers[i]))
	if err != nil {
		return fmt.Errorf("sign with %s: %w", signer.Name(), err)
	}
	d.signatures[i] = opened.Sigs[0]
	return nil
}

// Signed returns the keys that have signed, Missing those that have yet to.
func (d *Draft) Signed() []string  { return d.keys(true) }
func (d *Draft) Missing() []string { return d.keys(false) }

func (d *Draft) keys(signed bool) []string {
	var keys []string
	for i, s := range d.signatures {
		if (s.Base64 != "") == signed {
			keys = append(keys, d.By[i])
		}
	}
	return keys
}

// Record returns the record, once everybody has signed.
func (d *Draft) Record() (*ledger.Record, error) {
	if missing := d.Missing(); len(missing) > 0 {
		var names []string
		for _, key := range missing {
			name, _, _ := strings.Cut(key, "+")
			names = append(names, name)
		}
		return nil, fmt.Errorf("%w: %s", ErrSignaturesMissing, strings.Join(names, ", "))
	}
	return ledger.OpenRecord(d.note())
}

// note is the text and the signatures so far. With all of them it is the record's note.
func (d *Draft) note() []byte {
	var b strings.Builder
	b.WriteString(d.text + "\n")
	for _, s := range d.signatures {
		if s.Base64 != "" {
			fmt.Fprintf(&b, "— %s %s\n", s.Name, s.Base64)
		}
	}
	return []byte(b.String())
}

// Bytes returns the draft as a file.
func (d *Draft) Bytes() ([]byte, error) {
	line, err := ledger.EncodeCanonical(fileJSON{format, string(d.note()), append([]ledger.Opening{}, d.Private...)})
	if err != nil {
		return nil, fmt.Errorf("encode draft: %w", err)
	}
	return append(line, '\n'), nil
}

type fileJSON struct {
	Format  string           `json:"format"`
	Note    string           `json:"note"`
	Private []ledger.Opening `json:"private"`
}

// Parse reads a draft, from a file's bytes or from a link. It accepts no signature that does not hold.
func Parse(data []byte) (*Draft, error) {
	file, err := unlink(data)
	if err != nil {
		return nil, err
	}
	if len(file) > MaxDraftSize {
		return nil, fmt.Errorf("read draft: %w: more than %d bytes", ledger.ErrLimit, MaxDraftSize)
	}
	var f fileJSON
	if err := ledger.DecodeCanonical([]byte(strings.TrimSuffix(string(file), "\n")), &f); err != nil {
		return nil, fmt.Errorf("read draft: %w", err)
	}
	if f.Format != format {
		return nil, fmt.Errorf("read draft: %w: want the format %s", ledger.ErrFormat, format)
	}
	split := strings.LastIndex(f.Note, "\n\n")
	if split < 0 {
		return nil, fmt.Errorf("read draft: %w: the note has no text", ledger.ErrFormat)
	}
	d, err := read(f.Note[:split+1], f.Private)
	if err != nil {
		return nil, fmt.Errorf("read draft: %w", err)
	}
	if err := d.readSignatures(f.Note); err != nil {
		return nil, fmt.Errorf("read draft: %w", err)
	}
	return d, nil
}

// readSignatures takes the signatures of the signers over, and wants no other line.
func (d *Draft) readSignatures(msg string) error {
	if len(msg) > len(d.text)+1 {
		opened, err := note.Open([]byte(msg), note.VerifierList(d.verifiers...))
		if err != nil {
			return fmt.Errorf("%w: %w", ledger.ErrSignature, err)
		}
		for _, s := range opened.Sigs {
			i := slices.IndexFunc(d.verifiers, func(v note.Verifier) bool { return v.Name() == s.Name && v.KeyHash() == s.Hash })
			d.signatures[i] = s
		}
	}
	if string(d.note()) != msg {
		return fmt.Errorf("%w: the signatures are not those of the signers, in their order", ledger.ErrFormat)
	}
	return nil
}
