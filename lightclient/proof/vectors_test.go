package proof_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	"evident/lightclient/merkle"
	. "evident/lightclient/proof"
)

var update = flag.Bool("update", false, "write the vectors and the examples of SPEC.md anew")

const vectorDir = "../testdata/vectors"

func readVectors(t testing.TB) []ledgertest.Vector {
	t.Helper()
	vectors := ledgertest.ReadVectors(vectorDir, "*")
	if len(vectors) < 400 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	return vectors
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			outcome, result, err := check(v)
			if outcome != v.Outcome || result != v.Result {
				t.Errorf("%s\ngot  %q %q (%v)\nwant %q %q", v.Comment, outcome, result, err, v.Outcome, v.Result)
			}
		})
	}
}

// TestVectorsAreCurrent makes all vectors again and compares them with the files.
// What was verified before changes no outcome: each proof comes twice, after all others.
func TestKnownCertificates(t *testing.T) {
	c := ledgertest.New(4)
	known := new(Certificates)
	for range 2 {
		for _, v := range readVectors(t) {
			if v.Format() != "proof" {
				continue
			}
			options := Options{Trusted: &c.Fingerprint, Content: contentOf(v)}
			alone := Verify(v.Data, options)
			options.Known = known
			if got := Verify(v.Data, options); got.Verdict != alone.Verdict || got.Reason("en") != alone.Reason("en") {
				t.Errorf("%s: %q %s; alone %q %s", v.Name, got.Verdict, got.Reason("en"), alone.Verdict, alone.Reason("en"))
			}
		}
	}
}

func TestVectorsAreCurrent(t *testing.T) {
	made := map[string]ledgertest.Vector{}
	for _, v := range makeVectors(t) {
		if _, double := made[v.Name]; double {
			t.Fatalf("two vectors are named %s", v.Name)
		}
		made[v.Name] = complete(v)
	}
	if *update {
		writeVectors(t, made)
	}
	for _, got := range readVectors(t) {
		want, ok := made[got.Name]
		if !ok {
			t.Errorf("%s is not made any more", got.Name)
		} else if !bytes.Equal(got.Encode(), want.Encode()) {
			t.Errorf("%s differs from what is made; run with -update and look at the difference", got.Name)
		}
		delete(made, got.Name)
	}
	for name := range made {
		t.Errorf("%s is missing", name)
	}
}

// complete adds to an accepted vector what it means.
func complete(v ledgertest.Vector) ledgertest.Vector {
	if v.Outcome == "ok" || v.Outcome == "valid" {
		_, v.Result, _ = check(v)
	}
	return v
}

