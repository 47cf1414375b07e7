package testnet

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"evident/fullnode/chain"
	"evident/fullnode/finality/guard"
	"evident/lightclient/ledger"

	"golang.org/x/mod/sumdb/tlog"
)

// Grow appends blocks of one record each to the ledgers of these stopped
// nodes, a quorum, as if they had made them while the others were away. The
// keys sign here; the guards sign the last block, as they would have all. The
// blocks are a millisecond apart, so that the last may be ahead of the clock.
func (c *Consortium) Grow(blocks int, nodes ...int) {
	c.Helper()
	// In memory where that is possible: nothing here has to survive a crash.
	dir, err := os.MkdirTemp("/dev/shm", "grow-")
	if err != nil {
		dir, err = os.MkdirTemp("", "grow-")
	}
	c.must(err)
	defer os.RemoveAll(dir)
	first := filepath.Join(c.Places[nodes[0]].Dir, "ledger")
	c.must(os.CopyFS(filepath.Join(dir, "ledger"), os.DirFS(first)))
	c.must(c.growIn(filepath.Join(dir, "ledger"), blocks, nodes))
	for _, i := range nodes {
		c.Wipe(i, "ledger")
		c.must(os.CopyFS(filepath.Join(c.Places[i].Dir, "ledger"), os.DirFS(filepath.Join(dir, "ledger"))))
	}
}

func (c *Consortium) growIn(dir string, blocks int, nodes []int) error {
	grown, err := chain.Open(dir, c.File, chain.Options{})
	if err != nil {
		return err
	}
	defer grown.Close()
	author := c.NewAuthor("grower")
	for i := range blocks {
		head, _ := grown.Head()
		candidate, err := grown.Execute(chain.Proposal{Height: head.Header.Height + 1, Parent: head.Header.Hash(),
			Time: head.Header.Time + 1, Notes: [][]byte{author.Deposit(fmt.Sprint("grown ", i)).Note}})
		if err != nil {
			return err
		}
		lines, err := c.signAll(grown, candidate, nodes, i == blocks-1)
		if err != nil {
			return err
		}
		certificate, err := ledger.NewCertificate(c.Origin, c.Members(), candidate.Tree, lines)
		if err != nil {
			return err
		}
		if err := grown.Finalize(candidate, certificate); err != nil {
			return err
		}
	}
	return nil
}

func (c *Consortium) signAll(grown *chain.Chain, candidate *chain.Candidate, nodes []int, guarded bool) ([]ledger.Cosignature, error) {
	var lines []ledger.Cosignature
	for _, i := range nodes {
		signed := c.SignUnguarded(i, candidate.Tree)
		if guarded {
			var err error
			if signed, err = c.signGuarded(i, grown, candidate); err != nil {
				return nil, err
			}
		}
		lines = append(lines, ledger.Cosignature{Lines: signed})
	}
	return lines, nil
}

func (c *Consortium) signGuarded(i int, grown *chain.Chain, candidate *chain.Candidate) (string, error) {
	g, err := guard.Open(filepath.Join(c.Places[i].Dir, "guard"), c.Origin, func() time.Time { return time.UnixMilli(candidate.Header.Time) })
	if err != nil {
		return "", err
	}
	defer g.Close()
	head, _ := grown.Head()
	_, signature, err := g.Cosign(guard.Block{Header: candidate.Header, Parent: &head.Header, Final: head.Certificate, Log: grown.HashReader()})
	return signature.Lines, err
}

// SignUnguarded is a member's cosignature on anything, past its guard: what a
// thief of the key, or a member who means harm, would make.
func (c *Consortium) SignUnguarded(i int, tree tlog.Tree) string {
	c.Helper()
	data, err := os.ReadFile(filepath.Join(c.Places[i].Dir, "guard", "key"))
	c.must(err)
	var seeds [2][]byte
	for n := range seeds {
		seeds[n], err = base64.StdEncoding.DecodeString(strings.Split(string(data), "\n")[2+n])
		c.must(err)
	}
	key, err := ledger.NewCosigningKey(c.Places[i].Member.Name, seeds[0], seeds[1])
	c.must(err)
	return key.Cosign(c.Origin, tree, time.Now().Unix()).Lines
}
