package order

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// TestWireRoundTrip: every message decodes to what was encoded, and no prefix
// or extension of it decodes.
func TestWireRoundTrip(t *testing.T) {
	l := limits{appendEntries: 8, entry: 64}
	for _, c := range testMessages() {
		frame := encodeRequest(c, []byte("checkpoint"))
		k, body, err := readFrame(bytes.NewReader(frame), l.frame())
		if err != nil {
			t.Fatal(err)
		}
		got, snapshot, err := decodeRequest(k, body, l)
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		if again := encodeRequest(got, snapshot); !bytes.Equal(again, frame) {
			t.Errorf("%T: got %x, want %x", c, again, frame)
		}
		for n := range body {
			if _, _, err := decodeRequest(k, body[:n], l); err == nil {
				t.Errorf("%T: %d of %d bytes decode", c, n, len(body))
			}
		}
		if _, _, err := decodeRequest(k, append(body, 0), l); err == nil {
			t.Errorf("%T: one byte more decodes", c)
		}
	}
}

func testMessages() []any {
	h := raft.RPCHeader{ProtocolVersion: 3, ID: []byte("id"), Addr: []byte("address")}
	return []any{
		&raft.AppendEntriesRequest{RPCHeader: h, Term: 7, PrevLogEntry: 300, PrevLogTerm: 6, LeaderCommitIndex: 299,
			Entries: []*raft.Log{{Index: 301, Term: 7, Data: []byte("data")}, {Index: 302, Term: 7, Type: raft.LogNoop}}},
		&raft.RequestVoteRequest{RPCHeader: h, Term: 7, LastLogIndex: 1, LastLogTerm: 2, LeadershipTransfer: true},
		&raft.RequestPreVoteRequest{RPCHeader: h, Term: 7, LastLogIndex: 1, LastLogTerm: 2},
		&raft.InstallSnapshotRequest{RPCHeader: h, SnapshotVersion: 1, Term: 7, LastLogIndex: 5, LastLogTerm: 6, Configuration: []byte("c"), ConfigurationIndex: 1},
		&raft.TimeoutNowRequest{RPCHeader: h},
	}
}

func TestAnswerRoundTrip(t *testing.T) {
	h := raft.RPCHeader{ProtocolVersion: 3, ID: []byte("id"), Addr: []byte("address")}
	for want, got := range map[any]any{
		&raft.AppendEntriesResponse{RPCHeader: h, Term: 7, LastLog: 9, Success: true, NoRetryBackoff: true}: new(raft.AppendEntriesResponse),
		&raft.RequestVoteResponse{RPCHeader: h, Term: 7, Granted: true}:                                     new(raft.RequestVoteResponse),
		&raft.RequestPreVoteResponse{RPCHeader: h, Term: 7, Granted: true}:                                  new(raft.RequestPreVoteResponse),
		&raft.InstallSnapshotResponse{RPCHeader: h, Term: 7, Success: true}:                                 new(raft.InstallSnapshotResponse),
		&raft.TimeoutNowResponse{RPCHeader: h}:                                                              new(raft.TimeoutNowResponse),
	} {
		frame := encodeAnswer(want, nil)
		if err := decodeAnswer(kind(frame[4]), frame[5:], got); err != nil || !bytes.Equal(encodeAnswer(got, nil), frame) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	frame := encodeAnswer(nil, errors.New(strings.Repeat("no", 1000)))
	var said answerError
	if err := decodeAnswer(kind(frame[4]), frame[5:], new(raft.TimeoutNowResponse)); !errors.As(err, &said) || len(said) > 512 {
		t.Errorf("got %v, want a short reason", err)
	}
}

func FuzzMessages(f *testing.F) {
	for _, c := range testMessages() {
		f.Add(encodeRequest(c, []byte("checkpoint")))
	}
	f.Add(encodeAnswer(&raft.AppendEntriesResponse{Term: 7}, nil))
	l := limits{appendEntries: 8, entry: 64}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, body, err := readFrame(bytes.NewReader(b), l.frame())
		if err != nil {
			return
		}
		_ = decodeAnswer(k, body, new(raft.AppendEntriesResponse)) // must not panic
		c, _, err := decodeRequest(k, body, l)
		if err != nil {
			return
		}
		if r, ok := c.(*raft.AppendEntriesRequest); ok {
			for _, e := range r.Entries {
				_, _ = decodeConfiguration(e.Data) // must not panic
			}
		}
	})
}
