package contract

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// memberRole is the role of every member's node key, by its place in the genesis.
const memberRole = "member"

// ErrCannotRun says that the members agreed to a contract which this program cannot execute. Its state is then unknown
// here: the node has to stop, and needs the program that the others run.
var ErrCannotRun = errors.New("this program cannot execute a contract that the members agreed to: update it")

// Engine applies records of one ledger under the contracts of its genesis, and under those that its members deployed.
type Engine struct {
	origin  string
	genesis map[string]*Contract
	members map[string][]string // roles by the key of a member's node
	quorum  int

	mu       sync.Mutex
	compiled map[tlog.Hash]*Contract // deployed ones, by digest
}

// NewEngine returns the engine for a genesis. It fails if the genesis names a contract that this program does not have
// with exactly that definition.
func NewEngine(origin string, refs []ledger.ContractRef, members ledger.MemberSet) (*Engine, error) {
	e := &Engine{origin: origin, genesis: map[string]*Contract{}, members: map[string][]string{}, quorum: members.Quorum(),
		compiled: map[tlog.Hash]*Contract{}}
	for _, m := range members {
		e.members[m.Node] = append([]string{memberRole}, m.Roles...)
	}
	library := Library()
	for _, ref := range refs {
		i := slices.IndexFunc(library, func(c *Contract) bool { return Ref(c) == ref })
		if i < 0 {
			return nil, fmt.Errorf("%w: %s version %d with digest %s", ErrCannotRun, ref.Name, ref.Version, ref.Digest)
		}
		e.genesis[ref.Name] = library[i]
	}
	return e, nil
}

// InForce is a contract that the members agreed to, and the first block under it.
type InForce struct {
	*Contract
	Since int64
}

// Parents returns the items that an item of this contract comes from.
func (c *Contract) Parents(item *Item) []string {
	names := []string{}
	for _, name := range item.list(c.parents) {
		names = append(names, name.(string))
	}
	return names
}

// Block executes the records of one block, in order, on a view that shows what the records before left.
type Block struct {
	engine   *Engine
	view     View
	time     int64
	height   int64
	versions map[string][]InForce
	room     []byte // for values while they are written
}

// Block begins a block of this time and height.
func (e *Engine) Block(view View, time int64, height ledger.Height) *Block {
	return &Block{engine: e, view: view, time: time, height: int64(height), versions: map[string][]InForce{}}
}

// Apply returns what the record changes, or why it is refused. An error is the view's, or ErrCannotRun: then nothing is
// known of the record.
func (b *Block) Apply(r *ledger.Record) ([]Change, *Refusal, error) {
	if r.Ledger != b.engine.origin {
		return nil, refuse("ledger", "the record is for another ledger", "该记录属于另一个账本",
			"ledger", r.Ledger, "want", b.engine.origin), nil
	}
	versions, err := b.Versions(r.Contract)
	if err != nil {
		return nil, nil, err
	}
	if len(versions) == 0 {
		return nil, refuse("contract", "this ledger has no such contract", "本账本没有此合约", "contract", r.Contract), nil
	}
	before, err := readItem(b.view, r.Contract, r.ItemName())
	if err != nil {
		return nil, nil, err
	}
	c, refusal := choose(versions, r, before)
	if refusal == nil {
		refusal = checkCommon(r, before, b.time)
	}
	if refusal == nil && before.Status == none {
		refusal = checkName(r.Item)
	}
	if refusal != nil {
		return nil, refusal, nil
	}
	one := &call{block: b, contract: c, record: &statement{Record: r, id: r.ID.String()}, item: before}
	changes, refusal := one.apply()
	if one.err != nil {
		return nil, nil, one.err
	}
	if refusal != nil {
		return nil, refusal, nil
	}
	return claimDigests(changes, b.view, r, b.height)
}

// choose returns the version under which the record acts on the item: the one that the item is under, the newest for an
// item that does not exist, or a newer one whose action migrates the item.
func choose(versions []InForce, r *ledger.Record, item *Item) (*Contract, *Refusal) {
	if id := r.ID.String(); item.First == id || item.Last == id {
		return nil, refuse(Duplicate, "the record is on the ledger already", "该记录已在账本上", "record", id)
	}
	want := item.Version
	if item.Status == none {
		want = versions[len(versions)-1].version
	}
	i := slices.IndexFunc(versions, func(v InForce) bool { return v.version == r.Version })
	if i >= 0 && r.Version != want {
		if a := versions[i].actions[r.Action]; a != nil && a.migrates != 0 && a.migrates == item.Version {
			want = r.Version
		}
	}
	if i >= 0 && r.Version == want {
		return versions[i].Contract, nil
	}
	if item.Status == none {
		return nil, refuse("version", "a new item begins under the newest version of the contract", "新事项须适用该合约的最新版本",
			"contract", r.Contract, "version", number(r.Version), "want", number(want))
	}
	return nil, refuse("version", "the item is under another version of the contract, until an action of a newer one migrates it",
		"该事项适用该合约的另一个版本，直至由新版本的迁移操作转入", "contract", r.Contract, "version", number(r.Version), "want", number(want))
}

// checkCommon holds the record to the rules of every contract that need the item's state or the time.
func checkCommon(r *ledger.Record, item *Item, time int64) *Refusal {
	if r.At > time+MaxAhead {
		return refuse("C4", "the record's time is more than two minutes ahead of the block's; check the clock",
			"记录时间比区块时间超前两分钟以上，请检查时钟", "at", number(r.At), "block", number(time))
	}
	seq, prev := item.Seq+1, item.Last
	if r.Seq != seq || r.Prev != prev {
		return refuse("C3", "the record does not follow the item's last one; another may have come first", "该记录未接在该事项的最后一条记录之后；可能已有其他记录先到",
			"seq", number(r.Seq), "want_seq", number(seq), "prev", r.Prev, "want_prev", prev)
	}
	return nil
}
