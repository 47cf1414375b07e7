package contract

import "strconv"

// Duplicate is the rule that refuses a record which is on the ledger already: to its author, that is success.
const Duplicate = "duplicate"

// Refusal says why a record was left out: the rule, a sentence in English and in Chinese, and the values the rule looked at.
type Refusal struct {
	En     string            `json:"en"`
	Rule   string            `json:"rule"`
	Values map[string]string `json:"values"`
	Zh     string            `json:"zh"`
}

func (r *Refusal) Error() string { return "refused by rule " + r.Rule + ": " + r.En }

// Malformed is the refusal of bytes that are not a record, or of a record whose signatures do not hold.
func Malformed(err error) *Refusal {
	return refuse("record", "not a valid record", "不是有效的记录", "why", err.Error())
}

// refuse makes a refusal; pairs are the names and values that the rule looked at.
func refuse(rule, en, zh string, pairs ...string) *Refusal {
	r := &Refusal{Rule: rule, En: en, Zh: zh, Values: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		r.Values[pairs[i]] = pairs[i+1]
	}
	return r
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
