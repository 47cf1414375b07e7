package order

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	maxIdleStreams    = 3 // per peer, for requests outside the pipeline
	maxInboundStreams = 8 // per peer
	pipelineDepth     = 2 // appends on their way at once
	reconnectPoll     = 100 * time.Millisecond
)

var errClosed = errors.New("order is closed")

// stream is a byte stream whose far end is authenticated. Close aborts it.
type stream interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

// streams opens and accepts them; libp2p in a node, pipes in the simulator.
type streams interface {
	Self() peer.ID
	Reachable(peer.ID) bool // takes streams, as far as is known
	// Open uses an existing connection and never dials.
	Open(context.Context, peer.ID) (stream, error)
	// Accept starts to take streams in; nil stops.
	Accept(func(peer.ID, stream))
}

// transport carries Raft's messages. Every request that comes in is checked by
// the guard together with the identity of the stream it came on, and every
// answer that comes back is checked for its term.
type transport struct {
	net      streams
	guard    *guard
	limits   limits
	refused  func(*Refusal)
	requests chan raft.RPC
	closing  context.Context
	close    context.CancelFunc
	serving  sync.WaitGroup

	heartbeat atomic.Pointer[func(raft.RPC)]
	writing   chan struct{}           // held by the request that may change the log
	writer    atomic.Pointer[peer.ID] // whose request that is

	mu       sync.Mutex
	idle     map[peer.ID][]stream
	inbound  map[peer.ID]int
	open     map[stream]struct{} // all of them, to abort at close
	progress map[peer.ID]*progress
	newest   position // the newest entry this node committed as leader
}

// position is an entry's place in the log.
type position struct{ index, term uint64 }

// progress is what a follower has told us, and we it.
type progress struct {
	held    position // it has the log up to here, for entries of this term
	told    uint64   // it knows the commit index up to here
	telling bool
}

func newTransport(net streams, g *guard, l limits, refused func(*Refusal)) *transport {
	t := &transport{net: net, guard: g, limits: l, refused: refused,
		requests: make(chan raft.RPC), writing: make(chan struct{}, 1),
		idle: make(map[peer.ID][]stream), inbound: make(map[peer.ID]int),
		open: make(map[stream]struct{}), progress: make(map[peer.ID]*progress)}
	t.closing, t.close = context.WithCancel(context.Background())
	return t
}

// Consumer is where Raft takes requests from.
func (t *transport) Consumer() <-chan raft.RPC { return t.requests }

// LocalAddr is the peer id: a server's id and address are the same.
func (t *transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.net.Self().String()) }

// EncodePeer and DecodePeer keep addresses as they are.
func (t *transport) EncodePeer(_ raft.ServerID, a raft.ServerAddress) []byte { return []byte(a) }
func (t *transport) DecodePeer(b []byte) raft.ServerAddress                  { return raft.ServerAddress(b) }

// SetHeartbeatHandler takes Raft's path for heartbeats that does not wait for the disk.
func (t *transport) SetHeartbeatHandler(handle func(raft.RPC)) { t.heartbeat.Store(&handle) }

// Close aborts every stream and lets every waiting caller go.
func (t *transport) Close() error {
	t.close()
	t.mu.Lock()
	for s := range t.open {
		s.Close()
	}
	t.idle = nil
	t.mu.Unlock()
	t.serving.Wait()
	return nil
}

// serve answers the requests on one stream from p, one after the other.
func (t *transport) serve(p peer.ID, s stream) {
	defer s.Close()
	if !t.guard.isMember(p) {
		t.report(&Refusal{p, RuleSender, errors.New("not a member")})
		return
	}
	if !t.enter(p, s) {
		return
	}
	defer t.leave(p, s)
	for {
		k, frame, err := readFrame(s, t.limits.frame())
		if err != nil {
			if errors.Is(err, errMalformed) {
				t.report(&Refusal{p, RuleMessage, err})
			}
			return
		}
		command, snapshot, err := decodeRequest(k, frame, t.limits)
		if err != nil {
			t.report(&Refusal{p, RuleMessage, err})
			return
		}
		response, why := t.handle(p, command, snapshot)
		answer := encodeAnswer(response, why)
		s.SetDeadline(time.Now().Add(allowance(len(answer))))
		if _, err := s.Write(answer); err != nil {
			return
		}
		s.SetDeadline(time.Time{})
	}
}

func (t *transport) enter(p peer.ID, s stream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing.Err() != nil || t.inbound[p] >= maxInboundStreams {
		return false
	}
	t.inbound[p]++
	t.open[s] = struct{}{}
	t.serving.Add(1)
	return true
}

