package proof

import (
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// Verdict is the answer to "is this proof good", in the words shown to people.
type Verdict string

// The verdicts.
const (
	Valid         Verdict = "valid"          // every stage passed, and the ledger is one the caller trusts
	Altered       Verdict = "altered"        // a stage failed: the file, or the content, is not what was recorded
	UnknownLedger Verdict = "unknown ledger" // nothing failed, but a person has to confirm the ledger's words first
	Incomplete    Verdict = "incomplete"     // not a whole proof of a version that this program knows, or not one for the file at hand
)

// Exit returns the exit code of a program that verifies: 0 valid, 1 invalid, 2 cannot tell.
func (v Verdict) Exit() int {
	switch v {
	case Valid:
		return 0
	case Altered:
		return 1
	}
	return 2
}

// Status is the result of one stage.
type Status string

// The results of a stage.
const (
	Passed Status = "passed"
	Failed Status = "failed"
	Absent Status = "absent"  // the proof, or the record, has nothing to check here
	NotRun Status = "not run" // for want of something that should have come before, or from the caller
)

// The stages, in their order.
const (
	StageContainer   = "container"
	StageContent     = "content"
	StageDisclosure  = "disclosure"
	StageTogether    = "together"
	StageSignature   = "record signature"
	StageInclusion   = "inclusion"
	StageCertificate = "certificate"
	StageHistory     = "member history"
	StageConsistency = "consistency"
	StageState       = "state"
	StageStorage     = "storage"
	StageAnchors     = "anchors"
)

var stageNames = [...]string{StageContainer, StageContent, StageDisclosure, StageTogether, StageSignature, StageInclusion,
	StageCertificate, StageHistory, StageConsistency, StageState, StageStorage, StageAnchors}

// Stage is one step of the verification. Code is stable, for programs; Values
// fill the text that Text makes of it.
type Stage struct {
	Name   string            `json:"name"`
	Status Status            `json:"status"`
	Code   string            `json:"code"`
	Values map[string]string `json:"values,omitempty"`
}

// Report says what was verified, stage by stage, and what that proves.
type Report struct {
	Verdict     Verdict            `json:"verdict"`
	Stages      []Stage            `json:"stages"`
	Fingerprint ledger.Fingerprint `json:"-"`      // of the genesis file in the proof
	Words       []string           `json:"words"`  // the same for people; nil if there is no genesis
	Proven      *Proven            `json:"proven"` // nil if a stage failed
}

// Proven is what follows from the proof, if its ledger is to be trusted.
type Proven struct {
	Record      ledger.Statement `json:"record"`
	ID          ledger.RecordID  `json:"-"`
	Height      ledger.Height    `json:"height,string"`
	Index       int64            `json:"index"`
	Block       tlog.Hash        `json:"block"`       // hash of the header
	BlockTime   int64            `json:"block_time"`  // Unix milliseconds: the leader's claim
	ExistedBy   int64            `json:"existed_by"`  // POSIX seconds: an honest member had signed by then
	SignedAfter bool             `json:"after_known"` // the checkpoint in Record.After is one of this ledger
	Quorum      int              `json:"quorum"`
	Members     int              `json:"members"`
	Cosigners   []Cosigner       `json:"cosigners"`
	State       *ProvenState     `json:"state,omitempty"`
	Disclosures []Disclosure     `json:"-"`                 // of sealed evidence
	Private     []ledger.Opening `json:"private,omitempty"` // of private fields
	Entries     []Entry          `json:"entries,omitempty"` // of the files that the record holds together
	Storage     []Stored         `json:"storage,omitempty"` // by members who keep the record's files
}

// Cosigner is a member who signed the certificate.
type Cosigner struct {
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
	Registry     string `json:"registry"`
	Time         int64  `json:"time"` // POSIX seconds, by the member's clock
}

// ProvenState is what the ledger held of the record's item after a block.
type ProvenState struct {
	Height ledger.Height `json:"height,string"`
	Value  string        `json:"value"` // canonical JSON
}

// Exit returns the exit code for the verdict.
func (r *Report) Exit() int { return r.Verdict.Exit() }

// Stage returns the stage of that name.
func (r *Report) Stage(name string) *Stage {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i]
		}
	}
	return nil
}

// Reason returns one line that explains the verdict, in "en" or "zh".
func (r *Report) Reason(lang string) string {
	for i := range r.Stages {
		if r.Stages[i].Status == Failed {
			return r.Stages[i].Text(lang)
		}
	}
	if r.notCompared() {
		return r.Stage(StageContent).Text(lang)
	}
	return fill(verdictTexts[r.Verdict], lang, map[string]string{"words": strings.Join(r.Words, " ")})
}

// notCompared tells whether there is a file at hand of which nobody can say if it is the record's.
func (r *Report) notCompared() bool {
	content := r.Stage(StageContent)
	return content != nil && (content.Code == contentSealed || content.Code == contentUnlisted)
}

// Text returns one line about the stage, in "en" or "zh".
func (s *Stage) Text(lang string) string { return fill(stageTexts[s.Code], lang, s.Values) }

// fill puts values in the places of a text that are marked {name}.
func fill(text [2]string, lang string, values map[string]string) string {
	line := text[0]
	if lang == "zh" {
		line = text[1]
	}
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(line)
}
