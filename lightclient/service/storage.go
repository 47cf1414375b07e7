package service

import (
	"context"
	"slices"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/transfer"
)

// storage asks the nodes who keeps a file. What they say without a signature is
// only told.
func (s *Service) storage(ctx context.Context, p EvidenceParams) (Storage, error) {
	c, r, e, err := s.Evidence(ctx, p)
	if err != nil {
		return Storage{}, err
	}
	_, genesis := c.Genesis()
	members := c.Trusted().Members
	out := Storage{Wanted: genesis.Limits.Keepers(members), Kept: []Keeper{}, Told: []string{}, Erased: []Keeper{}}
	if e.Mode == ledger.Digest {
		out.Wanted = 0
		return out, nil
	}
	said := transfer.Ask(ctx, c.Sources(), TransferLedger(c), r.ID, e)
	out.Kept, out.Erased = Keepers(said.Kept, members), Keepers(said.Gone, members)
	return out, nil
}

// Evidence finds a file by its place in a proven record.
func (s *Service) Evidence(ctx context.Context, p EvidenceParams) (*lightclient.Client, lightclient.Record, ledger.Evidence, error) {
	none := ledger.Evidence{}
	id, err := ledger.ParseRecordID(p.Record)
	if err != nil {
		return nil, lightclient.Record{}, none, badRequest("%v", err)
	}
	c, err := s.Client(ctx)
	if err != nil {
		return nil, lightclient.Record{}, none, err
	}
	r, err := c.Record(ctx, id)
	if err != nil {
		return nil, lightclient.Record{}, none, err
	}
	if p.Index < 0 || p.Index >= len(r.Evidence) {
		return nil, lightclient.Record{}, none, badRequest("the record names %d files", len(r.Evidence))
	}
	return c, r, r.Evidence[p.Index], nil
}

// TransferLedger is what receipts are held to.
func TransferLedger(c *lightclient.Client) transfer.Ledger {
	trusted := c.Trusted()
	return transfer.Ledger{Origin: trusted.Origin, Members: trusted.Members}
}

// Keepers shows receipts that were verified.
func Keepers(receipts []transfer.Receipt, members ledger.MemberSet) []Keeper {
	out := []Keeper{}
	for _, r := range receipts {
		i := slices.IndexFunc(members, func(m ledger.Member) bool { return m.Name == r.Member })
		if i >= 0 {
			out = append(out, Keeper{Member: r.Member, Organisation: members[i].Organisation, Time: r.Time})
		}
	}
	return out
}
