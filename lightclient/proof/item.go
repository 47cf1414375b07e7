package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

const itemFormat = "evident/state/v1"

// maxItemName bounds the name of an item, in bytes.
const maxItemName = 128

// digestSpace is the space whose names are digests: 32 bytes, in a file 64 hexadecimal digits.
const digestSpace = "digest"

// ItemProof is the content of a state proof file: what the ledger held under one name after a block, or that it held
// nothing. The file is like a proof file, without a record:
//
//	{"format":"evident/state/v1",
//	 "genesis":"{…}\n", "header":"evident/block/v1\n…", "history":[…],
//	 "name":"04012345678901/lot 7",          the item; in the space "digest", a SHA-256
//	 "proof":"c2sp.org/tlog-proof@v1\n…",    the header under a certificate of exactly a quorum
//	 "space":"food",                         the contract, or "digest"
//	 "state":"…",                            the proof in the header's state tree
//	 "value":"{…}"}                          if there is one
type ItemProof struct {
	Genesis     []byte
	History     []SetChange
	Header      ledger.Header
	Inclusion   tlog.RecordProof // of the header in the certificate's tree
	Certificate []byte
	Space, Name string // as the file has them
	Proof       merkle.Proof
	Value       []byte // canonical JSON; nil: nothing is there
}

// ItemReport says what a state proof proves.
type ItemReport struct {
	Report
	Item *ProvenItem // nil if a stage failed
}

// ProvenItem is what the ledger held under a name after a block, by the members who signed it.
type ProvenItem struct {
	Space     string        `json:"space"`
	Name      string        `json:"name"`
	Height    ledger.Height `json:"height,string"`
	BlockTime int64         `json:"block_time"` // Unix milliseconds: the leader's claim
	ExistedBy int64         `json:"existed_by"` // POSIX seconds: an honest member had signed by then
	Quorum    int           `json:"quorum"`
	Members   int           `json:"members"`
	Cosigners []Cosigner    `json:"cosigners"`
	Value     string        `json:"value,omitempty"` // canonical JSON; empty: there was nothing
}

// IsProof tells a proof of a record from other files by its beginning.
func IsProof(file []byte) bool { return bytes.HasPrefix(file, []byte(`{"format":"evident/proof/v`)) }

// IsItem tells a state proof from other files by its beginning.
func IsItem(file []byte) bool { return bytes.HasPrefix(file, []byte(`{"format":"evident/state/v`)) }

// key returns the key of the state tree.
func (p *ItemProof) key() (tlog.Hash, error) {
	if p.Space != digestSpace {
		return merkle.Key(p.Space, p.Name), nil
	}
	digest, err := ledger.ParseRecordID(p.Name) // a SHA-256 in hexadecimal has the same form
	return merkle.Key(p.Space, string(digest[:])), err
}

// ItemName returns how a file writes a name of the state: digests in hexadecimal.
func ItemName(space, name string) string {
	if space == digestSpace {
		return hex.EncodeToString([]byte(name))
	}
	return name
}

// whole is the part of a state proof that a proof of a record has too.
func (p *ItemProof) whole() *Proof {
	return &Proof{Genesis: p.Genesis, History: p.History, Header: p.Header, Inclusion: p.Inclusion, Certificate: p.Certificate}
}

// BuildItem completes a state proof, as Build does a proof.
func BuildItem(p ItemProof) (*ItemProof, error) {
	g, err := ledger.ParseGenesis(p.Genesis)
	if err != nil {
		return nil, fmt.Errorf("build state proof: %w", err)
	}
	fingerprint := ledger.GenesisFingerprint(p.Genesis)
	sets, err := p.whole().memberSets(g, fingerprint, nil)
	if err != nil {
		return nil, fmt.Errorf("build state proof: member history: %w", err)
	}
	cert, err := sets.openNewest(g.Origin(fingerprint), p.Certificate)
	if err != nil {
		return nil, fmt.Errorf("build state proof: %w", err)
	}
	p.Certificate = cert.Note
	file, err := p.Encode()
	if err != nil {
		return nil, fmt.Errorf("build state proof: %w", err)
	}
	if report := VerifyItem(file, &fingerprint); report.Verdict != Valid {
		return nil, fmt.Errorf("build state proof: it does not verify: %s", report.Reason("en"))
	}
	return &p, nil
}

type itemJSON struct {
	Format  string       `json:"format"`
	Genesis string       `json:"genesis"`
	Header  string       `json:"header"`
	History []changeJSON `json:"history"`
	Name    string       `json:"name"`
	Proof   string       `json:"proof"`
	Space   string       `json:"space"`
	State   string       `json:"state"`
	Value   string       `json:"value,omitempty"`
}

