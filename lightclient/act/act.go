package act

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"evident/lightclient"
	"evident/lightclient/ledger"
)

// ErrNoContract means that the ledger's members agreed to no contract of that name.
var ErrNoContract = lightclient.ErrNoContract

// Action is what somebody wants to do.
type Action struct {
	Contract string
	Version  int64 // of the contract; 0: the item's, or the newest for a new item. An action that migrates is of a newer one
	Action   string
	Item     string         // empty: a new item, named by its record
	Fields   map[string]any // as the action's schema wants them; numbers are int64
	Evidence []ledger.Evidence
	By       []string // verifier keys of everybody who has to sign

	// Private are fields that the record only commits to: for each list of commitments among the action's fields, by its
	// name, the values by theirs.
	Private map[string]map[string]string
}

// position is the part of an item's state that a record has to follow.
type position struct {
	Last    string `json:"last"`
	Seq     int64  `json:"seq"`
	Status  string `json:"status"`
	Version int64  `json:"version"`
}

// Moved says that an item is not where a draft expects it: somebody else acted on it.
type Moved struct {
	Item   string
	Seq    int64 // of the item's last record now
	Want   int64 // what the draft expected it to be
	Status string
}

// Error implements error.
func (m *Moved) Error() string {
	return fmt.Sprintf("item %s has moved on: its last record is number %d, and the draft follows number %d; its status is %s",
		m.Item, m.Seq, m.Want, cmp.Or(m.Status, "none"))
}

// New composes a draft on the item's proven state.
func New(ctx context.Context, client *lightclient.Client, a Action) (*Draft, error) {
	fields := maps.Clone(a.Fields)
	if fields == nil {
		fields = map[string]any{}
	}
	private, err := commit(fields, a.Private)
	if err != nil {
		return nil, fmt.Errorf("compose %s: %w", a.Action, err)
	}
	encoded, err := ledger.EncodeCanonical(fields)
	if err != nil {
		return nil, fmt.Errorf("compose %s: %w", a.Action, err)
	}
	s := ledger.Statement{Action: a.Action, By: a.By, Contract: a.Contract, Evidence: append([]ledger.Evidence{}, a.Evidence...),
		Fields: encoded, Item: a.Item, Ledger: client.Trusted().Origin, Nonce: nonce(), Version: a.Version}
	if err := place(ctx, client, &s); err != nil {
		return nil, fmt.Errorf("compose %s: %w", a.Action, err)
	}
	d, err := draft(s, private)
	if err != nil {
		return nil, fmt.Errorf("compose %s: %w", a.Action, err)
	}
	return d, nil
}

// commit puts commitments into the fields, and returns what they hide, in a fixed order.
func commit(fields map[string]any, private map[string]map[string]string) ([]ledger.Opening, error) {
	var openings []ledger.Opening
	for _, list := range slices.Sorted(maps.Keys(private)) {
		commitments := []ledger.PrivateField{}
		for _, name := range slices.Sorted(maps.Keys(private[list])) {
			o := ledger.Opening{Name: name, Value: private[list][name]}
			rand.Read(o.Salt[:]) // never fails
			c, err := o.Commit()
			if err != nil {
				return nil, err
			}
			openings, commitments = append(openings, o), append(commitments, c)
		}
		fields[list] = commitments
	}
	return openings, nil
}

// place puts a statement behind the last record of its item, under the version of the contract that holds for it.
func place(ctx context.Context, client *lightclient.Client, s *ledger.Statement) error {
	at, head, err := locate(ctx, client, s.Contract, s.Item)
	if err != nil {
		return err
	}
	s.After = ledger.Point{Root: head.Tree().Hash, Size: head.Tree().N}
	s.At = time.Now().UnixMilli()
	s.Prev, s.Seq = at.Last, at.Seq+1
	if s.Version == 0 {
		s.Version = at.Version
	}
	if s.Version == 0 {
		s.Version, err = client.Newest(ctx, s.Contract)
	}
	return err
}

