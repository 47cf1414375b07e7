package contract

import (
	"fmt"
	"reflect"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"evident/lightclient/ledger"
)

// shape is the type of a value: of an input, of an item's field, of what an expression reads. Its values are int64,
// string, bool, []any and map[string]any. A member that is absent reads as its shape's zero value, so that no
// expression meets a hole.
type shape struct {
	kind   types.Kind
	elem   *shape // of a list
	most   int64  // of a list's elements, or a text's bytes; 0: as many as fit in the state
	name   string // of an object
	fields map[string]*shape
	levels int // of lists and objects within each other
}

var (
	wholeShape = &shape{kind: types.IntKind}
	textShape  = &shape{kind: types.StringKind}
	truthShape = &shape{kind: types.BoolKind}
	textsShape = &shape{kind: types.ListKind, elem: textShape}
)

func (s *shape) celType() *cel.Type {
	switch s.kind {
	case types.IntKind:
		return cel.IntType
	case types.StringKind:
		return cel.StringType
	case types.BoolKind:
		return cel.BoolType
	case types.ListKind:
		return cel.ListType(s.elem.celType())
	}
	return cel.ObjectType(s.name)
}

// within tells whether values of this shape are values of another one. Types may name others many times, so each pair
// that was compared is remembered.
func (s *shape) within(t *shape, seen map[[2]*shape]bool) bool {
	pair := [2]*shape{s, t}
	if seen[pair] {
		return true
	}
	seen[pair] = true
	if s.kind != t.kind || len(s.fields) != len(t.fields) || t.most != 0 && (s.most == 0 || s.most > t.most) {
		return false
	}
	if s.kind == types.ListKind {
		return s.elem.within(t.elem, seen)
	}
	for name, field := range s.fields {
		if other := t.fields[name]; other == nil || !field.within(other, seen) {
			return false
		}
	}
	return true
}

// fits tells whether a value, and all that is in it, is no longer than the schema allows.
func (s *shape) fits(v any) bool {
	switch v := v.(type) {
	case string:
		return s.most == 0 || int64(len(v)) <= s.most
	case []any:
		if s.most != 0 && int64(len(v)) > s.most {
			return false
		}
		for _, one := range v {
			if !s.elem.fits(one) {
				return false
			}
		}
	case map[string]any:
		for name, one := range v {
			if !s.fields[name].fits(one) {
				return false
			}
		}
	}
	return true
}

func (s *shape) zero() any {
	switch s.kind {
	case types.IntKind:
		return int64(0)
	case types.StringKind:
		return ""
	case types.BoolKind:
		return false
	case types.ListKind:
		return []any{}
	}
	return map[string]any{}
}

// isZero tells whether v reads as if it were absent.
func isZero(v any) bool {
	switch v := v.(type) {
	case int64:
		return v == 0
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return v == nil
}

// native returns the plain value of what an expression of this shape gave. The type checker lets a list of values of
// several types pass as a list of any of them, so each is looked at.
func (s *shape) native(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.Int:
		if s.kind == types.IntKind {
			return int64(v), nil
		}
	case types.String:
		if s.kind == types.StringKind {
			return string(v), nil
		}
	case types.Bool:
		if s.kind == types.BoolKind {
			return bool(v), nil
		}
	}
	if s.kind == types.ListKind {
		return s.nativeList(v)
	}
	if object, ok := v.Value().(map[string]any); ok && s.kind == types.StructKind && s.describes(object) {
		return object, nil
	}
	return nil, fmt.Errorf("a %s is not the value that is wanted here", v.Type().TypeName())
}

// describes tells whether a plain value is of this shape.
func (s *shape) describes(v any) bool {
	switch v := v.(type) {
	case int64:
		return s.kind == types.IntKind
	case string:
		return s.kind == types.StringKind
	case bool:
		return s.kind == types.BoolKind
	case []any:
		return s.kind == types.ListKind && !slices.ContainsFunc(v, func(one any) bool { return !s.elem.describes(one) })
	case map[string]any:
		for name, one := range v {
			if s.kind != types.StructKind || s.fields[name] == nil || !s.fields[name].describes(one) {
				return false
			}
		}
		return s.kind == types.StructKind
	}
	return false
}

type lister interface {
	Get(index ref.Val) ref.Val
	Size() ref.Val
}

