package contract

import (
	"encoding/json"
	"fmt"
	"strconv"

	"evident/lightclient/ledger"
)

// MaxItemSize bounds the state of one item, in bytes.
const MaxItemSize = 32 << 10

// Item is the state of one item. One that a record of another item made (touches) has seq 0, and no first and last.
type Item struct {
	At      int64          `json:"at"`               // the last record's time, by its author's clock
	Authors []string       `json:"authors"`          // verifier keys that signed the first record
	Fields  map[string]any `json:"fields,omitempty"` // what the contract keeps; a field that is absent is zero
	First   string         `json:"first"`            // id of the first record
	Height  int64          `json:"height"`           // of the block that changed it last
	Last    string         `json:"last"`             // id of the last record
	Seq     int64          `json:"seq"`              // of the last record
	Status  string         `json:"status"`           // a word of the contract
	Version int64          `json:"version"`          // of the contract that the item began under

	name string
}

// none is the status of an item that does not exist.
const none = "none"

// appendJSON appends the canonical JSON. It is EncodeCanonical, several times as fast: every record on every member needs it.
func (i *Item) appendJSON(b []byte) ([]byte, error) {
	b = strconv.AppendInt(append(b, `{"at":`...), i.At, 10)
	b, err := appendValue(append(b, `,"authors":`...), texts(i.Authors))
	if err != nil {
		return nil, err
	}
	if len(i.Fields) > 0 {
		if b, err = appendValue(append(b, `,"fields":`...), i.Fields); err != nil {
			return nil, err
		}
	}
	b = append(append(b, `,"first":"`...), i.First...)
	b = strconv.AppendInt(append(b, `","height":`...), i.Height, 10)
	b = append(append(b, `,"last":"`...), i.Last...)
	b = strconv.AppendInt(append(b, `","seq":`...), i.Seq, 10)
	b = append(append(b, `,"status":"`...), i.Status...)
	b = strconv.AppendInt(append(b, `","version":`...), i.Version, 10)
	return append(b, '}'), nil
}

// parseItem reads what encode wrote.
func parseItem(name string, value json.RawMessage) (*Item, error) {
	i := &Item{name: name, Authors: []string{}}
	s := ledger.NewScanner(value)
	s.Expect(`{"at":`)
	i.At = s.Int()
	s.Expect(`,"authors":`)
	s.List(ledger.MaxSigners, func() { i.Authors = append(i.Authors, s.Text(ledger.MaxRecordSize)) })
	if s.Has(`,"fields":`) {
		i.Fields = decode(s.Object()).(map[string]any)
	}
	s.Expect(`,"first":`)
	i.First = s.Text(ledger.MaxNameSize)
	s.Expect(`,"height":`)
	i.Height = s.Int()
	s.Expect(`,"last":`)
	i.Last = s.Text(ledger.MaxNameSize)
	s.Expect(`,"seq":`)
	i.Seq = s.Int()
	s.Expect(`,"status":`)
	i.Status = s.Text(ledger.MaxNameSize)
	s.Expect(`,"version":`)
	i.Version = s.Int()
	s.Expect("}")
	if err := s.Close(); err != nil {
		return nil, fmt.Errorf("read the state of item %s: %w", name, err)
	}
	return i, nil
}

// ParseItem reads the state of an item; one without a value does not exist.
func ParseItem(name string, value json.RawMessage) (*Item, error) {
	if value == nil {
		return &Item{name: name, Status: none}, nil
	}
	return parseItem(name, value)
}

// itemMembers are what every item has beside its contract's fields.
func itemMembers() map[string]*shape {
	return map[string]*shape{"at": wholeShape, "authors": textsShape, "exists": truthShape, "first": textShape,
		"height": wholeShape, "last": textShape, "name": textShape, "seq": wholeShape, "status": textShape, "version": wholeShape}
}

func (i *Item) member(field string) (any, bool) {
	switch field {
	case "at":
		return i.At, true
	case "authors":
		return texts(i.Authors), true
	case "exists":
		return i.Status != none, true
	case "first":
		return i.First, true
	case "height":
		return i.Height, true
	case "last":
		return i.Last, true
	case "name":
		return i.name, true
	case "seq":
		return i.Seq, true
	case "status":
		return i.Status, true
	case "version":
		return i.Version, true
	}
	v, ok := i.Fields[field]
	return v, ok
}

// decode returns the plain value of canonical JSON that a ledger.Scanner has accepted.
func decode(raw []byte) any {
	v, _ := decodeValue(raw)
	return v
}

func decodeValue(raw []byte) (any, []byte) {
	switch raw[0] {
	case '{':
		return decodeObject(raw[1:])
	case '[':
		return decodeList(raw[1:])
	case '"':
		return decodeText(raw)
	case 't':
		return true, raw[4:]
	case 'f':
		return false, raw[5:]
	case 'n':
		return nil, raw[4:]
	}
	end := 1
	for end < len(raw) && raw[end] >= '0' && raw[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(string(raw[:end]), 10, 64)
	if err != nil {
		panic("contract: canonical JSON has whole numbers of 64 bits: " + err.Error())
	}
	return n, raw[end:]
}

func decodeObject(raw []byte) (any, []byte) {
	object := map[string]any{}
	for raw[0] != '}' {
		if raw[0] == ',' {
			raw = raw[1:]
		}
		var name string
		name, raw = decodeText(raw)
		object[name], raw = decodeValue(raw[1:])
	}
	return object, raw[1:]
}

func decodeList(raw []byte) (any, []byte) {
	list := []any{}
	for raw[0] != ']' {
		if raw[0] == ',' {
			raw = raw[1:]
		}
		var v any
		v, raw = decodeValue(raw)
		list = append(list, v)
	}
	return list, raw[1:]
}

func decodeText(raw []byte) (string, []byte) {
	end, escaped := 1, false
	for ; raw[end] != '"'; end++ {
		if raw[end] == '\\' {
			escaped = true
			end++
		}
	}
	if !escaped {
		return string(raw[1:end]), raw[end+1:]
	}
	var text string
	if err := json.Unmarshal(raw[:end+1], &text); err != nil {
		panic("contract: canonical JSON has well-formed texts: " + err.Error())
	}
	return text, raw[end+1:]
}

// appendValue appends the canonical JSON of a plain value.
func appendValue(b []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return appendText(b, v)
	case []any:
		b = append(b, '[')
		for i, one := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendValue(b, one); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		b = append(b, '{')
		for i, name := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendText(b, name); err != nil {
				return nil, err
			}
			if b, err = appendValue(append(b, ':'), v[name]); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	}
	return nil, fmt.Errorf("a %T has no canonical JSON", v)
}

// appendText leaves the escapes, and what is not allowed, to ledger.EncodeCanonical.
func appendText(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			text, err := ledger.EncodeCanonical(s)
			return append(b, text...), err
		}
	}
	return append(append(append(b, '"'), s...), '"'), nil
}
