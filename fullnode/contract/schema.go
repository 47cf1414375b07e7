package contract

import (
	"bytes"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"evident/lightclient/ledger"
)

// Bounds of what a schema may ask for.
const (
	maxList    = 256   // values of a list: uniqueItems takes time by the square of it
	maxLevels  = 6     // lists and objects within each other, in one field: deeper is no canonical JSON
	maxPattern = 4_096 // steps of a compiled pattern
)

// kinds are the JSON types that a definition may name, with the keywords of JSON Schema that each takes.
var kinds = map[string]struct {
	kind     types.Kind
	keywords []string
}{
	"integer": {types.IntKind, []string{"minimum", "maximum", "enum", "const", "format"}},
	"string":  {types.StringKind, []string{"minLength", "maxLength", "pattern", "enum", "const", "format"}},
	"boolean": {types.BoolKind, nil},
	"array":   {types.ListKind, []string{"items", "minItems", "maxItems", "uniqueItems"}},
}

// formats say to people and forms what a value stands for. Rules do not look at them.
var formats = map[types.Kind][]string{
	types.IntKind:    {"time", "duration", "celsius", "money", "share"},
	types.StringKind: {"key", "item", "record", "commitment"},
}

// labels are names for people, which JSON Schema ignores.
var labels = []string{"en", "zh"}

// shapeOf returns the type that a JSON Schema describes. Objects have names: {$ref: author}.
func (d *loader) shapeOf(n *yaml.Node) *shape {
	members := d.members(n)
	if ref := members["$ref"]; ref != nil {
		d.object(n, []string{"$ref"}, labels)
		name := d.text(ref)
		if d.objects[name] == nil {
			d.fail(ref, "type %q is not declared before this", name)
			return textShape
		}
		return d.objects[name]
	}
	name := d.text(members["type"])
	kind, ok := kinds[name]
	if !ok {
		d.fail(n, "type is integer, string, boolean or array, or there is a $ref to a named type")
		return textShape
	}
	d.object(n, []string{"type"}, slices.Concat(kind.keywords, labels))
	s := &shape{kind: kind.kind, most: d.most(members)}
	d.checkBounds(members)
	if format := members["format"]; format != nil && !slices.Contains(formats[s.kind], d.text(format)) {
		d.fail(format, "the format of type %s is one of %s", name, strings.Join(formats[s.kind], ", "))
	}
	if s.kind != types.ListKind {
		return s
	}
	if max := members["maxItems"]; max == nil || d.whole(max) > maxList || d.whole(max) < 0 {
		d.fail(n, "maxItems is 0 to %d", maxList)
	}
	if members["items"] == nil {
		d.fail(n, `"items" is missing`)
		return textsShape
	}
	if s.elem = d.shapeOf(members["items"]); s.elem.kind == types.ListKind {
		d.fail(n, "a list of lists needs a named type between")
	}
	s.levels = s.elem.levels + 1
	return s
}

// checkBounds refuses what is not the same on every machine, or takes room without bound: lengths that 32 bits do not
// hold, and patterns that are large, or ask a version of Unicode what a letter is.
func (d *loader) checkBounds(members map[string]*yaml.Node) {
	for _, name := range []string{"minLength", "maxLength", "minItems"} {
		if n := members[name]; n != nil && (d.whole(n) < 0 || d.whole(n) > MaxItemSize) {
			d.fail(n, "%s is 0 to %d", name, MaxItemSize)
		}
	}
	n := members["pattern"]
	if n == nil {
		return
	}
	text := d.text(n)
	if strings.Contains(text, `\p`) || strings.Contains(text, `\P`) || strings.Contains(text, "(?") {
		d.fail(n, "a pattern has neither classes of Unicode, nor flags")
		return
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		d.fail(n, "the pattern is no regular expression: %v", err)
		return
	}
	if program, err := syntax.Compile(parsed.Simplify()); err != nil || len(program.Inst) > maxPattern {
		d.fail(n, "a pattern has at most %d steps", maxPattern)
	}
}

// objectShape returns the type of an object with these properties, and completes its schema: no other members.
func (d *loader) objectShape(name string, n *yaml.Node) (*shape, map[string]any) {
	s := &shape{kind: types.StructKind, name: name, fields: map[string]*shape{}}
	schema := map[string]any{"type": "object", "additionalProperties": false}
	if n == nil {
		return s, schema
	}
	members := d.object(n, []string{"properties"}, []string{"required"})
	s.fields = d.fieldShapes(members["properties"])
	for _, field := range s.fields {
		s.levels = max(s.levels, field.levels+1)
	}
	for _, one := range d.list(members["required"]) {
		if s.fields[d.text(one)] == nil {
			d.fail(one, "%q is required and not a property", one.Value)
		}
	}
	for key, value := range members {
		schema[key] = withDefs(d.value(value))
	}
	return s, schema
}

func (d *loader) fieldShapes(n *yaml.Node) map[string]*shape {
	fields := map[string]*shape{}
	members := d.members(n)
	for _, field := range sortedKeys(members) {
		if !isWord(field) {
			d.fail(members[field], "%q is not a name: a-z, 0-9 and _", field)
		}
		for _, language := range labels {
			if d.members(members[field])[language] == nil {
				d.fail(members[field], "%q has no label in %s", field, language)
			}
		}
		fields[field] = d.shapeOf(members[field])
		if fields[field].levels > maxLevels {
			d.fail(members[field], "%q is nested deeper than %d", field, maxLevels)
		}
	}
	return fields
}

// withDefs turns references to named types into JSON pointers.
func withDefs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, one := range v {
			if name, ok := one.(string); ok && key == "$ref" {
				v[key] = "#/$defs/" + name
				continue
			}
			v[key] = withDefs(one)
		}
	case []any:
		for i := range v {
			v[i] = withDefs(v[i])
		}
	}
	return v
}

// compileSchema makes a validator that loads nothing from outside.
func (d *loader) compileSchema(schema map[string]any) (*jsonschema.Schema, error) {
	schema["$defs"] = d.defs
	text, err := ledger.EncodeCanonical(schema)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(closed{})
	if err := c.AddResource("evident:input", doc); err != nil {
		return nil, err
	}
	return c.Compile("evident:input")
}

// closed refuses to load schemas.
type closed struct{}

func (closed) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside the definition", url)
}

func isWord(s string) bool {
	if s == "" || len(s) > 32 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// most returns how long a text or a list may be by its schema, or 0.
func (d *loader) most(members map[string]*yaml.Node) int64 {
	if n := members["maxItems"]; n != nil {
		return d.whole(n)
	}
	if n := members["maxLength"]; n != nil {
		return min(utf8.UTFMax*d.whole(n), MaxItemSize)
	}
	return 0
}
