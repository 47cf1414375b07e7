package act

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"evident/lightclient/ledger"
)

// Row is one line of what a person reads before signing.
type Row struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Contract is what a contract's definition says to people: its canonical JSON, read for its words alone.
type Contract struct {
	Name     string
	Version  int64
	Title    Text
	Parents  string // the field that lists the items that an item comes from
	Statuses map[string]Text
	Types    map[string]Object
	State    map[string]Field
	Actions  map[string]struct {
		Title Text
		Input Object
	}
}

// Text is in two languages.
type Text struct{ En, Zh string }

// Object is a named type, or an action's input.
type Object struct{ Properties map[string]Field }

// Field says what a value is: its label, and by its format what it stands for.
type Field struct {
	Text
	Type   string
	Format string
	Items  *Field
	Ref    string `json:"$ref"`
}

// In returns the text in a language, "en" or "zh".
func (t Text) In(lang string) string {
	if lang == "zh" {
		return t.Zh
	}
	return t.En
}

// ParseContract reads a definition that the caller has verified.
func ParseContract(definition []byte) (*Contract, error) {
	c := new(Contract)
	if err := json.Unmarshal(definition, c); err != nil {
		return nil, fmt.Errorf("%w: the definition of a contract: %w", ledger.ErrFormat, err)
	}
	return c, nil
}

// Status is how people call a status.
func (c *Contract) Status(status, lang string) string {
	if t, ok := c.Statuses[status]; ok {
		return t.In(lang)
	}
	return status
}

// Show returns an item's fields, or a record's, with labels and units. Private fields show their value where an opening
// is at hand, and otherwise that they are private.
func (c *Contract) Show(fields json.RawMessage, of map[string]Field, private []ledger.Opening, lang string) ([]Row, error) {
	var values map[string]any
	dec := json.NewDecoder(strings.NewReader(string(fields)))
	dec.UseNumber()
	if err := dec.Decode(&values); err != nil {
		return nil, fmt.Errorf("%w: the fields: %w", ledger.ErrFormat, err)
	}
	s := shower{c, values, map[string]string{}, lang}
	for _, o := range private {
		if commitment, err := o.Commit(); err == nil {
			s.opened[commitment.Digest] = o.Value
		}
	}
	var rows []Row
	for _, name := range slices.Sorted(maps.Keys(values)) {
		rows = append(rows, Row{s.label(of[name], name), s.value(of[name], values[name])})
	}
	return rows, nil
}

// Show returns what the draft asks a person to sign, in the words of its contract.
func (d *Draft) Show(c *Contract, lang string) ([]Row, error) {
	action := c.Actions[d.Action]
	say := func(en, zh string) string { return Text{en, zh}.In(lang) }
	rows := []Row{
		{say("Contract", "合约"), fmt.Sprintf("%s (%s %d)", c.Title.In(lang), d.Contract, d.Version)},
		{say("Action", "操作"), fmt.Sprintf("%s (%s)", action.Title.In(lang), d.Action)},
		{say("Item", "事项"), itemText(d.Item, say("new", "新建"))},
	}
	fields, err := c.Show(d.Fields, action.Input.Properties, d.Private, lang)
	if err != nil {
		return nil, err
	}
	rows = append(rows, fields...)
	for _, e := range d.Evidence {
		rows = append(rows, Row{say("File", "文件"), fmt.Sprintf("%s, %d B, %s", e.Name, e.Size, e.SHA256+e.Commit)})
	}
	signed := d.Signed()
	for _, key := range d.By {
		state := say("has yet to sign", "待签署")
		if slices.Contains(signed, key) {
			state = say("has signed", "已签署")
		}
		rows = append(rows, Row{say("Signer", "签署人"), keyName(key) + ", " + state})
	}
	return rows, nil
}

func itemText(item, none string) string {
	if item == "" {
		return none
	}
	return item
}

func keyName(key string) string {
	name, _, _ := strings.Cut(key, "+")
	return name
}

// shower writes values for people.
type shower struct {
	contract *Contract
	all      map[string]any    // the fields around the value: money has its currency there
	opened   map[string]string // private values by the digest that commits to them
	lang     string
}

func (s shower) label(f Field, name string) string {
	if label := f.In(s.lang); label != "" {
		return label
	}
	return name
}

func (s shower) value(f Field, v any) string {
	switch v := v.(type) {
	case map[string]any:
		return s.object(f, v)
	case []any:
		var parts []string
		for _, one := range v {
			item := Field{}
			if f.Items != nil {
				item = *f.Items
			}
			parts = append(parts, s.value(item, one))
		}
		return strings.Join(parts, "; ")
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return v.String()
		}
		return s.number(f.Format, n)
	case bool:
		if v {
			return Text{"yes", "是"}.In(s.lang)
		}
		return Text{"no", "否"}.In(s.lang)
	case string:
		if f.Format == "key" {
			return keyName(v)
		}
		return v
	}
	return ""
}

func (s shower) object(f Field, v map[string]any) string {
	digest, _ := v["digest"].(string)
	if name, ok := v["name"].(string); ok && digest != "" && len(v) == 2 {
		if value, ok := s.opened[digest]; ok {
			return name + ": " + value + Text{" (private)", "（私密）"}.In(s.lang)
		}
		return name + Text{": private", "：私密"}.In(s.lang)
	}
	fields := s.contract.Types[f.Ref].Properties
	inner := shower{s.contract, v, s.opened, s.lang}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		parts = append(parts, s.label(fields[name], name)+" "+inner.value(fields[name], v[name]))
	}
	return strings.Join(parts, ", ")
}

func (s shower) number(format string, n int64) string {
	switch format {
	case "time":
		return time.UnixMilli(n).UTC().Format("2006-01-02 15:04:05 UTC")
	case "duration":
		return (time.Duration(n) * time.Millisecond).String()
	case "celsius":
		return hundredths(n) + " °C"
	case "share":
		return hundredths(n) + " %"
	case "money":
		currency, _ := s.all["currency"].(string)
		return strings.TrimSpace(money(n, currency) + " " + currency)
	}
	return strconv.FormatInt(n, 10)
}

func hundredths(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, uint64(n)/100, uint64(n)%100)
}

// money writes minor units by ISO 4217: most currencies have a hundred of them, these have none, or a thousand.
func money(n int64, currency string) string {
	switch currency {
	case "JPY", "KRW", "VND", "CLP", "ISK", "PYG", "UGX", "XAF", "XOF", "XPF":
		return strconv.FormatInt(n, 10)
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return fmt.Sprintf("%d.%03d", n/1000, n%1000)
	}
	return hundredths(n)
}
