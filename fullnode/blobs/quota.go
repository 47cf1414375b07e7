package blobs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"evident/lightclient/ledger"
)

// Quotas bound what a member keeps, in bytes. They are each member's own business: a file that is too much for one
// is kept by the next in the order.
type Quotas struct {
	Kept     int64 `json:"kept"`     // of all files that records name; 0: as far as the disk reaches
	Author   int64 `json:"author"`   // of the files of one author's records. Default 1 TiB
	Waiting  int64 `json:"waiting"`  // of uploads that no final record names yet. Default 64 GiB
	Uploader int64 `json:"uploader"` // of those, from one address or peer. Default 16 GiB
}

func (q *Quotas) fill() error {
	if least := min(q.Kept, q.Author, q.Waiting, q.Uploader); least < 0 {
		return fmt.Errorf("a quota of %d bytes: leave it out for the default", least)
	}
	for _, d := range []struct {
		field *int64
		value int64
	}{{&q.Author, 1 << 40}, {&q.Waiting, 64 << 30}, {&q.Uploader, 16 << 30}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return nil
}

// What a quota refuses.
var (
	ErrQuota = errors.New("the quota is used up")       // of who asks
	errKept  = errors.New("this node keeps no more")    // for anybody
	errLoose = errors.New("too many uploads wait here") // of whomever
)

// uploader is who sent a block that no record names yet; ourselves is what a pin fetched.
type uploader uint64

const ourselves uploader = 0

// uploaderOf names a client: an address, a network or a peer. What is kept of it is a hash.
func uploaderOf(client string) uploader {
	sum := sha256.Sum256([]byte(client))
	return uploader(binary.BigEndian.Uint64(sum[:]))
}

// tally counts the bytes of loose blocks by their senders.
type tally struct {
	mu    sync.Mutex
	total int64
	from  map[uploader]int64
}

func (t *tally) add(from uploader, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.from == nil {
		t.from = map[uploader]int64{}
	}
	t.total += bytes
	if t.from[from] += bytes; t.from[from] == 0 {
		delete(t.from, from)
	}
}

// of returns what a sender's blocks take, and what all take.
func (t *tally) of(from uploader) (own, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.from[from], t.total
}

// usage is what the files kept here take. It is reckoned anew every hour, and only grows in between.
type usage struct {
	total  int64
	author map[string]int64 // by verifier key
}

// reckon adds up what is kept here: each file once, and once for each of its authors.
func (b *Blobs) reckon() error {
	sum := usage{author: map[string]int64{}}
	var last ledger.CID
	counted := map[string]bool{} // authors of the last file
	err := b.store.scan([]byte{keyFile}, func(key []byte, item *badger.Item) (bool, error) {
		var e entry
		if err := item.Value(func(v []byte) error { return json.Unmarshal(v, &e) }); err != nil || !e.Held {
			return true, err
		}
		if id := parseFileID(key); id.cid != last || len(counted) == 0 {
			last, sum.total = id.cid, sum.total+e.Bytes
			clear(counted)
		}
		for _, author := range e.By {
			if !counted[author] {
				counted[author] = true
				sum.author[author] += e.Bytes
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("add up what is kept: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.usage = sum
	return nil
}

// keeps counts a file that is kept from now on.
func (b *Blobs) keeps(e entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.usage.total += e.Bytes
	for _, author := range e.By {
		b.usage.author[author] += e.Bytes
	}
}

// mayKeep says whether so many more bytes of these authors are within the quotas.
func (b *Blobs) mayKeep(bytes int64, by []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.Quotas.Kept; q > 0 && b.usage.total > q-bytes {
		return fmt.Errorf("%w: it keeps %d MiB, its operator allows %d, and this file has %d", errKept, b.usage.total>>20, q>>20, bytes>>20)
	}
	for _, author := range by {
		if used := b.usage.author[author]; used > b.Quotas.Author-bytes {
			return fmt.Errorf("%w: this node keeps %d MiB of files by %s, at most %d, and this one has %d", ErrQuota, used>>20, authorName(author), b.Quotas.Author>>20, bytes>>20)
		}
	}
	return nil
}

// authorName is the part of a verifier key that people read.
func authorName(vkey string) string {
	name, _, _ := strings.Cut(vkey, "+")
	return name
}

// mayWait says whether a client may upload more bytes that wait for a record.
func (b *Blobs) mayWait(from uploader, bytes int64) error {
	own, total := b.store.loose.of(from)
	if own+bytes > b.Quotas.Uploader {
		return fmt.Errorf("%w: no final record names %d MiB of your uploads yet, and this node keeps at most %d for one address", ErrQuota, own>>20, b.Quotas.Uploader>>20)
	}
	if total+bytes > b.Quotas.Waiting {
		return fmt.Errorf("%w: %d MiB of uploads wait for their records", errLoose, total>>20)
	}
	return nil
}

// Admit says whether this node may keep the files that a submitted record asks to be kept, so that an author learns it
// before the record is in the ledger. What is no record is not its business.
func (b *Blobs) Admit(msg []byte) error {
	u, err := ledger.ParseRecord(msg)
	if err != nil {
		return nil
	}
	var bytes int64
	for _, f := range filesOf(u) {
		if f.Bytes > MaxFile {
			return told(fmt.Errorf("%w: a file has at most %d bytes", ledger.ErrLimit, int64(MaxFile)))
		}
		if _, entries, err := b.store.filesOf(f.CID, 1); err == nil && len(entries) == 0 {
			bytes += f.Bytes
		}
	}
	if bytes == 0 {
		return nil
	}
	return told(b.mayKeep(bytes, u.By))
}

// toldQuota gives a refusal by a quota its answer, or nil.
func toldQuota(err error) error {
	switch {
	case errors.Is(err, ErrQuota):
		return &refusal{http.StatusTooManyRequests, "quota", err.Error(),
			"submit the records of what you sent, or wait: uploads without a final record are deleted after 24 hours; for more, ask the node's operator or use another member's node"}
	case errors.Is(err, errKept), errors.Is(err, errLoose):
		return &refusal{http.StatusInsufficientStorage, "full", err.Error(), "send it to another member's node; /v1/nodes lists them"}
	}
	return nil
}
