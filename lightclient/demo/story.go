package demo

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"evident/lightclient/act"
)

//go:embed stories/*.yaml
var stories embed.FS

// Story is one scenario: who takes part, and what they do. In texts of fields "@yard" is the key of a party, "$bill" the
// item that a step called so, "sha256:…" the digest of a text, "digest:a.pdf" that of a document, "now-30m" a time; {run}
// is different every time that the story is played.
type Story struct {
	Name      string
	Contract  string
	Title     act.Text
	About     act.Text
	Parties   []Party
	Documents map[string]string // text files by their names
	Steps     []Step
}

// Party is somebody who signs. Roles are those that a member vouches for: "role", "role scope" or "contract/role scope".
type Party struct {
	ID    string
	Name  act.Text
	Roles []string
}

// Step is an action, or something to look at.
type Step struct {
	Say     act.Text
	Do      string
	In      string // contract; empty: the story's
	Item    string
	As      string // name for the item
	By      []string
	Fields  map[string]any
	Private map[string]map[string]string
	Files   []string // documents
	Want    string   // status afterwards
	Refuse  string   // the rule that refuses it
	Show    []string // fields of the item to show afterwards
	Until   string   // a time in the item's state to wait for before
	Look    *Look
}

// Look shows and proves something without changing anything.
type Look struct {
	History  string   // a field of the item: its value after each record, the records proven complete
	Family   bool     // what the item was made into, over all levels
	Absent   bool     // the item is proven not to exist
	Disclose []string // private fields that the item's holder proves, and no others
	File     string   // where that proof is written
}

// Names lists the stories, in the order of the scenarios.
func Names() []string {
	return []string{"copyright", "certificate", "access", "food", "goods", "medicine", "bill", "deposit"}
}

// Load reads a story.
func Load(name string) (*Story, error) {
	text, err := stories.ReadFile(path.Join("stories", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("there is no story %q: want %s", name, strings.Join(Names(), ", "))
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	s := &Story{Name: name}
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf("read story %s: %w", name, err)
	}
	return s, nil
}
