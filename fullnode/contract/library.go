package contract

import (
	"embed"
	"fmt"
	"path"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed library/*.yaml
var definitions embed.FS

// registry is the contract by which members vouch for keys: rule C1 of every contract reads it.
const registry = "registry"

// compiled is the library, made once: compiling takes longer than opening a ledger.
var compiled = sync.OnceValue(func() []*Contract {
	entries, err := definitions.ReadDir("library")
	if err != nil {
		panic("contract: the library is part of the program: " + err.Error())
	}
	var list []*Contract
	for _, entry := range entries {
		if entry.Name() == commonFile {
			continue
		}
		text, err := definitions.ReadFile(path.Join("library", entry.Name()))
		if err != nil {
			panic("contract: the library is part of the program: " + err.Error())
		}
		c, err := Load(entry.Name(), text)
		if err != nil {
			panic("contract: the library holds what its tests loaded: " + err.Error())
		}
		list = append(list, c)
	}
	return list
})

// Library is every contract that this program can execute, by name.
func Library() []*Contract { return compiled() }

// Find returns a contract of the library, or nil.
func Find(name string) *Contract {
	for _, c := range Library() {
		if c.name == name {
			return c
		}
	}
	return nil
}

const commonFile = "common.yaml"

// include puts the actions that most contracts share (rules C5 and C6) into a definition that asks for them, so that
// its digest covers them.
func (d *loader) include(root *yaml.Node) error {
	m := d.members(root)
	if m["include"] == nil {
		return d.err()
	}
	if m["include"].Value != "common" {
		d.fail(m["include"], "only common can be included")
		return d.err()
	}
	text, err := definitions.ReadFile(path.Join("library", commonFile))
	if err != nil {
		return fmt.Errorf("include common: %w", err)
	}
	part, err := (&source{file: commonFile}).parse(text)
	if err != nil {
		return fmt.Errorf("include common: %w", err)
	}
	d.mark(part)
	for i := 0; i < len(part.Content); i += 2 {
		d.merge(root, m[part.Content[i].Value], part.Content[i], part.Content[i+1])
	}
	return d.err()
}

func (d *loader) merge(root, into, name, from *yaml.Node) {
	if into == nil {
		root.Content = append(root.Content, name, from)
		return
	}
	known := d.members(into)
	for i := 0; i < len(from.Content); i += 2 {
		if here := known[from.Content[i].Value]; here != nil {
			d.fail(here, "%q comes with include: common", from.Content[i].Value)
		}
	}
	into.Content = append(into.Content, from.Content...)
}

func (d *loader) mark(n *yaml.Node) {
	d.included[n] = commonFile
	for _, one := range n.Content {
		d.mark(one)
	}
}
