package contract

import (
	"strconv"
	"strings"

	"evident/lightclient/ledger"
)

// Duplicate is the rule that refuses a record which is on the ledger already: to its author, that is success.
const Duplicate = "duplicate"

// maxValue is how many bytes of a value a refusal shows.
const maxValue = 200

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

// check evaluates a rule: nil if it holds.
func (c *call) check(r *rule) *Refusal {
	v, err := c.eval(r.condition)
	if v == true && err == nil {
		return nil
	}
	refusal := refuse(r.id, r.en, r.zh)
	for _, path := range r.condition.reads {
		refusal.Values[strings.Join(path, ".")] = c.show(path)
	}
	if err != nil {
		refusal.Values["why"] = clip(err.Error())
	}
	return refusal
}

// show returns a value that a rule read, as text.
func (c *call) show(path []string) string {
	v, _ := c.ResolveName(path[0])
	for _, field := range path[1:] {
		v, _ = member(v, field)
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return clip(v)
	}
	text, err := ledger.EncodeCanonical(v)
	if err != nil {
		return ""
	}
	return clip(string(text))
}

func clip(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxValue], "") + "…"
}
