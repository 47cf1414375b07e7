package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
	"evident/lightclient/merkle"
)

// Content identifies the file that a person holds beside the proof.
type Content struct {
	SHA256 [sha256.Size]byte
	CID    string // not compared if empty
	Size   int64
}

// Options are what the caller knows.
type Options struct {
	Trusted *ledger.Fingerprint // of the ledger to trust; nil: a person must confirm the words
	Content *Content            // nil: no file to compare
	Known   *Certificates       // remembers certificates over several proofs; nil: each is verified
}

// verification holds what the stages have established so far.
type verification struct {
	*Proof
	Report
	genesis *ledger.Genesis
	origin  string
	record  *ledger.UnverifiedRecord
	sets    memberSets
	cert    *ledger.Certificate
	proven  Proven
	known   *Certificates
}

// Verify checks a proof file. The stages run in the order of the report, but
// for the disclosure and the files together, which have to come before the
// content, and the member history, which has to come before the certificate. A stage
// that fails does not stop the others, unless they need what it would have
// established.
func Verify(file []byte, opts Options) Report {
	v := &verification{Report: Report{Verdict: Incomplete}, known: opts.Known}
	for _, name := range stageNames {
		v.Stages = append(v.Stages, Stage{Name: name, Status: NotRun, Code: "not_run"})
	}
	if !v.checkContainer(file) {
		return v.Report
	}
	v.checkDisclosure()
	v.checkTogether()
	v.checkContent(opts.Content)
	v.checkSignatures()
	v.checkInclusion()
	if v.checkHistory() {
		if v.checkCertificate() {
			v.checkConsistency()
			v.checkState()
		}
		v.checkStorage()
	}
	v.set(StageAnchors, Absent, "anchors.absent")
	v.conclude(opts.Trusted)
	return v.Report
}

// set records the result of a stage; values are pairs of a name and a text.
func (v *verification) set(stage string, status Status, code string, values ...string) {
	s := v.Stage(stage)
	s.Status, s.Code = status, code
	for i := 0; i+1 < len(values); i += 2 {
		if s.Values == nil {
			s.Values = map[string]string{}
		}
		s.Values[values[i]] = values[i+1]
	}
}

// conclude finds the verdict: altered before unknown before valid.
func (v *verification) conclude(trusted *ledger.Fingerprint) {
	for _, s := range v.Stages {
		if s.Status == Failed {
			v.Verdict = Altered
			return
		}
	}
	v.Proven = &v.proven
	if v.notCompared() {
		return // Incomplete: the file at hand could not be compared
	}
	v.Verdict = UnknownLedger
	if trusted != nil && *trusted == v.Fingerprint {
		v.Verdict = Valid
	}
}

// checkContainer checks the form of every part. A file that is no proof, of
// another version or cut short proves nothing, but nothing against it either.
func (v *verification) checkContainer(file []byte) bool {
	magic := []byte(`{"format":"evident/proof/v`)
	known := append(magic, `1"`...)
	switch {
	case bytes.HasPrefix(known, file), bytes.HasPrefix(file, known) && !bytes.HasSuffix(file, []byte("}\n")):
		v.set(StageContainer, Failed, "container.cut")
		return false
	case bytes.HasPrefix(file, known):
	case bytes.HasPrefix(file, magic):
		v.set(StageContainer, Failed, "container.version")
		return false
	default:
		v.set(StageContainer, Failed, "container.foreign")
		return false
	}
	if err := v.parse(file); err != nil {
		code := "container.format"
		if errors.Is(err, ledger.ErrLimit) {
			code = "container.limit"
		}
		v.Verdict = Altered
		v.set(StageContainer, Failed, code, "error", err.Error())
		return false
	}
	v.set(StageContainer, Passed, "container.ok", "bytes", strconv.Itoa(len(file)))
	return true
}

func (v *verification) parse(file []byte) (err error) {
	if v.Proof, err = Parse(file); err != nil {
		return err
	}
	if v.genesis, err = ledger.ParseGenesis(v.Genesis); err != nil {
		return err
	}
	v.Fingerprint = ledger.GenesisFingerprint(v.Genesis)
	v.Words = v.Fingerprint.Words()
	v.origin = v.genesis.Origin(v.Fingerprint)
	if v.record, err = ledger.ParseRecord(v.Record); err != nil {
		return err
	}
	v.proven = Proven{
		Record: v.record.Statement, ID: v.record.ID,
		Height: v.Header.Height, Index: v.Index, Block: v.Header.Hash(), BlockTime: v.Header.Time,
	}
	return nil
}

