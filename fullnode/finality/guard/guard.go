// Package guard holds a member's two cosigning keys, Ed25519 and ML-DSA-44, and
// keeps them from ever signing twice. The only way to them is Cosign, which
// decides once for both, by the signing rule:
//
//	S1  the guard holds nothing larger, and nothing else at this size; for the
//	    same tree it gives the same bytes again
//	S2  the new tree extends what the guard signed before, and its parent block
//	    is final here
//	S3  the header is the last leaf of the tree that is signed
//	S4  parent.time < time <= own clock + 2 s
//	S5  block and header are on disk (the caller's part: chain.Prepare)
//	S6  the guard's own record is on disk before a key is used
//	S7  the guard exists, matches the keys and this folder, nobody else holds
//	    the lock
//
// The folder guard/ is never restored from a backup and never copied: the guard
// knows its own file by inode, and refuses to sign from a copy.
package guard

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxAhead is how far a block's time may be ahead of the member's own clock.
const MaxAhead = 2 * time.Second

// Reasons why the guard does not sign. They are refusals, never failures: the
// node goes on without this member's cosignature.
var (
	ErrSigned  = errors.New("guard: something else was signed at this size or beyond")
	ErrParent  = errors.New("guard: the parent block is not final here")
	ErrHistory = errors.New("guard: the tree does not extend what was signed before")
	ErrClock   = errors.New("guard: the block's time is not between its parent's and this clock")
	ErrStopped = errors.New("guard: signing was stopped")
)

// Reasons why a guard cannot be opened.
var (
	ErrMissing = errors.New("guard: there is none in this folder")
	ErrCopied  = errors.New("guard: this folder is a copy; a copy of a guard does not sign")
	ErrInUse   = errors.New("guard: another process holds this folder")
	ErrDamaged = errors.New("guard: its files are damaged")
)

// Guard is an open guard folder. Its methods may be called from any goroutine.
type Guard struct {
	mu      sync.Mutex
	key     *ledger.CosigningKey
	origin  string
	file    *slotFile
	lock    *os.File
	last    signed
	made    ledger.Cosignature // of last, once it was made in this process
	floor   int64              // sizes up to this one may have been signed by a damaged record
	stopped error
	now     func() time.Time
}

