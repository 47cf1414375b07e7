package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "BILL-2026/7": "", "04012345678901/lot 7": "", "港口/照片 1": "", "Überweisung": "", "Счёт-7": "", "τιμή": "", "品名 A-7": "",
		"ВILL-2026/7":       "Cyrillic and Latin letters", // its first letter is Cyrillic
		"BILL-2026/7\u0430": "Latin and Cyrillic letters", "ΒILL": "Greek and Latin letters", "ＢILL": "a full-width form",
		"BILL\u200b-7": "a character that nobody sees", "BILL\u202e-7": "a character that nobody sees", "BILL\u00a07": "a character that nobody sees",
		" BILL": "a character that nobody sees", "BILL ": "a character that nobody sees", "BI\u0301LL": "a combining mark",
	} {
		got := ""
		if r := checkName(name); r != nil {
			got = r.Values["why"]
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	s := newTestStage(t, "bill")
	one := readScenario(t, "testdata/bill.yaml").Steps[0]
	one.Item, one.Refuse = "Вill", "name"
	s.grant(readScenario(t, "testdata/bill.yaml").Roles)
	s.play(s.contract, 1, one)
}

const sums = `
name: sums
version: 1
title: {en: Sums, zh: 和}
item: {en: A sum, zh: 和}
statuses: {open: {en: Open, zh: 开}}
state:
  total: {type: integer, en: Total, zh: 合计}
  occurred_at: {type: integer, en: When, zh: 时间}
actions:
  add:
    title: {en: Add, zh: 加}
    from: [none, open]
    to: open
    signers: anyone
    input:
      required: [n, occurred_at]
      properties:
        n: {type: integer, en: Number, zh: 数}
        list: {type: array, maxItems: 4, items: {type: integer}, en: List, zh: 列}
        date: {type: string, en: Date, zh: 日期}
        occurred_at: {type: integer, en: When, zh: 时间}
        late: {type: boolean, en: Late, zh: 补录}
    rules:
      - {id: product, expr: "input.n * 2 != 1", en: the double overflows, zh: 溢出}
      - {id: sum, expr: "sum(input.list) != 1", en: the sum overflows, zh: 溢出}
      - {id: date, expr: 'input.date == "" || is_date(input.date)', en: the date does not exist, zh: 日期不存在}
    set: {total: item.total + input.n}
`

// Numbers at the edge of 64 bits and days that do not exist are refused by the rule that meets them, never wrapped around.
func TestEdges(t *testing.T) {
	const most, least = int64(math.MaxInt64), int64(math.MinInt64)
	tests := []struct{ name, fields, want string }{
		{"plain", `{"n":5}`, ""},
		{"the largest half", `{"n":4611686018427387903}`, ""},
		{"the double is too large", `{"n":4611686018427387904}`, "product"},
		{"the smallest half", `{"n":-4611686018427387904}`, ""},
		{"the double is too small", `{"n":-4611686018427387905}`, "product"},
		{"the largest sum", fmt.Sprintf(`{"list":[%d,0],"n":0}`, most), ""},
		{"a sum beyond it", fmt.Sprintf(`{"list":[%d,1],"n":0}`, most), "sum"},
		{"a sum that comes back", fmt.Sprintf(`{"list":[%d,1,-1],"n":0}`, most), "sum"},
		{"a sum below", fmt.Sprintf(`{"list":[%d,-1],"n":0}`, least), "sum"},
		{"at the end of time", fmt.Sprintf(`{"late":false,"n":0,"occurred_at":%d}`, most), "C4"},
		{"at its beginning", fmt.Sprintf(`{"late":true,"n":0,"occurred_at":%d}`, least), ""},
		{"a leap day", `{"date":"2024-02-29","n":0}`, ""},
		{"no leap day", `{"date":"2026-02-29","n":0}`, "date"},
		{"no 31 April", `{"date":"2026-04-31","n":0}`, "date"},
		{"no month 13", `{"date":"2026-13-01","n":0}`, "date"},
		{"another form", `{"date":"2026-4-1","n":0}`, "date"},
		{"too many in a list", `{"list":[1,2,3,4,5],"n":0}`, "fields"},
		{"a float", `{"n":"1.5"}`, "fields"},
		{"another field", `{"m":1,"n":0}`, "fields"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestStage(t, Contracts)
			s.deploy(sums, "", all...)
			s.height++
			fields := tt.fields
			if !strings.Contains(fields, "occurred_at") {
				fields = strings.TrimSuffix(fields, "}") + `,"occurred_at":0}`
			}
			if got := s.apply(fields, ""); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	s := newTestStage(t, Contracts)
	s.deploy(sums, "", all...)
	s.height++
	for range 2 {
		s.apply(`{"n":4611686018427387903,"occurred_at":0}`, "sum")
	}
	if got := s.apply(`{"n":4611686018427387903,"occurred_at":0}`, "sum"); got != "limit" {
		t.Errorf("a state beyond 64 bits: got %q", got)
	}
}

// apply adds to a sum and returns the rule that refused it.
func (s *stage) apply(fields, item string) string {
	s.t.Helper()
	one := step{Do: "add", Item: item, By: []string{"ada"}}
	if err := json.Unmarshal([]byte(fields), new(map[string]any)); err != nil {
		s.t.Fatal(err)
	}
	st := s.statement(&Contract{name: "sums"}, one)
	st.Fields = json.RawMessage(fields)
	r := s.sign(st, one.By)
	changes, refusal, err := s.engine.Block(s, s.clock, s.height).Apply(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if refusal != nil {
		return refusal.Rule
	}
	for _, c := range changes {
		s.state[c.Space+"\x00"+c.Name] = c.Value
	}
	return ""
}

// A definition that could never be computed is refused when it is loaded, with file and line.
func TestTooCostly(t *testing.T) {
	nested := "[1,2,3,4,5,6,7,8,9,10]"
	loop := "1"
	for i := range 6 {
		loop = fmt.Sprintf("size(%s.map(x%d, %s))", nested, i, loop)
	}
	text := strings.Replace(sums, `input.n * 2 != 1`, loop+" > 0", 1)
	_, err := Load("costly.yaml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "costly.yaml:25: it costs at least") {
		t.Errorf("got %v", err)
	}
	if _, err := Load("fine.yaml", []byte(strings.Replace(sums, `input.n * 2 != 1`, nested+".all(x, x > 0)", 1))); err != nil {
		t.Error(err)
	}
}
