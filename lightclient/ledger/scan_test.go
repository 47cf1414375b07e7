package ledger

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// decodeStatement is the definition of a statement's form, and slow.
func decodeStatement(line []byte) (Statement, bool) {
	var st Statement
	if DecodeCanonical(line, &st) != nil {
		return st, false
	}
	fields, err := CanonicalObject(st.Fields)
	return st, err == nil && bytes.Equal(fields, st.Fields) && st.By != nil && st.Evidence != nil &&
		len(st.By) <= MaxSigners && len(st.Evidence) <= MaxEvidence
}

// FuzzScanStatement holds the scanner to the definition.
func FuzzScanStatement(f *testing.F) {
	f.Add([]byte(`{"action":"deposit","after":{"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","size":1},"at":1,"by":["a\"b"],"contract":"\u001f\n","evidence":[{"cid":"","media":"","name":"x","sha256":"","size":0}],"fields":{"a":[1,-2,true,null,{}],"b":""},"item":"","ledger":"","nonce":"","prev":"","seq":1,"version":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := parseStatement(line)
		want, ok := decodeStatement(line)
		if (err == nil) != ok {
			t.Fatalf("scanner: %v, definition: %v", err, ok)
		}
		if ok && !equalJSON(got, want) {
			t.Errorf("scanner %+v, definition %+v", got, want)
		}
	})
}

func equalJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// FuzzScanObject holds the scanner to the definition for freely chosen JSON.
func FuzzScanObject(f *testing.F) {
	for _, tt := range objects {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := NewScanner(data)
		s.Object()
		err := s.Close()
		again, slow := CanonicalObject(data)
		if ok := slow == nil && bytes.Equal(again, data); ok != (err == nil) {
			t.Fatalf("scanner: %v, definition: %v, %q", err, slow, again)
		}
	})
}

var objects = []struct {
	name, text string
	ok         bool
}{
	{"empty", `{}`, true},
	{"all kinds", `{"a":[],"b":{},"c":"","d":-1,"e":0,"f":true,"g":false,"h":null}`, true},
	{"all escapes", `{"a":"\b\f\n\r\t\"\\\u0000\u001f"}`, true},
	{"largest numbers", `{"a":[9223372036854775807,-9223372036854775808]}`, true},
	{"Chinese and HTML", `{"港口":"<&>"}`, true},
	{"names by bytes, not by UTF-16", "{\"\uff5e\":1,\"\U0001f600\":2}", true},
	{"escaped name in order", `{"\n":1,"a":2}`, true},
	{"eight deep", `{"a":[[[[[[[1]]]]]]]}`, true},
	{"nine deep", `{"a":[[[[[[[[1]]]]]]]]}`, false},
	{"a list", `[]`, false},
	{"nothing", ``, false},
	{"open", `{"a":1`, false},
	{"number cut", `{"a":-}`, false},
	{"space", `{"a": 1}`, false},
	{"space before", ` {}`, false},
	{"bytes behind", `{}{}`, false},
	{"trailing comma", `{"a":1,}`, false},
	{"names twice", `{"a":1,"a":1}`, false},
	{"names not sorted", `{"b":1,"a":1}`, false},
	{"escaped name not in order", `{"a":2,"\n":1}`, false},
	{"names by UTF-16", "{\"\U0001f600\":2,\"\uff5e\":1}", false},
	{"a float", `{"a":1.5}`, false},
	{"a whole float", `{"a":1.0}`, false},
	{"an exponent", `{"a":1e3}`, false},
	{"minus zero", `{"a":-0}`, false},
	{"leading zero", `{"a":01}`, false},
	{"plus", `{"a":+1}`, false},
	{"over 64 bits", `{"a":9223372036854775808}`, false},
	{"an escape that is not needed", `{"a":"\u0061"}`, false},
	{"an escaped slash", `{"a":"\/"}`, false},
	{"upper-case escape", `{"a":"\u001F"}`, false},
	{"long escape of a line feed", `{"a":"\u000a"}`, false},
	{"an escape cut", `{"a":"\u00`, false},
	{"a raw line feed", "{\"a\":\"\n\"}", false},
	{"bad UTF-8", "{\"a\":\"\xff\"}", false},
	{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", false},
	{"an escaped surrogate", `{"a":"\ud800"}`, false},
	{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", false},
	{"U+FFFD", "{\"a\":\"\ufffd\"}", false},
	{"U+2028", "{\"a\":\"\u2028\"}", false},
	{"escaped U+2028", `{"a":"\u2028"}`, false},
	{"a comment", `{/**/}`, false},
	{"NaN", `{"a":NaN}`, false},
	{"a byte order mark", "\ufeff{}", false},
}

func TestScanObject(t *testing.T) {
	for _, tt := range objects {
		t.Run(tt.name, func(t *testing.T) {
			s := NewScanner([]byte(tt.text))
			got := s.Object()
			if err := s.Close(); (err == nil) != tt.ok {
				t.Fatalf("got %v, want ok %v", err, tt.ok)
			}
			if tt.ok && string(got) != tt.text {
				t.Errorf("read %q", got)
			}
		})
	}
}

func TestEncodeCanonicalRefuses(t *testing.T) {
	tests := []struct {
		name string
		v    any
	}{
		{"a float", 1.5},
		{"a large number", uint64(1 << 63)},
		{"bad UTF-8", "\xff"},
		{"U+FFFD", "\ufffd"},
		{"U+2028", "\u2028"},
		{"members out of order", struct {
			B int `json:"b"`
			A int `json:"a"`
		}{}},
		{"too deep", json.RawMessage(strings.Repeat("[", 18) + strings.Repeat("]", 18))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if out, err := EncodeCanonical(tt.v); err == nil {
				t.Errorf("encoded as %s", out)
			}
		})
	}
}
