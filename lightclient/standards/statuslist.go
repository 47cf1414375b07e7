package standards

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"evident/lightclient"
	"evident/lightclient/ledger"
)

// minimumEntries is the least number of entries of a list, so that nobody sees from it which certificate is asked for.
const minimumEntries = 131_072

// Purpose is what an entry of a list says.
type Purpose string

// The purposes.
const (
	Revocation Purpose = "revocation" // for ever
	Suspension Purpose = "suspension" // for now
)

// lists says which statuses set a certificate's bit. What a holder may no longer show is revoked to the world outside:
// it has no words for a ticket that was redeemed.
var lists = map[Purpose][]string{
	Revocation: {"revoked", "superseded", "redeemed", "expired"},
	Suspension: {"suspended"},
}

// Certificate is a certificate with its proven state.
type Certificate struct {
	Name  string
	State lightclient.State
}

// StatusList is a W3C Bitstring Status List.
type StatusList struct {
	Credential []byte // BitstringStatusListCredential, unsigned: the ledger's proofs stand in its place
	Entries    []byte // by certificate, the credentialStatus that points into it
}

// NewStatusList makes the list of these certificates. A certificate's index is its place in the order of their names; a new
// certificate moves others, so list and entries belong together.
func NewStatusList(purpose Purpose, origin string, certificates []Certificate) (*StatusList, error) {
	set, ok := lists[purpose]
	if !ok {
		return nil, fmt.Errorf("%w: the purpose of a list is revocation or suspension", ledger.ErrFormat)
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("%w: a list of no certificates", ledger.ErrFormat)
	}
	sorted := slices.Clone(certificates)
	slices.SortFunc(sorted, func(a, b Certificate) int { return strings.Compare(a.Name, b.Name) })
	id := "urn:evident:" + strings.ReplaceAll(origin, "/", ":") + ":status:" + string(purpose)
	bits := make([]byte, max(minimumEntries, (len(sorted)+7)/8*8)/8)
	entries := object{}
	newest := sorted[0].State.Head
	for i, c := range sorted {
		var state lightclient.ItemState
		if err := json.Unmarshal(c.State.Value, &state); err != nil {
			return nil, fmt.Errorf("%w: the state of certificate %s: %w", ledger.ErrFormat, c.Name, err)
		}
		if slices.Contains(set, state.Status) {
			bits[i/8] |= 0x80 >> (i % 8) // index 0 is the left-most bit
		}
		if c.State.Head.Header.Height > newest.Header.Height {
			newest = c.State.Head
		}
		entries[c.Name] = object{"id": id + "#" + strconv.Itoa(i), "type": "BitstringStatusListEntry", "statusPurpose": purpose,
			"statusListIndex": strconv.Itoa(i), "statusListCredential": id}
	}
	return newStatusList(purpose, origin, id, bits, newest, entries, len(sorted))
}

func newStatusList(purpose Purpose, origin, id string, bits []byte, head lightclient.Head, entries object, count int) (*StatusList, error) {
	list, err := encodeBits(bits)
	if err != nil {
		return nil, err
	}
	l := new(StatusList)
	if l.Credential, err = encode(object{
		"@context": []any{"https://www.w3.org/ns/credentials/v2"}, "id": id,
		"type": []any{"VerifiableCredential", "BitstringStatusListCredential"}, "issuer": "urn:evident:" + strings.ReplaceAll(origin, "/", ":"),
		"validFrom": head.Time().UTC().Format("2006-01-02T15:04:05Z"),
		"description": fmt.Sprintf("Proven: the status of each of the %d certificates listed, on the ledger %s, up to block %d. Not proven: that there are no other certificates. "+
			"This credential is not signed; each status can be proven by itself: evident state certificate ITEM --proof FILE.", count, origin, head.Header.Height),
		"credentialSubject": object{"id": id + "#list", "type": "BitstringStatusList", "statusPurpose": purpose, "encodedList": list},
	}); err != nil {
		return nil, err
	}
	l.Entries, err = encode(entries)
	return l, err
}

// encodeBits compresses a list: multibase base64url without padding of its GZIP.
func encodeBits(bits []byte) (string, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", fmt.Errorf("compress a status list: %w", err)
	}
	if _, err := w.Write(bits); err != nil {
		return "", fmt.Errorf("compress a status list: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("compress a status list: %w", err)
	}
	return "u" + base64.RawURLEncoding.EncodeToString(b.Bytes()), nil
}

// maxList bounds what a list decompresses to.
const maxList = 16 << 20

// Status reads one entry of an encoded list.
func Status(encodedList string, index int) (bool, error) {
	text, ok := strings.CutPrefix(encodedList, "u")
	packed, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil {
		return false, fmt.Errorf("%w: the list is not multibase base64url", ledger.ErrFormat)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return false, fmt.Errorf("%w: the list is not compressed: %w", ledger.ErrFormat, err)
	}
	bits, err := io.ReadAll(io.LimitReader(r, maxList+1))
	if err != nil {
		return false, fmt.Errorf("%w: the list: %w", ledger.ErrFormat, err)
	}
	if len(bits) > maxList || len(bits) < minimumEntries/8 {
		return false, fmt.Errorf("%w: a list has from %d entries to %d", ledger.ErrLimit, minimumEntries, maxList*8)
	}
	if index < 0 || index >= len(bits)*8 {
		return false, fmt.Errorf("%w: the list has no entry %d", ledger.ErrLimit, index)
	}
	return bits[index/8]&(0x80>>(index%8)) != 0, nil
}
