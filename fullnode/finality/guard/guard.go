// Package guard holds a member's cosigning key and keeps it from ever signing
// twice. The only way to the key is Cosign, which applies the signing rule:
//
//	S1  the guard holds nothing larger, and nothing else at this size; for the
//	    same tree it gives the same bytes again
//	S2  the new tree extends what the guard signed before, and its parent block
//	    is final here
//	S3  the header is the last leaf of the tree that is signed
//	S4  parent.time < time <= own clock + 2 s
//	S5  block and header are on disk (the caller's part: chain.Prepare)
//	S6  the guard's own record is on disk before the key is used
//	S7  the guard exists, matches the key and this folder, nobody else holds
//	    the lock
//
// The folder guard/ is never restored from a backup and never copied: the guard
// knows its own file by inode, and refuses to sign from a copy.
package guard

import (
	"crypto/ed25519"
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
	key     ed25519.PrivateKey
	public  ledger.CosignerKey
	origin  string
	file    *slotFile
	lock    *os.File
	last    signed
	floor   int64 // sizes up to this one may have been signed by a damaged record
	stopped error
	now     func() time.Time
}

// Create makes the folder of a new member with a fresh key, and returns the
// public key. It never overwrites anything.
func Create(dir, member string) (ledger.CosignerKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return ledger.CosignerKey{}, fmt.Errorf("make a cosigning key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return ledger.CosignerKey{}, fmt.Errorf("create guard: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return ledger.CosignerKey{}, fmt.Errorf("create guard: %w", err)
	}
	public := ledger.NewCosignerKey(member, key.Public().(ed25519.PublicKey))
	if err := createSlots(filepath.Join(dir, "signed"), public.String()); err != nil {
		return ledger.CosignerKey{}, err
	}
	// The key is written last: a guard without a key is no guard.
	if err := writeKey(filepath.Join(dir, "key"), member, key.Seed()); err != nil {
		return ledger.CosignerKey{}, err
	}
	return public, syncDir(dir)
}

// Open locks the folder and reads what was signed. now is the member's clock.
func Open(dir, origin string, now func() time.Time) (*Guard, error) {
	member, seed, err := readKey(filepath.Join(dir, "key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	g := &Guard{key: key, public: ledger.NewCosignerKey(member, key.Public().(ed25519.PublicKey)), origin: origin, now: now}
	if g.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, err
	}
	var damaged bool
	if g.file, g.last, damaged, err = openSlots(filepath.Join(dir, "signed"), g.public.String()); err != nil {
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

// Key returns the member's public cosigning key.
func (g *Guard) Key() ledger.CosignerKey { return g.public }

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
	checkpoint := ledger.FormatCheckpoint(g.origin, tree)
	if tree == g.last.tree { // S1, the same bytes again
		cosignature, err := g.public.Open(checkpoint, g.last.line)
		if err != nil {
			// The record was on disk and the crash came before the line was.
			return g.sign(tree, checkpoint, g.last.seconds)
		}
		return tree, cosignature, nil
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
	return g.sign(tree, checkpoint, g.now().Unix())
}

// sign puts the record on disk and then uses the key. If we stop between the
// two, the same tree is signed again with the same time: the same bytes,
// because Ed25519 is deterministic.
func (g *Guard) sign(tree tlog.Tree, checkpoint []byte, seconds int64) (tlog.Tree, ledger.Cosignature, error) {
	next := signed{tree: tree, seconds: seconds}
	if next != (signed{tree: g.last.tree, seconds: g.last.seconds}) {
		if err := g.file.write(next); err != nil { // S6
			g.stopped = fmt.Errorf("%w: %w", ErrStopped, err)
			return tlog.Tree{}, ledger.Cosignature{}, g.stopped
		}
	}
	signature := ed25519.Sign(g.key, ledger.CosignedMessage(checkpoint, seconds))
	next.line = g.public.CosignatureLine(seconds, signature)
	g.last = next
	return tree, ledger.Cosignature{Member: g.public.Name(), Time: seconds, Line: next.line}, nil
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