// checkDisclosure checks that every salt opens the commitment that it belongs to: of the evidence it names, or of a
// private field of the record.
func (v *verification) checkDisclosure() {
	if len(v.Disclosures) == 0 && len(v.Private) == 0 {
		v.set(StageDisclosure, Absent, "disclosure.absent")
		return
	}
	for _, d := range v.Disclosures {
		if d.Index >= int64(len(v.record.Evidence)) || v.record.Evidence[d.Index].Commit != ledger.Commitment(d.Salt, d.SHA256).String() {
			v.set(StageDisclosure, Failed, "disclosure.wrong", "file", strconv.FormatInt(d.Index+1, 10))
			return
		}
	}
	for _, o := range v.Private {
		if o.Check(v.record.Fields) != nil {
			v.set(StageDisclosure, Failed, "disclosure.field", "field", o.Name)
			return
		}
	}
	v.proven.Disclosures, v.proven.Private = v.Disclosures, v.Private
	v.set(StageDisclosure, Passed, "disclosure.ok", "files", strconv.Itoa(len(v.Disclosures)), "fields", strconv.Itoa(len(v.Private)))
}

// contentSealed is the code of a content stage that could not compare.
const contentSealed = "content.sealed"

// checkContent looks for the file among the evidence whose digest is known. A
// file that is not there could still be one that is sealed and not disclosed.
func (v *verification) checkContent(content *Content) {
	files := v.record.Evidence
	switch {
	case content == nil && len(files) == 0 && v.Together == nil:
		v.set(StageContent, Absent, "content.none")
		return
	case content == nil && len(files) == 0:
		v.set(StageContent, NotRun, "content.not_given", "files", strconv.Itoa(len(v.Together)))
		return
	case content == nil:
		v.set(StageContent, NotRun, "content.not_given", "files", strconv.Itoa(len(files)))
		return
	}
	if v.contentTogether(content) {
		return
	}
	digest := hex.EncodeToString(content.SHA256[:])
	hidden := -len(v.proven.Disclosures)
	for _, e := range files {
		if e.Mode == ledger.Sealed {
			hidden++
			continue
		}
		if e.SHA256 == digest && e.Size == content.Size && (content.CID == "" || content.CID == e.CID) {
			v.set(StageContent, Passed, "content.ok", "name", e.Name, "size", strconv.FormatInt(e.Size, 10), "sha256", digest)
			return
		}
	}
	for _, d := range v.proven.Disclosures {
		if d.SHA256 == content.SHA256 {
			v.set(StageContent, Passed, "content.disclosed", "file", strconv.FormatInt(d.Index+1, 10), "sha256", digest)
			return
		}
	}
	if hidden > 0 {
		v.set(StageContent, NotRun, contentSealed, "files", strconv.Itoa(hidden))
		return
	}
	v.set(StageContent, Failed, "content.differs", "sha256", digest)
}

func (v *verification) checkSignatures() {
	if v.record.Ledger != v.origin {
		v.set(StageSignature, Failed, "signature.ledger", "ledger", v.record.Ledger)
		return
	}
	if _, err := v.record.Verify(); err != nil {
		v.set(StageSignature, Failed, "signature.wrong", "error", err.Error())
		return
	}
	signers := make([]string, len(v.record.By))
	for i, key := range v.record.By {
		signers[i], _, _ = strings.Cut(key, "+")
	}
	v.set(StageSignature, Passed, "signature.ok", "signers", strings.Join(signers, ", "))
}

func (v *verification) checkInclusion() {
	if err := v.Header.CheckRecord(v.Path, v.Index, v.record.Leaf()); err != nil {
		v.set(StageInclusion, Failed, "inclusion.wrong", "error", err.Error())
		return
	}
	v.set(StageInclusion, Passed, "inclusion.ok", "index", strconv.FormatInt(v.Index+1, 10),
		"count", strconv.FormatInt(v.Header.Records, 10), "height", height(v.Header))
}

