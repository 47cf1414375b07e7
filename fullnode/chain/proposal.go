package chain

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"evident/lightclient/ledger"
)

// proposalHead is height, parent and time.
const proposalHead = 8 + tlog.HashSize + 8

// MaxProposalSize bounds an encoded proposal, in bytes.
const MaxProposalSize = proposalHead + 8 + ledger.MaxBlockBytes + 5*ledger.MaxBlockRecords

// Proposal is a block as the leader orders it: nothing in it is derived, and nothing is checked but its form.
type Proposal struct {
	Height ledger.Height
	Parent tlog.Hash // hash of the parent header
	Time   int64     // Unix milliseconds, by the leader's clock
	Notes  [][]byte  // records, in order
}

// Encode returns the proposal as frames: height, parent and time, then each note.
func (p Proposal) Encode() []byte {
	head := binary.BigEndian.AppendUint64(make([]byte, 0, proposalHead), uint64(p.Height))
	head = append(head, p.Parent[:]...)
	head = binary.BigEndian.AppendUint64(head, uint64(p.Time))
	size := proposalHead + 1
	for _, n := range p.Notes {
		size += len(n) + 5
	}
	out := ledger.AppendFrame(make([]byte, 0, size), head)
	for _, n := range p.Notes {
		out = ledger.AppendFrame(out, n)
	}
	return out
}

// ParseProposal accepts the output of Encode and nothing else. The notes share data's memory.
func ParseProposal(data []byte) (Proposal, error) {
	if len(data) > MaxProposalSize {
		return Proposal{}, fmt.Errorf("%w: a proposal has %d bytes, at most %d are allowed", ledger.ErrLimit, len(data), MaxProposalSize)
	}
	frames, err := ledger.ParseFrames(data, ledger.MaxBlockRecords+1)
	if err != nil {
		return Proposal{}, fmt.Errorf("parse proposal: %w", err)
	}
	if len(frames) == 0 || len(frames[0]) != proposalHead {
		return Proposal{}, fmt.Errorf("%w: a proposal begins with height, parent and time", ledger.ErrFormat)
	}
	head := frames[0]
	p := Proposal{Height: ledger.Height(binary.BigEndian.Uint64(head)), Parent: tlog.Hash(head[8:40]),
		Time: int64(binary.BigEndian.Uint64(head[40:])), Notes: frames[1:]}
	for _, n := range p.Notes {
		if len(n) > ledger.MaxRecordSize {
			return Proposal{}, fmt.Errorf("%w: a record has %d bytes, at most %d are allowed", ledger.ErrLimit, len(n), ledger.MaxRecordSize)
		}
	}
	return p, nil
}
