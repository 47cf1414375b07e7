package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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

// Evidence names one file that a record speaks of. The bytes are elsewhere.
type Evidence struct {
	CID    string `json:"cid"`    // CIDv1 of its UnixFS DAG, profile unixfs-v1-2025
	Media  string `json:"media"`  // media type
	Name   string `json:"name"`   // file name, as the author gave it
	SHA256 string `json:"sha256"` // of the plain bytes, 64 hexadecimal digits
	Size   int64  `json:"size"`   // bytes
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
func ParseRecord(msg []byte) (*UnverifiedRecord, error) {
	if len(msg) > MaxRecordSize {
		return nil, tooLarge("a record", len(msg), MaxRecordSize)
	}
	split := bytes.LastIndex(msg, []byte("\n\n"))
	line, ok := bytes.CutPrefix(msg, []byte(recordPurpose))
	if !ok || split < len(recordPurpose) {
		return nil, malformed("record: want a note that begins %q", strings.TrimSpace(recordPurpose))
	}
	line = line[:split-len(recordPurpose)]
	if bytes.IndexByte(line, '\n') >= 0 {
		return nil, malformed("record: want one line of JSON")
	}
	u := &UnverifiedRecord{ID: sha256.Sum256(msg[:split+1]), Note: msg}
	if err := DecodeCanonical(line, &u.Statement); err != nil {
		return nil, err
	}
	if err := u.Statement.check(); err != nil {
		return nil, err
	}
	return u, checkSignatureLines(u.By, msg[split+2:])
}

// checkSignatureLines wants exactly one canonical line for each key, in order.
func checkSignatureLines(keys []string, lines []byte) error {
	for _, key := range keys {
		name, _, _ := strings.Cut(key, "+")
		line, rest, _ := bytes.Cut(lines, []byte("\n"))
		lines = rest
		b64, ok := bytes.CutPrefix(line, []byte("— "+name+" "))
		if !ok || !isBase64(b64, 4+ed25519.SignatureSize) {
			return malformed("record: want one signature line of %s", clip(name))
		}
	}
	if len(lines) != 0 {
		return malformed("record: bytes after the last author's signature")
	}
	return nil
}

// Verify checks every author's signature with the standard library's Ed25519.
func (u *UnverifiedRecord) Verify() (*Record, error) {
	verifiers := make([]note.Verifier, len(u.By))
	for i, key := range u.By {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, malformed("record: verifier key of %s", clip(key))
		}
		verifiers[i] = v
	}
	n, err := note.Open(u.Note, note.VerifierList(verifiers...))
	if err != nil {
		var bad *note.InvalidSignatureError
		if errors.As(err, &bad) {
			return nil, signatureError(bad.Name)
		}
		return nil, signatureError("any author")
	}
	if len(n.Sigs) != len(u.By) {
		return nil, signatureError("every author")
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

// check holds the statement to its limits; what the contract wants comes later.
func (s Statement) check() error {
	if err := CheckOrigin(s.Ledger); err != nil {
		return err
	}
	fields, err := CanonicalObject(s.Fields)
	if err != nil {
		return err
	}
	switch {
	case !bytes.Equal(fields, s.Fields):
		return malformed("record: fields are not canonical JSON")
	case !isWord(s.Contract) || !isWord(s.Action):
		return malformed("record: contract and action are words of a-z, 0-9 and _, at most 32")
	case s.Version < 1 || s.Seq < 1 || s.At < 0 || s.After.Size < 1:
		return malformed("record: version, seq and after.size begin at 1, and at is not negative")
	case len(s.Item) > 128 || !isPlainText(s.Item):
		return malformed("record: item is a text of at most 128 bytes without control characters")
	case s.Seq == 1 && s.Prev != "", s.Seq > 1 && (!isHex(s.Prev, 32) || s.Item == ""):
		return malformed("record: seq 1 has no prev; later records have one, and name their item")
	case !isHex(s.Nonce, 16):
		return malformed("record: nonce has 32 hexadecimal digits")
	}
	if err := checkSigners(s.By); err != nil {
		return err
	}
	return checkEvidence(s.Evidence)
}

func checkSigners(keys []string) error {
	if len(keys) < 1 || len(keys) > MaxSigners {
		return malformed("record: %d signers, want 1 to %d", len(keys), MaxSigners)
	}
	seen := make(map[string]bool, len(keys))
	for _, key := range keys {
		if err := CheckKey(key); err != nil {
			return err
		}
		if seen[key] {
			return malformed("record: %s stands twice among the signers", clip(key))
		}
		seen[key] = true
	}
	return nil
}

func checkEvidence(evidence []Evidence) error {
	if evidence == nil || len(evidence) > MaxEvidence {
		return malformed("record: evidence is a list of at most %d files", MaxEvidence)
	}
	for _, e := range evidence {
		switch {
		case !isHex(e.SHA256, 32):
			return malformed("record: evidence: sha256 has 64 hexadecimal digits")
		case e.Size < 0:
			return malformed("record: evidence: a size is not negative")
		case len(e.Name) > 255 || !isPlainText(e.Name):
			return malformed("record: evidence: a name has at most 255 bytes and no control characters")
		case len(e.Media) > 127 || !isASCII(e.Media) || len(e.CID) > 128 || !isASCII(e.CID):
			return malformed("record: evidence: media and cid are short ASCII texts")
		}
	}
	return nil
}
