// Package testnode is a full node in memory, for tests of clients: it serves a
// real chain, made with the known keys of package ledgertest, over the nodes'
// HTTP interface. A test can hold it back, cut it off and make it lie.
//
// It panics where a test would fail.
package testnode

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
)

// Ledger is a history that nodes serve.
type Ledger struct {
	mu     sync.Mutex
	chain  ledgertest.Chain
	blocks map[ledger.Height][][]byte
	places map[ledger.RecordID]place
	values map[string]string            // of the state tree, by space and name
	items  map[string][]ledger.RecordID // records by contract and item, the oldest first
	past   []moment                     // by height
	nodes  []*Node
	erased map[ledger.CID]bool
}

// moment is what there was after a block.
type moment struct {
	chain  ledgertest.Chain
	values map[string]string
}

type place struct {
	height ledger.Height
	index  int
}

// New founds a ledger of n members with block 0.
func New(n int) *Ledger {
	l := &Ledger{chain: *ledgertest.NewChain(n), blocks: map[ledger.Height][][]byte{},
		places: map[ledger.RecordID]place{}, values: map[string]string{}, items: map[string][]ledger.RecordID{}, erased: map[ledger.CID]bool{}}
	l.past = []moment{{l.chain, nil}}
	return l
}

// Consortium returns the members and their genesis.
func (l *Ledger) Consortium() *ledgertest.Consortium { return l.chain.Consortium }

// Head returns the newest header.
func (l *Ledger) Head() ledger.Header {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.Headers[len(l.chain.Headers)-1]
}

// Add makes a block of records, which all nodes that are not held back serve.
func (l *Ledger) Add(notes ...[]byte) ledger.Header {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.add(notes...)
}

func (l *Ledger) add(notes ...[]byte) ledger.Header {
	height := ledger.Height(len(l.chain.Headers))
	for i, n := range notes {
		r := must(ledger.ParseRecord(n))
		l.places[r.ID] = place{height, i}
		l.change(r, height)
		l.obey(r)
		for _, e := range r.Evidence {
			if e.Mode == ledger.Sealed {
				continue
			}
			l.claim(e.SHA256, fmt.Sprintf(`{"height":%d,"record":"%s"}`, height, r.ID))
		}
	}
	l.blocks[height] = notes
	h := l.chain.Add(l.chain.Set, notes...)
	l.past = append(l.past, moment{l.chain, maps.Clone(l.values)})
	for _, n := range l.nodes {
		n.catchUp()
	}
	return h
}

// change makes the record the last one of its item, whose state holds the record's fields.
func (l *Ledger) change(r *ledger.UnverifiedRecord, height ledger.Height) {
	name := r.Contract + "/" + r.ItemName()
	if r.Seq == 1 {
		l.items[name] = nil
	}
	l.items[name] = append(l.items[name], r.ID)
	l.put(r.Contract, r.ItemName(), fmt.Sprintf(`{"at":%d,"authors":%s,"fields":%s,"first":"%s","height":%d,"last":"%s","seq":%d,"status":"recorded","version":%d}`,
		r.At, must(ledger.EncodeCanonical(r.By)), r.Fields, l.items[name][0], height, r.ID, r.Seq, r.Version))
}

// Set puts a value in the state, from the next block on.
func (l *Ledger) Set(space, name, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(space, name, value)
}

// claim keeps the first value of a digest.
func (l *Ledger) claim(digest, value string) {
	if _, ok := l.values["digest/"+digest]; ok {
		return
	}
	l.values["digest/"+digest] = value
	l.chain.SetState("digest", string(must(hex.DecodeString(digest))), []byte(value))
}

func (l *Ledger) put(space, name, value string) {
	l.values[space+"/"+name] = value
	l.chain.SetState(space, name, []byte(value))
}

// Grow adds empty blocks until there are n.
func (l *Ledger) Grow(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.chain.Headers) < n {
		l.add()
	}
}

// Fork returns a ledger that has everything so far in common with this one.
func (l *Ledger) Fork() *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := New(len(l.chain.Set))
	for h := 1; h < len(l.chain.Headers); h++ {
		f.add(l.blocks[ledger.Height(h)]...)
	}
	return f
}

// Deposit returns a signed record of one author, who names no checkpoint of this ledger.
func (l *Ledger) Deposit(author, text string, evidence ...ledger.Evidence) []byte {
	return l.DepositAfter(author, text, l.Consortium().Statement().After, evidence...)
}

// DepositAfter is like Deposit; the author names the newest checkpoint of a client.
func (l *Ledger) DepositAfter(author, text string, after ledger.Point, evidence ...ledger.Evidence) []byte {
	signer, key := ledgertest.Author(author)
	s := l.Consortium().Statement()
	s.By, s.After = []string{key}, after
	s.Fields = must(ledger.EncodeCanonical(map[string]string{"text": text}))
	s.Evidence = append([]ledger.Evidence{}, evidence...)
	return must(s.Sign(signer)).Note
}

// nodeSigner returns the key that signs a member's receipts.
func nodeSigner(member string) note.Signer {
	seed := sha256.Sum256([]byte("node " + member))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	vkey := must(note.NewEd25519VerifierKey(member, public))
	skey := base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))
	return must(note.NewSigner("PRIVATE+KEY+" + member + "+" + strings.Split(vkey, "+")[1] + "+" + skey))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("testnode: " + err.Error())
	}
	return v
}