func (s *shape) nativeList(v ref.Val) (any, error) {
	list, ok := v.(lister)
	if !ok {
		return nil, fmt.Errorf("a %s is no list", v.Type().TypeName())
	}
	size := int(list.Size().(types.Int))
	out := make([]any, size)
	for i := range out {
		one, err := s.elem.native(list.Get(types.Int(i)))
		if err != nil {
			return nil, err
		}
		out[i] = one
	}
	return out, nil
}

// provider tells CEL of the objects of one contract: the named types of its definition, and item, record and evidence.
// It implements types.Provider and types.Adapter.
type provider struct{ objects map[string]*shape }

func (p *provider) EnumValue(name string) ref.Val    { return types.NewErr("no enum %s", name) }
func (p *provider) FindIdent(string) (ref.Val, bool) { return nil, false }
func (p *provider) NativeToValue(v any) ref.Val      { return toValue(v) }
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if p.objects[name] == nil {
		return nil, false
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
}

func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	s := p.objects[name]
	if s == nil {
		return nil, false
	}
	return sortedKeys(s.fields), true
}

func (p *provider) FindStructFieldType(object, field string) (*types.FieldType, bool) {
	s := p.objects[object]
	if s == nil || s.fields[field] == nil {
		return nil, false
	}
	zero := s.fields[field].zero()
	return &types.FieldType{
		Type:  s.fields[field].celType(),
		IsSet: func(object any) bool { v, ok := member(object, field); return ok && v != nil },
		GetFrom: func(object any) (any, error) {
			if v, ok := member(object, field); ok {
				return v, nil
			}
			return zero, nil
		},
	}, true
}

// NewValue makes an object of a definition's type, as in author{name: "Ada", share: 10000}.
func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	s := p.objects[name]
	if s == nil {
		return types.NewErr("no type %s", name)
	}
	object := make(map[string]any, len(fields))
	for field, v := range fields {
		plain, err := s.fields[field].native(v)
		if err != nil {
			return types.NewErrFromString(err.Error())
		}
		if !isZero(plain) {
			object[field] = plain
		}
	}
	return toValue(object)
}

// opaque carries one of our own structures through CEL. It implements ref.Val.
type opaque struct {
	kind   *types.Type
	native any
}

var (
	itemType   = types.NewObjectType("item")
	recordType = types.NewObjectType("record")
	ledgerType = types.NewObjectType("ledger")
)

func toValue(v any) ref.Val {
	switch v := v.(type) {
	case ref.Val:
		return v
	case *Item:
		return opaque{itemType, v}
	case *statement:
		return opaque{recordType, v}
	case *call:
		return opaque{ledgerType, v}
	case string:
		return types.String(v)
	case int64:
		return types.Int(v)
	case bool:
		return types.Bool(v)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

func (o opaque) Type() ref.Type { return o.kind }
func (o opaque) Value() any     { return o.native }
func (o opaque) Equal(ref.Val) ref.Val {
	return types.NewErr("%s cannot be compared", o.kind.TypeName())
}
func (o opaque) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted", o.kind.TypeName())
}
func (o opaque) ConvertToType(ref.Type) ref.Val {
	return types.NewErr("%s cannot be converted", o.kind.TypeName())
}

// member reads a member of an object that an expression sees.
func member(object any, field string) (any, bool) {
	switch o := object.(type) {
	case map[string]any:
		v, ok := o[field]
		return v, ok
	case *Item:
		return o.member(field)
	case *statement:
		return o.member(field), true
	}
	return nil, false
}

// statement is a record as expressions see it. Its lists are made when one is read, once.
type statement struct {
	*ledger.Record
	id           string
	by, evidence []any
}

func (r *statement) member(field string) any {
	switch field {
	case "at":
		return r.At
	case "by":
		if r.by == nil {
			r.by = texts(r.By)
		}
		return r.by
	case "id":
		return r.id
	case "item":
		return r.Item
	case "name":
		return r.ItemName()
	case "seq":
		return r.Seq
	}
	if r.evidence == nil {
		r.evidence = make([]any, len(r.Evidence))
		for i, e := range r.Evidence {
			r.evidence[i] = map[string]any{"cid": e.CID, "commit": e.Commit, "media": e.Media, "mode": string(e.Mode), "name": e.Name,
				"sha256": e.SHA256, "size": e.Size}
		}
	}
	return r.evidence
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
