// Package proof is the file that proves a record without any of us: everything
// from the author's signature to the members' certificate, in one text that a
// lawyer can keep for decades and check on a machine without a network.
//
// The file is one line of canonical JSON (package ledger) and a line feed:
//
//	{"format":"evident/proof/v1",
//	 "genesis":"{…}\n",                      the genesis file
//	 "header":"evident/block/v1\n…",         the block that holds the record
//	 "history":[{"header":"…","members":"…","proof":"…"}],
//	                                         each change of the member set before the certificate: the header that
//	                                         announces it, the new set, and the header's tlog-proof by the old set
//	 "index":7, "path":["…"],                the record's place in the block, and its inclusion path
//	 "private":[{"name":"…","salt":"…","value":"…"}],
//	                                         if given: what commitments in the record's fields hide
//	 "proof":"c2sp.org/tlog-proof@v1\n…",    the header in the chain log, under a certificate of exactly a quorum
//	 "record":"evident/record/v1\n…",        the note
//	 "salts":[{"index":0,"salt":"…","sha256":"…"}],
//	                                         if given: what the commitments of sealed evidence hide
//	 "since":["…"],                          if given: the checkpoint that the author named is a prefix of that log
//	 "state":{"header":"…","path":["…"],"proof":"…","value":"{…}"},
//	                                         if given: the item's state in a header of the same log
//	 "storage":["evident/storage/v1\n…"],     if given: receipts of members who keep the record's files
//	 "together":[{"entry":"…","index":7,"path":["…"]}]}
//	                                         if given: which of the files that the record holds together this is the proof of
//
// Whatever is signed or hashed stands in it as a string, byte for byte. The
// complete rules, with an example, are in lightclient/SPEC.md.
//
// The keys in a file never authorise themselves: Verify answers "valid" only
// for the ledger whose fingerprint the caller already trusts. The package is
// pure: no network, no disk, no clock.
package proof

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// Limits of a proof file.
const (
	MaxSize    = 24 << 20
	MaxHistory = 1000 // changes of the member set

	maxPath      = 63 // hashes from a leaf to a root
	maxStateSize = 64 << 10
	maxTlogProof = ledger.MaxCertificateSize + 8<<10
)

const format = "evident/proof/v1"

// Proof is the content of a proof file. Parse checks its form, Verify its truth.
type Proof struct {
	Genesis     []byte           // the genesis file
	History     []SetChange      // in the order of their heights
	Record      []byte           // the note
	Index       int64            // of the record in its block
	Path        tlog.RecordProof // of the record in its block
	Header      ledger.Header    // of the block
	Inclusion   tlog.RecordProof // of the header in the certificate's tree
	Certificate []byte           // the note, with exactly a quorum of cosignatures
	Disclosures []Disclosure     // of sealed evidence, by ascending index; nil if none
	Private     []ledger.Opening // of commitments in the record's fields; nil if none
	Since       tlog.TreeProof   // from the record's "after" to the certificate's tree; nil if not given
	State       *State           // nil if not given
	Storage     [][]byte         // storage receipts of the record's files, by CID and member; nil if none
	Together    []Together       // of the files that the record holds together, by ascending index; nil if not given
}

// Disclosure opens the commitment to one sealed file, so that the file can be
// compared. It says nothing of the key that opens the ciphertext.
type Disclosure struct {
	Index  int64 // of the evidence in the record
	Salt   [32]byte
	SHA256 [32]byte
}

// SetChange is a header that announces a new member set, certified by the old one.
type SetChange struct {
	Header      ledger.Header
	Members     []byte // text of the new set, in force from the next block
	Inclusion   tlog.RecordProof
	Certificate []byte // of size Header.Height+1
}

// State is what the ledger held of the record's item in one block.
type State struct {
	Header    ledger.Header    // the record's or a later one
	Inclusion tlog.RecordProof // of that header in the certificate's tree
	Value     []byte           // canonical JSON
	Proof     merkle.Proof
}

