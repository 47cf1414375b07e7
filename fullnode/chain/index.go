package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"evident/lightclient/ledger"
)

// The indexes are small rather than exact: a key has 8 bytes of what is looked for and the height, and its value is two
// bytes for the index of each such record of the block. The record is read and compared before it counts. So a collision,
// or damage, costs time and never gives a wrong answer.
const (
	heightSize = 8
	maxProbes  = 1024 // places that one query looks at
)

// Hit is a record that a search found.
type Hit struct {
	ID     ledger.RecordID
	Height ledger.Height
}

func idPrefix(id ledger.RecordID) []byte { return append([]byte{keyID}, id[:8]...) }

func itemPrefix(item string) []byte {
	hash := sha256.Sum256([]byte(item))
	return append([]byte{keyItem}, hash[:8]...)
}

func digestPrefix(digest []byte) []byte { return append([]byte{keyDigest}, digest[:8]...) }

// authorKey is a verifier key (name+hash+key) without the key itself.
func authorKey(vkey string) []byte {
	parts := strings.SplitN(vkey, "+", 3)
	hash, err := hex.DecodeString(parts[1])
	if err != nil {
		panic("chain: author of a record that was not checked: " + vkey)
	}
	return append(append(append([]byte{keyAuthor}, parts[0]...), 0), hash...)
}

// index adds the block's records to the indexes. An item that is named by its first record is found by that id.
func index(b *batch, cand *Candidate) {
	indexes := map[string][]byte{} // by key without height
	for i, r := range cand.Records {
		add := func(prefix []byte) {
			list := indexes[string(prefix)]
			if n := len(list); n == 0 || binary.BigEndian.Uint16(list[n-2:]) != uint16(i) {
				indexes[string(prefix)] = binary.BigEndian.AppendUint16(list, uint16(i))
			}
		}
		add(idPrefix(r.ID))
		add(contractPrefix(r.Contract))
		for _, vkey := range r.By {
			add(authorKey(vkey))
		}
		if r.Item != "" {
			add(itemPrefix(r.Item))
		}
		for _, e := range r.Evidence {
			if e.Mode == ledger.Sealed {
				continue
			}
			digest, err := hex.DecodeString(e.SHA256)
			if err != nil {
				panic("chain: evidence of a record that was not checked: " + e.SHA256)
			}
			add(digestPrefix(digest))
		}
	}
	for _, d := range cand.born {
		key := string(childPrefix(d.contract, d.parent))
		indexes[key] = binary.BigEndian.AppendUint16(indexes[key], uint16(d.index))
	}
	for key, list := range indexes {
		b.set(binary.BigEndian.AppendUint64([]byte(key), uint64(cand.Header.Height)), list)
	}
}

// match says whether a record is what a query looks for.
type match func(u *ledger.UnverifiedRecord, query string) bool

func recordHasID(u *ledger.UnverifiedRecord, query string) bool {
	return strings.HasPrefix(u.ID.String(), query)
}

func recordHasItem(u *ledger.UnverifiedRecord, query string) bool { return u.Item == query }

func recordHasDigest(u *ledger.UnverifiedRecord, query string) bool {
	return slices.ContainsFunc(u.Evidence, func(e ledger.Evidence) bool { return e.SHA256 == query })
}

func recordHasAuthor(u *ledger.UnverifiedRecord, query string) bool {
	return slices.ContainsFunc(u.By, func(vkey string) bool { return strings.HasPrefix(vkey, query) })
}

// places returns up to limit records under an index prefix that match.
func (c *Chain) places(prefix []byte, query string, is match, limit int) ([]Place, error) {
	hits, err := c.find(prefix, query, is, limit)
	places := make([]Place, len(hits))
	for i := range hits {
		places[i] = hits[i].place
	}
	return places, err
}

type found struct {
	id    ledger.RecordID
	place Place
}

