package lightclient

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// Limits of what is asked about items.
const (
	MaxItems      = 100 // in one list
	maxDefinition = 1 << 20
	maxHistory    = 10_000 // records of one item
)

// ContractsSpace is the contract under which the members deploy contracts. The state of an item that has a contract's
// name lists its versions.
const ContractsSpace = "contracts"

// ContractHint is a contract as a node lists it; Contract proves one.
type ContractHint struct {
	Name    string        `json:"name"`
	Version int64         `json:"version"`
	Digest  tlog.Hash     `json:"digest"`
	Since   ledger.Height `json:"since"` // the first block under it; 0: by the genesis
}

// Contract is the definition of a contract that the members agreed to.
type Contract struct {
	Name       string
	Version    int64
	Digest     tlog.Hash
	Since      ledger.Height   // the first block under it; 0: by the genesis
	Definition json.RawMessage // canonical JSON
	Deployed   *State          // proves that the members deployed it; nil: the genesis names it
}

// Contracts asks one node which contracts are in force. What it leaves out proves nothing.
func (c *Client) Contracts(ctx context.Context) ([]ContractHint, error) {
	return first(ctx, c, func(ctx context.Context, n *node) ([]ContractHint, error) {
		list, _, err := askFor[[]ContractHint](ctx, n, get("/v1/contracts", maxSmall))
		return list, err
	})
}

// Contract returns a contract that the genesis names, or that a quorum of the members is proven to have deployed.
func (c *Client) Contract(ctx context.Context, name string, version int64) (Contract, error) {
	agreed, err := c.agreed(ctx, name, version)
	if err != nil {
		return Contract{}, fmt.Errorf("contract %s version %d: %w", name, version, err)
	}
	agreed.Definition, err = first(ctx, c, func(ctx context.Context, n *node) (json.RawMessage, error) {
		text, err := n.ask(ctx, get(fmt.Sprintf("/v1/contracts/%s/%d", url.PathEscape(name), version), maxDefinition))
		if err != nil {
			return nil, err
		}
		if sha256.Sum256(text) != agreed.Digest {
			return nil, n.lied(fmt.Errorf("%w: the definition of contract %s is not the one with the agreed digest", ledger.ErrProof, name), text)
		}
		return ledger.CanonicalObject(text)
	})
	return agreed, err
}

// Newest returns the newest version of a contract, under which new items begin: proven, at a fresh head.
func (c *Client) Newest(ctx context.Context, name string) (int64, error) {
	s, err := c.State(ctx, ContractsSpace, name)
	if err != nil {
		return 0, fmt.Errorf("contract %s: %w", name, err)
	}
	versions, err := c.versions(name, s)
	if err != nil {
		return 0, fmt.Errorf("contract %s: %w", name, err)
	}
	if len(versions) == 0 {
		return 0, fmt.Errorf("%w: %q", ErrNoContract, name)
	}
	return versions[len(versions)-1].Version, nil
}

// agreed returns what the members agreed to, without the definition.
func (c *Client) agreed(ctx context.Context, name string, version int64) (Contract, error) {
	s, err := c.StateAtHead(ctx, ContractsSpace, name)
	if err != nil {
		return Contract{}, err
	}
	versions, err := c.versions(name, s)
	if err != nil {
		return Contract{}, err
	}
	for _, v := range versions {
		if v.Version == version {
			return v, nil
		}
	}
	return Contract{}, fmt.Errorf("%w: version %d, as of block %d", ErrNoContract, version, s.Head.Header.Height)
}

// versions returns what the genesis and the proven state say of a contract, the oldest version first.
func (c *Client) versions(name string, s State) ([]Contract, error) {
	var list []Contract
	for _, ref := range c.parsed.Contracts {
		if ref.Name == name {
			list = append(list, Contract{Name: name, Version: ref.Version, Digest: ref.Digest})
		}
	}
	if s.Value == nil {
		return list, nil
	}
	var item struct {
		Fields struct {
			Versions []struct {
				Version int64         `json:"version"`
				Digest  string        `json:"digest"`
				Since   ledger.Height `json:"since"`
			} `json:"versions"`
		} `json:"fields"`
	}
	if err := json.Unmarshal(s.Value, &item); err != nil {
		return nil, fmt.Errorf("%w: the state of a contract: %v", ledger.ErrFormat, err)
	}
	for _, v := range item.Fields.Versions {
		digest, err := ledger.ParseRecordID(v.Digest) // a SHA-256 in hexadecimal has the same form
		if err != nil {
			return nil, err
		}
		list = append(list, Contract{Name: name, Version: v.Version, Digest: tlog.Hash(digest), Since: v.Since, Deployed: &s})
	}
	return list, nil
}

