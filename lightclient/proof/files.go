package proof

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// The record that holds many files at once: its fields name the root of an RFC 6962 tree of entries, and their number.
const (
	TogetherContract = "files"
	TogetherAction   = "batch"
)

// Entry names one of many files that were recorded together, as evidence by digest is named in a record of its own. Its
// canonical JSON is the leaf.
type Entry struct {
	CID    string `json:"cid"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Encode returns the leaf.
func (e Entry) Encode() ([]byte, error) { return ledger.EncodeCanonical(e) }

// maxEntry bounds a leaf: a name of 255 bytes may have six times as many when escaped.
const maxEntry = 2 << 10

// parseEntry accepts only what Encode writes.
func parseEntry(leaf []byte) (Entry, error) {
	var e Entry
	s := ledger.NewScanner(leaf)
	s.Expect(`{"cid":`)
	e.CID = s.Text(maxEntry)
	s.Expect(`,"name":`)
	e.Name = s.Text(255)
	s.Expect(`,"sha256":`)
	e.SHA256 = s.Text(maxEntry)
	s.Expect(`,"size":`)
	e.Size = s.Int()
	s.Expect("}")
	if err := s.Close(); err != nil {
		return Entry{}, err
	}
	asEvidence := ledger.Evidence{CID: e.CID, Mode: ledger.Digest, Name: e.Name, SHA256: e.SHA256, Size: e.Size}
	return e, asEvidence.Check()
}

// Together shows that a file is one of those that a record holds together.
type Together struct {
	Entry []byte           // the leaf
	Index int64            // of the leaf
	Path  tlog.RecordProof // from the leaf to the root that the record names
}

// OfTogether makes the proof of one file from the proof of the record that holds many: thousands of them share all but
// their end.
func OfTogether(record []byte, t Together) ([]byte, error) {
	end, err := ledger.EncodeCanonical([]togetherJSON{togetherOfFile(t)})
	if err != nil {
		return nil, err
	}
	base, whole := bytes.CutSuffix(record, []byte("}\n"))
	if !whole {
		return nil, malformed("want the proof of a record")
	}
	return slices.Concat(base, []byte(`,"together":`), end, []byte("}\n")), nil
}

func togetherOfFile(t Together) togetherJSON {
	return togetherJSON{string(t.Entry), t.Index, append([]tlog.Hash{}, t.Path...)}
}

// checkTogether checks, in this order, that
//
//  1. the record holds files together;
//  2. each entry is one;
//  3. its path leads to the record's root.
func (v *verification) checkTogether() {
	if len(v.Together) == 0 {
		v.set(StageTogether, Absent, "together.absent")
		return
	}
	count, root, err := togetherOf(v.record.Statement)
	var entries []Entry
	for _, t := range v.Together {
		var entry Entry
		if err == nil {
			entry, err = t.open(count, root)
		}
		entries = append(entries, entry)
	}
	if err != nil {
		v.set(StageTogether, Failed, "together.wrong", "error", err.Error())
		return
	}
	v.proven.Entries = entries
	v.set(StageTogether, Passed, "together.ok", "files", strconv.Itoa(len(entries)), "count", strconv.FormatInt(count, 10), "name", entries[0].Name)
}

func (t *Together) open(count int64, root tlog.Hash) (Entry, error) {
	entry, err := parseEntry(t.Entry)
	if err != nil {
		return Entry{}, err
	}
	if t.Index < 0 || t.Index >= count || tlog.CheckRecord(t.Path, count, root, t.Index, tlog.RecordHash(t.Entry)) != nil {
		return Entry{}, fmt.Errorf("%w: the entry is not under the record's root", ledger.ErrProof)
	}
	return entry, nil
}

// togetherOf returns how many files a record holds together, and their root.
func togetherOf(s ledger.Statement) (count int64, root tlog.Hash, err error) {
	if s.Contract != TogetherContract || s.Action != TogetherAction {
		return 0, root, malformed("the record does not hold files together")
	}
	var fields map[string]json.RawMessage // a struct would take other spellings of the names
	if err := json.Unmarshal(s.Fields, &fields); err != nil {
		return 0, root, malformed("the record has no fields")
	}
	var text string
	if json.Unmarshal(fields["count"], &count) != nil || count < 1 || count > ledger.MaxLogSize || json.Unmarshal(fields["root"], &text) != nil {
		return 0, root, malformed("the record does not say how many files it holds, and their root")
	}
	root, err = ledger.ParseHash(text)
	return count, root, err
}

// maxReceipts is a receipt of every member for every file.
const maxReceipts = ledger.MaxEvidence * ledger.MaxMembers

// Stored is a member's receipt for one file of the record.
type Stored struct {
	CID          string `json:"cid"`
	Member       string `json:"member"`
	Organisation string `json:"organisation"`
	Since        int64  `json:"since"` // Unix milliseconds, by the member's clock
}

// checkStorage checks that every receipt is of a member's node, of a file of this record that is to be stored, and that they
// ascend by CID and member.
func (v *verification) checkStorage() {
	if len(v.Storage) == 0 {
		v.set(StageStorage, Absent, "storage.absent")
		return
	}
	var list []Stored
	for i, text := range v.Storage {
		s, err := v.openStorage(text)
		if err == nil && i > 0 && compareStored(list[i-1], s) >= 0 {
			err = malformed("storage receipts are not in order, or a member stands twice")
		}
		if err != nil {
			v.set(StageStorage, Failed, "storage.wrong", "error", err.Error())
			return
		}
		list = append(list, s)
	}
	v.proven.Storage = list
	v.set(StageStorage, Passed, "storage.ok", "members", strconv.Itoa(keepers(list)), "since",
		time.UnixMilli(latest(list)).UTC().Format("2006-01-02 15:04:05 UTC"))
}

func compareStored(a, b Stored) int {
	return cmp.Or(strings.Compare(a.CID, b.CID), strings.Compare(a.Member, b.Member))
}

func keepers(list []Stored) int {
	members := map[string]bool{}
	for _, s := range list {
		members[s.Member] = true
	}
	return len(members)
}

func latest(list []Stored) int64 {
	return slices.MaxFunc(list, func(a, b Stored) int { return cmp.Compare(a.Since, b.Since) }).Since
}

// openStorage finds the member who signed, among those of all terms, the newest first.
func (v *verification) openStorage(text []byte) (Stored, error) {
	failed := fmt.Errorf("%w: no member has this name", ledger.ErrSignature)
	for _, t := range slices.Backward(v.sets) {
		for _, m := range t.set {
			if !bytes.Contains(text, []byte("\n— "+m.Name+" ")) {
				continue
			}
			s, err := ledger.OpenStorage(v.origin, m, text)
			if err != nil {
				failed = err
				continue
			}
			return Stored{s.CID.String(), m.Name, m.Organisation, s.Time}, v.isStored(s)
		}
	}
	return Stored{}, failed
}

func (v *verification) isStored(s ledger.Storage) error {
	named := func(e ledger.Evidence) bool {
		return e.Mode != ledger.Digest && e.CID == s.CID.String() && e.Size == s.Bytes
	}
	if s.Record != v.record.ID || !slices.ContainsFunc(v.record.Evidence, named) {
		return fmt.Errorf("%w: a storage receipt is not of a file of this record", ledger.ErrProof)
	}
	return nil
}

// AddStorage puts storage receipts into a proof: one of each member for each file. Those that this proof cannot show are
// left out, such as one of a member who joined later than its certificate.
func (p *Proof) AddStorage(notes [][]byte) error {
	g, err := ledger.ParseGenesis(p.Genesis)
	if err != nil {
		return fmt.Errorf("add storage receipts: %w", err)
	}
	fingerprint := ledger.GenesisFingerprint(p.Genesis)
	v := verification{Proof: p, origin: g.Origin(fingerprint)}
	if v.record, err = ledger.ParseRecord(p.Record); err == nil {
		v.sets, err = p.memberSets(g, fingerprint, nil)
	}
	if err != nil {
		return fmt.Errorf("add storage receipts: %w", err)
	}
	type receipt struct {
		Stored
		note []byte
	}
	var list []receipt
	for _, text := range append(slices.Clone(p.Storage), notes...) {
		if s, err := v.openStorage(text); err == nil && utf8.Valid(text) {
			list = append(list, receipt{s, text})
		}
	}
	slices.SortStableFunc(list, func(a, b receipt) int { return compareStored(a.Stored, b.Stored) })
	list = slices.CompactFunc(list, func(a, b receipt) bool { return compareStored(a.Stored, b.Stored) == 0 })
	p.Storage = nil
	for _, r := range list {
		p.Storage = append(p.Storage, r.note)
	}
	return nil
}

// maxTogether is how many of the files that a record holds together one proof shows.
const maxTogether = 10_000

// together reads a list that is not empty and ascends by index.
func (r *reader) together() (list []Together) {
	r.List(maxTogether, func() {
		var t Together
		r.Expect(`{"entry":`)
		t.Entry = []byte(r.Text(maxEntry))
		r.Expect(`,"index":`)
		t.Index = r.Int()
		r.Expect(`,"path":`)
		t.Path = r.hashes()
		r.Expect("}")
		if n := len(list); n > 0 && t.Index <= list[n-1].Index {
			r.fail(malformed("together: want ascending indexes"))
		}
		list = append(list, t)
	})
	if len(list) == 0 {
		r.fail(malformed("together is empty"))
	}
	return list
}

// AddTogether puts the files that another proof of the same record shows into this one.
func (p *Proof) AddTogether(more []Together) {
	p.Together = append(slices.Clone(p.Together), more...)
	slices.SortStableFunc(p.Together, func(a, b Together) int { return cmp.Compare(a.Index, b.Index) })
	p.Together = slices.CompactFunc(p.Together, func(a, b Together) bool { return a.Index == b.Index })
}

// storage reads a list of notes that is not empty.
func (r *reader) storage() (list [][]byte) {
	r.List(maxReceipts, func() { list = append(list, []byte(r.Text(ledger.MaxReceiptSize))) })
	if len(list) == 0 {
		r.fail(malformed("storage is empty"))
	}
	return list
}

// contentTogether compares the file at hand with the entry of a record that holds many. done is false for other records.
func (v *verification) contentTogether(content *Content) (done bool) {
	if _, _, err := togetherOf(v.record.Statement); err != nil || len(v.record.Evidence) > 0 {
		return false
	}
	digest := hex.EncodeToString(content.SHA256[:])
	for _, e := range v.proven.Entries {
		if e.SHA256 == digest && e.Size == content.Size && (content.CID == "" || content.CID == e.CID) {
			v.set(StageContent, Passed, "content.ok", "name", e.Name, "size", strconv.FormatInt(e.Size, 10), "sha256", digest)
			return true
		}
	}
	if v.proven.Entries == nil {
		v.set(StageContent, NotRun, contentUnlisted)
		return true
	}
	v.set(StageContent, Failed, "content.differs", "sha256", digest)
	return true
}

// contentUnlisted is the code of a content stage without the entry that it would compare with.
const contentUnlisted = "content.unlisted"