// Create makes the folder of a new member with fresh keys, and returns their
// public halves. It never overwrites anything.
func Create(dir, member string) (ledger.Cosigner, error) {
	seeds := make([]byte, 2*seedSize)
	rand.Read(seeds)
	key, err := ledger.NewCosigningKey(member, seeds[:seedSize], seeds[seedSize:])
	if err != nil {
		return ledger.Cosigner{}, fmt.Errorf("make cosigning keys: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return ledger.Cosigner{}, fmt.Errorf("create guard: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return ledger.Cosigner{}, fmt.Errorf("create guard: %w", err)
	}
	if err := createSlots(filepath.Join(dir, "signed"), slotKey(key.Cosigner())); err != nil {
		return ledger.Cosigner{}, err
	}
	// The keys are written last: a guard without keys is no guard.
	if err := writeKey(filepath.Join(dir, "key"), member, seeds); err != nil {
		return ledger.Cosigner{}, err
	}
	return key.Cosigner(), syncDir(dir)
}

// Open locks the folder and reads what was signed. now is the member's clock.
func Open(dir, origin string, now func() time.Time) (*Guard, error) {
	key, err := readKey(filepath.Join(dir, "key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	g := &Guard{key: key, origin: origin, now: now}
	if g.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, err
	}
	var damaged bool
	if g.file, g.last, damaged, err = openSlots(filepath.Join(dir, "signed"), slotKey(key.Cosigner())); err != nil {
		g.lock.Close()
		return nil, err
	}
	if damaged {
		// The damaged record can only be the one behind: a size that was
		// prepared here, so at most one beyond what is final (see Verified).
		g.floor = -1
	}
	return g, nil
}

// Cosigner returns the member's public cosigning keys.
func (g *Guard) Cosigner() ledger.Cosigner { return g.key.Cosigner() }

// Last returns the newest tree that was signed; size 0 when none was.
func (g *Guard) Last() tlog.Tree {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last.tree
}

// Verified tells the guard that the ledger was verified up to size at open.
// If one of the guard's two records is damaged, it signs only beyond the next
// size, for it may have signed that one.
func (g *Guard) Verified(size int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.floor < 0 {
		g.floor = max(size, g.last.tree.N) + 1
	}
}

// Stop makes the guard refuse everything from now on, and say why.
func (g *Guard) Stop(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = fmt.Errorf("%w: %w", ErrStopped, why)
}

// Close releases the folder.
func (g *Guard) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = fmt.Errorf("%w: closed", ErrStopped)
	return errors.Join(g.file.Close(), g.lock.Close())
}

// Block is what the guard is asked to sign for: an executed block on the
// newest final one.
type Block struct {
	Header ledger.Header
	Parent *ledger.Header      // nil for block 0
	Final  *ledger.Certificate // of the parent; nil for block 0
	Log    tlog.HashReader     // stored hashes of the final chain log
}

// Cosign returns the tree that the block makes and this member's cosignature
// on it, or the rule that forbids it.
func (g *Guard) Cosign(b Block) (tlog.Tree, ledger.Cosignature, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fail := func(err error) (tlog.Tree, ledger.Cosignature, error) {
		return tlog.Tree{}, ledger.Cosignature{}, err
	}
	if g.stopped != nil {
		return fail(g.stopped)
	}
	tree, err := extend(b)
	if err != nil {
		return fail(err)
	}
	if tree == g.last.tree { // S1, the same bytes again
		if g.made.Lines == "" {
			// The record was on disk, and the process ended since.
			g.made = g.key.Cosign(g.origin, tree, g.last.seconds)
		}
		return tree, g.made, nil
	}
	if tree.N <= g.last.tree.N || tree.N <= g.floor || g.floor < 0 { // S1
		return fail(ErrSigned)
	}
	if g.last.tree.N > 0 { // S2
		root, err := tlog.TreeHash(g.last.tree.N, b.Log)
		if err != nil || root != g.last.tree.Hash {
			return fail(ErrHistory)
		}
	}
	limit := g.now().Add(MaxAhead).UnixMilli()
	if b.Header.Time > limit || b.Parent != nil && b.Header.Time <= b.Parent.Time { // S4
		return fail(ErrClock)
	}
	return g.sign(tree)
}

// sign puts the record on disk and then uses both keys. If we stop between the
// two, or between the keys, the same tree is signed again with the same time:
// the same bytes, because both signatures are made deterministically.
func (g *Guard) sign(tree tlog.Tree) (tlog.Tree, ledger.Cosignature, error) {
	next := signed{tree: tree, seconds: g.now().Unix()}
	if err := g.file.write(next); err != nil { // S6
		g.stopped = fmt.Errorf("%w: %w", ErrStopped, err)
		return tlog.Tree{}, ledger.Cosignature{}, g.stopped
	}
	g.last, g.made = next, g.key.Cosign(g.origin, tree, next.seconds)
	return tree, g.made, nil
}

// extend computes the tree from the final chain log and the header (S2, S3).
func extend(b Block) (tlog.Tree, error) {
	size := int64(b.Header.Height)
	if size == 0 {
		if b.Parent != nil || b.Final != nil {
			return tlog.Tree{}, ErrParent
		}
	} else {
		if b.Parent == nil || b.Final == nil || b.Final.Tree.N != size || b.Parent.Hash() != b.Header.Parent {
			return tlog.Tree{}, ErrParent
		}
		root, err := tlog.TreeHash(size, b.Log)
		if err != nil || root != b.Final.Tree.Hash {
			return tlog.Tree{}, ErrHistory
		}
	}
	log := overlay{log: b.Log, first: tlog.StoredHashCount(size)}
	var err error
	if log.fresh, err = tlog.StoredHashesForRecordHash(size, b.Header.Hash(), log); err != nil {
		return tlog.Tree{}, ErrHistory
	}
	root, err := tlog.TreeHash(size+1, log)
	if err != nil {
		return tlog.Tree{}, ErrHistory
	}
	return tlog.Tree{N: size + 1, Hash: root}, nil
}

// overlay reads stored hashes of which the newest are not stored yet.
type overlay struct {
	log   tlog.HashReader
	first int64
	fresh []tlog.Hash
}

func (o overlay) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var stored, places []int64
	for i, x := range indexes {
		if x >= o.first {
			out[i] = o.fresh[x-o.first]
			continue
		}
		stored, places = append(stored, x), append(places, int64(i))
	}
	if len(stored) == 0 {
		return out, nil
	}
	hashes, err := o.log.ReadHashes(stored)
	if err != nil {
		return nil, err
	}
	for i, place := range places {
		out[place] = hashes[i]
	}
	return out, nil
}
