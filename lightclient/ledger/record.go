package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Limits of a record.
const (
	MaxRecordSize = 32 << 10 // bytes of the whole note
	MaxSigners    = 16
	MaxEvidence   = 64
)

const recordPurpose = "evident/record/v1\n"

// RecordID is the SHA-256 of a record's text: known before it is signed.
type RecordID [sha256.Size]byte

// String returns the id as 64 hexadecimal digits.
func (id RecordID) String() string { return hex.EncodeToString(id[:]) }

// ParseRecordID parses 64 lower-case hexadecimal digits.
func ParseRecordID(s string) (RecordID, error) {
	var id RecordID
	if !isHex(s, len(id)) {
		return id, malformed("%q is not a record id: want 64 hexadecimal digits", clip(s))
	}
	hex.Decode(id[:], []byte(s))
	return id, nil
}

// Point is a place in the chain log: the newest checkpoint an author's client had verified.
type Point struct {
	Root tlog.Hash `json:"root"`
	Size int64     `json:"size"`
}

// Statement is what the authors of a record sign, with members in the order of
// the canonical JSON.
type Statement struct {
	Action   string          `json:"action"`
	After    Point           `json:"after"`    // signed after this checkpoint
	At       int64           `json:"at"`       // Unix milliseconds, by the author's clock: a claim
	By       []string        `json:"by"`       // verifier keys, Ed25519; every one must sign, in this order
	Contract string          `json:"contract"` //
	Evidence []Evidence      `json:"evidence"` //
	Fields   json.RawMessage `json:"fields"`   // canonical JSON object; its shape is the contract's
	Item     string          `json:"item"`     // empty at seq 1: the item is named by this record's id
	Ledger   string          `json:"ledger"`   // origin
	Nonce    string          `json:"nonce"`    // 32 hexadecimal digits
	Prev     string          `json:"prev"`     // id of the item's last record, empty at seq 1
	Seq      int64           `json:"seq"`      // 1 for an item's first record
	Version  int64           `json:"version"`  // of the contract
}

// Text returns the text that the authors sign: a purpose line and one line of canonical JSON.
func (s Statement) Text() (string, error) {
	line, err := EncodeCanonical(s)
	if err != nil {
		return "", err
	}
	return recordPurpose + string(line) + "\n", nil
}

// Sign makes the record: the statement's text under a signature of each signer,
// who must be the keys of By, in order.
func (s Statement) Sign(signers ...note.Signer) (*Record, error) {
	text, err := s.Text()
	if err != nil {
		return nil, err
	}
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, malformed("sign: %v", err)
	}
	u, err := ParseRecord(msg)
	if err != nil {
		return nil, err
	}
	return u.Verify()
}

// UnverifiedRecord has the form of a record; nobody checked its signatures.
type UnverifiedRecord struct {
	Statement
	ID   RecordID
	Note []byte // the exact bytes, which are the leaf in the block

	text    []byte // the part of Note that is signed
	authors []author
}

// Record is a record whose every signature was checked.
type Record struct{ UnverifiedRecord }

// ItemName returns the item this record acts on: by name, or by this record's id.
func (u *UnverifiedRecord) ItemName() string {
	if u.Item == "" {
		return u.ID.String()
	}
	return u.Item
}

// Leaf returns the RFC 6962 leaf hash of the record in its block.
func (u *UnverifiedRecord) Leaf() tlog.Hash { return tlog.RecordHash(u.Note) }

// ParseRecord parses the note of a record. It accepts only canonical bytes:
// one statement has one text, and a record one note for each set of signatures.
func ParseRecord(msg []byte) (_ *UnverifiedRecord, err error) {
	if len(msg) > MaxRecordSize {
		return nil, tooLarge("a record", len(msg), MaxRecordSize)
	}
	split := bytes.LastIndex(msg, []byte("\n\n"))
	if split < len(recordPurpose) {
		return nil, malformed("record: want a note that begins %q", strings.TrimSpace(recordPurpose))
	}
	u := &UnverifiedRecord{ID: sha256.Sum256(msg[:split+1]), Note: msg, text: msg[:split+1]}
	keys, err := u.parseText()
	if err != nil {
		return nil, err
	}
	u.authors, err = parseSignatureLines(keys, msg[split+2:])
	return u, err
}

// parseText reads what is signed, and returns the keys of those who have to sign.
func (u *UnverifiedRecord) parseText() (_ []verifierKey, err error) {
	line, ok := bytes.CutPrefix(u.text, []byte(recordPurpose))
	if !ok {
		return nil, malformed("record: want a text that begins %q", strings.TrimSpace(recordPurpose))
	}
	line, ok = bytes.CutSuffix(line, []byte("\n"))
	if !ok || bytes.IndexByte(line, '\n') >= 0 {
		return nil, malformed("record: want one line of JSON")
	}
	if u.Statement, err = parseStatement(line); err != nil {
		return nil, err
	}
	return u.Statement.check()
}

// ParseText parses the text of a record that nobody has signed yet, or not everybody, and holds it to every limit.
func ParseText(text string) (Statement, error) {
	if len(text) > MaxRecordSize {
		return Statement{}, tooLarge("a record", len(text), MaxRecordSize)
	}
	u := UnverifiedRecord{text: []byte(text)}
	_, err := u.parseText()
	return u.Statement, err
}

