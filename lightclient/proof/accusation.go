package proof

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

const accusationFormat = "evident/accusation/v1"

// Accusation is the proof that one member cosigned two histories. No honest member does: its guard signs one checkpoint
// of a size, and only what extends what it signed before. Either both are of one size, or each shows its own header of
// one height. Both have both signatures of the member: whoever breaks one of the algorithms can accuse nobody.
//
//	{"format":"evident/accusation/v1","genesis":"{…}\n","history":[…],"member":"court.harbour.example",
//	 "one":{"note":"harbour.example/…\n42\n…\n\n— court…\n— court…\n"},   with "header" and "path", if the sizes differ
//	 "other":{"note":"harbour.example/…\n42\n…\n\n— court…\n— court…\n"}}
type Accusation struct {
	Genesis    []byte
	History    []SetChange
	Member     string
	One, Other Cosigned // ascending by size and root
}

// Cosigned is a checkpoint that a member cosigned, and if it has to be shown, a header in its log.
type Cosigned struct {
	Note   []byte
	Header *ledger.Header
	Path   tlog.RecordProof
}

// AccusationReport says what an accusation proves.
type AccusationReport struct {
	Report
	Accused *Accused // nil if a stage failed
}

// Accused is a member who cosigned two histories.
type Accused struct {
	Member       string        `json:"member"`
	Organisation string        `json:"organisation"`
	Registry     string        `json:"registry"`
	Height       ledger.Height `json:"height,string"` // the first block on which the two are shown to differ
	One          CosignedTree  `json:"one"`
	Other        CosignedTree  `json:"other"`
}

// CosignedTree is what the member cosigned.
type CosignedTree struct {
	Size int64     `json:"size,string"`
	Root tlog.Hash `json:"root"`
	Time int64     `json:"time"` // POSIX seconds, by the member's clock
}

// IsAccusation tells an accusation from other files by its beginning.
func IsAccusation(file []byte) bool {
	return bytes.HasPrefix(file, []byte(`{"format":"evident/accusation/v`))
}

type accusationJSON struct {
	Format  string       `json:"format"`
	Genesis string       `json:"genesis"`
	History []changeJSON `json:"history"`
	Member  string       `json:"member"`
	One     cosignedJSON `json:"one"`
	Other   cosignedJSON `json:"other"`
}

type cosignedJSON struct {
	Header string           `json:"header,omitempty"`
	Note   string           `json:"note"`
	Path   tlog.RecordProof `json:"path,omitzero"`
}

// NewAccusation makes an accusation of what a member cosigned, in either order, and does not hand it out unless it
// verifies.
func NewAccusation(a Accusation) ([]byte, error) {
	file, err := a.Encode()
	if err != nil {
		return nil, err
	}
	fingerprint := ledger.GenesisFingerprint(a.Genesis)
	report := VerifyAccusation(file, &fingerprint)
	if report.Verdict == Valid {
		return file, nil
	}
	a.One, a.Other = a.Other, a.One
	if file, err = a.Encode(); err != nil {
		return nil, err
	}
	if again := VerifyAccusation(file, &fingerprint); again.Verdict != Valid {
		return nil, fmt.Errorf("accuse %s: it does not verify: %s", a.Member, report.Reason("en"))
	}
	return file, nil
}

// Encode returns the accusation file.
func (a *Accusation) Encode() ([]byte, error) {
	line, err := ledger.EncodeCanonical(accusationJSON{Format: accusationFormat, Genesis: string(a.Genesis), History: encodeHistory(a.History),
		Member: a.Member, One: a.One.encode(), Other: a.Other.encode()})
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

func (c *Cosigned) encode() cosignedJSON {
	if c.Header == nil {
		return cosignedJSON{Note: string(c.Note)}
	}
	return cosignedJSON{Header: string(c.Header.Text()), Note: string(c.Note), Path: append(tlog.RecordProof{}, c.Path...)}
}

// ParseAccusation parses an accusation file, and checks no signature and no hash.
func ParseAccusation(file []byte) (*Accusation, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("%w: an accusation has at most %d bytes", ledger.ErrLimit, MaxSize)
	}
	line, ok := bytes.CutSuffix(file, []byte("\n"))
	if !ok {
		return nil, malformed("want one line that ends with a line feed")
	}
	a := new(Accusation)
	r := reader{Scanner: ledger.NewScanner(line)}
	r.Expect(`{"format":"` + accusationFormat + `","genesis":`)
	a.Genesis = []byte(r.Text(ledger.MaxGenesisSize))
	r.Expect(`,"history":`)
	r.List(MaxHistory, func() { a.History = append(a.History, r.change()) })
	r.Expect(`,"member":`)
	a.Member = r.Text(ledger.MaxNameSize)
	r.Expect(`,"one":`)
	a.One = r.cosigned()
	r.Expect(`,"other":`)
	a.Other = r.cosigned()
	r.Expect("}")
	if err := r.Close(); err != nil {
		return nil, err
	}
	return a, r.err
}