// Build completes a proof: it cuts the certificate down to a quorum and
// verifies the whole, so that no proof is handed out that would not convince.
func Build(p Proof) (*Proof, error) {
	g, err := ledger.ParseGenesis(p.Genesis)
	if err != nil {
		return nil, fmt.Errorf("build proof: %w", err)
	}
	fingerprint := ledger.GenesisFingerprint(p.Genesis)
	sets, err := p.memberSets(g, fingerprint, nil)
	if err != nil {
		return nil, fmt.Errorf("build proof: member history: %w", err)
	}
	cert, err := sets.openNewest(g.Origin(fingerprint), p.Certificate)
	if err != nil {
		return nil, fmt.Errorf("build proof: %w", err)
	}
	p.Certificate = cert.Note
	file, err := p.Encode()
	if err != nil {
		return nil, fmt.Errorf("build proof: %w", err)
	}
	report := Verify(file, Options{Trusted: &fingerprint})
	if report.Verdict != Valid {
		return nil, fmt.Errorf("build proof: it does not verify: %s", report.Reason("en"))
	}
	return &p, nil
}

// The file as JSON, with members in canonical order.
type (
	fileJSON struct {
		Format   string           `json:"format"`
		Genesis  string           `json:"genesis"`
		Header   string           `json:"header"`
		History  []changeJSON     `json:"history"`
		Index    int64            `json:"index"`
		Path     []tlog.Hash      `json:"path"`
		Private  []ledger.Opening `json:"private,omitempty"`
		Proof    string           `json:"proof"`
		Record   string           `json:"record"`
		Salts    []saltJSON       `json:"salts,omitempty"`
		Since    []tlog.Hash      `json:"since,omitempty"`
		State    *stateJSON       `json:"state,omitempty"`
		Storage  []string         `json:"storage,omitempty"`
		Together []togetherJSON   `json:"together,omitempty"`
	}
	changeJSON struct {
		Header  string `json:"header"`
		Members string `json:"members"`
		Proof   string `json:"proof"`
	}
	saltJSON struct {
		Index  int64     `json:"index"`
		Salt   tlog.Hash `json:"salt"`
		SHA256 string    `json:"sha256"`
	}
	stateJSON struct {
		Header string      `json:"header"`
		Path   []tlog.Hash `json:"path"`
		Proof  string      `json:"proof"`
		Value  string      `json:"value"`
	}
	togetherJSON struct {
		Entry string      `json:"entry"`
		Index int64       `json:"index"`
		Path  []tlog.Hash `json:"path"`
	}
)

// Encode returns the proof file.
func (p *Proof) Encode() ([]byte, error) {
	f := fileJSON{
		Format:  format,
		Genesis: string(p.Genesis),
		Header:  string(p.Header.Text()),
		History: encodeHistory(p.History),
		Index:   p.Index,
		Path:    append([]tlog.Hash{}, p.Path...),
		Private: p.Private,
		Proof:   string(p.TlogProof()),
		Record:  string(p.Record),
		Since:   p.Since,
	}
	for _, d := range p.Disclosures {
		f.Salts = append(f.Salts, saltJSON{d.Index, d.Salt, hex.EncodeToString(d.SHA256[:])})
	}
	if s := p.State; s != nil {
		f.State = &stateJSON{
			Header: string(s.Header.Text()),
			Path:   append([]tlog.Hash{}, s.Inclusion...),
			Proof:  base64.StdEncoding.EncodeToString(s.Proof.Encode()),
			Value:  string(s.Value),
		}
	}
	for _, note := range p.Storage {
		f.Storage = append(f.Storage, string(note))
	}
	for _, t := range p.Together {
		f.Together = append(f.Together, togetherOfFile(t))
	}
	line, err := ledger.EncodeCanonical(f)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

func encodeHistory(history []SetChange) []changeJSON {
	list := make([]changeJSON, len(history))
	for i, c := range history {
		list[i] = changeJSON{
			Header:  string(c.Header.Text()),
			Members: string(c.Members),
			Proof:   string(formatTlogProof(c.Header, c.Inclusion, c.Certificate)),
		}
	}
	return list
}
