package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxGenesisSize bounds the genesis file, in bytes.
const MaxGenesisSize = 256 << 10

const genesisFormat = "evident/genesis/v1"

// Fingerprint is the SHA-256 of a genesis file: the whole trust root of a client.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint as 64 hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// ParseFingerprint parses 64 lower-case hexadecimal digits.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	if !isHex(s, len(f)) {
		return f, malformed("%q is not a fingerprint: want 64 hexadecimal digits", clip(s))
	}
	hex.Decode(f[:], []byte(s))
	return f, nil
}

// Words returns the first 128 bits as 12 words of the BIP-39 English list, to
// be compared by people.
func (f Fingerprint) Words() []string { return words([16]byte(f[:16])) }

// ContractRef names a contract that the members agreed to.
type ContractRef struct {
	Digest  tlog.Hash `json:"digest"` // of its definition
	Name    string    `json:"name"`
	Version int64     `json:"version"`
}

// Limits are the genesis settings for the size of blocks, and for how many
// members keep each evidence file.
type Limits struct {
	BlockBytes   int64 `json:"block_bytes"`
	BlockRecords int64 `json:"block_records"`
	Copies       int64 `json:"copies"`
}

// DefaultCopies is how many members keep an evidence file, unless the members
// agree on something else.
const DefaultCopies = 3

// Keepers is how many of the members keep each evidence file: all, when the
// set has become smaller than the number of copies.
func (l Limits) Keepers(members MemberSet) int {
	return int(min(l.Copies, int64(len(members))))
}

// Genesis is what the first members agreed to.
type Genesis struct {
	Contracts []ContractRef `json:"contracts"`
	Created   int64         `json:"created"` // Unix milliseconds: the time of block 0
	Format    string        `json:"format"`
	Limits    Limits        `json:"limits"`
	Members   MemberSet     `json:"members"`
	Name      string        `json:"name"` // of the ledger, a schema-less URL
}

// Encode returns the genesis file: one line of canonical JSON.
func (g Genesis) Encode() ([]byte, error) {
	g.Format = genesisFormat
	line, err := EncodeCanonical(g)
	if err != nil {
		return nil, err
	}
	file := append(line, '\n')
	if _, err := ParseGenesis(file); err != nil {
		return nil, err
	}
	return file, nil
}

// ParseGenesis parses a genesis file. Whether it is the right one, only its
// Fingerprint can tell.
func ParseGenesis(file []byte) (*Genesis, error) {
	if len(file) > MaxGenesisSize {
		return nil, tooLarge("a genesis", len(file), MaxGenesisSize)
	}
	line, ok := strings.CutSuffix(string(file), "\n")
	if !ok {
		return nil, malformed("genesis: want one line that ends with a line feed")
	}
	g := new(Genesis)
	if err := DecodeCanonical([]byte(line), g); err != nil {
		return nil, err
	}
	return g, g.check()
}

// check holds the genesis to its limits.
func (g *Genesis) check() error {
	switch {
	case g.Format != genesisFormat:
		return malformed("genesis: format %q is not known", clip(g.Format))
	case !isDomain(g.Name):
		return malformed("genesis: %q is not a ledger's name", clip(g.Name))
	case g.Created < 1:
		return malformed("genesis: created is a time in Unix milliseconds")
	case g.Limits.BlockBytes < MaxRecordSize || g.Limits.BlockRecords < 1:
		return malformed("genesis: block_bytes is at least %d, block_records at least 1", MaxRecordSize)
	case g.Created > MaxLogSize || g.Limits.BlockBytes > MaxBlockBytes || g.Limits.BlockRecords > MaxBlockRecords:
		return fmt.Errorf("%w: genesis: created %d, block_bytes %d, block_records %d", ErrLimit, g.Created, g.Limits.BlockBytes, g.Limits.BlockRecords)
	case g.Contracts == nil || len(g.Contracts) > 64:
		return malformed("genesis: contracts is a list of at most 64")
	}
	for i, c := range g.Contracts {
		if !isWord(c.Name) || c.Version < 1 || i > 0 && g.Contracts[i-1].Name >= c.Name {
			return malformed("genesis: contracts have names and versions, sorted by name")
		}
		if c.Version > MaxLogSize {
			return fmt.Errorf("%w: genesis: contract %s of version %d", ErrLimit, c.Name, c.Version)
		}
	}
	if err := g.Members.check(); err != nil {
		return err
	}
	if n := len(g.Members); g.Limits.Copies < 1 || g.Limits.Copies > int64(n) {
		return malformed("genesis: %d members cannot keep %d copies of a file: copies is 1 to %d", n, g.Limits.Copies, n)
	}
	return nil
}

// GenesisFingerprint returns the fingerprint of a genesis file.
func GenesisFingerprint(file []byte) Fingerprint { return sha256.Sum256(file) }

// Origin returns the name of the ledger in every signed text: the genesis name
// and the first 16 hexadecimal digits of the fingerprint.
func (g *Genesis) Origin(f Fingerprint) string { return g.Name + "/" + f.String()[:16] }
