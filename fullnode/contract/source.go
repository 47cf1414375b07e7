package contract

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxDefinitionSize bounds the text of a definition, in bytes.
const MaxDefinitionSize = 128 << 10

// source reads a definition's YAML, of which it accepts mappings, lists, texts, whole numbers, true and false. It
// collects every problem with file and line.
type source struct {
	file     string
	included map[*yaml.Node]string // nodes of another file
	problems []error
}

func (s *source) fail(n *yaml.Node, format string, args ...any) {
	file := s.file
	if other, ok := s.included[n]; ok {
		file = other
	}
	s.problems = append(s.problems, fmt.Errorf("%s:%d: %s", file, max(n.Line, 1), fmt.Sprintf(format, args...)))
}

func (s *source) err() error { return errors.Join(s.problems...) }

// parse returns the mapping that the text is.
func (s *source) parse(text []byte) (*yaml.Node, error) {
	if len(text) > MaxDefinitionSize {
		return nil, fmt.Errorf("%s:1: a definition has at most %d bytes", s.file, MaxDefinitionSize)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		line, why := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if n, rest, ok := strings.Cut(strings.TrimPrefix(why, "line "), ": "); ok && n != why {
			if at, err := strconv.Atoi(n); err == nil {
				line, why = at, rest
			}
		}
		return nil, fmt.Errorf("%s:%d: %s", s.file, line, why)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, fmt.Errorf("%s:1: want one definition", s.file)
	}
	s.checkNode(document.Content[0], 0)
	return document.Content[0], s.err()
}

// maxYAMLDepth keeps a definition within what canonical JSON allows.
const maxYAMLDepth = 14

func (s *source) checkNode(n *yaml.Node, depth int) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		s.fail(n, "anchors and aliases are not allowed")
		return
	case depth > maxYAMLDepth:
		s.fail(n, "nested deeper than %d", maxYAMLDepth)
		return
	case n.Kind == yaml.ScalarNode && !slices.Contains([]string{"!!str", "!!int", "!!bool"}, n.Tag):
		s.fail(n, "%q is neither a text, a whole number, true nor false", n.Value)
	}
	seen := map[string]bool{}
	for i, one := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if one.Kind != yaml.ScalarNode || seen[one.Value] {
				s.fail(one, "%q stands twice, or is no name", one.Value)
			}
			seen[one.Value] = true
			continue
		}
		s.checkNode(one, depth+1)
	}
}

// value returns the node as plain JSON.
func (s *source) value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			object[n.Content[i].Value] = s.value(n.Content[i+1])
		}
		return object
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, one := range n.Content {
			list[i] = s.value(one)
		}
		return list
	}
	switch n.Tag {
	case "!!int":
		return s.whole(n)
	case "!!bool":
		return n.Value == "true"
	}
	return n.Value
}

func (s *source) whole(n *yaml.Node) int64 {
	v, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || n.Tag != "!!int" || strconv.FormatInt(v, 10) != n.Value {
		s.fail(n, "%q is not a whole number of 64 bits", n.Value)
	}
	return v
}

// object returns a mapping's values by name. Names that are neither needed nor optional are problems, as are needed
// ones that are missing.
func (s *source) object(n *yaml.Node, needed, optional []string) map[string]*yaml.Node {
	members := s.members(n)
	for _, name := range sortedKeys(members) {
		if !slices.Contains(needed, name) && !slices.Contains(optional, name) {
			s.fail(members[name], "%q is not known here", name)
		}
	}
	for _, name := range needed {
		if members[name] == nil {
			s.fail(n, "%q is missing", name)
		}
	}
	return members
}

// members returns a mapping's values by freely chosen names.
func (s *source) members(n *yaml.Node) map[string]*yaml.Node {
	members := map[string]*yaml.Node{}
	if n == nil {
		return members
	}
	if n.Kind != yaml.MappingNode {
		s.fail(n, "want names with values")
		return members
	}
	for i := 0; i < len(n.Content); i += 2 {
		members[n.Content[i].Value] = n.Content[i+1]
	}
	return members
}

func (s *source) list(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		s.fail(n, "want a list")
		return nil
	}
	return n.Content
}

func (s *source) text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || n.Value == "" {
		s.fail(n, "want a text")
	}
	return n.Value
}

// message reads a sentence in both languages.
func (s *source) message(n *yaml.Node) (en, zh string) {
	if n == nil {
		return "", ""
	}
	m := s.object(n, []string{"en", "zh"}, nil)
	return s.text(m["en"]), s.text(m["zh"])
}
