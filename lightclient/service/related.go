package service

import (
	"context"

	"evident/lightclient"
)

// How far a family tree is followed.
const (
	maxGenerations = 4
	maxRelated     = 40
)

// tree collects the relatives of an item, one generation after the other.
type tree struct {
	service  *Service
	client   *lightclient.Client
	contract string
	seen     map[string]bool
	linked   map[ItemLink]bool
	out      Related
}

func (s *Service) related(ctx context.Context, p ItemParams) (Related, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return Related{}, err
	}
	t := &tree{service: s, client: c, contract: p.Contract, seen: map[string]bool{}, linked: map[ItemLink]bool{},
		out: Related{Items: []RelatedItem{}, Links: []ItemLink{}}}
	item, err := itemAt(ctx, c, p.Contract, p.Item)
	if err != nil || !item.Present {
		return t.out, err
	}
	contract, err := s.agreed(ctx, c, p.Contract, item.Version)
	if err != nil {
		return Related{}, err
	}
	field, _ := contract.Definition["parents"].(string)
	if field == "" {
		return t.out, nil
	}
	t.add(RelatedItem{Name: item.Name, Status: item.Status, Fields: item.Fields, Badge: Proven})
	for _, direction := range []int{-1, 1} {
		if err := t.follow(ctx, field, p.Item, direction); err != nil {
			return Related{}, err
		}
	}
	return t.out, nil
}

// follow goes through the generations before or after an item.
func (t *tree) follow(ctx context.Context, field, from string, direction int) error {
	generation := []string{from}
	for depth := 1; len(generation) > 0; depth++ {
		if depth > maxGenerations {
			t.out.More = true
			return nil
		}
		var next []string
		for _, name := range generation {
			parents, children, err := t.client.Related(ctx, t.contract, name, field)
			if err != nil {
				return err
			}
			relatives := children
			if direction < 0 {
				relatives = parents
			}
			for _, r := range relatives {
				found, err := t.meet(r, name, depth*direction)
				if err != nil {
					return err
				}
				if found {
					next = append(next, r.Name)
				}
			}
		}
		generation = next
	}
	return nil
}

// meet adds a relative and its link, and says whether it is new.
func (t *tree) meet(r lightclient.Relative, of string, depth int) (bool, error) {
	if !t.seen[r.Name] && len(t.out.Items) >= maxRelated {
		t.out.More = true
		return false, nil
	}
	link := ItemLink{From: r.Name, To: of}
	if depth > 0 {
		link = ItemLink{From: of, To: r.Name}
	}
	if !t.linked[link] {
		t.linked[link] = true
		t.out.Links = append(t.out.Links, link)
	}
	if t.seen[r.Name] {
		return false, nil
	}
	item := RelatedItem{Name: r.Name, Depth: depth, Status: r.Item.Status, Fields: map[string]any{}, Badge: Proven}
	if r.State.Value == nil {
		item.Status = "none"
	}
	err := fieldsOf(r.Item, &item.Fields)
	t.add(item)
	return err == nil, err
}

func (t *tree) add(item RelatedItem) {
	t.seen[item.Name] = true
	t.out.Items = append(t.out.Items, item)
}
