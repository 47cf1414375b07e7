package ledgertest

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Vector is one file of testdata/vectors, whose README tells the form.
type Vector struct {
	Name    string            // format/what-is-special
	Outcome string            // ok, a class of package ledger, or verdict and code of a proof
	Comment string            //
	Context map[string]string // what a checker must know besides the bytes
	Result  string            // what an accepted vector means
	Data    []byte
}

// Format returns the folder of the vector.
func (v Vector) Format() string { return filepath.Dir(v.Name) }

// Encode writes the head, an empty line, and the bytes: as they are where they
// are a text that ends in a line feed, else in base64, or compressed if long.
func (v Vector) Encode() []byte {
	out := fmt.Appendf(nil, "format: %s\noutcome: %s\ncomment: %s\n", v.Format(), v.Outcome, v.Comment)
	for _, name := range slices.Sorted(maps.Keys(v.Context)) {
		out = fmt.Appendf(out, "%s: %s\n", name, v.Context[name])
	}
	if v.Result != "" {
		out = fmt.Appendf(out, "result: %s\n", v.Result)
	}
	isText := utf8.Valid(v.Data) && bytes.HasSuffix(v.Data, []byte("\n")) && !bytes.ContainsAny(v.Data, "\r\x00")
	switch {
	case len(v.Data) > 16<<10:
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(v.Data)
		w.Close()
		return fmt.Appendf(out, "encoding: zlib\n\n%s\n", base64.StdEncoding.EncodeToString(b.Bytes()))
	case isText:
		return append(append(out, '\n'), v.Data...)
	}
	return fmt.Appendf(out, "encoding: base64\n\n%s\n", base64.StdEncoding.EncodeToString(v.Data))
}

// ReadVectors reads the vectors of the formats that the pattern matches, in the order of their names.
func ReadVectors(dir, pattern string) []Vector {
	files := must(filepath.Glob(filepath.Join(dir, pattern, "*.txt")))
	vectors := make([]Vector, len(files))
	for i, file := range files {
		name := must(filepath.Rel(dir, strings.TrimSuffix(file, ".txt")))
		vectors[i] = parseVector(filepath.ToSlash(name), must(os.ReadFile(file)))
	}
	return vectors
}

func parseVector(name string, file []byte) Vector {
	v := Vector{Name: name, Context: map[string]string{}}
	head, body, _ := bytes.Cut(file, []byte("\n\n"))
	v.Data = body
	for line := range strings.Lines(string(head)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "format":
			if value != v.Format() {
				panic("ledgertest: vector " + name + " says format " + value)
			}
		case "outcome":
			v.Outcome = value
		case "comment":
			v.Comment = value
		case "result":
			v.Result = value
		case "encoding":
			v.Data = decodeBody(value, body)
		default:
			v.Context[key] = value
		}
	}
	return v
}

func decodeBody(encoding string, body []byte) []byte {
	data := must(base64.StdEncoding.DecodeString(string(bytes.TrimSuffix(body, []byte("\n")))))
	if encoding == "zlib" {
		return must(io.ReadAll(must(zlib.NewReader(bytes.NewReader(data)))))
	}
	return data
}