func (v *verification) checkHistory() bool {
	sets, err := v.memberSets(v.genesis, v.Fingerprint, v.known)
	if err != nil {
		v.set(StageHistory, Failed, "history.wrong", "error", err.Error())
		return false
	}
	v.sets = sets
	if len(v.History) == 0 {
		v.set(StageHistory, Passed, "history.none")
	} else {
		v.set(StageHistory, Passed, "history.ok", "changes", strconv.Itoa(len(v.History)))
	}
	return true
}

// checkCertificate checks, in this order, that
//
//  1. exactly a quorum of the newest set signed a checkpoint of this ledger;
//  2. the checkpoint is not older than that set;
//  3. the header is of this ledger, names the members of its time, and is in
//     the log under that checkpoint.
func (v *verification) checkCertificate() bool {
	newest := v.sets.newest()
	cert, err := v.known.openExact(v.origin, newest.set, v.Certificate)
	if err == nil && cert.Height() < newest.from {
		err = malformed("the certificate is older than its members")
	}
	if err == nil {
		err = v.sets.checkLogged(v.origin, v.Header, v.Proof.Inclusion, cert.Tree)
	}
	if err != nil {
		v.set(StageCertificate, Failed, "certificate."+class(err), "error", err.Error())
		return false
	}
	v.cert = cert
	v.proven.ExistedBy = cert.Time()
	v.proven.Quorum, v.proven.Members = newest.set.Quorum(), len(newest.set)
	for _, c := range cert.Cosignatures {
		m := newest.set.ByName(c.Member)
		v.proven.Cosigners = append(v.proven.Cosigners,
			Cosigner{Name: m.Name, Organisation: m.Organisation, Registry: m.Registry, Time: c.Time})
	}
	v.set(StageCertificate, Passed, "certificate.ok", "signed", strconv.Itoa(len(cert.Cosignatures)),
		"members", strconv.Itoa(len(newest.set)), "size", strconv.FormatInt(cert.Tree.N, 10),
		"time", time.Unix(cert.Time(), 0).UTC().Format("2006-01-02 15:04:05 UTC"))
	return true
}

// checkConsistency checks that the checkpoint in the record's "after" is a
// prefix of the certified log, from before the record's block: nobody could
// name it before it was made.
func (v *verification) checkConsistency() {
	if v.Since == nil {
		v.set(StageConsistency, Absent, "consistency.absent")
		return
	}
	after := v.record.After
	if after.Size > int64(v.Header.Height) || tlog.CheckTree(v.Since, v.cert.Tree.N, v.cert.Tree.Hash, after.Size, after.Root) != nil {
		v.set(StageConsistency, Failed, "consistency.wrong")
		return
	}
	v.proven.SignedAfter = true
	v.set(StageConsistency, Passed, "consistency.ok", "height", strconv.FormatInt(after.Size-1, 10))
}

// checkState checks, in this order, that
//
//  1. the state is not older than the record;
//  2. its header is in the same log, under the members of its time;
//  3. the header's state tree holds the value for the record's item.
func (v *verification) checkState() {
	s := v.State
	if s == nil {
		v.set(StageState, Absent, "state.absent")
		return
	}
	err := error(nil)
	if s.Header.Height < v.Header.Height {
		err = malformed("the state is older than the record")
	}
	if err == nil {
		err = v.sets.checkLogged(v.origin, s.Header, s.Inclusion, v.cert.Tree)
	}
	if err == nil {
		key := merkle.Key(v.record.Contract, v.record.ItemName())
		err = merkle.CheckPresent(s.Header.State, key, sha256.Sum256(s.Value), s.Proof)
	}
	if err != nil {
		v.set(StageState, Failed, "state.wrong", "error", err.Error())
		return
	}
	v.proven.State = &ProvenState{Height: s.Header.Height, Value: string(s.Value)}
	v.set(StageState, Passed, "state.ok", "height", height(s.Header))
}

func height(h ledger.Header) string { return strconv.FormatUint(uint64(h.Height), 10) }

// class names the outcome class of an error about a certificate.
func class(err error) string {
	switch {
	case errors.Is(err, ledger.ErrQuorum):
		return "quorum"
	case errors.Is(err, ledger.ErrSignature):
		return "signature"
	case errors.Is(err, ledger.ErrLedger):
		return "ledger"
	case errors.Is(err, ledger.ErrProof):
		return "proof"
	}
	return "format"
}
