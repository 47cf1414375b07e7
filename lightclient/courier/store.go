package courier

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"evident/lightclient/evidence"
)

// read decodes a value; found is false if there is none.
func (c *Courier) read(name string, into any) (found bool, err error) {
	data, err := c.store.Read(name)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	if data == nil {
		return false, nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	return true, nil
}

func (c *Courier) write(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := c.store.Put(name, data); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// forget deletes every value of a prefix.
func (c *Courier) forget(prefix string) error {
	names, err := c.store.Names(prefix)
	if err != nil {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	for _, name := range names {
		if err := c.store.Delete(name); err != nil {
			return fmt.Errorf("delete %s: %w", name, err)
		}
	}
	return nil
}

// pageDigests is how many digests lie in one value of a trail.
const pageDigests = 64

// trail is the evidence.Trail of a file, in the store: each digest is there
// before its block leaves.
type trail struct {
	store  Store
	prefix string
	page   int
	bytes  []byte // of the open page
	unread []byte // of what an earlier pass wrote
}

// newTrail begins a pass over the file.
func newTrail(store Store, prefix string) (*evidence.Trail, error) {
	t := &trail{store: store, prefix: prefix}
	for {
		page, err := store.Read(t.name())
		if err != nil {
			return nil, fmt.Errorf("read the trail: %w", err)
		}
		t.unread = append(t.unread, page...)
		if len(page) < pageDigests*sha256.Size {
			t.bytes = page
			return evidence.NewTrail(t, t), nil
		}
		t.page++
	}
}

func (t *trail) name() string { return fmt.Sprintf("%s/%08d", t.prefix, t.page) }

func (t *trail) Read(p []byte) (int, error) {
	if len(t.unread) == 0 {
		return 0, io.EOF
	}
	n := copy(p, t.unread)
	t.unread = t.unread[n:]
	return n, nil
}

func (t *trail) Write(p []byte) (int, error) {
	if len(t.bytes) >= pageDigests*sha256.Size {
		t.page, t.bytes = t.page+1, nil
	}
	t.bytes = append(t.bytes, p...)
	return len(p), t.store.Put(t.name(), t.bytes)
}
