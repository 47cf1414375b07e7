package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxDepth bounds the nesting of JSON that authors choose freely.
const maxDepth = 8

// EncodeCanonical returns the canonical JSON of v: UTF-8, members sorted by
// the bytes of their names, no white space, integers only, and the escapes of
// RFC 8785. Struct fields must be declared in that order. A string with U+2028
// or U+2029 is refused, because encoders disagree about escaping it.
func EncodeCanonical(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, malformed("encode: %v", err)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if hasLineSeparator(out) {
		return nil, malformed("a text contains U+2028 or U+2029; use a line feed")
	}
	return out, nil
}

// DecodeCanonical decodes data into v and accepts nothing but the bytes that
// EncodeCanonical makes of the result: so no duplicate or unknown members, no
// other spelling of a number or a string, and no trailing bytes.
func DecodeCanonical(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return malformed("%v", err)
	}
	again, err := EncodeCanonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return malformed("not canonical JSON, or it has members this version does not know")
	}
	return nil
}

// hasLineSeparator finds the escapes \u2028 and \u2029 in JSON made by
// encoding/json, which writes those two characters in no other way.
func hasLineSeparator(data []byte) bool {
	for rest := data; ; {
		i := bytes.Index(rest, []byte(`\u202`))
		if i < 0 {
			return false
		}
		slashes := 0
		for j := i - 1; j >= 0 && rest[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 && i+5 < len(rest) && (rest[i+5] == '8' || rest[i+5] == '9') {
			return true
		}
		rest = rest[i+5:]
	}
}

// CanonicalObject returns the canonical form of a JSON object with freely
// chosen members. It refuses duplicate members, numbers that are not integers
// of 64 bits, and nesting deeper than 8.
func CanonicalObject(data []byte) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, malformed("want a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("bytes after the JSON object")
	}
	return EncodeCanonical(v)
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: JSON nested deeper than %d", ErrLimit, maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return nil, malformed("%v", err)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(dec, depth)
		}
		return readArray(dec, depth)
	case json.Number:
		n, err := strconv.ParseInt(t.String(), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != t.String() {
			return nil, malformed("%s is not a whole number of 64 bits", t)
		}
		return n, nil
	case string:
		if strings.ContainsRune(t, '\uFFFD') {
			return nil, malformed("a text is not valid Unicode")
		}
		return t, nil
	}
	return token, nil // true, false, null
}

func readObject(dec *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for dec.More() {
		name, err := readValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		key := name.(string) // encoding/json lets nothing else stand here
		if _, doubled := object[key]; doubled {
			return nil, malformed("member %q stands twice", key)
		}
		if object[key], err = readValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	if err != nil {
		return nil, malformed("%v", err)
	}
	return object, nil
}

func readArray(dec *json.Decoder, depth int) (any, error) {
	array := []any{}
	for dec.More() {
		v, err := readValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	if _, err := dec.Token(); err != nil {
		return nil, malformed("%v", err)
	}
	return array, nil
}