// ItemState is what every contract keeps of an item. Fields are the contract's own.
type ItemState struct {
	At      int64           `json:"at"`      // of the last record, by its author's clock
	Authors []string        `json:"authors"` // of the first record
	Fields  json.RawMessage `json:"fields"`
	First   string          `json:"first"`
	Height  ledger.Height   `json:"height"`
	Last    string          `json:"last"`
	Seq     int64           `json:"seq"` // 0: only records of other items touched it
	Status  string          `json:"status"`
	Version int64           `json:"version"` // of the contract, as the item began or was migrated
}

// Item is an item with all its records.
type Item struct {
	State   State     // proves what is so now
	Item    ItemState // the same, parsed; zero if the item is proven not to exist
	Records []Record  // every one, the newest first
}

// Exists tells whether the item exists.
func (i Item) Exists() bool { return i.State.Value != nil }

// Item returns an item with its history, proven complete: each record names the one before it, from the one that the
// proven state names back to number 1. Under a stale head it returns that head's item and ErrStale.
func (c *Client) Item(ctx context.Context, contract, name string) (Item, error) {
	s, stale := c.State(ctx, contract, name)
	if s.Head.Certificate == nil {
		return Item{}, stale
	}
	item, err := c.history(ctx, contract, name, s)
	if err != nil {
		return Item{}, fmt.Errorf("records of item %s: %w", name, err)
	}
	return item, stale
}

func (c *Client) history(ctx context.Context, contract, name string, s State) (Item, error) {
	item := Item{State: s}
	if s.Value == nil {
		return item, nil
	}
	if err := json.Unmarshal(s.Value, &item.Item); err != nil {
		return item, fmt.Errorf("%w: the state of an item: %v", ledger.ErrFormat, err)
	}
	if item.Item.Seq > maxHistory {
		return item, fmt.Errorf("%w: it has %d records, at most %d can be listed", ledger.ErrLimit, item.Item.Seq, maxHistory)
	}
	next := item.Item.Last
	for seq := item.Item.Seq; seq > 0; seq-- {
		id, err := ledger.ParseRecordID(next)
		if err != nil {
			return item, err
		}
		r, err := c.Record(ctx, id)
		if err != nil {
			return item, err
		}
		if r.Contract != contract || r.ItemName() != name || r.Seq != seq {
			return item, fmt.Errorf("%w: record %s is not number %d of this item", ledger.ErrProof, id, seq)
		}
		item.Records, next = append(item.Records, r), r.Prev
	}
	if next != "" || item.Item.Seq > 0 && item.Records[len(item.Records)-1].ID.String() != item.Item.First {
		return item, fmt.Errorf("%w: the records do not begin with the item's first", ledger.ErrProof)
	}
	return item, nil
}

// StateAt returns what was so after a block, from a node that still has it: an archive has every block. That no node has it
// is ErrNotShown.
func (c *Client) StateAt(ctx context.Context, space, name string, height ledger.Height) (State, error) {
	head, err := c.reach(ctx, height)
	if err != nil {
		return State{}, err
	}
	return first(ctx, c, func(ctx context.Context, n *node) (State, error) {
		u, said, err := askFor[UnverifiedState](ctx, n, itemAt(space, wireName(space, name), height, head.size()))
		if err != nil {
			return State{}, err
		}
		h, err := c.trusted.openHeader(u.Header, u.Inclusion, head.Tree())
		if err == nil && h.Height != height {
			err = fmt.Errorf("%w: block %d is not block %d", ledger.ErrProof, h.Height, height)
		}
		if err != nil {
			return State{}, n.refuse(err, said)
		}
		value, err := OpenState(h, space, name, u)
		if err != nil {
			return State{}, n.refuse(err, said)
		}
		own, cert, err := c.openOwn(ctx, n, head, h, u.Inclusion, []byte(u.Certificate))
		if err != nil {
			return State{}, err
		}
		return State{Head: Head{Header: h, Inclusion: own, Certificate: cert}, Value: value, Proof: u.Proof}, nil
	})
}