func (r *reader) cosigned() (c Cosigned) {
	r.Expect("{")
	shown := r.Has(`"header":`)
	if shown {
		h := r.header()
		c.Header = &h
		r.Expect(",")
	}
	r.Expect(`"note":`)
	c.Note = []byte(r.Text(ledger.MaxCosignatureSize))
	if shown {
		r.Expect(`,"path":`)
		c.Path = r.hashes()
	}
	r.Expect("}")
	return c
}

// The stages that only an accusation has.
const (
	StageCosignatures  = "cosignatures"
	StageContradiction = "contradiction"
)

var accusationStages = [...]string{StageContainer, StageHistory, StageCosignatures, StageContradiction}

// VerifyAccusation checks an accusation, under the fingerprint of the ledger to trust; nil: a person must confirm the
// words. The stages are container, member history, cosignatures, contradiction; each needs the one before.
func VerifyAccusation(file []byte, trusted *ledger.Fingerprint) AccusationReport {
	v := &verification{Report: Report{Verdict: Incomplete}}
	for _, name := range accusationStages {
		v.Stages = append(v.Stages, Stage{Name: name, Status: NotRun, Code: "not_run"})
	}
	var a *Accusation
	ok := v.open(file, accusationFormat, IsAccusation, func() (err error) {
		if a, err = ParseAccusation(file); err == nil {
			v.Proof = &Proof{Genesis: a.Genesis, History: a.History}
		}
		return err
	})
	if !ok {
		return AccusationReport{Report: v.Report}
	}
	out := AccusationReport{}
	if v.checkHistory() {
		if accused := v.checkCosignatures(a); accused != nil && v.checkContradiction(a, accused) {
			out.Accused = accused
		}
	}
	v.conclude(trusted)
	v.Proven = nil // there is no record
	out.Report = v.Report
	return out
}

// checkCosignatures checks that both are of this ledger, with both signatures of the accused, by the keys that it has in
// one of the sets; the newest are tried first.
func (v *verification) checkCosignatures(a *Accusation) *Accused {
	failed := fmt.Errorf("%w: %s is not a member", ledger.ErrSignature, strconv.Quote(a.Member))
	for _, term := range slices.Backward(v.sets) {
		m := term.set.ByName(a.Member)
		if m == nil {
			continue
		}
		one, err := openCosigned(v.origin, m.Cosigner(), a.One.Note)
		if err != nil {
			failed = err
			continue
		}
		other, err := openCosigned(v.origin, m.Cosigner(), a.Other.Note)
		if err != nil {
			failed = err
			continue
		}
		v.set(StageCosignatures, Passed, "cosignatures.ok", "member", m.Name, "organisation", m.Organisation)
		return &Accused{Member: m.Name, Organisation: m.Organisation, Registry: m.Registry, One: one, Other: other}
	}
	v.set(StageCosignatures, Failed, "cosignatures.wrong", "error", failed.Error())
	return nil
}

func openCosigned(origin string, by ledger.Cosigner, msg []byte) (CosignedTree, error) {
	tree, lines, err := ledger.ParseCosigned(origin, msg)
	if err != nil {
		return CosignedTree{}, err
	}
	c, err := by.Open(origin, tree, lines)
	return CosignedTree{Size: tree.N, Root: tree.Hash, Time: c.Time}, err
}

// checkContradiction checks that the two cannot both be true.
func (v *verification) checkContradiction(a *Accusation, found *Accused) bool {
	if err := v.contradict(a, found); err != nil {
		v.set(StageContradiction, Failed, "contradiction.wrong", "error", err.Error())
		return false
	}
	code := "contradiction.size"
	if a.One.Header != nil {
		code = "contradiction.block"
	}
	v.set(StageContradiction, Passed, code, "height", strconv.FormatUint(uint64(found.Height), 10), "size", strconv.FormatInt(found.One.Size, 10))
	return true
}

// contradict checks, in this order, that
//
//  1. the two ascend by size, and then by root: so they are not the same;
//  2. there are headers exactly if the sizes differ;
//  3. both are of this ledger and of one height, and differ;
//  4. each is in its log.
func (v *verification) contradict(a *Accusation, found *Accused) error {
	one, other := found.One, found.Other
	if one.Size > other.Size || one.Size == other.Size && bytes.Compare(one.Root[:], other.Root[:]) >= 0 {
		return malformed("the two checkpoints are the same, or not in ascending order")
	}
	if same := one.Size == other.Size; same != (a.One.Header == nil) || same != (a.Other.Header == nil) {
		return malformed("checkpoints of two sizes need a header each, those of one size none")
	}
	if a.One.Header == nil {
		found.Height = ledger.Height(one.Size - 1)
		return nil
	}
	found.Height = a.One.Header.Height
	for _, h := range []*ledger.Header{a.One.Header, a.Other.Header} {
		if h.Ledger != v.origin {
			return otherLedger(*h, v.origin)
		}
	}
	if a.One.Header.Height != a.Other.Header.Height || *a.One.Header == *a.Other.Header {
		return fmt.Errorf("%w: the two checkpoints are not shown to contradict each other", ledger.ErrProof)
	}
	if err := a.One.Header.CheckIncluded(a.One.Path, tlog.Tree{N: one.Size, Hash: one.Root}); err != nil {
		return err
	}
	return a.Other.Header.CheckIncluded(a.Other.Path, tlog.Tree{N: other.Size, Hash: other.Root})
}