func writeVectors(t *testing.T, made map[string]ledgertest.Vector) {
	t.Helper()
	old, err := filepath.Glob(vectorDir + "/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range made {
		file := filepath.Join(vectorDir, v.Name+".txt")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, v.Encode(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// check runs the parser and the checks of a vector's format. All vectors are
// of the ledger of ledgertest.New(4).
func check(v ledgertest.Vector) (outcome, result string, err error) {
	if v.Format() == "proof" {
		c := ledgertest.New(4)
		r := Verify(v.Data, Options{Trusted: &c.Fingerprint, Content: contentOf(v)})
		for _, s := range r.Stages {
			if s.Status == Failed {
				return string(r.Verdict) + " " + s.Code, "", errors.New(s.Text("en"))
			}
		}
		if r.Verdict == Valid {
			result = fmt.Sprintf("record %s, height %d, existed by %d", r.Proven.ID, r.Proven.Height, r.Proven.ExistedBy)
		}
		return string(r.Verdict), result, nil
	}
	if v.Format() == "item" || v.Format() == "refused" || v.Format() == "accusation" {
		return checkOther(v)
	}
	result, err = checkLedger(v, ledgertest.New(4))
	if err == nil {
		return "ok", result, nil
	}
	classes := []error{ledger.ErrFormat, ledger.ErrLimit, ledger.ErrSignature, ledger.ErrLedger, ledger.ErrQuorum, ledger.ErrProof}
	outcome = "none of the classes"
	for _, class := range classes {
		if errors.Is(err, class) {
			outcome = class.Error()
		}
	}
	if errors.Is(err, merkle.ErrProof) {
		outcome = "proof"
	}
	if errors.Is(err, merkle.ErrEncoding) {
		outcome = "format"
	}
	return outcome, "", err
}

// checkOther checks the files that are no proofs of records.
func checkOther(v ledgertest.Vector) (outcome, result string, err error) {
	c := ledgertest.New(4)
	var r Report
	switch v.Format() {
	case "item":
		report := VerifyItem(v.Data, &c.Fingerprint)
		if r = report.Report; report.Item != nil {
			digest := sha256Sum([]byte(report.Item.Value))
			result = fmt.Sprintf("%s, height %d, existed by %d", hexText(digest[:]), report.Item.Height, report.Item.ExistedBy)
		}
	case "accusation":
		report := VerifyAccusation(v.Data, &c.Fingerprint)
		if r = report.Report; report.Accused != nil {
			result = fmt.Sprintf("%s, block %d", report.Accused.Member, report.Accused.Height)
		}
	case "refused":
		report := VerifyRefused(v.Data, &c.Fingerprint)
		if r = report.Report; report.Refused != nil {
			result = fmt.Sprintf("record %s, rule %s, by %s", report.Refused.ID, report.Refused.Reason.Rule, report.Refused.Member)
		}
	}
	for _, s := range r.Stages {
		if s.Status == Failed {
			return string(r.Verdict) + " " + s.Code, "", errors.New(s.Text("en"))
		}
	}
	return string(r.Verdict), result, nil
}

// contentOf returns the file at hand that the vector's head gives, or nil.
func contentOf(v ledgertest.Vector) *Content {
	encoded, ok := v.Context["file"]
	if !ok {
		return nil
	}
	file, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		panic("test: " + err.Error())
	}
	h := evidence.NewHasher()
	h.Write(file)
	d := h.Sum()
	return &Content{SHA256: d.SHA256, CID: d.CID, Size: d.Size}
}

// cidOf returns the CID of a file whose byte i is ⌊i/2^20⌋ mod 251. The largest are hashed once.
var cidOf = func() func(size int64) string {
	var known sync.Map
	return func(size int64) string {
		make := func() string { return hashPattern(size) }
		once, _ := known.LoadOrStore(size, sync.OnceValue(make))
		return once.(func() string)()
	}
}()

func hashPattern(size int64) string {
	h := evidence.NewHasher()
	for leaf := int64(0); leaf<<20 < size; leaf++ {
		h.Write(bytes.Repeat([]byte{byte(leaf % 251)}, int(min(1<<20, size-leaf<<20))))
	}
	return h.Sum().CID
}

func checkLedger(v ledgertest.Vector, c *ledgertest.Consortium) (string, error) {
	switch v.Format() {
	case "json":
		s := ledger.NewScanner(v.Data)
		s.Object()
		return "", s.Close()
	case "key":
		return "", ledger.CheckKey(string(v.Data))
	case "cosigner-keys":
		_, err := ledger.ParseCosigner(strings.Split(string(v.Data), "\n"))
		return "", err
	case "record":
		r, err := ledger.OpenRecord(v.Data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("id %s, leaf %s", r.ID, r.Leaf()), nil
	case "header":
		h, err := ledger.ParseHeader(v.Data)
		return fmt.Sprintf("hash %s", h.Hash()), err
	case "checkpoint":
		_, err := ledger.ParseCheckpoint(c.Origin, v.Data)
		return "", err
	case "certificate":
		cert, err := ledger.OpenCertificate(c.Origin, c.Genesis.Members, v.Data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("height %d, time %d", cert.Height(), cert.Time()), nil
	case "members":
		set, err := ledger.ParseMemberSet(v.Data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("digest %s, quorum %d, faults %d", set.Digest(), set.Quorum(), set.Faults()), nil
	case "genesis":
		g, err := ledger.ParseGenesis(v.Data)
		if err != nil {
			return "", err
		}
		f := ledger.GenesisFingerprint(v.Data)
		return fmt.Sprintf("origin %s, words %s", g.Origin(f), strings.Join(f.Words(), " ")), nil
	case "receipt":
		r, err := ledger.OpenReceipt(c.Origin, c.Genesis.Members[0], v.Data)
		return fmt.Sprintf("promise %d", r.Promise), err
	case "refusal":
		r, err := ledger.OpenRefusal(c.Origin, c.Genesis.Members[0], v.Data)
		return fmt.Sprintf("rule %s", r.Reason.Rule), err
	case "storage":
		r, err := ledger.OpenStorage(c.Origin, c.Genesis.Members[0], v.Data)
		return fmt.Sprintf("bytes %d of %s, time %d", r.Bytes, r.CID, r.Time), err
	case "erasure":
		r, err := ledger.OpenErasure(c.Origin, c.Genesis.Members[0], v.Data)
		return fmt.Sprintf("bytes %d of %s, time %d", r.Bytes, r.CID, r.Time), err
	case "block":
		b, err := ledger.ParseBlock(v.Data)
		return fmt.Sprintf("records %d", len(b.Notes)), err
	case "state":
		return "", checkStateVector(v)
	case "cid":
		var size int64
		_, err := fmt.Sscanf(string(v.Data), "bytes %d\n", &size)
		return cidOf(size), err
	}
	return "", errors.New("vector of an unknown format")
}

func checkStateVector(v ledgertest.Vector) error {
	p, err := merkle.ParseProof(v.Data)
	if err != nil {
		return err
	}
	root, err := ledger.ParseHash(v.Context["root"])
	if err != nil {
		return err
	}
	key := merkle.Key(v.Context["space"], v.Context["name"])
	if v.Context["value"] == "" {
		return merkle.CheckAbsent(root, key, p)
	}
	value, err := ledger.ParseHash(v.Context["value"])
	if err != nil {
		return err
	}
	return merkle.CheckPresent(root, key, value, p)
}
