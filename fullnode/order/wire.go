package order

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"
)

// A message on a stream is a frame: four bytes of length, one byte of kind,
// and fields in a fixed order (numbers as uvarint, byte strings with their
// length in front). The header names the sender; the older fields of Raft's
// messages that name it again are not sent. A reader knows the greatest frame it may be sent before
// it allocates anything, and nothing may follow the last field.
//
//	frame    = length(4, big-endian) kind(1) fields
//	header   = protocolVersion id addr
//	append   = header term prevIndex prevTerm commit count entry*
//	entry    = index term type data
//	vote     = header term lastIndex lastTerm transfer(0|1)
//	prevote  = header term lastIndex lastTerm
//	snapshot = header version term lastIndex lastTerm configuration configurationIndex text
//	timeout  = header
//	answer   = header error, then if error is empty: the fields of the answer
type kind byte

const (
	kindAppend kind = iota + 1
	kindVote
	kindPreVote
	kindSnapshot
	kindTimeout
	kindAnswer
)

const (
	// MaxSnapshot bounds the text a snapshot carries.
	MaxSnapshot = 64 << 10
	// maxConfiguration bounds an encoded Raft configuration: some 400 servers.
	maxConfiguration = 64 << 10
	maxAnswer        = 4 << 10
	maxName          = 128 // a peer id as text has about 52 bytes
	entryOverhead    = 32
	frameOverhead    = 4 << 10
)

// limits bound what one message may carry.
type limits struct {
	appendEntries int // entries in one append
	entry         int // bytes of one entry
}

// frame is the greatest request a peer may send.
func (l limits) frame() int {
	return l.appendEntries*(max(l.entry, maxConfiguration)+entryOverhead) + MaxSnapshot + maxConfiguration + frameOverhead
}

var errMalformed = errors.New("malformed raft message")

// writer appends fields to a frame.
type writer struct{ b []byte }

func newWriter(k kind) *writer { return &writer{append(make([]byte, 4, 256), byte(k))} }

func (w *writer) uint(v uint64)  { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) bytes(v []byte) { w.uint(uint64(len(v))); w.b = append(w.b, v...) }
func (w *writer) bool(v bool) {
	if v {
		w.uint(1)
		return
	}
	w.uint(0)
}

func (w *writer) header(h raft.RPCHeader) {
	w.uint(uint64(h.ProtocolVersion))
	w.bytes(h.ID)
	w.bytes(h.Addr)
}

func (w *writer) frame() []byte {
	binary.BigEndian.PutUint32(w.b, uint32(len(w.b)-4))
	return w.b
}

// reader takes fields from a frame; after the first error it yields zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.err != nil || n <= 0 {
		r.err = errMalformed
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(limit int) []byte {
	n := r.uint()
	if r.err != nil || n > uint64(limit) || n > uint64(len(r.b)) {
		r.err = errMalformed
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) bool() bool {
	v := r.uint()
	if v > 1 {
		r.err = errMalformed
	}
	return v == 1
}

func (r *reader) header() raft.RPCHeader {
	version := r.uint()
	if version > raft.ProtocolVersionMax {
		r.err = errMalformed
	}
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersion(version), ID: r.bytes(maxName), Addr: r.bytes(maxName)}
}

func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = errMalformed
	}
	return r.err
}

// readFrame reads one frame of at most limit bytes.
func readFrame(from io.Reader, limit int) (kind, []byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || int64(n) > int64(limit) {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes, at most %d allowed", errMalformed, n, limit)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(from, frame); err != nil {
		return 0, nil, fmt.Errorf("read raft message: %w", err)
	}
	return kind(frame[0]), frame[1:], nil
}

// encodeRequest makes the frame of a Raft request; snapshot is the text of an
// InstallSnapshotRequest.
func encodeRequest(command any, snapshot []byte) []byte {
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		return encodeAppend(c)
	case *raft.RequestVoteRequest:
		w := newWriter(kindVote)
		w.header(c.RPCHeader)
		w.uint(c.Term)
		w.uint(c.LastLogIndex)
		w.uint(c.LastLogTerm)
		w.bool(c.LeadershipTransfer)
		return w.frame()
	case *raft.RequestPreVoteRequest:
		w := newWriter(kindPreVote)
		w.header(c.RPCHeader)
		w.uint(c.Term)
		w.uint(c.LastLogIndex)
		w.uint(c.LastLogTerm)
		return w.frame()
	case *raft.InstallSnapshotRequest:
		return encodeSnapshot(c, snapshot)
	case *raft.TimeoutNowRequest:
		w := newWriter(kindTimeout)
		w.header(c.RPCHeader)
		return w.frame()
	}
	panic(fmt.Sprintf("order: no message for %T", command))
}

func encodeAppend(c *raft.AppendEntriesRequest) []byte {
	w := newWriter(kindAppend)
	w.header(c.RPCHeader)
	w.uint(c.Term)
	w.uint(c.PrevLogEntry)
	w.uint(c.PrevLogTerm)
	w.uint(c.LeaderCommitIndex)
	w.uint(uint64(len(c.Entries)))
	for _, e := range c.Entries {
		w.uint(e.Index)
		w.uint(e.Term)
		w.uint(uint64(e.Type))
		w.bytes(e.Data)
	}
	return w.frame()
}