// parseStatement reads a statement; what it accepts, DecodeCanonical accepts too.
func parseStatement(line []byte) (Statement, error) {
	var st Statement
	s := NewScanner(line)
	s.Expect(`{"action":`)
	st.Action = s.Text(MaxRecordSize)
	s.Expect(`,"after":{"root":`)
	st.After.Root = s.Hash()
	s.Expect(`,"size":`)
	st.After.Size = s.Int()
	s.Expect(`},"at":`)
	st.At = s.Int()
	s.Expect(`,"by":`)
	st.By = []string{}
	s.List(MaxSigners, func() { st.By = append(st.By, s.Text(MaxRecordSize)) })
	s.Expect(`,"contract":`)
	st.Contract = s.Text(MaxRecordSize)
	s.Expect(`,"evidence":`)
	st.Evidence = []Evidence{}
	s.List(MaxEvidence, func() { st.Evidence = append(st.Evidence, s.evidence()) })
	s.Expect(`,"fields":`)
	st.Fields = s.Object()
	s.Expect(`,"item":`)
	st.Item = s.Text(MaxRecordSize)
	s.Expect(`,"ledger":`)
	st.Ledger = s.Text(MaxRecordSize)
	s.Expect(`,"nonce":`)
	st.Nonce = s.Text(MaxRecordSize)
	s.Expect(`,"prev":`)
	st.Prev = s.Text(MaxRecordSize)
	s.Expect(`,"seq":`)
	st.Seq = s.Int()
	s.Expect(`,"version":`)
	st.Version = s.Int()
	s.Expect(`}`)
	return st, s.Close()
}

// author is one signature that a record needs.
type author struct {
	verifierKey
	signature []byte
}

// parseSignatureLines wants exactly one canonical line for each key, in order.
func parseSignatureLines(keys []verifierKey, lines []byte) ([]author, error) {
	authors := make([]author, len(keys))
	for i, key := range keys {
		line, rest, ended := bytes.Cut(lines, []byte("\n"))
		lines = rest
		b64, ok := bytes.CutPrefix(line, []byte("— "+key.name+" "))
		blob, whole := decodeBase64(b64, 4+ed25519.SignatureSize)
		if !ok || !ended || !whole {
			return nil, malformed("record: want one signature line of %s", clip(key.name))
		}
		if binary.BigEndian.Uint32(blob) != key.hash {
			return nil, malformed("record: the signature line of %s names another key", clip(key.name))
		}
		authors[i] = author{key, blob[4:]}
	}
	if len(lines) != 0 {
		return nil, malformed("record: bytes after the last author's signature")
	}
	return authors, nil
}

// Verify checks every author's signature with the standard library's Ed25519.
func (u *UnverifiedRecord) Verify() (*Record, error) {
	for _, a := range u.authors {
		if !ed25519.Verify(a.public, u.text, a.signature) {
			return nil, signatureError(a.name)
		}
	}
	return &Record{*u}, nil
}

// OpenRecord parses a record and verifies it.
func OpenRecord(msg []byte) (*Record, error) {
	u, err := ParseRecord(msg)
	if err != nil {
		return nil, err
	}
	return u.Verify()
}

// check holds the statement to its limits and returns its signers' keys. What
// the contract wants comes later.
func (s *Statement) check() ([]verifierKey, error) {
	if err := CheckOrigin(s.Ledger); err != nil {
		return nil, err
	}
	switch {
	case !isWord(s.Contract) || !isWord(s.Action):
		return nil, malformed("record: contract and action are words of a-z, 0-9 and _, at most 32")
	case s.Version < 1 || s.Seq < 1 || s.At < 0 || s.After.Size < 1:
		return nil, malformed("record: version, seq and after.size begin at 1, and at is not negative")
	case max(s.Version, s.Seq, s.At, s.After.Size) > MaxLogSize:
		return nil, fmt.Errorf("%w: record: version, seq, at and after.size are at most 2^53", ErrLimit)
	case len(s.Item) > 128 || !isPlainText(s.Item):
		return nil, malformed("record: item is a text of at most 128 bytes without control characters")
	case s.Seq == 1 && s.Prev != "", s.Seq > 1 && (!isHex(s.Prev, 32) || s.Item == ""):
		return nil, malformed("record: seq 1 has no prev; later records have one, and name their item")
	case !isHex(s.Nonce, 16):
		return nil, malformed("record: nonce has 32 hexadecimal digits")
	}
	if err := checkEvidence(s.Evidence); err != nil {
		return nil, err
	}
	return parseSigners(s.By)
}

func parseSigners(by []string) ([]verifierKey, error) {
	if len(by) == 0 {
		return nil, malformed("record: nobody signs")
	}
	keys := make([]verifierKey, len(by))
	for i, vkey := range by {
		key, err := parseKey(vkey, algEd25519)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys[:i], func(k verifierKey) bool { return bytes.Equal(k.public, key.public) }) {
			return nil, malformed("record: the key of %s stands twice among the signers", clip(vkey))
		}
		keys[i] = key
	}
	return keys, nil
}
