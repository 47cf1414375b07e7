package testnet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
)

// File is an evidence file that a test sends.
type File struct {
	Stored evidence.Stored
	Blocks []evidence.Block // leaves and nodes, the root last
}

// NewFile makes a file of so many bytes that do not repeat.
func (c *Consortium) NewFile(seed byte, size int64) File {
	c.Helper()
	var f File
	var err error
	f.Stored, err = evidence.Split(c.Context(), io.LimitReader(rand.NewChaCha8([32]byte{seed}), size), size, func(b evidence.Block) error {
		f.Blocks = append(f.Blocks, evidence.Block{CID: b.CID, Data: bytes.Clone(b.Data)})
		return nil
	})
	c.must(err)
	return f
}

// Evidence is what a record says of the file.
func (f File) Evidence() ledger.Evidence {
	return ledger.Evidence{CID: f.Stored.CID.String(), Mode: ledger.Public, SHA256: hex.EncodeToString(f.Stored.SHA256[:]), Size: f.Stored.Size}
}

// Upload sends the blocks that node i says it has not got, and returns how many those are. sent is called before each.
func (c *Consortium) Upload(i int, f File, sent func(block int)) (missing int, err error) {
	absent, err := c.Absent(i, f)
	if err != nil {
		return 0, err
	}
	body, w := io.Pipe()
	go func() {
		car, err := evidence.NewCARWriter(w, &f.Stored.CID)
		for n, b := range absent {
			if err == nil {
				sent(n)
				err = car.Write(b)
			}
		}
		w.CloseWithError(err)
	}()
	resp, err := http.Post(c.Places[i].URL()+"/v1/files/car", "", body)
	if err != nil {
		return len(absent), fmt.Errorf("upload to node %d: %w", i, err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return len(absent), fmt.Errorf("upload to node %d: %s %s %w", i, resp.Status, text, err)
	}
	return len(absent), nil
}

// Absent are the file's blocks that node i has not got.
func (c *Consortium) Absent(i int, f File) ([]evidence.Block, error) {
	var texts []string
	for _, b := range f.Blocks {
		texts = append(texts, b.CID.String())
	}
	question, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	resp, err := http.Post(c.Places[i].URL()+"/v1/files/have", "", bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer []string
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask node %d: %s %w", i, resp.Status, err)
	}
	return slices.DeleteFunc(slices.Clone(f.Blocks), func(b evidence.Block) bool { return !slices.Contains(answer, b.CID.String()) }), nil
}

// Has says whether node i gives a block.
func (c *Consortium) Has(i int, id ledger.CID) bool {
	resp, err := http.Head(c.Places[i].URL() + "/ipfs/" + id.String() + "?format=raw")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Download gets a whole file from node i and verifies every block.
func (c *Consortium) Download(i int, f File) error {
	resp, err := http.Get(c.Places[i].URL() + "/ipfs/" + f.Stored.CID.String() + "?format=car")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("download from node %d: %s", i, resp.Status)
	}
	car, _, err := evidence.NewCARReader(resp.Body)
	got := map[ledger.CID]bool{}
	for err == nil {
		var b evidence.Block
		if b, err = car.Next(); err == nil {
			got[b.CID] = true
		}
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("download from node %d: %w", i, err)
	}
	for _, b := range f.Blocks {
		if !got[b.CID] {
			return fmt.Errorf("download from node %d: without %s", i, b.CID)
		}
	}
	return nil
}

// StoredBy lists the members whose storage receipts node i has, and verifies them.
func (c *Consortium) StoredBy(i int, record ledger.RecordID, f File) (members []string) {
	stored, _ := c.signedBy(i, record, f)
	return stored
}

// ErasedBy lists the members whose erasure receipts node i has, and verifies them.
func (c *Consortium) ErasedBy(i int, record ledger.RecordID, f File) (members []string) {
	_, erased := c.signedBy(i, record, f)
	return erased
}

func (c *Consortium) signedBy(i int, record ledger.RecordID, f File) (stored, erased []string) {
	var answer struct{ Receipts, Erasures []string }
	if err := Get(c.Places[i].URL(), "/v1/files/"+f.Stored.CID.String()+"/receipts?record="+record.String(), &answer); err != nil {
		return nil, nil
	}
	about := func(s ledger.Storage, err error) bool {
		return err == nil && s.CID == f.Stored.CID && s.Record == record && s.Bytes == f.Stored.Size
	}
	for _, m := range c.Members() {
		for _, msg := range answer.Receipts {
			if about(ledger.OpenStorage(c.Origin, m, []byte(msg))) {
				stored = append(stored, m.Name)
			}
		}
		for _, msg := range answer.Erasures {
			if about(ledger.OpenErasure(c.Origin, m, []byte(msg))) {
				erased = append(erased, m.Name)
			}
		}
	}
	return stored, erased
}

// Keepers are the nodes of those members, by their place.
func (c *Consortium) Keepers(members []string) (nodes []int) {
	for i, p := range c.Places {
		if slices.Contains(members, p.Member.Name) {
			nodes = append(nodes, i)
		}
	}
	return nodes
}
