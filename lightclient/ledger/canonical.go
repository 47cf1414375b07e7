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

// Nesting of JSON: of the values that authors choose freely below their object,
// and of everything.
const (
	maxDepth    = 8
	maxAllDepth = 16
)

// EncodeCanonical returns the canonical JSON of v: UTF-8, members sorted by
// the bytes of their names, no white space, integers of 64 bits only, and the
// escapes of RFC 8785. Struct fields must be declared in that order. Texts with
// U+2028, U+2029 or U+FFFD are refused: encoders disagree about the first two,
// and the last stands for bytes that were lost.
func EncodeCanonical(v any) ([]byte, error) {
	out, err := encode(v)
	if err != nil {
		return nil, err
	}
	return out, checkCanonical(out)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, malformed("encode: %v", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// DecodeCanonical decodes data into v and accepts nothing but the bytes that
// EncodeCanonical makes of the result: so no duplicate or unknown members, no
// other spelling of a number or a string, and no trailing bytes.
func DecodeCanonical(data []byte, v any) error {
	if err := checkCanonical(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return malformed("%v", err)
	}
	again, err := encode(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return malformed("JSON: members are missing, or this version does not know them")
	}
	return nil
}

// checkCanonical checks that data is one value in canonical JSON.
func checkCanonical(data []byte) error {
	s := NewScanner(data)
	s.value(maxAllDepth)
	return s.Close()
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
