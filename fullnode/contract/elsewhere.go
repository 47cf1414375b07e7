package contract

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// status is ledger.status(contract, name): of an item of another contract all that an expression sees is its status,
// whose words another definition may change; its fields have types that this contract does not know.
func (c *call) status(contract, name string) ref.Val {
	if contract == DigestSpace {
		return types.NewErr("digests are no items")
	}
	item, err := c.find(contract, name)
	if err != nil {
		return types.NewErrFromString(err.Error())
	}
	return types.String(item.Status)
}
