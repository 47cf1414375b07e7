package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Limits of a certificate.
const (
	MaxCertificateSize = 256 << 10
	maxNoteLines       = 100
)

// FormatCheckpoint returns the text of a checkpoint without extension lines
// (C2SP tlog-checkpoint).
func FormatCheckpoint(origin string, tree tlog.Tree) []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n", origin, tree.N, tree.Hash)
}

// ParseCheckpoint parses the canonical text of a checkpoint of the ledger
// named origin.
func ParseCheckpoint(origin string, text []byte) (tlog.Tree, error) {
	if len(text) > MaxHeaderSize {
		return tlog.Tree{}, tooLarge("a checkpoint", len(text), MaxHeaderSize)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, malformed("checkpoint: want the three lines origin, size and root")
	}
	if lines[0] != origin {
		return tlog.Tree{}, fmt.Errorf("%w: the checkpoint is of %q, not of %q", ErrLedger, clip(lines[0]), origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return tlog.Tree{}, malformed("checkpoint: %q is not a size", clip(lines[1]))
	}
	if size > MaxLogSize {
		return tlog.Tree{}, fmt.Errorf("%w: a chain log of size %d", ErrLimit, size)
	}
	root, err := ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	tree := tlog.Tree{N: size, Hash: root}
	if !bytes.Equal(FormatCheckpoint(origin, tree), text) {
		return tlog.Tree{}, malformed("checkpoint: not the canonical text")
	}
	return tree, nil
}

// Certificate is a checkpoint with a quorum of cosignatures, each of them two
// signatures, and every one checked.
type Certificate struct {
	Tree         tlog.Tree
	Cosignatures []Cosignature // a quorum, in the order in which they were counted
	Note         []byte        // the signed note
	faults       int
}

// Height is the newest block that the certificate makes final.
func (c *Certificate) Height() Height { return Height(c.Tree.N - 1) }

// Time is the (f+1)-th smallest cosignature time, POSIX seconds: at least one
// honest member had signed by then, so everything below existed no later.
func (c *Certificate) Time() int64 {
	times := make([]int64, len(c.Cosignatures))
	for i, s := range c.Cosignatures {
		times[i] = s.Time
	}
	slices.Sort(times)
	return times[c.faults]
}

// NewCertificate makes a certificate of a checkpoint and cosignatures of
// members; it keeps the quorum that comes first. Cosignatures that Open
// returned for this checkpoint are not verified again.
func NewCertificate(origin string, set MemberSet, tree tlog.Tree, cosignatures []Cosignature) (*Certificate, error) {
	quorum := cosignatures[:min(len(cosignatures), set.Quorum())]
	cert := &Certificate{Tree: tree, Cosignatures: quorum, Note: formatCertificate(origin, tree, quorum), faults: set.Faults()}
	seen := map[string]bool{}
	for _, c := range quorum {
		if m := set.ByName(c.Member); m != nil && c.isVerified(m.Cosigner(), origin, tree) {
			seen[c.Member] = true
		}
	}
	if len(seen) == set.Quorum() {
		return cert, nil
	}
	return OpenCertificate(origin, set, cert.Note)
}

// Exact returns the note with the counted lines and no other.
func (c *Certificate) Exact(origin string) []byte {
	return formatCertificate(origin, c.Tree, c.Cosignatures)
}

func formatCertificate(origin string, tree tlog.Tree, cosignatures []Cosignature) []byte {
	msg := append(FormatCheckpoint(origin, tree), '\n')
	for _, c := range cosignatures {
		msg = append(msg, c.Lines...)
	}
	return msg
}

// OpenCertificate verifies a certificate of the ledger named origin under the
// member set in force at its height. In this order:
//
//  1. the note is within its limits and has at most 100 signature lines;
//  2. its text is a checkpoint of this ledger;
//  3. a quorum of distinct members has two lines, one of each kind, with one
//     time. Lines by other names or keys are ignored, and so are the lines of
//     members who have one kind only, and those behind the quorum;
//  4. the Ed25519 signatures of that quorum are valid;
//  5. and its ML-DSA-44 signatures, which cost more. A wrong signature of
//     either kind refuses the whole.
func OpenCertificate(origin string, set MemberSet, msg []byte) (*Certificate, error) {
	if len(msg) > MaxCertificateSize {
		return nil, tooLarge("a certificate", len(msg), MaxCertificateSize)
	}
	text, lines, err := splitNote(msg)
	if err != nil {
		return nil, err
	}
	tree, err := ParseCheckpoint(origin, text)
	if err != nil {
		return nil, err
	}
	quorum, err := set.count(lines)
	if err != nil {
		return nil, err
	}
	if got, want := len(quorum), set.Quorum(); got < want {
		return nil, fmt.Errorf("%w: %d of %d members have cosigned the checkpoint of size %d with both keys", ErrQuorum, got, want, tree.N)
	}
	for _, u := range quorum {
		if err := u.verifyEd25519(text); err != nil {
			return nil, err
		}
	}
	cert := &Certificate{Tree: tree, Note: msg, faults: set.Faults()}
	for _, u := range quorum {
		if err := u.verifyMLDSA44(origin, tree); err != nil {
			return nil, err
		}
		cert.Cosignatures = append(cert.Cosignatures, u.Cosignature)
	}
	return cert, nil
}

// splitNote cuts a signed note into its text and its signature lines, which
// keep their line feeds.
func splitNote(msg []byte) (text []byte, lines []string, err error) {
	control := func(r rune) bool { return r < 0x20 && r != '\n' }
	split := bytes.LastIndex(msg, []byte("\n\n"))
	if !utf8.Valid(msg) || bytes.ContainsFunc(msg, control) || split < 0 || split+2 == len(msg) || msg[len(msg)-1] != '\n' {
		return nil, nil, malformed("want a signed note")
	}
	lines = strings.SplitAfter(string(msg[split+2:]), "\n")
	lines = lines[:len(lines)-1]
	if len(lines) > maxNoteLines {
		return nil, nil, fmt.Errorf("%w: a note has at most %d signature lines", ErrLimit, maxNoteLines)
	}
	return msg[:split+1], lines, nil
}

// count returns the first members that have both lines, a quorum at most, in
// the order in which they got the second. No signature is verified yet.
func (s MemberSet) count(lines []string) (quorum []unverified, err error) {
	type found struct{ first, second string }
	seen := map[string]*found{}
	for _, line := range lines {
		name, hash, err := parseSignatureLine(line)
		if err != nil {
			return nil, err
		}
		member := s.ByName(name)
		if member == nil || len(quorum) == s.Quorum() {
			continue
		}
		if seen[name] == nil {
			seen[name] = new(found)
		}
		by, own := member.Cosigner(), seen[name]
		switch {
		case hash == by.ed25519.hash && own.first == "":
			own.first = line
		case hash == by.mldsa44.hash && own.second == "":
			own.second = line
		default:
			continue
		}
		if own.first == "" || own.second == "" {
			continue
		}
		u, err := by.read(own.first, own.second)
		if err != nil {
			return nil, err
		}
		quorum = append(quorum, u)
	}
	return quorum, nil
}

// parseSignatureLine reads any signature line that package note would read.
func parseSignatureLine(line string) (name string, hash uint32, err error) {
	rest, ok := strings.CutPrefix(line, "— ")
	name, b64, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
	blob, err := base64.StdEncoding.DecodeString(b64)
	if !ok || err != nil || len(blob) < 5 || !isKeyName(name) || strings.Contains(b64, "\r") {
		return "", 0, malformed("%q is not a signature line", clip(line))
	}
	return name, binary.BigEndian.Uint32(blob), nil
}
