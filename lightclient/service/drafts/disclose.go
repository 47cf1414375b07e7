package drafts

import (
	"context"
	"fmt"
	"slices"

	"evident/lightclient/ledger"
	"evident/lightclient/service"
)

// privateFields lists what this machine can show of what a record hides.
func (s *desk) privateFields(_ context.Context, p service.RecordParams) (service.PrivateFields, error) {
	id, err := ledger.ParseRecordID(p.ID)
	if err != nil {
		return service.PrivateFields{}, badRequest("%v", err)
	}
	known, err := s.keys.Private(id)
	out := service.PrivateFields{Fields: []service.PrivateField{}}
	for _, o := range known {
		out.Fields = append(out.Fields, service.PrivateField{Name: o.Name, Value: o.Value})
	}
	return out, err
}

// disclose makes a proof of the record, of its item's status now, and of the chosen fields. Of the others it holds
// nothing but what is on the ledger anyway.
func (s *desk) disclose(ctx context.Context, p service.DiscloseParams) (service.Disclosed, error) {
	id, err := ledger.ParseRecordID(p.Record)
	if err != nil {
		return service.Disclosed{}, badRequest("%v", err)
	}
	known, err := s.keys.Private(id)
	if err != nil {
		return service.Disclosed{}, err
	}
	var chosen []ledger.Opening
	for _, name := range p.Names {
		i := slices.IndexFunc(known, func(o ledger.Opening) bool { return o.Name == name })
		if i < 0 {
			return service.Disclosed{}, badRequest("this machine has no private field %q of that record", name)
		}
		chosen = append(chosen, known[i])
	}
	c, err := s.service.Client(ctx)
	if err != nil {
		return service.Disclosed{}, err
	}
	record, err := c.Record(ctx, id)
	if err != nil {
		return service.Disclosed{}, err
	}
	made, err := c.Present(ctx, record, chosen...)
	if err != nil {
		return service.Disclosed{}, err
	}
	file, err := made.Encode()
	if err != nil {
		return service.Disclosed{}, fmt.Errorf("encode proof: %w", err)
	}
	return service.Disclosed{Proof: string(file)}, nil
}
