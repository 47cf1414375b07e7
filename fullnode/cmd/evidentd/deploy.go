package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"evident/fullnode"
	"evident/fullnode/contract"
	"evident/lightclient"
	"evident/lightclient/act"
	"evident/lightclient/ledger"
	"evident/lightclient/source"
	"evident/lightclient/store"
)

// member is an operator at work: a client of the member's own node, and the node's key.
type member struct {
	client *lightclient.Client
	signer note.Signer
	vkey   string
	out    io.Writer
}

// openMember reads a node's configuration. The node has to run: what is asked and sent goes through it.
func openMember(ctx context.Context, config string, out io.Writer) (*member, error) {
	cfg, err := fullnode.ReadConfig(config)
	if err != nil {
		return nil, err
	}
	genesis, err := os.ReadFile(cfg.Genesis)
	if err != nil {
		return nil, fmt.Errorf("read genesis: %w", err)
	}
	m := &member{out: out}
	if m.signer, m.vkey, err = fullnode.OpenIdentity(cfg.Dir); err != nil {
		return nil, err
	}
	node, err := source.New("http://" + cfg.HTTP)
	if err != nil {
		return nil, fmt.Errorf("the node's address: %w", err)
	}
	m.client, err = lightclient.Open(ctx, lightclient.Config{Store: new(store.Memory), Sources: []lightclient.Source{node},
		Pin: ledger.GenesisFingerprint(genesis)})
	if err != nil {
		return nil, fmt.Errorf("ask the node at %s: %w", cfg.HTTP, err)
	}
	return m, nil
}

// inForce returns the versions of a contract that the members agreed to, the oldest first.
func (m *member) inForce(ctx context.Context, name string) ([]contract.InForce, error) {
	newest, err := m.client.Newest(ctx, name)
	if errors.Is(err, lightclient.ErrNoContract) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []contract.InForce
	for version := int64(1); version <= newest; version++ {
		agreed, err := m.client.Contract(ctx, name, version)
		if errors.Is(err, lightclient.ErrNoContract) {
			continue // versions need not be without gaps
		}
		if err != nil {
			return nil, err
		}
		c, err := contract.Load(fmt.Sprintf("%s version %d", name, version), agreed.Definition)
		if err != nil {
			return nil, fmt.Errorf("%w:\n%w", contract.ErrCannotRun, err)
		}
		list = append(list, contract.InForce{Contract: c, Since: int64(agreed.Since)})
	}
	return list, nil
}

// population counts the items of a contract.
type population map[kind]int

type kind struct {
	version int64
	status  string
}

func (m *member) count(ctx context.Context, name string) (population, error) {
	items := population{}
	for page := ""; ; {
		list, next, err := m.client.Items(ctx, name, page, lightclient.MaxItems)
		if err != nil {
			return nil, err
		}
		for _, hint := range list {
			s, err := m.client.StateAtHead(ctx, name, hint.Item)
			if err != nil {
				return nil, fmt.Errorf("item %s: %w", hint.Item, err)
			}
			var item lightclient.ItemState
			if err := json.Unmarshal(s.Value, &item); err != nil {
				return nil, fmt.Errorf("item %s: %w", hint.Item, err)
			}
			items[kind{item.Version, item.Status}]++
		}
		if page = next; page == "" {
			return items, nil
		}
	}
}

// tryContract says what a definition would mean for the items that there are. It changes nothing.
func (m *member) tryContract(ctx context.Context, c *contract.Contract) error {
	before, err := m.inForce(ctx, c.Name())
	if err != nil {
		return err
	}
	if err := c.Follows(before); err != nil {
		return fmt.Errorf("%s version %d cannot come into force: %w", c.Name(), c.Version(), err)
	}
	fmt.Fprintf(m.out, "%s version %d can come into force, digest %s\n", c.Name(), c.Version(), contract.Digest(c))
	items, err := m.count(ctx, c.Name())
	if err != nil {
		return err
	}
	m.printItems(c, items)
	if len(before) == 0 {
		return nil
	}
	old := before[len(before)-1]
	for _, sentence := range c.Lost(old.Contract) {
		fmt.Fprintf(m.out, "  compared with version %d: %s\n", old.Version(), sentence)
	}
	return nil
}

