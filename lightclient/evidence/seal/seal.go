// Package seal stores a file with people who must not read it. What they get is an age file (age-encryption.org/v1), cut
// into the blocks of package evidence; who has the file's Secret opens it with Open, or with age itself.
package seal

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

var (
	// ErrContent means that a file was read back whole and is not what its author recorded.
	ErrContent = errors.New("the content is not what was recorded")
	// ErrSecret means that a secret does not open a sealed file.
	ErrSecret = errors.New("the secret does not open this file")
)

// Secret is the author's private part of a sealed file. Identity alone opens the ciphertext; Salt proves to others which
// file the record committed to; Header lets the author make the same ciphertext again.
//
// The identity is a post-quantum one: ciphertexts lie with the members for decades.
type Secret struct {
	Header   []byte    `json:"header"`   // of the age file, up to the payload
	Identity string    `json:"identity"` // AGE-SECRET-KEY-PQ-1…
	Media    string    `json:"media"`
	Name     string    `json:"name"`
	Salt     tlog.Hash `json:"salt"`
	SHA256   Sum       `json:"sha256"` // of the plain file; known once it was sealed
	Size     int64     `json:"size"`   // of the plain file
}

// Sum is a SHA-256 that is written in hexadecimal.
type Sum [sha256.Size]byte

// String returns 64 hexadecimal digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// MarshalText implements encoding.TextMarshaler.
func (s Sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Sum) UnmarshalText(text []byte) error {
	id, err := ledger.ParseRecordID(string(text)) // 64 hexadecimal digits too
	*s = Sum(id)
	return err
}

// NewSecret returns a fresh secret for a file of exactly size bytes.
func NewSecret(name, media string, size int64) (*Secret, error) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("make a secret: %w", err)
	}
	// age writes the header with the wrapped file key, and the nonce, before anything is encrypted.
	var header bytes.Buffer
	if _, err := age.Encrypt(&header, identity.Recipient()); err != nil {
		return nil, fmt.Errorf("make a secret: %w", err)
	}
	s := &Secret{Header: header.Bytes(), Identity: identity.String(), Media: media, Name: name, Size: size}
	rand.Read(s.Salt[:]) // never fails
	return s, nil
}

// Commitment is what the record says of the plain file.
func (s *Secret) Commitment() tlog.Hash { return ledger.Commitment(s.Salt, s.SHA256) }

// Evidence is the record's entry. Name and media type stay private: they are in the secret.
func (s *Secret) Evidence(stored evidence.Stored) ledger.Evidence {
	return ledger.Evidence{CID: stored.CID.String(), Commit: s.Commitment().String(), Mode: ledger.Sealed, Size: stored.Size}
}

// The payload of an age file: chunks of 64 KiB, each with a tag.
const (
	chunkSize  = 64 << 10
	sealedSize = chunkSize + chacha20poly1305.Overhead
	nonceSize  = 16
)

// Form makes the sealed file's leaves one by one. Of a file that has changed since it was first sealed none may leave the
// machine: whoever makes a leaf again compares its CID.
func (s *Secret) Form() (evidence.Form, error) { return newForm(s) }

// Seal makes the blocks of the sealed file of r, which has exactly s.Size bytes, and puts its SHA-256 into s. It works in
// one pass as evidence.Split does.
//
// The same secret makes the same ciphertext of the same bytes, so an interrupted upload can go on. Of other bytes it must
// not make any: two ciphertexts under one key and nonce reveal both files. An evidence.Trail sees to that; whoever seals a second
// time with a secret has to send the blocks through one.
func (s *Secret) Seal(ctx context.Context, r io.Reader, emit func(evidence.Block) error) (evidence.Stored, error) {
	f, err := s.Form()
	if err != nil {
		return evidence.Stored{}, err
	}
	stored, err := evidence.Store(ctx, r, f, emit)
	if err != nil {
		return evidence.Stored{}, err
	}
	s.SHA256 = stored.SHA256
	return stored, nil
}

// form stores an age file. Its leaves are not aligned to age's chunks: the chunk at an edge is encrypted for both
// of its leaves, so that they need not wait for each other.
type form struct {
	header []byte
	plain  int64
	aead   cipher.AEAD
}

func newForm(s *Secret) (*form, error) {
	identity, err := age.ParseHybridIdentity(s.Identity)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	if len(s.Header) <= nonceSize || len(s.Header) > maxHeader {
		return nil, fmt.Errorf("%w: its header is not age's", ErrSecret)
	}
	split := len(s.Header) - nonceSize
	fileKey, err := age.DecryptHeader(s.Header[:split], identity)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	key, err := hkdf.Key(sha256.New, fileKey, s.Header[split:], "payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	return &form{s.Header, s.Size, aead}, nil
}

// chunks counts them: an empty file has one, which is empty.
func (f *form) chunks() int64 { return max((f.plain+chunkSize-1)/chunkSize, 1) }

func (f *form) Length() int64 { return f.plain }

func (f *form) Stored() int64 {
	return int64(len(f.header)) + f.plain + f.chunks()*chacha20poly1305.Overhead
}

// within returns the chunks that a leaf holds bytes of: first, and the one behind the last.
func (f *form) within(leaf int64) (first, behind int64) {
	header := int64(len(f.header))
	from, to := leaf*evidence.LeafSize, min((leaf+1)*evidence.LeafSize, f.Stored())
	return max(from-header, 0) / sealedSize, max((to-header+sealedSize-1)/sealedSize, 0)
}

func (f *form) Source(leaf int64) (from, to int64) {
	first, behind := f.within(leaf)
	return first * chunkSize, min(behind*chunkSize, f.plain)
}

func (f *form) Leaf(leaf int64, plain, buf []byte) []byte {
	start, end := leaf*evidence.LeafSize, min((leaf+1)*evidence.LeafSize, f.Stored())
	if leaf == 0 {
		buf = append(buf, f.header...)
	}
	edge := buf[cap(buf)-sealedSize : cap(buf)-sealedSize] // behind the leaf
	first, behind := f.within(leaf)
	for c := first; c < behind; c++ {
		n := min(int64(len(plain)), chunkSize)
		at := int64(len(f.header)) + c*sealedSize // where the chunk begins
		if at >= start && at+sealedSize <= end {
			buf = f.seal(buf, c, plain[:n])
		} else {
			sealed := f.seal(edge, c, plain[:n])
			buf = append(buf, sealed[max(start-at, 0):min(end-at, int64(len(sealed)))]...)
		}
		plain = plain[n:]
	}
	return buf
}

// seal appends a chunk. Its nonce is the chunk's number, and whether it is the last.
func (f *form) seal(buf []byte, chunk int64, plain []byte) []byte {
	var nonce [chacha20poly1305.NonceSize]byte
	binary.BigEndian.PutUint64(nonce[3:11], uint64(chunk))
	if chunk == f.chunks()-1 {
		nonce[11] = 1
	}
	return f.aead.Seal(buf, nonce[:], plain, nil)
}