func (c *Chain) find(prefix []byte, query string, is match, limit int) ([]found, error) {
	places, err := c.probe(prefix)
	if err != nil {
		return nil, err
	}
	var hits []found
	for _, place := range places {
		if len(hits) == limit {
			break
		}
		b, err := c.block(place.Height)
		if err != nil {
			return nil, err
		}
		if place.Index >= b.Header.Records {
			return nil, fmt.Errorf("%w: an index names record %d of block %d", ErrDamaged, place.Index, place.Height)
		}
		u, err := ledger.ParseRecord(b.Notes[place.Index])
		if err != nil {
			return nil, fmt.Errorf("%w: record %d of block %d: %w", ErrDamaged, place.Index, place.Height, err)
		}
		if is(u, query) {
			hits = append(hits, found{u.ID, place})
		}
	}
	return hits, nil
}

// probe returns the first places under an index prefix.
func (c *Chain) probe(prefix []byte) ([]Place, error) {
	r, err := c.read()
	if err != nil {
		return nil, nil // nothing is final
	}
	defer r.close()
	var places []Place
	err = r.each(prefix, func(rest, list []byte) bool {
		if len(rest) < heightSize {
			return true
		}
		h := ledger.Height(binary.BigEndian.Uint64(rest[len(rest)-heightSize:]))
		for ; len(list) >= 2 && r.final(h) == nil; list = list[2:] {
			places = append(places, Place{h, int64(binary.BigEndian.Uint16(list))})
		}
		return len(places) < maxProbes
	})
	return places, err
}

// Search returns up to limit records for what a person may type: the first 8 or more hexadecimal digits of a record id,
// a file's SHA-256, a height, an item's name, or the beginning of an author's key name. An answer proves nothing: not
// that the hits are all, and not what they are.
func (c *Chain) Search(query string, limit int) ([]Hit, error) {
	var all []found
	for _, s := range searches(query) {
		hits, err := c.find(s.prefix, query, s.is, limit-len(all))
		if err != nil {
			return nil, fmt.Errorf("search %q: %w", query, err)
		}
		for _, h := range hits {
			if !slices.Contains(all, h) {
				all = append(all, h)
			}
		}
	}
	if h, err := strconv.ParseUint(query, 10, 48); err == nil {
		hits, err := c.ofBlock(ledger.Height(h), limit-len(all))
		if err != nil {
			return nil, fmt.Errorf("search %q: %w", query, err)
		}
		all = append(all, hits...)
	}
	out := make([]Hit, len(all))
	for i, h := range all {
		out[i] = Hit{h.id, h.place.Height}
	}
	return out, nil
}

type search struct {
	prefix []byte
	is     match
}

// searches returns what a query may mean, the most exact meaning first.
func searches(query string) []search {
	if query == "" || len(query) > 256 {
		return nil
	}
	list := []search{{itemPrefix(query), recordHasItem}}
	even := query[:len(query)&^1]
	if digits, err := hex.DecodeString(even); err == nil && len(digits) >= 4 && len(query) <= 64 {
		list = append([]search{{append([]byte{keyID}, digits[:min(8, len(digits))]...), recordHasID}}, list...)
		if len(query) == 64 {
			list = append(list, search{digestPrefix(digits), recordHasDigest})
		}
	}
	name, _, _ := strings.Cut(query, "+")
	if !strings.Contains(name, "\x00") {
		list = append(list, search{append([]byte{keyAuthor}, name...), recordHasAuthor})
	}
	return list
}

// ofBlock returns the first records of a block.
func (c *Chain) ofBlock(h ledger.Height, limit int) ([]found, error) {
	head, ok := c.Head()
	if !ok || h > head.Header.Height {
		return nil, nil
	}
	b, err := c.block(h)
	if err != nil {
		return nil, err
	}
	var hits []found
	for i, n := range b.Notes[:min(len(b.Notes), limit)] {
		u, err := ledger.ParseRecord(n)
		if err != nil {
			return nil, fmt.Errorf("%w: record %d of block %d: %w", ErrDamaged, i, h, err)
		}
		hits = append(hits, found{u.ID, Place{h, int64(i)}})
	}
	return hits, nil
}