func (t *transport) leave(p peer.ID, s stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inbound[p]--; t.inbound[p] == 0 {
		delete(t.inbound, p)
	}
	delete(t.open, s)
	t.serving.Done()
}

func (t *transport) report(r *Refusal) {
	t.guard.count(r)
	t.refused(r)
}

// handle passes a request the guard admits to Raft and waits for the answer.
func (t *transport) handle(p peer.ID, command any, snapshot []byte) (any, error) {
	err := t.guard.admit(p, command, snapshot)
	if errors.Is(err, errHeld) {
		c := command.(*raft.InstallSnapshotRequest)
		return &raft.InstallSnapshotResponse{RPCHeader: t.header(c.ProtocolVersion), Term: max(c.Term, t.guard.keep.term.Load()),
			Success: c.Term >= t.guard.keep.term.Load()}, nil
	}
	if err != nil {
		var r *Refusal
		if errors.As(err, &r) {
			t.report(r)
		}
		return nil, err
	}
	response, err := t.forward(p, command, snapshot)
	if c, ok := command.(*raft.AppendEntriesRequest); ok && err == nil {
		err = t.guard.settled(p, c, response.(*raft.AppendEntriesResponse))
	}
	return response, err
}

// forward gives a request to Raft. Requests that may change the log go one by
// one, so that it is known who is to blame for a change that is refused.
func (t *transport) forward(p peer.ID, command any, snapshot []byte) (any, error) {
	answer := make(chan raft.RPCResponse, 1)
	rpc := raft.RPC{Command: command, Reader: bytes.NewReader(snapshot), RespChan: answer}
	if fast := t.heartbeat.Load(); fast != nil && t.isSteadyHeartbeat(p, command) {
		(*fast)(rpc)
	} else {
		if changesLog(command) {
			select {
			case t.writing <- struct{}{}:
			case <-t.closing.Done():
				return nil, errClosed
			}
			t.writer.Store(&p)
			defer func() { t.writer.Store(nil); <-t.writing }()
		}
		select {
		case t.requests <- rpc:
		case <-t.closing.Done():
			return nil, errClosed
		}
	}
	select {
	case a := <-answer:
		return a.Response, a.Error
	case <-t.closing.Done():
		return nil, errClosed
	}
}

func changesLog(command any) bool {
	switch c := command.(type) {
	case *raft.AppendEntriesRequest:
		return len(c.Entries) > 0
	case *raft.InstallSnapshotRequest:
		return true
	}
	return false
}

// isSteadyHeartbeat says that a heartbeat changes nothing: it comes from the
// leader followed, in the present term. Only such a one may pass Raft's loop,
// which is not made for a concurrent change of term.
func (t *transport) isSteadyHeartbeat(p peer.ID, command any) bool {
	term := t.guard.keep.term.Load()
	return isHeartbeat(command) && requestTerm(command) == term && t.guard.follows(p, term)
}

// author is who made Raft change the log just now: a peer, or this node.
func (t *transport) author() peer.ID {
	if p := t.writer.Load(); p != nil {
		return *p
	}
	return t.net.Self()
}

func (t *transport) header(v raft.ProtocolVersion) raft.RPCHeader {
	self := []byte(t.net.Self().String())
	return raft.RPCHeader{ProtocolVersion: v, ID: self, Addr: self}
}

// isHeartbeat knows Raft's heartbeat by its shape.
func isHeartbeat(command any) bool {
	c, ok := command.(*raft.AppendEntriesRequest)
	return ok && c.PrevLogEntry == 0 && c.PrevLogTerm == 0 && len(c.Entries) == 0 && c.LeaderCommitIndex == 0
}

// allowance is the time a message of n bytes may take: one second, and one
// more for each MiB.
func allowance(n int) time.Duration {
	return time.Second + time.Duration(n)*time.Second>>20
}

// call sends a request on a stream of its own and waits for the answer.
func (t *transport) call(id raft.ServerID, command any, snapshot []byte, response any) error {
	p, err := peer.Decode(string(id))
	if err != nil {
		return fmt.Errorf("call %s: %w", id, err)
	}
	s, err := t.take(p)
	if err != nil {
		return fmt.Errorf("open stream to %s: %w", p, err)
	}
	frame := encodeRequest(command, snapshot)
	s.SetDeadline(time.Now().Add(allowance(len(frame))))
	if _, err = s.Write(frame); err == nil {
		err = t.answer(p, s, response)
	}
	var said answerError
	if err != nil && !errors.As(err, &said) {
		t.abort(s)
		t.drop(p)
		return fmt.Errorf("call %s: %w", p, err)
	}
	t.put(p, s)
	return err
}

