package order

import (
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"github.com/libp2p/go-libp2p/core/peer"
)

// pipeline sends appends to one follower without waiting for each answer.
type pipeline struct {
	t        *transport
	id       raft.ServerID
	peer     peer.ID
	s        stream
	waiting  chan *appendFuture
	finished chan raft.AppendFuture
	closed   chan struct{}
	once     sync.Once
}

// AppendEntriesPipeline opens a stream of its own for the pipeline.
func (t *transport) AppendEntriesPipeline(id raft.ServerID, _ raft.ServerAddress) (raft.AppendPipeline, error) {
	p, err := peer.Decode(string(id))
	if err != nil {
		return nil, fmt.Errorf("pipeline to %s: %w", id, err)
	}
	s, err := t.dial(p)
	if err != nil {
		return nil, fmt.Errorf("pipeline to %s: %w", p, err)
	}
	l := &pipeline{t: t, id: id, peer: p, s: s, waiting: make(chan *appendFuture, pipelineDepth-1),
		finished: make(chan raft.AppendFuture, pipelineDepth), closed: make(chan struct{})}
	go l.read()
	return l, nil
}

// AppendEntries sends one append; the answer arrives at Consumer.
func (l *pipeline) AppendEntries(c *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	f := &appendFuture{start: time.Now(), request: c, response: r, done: make(chan struct{})}
	frame := encodeRequest(c, nil)
	l.s.SetDeadline(time.Now().Add(allowance(l.t.limits.frame())))
	if _, err := l.s.Write(frame); err != nil {
		return nil, fmt.Errorf("append to %s: %w", l.peer, err)
	}
	select {
	case l.waiting <- f:
		return f, nil
	case <-l.closed:
		return nil, raft.ErrPipelineShutdown
	case <-l.t.closing.Done():
		return nil, errClosed
	}
}

// read matches answers to appends, in order. After an error it goes on: each
// later read fails at once, and Raft gives the pipeline up.
func (l *pipeline) read() {
	for {
		select {
		case f := <-l.waiting:
			f.err = l.t.answer(l.peer, l.s, f.response)
			close(f.done)
			if f.err != nil {
				l.t.abort(l.s)
			} else {
				l.t.heldBy(l.id, f.request, f.response)
			}
			select {
			case l.finished <- f:
			case <-l.closed:
				return
			}
		case <-l.closed:
			return
		case <-l.t.closing.Done():
			l.t.abort(l.s)
			return
		}
	}
}

// Consumer yields finished appends.
func (l *pipeline) Consumer() <-chan raft.AppendFuture { return l.finished }

// Close aborts the stream; appends on their way are lost.
func (l *pipeline) Close() error {
	l.once.Do(func() { close(l.closed); l.t.abort(l.s) })
	return nil
}

// appendFuture is one append on its way.
type appendFuture struct {
	start    time.Time
	request  *raft.AppendEntriesRequest
	response *raft.AppendEntriesResponse
	done     chan struct{}
	err      error
}

func (f *appendFuture) Error() error                          { <-f.done; return f.err }
func (f *appendFuture) Start() time.Time                      { return f.start }
func (f *appendFuture) Request() *raft.AppendEntriesRequest   { return f.request }
func (f *appendFuture) Response() *raft.AppendEntriesResponse { return f.response }

// heldBy notes how far a follower's log goes, and tells it at once what is committed.
func (t *transport) heldBy(id raft.ServerID, c *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) {
	n := len(c.Entries)
	if !r.Success || n == 0 {
		return
	}
	p, err := peer.Decode(string(id))
	if err != nil {
		return
	}
	t.mu.Lock()
	t.progressOf(p).held = position{c.Entries[n-1].Index, c.Term}
	t.mu.Unlock()
	t.tell(p)
}

func (t *transport) progressOf(p peer.ID) *progress {
	if t.progress[p] == nil {
		t.progress[p] = new(progress)
	}
	return t.progress[p]
}

// announce tells every follower that holds the entry that it is committed.
// Raft itself lets them wait for the next entry or for CommitTimeout. at must
// be an entry this node proposed and committed as the leader of at.term: then
// the message is true for ever, and followers in a later term ignore it.
func (t *transport) announce(at position) {
	t.mu.Lock()
	if at.index > t.newest.index {
		t.newest = at
	}
	peers := make([]peer.ID, 0, len(t.progress))
	for p := range t.progress {
		peers = append(peers, p)
	}
	t.mu.Unlock()
	for _, p := range peers {
		t.tell(p)
	}
}

// tell sends p the newest commit index in an append without entries, one at a time.
func (t *transport) tell(p peer.ID) {
	at, ok := t.toTell(p)
	if !ok {
		return
	}
	go func() {
		self := t.header(raft.ProtocolVersionMax)
		c := &raft.AppendEntriesRequest{RPCHeader: self, Term: at.term,
			PrevLogEntry: at.index, PrevLogTerm: at.term, LeaderCommitIndex: at.index}
		// Without an answer nothing is lost: Raft says it again.
		_ = t.call(raft.ServerID(p.String()), c, nil, new(raft.AppendEntriesResponse))
		t.mu.Lock()
		t.progressOf(p).telling = false
		t.mu.Unlock()
		t.tell(p)
	}()
}

func (t *transport) toTell(p peer.ID) (position, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, at := t.progressOf(p), t.newest
	if t.closing.Err() != nil || g.telling || g.held.term != at.term || g.held.index < at.index || g.told >= at.index {
		return position{}, false
	}
	g.telling, g.told = true, at.index
	return at, true
}