// locate returns where an item is: proven, at a fresh head. A new item is nowhere.
func locate(ctx context.Context, client *lightclient.Client, contract, item string) (position, lightclient.Head, error) {
	if item == "" {
		head, err := client.Sync(ctx)
		return position{}, head, err
	}
	state, err := client.State(ctx, contract, item)
	if err != nil {
		return position{}, state.Head, fmt.Errorf("item %s: %w", item, err)
	}
	var at position
	if state.Value != nil {
		if err := json.Unmarshal(state.Value, &at); err != nil {
			return position{}, state.Head, fmt.Errorf("%w: the state of item %s: %w", ledger.ErrFormat, item, err)
		}
	}
	return at, state.Head, nil
}

// Current checks that the draft still follows its item's last record; otherwise it returns a Moved.
func (d *Draft) Current(ctx context.Context, client *lightclient.Client) error {
	if err := d.own(client); err != nil {
		return err
	}
	at, _, err := locate(ctx, client, d.Contract, d.Item)
	if err != nil {
		return err
	}
	if at.Seq+1 != d.Seq || at.Last != d.Prev {
		return &Moved{Item: d.Item, Seq: at.Seq, Want: d.Seq - 1, Status: at.Status}
	}
	return nil
}

func (d *Draft) own(client *lightclient.Client) error {
	if origin := client.Trusted().Origin; d.Ledger != origin {
		return fmt.Errorf("%w: the draft is for %s, this client follows %s", ledger.ErrLedger, d.Ledger, origin)
	}
	return nil
}

// Rebase composes the same action anew where its item is now. Nobody may have signed: a signature is for one text.
func (d *Draft) Rebase(ctx context.Context, client *lightclient.Client) (*Draft, error) {
	if len(d.Signed()) > 0 {
		return nil, ErrSigned
	}
	if err := d.own(client); err != nil {
		return nil, err
	}
	s := d.Statement
	s.Nonce = nonce()
	if err := place(ctx, client, &s); err != nil {
		return nil, fmt.Errorf("compose %s anew: %w", d.Action, err)
	}
	return draft(s, d.Private)
}

// Check asks a node whether it would take the record now; nothing is recorded. The error is a *Moved, or a
// *lightclient.Refused with the rule.
func (d *Draft) Check(ctx context.Context, client *lightclient.Client) error {
	record, err := d.Record()
	if err != nil {
		return err
	}
	if err := d.Current(ctx, client); err != nil {
		return err
	}
	return d.despiteLag(ctx, client, func() error { return client.Check(ctx, record.Note) })
}

// Submit sends the record and returns when it is final and proven. It goes on until ctx ends; submitting again does no harm.
func Submit(ctx context.Context, client *lightclient.Client, d *Draft) (r lightclient.Record, err error) {
	record, err := d.Record()
	if err != nil {
		return r, err
	}
	err = d.despiteLag(ctx, client, func() error {
		r, err = client.Submit(ctx, record.Note, nil)
		return err
	})
	if doesNotFollow(err) { // what came before it may be the record itself, which another node took
		if own, found := client.Record(ctx, d.ID()); found == nil {
			return own, nil
		}
	}
	return r, err
}

func doesNotFollow(err error) bool {
	var refused *lightclient.Refused
	return errors.As(err, &refused) && refused.Refusal.Reason.Rule == ruleFollows
}

// The rule that a record has to follow its item's last one, and how often a node may be behind with that.
const (
	ruleFollows = "C3"
	lagTries    = 20
	lagPause    = 100 * time.Millisecond
)

// despiteLag tries again when a node says that the record does not follow the item's last one, but it is proven to: the
// node has not seen that one yet.
func (d *Draft) despiteLag(ctx context.Context, client *lightclient.Client, try func() error) error {
	for i := 0; ; i++ {
		err := try()
		if !doesNotFollow(err) || i == lagTries || d.Current(ctx, client) != nil {
			return err
		}
		select {
		case <-time.After(lagPause):
		case <-ctx.Done():
			return err
		}
	}
}

func nonce() string {
	var n [16]byte
	rand.Read(n[:]) // never fails
	return hex.EncodeToString(n[:])
}
