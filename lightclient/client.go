package lightclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

const (
	// StaleAfter is two missed heartbeats: an idle ledger makes a block every
	// 30 seconds.
	StaleAfter = 65 * time.Second

	// clockSlack is how far in the future a head may lie before the clock of
	// this machine is in doubt.
	clockSlack = 2 * time.Minute

	// maxAway is how long a stored head is trusted without an anchor (rule L5).
	maxAway = 30 * 24 * time.Hour
)

// Config is what a client starts from.
type Config struct {
	Sources []Source
	Store   Store
	Now     func() time.Time // nil: time.Now

	// Genesis is the file of the ledger to follow, when it is at hand.
	Genesis []byte
	// Pin is the fingerprint of the genesis to follow, confirmed by a person
	// or shipped with the program. Zero: the stored one, or, if there is none,
	// Genesis, or what the first node serves. Then nobody has confirmed it,
	// and Pinned says so.
	Pin ledger.Fingerprint
	// Anchor is a checkpoint that a person got by another way. After a long
	// absence the client goes on only if history leads through it (rule L5).
	Anchor tlog.Tree
}

// Client follows a ledger. Its methods may be called at the same time.
type Client struct {
	store   Store
	now     func() time.Time
	trusted Trusted
	genesis []byte
	parsed  *ledger.Genesis
	anchor  tlog.Tree

	mu       sync.Mutex
	pinned   bool
	stored   []byte    // the head as the store has it
	head     *Head     // nil: nothing verified yet
	fresh    time.Time // when a fresh head was seen last, but for a day
	nodes    []*node
	turn     int // which node is asked first
	cosigned map[string]LastCosigned
	known    headerCache
	certs    map[ledger.Height]*ledger.Certificate // each under its own block's log
	stopped  error                                 // set for good by a contradiction
}

// Open makes a client. It asks the sources only when it has no genesis yet.
func Open(ctx context.Context, config Config) (*Client, error) {
	c := &Client{store: config.Store, now: config.Now, anchor: config.Anchor,
		cosigned: map[string]LastCosigned{}, known: headerCache{}, certs: map[ledger.Height]*ledger.Certificate{}}
	if c.now == nil {
		c.now = time.Now
	}
	for _, s := range config.Sources {
		c.nodes = append(c.nodes, &node{source: s})
	}
	if err := c.loadContradiction(); err != nil {
		return nil, err
	}
	file, err := c.findGenesis(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := c.follow(file); err != nil {
		return nil, err
	}
	return c, c.loadHead()
}

// findGenesis returns the genesis of the ledger to follow, and stores it.
func (c *Client) findGenesis(ctx context.Context, config Config) ([]byte, error) {
	stored, err := c.read(storedGenesis)
	if err != nil {
		return nil, err
	}
	file := stored
	if file == nil {
		file = config.Genesis
	}
	if file == nil {
		if file, err = c.askGenesis(ctx, config.Pin); err != nil {
			return nil, err
		}
	}
	fingerprint := ledger.GenesisFingerprint(file)
	given := config.Genesis == nil || bytes.Equal(config.Genesis, file)
	if config.Pin != (ledger.Fingerprint{}) && config.Pin != fingerprint || !given {
		return nil, fmt.Errorf("%w: this client follows the ledger with the fingerprint %s", ErrGenesis, fingerprint)
	}
	if stored == nil {
		if _, err := ledger.ParseGenesis(file); err != nil {
			return nil, fmt.Errorf("read genesis: %w", err)
		}
		if err := c.swap(storedGenesis, nil, file); err != nil {
			return nil, err
		}
	}
	pin, err := c.read(storedPin)
	if err != nil {
		return nil, err
	}
	c.pinned = string(pin) == fingerprint.String()
	if config.Pin == fingerprint && !c.pinned {
		return file, c.pin(fingerprint)
	}
	return file, nil
}

// askGenesis takes the genesis of the first node that has one. With a pin, a
// node that serves another one has lied.
func (c *Client) askGenesis(ctx context.Context, pin ledger.Fingerprint) ([]byte, error) {
	return first(ctx, c, func(ctx context.Context, n *node) ([]byte, error) {
		file, err := n.ask(ctx, get("/v1/genesis", maxGenesis))
		if err != nil {
			return nil, err
		}
		got := ledger.GenesisFingerprint(file)
		if pin != (ledger.Fingerprint{}) && got != pin {
			return nil, n.lied(fmt.Errorf("%w: it serves the genesis %s", ledger.ErrLedger, got), file)
		}
		if _, err := ledger.ParseGenesis(file); err != nil {
			return nil, n.refuse(err, file)
		}
		return file, nil
	})
}

func (c *Client) follow(file []byte) error {
	g, err := ledger.ParseGenesis(file)
	if err != nil {
		return fmt.Errorf("read genesis: %w", err)
	}
	fingerprint := ledger.GenesisFingerprint(file)
	c.genesis, c.parsed = file, g
	c.trusted = Trusted{Fingerprint: fingerprint, Origin: g.Origin(fingerprint), Members: g.Members}
	for _, n := range c.nodes {
		n.member = memberAt(g.Members, n.source.Name())
	}
	return nil
}

// memberAt finds whose node an address is, by the hints in the genesis.
func memberAt(members ledger.MemberSet, address string) string {
	for _, m := range members {
		for _, a := range m.Addresses {
			if a == address {
				return m.Name
			}
		}
	}
	return ""
}

// Genesis returns the genesis file, and what it says.
func (c *Client) Genesis() ([]byte, *ledger.Genesis) { return c.genesis, c.parsed }

// Trusted returns the ledger and the members in force.
func (c *Client) Trusted() Trusted { return c.trusted }

// Pinned says whether a person, or the program's maker, confirmed the genesis.
func (c *Client) Pinned() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pinned
}