func (m *member) printItems(c *contract.Contract, items population) {
	kinds := slices.SortedFunc(maps.Keys(items), func(a, b kind) int {
		if a.version != b.version {
			return int(a.version - b.version)
		}
		return slices.Compare([]byte(a.status), []byte(b.status))
	})
	for _, k := range kinds {
		fate := fmt.Sprintf("stay under version %d: no action migrates them", k.version)
		if actions := c.Migrations(k.version, k.status); len(actions) > 0 {
			fate = fmt.Sprintf("can be migrated by %v", actions)
		}
		fmt.Fprintf(m.out, "  %d items under version %d are %s: they %s\n", items[k], k.version, k.status, fate)
	}
	if len(items) == 0 {
		fmt.Fprintln(m.out, "  no items")
	}
}

// proposal is the state of a contract's name.
type proposal struct {
	Fields struct {
		Proposal struct {
			Version int64    `json:"version"`
			Digest  string   `json:"digest"`
			Parts   []string `json:"parts"`
		} `json:"proposal"`
		Approved []string `json:"approved"`
		Versions []struct {
			Digest string        `json:"digest"`
			Since  ledger.Height `json:"since"`
		} `json:"versions"`
	} `json:"fields"`
}

func (m *member) proposal(ctx context.Context, name string) (p proposal, err error) {
	s, err := m.client.State(ctx, lightclient.ContractsSpace, name)
	if err != nil || s.Value == nil {
		return p, err
	}
	return p, json.Unmarshal(s.Value, &p)
}

// deployContract adds this member's agreement to a contract. The agreement that completes a quorum puts it into force.
func (m *member) deployContract(ctx context.Context, c *contract.Contract) error {
	if err := m.tryContract(ctx, c); err != nil {
		return err
	}
	before, err := m.proposal(ctx, c.Name())
	if err != nil {
		return err
	}
	hash := contract.Digest(c)
	digest := fmt.Sprintf("%x", hash[:])
	parts := before.Fields.Proposal.Parts
	if before.Fields.Proposal.Digest != digest {
		if parts, err = m.layDown(ctx, c.Definition()); err != nil {
			return err
		}
	}
	r, err := m.send(ctx, act.Action{Contract: contract.Contracts, Action: "deploy", Item: c.Name(),
		Fields: map[string]any{"version": c.Version(), "digest": digest, "parts": parts}})
	if err != nil {
		return err
	}
	after, err := m.proposal(ctx, c.Name())
	if err != nil {
		return err
	}
	for _, v := range after.Fields.Versions {
		if v.Digest == digest {
			_, err := fmt.Fprintf(m.out, "in force from block %d on\n", v.Since)
			return err
		}
	}
	members := m.client.Trusted().Members
	_, err = fmt.Fprintf(m.out, "agreed in record %s: %d of %d members so far, %d are needed; the next one runs the same command\n",
		r.ID, len(after.Fields.Approved), len(members), members.Quorum())
	return err
}

// layDown puts a definition on the ledger, in parts, and returns their names.
func (m *member) layDown(ctx context.Context, definition []byte) ([]string, error) {
	var names []string
	for _, text := range contract.Split(definition) {
		r, err := m.send(ctx, act.Action{Contract: contract.Contracts, Action: "text", Fields: map[string]any{"text": text}})
		if err != nil {
			return nil, err
		}
		names = append(names, r.ItemName())
	}
	return names, nil
}

// send signs an action with the node's key and returns when it is final.
func (m *member) send(ctx context.Context, a act.Action) (lightclient.Record, error) {
	a.By = []string{m.vkey}
	d, err := act.New(ctx, m.client, a)
	if err != nil {
		return lightclient.Record{}, err
	}
	if err := d.Sign(m.signer); err != nil {
		return lightclient.Record{}, err
	}
	return act.Submit(ctx, m.client, d)
}
