package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"evident/lightclient/ledger"
)

var (
	// ErrRecipient means that a text is not an age recipient.
	ErrRecipient = errors.New("not an age recipient")
	// ErrShare means that a text is not a shared key for this person.
	ErrShare = errors.New("not a shared key, or not for this person")
)

// Shared is what one person hands to another so that they can open a sealed file too: the Secret but for the header, which
// only its author needs, and which file of which record it opens. It travels as an armoured age file:
//
//	-----BEGIN AGE ENCRYPTED FILE-----
//	…
//	-----END AGE ENCRYPTED FILE-----
type Shared struct {
	CID    string `json:"cid"`
	Format string `json:"format"`
	Index  int    `json:"index"`
	Ledger string `json:"ledger"`
	Record string `json:"record"`
	Secret Secret `json:"secret"`
}

const (
	sharedFormat = "evident/shared/v1"
	maxShared    = 64 << 10 // armoured
)

// CheckRecipient returns an age recipient, X25519 or post-quantum, without what people paste around it.
func CheckRecipient(text string) (string, error) {
	r, err := parseRecipient(text)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(r), nil
}

func parseRecipient(text string) (age.Recipient, error) {
	list, err := age.ParseRecipients(strings.NewReader(strings.TrimSpace(text)))
	if err != nil || len(list) != 1 {
		return nil, fmt.Errorf("%w: want age1… or age1pq1…", ErrRecipient)
	}
	return list[0], nil
}

// RecipientDigest is what a record says of a recipient: its SHA-256 in hexadecimal.
func RecipientDigest(recipient string) string {
	sum := sha256.Sum256([]byte(recipient))
	return hex.EncodeToString(sum[:])
}

// Share seals the key of a record's file to a recipient.
func Share(s *Secret, origin string, record ledger.RecordID, index int, cid, recipient string) (string, error) {
	r, err := parseRecipient(recipient)
	if err != nil {
		return "", err
	}
	handed := *s
	handed.Header = nil
	data, err := json.Marshal(Shared{CID: cid, Format: sharedFormat, Index: index, Ledger: origin, Record: record.String(), Secret: handed})
	if err != nil {
		return "", fmt.Errorf("share: %w", err)
	}
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, r)
	if err != nil {
		return "", fmt.Errorf("share: %w", err)
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		return "", fmt.Errorf("share: %w", err)
	}
	return out.String(), nil
}

// OpenShared opens what somebody shared with the holder of one of the identities (AGE-SECRET-KEY-PQ-1…). Whether it is
// what the record says is not known yet: see Fits.
func OpenShared(text string, identities ...string) (*Shared, error) {
	if len(text) > maxShared {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrShare, maxShared)
	}
	var list []age.Identity
	for _, one := range identities {
		id, err := age.ParseHybridIdentity(one)
		if err != nil {
			return nil, fmt.Errorf("open a shared key: %w", err)
		}
		list = append(list, id)
	}
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(strings.TrimSpace(text)+"\n")), list...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrShare, err)
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrShare, err)
	}
	shared := new(Shared)
	if err := json.Unmarshal(data, shared); err != nil || shared.Format != sharedFormat {
		return nil, errors.Join(fmt.Errorf("%w: want %s", ErrShare, sharedFormat), err)
	}
	return shared, nil
}

// Fits tells whether the secret is of this evidence: it opens its commitment. That its key opens the ciphertext shows when
// it is read.
func (s *Shared) Fits(e ledger.Evidence) bool {
	return e.Mode == ledger.Sealed && e.CID == s.CID && s.Secret.Commitment().String() == e.Commit
}