// Confirm records that a person compared the fingerprint with one from another place.
func (c *Client) Confirm(fingerprint ledger.Fingerprint) error {
	if fingerprint != c.trusted.Fingerprint {
		return fmt.Errorf("%w: this client follows the ledger with the fingerprint %s", ErrGenesis, c.trusted.Fingerprint)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pinned {
		return nil
	}
	return c.pin(fingerprint)
}

func (c *Client) pin(fingerprint ledger.Fingerprint) error {
	old, err := c.read(storedPin)
	if err != nil {
		return err
	}
	if err := c.swap(storedPin, old, []byte(fingerprint.String())); err != nil {
		return err
	}
	c.pinned = true
	return nil
}

// Head returns the newest verified head; false before the first Sync.
func (c *Client) Head() (Head, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head == nil {
		return Head{}, false
	}
	return *c.head, true
}

// Age is how old the head is by this machine's clock, and whether that is too
// old to say what is so now. A head from the future is stale too: then the
// clock is wrong, and an old head would look new.
func (c *Client) Age(h Head) (age time.Duration, stale bool) {
	age = c.now().Sub(h.Time())
	return max(age, 0), age > StaleAfter || age < -clockSlack
}

// loadHead verifies the stored head again, as if a node had sent it.
func (c *Client) loadHead() error {
	data, err := c.read(storedHead)
	if err != nil || data == nil {
		return err
	}
	var u UnverifiedHead
	if err := json.Unmarshal(data, &u); err != nil {
		return fmt.Errorf("%w: the stored head is damaged: %v", ErrStore, err)
	}
	h, err := c.trusted.OpenHead(u)
	if err != nil {
		return fmt.Errorf("%w: the stored head is damaged: %v", ErrStore, err)
	}
	fresh, err := c.read(storedFresh)
	if err != nil {
		return err
	}
	if c.fresh, err = time.Parse(time.RFC3339, string(fresh)); err != nil && fresh != nil {
		return fmt.Errorf("%w: the stored time is damaged: %v", ErrStore, err)
	}
	c.stored, c.head = data, &h
	c.remember(h)
	return nil
}

// advance stores a head that extends the current one. If another process has
// stored one in the meantime, the client takes that over and reports errMoved.
func (c *Client) advance(h Head) error {
	data, err := json.Marshal(UnverifiedHead{Certificate: string(h.Certificate.Note),
		Header: string(h.Header.Text()), Inclusion: h.Inclusion})
	if err != nil {
		return fmt.Errorf("encode head: %w", err)
	}
	err = c.swap(storedHead, c.stored, data)
	if errors.Is(err, ErrConflict) {
		if err := c.loadHead(); err != nil {
			return err
		}
		return errMoved
	}
	if err != nil {
		return err
	}
	c.stored, c.head = data, &h
	c.remember(h)
	return nil
}

func (c *Client) read(name string) ([]byte, error) {
	data, err := c.store.Read(name)
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrStore, name, err)
	}
	return data, nil
}

func (c *Client) swap(name string, old, value []byte) error {
	err := c.store.Swap(name, old, value)
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("%w: write %s: %w", ErrStore, name, err)
	}
	return err
}
