package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"evident/fullnode/chain/state"
	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// ErrNotKept says that the state after a block is not on this disk any more, or never was: only an archive keeps it.
var ErrNotKept = fmt.Errorf("%w: the state after that block is not kept here", ErrNotFound)

// StateAt returns what the state after block h held under a key, and proves it under that block's header. An archive has
// it for every block since it is one; another ledger for the newest, and for some of the blocks before it.
func (c *Chain) StateAt(space, name string, h ledger.Height) (StateAnswer, error) {
	key := merkle.Key(space, name)
	if head, ok := c.Head(); ok && head.Header.Height == h {
		return c.State(space, name)
	}
	answer, err := c.proveOld(key, h)
	if errors.Is(err, state.ErrNotFound) {
		err = ErrNotKept
	}
	if err != nil {
		return StateAnswer{}, fmt.Errorf("read state %s %q after block %d: %w", space, name, h, err)
	}
	return answer, nil
}

func (c *Chain) proveOld(key [32]byte, h ledger.Height) (StateAnswer, error) {
	r, err := c.read()
	if err != nil {
		return StateAnswer{}, err
	}
	defer r.close()
	header, err := r.header(h)
	if err != nil {
		return StateAnswer{}, err
	}
	old := c.store.at(versionOf(h))
	defer old.close()
	root, err := old.tree(h)
	if err != nil {
		return StateAnswer{}, err
	}
	want, proof, err := state.Prove(nodeReader{old, nil}, &c.nodes.cache, root, key)
	if err != nil {
		return StateAnswer{}, err
	}
	answer := StateAnswer{Header: header, Proof: proof}
	if want == nil {
		return answer, nil
	}
	if answer.Value, err = old.value(key); errors.Is(err, ErrNotFound) {
		return StateAnswer{}, ErrNotKept
	}
	if err != nil {
		return StateAnswer{}, err
	}
	if sha256.Sum256(answer.Value) != *want {
		return StateAnswer{}, fmt.Errorf("%w: the value is not the one in the state tree", ErrDamaged)
	}
	return answer, nil
}

// tree returns the root of the state tree after block h, if its nodes went to disk with that block.
func (v snapshot) tree(h ledger.Height) (state.Root, error) {
	text, err := v.Get([]byte{keyTree})
	if errors.Is(err, ErrNotFound) {
		return state.Root{}, ErrNotKept
	}
	if err != nil {
		return state.Root{}, err
	}
	at, _, root, err := parseTip(text)
	if err == nil && at != h {
		err = ErrNotKept
	}
	return root, err
}
