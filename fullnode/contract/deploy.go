package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"golang.org/x/mod/sumdb/tlog"
)

// Contracts is the contract by which the members deploy contracts. Its rules are part of this program; its item of a
// contract's name lists the versions in force, and its item allContracts the names.
const (
	Contracts    = "contracts"
	allContracts = "*"
)

// Versions returns the versions of a contract that are in force in this block, the oldest first.
func (b *Block) Versions(name string) ([]InForce, error) {
	if list, ok := b.versions[name]; ok {
		return list, nil
	}
	list, err := b.readVersions(name)
	if err != nil {
		return nil, err
	}
	b.versions[name] = list
	return list, nil
}

func (b *Block) readVersions(name string) ([]InForce, error) {
	var list []InForce
	if c := b.engine.genesis[name]; c != nil {
		list = append(list, InForce{c, 0})
	}
	if b.engine.genesis[Contracts] == nil {
		return list, nil
	}
	item, err := readItem(b.view, Contracts, name)
	if err != nil {
		return nil, err
	}
	for _, one := range item.list("versions") {
		release := one.(map[string]any)
		since := release["since"].(int64)
		if since > b.height {
			continue // deployed in this very block
		}
		c, err := b.engine.deployed(b.view, release)
		if err != nil {
			return nil, err
		}
		list = append(list, InForce{c, since})
	}
	return list, nil
}

// All returns every contract in force, by name and version.
func (b *Block) All() ([]InForce, error) {
	names := map[string]bool{}
	for name := range b.engine.genesis {
		names[name] = true
	}
	index, err := readItem(b.view, Contracts, allContracts)
	if err != nil {
		return nil, err
	}
	for _, name := range index.list("names") {
		names[name.(string)] = true
	}
	var all []InForce
	for _, name := range sortedKeys(names) {
		list, err := b.Versions(name)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// list returns a field that is a list, empty if the item does not have it.
func (i *Item) list(field string) []any {
	list, _ := i.Fields[field].([]any)
	return list
}

// deployed returns the contract of a release that is in force. That it does not compile here, though a quorum compiled
// it, says that this program is another one.
func (e *Engine) deployed(view View, release map[string]any) (*Contract, error) {
	digest, err := parseDigest(release["digest"].(string))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCannotRun, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.compiled[digest]; c != nil {
		return c, nil
	}
	text, err := joinParts(release["parts"].([]any), func(name string) (*Item, error) { return readItem(view, Contracts, name) })
	if err != nil {
		return nil, err
	}
	c, err := compile(text, digest)
	if err != nil {
		return nil, fmt.Errorf("%w: digest %x: %w", ErrCannotRun, digest, err)
	}
	e.compiled[digest] = c
	return c, nil
}

func parseDigest(s string) (tlog.Hash, error) {
	var digest tlog.Hash
	if n, err := hex.Decode(digest[:], []byte(s)); err != nil || n != len(digest) {
		return digest, errors.New("a digest has 64 hexadecimal digits")
	}
	return digest, nil
}

// joinParts puts a definition together from the items that hold it.
func joinParts(parts []any, read func(name string) (*Item, error)) ([]byte, error) {
	var text []byte
	for _, name := range parts {
		item, err := read(name.(string))
		if err != nil {
			return nil, err
		}
		part, _ := item.Fields["text"].(string)
		text = append(text, part...)
	}
	return text, nil
}

// compile makes a contract of a definition in canonical JSON.
func compile(text []byte, digest tlog.Hash) (*Contract, error) {
	if sha256.Sum256(text) != digest {
		return nil, errors.New("the parts are not the definition with this digest")
	}
	c, err := Load("definition", text)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(c.definition, text) {
		return nil, errors.New("the definition is not in canonical JSON")
	}
	return c, nil
}

// accepts is ledger.accepts(name, version, digest, parts): whether the definition can come into force, or an error that
// says why not. It costs a compilation, so the contract asks only when a quorum wants it.
func (c *call) accepts(name string, version int64, digest string, parts ref.Val) ref.Val {
	names, err := textsShape.native(parts)
	if err != nil {
		return types.NewErrFromString(err.Error())
	}
	text, err := joinParts(names.([]any), c.findOwn)
	if err != nil {
		return types.NewErrFromString(err.Error())
	}
	if err := c.acceptable(name, version, digest, text); err != nil {
		return types.NewErrFromString(err.Error())
	}
	return types.True
}

func (c *call) acceptable(name string, version int64, digest string, text []byte) error {
	hash, err := parseDigest(digest)
	if err != nil {
		return err
	}
	next, err := compile(text, hash)
	if err != nil {
		return err
	}
	if next.name != name || next.version != version {
		return fmt.Errorf("the definition is of %s version %d", next.name, next.version)
	}
	before, err := c.block.Versions(name)
	if err != nil {
		c.err = err
		return err
	}
	return next.Follows(before)
}

// Follows holds a contract to what the versions before it have promised.
func (c *Contract) Follows(before []InForce) error {
	if c.name == Contracts {
		return fmt.Errorf("the contract %s is part of the program", Contracts)
	}
	if c.name == DigestSpace {
		return fmt.Errorf("a contract is not called %s: the ledger keeps digests there", DigestSpace)
	}
	seen := map[[2]*shape]bool{}
	for _, old := range before {
		if old.version >= c.version {
			return fmt.Errorf("version %d is in force already", old.version)
		}
		for _, field := range sortedKeys(c.fields) {
			if was := old.fields[field]; was != nil && !was.within(c.fields[field], seen) {
				return fmt.Errorf("field %q has another type, or is shorter, than in version %d", field, old.version)
			}
		}
	}
	for _, name := range sortedKeys(c.actions) {
		if err := c.checkMigration(name, c.actions[name], before); err != nil {
			return err
		}
	}
	return nil
}

func (c *Contract) checkMigration(name string, a *action, before []InForce) error {
	if a.migrates == 0 {
		return nil
	}
	for _, old := range before {
		if old.version != a.migrates {
			continue
		}
		for _, status := range sortedKeys(a.from) {
			if !old.has(status) {
				return fmt.Errorf("action %q starts from %q, which is no status of version %d", name, status, old.version)
			}
		}
		return nil
	}
	return fmt.Errorf("action %q migrates from version %d, which is not in force", name, a.migrates)
}

// agreed is ledger.agreed(): whether those who signed this record, with those who agreed to the same definition before,
// are a quorum of the members.
func (c *call) agreed() ref.Val {
	keys := slices.Clone(c.record.By)
	proposal, _ := c.item.Fields["proposal"].(map[string]any)
	if proposal["version"] == c.input["version"] && proposal["digest"] == c.input["digest"] {
		for _, key := range c.item.list("approved") {
			keys = append(keys, key.(string))
		}
	}
	slices.Sort(keys)
	count := 0
	for _, key := range slices.Compact(keys) {
		if c.block.engine.members[key] != nil {
			count++
		}
	}
	return types.Bool(count >= c.block.engine.quorum)
}

// Split cuts a definition into texts that each fit a record.
func Split(definition []byte) []string {
	const size = 12_000 // bytes; JSON may double it
	var parts []string
	for rest := string(definition); rest != ""; {
		part := strings.ToValidUTF8(rest[:min(size, len(rest))], "")
		parts, rest = append(parts, part), rest[len(part):]
	}
	return parts
}
