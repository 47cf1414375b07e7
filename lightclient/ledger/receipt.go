package ledger

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
)

// MaxReceiptSize bounds a receipt or a refusal, in bytes.
const MaxReceiptSize = 8 << 10

const (
	receiptPurpose = "evident/receipt/v1"
	refusalPurpose = "evident/refusal/v1"
	storagePurpose = "evident/storage/v1"
	erasurePurpose = "evident/erasure/v1"
)

// Receipt is a member's signed promise that it took a record in and that the
// record is in a block, or refused, by a certain time.
type Receipt struct {
	Ledger   string
	Record   RecordID
	Received int64 // Unix milliseconds, by the member's clock
	Promise  int64 // Unix milliseconds: no later than this
}

// Text returns the five lines that the member's node key signs.
func (r Receipt) Text() string {
	return fmt.Sprintf("%s\nledger %s\nrecord %s\nreceived %d\npromise %d\n",
		receiptPurpose, r.Ledger, r.Record, r.Received, r.Promise)
}

// OpenReceipt verifies a receipt of one member of the ledger named origin.
func OpenReceipt(origin string, member Member, msg []byte) (Receipt, error) {
	text, err := openNodeNote(member, msg)
	if err != nil {
		return Receipt{}, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 6 || lines[0] != receiptPurpose {
		return Receipt{}, malformed("receipt: want the five lines of %s", receiptPurpose)
	}
	r := lineReader{lines: lines[1:5]}
	out := Receipt{Ledger: r.next("ledger"), Record: r.record(), Received: r.number("received"), Promise: r.number("promise")}
	if r.err != nil || out.Text() != text {
		return Receipt{}, malformed("receipt: not the canonical text")
	}
	return out, checkOwn(origin, out.Ledger, out.Received, out.Promise)
}

// Refusal is a member's signed statement that it refused a record, and why.
type Refusal struct {
	Ledger string
	Record RecordID
	At     int64 // Unix milliseconds, by the member's clock
	Reason Reason
}

// Reason names the rule that refused a record, in two languages, and the
// values that the rule looked at.
type Reason struct {
	En     string            `json:"en"`
	Rule   string            `json:"rule"`
	Values map[string]string `json:"values"`
	Zh     string            `json:"zh"`
}

// Text returns the five lines that the member's node key signs; the last is
// the reason as canonical JSON.
func (r Refusal) Text() (string, error) {
	reason, err := EncodeCanonical(r.Reason)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s\nledger %s\nrecord %s\nat %d\nreason %s\n", refusalPurpose, r.Ledger, r.Record, r.At, reason), nil
}

// OpenRefusal verifies a refusal by one member of the ledger named origin.
func OpenRefusal(origin string, member Member, msg []byte) (Refusal, error) {
	text, err := openNodeNote(member, msg)
	if err != nil {
		return Refusal{}, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 6 || lines[0] != refusalPurpose {
		return Refusal{}, malformed("refusal: want the five lines of %s", refusalPurpose)
	}
	r := lineReader{lines: lines[1:5]}
	out := Refusal{Ledger: r.next("ledger"), Record: r.record(), At: r.number("at")}
	if err := DecodeCanonical([]byte(r.next("reason")), &out.Reason); err != nil {
		return Refusal{}, err
	}
	if again, err := out.Text(); r.err != nil || err != nil || again != text || out.Reason.Values == nil {
		return Refusal{}, malformed("refusal: not the canonical text")
	}
	return out, checkOwn(origin, out.Ledger, out.At)
}

// Storage is a member's signed statement about the bytes of one evidence file,
// under the record that names it: that it keeps them, or, as an erasure, that it
// was to keep them and has them no more.
type Storage struct {
	Ledger string
	Record RecordID
	CID    CID   // of the evidence
	Bytes  int64 // of the evidence: what was asked to be kept
	Time   int64 // Unix milliseconds, by the member's clock: when all was there, or gone
}

// Text returns the six lines of a storage receipt that the member's node key signs.
func (s Storage) Text() string { return s.text(storagePurpose) }

// ErasureText returns the six lines of an erasure receipt.
func (s Storage) ErasureText() string { return s.text(erasurePurpose) }

func (s Storage) text(purpose string) string {
	return fmt.Sprintf("%s\nledger %s\nrecord %s\ncid %s\nbytes %d\ntime %d\n",
		purpose, s.Ledger, s.Record, s.CID, s.Bytes, s.Time)
}

// OpenStorage verifies a storage receipt of one member of the ledger named origin.
func OpenStorage(origin string, member Member, msg []byte) (Storage, error) {
	return openStorage(storagePurpose, origin, member, msg)
}

// OpenErasure verifies an erasure receipt of one member of the ledger named origin.
func OpenErasure(origin string, member Member, msg []byte) (Storage, error) {
	return openStorage(erasurePurpose, origin, member, msg)
}

func openStorage(purpose, origin string, member Member, msg []byte) (Storage, error) {
	text, err := openNodeNote(member, msg)
	if err != nil {
		return Storage{}, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 7 || lines[0] != purpose {
		return Storage{}, malformed("want the six lines of %s", purpose)
	}
	r := lineReader{lines: lines[1:6]}
	s := Storage{Ledger: r.next("ledger"), Record: r.record(), CID: r.cid(), Bytes: r.number("bytes"), Time: r.number("time")}
	if r.err != nil || s.text(purpose) != text {
		return Storage{}, malformed("%s: not the canonical text", purpose)
	}
	return s, checkOwn(origin, s.Ledger, s.Bytes, s.Time)
}

// openNodeNote verifies a note that carries the signature of a member's node
// and nothing else.
func openNodeNote(member Member, msg []byte) (string, error) {
	if len(msg) > MaxReceiptSize {
		return "", tooLarge("a node's note", len(msg), MaxReceiptSize)
	}
	text, lines, err := splitNote(msg)
	if err != nil {
		return "", err
	}
	key, err := parseKey(member.Node, algEd25519)
	if err != nil {
		return "", err
	}
	own := ""
	for _, line := range slices.Backward(lines) {
		name, hash, err := parseSignatureLine(line)
		if err != nil {
			return "", err
		}
		if name == key.name && hash == key.hash {
			own = line
		}
	}
	if own == "" {
		return "", signatureError(member.Name)
	}
	b64 := strings.TrimSuffix(own[strings.LastIndexByte(own, ' ')+1:], "\n")
	blob, strict := decodeBase64([]byte(b64), 4+ed25519.SignatureSize)
	switch {
	case !strict:
		return "", malformed("the signature of %s is not one", member.Name)
	case !ed25519.Verify(key.public, text, blob[4:]):
		return "", signatureError(member.Name)
	case len(lines) != 1:
		return "", malformed("want one signature line of %s and no other", member.Name)
	}
	return string(text), nil
}

func (r *lineReader) record() RecordID {
	id, err := ParseRecordID(r.next("record"))
	if err != nil {
		r.fail("%v", err)
	}
	return id
}

func (r *lineReader) cid() CID {
	cid, err := ParseCID(r.next("cid"))
	if err != nil {
		r.fail("%v", err)
	}
	return cid
}

// checkOwn checks the numbers and the ledger of what a node signed.
func checkOwn(origin, got string, numbers ...int64) error {
	if n := slices.Max(numbers); n > MaxLogSize {
		return fmt.Errorf("%w: a number is %d", ErrLimit, n)
	}
	if got != origin {
		return fmt.Errorf("%w: it speaks of %q", ErrLedger, clip(got))
	}
	return nil
}
