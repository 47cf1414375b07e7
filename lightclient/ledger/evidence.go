package ledger

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Mode says what becomes of an evidence file's bytes.
type Mode string

// The modes.
const (
	Digest Mode = "digest" // nothing leaves the author's machine
	Public Mode = "public" // the members keep the bytes for everybody
	Sealed Mode = "sealed" // the members keep a ciphertext; the record commits to the plain bytes
)

// Evidence names one file that a record speaks of. The bytes are elsewhere.
type Evidence struct {
	CID    string `json:"cid"`    // of the bytes' UnixFS DAG, profile unixfs-v1-2025; of the ciphertext if sealed
	Commit string `json:"commit"` // base64 of Commitment if sealed, else empty
	Media  string `json:"media"`  // media type; may be empty
	Mode   Mode   `json:"mode"`   //
	Name   string `json:"name"`   // file name, as the author gave it; may be empty
	SHA256 string `json:"sha256"` // of the bytes, 64 hexadecimal digits; empty if sealed
	Size   int64  `json:"size"`   // bytes, of the ciphertext if sealed
}

const commitPurpose = "evident/commit/v1\n"

// Commitment hides the SHA-256 of a sealed file: whoever does not know the salt
// can neither find it nor recognise a file that they guess.
func Commitment(salt, digest [32]byte) tlog.Hash {
	text := append(append([]byte(commitPurpose), salt[:]...), digest[:]...)
	return sha256.Sum256(text)
}

func (s *Scanner) evidence() Evidence {
	var e Evidence
	s.Expect(`{"cid":`)
	e.CID = s.Text(MaxRecordSize)
	s.Expect(`,"commit":`)
	e.Commit = s.Text(MaxRecordSize)
	s.Expect(`,"media":`)
	e.Media = s.Text(MaxRecordSize)
	s.Expect(`,"mode":`)
	e.Mode = Mode(s.Text(MaxRecordSize))
	s.Expect(`,"name":`)
	e.Name = s.Text(MaxRecordSize)
	s.Expect(`,"sha256":`)
	e.SHA256 = s.Text(MaxRecordSize)
	s.Expect(`,"size":`)
	e.Size = s.Int()
	s.Expect(`}`)
	return e
}

func checkEvidence(evidence []Evidence) error {
	for _, e := range evidence {
		if err := e.Check(); err != nil {
			return err
		}
	}
	return nil
}

// Check checks the form of a file's description.
func (e *Evidence) Check() error {
	if _, err := ParseCID(e.CID); err != nil {
		return err
	}
	switch e.Mode {
	case Digest, Public:
		if e.Commit != "" || !isHex(e.SHA256, 32) {
			return malformed("record: evidence: %s has a sha256 of 64 hexadecimal digits and no commit", e.Mode)
		}
	case Sealed:
		if _, err := ParseHash(e.Commit); err != nil || e.SHA256 != "" {
			return malformed("record: evidence: sealed has a commit of 32 bytes and no sha256")
		}
	default:
		return malformed("record: evidence: mode is digest, public or sealed")
	}
	switch {
	case e.Size < 0:
		return malformed("record: evidence: a size is not negative")
	case e.Size > MaxLogSize:
		return fmt.Errorf("%w: record: evidence: a size is at most 2^53", ErrLimit)
	case len(e.Name) > 255 || !isPlainText(e.Name):
		return malformed("record: evidence: a name has at most 255 bytes and no control characters")
	case len(e.Media) > 127 || !isASCII(e.Media):
		return malformed("record: evidence: media is a short ASCII text")
	}
	return nil
}

// CID is the content identifier of a block: version 1, codec raw or dag-pb,
// SHA-256. The zero CID names nothing.
type CID [4 + sha256.Size]byte

// The codecs of a CID.
const (
	CodecRaw   = 0x55
	CodecDagPB = 0x70
)

// The other numbers in front of a CID's digest.
const (
	cidV1      = 0x01
	hashSHA256 = 0x12
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewCID names the block of that codec whose SHA-256 is digest.
func NewCID(codec byte, digest [sha256.Size]byte) CID {
	c := CID{cidV1, codec, hashSHA256, sha256.Size}
	copy(c[4:], digest[:])
	return c
}

// ParseCID parses the text of a CID in lower-case base32.
func ParseCID(s string) (CID, error) {
	var c CID
	if len(s) == 1+base32Lower.EncodedLen(len(c)) && s[0] == 'b' {
		if data, err := base32Lower.DecodeString(s[1:]); err == nil {
			c = CID(data)
		}
	}
	if !c.valid() || c.String() != s {
		return CID{}, malformed("%q is not a CIDv1 of SHA-256, raw or dag-pb, in base32", clip(s))
	}
	return c, nil
}

// CIDFromBytes takes the binary form.
func CIDFromBytes(data []byte) (CID, error) {
	var c CID
	if len(data) == len(c) {
		c = CID(data)
	}
	if !c.valid() {
		return CID{}, malformed("not the bytes of a CIDv1 of SHA-256, raw or dag-pb")
	}
	return c, nil
}

func (c CID) valid() bool {
	return c[0] == cidV1 && (c[1] == CodecRaw || c[1] == CodecDagPB) && c[2] == hashSHA256 && c[3] == sha256.Size
}

// Codec returns how the block's bytes are to be read.
func (c CID) Codec() byte { return c[1] }

// Check checks that data is the block.
func (c CID) Check(data []byte) error {
	if sum := sha256.Sum256(data); sum != [sha256.Size]byte(c[4:]) {
		return fmt.Errorf("%w: the bytes are not those of %s", ErrProof, c)
	}
	return nil
}

// String returns the CID in lower-case base32.
func (c CID) String() string { return "b" + base32Lower.EncodeToString(c[:]) }
