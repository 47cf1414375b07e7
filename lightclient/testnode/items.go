package testnode

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (n *Node) contracts(*http.Request) (any, error) {
	list := []object{}
	for _, c := range n.chain.Genesis.Contracts {
		list = append(list, object{"name": c.Name, "version": c.Version, "digest": c.Digest, "since": 0})
	}
	return list, nil
}

func (n *Node) definition(r *http.Request) (any, error) {
	text, ok := n.Definitions[r.PathValue("name")+"/"+r.PathValue("version")]
	if !ok {
		return nil, missing("no such contract")
	}
	return []byte(text), nil
}

// itemList is one page, by name; the real order is the nodes' own affair.
func (n *Node) itemList(r *http.Request) (any, error) {
	from, err := number(r, "before", 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 20)
	if err != nil {
		return nil, err
	}
	list, next := []object{}, ""
	prefix := r.PathValue("contract") + "/"
	for i, name := range slices.Sorted(maps.Keys(n.ledger.items)) {
		item, ok := strings.CutPrefix(name, prefix)
		if !ok || int64(i) < from {
			continue
		}
		if int64(len(list)) == limit {
			next = strconv.Itoa(i)
			break
		}
		ids := n.ledger.items[name]
		last := ids[len(ids)-1]
		list = append(list, object{"item": item, "record": last.String(), "height": n.ledger.places[last].height})
	}
	return object{"items": list, "next": next}, nil
}

func (n *Node) itemRecords(r *http.Request) (any, error) {
	list := []string{}
	for _, id := range slices.Backward(n.ledger.items[r.PathValue("contract")+"/"+r.PathValue("item")]) {
		list = append(list, id.String())
	}
	return object{"records": list}, nil
}

func (n *Node) itemRelated(r *http.Request) (any, error) {
	children := append([]string{}, n.Children[r.PathValue("contract")+"/"+r.PathValue("item")]...)
	return object{"parents": []string{}, "children": children}, nil
}
