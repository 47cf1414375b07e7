package contract

import (
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"

	"evident/lightclient/ledger"
)

// sizes tells CEL how large values can be, so that an expression's cost has a bound before it is ever computed. It
// implements cost.Estimator.
type sizes struct{ *loader }

// EstimateCallCost leaves functions to CEL: ours cost what CEL counts for any function.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// EstimateSize is what the schema says of a value, or else what fits into an item. Of a fixed size are only texts and
// lists that stand in the expression itself, which CEL knows.
func (s sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if node.ComputedSize() != nil {
		return nil
	}
	switch node.Type().Kind() {
	case types.StringKind, types.ListKind:
		size := cost.RangedSizeEstimate(0, s.most(node.Path()))
		return &size
	}
	return nil
}

// most follows a path of names from a variable.
func (s sizes) most(path []string) uint64 {
	var at *shape
	for i, name := range path {
		switch {
		case i == 0:
			at = s.variable(name)
		case name == "@items":
			at = at.elem
		default:
			at = at.fields[name]
		}
		if at == nil {
			return MaxItemSize
		}
	}
	if at == nil || at.most == 0 {
		return MaxItemSize
	}
	return uint64(at.most)
}

func (s sizes) variable(name string) *shape {
	switch name {
	case "input":
		return s.input
	case "touched":
		return s.objects["item"]
	}
	return s.objects[name]
}

// Bounds of a record's own values.
const (
	hashText = 64
	maxCID   = 128
)

var recordShape = &shape{kind: types.StructKind, name: "record", fields: map[string]*shape{
	"at": wholeShape, "by": {kind: types.ListKind, elem: textShape, most: ledger.MaxSigners}, "id": {kind: types.StringKind, most: hashText},
	"item": nameShape, "name": nameShape, "seq": wholeShape,
	"evidence": {kind: types.ListKind, elem: evidenceShape, most: ledger.MaxEvidence},
}}

var nameShape = &shape{kind: types.StringKind, most: maxName}

var evidenceShape = &shape{kind: types.StructKind, name: "evidence", fields: map[string]*shape{
	"cid": {kind: types.StringKind, most: maxCID}, "commit": {kind: types.StringKind, most: hashText}, "media": textShape, "mode": textShape,
	"name": textShape, "sha256": {kind: types.StringKind, most: hashText}, "size": wholeShape,
}}
