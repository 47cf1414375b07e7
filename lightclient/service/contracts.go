package service

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"evident/lightclient"
	"evident/lightclient/ledger"
)

// Limits of one answer about contracts.
const (
	maxParties = 32 // keys asked at once
	abreast    = 6  // questions to nodes at a time
)

func (s *Service) contracts(ctx context.Context, _ None) (Contracts, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Contracts{}, err
	}
	hints, err := c.Contracts(ctx)
	if err != nil {
		return Contracts{}, err
	}
	list, err := each(hints, func(h lightclient.ContractHint) (Contract, error) {
		return s.agreed(ctx, c, h.Name, h.Version)
	})
	return Contracts{Contracts: list}, err
}

func (s *Service) contract(ctx context.Context, p ContractParams) (Contract, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Contract{}, err
	}
	if p.Version == 0 {
		if p.Version, err = c.Newest(ctx, p.Name); err != nil {
			return Contract{}, err
		}
	}
	return s.agreed(ctx, c, p.Name, p.Version)
}

type contractID struct {
	name    string
	version int64
}

// agreed returns a contract that the members agreed to. It never changes, so it is asked for once.
func (s *Service) agreed(ctx context.Context, c *lightclient.Client, name string, version int64) (Contract, error) {
	id := contractID{name, version}
	if known, ok := s.agreements.Load(id); ok {
		return known.(Contract), nil
	}
	found, err := c.Contract(ctx, name, version)
	if err != nil {
		return Contract{}, err
	}
	out := Contract{Name: found.Name, Version: found.Version, Digest: hex.EncodeToString(found.Digest[:]),
		Since: height(found.Since), Badge: Proven}
	if err := json.Unmarshal(found.Definition, &out.Definition); err != nil {
		return Contract{}, fmt.Errorf("definition of contract %s: %w", name, err)
	}
	s.agreements.Store(id, out)
	return out, nil
}

func (s *Service) item(ctx context.Context, p ItemParams) (Item, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Item{}, err
	}
	return itemAt(ctx, c, p.Contract, p.Item)
}

func itemAt(ctx context.Context, c *lightclient.Client, contract, name string) (Item, error) {
	state, err := c.StateAtHead(ctx, contract, name)
	if err != nil {
		return Item{}, err
	}
	return itemOf(c, contract, name, state)
}

// itemOf tells a proven state. That it is so is proven; what its authors said to get there is theirs.
func itemOf(c *lightclient.Client, contract, name string, state lightclient.State) (Item, error) {
	out := Item{Contract: contract, Name: name, Status: "none", Authors: []Author{}, Fields: map[string]any{},
		Height: height(state.Head.Header.Height), Time: state.Head.Time().UnixMilli(), Badge: Proven,
		Proof: proofOf(c.Trusted().Members, state.Head.Header, state.Head.Inclusion, state.Head.Certificate)}
	out.Proof.State = &StateProof{Space: contract, Name: name, Value: string(state.Value), Proof: base64Of(state.Proof)}
	if state.Value == nil {
		return out, nil
	}
	var known lightclient.ItemState
	if err := json.Unmarshal(state.Value, &known); err != nil {
		return Item{}, fmt.Errorf("%w: the state of item %s: %w", ledger.ErrFormat, name, err)
	}
	out.Present, out.Version, out.Status, out.Seq, out.At = true, known.Version, known.Status, known.Seq, known.At
	out.Authors, out.First, out.Last, out.Changed = authorsOf(known.Authors), known.First, known.Last, height(known.Height)
	return out, fieldsOf(known, &out.Fields)
}

func fieldsOf(item lightclient.ItemState, into *map[string]any) error {
	if len(item.Fields) == 0 {
		return nil
	}
	if err := json.Unmarshal(item.Fields, into); err != nil {
		return fmt.Errorf("%w: the fields of an item: %w", ledger.ErrFormat, err)
	}
	return nil
}

func (s *Service) items(ctx context.Context, p ItemsParams) (Items, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Items{}, err
	}
	hints, next, err := c.Items(ctx, p.Contract, p.Before, p.Limit)
	if err != nil {
		return Items{}, err
	}
	list, err := each(hints, func(h lightclient.ItemHint) (Item, error) { return itemAt(ctx, c, p.Contract, h.Item) })
	present := slices.DeleteFunc(list, func(i Item) bool { return !i.Present })
	return Items{Items: present, Next: next}, err
}

func (s *Service) history(ctx context.Context, p ItemParams) (History, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return History{}, err
	}
	item, err := c.Item(ctx, p.Contract, p.Item)
	if item.State.Head.Certificate == nil { // under a stale head it is still proven
		return History{}, err
	}
	out := History{Records: []LedgerRecord{}, Complete: true}
	for _, r := range item.Records {
		out.Records = append(out.Records, describe(c.Trusted().Members, r))
	}
	return out, nil
}

// parties tells who keys belong to, as far as members vouch for them.
func (s *Service) parties(ctx context.Context, p KeysParams) (Parties, error) {
	if len(p.Keys) > maxParties {
		return Parties{}, badRequest("at most %d keys at a time", maxParties)
	}
	c, err := s.Client(ctx)
	if err != nil {
		return Parties{}, err
	}
	list, err := each(p.Keys, func(key string) (Party, error) { return partyAt(ctx, c, key) })
	return Parties{Parties: list}, err
}

// registrySpace is the contract by which members vouch for keys.
const registrySpace = "registry"

func partyAt(ctx context.Context, c *lightclient.Client, key string) (Party, error) {
	out := Party{Key: key, Vouchers: []string{}, Grants: []Grant{}, Badge: Proven}
	members := c.Trusted().Members
	if m := memberOf(members, key); m != nil {
		out.Member, out.Person, out.Organisation = true, m.Name, m.Organisation
		return out, nil
	}
	state, err := c.StateAtHead(ctx, registrySpace, key)
	if err != nil || state.Value == nil {
		return out, err
	}
	var known struct {
		Status string
		Fields struct {
			Person, Organisation, Reason string
			Vouchers                     []string
			Grants                       []Grant
		}
	}
	if err := json.Unmarshal(state.Value, &known); err != nil {
		return Party{}, fmt.Errorf("%w: the register's item of key %s: %w", ledger.ErrFormat, key, err)
	}
	f := known.Fields
	out.Person, out.Organisation, out.Grants = f.Person, f.Organisation, append(out.Grants, f.Grants...)
	if known.Status == "withdrawn" {
		out.Withdrawn = f.Reason
	}
	for _, voucher := range f.Vouchers {
		if m := memberOf(members, voucher); m != nil {
			voucher = m.Organisation
		}
		out.Vouchers = append(out.Vouchers, voucher)
	}
	return out, nil
}

func memberOf(members ledger.MemberSet, nodeKey string) *ledger.Member {
	for i := range members {
		if members[i].Node == nodeKey {
			return &members[i]
		}
	}
	return nil
}

// each asks for several things, a few at a time, and returns them in order, or the first error.
func each[P, R any](list []P, ask func(P) (R, error)) ([]R, error) {
	out, errs := make([]R, len(list)), make([]error, len(list))
	turns := make(chan struct{}, abreast)
	for i := range list {
		turns <- struct{}{}
		go func() {
			defer func() { <-turns }()
			out[i], errs[i] = ask(list[i])
		}()
	}
	for range abreast { // all have ended
		turns <- struct{}{}
	}
	for _, err := range errs {
		if err != nil {
			return []R{}, err
		}
	}
	return out, nil
}