// answer reads one answer and checks its term, which Raft would adopt unseen.
func (t *transport) answer(p peer.ID, s stream, response any) error {
	k, frame, err := readFrame(s, maxAnswer)
	if err != nil {
		return err
	}
	if err := decodeAnswer(k, frame, response); err != nil {
		return err
	}
	if err := t.guard.checkTerm(responseTerm(response)); err != nil {
		r := &Refusal{p, RuleTerm, err}
		t.report(r)
		return r
	}
	return nil
}

func responseTerm(response any) uint64 {
	switch r := response.(type) {
	case *raft.AppendEntriesResponse:
		return r.Term
	case *raft.RequestVoteResponse:
		return r.Term
	case *raft.RequestPreVoteResponse:
		return r.Term
	case *raft.InstallSnapshotResponse:
		return r.Term
	}
	return 0
}

// take returns an idle stream to p, or a new one.
func (t *transport) take(p peer.ID) (stream, error) {
	t.mu.Lock()
	if idle := t.idle[p]; len(idle) > 0 {
		s := idle[len(idle)-1]
		t.idle[p] = idle[:len(idle)-1]
		t.mu.Unlock()
		return s, nil
	}
	t.mu.Unlock()
	return t.dial(p)
}

// dial opens a stream that Close will abort.
func (t *transport) dial(p peer.ID) (stream, error) {
	ctx, cancel := context.WithTimeout(t.closing, time.Second)
	defer cancel()
	s, err := t.net.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing.Err() != nil {
		s.Close()
		return nil, errClosed
	}
	t.open[s] = struct{}{}
	return s, nil
}

func (t *transport) abort(s stream) {
	s.Close()
	t.mu.Lock()
	delete(t.open, s)
	t.mu.Unlock()
}

func (t *transport) put(p peer.ID, s stream) {
	s.SetDeadline(time.Time{})
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing.Err() != nil || len(t.idle[p]) >= maxIdleStreams {
		s.Close()
		delete(t.open, s)
		return
	}
	t.idle[p] = append(t.idle[p], s)
}

// drop closes p's idle streams: when one failed the others are likely dead too.
func (t *transport) drop(p peer.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.idle[p] {
		s.Close()
		delete(t.open, s)
	}
	delete(t.idle, p)
}

// AppendEntries sends entries, or a heartbeat. Entries for a peer out of reach
// wait for it, while the term lasts: Raft counts failures, and after a dozen
// of them lets a returning peer wait ten seconds.
func (t *transport) AppendEntries(id raft.ServerID, _ raft.ServerAddress, c *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) error {
	if !isHeartbeat(c) {
		t.await(id, c.Term)
	}
	err := t.call(id, c, nil, r)
	if err == nil {
		t.heldBy(id, c, r)
	}
	return err
}

func (t *transport) await(id raft.ServerID, term uint64) {
	p, err := peer.Decode(string(id))
	if err != nil {
		return
	}
	for !t.net.Reachable(p) && t.guard.keep.term.Load() == term {
		select {
		case <-time.After(reconnectPoll):
		case <-t.closing.Done():
			return
		}
	}
}

// RequestVote asks for a vote, unless this node is not to take part in elections.
func (t *transport) RequestVote(id raft.ServerID, _ raft.ServerAddress, c *raft.RequestVoteRequest, r *raft.RequestVoteResponse) error {
	if t.guard.keep.joining.Load() {
		return errAbstain
	}
	return t.call(id, c, nil, r)
}

// RequestPreVote asks whether a vote would be granted.
func (t *transport) RequestPreVote(id raft.ServerID, _ raft.ServerAddress, c *raft.RequestPreVoteRequest, r *raft.RequestPreVoteResponse) error {
	if t.guard.keep.joining.Load() {
		return errAbstain
	}
	return t.call(id, c, nil, r)
}

// InstallSnapshot sends the small text of a snapshot.
func (t *transport) InstallSnapshot(id raft.ServerID, _ raft.ServerAddress, c *raft.InstallSnapshotRequest, r *raft.InstallSnapshotResponse, text io.Reader) error {
	snapshot, err := io.ReadAll(io.LimitReader(text, MaxSnapshot+1))
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	t.await(id, c.Term)
	return t.call(id, c, snapshot, r)
}

// TimeoutNow hands leadership over.
func (t *transport) TimeoutNow(id raft.ServerID, _ raft.ServerAddress, c *raft.TimeoutNowRequest, r *raft.TimeoutNowResponse) error {
	return t.call(id, c, nil, r)
}
