package proof

import (
	"bytes"
	"fmt"
	"slices"

	"evident/lightclient/ledger"
)

const refusedFormat = "evident/refused/v1"

// RefusedFile is a record that a member's node refused, and the refusal that it signed. It is the statement of one
// member, not of a quorum: it proves that the node said so, and that the authors had signed what was refused.
//
//	{"format":"evident/refused/v1","genesis":"{…}\n","history":[…],
//	 "record":"evident/record/v1\n…","refusal":"evident/refusal/v1\n…"}
type RefusedFile struct {
	Genesis []byte
	History []SetChange
	Record  []byte // the note
	Refusal []byte // the note
}

// RefusedReport says what such a file proves.
type RefusedReport struct {
	Report
	Refused *ProvenRefusal // nil if a stage failed
}

// ProvenRefusal is what a member's node signed about a record.
type ProvenRefusal struct {
	Record       ledger.Statement `json:"record"`
	ID           ledger.RecordID  `json:"-"`
	Member       string           `json:"member"`
	Organisation string           `json:"organisation"`
	At           int64            `json:"at"` // Unix milliseconds, by the node's clock
	Reason       ledger.Reason    `json:"reason"`
}

// IsRefused tells a refused record's file from other files by its beginning.
func IsRefused(file []byte) bool {
	return bytes.HasPrefix(file, []byte(`{"format":"evident/refused/v`))
}

type refusedJSON struct {
	Format  string       `json:"format"`
	Genesis string       `json:"genesis"`
	History []changeJSON `json:"history"`
	Record  string       `json:"record"`
	Refusal string       `json:"refusal"`
}

// Encode returns the file. It is not handed out unless it verifies.
func (p *RefusedFile) Encode() ([]byte, error) {
	line, err := ledger.EncodeCanonical(refusedJSON{Format: refusedFormat, Genesis: string(p.Genesis), History: encodeHistory(p.History),
		Record: string(p.Record), Refusal: string(p.Refusal)})
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

// ParseRefused parses the file of a refused record, and checks no signature.
func ParseRefused(file []byte) (*RefusedFile, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("%w: the file of a refused record has at most %d bytes", ledger.ErrLimit, MaxSize)
	}
	line, ok := bytes.CutSuffix(file, []byte("\n"))
	if !ok {
		return nil, malformed("want one line that ends with a line feed")
	}
	p := new(RefusedFile)
	r := reader{Scanner: ledger.NewScanner(line)}
	r.Expect(`{"format":"` + refusedFormat + `","genesis":`)
	p.Genesis = []byte(r.Text(ledger.MaxGenesisSize))
	r.Expect(`,"history":`)
	r.List(MaxHistory, func() { p.History = append(p.History, r.change()) })
	r.Expect(`,"record":`)
	p.Record = []byte(r.Text(ledger.MaxRecordSize))
	r.Expect(`,"refusal":`)
	p.Refusal = []byte(r.Text(ledger.MaxReceiptSize))
	r.Expect("}")
	if err := r.Close(); err != nil {
		return nil, err
	}
	return p, r.err
}

// StageRefusal is the stage that only the file of a refused record has.
const StageRefusal = "refusal"

var refusedStages = [...]string{StageContainer, StageSignature, StageHistory, StageRefusal, StageAnchors}

// VerifyRefused checks the file of a refused record, under the fingerprint of the ledger to trust; nil: a person must
// confirm the words. The stages are container, record signature, member history, refusal, anchors.
func VerifyRefused(file []byte, trusted *ledger.Fingerprint) RefusedReport {
	v := &verification{Report: Report{Verdict: Incomplete}}
	for _, name := range refusedStages {
		v.Stages = append(v.Stages, Stage{Name: name, Status: NotRun, Code: "not_run"})
	}
	var p *RefusedFile
	ok := v.open(file, refusedFormat, IsRefused, func() (err error) {
		if p, err = ParseRefused(file); err != nil {
			return err
		}
		v.Proof = &Proof{Genesis: p.Genesis, History: p.History}
		v.record, err = ledger.ParseRecord(p.Record)
		return err
	})
	if !ok {
		return RefusedReport{Report: v.Report}
	}
	out := RefusedReport{}
	v.checkSignatures()
	if v.checkHistory() {
		out.Refused = v.checkRefusal(p)
	}
	v.set(StageAnchors, Absent, "anchors.absent")
	v.conclude(trusted)
	if v.Proven == nil {
		out.Refused = nil
	}
	v.Proven = nil // nothing is on the ledger
	out.Report = v.Report
	return out
}

// checkRefusal checks that a member's node signed the refusal, and that it is of this record.
func (v *verification) checkRefusal(p *RefusedFile) *ProvenRefusal {
	member, refusal, err := v.openRefusal(p.Refusal)
	if err == nil && refusal.Record != v.record.ID {
		err = fmt.Errorf("%w: the refusal is of record %s", ledger.ErrProof, refusal.Record)
	}
	if err != nil {
		v.set(StageRefusal, Failed, "refusal.wrong", "error", err.Error())
		return nil
	}
	v.set(StageRefusal, Passed, "refusal.ok", "member", member.Name, "organisation", member.Organisation,
		"rule", refusal.Reason.Rule, "en", refusal.Reason.En, "zh", refusal.Reason.Zh)
	return &ProvenRefusal{Record: v.record.Statement, ID: v.record.ID, Member: member.Name, Organisation: member.Organisation,
		At: refusal.At, Reason: refusal.Reason}
}

// openRefusal finds the member who signed, among those of all terms, the newest first.
func (v *verification) openRefusal(text []byte) (ledger.Member, ledger.Refusal, error) {
	failed := fmt.Errorf("%w: no member's node signed it", ledger.ErrSignature)
	for _, term := range slices.Backward(v.sets) {
		for _, m := range term.set {
			refusal, err := ledger.OpenRefusal(v.origin, m, text)
			if err == nil {
				return m, refusal, nil
			}
			failed = err
		}
	}
	return ledger.Member{}, ledger.Refusal{}, failed
}