func encodeSnapshot(c *raft.InstallSnapshotRequest, text []byte) []byte {
	w := newWriter(kindSnapshot)
	w.header(c.RPCHeader)
	w.uint(uint64(c.SnapshotVersion))
	w.uint(c.Term)
	w.uint(c.LastLogIndex)
	w.uint(c.LastLogTerm)
	w.bytes(c.Configuration)
	w.uint(c.ConfigurationIndex)
	w.bytes(text)
	return w.frame()
}

// decodeRequest is the inverse of encodeRequest, for a frame from a peer.
func decodeRequest(k kind, frame []byte, limits limits) (command any, snapshot []byte, err error) {
	r := &reader{b: frame}
	switch k {
	case kindAppend:
		command = decodeAppend(r, limits)
	case kindVote:
		command = &raft.RequestVoteRequest{RPCHeader: r.header(), Term: r.uint(),
			LastLogIndex: r.uint(), LastLogTerm: r.uint(), LeadershipTransfer: r.bool()}
	case kindPreVote:
		command = &raft.RequestPreVoteRequest{RPCHeader: r.header(), Term: r.uint(), LastLogIndex: r.uint(), LastLogTerm: r.uint()}
	case kindSnapshot:
		command, snapshot = decodeSnapshot(r)
	case kindTimeout:
		command = &raft.TimeoutNowRequest{RPCHeader: r.header()}
	default:
		return nil, nil, fmt.Errorf("%w: unknown kind %d", errMalformed, k)
	}
	return command, snapshot, r.end()
}

func decodeAppend(r *reader, limits limits) *raft.AppendEntriesRequest {
	c := &raft.AppendEntriesRequest{RPCHeader: r.header(), Term: r.uint(),
		PrevLogEntry: r.uint(), PrevLogTerm: r.uint(), LeaderCommitIndex: r.uint()}
	count := r.uint()
	if count > uint64(limits.appendEntries) {
		r.err = errMalformed
		return c
	}
	for range count {
		e := &raft.Log{Index: r.uint(), Term: r.uint()}
		t := r.uint()
		if t > uint64(raft.LogConfiguration) {
			r.err = errMalformed
			return c
		}
		e.Type = raft.LogType(t)
		e.Data = r.bytes(max(limits.entry, maxConfiguration))
		c.Entries = append(c.Entries, e)
	}
	return c
}

func decodeSnapshot(r *reader) (*raft.InstallSnapshotRequest, []byte) {
	c := &raft.InstallSnapshotRequest{RPCHeader: r.header()}
	version := r.uint()
	if version > raft.SnapshotVersionMax {
		r.err = errMalformed
	}
	c.SnapshotVersion = raft.SnapshotVersion(version)
	c.Term = r.uint()
	c.LastLogIndex, c.LastLogTerm = r.uint(), r.uint()
	c.Configuration, c.ConfigurationIndex = r.bytes(maxConfiguration), r.uint()
	text := r.bytes(MaxSnapshot)
	c.Size = int64(len(text))
	return c, text
}

// encodeAnswer makes the frame of a response, or of the reason why there is none.
func encodeAnswer(response any, why error) []byte {
	w := newWriter(kindAnswer)
	if why != nil {
		w.header(raft.RPCHeader{})
		text := why.Error()
		w.bytes([]byte(text[:min(len(text), 512)]))
		return w.frame()
	}
	w.header(response.(raft.WithRPCHeader).GetRPCHeader())
	w.bytes(nil)
	switch a := response.(type) {
	case *raft.AppendEntriesResponse:
		w.uint(a.Term)
		w.uint(a.LastLog)
		w.bool(a.Success)
		w.bool(a.NoRetryBackoff)
	case *raft.RequestVoteResponse:
		w.uint(a.Term)
		w.bool(a.Granted)
	case *raft.RequestPreVoteResponse:
		w.uint(a.Term)
		w.bool(a.Granted)
	case *raft.InstallSnapshotResponse:
		w.uint(a.Term)
		w.bool(a.Success)
	case *raft.TimeoutNowResponse:
	}
	return w.frame()
}

// decodeAnswer fills response from a frame. The peer's own reason comes back
// as an error of type answerError.
func decodeAnswer(k kind, frame []byte, response any) error {
	if k != kindAnswer {
		return fmt.Errorf("%w: kind %d instead of an answer", errMalformed, k)
	}
	r := &reader{b: frame}
	header := r.header()
	if why := r.bytes(maxAnswer); len(why) > 0 {
		return answerError(why)
	}
	switch a := response.(type) {
	case *raft.AppendEntriesResponse:
		*a = raft.AppendEntriesResponse{RPCHeader: header, Term: r.uint(), LastLog: r.uint(), Success: r.bool(), NoRetryBackoff: r.bool()}
	case *raft.RequestVoteResponse:
		*a = raft.RequestVoteResponse{RPCHeader: header, Term: r.uint(), Granted: r.bool()}
	case *raft.RequestPreVoteResponse:
		*a = raft.RequestPreVoteResponse{RPCHeader: header, Term: r.uint(), Granted: r.bool()}
	case *raft.InstallSnapshotResponse:
		*a = raft.InstallSnapshotResponse{RPCHeader: header, Term: r.uint(), Success: r.bool()}
	case *raft.TimeoutNowResponse:
		*a = raft.TimeoutNowResponse{RPCHeader: header}
	}
	return r.end()
}

// answerError is a peer's reason for not answering a request.
type answerError string

func (e answerError) Error() string { return "peer answered: " + string(e) }
