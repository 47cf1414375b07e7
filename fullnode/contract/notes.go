package contract

import (
	_ "embed"
	"slices"
	"unicode/utf8"

	"evident/lightclient/ledger"
)

// MaxText bounds the text of a note, in characters.
const MaxText = 4096

// maxTextBytes is what a text of any length that a record can have may take; MaxText decides.
const maxTextBytes = ledger.MaxRecordSize

//go:embed library/notes.yaml
var notesDefinition []byte

// The statuses of a note.
const (
	Deposited = "deposited"
	Corrected = "corrected"
	Withdrawn = "withdrawn"
)

// The reasons of a correction (rule C5).
const (
	DidNotOccur   = "did_not_occur"
	IncorrectData = "incorrect_data"
)

// Notes is the contract for statements with evidence: deposit one, correct it.
type Notes struct{}

func (Notes) Name() string       { return "notes" }
func (Notes) Version() int64     { return 1 }
func (Notes) Definition() []byte { return notesDefinition }

func (Notes) Apply(in Input) (string, *Refusal) {
	switch in.Record.Action {
	case "deposit":
		return deposit(in)
	case "correct":
		return correct(in)
	}
	return "", refuse("action", "the contract has no such action", "该合约没有此操作", "action", in.Record.Action)
}

func deposit(in Input) (string, *Refusal) {
	r := in.Record
	if in.Item != nil {
		return "", notFrom(in)
	}
	if r.Item != "" {
		return "", refuse("item", "a deposit does not name its item: the record's id is the name",
			"存证不指定事项名称：以记录编号为名", "item", r.Item)
	}
	s := ledger.NewScanner(r.Fields)
	s.Expect(`{"text":`)
	text := s.Text(maxTextBytes)
	s.Expect("}")
	if err := s.Close(); err != nil {
		return "", refuse("fields", `the fields of a deposit are {"text": …}`, `存证的字段应为 {"text": …}`, "why", err.Error())
	}
	if refusal := checkText(text); refusal != nil {
		return "", refusal
	}
	if text == "" && len(r.Evidence) == 0 {
		return "", refuse("empty", "a deposit has a text or evidence", "存证须有文字或证据文件")
	}
	return Deposited, nil
}

func correct(in Input) (string, *Refusal) {
	if in.Item == nil || in.Item.Status == Withdrawn {
		return "", notFrom(in)
	}
	if !sameKeys(in.Record.By, in.Item.Authors) {
		return "", refuse("signers", "a correction is signed by exactly those who signed the deposit", "更正须由原存证的全体签署人签署")
	}
	s := ledger.NewScanner(in.Record.Fields)
	s.Expect(`{"reason":`)
	reason := s.Text(ledger.MaxNameSize)
	s.Expect(`,"text":`)
	text := s.Text(maxTextBytes)
	s.Expect("}")
	if err := s.Close(); err != nil {
		return "", refuse("fields", `the fields of a correction are {"reason": …, "text": …}`,
			`更正的字段应为 {"reason": …, "text": …}`, "why", err.Error())
	}
	if refusal := checkText(text); refusal != nil {
		return "", refusal
	}
	switch reason {
	case IncorrectData:
		return Corrected, nil
	case DidNotOccur:
		return Withdrawn, nil
	}
	return "", refuse("C5", "the reason of a correction is did_not_occur or incorrect_data",
		"更正理由须为 did_not_occur（未发生）或 incorrect_data（数据有误）", "reason", reason)
}

// notFrom is rule C2.
func notFrom(in Input) *Refusal {
	status := "none"
	if in.Item != nil {
		status = in.Item.Status
	}
	return refuse("C2", "the item's status does not allow this action", "该事项的当前状态不允许此操作",
		"action", in.Record.Action, "status", status)
}

func checkText(text string) *Refusal {
	if n := utf8.RuneCountInString(text); n > MaxText {
		return refuse("text", "the text has more than 4096 characters", "文字超过 4096 个字符", "characters", number(int64(n)))
	}
	return nil
}

func sameKeys(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
