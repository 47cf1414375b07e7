package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"evident/app/swarm"
	"evident/lightclient/author"
	"evident/lightclient/evidence"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

// offerEvery is the pause between two offers of the same file: each reads it
// once to know its blocks.
const offerEvery = 10 * time.Minute

// offer has members pull the file of a final record from here, when too few
// have it from where it was uploaded to. That node may have lost it, or may not
// reach the others. It goes on beside everything else, one file at a time, until
// enough members keep it; what goes wrong, the next offer may do better. The
// caller holds the lock.
func (q *queue) offer(ctx context.Context, j *job, s author.Stamped) {
	if j.endOffer != nil || time.Since(j.offered) < offerEvery {
		return
	}
	ctx, j.endOffer = context.WithCancel(ctx)
	missing := j.Wanted - len(j.Stored)
	q.offers.Go(func() {
		select {
		case q.offering <- struct{}{}:
			q.stamper.offer(ctx, s, missing)
			<-q.offering
		case <-ctx.Done():
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		j.endOffer()
		j.endOffer, j.offered = nil, time.Now()
	})
}

// node is this program's own node among the members' nodes.
type node interface {
	Offer(ctx context.Context, m ledger.Member, addresses []string, record []byte, f *swarm.File) error
	Close() error
}

// lazyNode is a node that is started when it is first needed.
type lazyNode struct {
	start func() (node, error)

	mu      sync.Mutex
	started node // nil until then
}

func (l *lazyNode) get() (node, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started == nil {
		started, err := l.start()
		if err != nil {
			return nil, err
		}
		l.started = started
	}
	return l.started, nil
}

func (l *lazyNode) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started != nil {
		l.started.Close() // what it served, the members have or ask for again
	}
}

func startSwarm() (node, error) { return swarm.New() }

// errNobody says that there is no member to offer a file to.
var errNobody = errors.New("no further member can be reached")

// offer brings the file of a record to as many members as are missing, of those
// who have not signed that they keep it. Who is not to keep it has it then for
// those who are. A file that is not what was recorded is not offered.
func (w *writer) offer(ctx context.Context, s author.Stamped, missing int) error {
	client, err := w.service.Client(ctx)
	if err != nil {
		return err
	}
	addresses, err := client.Addresses(ctx)
	if err != nil {
		return err
	}
	var to []ledger.Member
	for _, m := range client.Trusted().Members {
		m.Addresses = slices.Concat(addresses[m.Name], m.Addresses)
		if slices.ContainsFunc(m.Addresses, isMultiaddr) && !hasReceipt(s, m) {
			to = append(to, m)
		}
	}
	if len(to) == 0 {
		return errNobody
	}
	file, err := w.indexed(ctx, s)
	if err != nil {
		return err
	}
	own, err := w.node.get()
	if err != nil {
		return err
	}
	var failures []error
	for _, m := range to {
		if missing == 0 || ctx.Err() != nil {
			break
		}
		if err := own.Offer(ctx, m, m.Addresses, s.Record.Note, file); err != nil {
			failures = append(failures, err)
			continue
		}
		missing--
	}
	return errors.Join(failures...)
}

// isMultiaddr tells where a node is in its own network from a URL.
func isMultiaddr(address string) bool { return strings.HasPrefix(address, "/") }

func hasReceipt(s author.Stamped, m ledger.Member) bool {
	return slices.ContainsFunc(s.Receipts, func(r transfer.Receipt) bool { return r.Member == m.Name })
}

// indexed reads the file of a record as the record names it.
func (w *writer) indexed(ctx context.Context, s author.Stamped) (*swarm.File, error) {
	if len(s.Record.Evidence) != 1 { // of several, only one lies at the path
		return nil, author.ErrNotStored
	}
	e := s.Record.Evidence[0]
	form := evidence.AsItIs(e.Size)
	if e.Mode == ledger.Sealed {
		secret, err := w.home.Outbox().Secrets().Open(s.Record.ID, 0)
		if err != nil {
			return nil, err
		}
		if form, err = secret.Form(); err != nil {
			return nil, err
		}
	}
	file, err := swarm.Index(ctx, s.Path, form)
	if err == nil && file.Stored.CID.String() != e.CID {
		err = evidence.ErrChanged
	}
	return file, err
}