// ItemHint is an item as a node lists it.
type ItemHint struct {
	Item   string        `json:"item"`
	Record string        `json:"record"`
	Height ledger.Height `json:"height"`
}

// Items asks one node for the items of a contract, the newest first, from the page before on; the first page is "".
// It returns the next page, "" at the end. Nothing of it is proven, and nothing follows from what is missing.
func (c *Client) Items(ctx context.Context, contract, page string, limit int) ([]ItemHint, string, error) {
	path := fmt.Sprintf("/v1/items/%s?limit=%d", url.PathEscape(contract), min(max(limit, 1), MaxItems))
	if page != "" {
		path += "&before=" + url.QueryEscape(page)
	}
	type answer struct {
		Items []ItemHint `json:"items"`
		Next  string     `json:"next"`
	}
	list, err := first(ctx, c, func(ctx context.Context, n *node) (answer, error) {
		a, _, err := askFor[answer](ctx, n, get(path, maxSmall))
		return a, err
	})
	return list.Items, list.Next, err
}

// Relative is an item that another comes from, or that comes from it, proven as it is now.
type Relative struct {
	Name  string
	Item  ItemState
	State State
}

// Related returns an item's parents, by the field that its contract names, and the children that a node knows. Each is
// proven, and each child is proven to name the item as its parent; that there are no more children is not proven.
func (c *Client) Related(ctx context.Context, contract, name, field string) (parents, children []Relative, err error) {
	self, err := c.relative(ctx, contract, name)
	if err != nil {
		return nil, nil, fmt.Errorf("item %s: %w", name, err)
	}
	names, err := self.Item.list(field)
	if err != nil {
		return nil, nil, fmt.Errorf("item %s: %w", name, err)
	}
	if parents, err = c.relatives(ctx, contract, names, func(Relative) bool { return true }); err != nil {
		return nil, nil, err
	}
	hints, err := first(ctx, c, func(ctx context.Context, n *node) ([]string, error) {
		a, _, err := askFor[struct{ Children []string }](ctx, n, get(itemPath(contract, name)+"/related", maxSmall))
		return a.Children, err
	})
	if err != nil {
		return nil, nil, err
	}
	children, err = c.relatives(ctx, contract, hints, func(r Relative) bool {
		of, err := r.Item.list(field)
		return err == nil && slices.Contains(of, name)
	})
	return parents, children, err
}

func itemPath(contract, name string) string {
	return "/v1/items/" + url.PathEscape(contract) + "/" + url.PathEscape(name)
}

// relatives proves the named items, and returns those that fit.
func (c *Client) relatives(ctx context.Context, contract string, names []string, fits func(Relative) bool) ([]Relative, error) {
	list := []Relative{}
	for _, name := range names[:min(len(names), maxRelated)] {
		r, err := c.relative(ctx, contract, name)
		if err != nil {
			return nil, fmt.Errorf("item %s: %w", name, err)
		}
		if fits(r) {
			list = append(list, r)
		}
	}
	return list, nil
}

const maxRelated = 256

func (c *Client) relative(ctx context.Context, contract, name string) (Relative, error) {
	s, err := c.StateAtHead(ctx, contract, name)
	if err != nil {
		return Relative{}, err
	}
	r := Relative{Name: name, State: s}
	if s.Value != nil {
		if err := json.Unmarshal(s.Value, &r.Item); err != nil {
			return r, fmt.Errorf("%w: the state of an item: %v", ledger.ErrFormat, err)
		}
	}
	return r, nil
}

// list returns the texts of a field.
func (i ItemState) list(field string) ([]string, error) {
	if len(i.Fields) == 0 {
		return nil, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(i.Fields, &fields); err != nil {
		return nil, fmt.Errorf("%w: the fields of an item: %v", ledger.ErrFormat, err)
	}
	if fields[field] == nil {
		return nil, nil
	}
	var texts []string
	if err := json.Unmarshal(fields[field], &texts); err != nil {
		return nil, fmt.Errorf("%w: %s is not a list of texts: %v", ledger.ErrFormat, field, err)
	}
	return texts, nil
}
