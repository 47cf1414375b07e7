package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxOpenings is how many private fields one record can commit to, as far as programs pass their openings on.
const MaxOpenings = 256

const fieldPurpose = "evident/field/v1\n"

// Opening is a private field of a record, which holds only a commitment to it: {"digest":"…","name":"…"}, anywhere in
// its fields. Whoever has the opening can prove the value; whoever has not cannot even recognise one that they guess.
type Opening struct {
	Name  string    `json:"name"`
	Salt  tlog.Hash `json:"salt"`
	Value string    `json:"value"`
}

// PrivateField stands in a record in the place of a private field.
type PrivateField struct {
	Digest string `json:"digest"` // 64 hexadecimal digits
	Name   string `json:"name"`
}

// Commit returns the commitment: the SHA-256 of a purpose line, the salt, and name and value as canonical JSON.
func (o Opening) Commit() (PrivateField, error) {
	field, err := EncodeCanonical(struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}{o.Name, o.Value})
	if err != nil {
		return PrivateField{}, err
	}
	digest := sha256.Sum256(slices.Concat([]byte(fieldPurpose), o.Salt[:], field))
	return PrivateField{hex.EncodeToString(digest[:]), o.Name}, nil
}

// Check checks that the opening is one of a commitment in a record's fields.
func (o Opening) Check(fields json.RawMessage) error {
	c, err := o.Commit()
	if err != nil {
		return err
	}
	text, err := EncodeCanonical(c)
	if err != nil {
		return err
	}
	// Fields are canonical, and a quote inside of a text is escaped: these bytes are the commitment or nothing.
	if !bytes.Contains(fields, text) {
		return fmt.Errorf("%w: the record does not commit to this value of %q", ErrProof, clip(o.Name))
	}
	return nil
}

// PrivateFields finds the commitments in a record's fields, in the order in which they stand there.
func PrivateFields(fields json.RawMessage) []PrivateField {
	var found []PrivateField
	var walk func(json.RawMessage)
	walk = func(value json.RawMessage) {
		var list []json.RawMessage
		var object map[string]json.RawMessage
		switch {
		case json.Unmarshal(value, &list) == nil:
			for _, one := range list {
				walk(one)
			}
		case json.Unmarshal(value, &object) == nil:
			var f PrivateField
			if DecodeCanonical(value, &f) == nil && isHex(f.Digest, sha256.Size) {
				found = append(found, f)
				return
			}
			for _, name := range slices.Sorted(maps.Keys(object)) {
				walk(object[name])
			}
		}
	}
	walk(fields)
	return found
}
