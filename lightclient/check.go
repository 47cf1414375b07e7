package lightclient

import (
	"context"
	"fmt"

	"evident/lightclient/ledger"
)

// Check asks one node whether it would take a signed record now, without sending it to the ledger. Refused, without a
// note, is what that node thinks: nobody signed it, and nothing has happened.
func (c *Client) Check(ctx context.Context, msg []byte) error {
	r, err := ledger.OpenRecord(msg)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	refused, err := first(ctx, c, func(ctx context.Context, n *node) (*Refused, error) {
		u, _, err := askFor[struct {
			Accepted bool
			Refusal  ledger.Reason
		}](ctx, n, Question{Method: "POST", Path: "/v1/records/check", Body: r.Note, Limit: maxSmall})
		if err != nil || u.Accepted {
			return nil, err
		}
		return &Refused{Member: n.member, Refusal: ledger.Refusal{Ledger: r.Ledger, Record: r.ID, At: c.now().UnixMilli(), Reason: u.Refusal}}, nil
	})
	if err == nil && refused != nil {
		return refused
	}
	return err
}