// Encode returns the state proof file.
func (p *ItemProof) Encode() ([]byte, error) {
	line, err := ledger.EncodeCanonical(itemJSON{
		Format: itemFormat, Genesis: string(p.Genesis), Header: string(p.Header.Text()), History: encodeHistory(p.History),
		Name: p.Name, Proof: string(p.whole().TlogProof()), Space: p.Space,
		State: base64.StdEncoding.EncodeToString(p.Proof.Encode()), Value: string(p.Value),
	})
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

// ParseItem parses a state proof file. It accepts only what Encode writes, and checks no signature and no hash.
func ParseItem(file []byte) (*ItemProof, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("%w: a state proof has at most %d bytes", ledger.ErrLimit, MaxSize)
	}
	line, ok := bytes.CutSuffix(file, []byte("\n"))
	if !ok {
		return nil, malformed("want one line that ends with a line feed")
	}
	p := new(ItemProof)
	r := reader{Scanner: ledger.NewScanner(line)}
	r.Expect(`{"format":"` + itemFormat + `","genesis":`)
	p.Genesis = []byte(r.Text(ledger.MaxGenesisSize))
	r.Expect(`,"header":`)
	p.Header = r.header()
	r.Expect(`,"history":`)
	r.List(MaxHistory, func() { p.History = append(p.History, r.change()) })
	r.Expect(`,"name":`)
	p.Name = r.Text(maxItemName)
	r.Expect(`,"proof":`)
	p.Inclusion, p.Certificate = r.tlogProof(p.Header)
	r.Expect(`,"space":`)
	p.Space = r.Text(ledger.MaxNameSize)
	r.Expect(`,"state":`)
	p.Proof = r.stateProof(r.Text(MaxSize))
	if r.Has(`,"value":`) {
		p.Value = r.value()
	}
	r.Expect("}")
	if err := r.Close(); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	if p.Name == "" || p.Space == "" || strings.Trim(p.Space, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return nil, malformed("space has a-z, 0-9 and _, and name is not empty")
	}
	_, err := p.key()
	return p, err
}

// itemStages are the stages of a state proof, in the order of the report.
var itemStages = [...]string{StageContainer, StageCertificate, StageHistory, StageState, StageAnchors}

// VerifyItem checks a state proof, under the fingerprint of the ledger to trust; nil: a person must confirm the words.
// The stages are those of a proof that have to do with it: container, certificate, member history, state, anchors.
func VerifyItem(file []byte, trusted *ledger.Fingerprint) ItemReport {
	v := &verification{Report: Report{Verdict: Incomplete}}
	for _, name := range itemStages {
		v.Stages = append(v.Stages, Stage{Name: name, Status: NotRun, Code: "not_run"})
	}
	var p *ItemProof
	ok := v.open(file, itemFormat, IsItem, func() (err error) {
		if p, err = ParseItem(file); err == nil {
			v.Proof = p.whole()
		}
		return err
	})
	if !ok {
		return ItemReport{Report: v.Report}
	}
	out := ItemReport{}
	if v.checkHistory() && v.checkCertificate() {
		out.Item = v.checkItem(p)
	}
	v.set(StageAnchors, Absent, "anchors.absent")
	v.conclude(trusted)
	if v.Proven == nil {
		out.Item = nil
	}
	v.Proven = nil // there is no record
	out.Report = v.Report
	return out
}

// open checks the container of a file that is no proof of a record: its beginning and end, what parse does, and the genesis.
func (v *verification) open(file []byte, format string, is func([]byte) bool, parse func() error) bool {
	known := []byte(`{"format":"` + format + `"`)
	switch {
	case bytes.HasPrefix(known, file), bytes.HasPrefix(file, known) && !bytes.HasSuffix(file, []byte("}\n")):
		v.set(StageContainer, Failed, "container.cut")
		return false
	case bytes.HasPrefix(file, known):
	case is(file):
		v.set(StageContainer, Failed, "container.version")
		return false
	default:
		v.set(StageContainer, Failed, "container.foreign")
		return false
	}
	err := parse()
	if err == nil {
		v.genesis, err = ledger.ParseGenesis(v.Genesis)
	}
	if err != nil {
		code := "container.format"
		if errors.Is(err, ledger.ErrLimit) {
			code = "container.limit"
		}
		v.Verdict = Altered
		v.set(StageContainer, Failed, code, "error", err.Error())
		return false
	}
	v.Fingerprint = ledger.GenesisFingerprint(v.Genesis)
	v.Words = v.Fingerprint.Words()
	v.origin = v.genesis.Origin(v.Fingerprint)
	v.set(StageContainer, Passed, "container.ok", "bytes", strconv.Itoa(len(file)))
	return true
}

// checkItem checks that the state tree of the certified header holds the value under the name, or nothing.
func (v *verification) checkItem(p *ItemProof) *ProvenItem {
	key, err := p.key()
	if err == nil && p.Value == nil {
		err = merkle.CheckAbsent(p.Header.State, key, p.Proof)
	} else if err == nil {
		err = merkle.CheckPresent(p.Header.State, key, sha256.Sum256(p.Value), p.Proof)
	}
	if err != nil {
		v.set(StageState, Failed, "state.wrong", "error", err.Error())
		return nil
	}
	code := "state.present"
	if p.Value == nil {
		code = "state.nothing"
	}
	v.set(StageState, Passed, code, "height", height(p.Header), "space", p.Space, "name", p.Name)
	return &ProvenItem{Space: p.Space, Name: p.Name, Height: p.Header.Height, BlockTime: p.Header.Time, ExistedBy: v.proven.ExistedBy,
		Quorum: v.proven.Quorum, Members: v.proven.Members, Cosigners: v.proven.Cosigners, Value: string(p.Value)}
}
