package proof

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// Parse parses a proof file. It accepts only what Encode writes, and checks the
// form of every part but no signature and no hash.
func Parse(file []byte) (*Proof, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("%w: a proof has at most %d bytes", ledger.ErrLimit, MaxSize)
	}
	line, ok := bytes.CutSuffix(file, []byte("\n"))
	if !ok {
		return nil, malformed("want one line that ends with a line feed")
	}
	p := new(Proof)
	r := reader{Scanner: ledger.NewScanner(line)}
	r.Expect(`{"format":"` + format + `","genesis":`)
	p.Genesis = []byte(r.Text(ledger.MaxGenesisSize))
	r.Expect(`,"header":`)
	p.Header = r.header()
	r.Expect(`,"history":`)
	r.List(MaxHistory, func() { p.History = append(p.History, r.change()) })
	r.Expect(`,"index":`)
	p.Index = r.Int()
	r.Expect(`,"path":`)
	p.Path = r.hashes()
	if r.Has(`,"private":`) {
		p.Private = r.private()
	}
	r.Expect(`,"proof":`)
	p.Inclusion, p.Certificate = r.tlogProof(p.Header)
	r.Expect(`,"record":`)
	p.Record = []byte(r.Text(ledger.MaxRecordSize))
	if r.Has(`,"salts":`) {
		p.Disclosures = r.disclosures()
	}
	if r.Has(`,"since":`) {
		if p.Since = r.hashes(); len(p.Since) == 0 {
			r.fail(malformed("since is empty"))
		}
	}
	if r.Has(`,"state":`) {
		p.State = r.state()
	}
	if r.Has(`,"storage":`) {
		p.Storage = r.storage()
	}
	if r.Has(`,"together":`) {
		p.Together = r.together()
	}
	r.Expect("}")
	if err := r.Close(); err != nil {
		return nil, err
	}
	return p, r.err
}

// reader reads the parts of a proof and keeps the first error in a part.
type reader struct {
	*ledger.Scanner
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) header() ledger.Header {
	h, err := ledger.ParseHeader([]byte(r.Text(ledger.MaxHeaderSize)))
	if err != nil {
		r.fail(err)
	}
	return h
}

func (r *reader) hashes() (path []tlog.Hash) {
	r.List(maxPath, func() { path = append(path, r.Hash()) })
	return path
}

func (r *reader) change() (c SetChange) {
	r.Expect(`{"header":`)
	c.Header = r.header()
	r.Expect(`,"members":`)
	c.Members = []byte(r.Text(ledger.MaxGenesisSize))
	r.Expect(`,"proof":`)
	c.Inclusion, c.Certificate = r.tlogProof(c.Header)
	r.Expect("}")
	return c
}

// disclosures reads a list that is not empty and ascends by index.
func (r *reader) disclosures() (list []Disclosure) {
	next := int64(0)
	r.List(ledger.MaxEvidence, func() {
		var d Disclosure
		r.Expect(`{"index":`)
		d.Index = r.Int()
		r.Expect(`,"salt":`)
		d.Salt = r.Hash()
		r.Expect(`,"sha256":`)
		digest, err := ledger.ParseRecordID(r.Text(MaxSize)) // 64 hexadecimal digits too
		r.Expect("}")
		if err != nil || d.Index < next {
			r.fail(malformed("salts: want ascending indexes and digests of 64 hexadecimal digits"))
		}
		d.SHA256, next = digest, d.Index+1
		list = append(list, d)
	})
	if len(list) == 0 {
		r.fail(malformed("salts is empty"))
	}
	return list
}

// private reads a list that is not empty.
func (r *reader) private() (list []ledger.Opening) {
	r.List(ledger.MaxOpenings, func() {
		var o ledger.Opening
		r.Expect(`{"name":`)
		o.Name = r.Text(ledger.MaxRecordSize)
		r.Expect(`,"salt":`)
		o.Salt = r.Hash()
		r.Expect(`,"value":`)
		o.Value = r.Text(ledger.MaxRecordSize)
		r.Expect("}")
		list = append(list, o)
	})
	if len(list) == 0 {
		r.fail(malformed("private is empty"))
	}
	return list
}

func (r *reader) state() *State {
	s := new(State)
	r.Expect(`{"header":`)
	s.Header = r.header()
	r.Expect(`,"path":`)
	s.Inclusion = r.hashes()
	r.Expect(`,"proof":`)
	text := r.Text(MaxSize)
	r.Expect(`,"value":`)
	s.Value = r.value()
	r.Expect("}")
	s.Proof = r.stateProof(text)
	return s
}

func (r *reader) stateProof(text string) merkle.Proof {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(data) != text {
		r.fail(malformed("state: the proof is not canonical base64"))
		return merkle.Proof{}
	}
	p, err := merkle.ParseProof(data)
	if err != nil {
		r.fail(malformed("state: %v", err))
	}
	return p
}

// value reads the state of an item: a text that is an object in canonical JSON.
func (r *reader) value() []byte {
	text := []byte(r.Text(maxStateSize))
	value := ledger.NewScanner(text)
	value.Object()
	if err := value.Close(); err != nil {
		r.fail(fmt.Errorf("state: value: %w", err))
	}
	return text
}

func (r *reader) tlogProof(h ledger.Header) (tlog.RecordProof, []byte) {
	path, cert, err := parseTlogProof(r.Text(maxTlogProof), h)
	if err != nil {
		r.fail(err)
	}
	return path, cert
}

const tlogProofLine = "c2sp.org/tlog-proof@v1\n"

// TlogProof returns the header's inclusion under its certificate in the format
// of C2SP tlog-proof, for verifiers that are not ours: the entry is the text of
// Header, its index the height.
func (p *Proof) TlogProof() []byte { return formatTlogProof(p.Header, p.Inclusion, p.Certificate) }

func formatTlogProof(h ledger.Header, path tlog.RecordProof, cert []byte) []byte {
	out := fmt.Appendf(nil, "%sindex %d\n", tlogProofLine, h.Height)
	for _, hash := range path {
		out = append(append(out, hash.String()...), '\n')
	}
	return append(append(out, '\n'), cert...)
}

// parseTlogProof parses the text that formatTlogProof makes for h, no other.
func parseTlogProof(text string, h ledger.Header) (path tlog.RecordProof, cert []byte, err error) {
	rest, ok := strings.CutPrefix(text, tlogProofLine+"index "+strconv.FormatUint(uint64(h.Height), 10)+"\n")
	if !ok {
		return nil, nil, malformed("tlog-proof: want the index line of block %d", h.Height)
	}
	for {
		var line string
		if line, rest, ok = strings.Cut(rest, "\n"); !ok {
			return nil, nil, malformed("tlog-proof: want hashes and an empty line")
		}
		if line == "" {
			break
		}
		if len(path) == maxPath {
			return nil, nil, fmt.Errorf("%w: tlog-proof: more than %d hashes", ledger.ErrLimit, maxPath)
		}
		hash, err := ledger.ParseHash(line)
		if err != nil {
			return nil, nil, err
		}
		path = append(path, hash)
	}
	if len(rest) > ledger.MaxCertificateSize {
		return nil, nil, fmt.Errorf("%w: tlog-proof: a certificate has at most %d bytes", ledger.ErrLimit, ledger.MaxCertificateSize)
	}
	return path, []byte(rest), nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: proof: %s", ledger.ErrFormat, fmt.Sprintf(format, args...))
}
