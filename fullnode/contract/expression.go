package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Limits of one expression. The cost is CEL's own count of steps: it depends on the values alone, not on the machine.
const (
	maxCost       = 50_000
	maxExpression = 2048 // code points
	maxNesting    = 24
)

// library is all of CEL that a definition may use. Left out are doubles, division, time, regular expressions, bytes,
// conversions and maps: what could differ between machines, or between two runs on one.
func library() *env.LibrarySubset {
	overload := func(ids ...string) []*env.Overload {
		out := make([]*env.Overload, len(ids))
		for i, id := range ids {
			out[i] = &env.Overload{ID: id}
		}
		return out
	}
	function := func(name string, overloads ...string) *env.Function {
		return &env.Function{Name: name, Overloads: overload(overloads...)}
	}
	return env.NewLibrarySubset().
		AddIncludedMacros("all", "exists", "exists_one", "filter", "has", "map").
		AddIncludedFunctions(function("_&&_"), function("_||_"), function("!_"), function("_?_:_"),
			function("_==_"), function("_!=_"), function("@in", "in_list"), function("@not_strictly_false"),
			function("_<_", "less_int64", "less_string"), function("_<=_", "less_equals_int64", "less_equals_string"),
			function("_>_", "greater_int64", "greater_string"), function("_>=_", "greater_equals_int64", "greater_equals_string"),
			function("_+_", "add_int64", "add_string", "add_list"), function("_-_", "subtract_int64"),
			function("_*_", "multiply_int64"), function("-_", "negate_int64"), function("_[_]", "index_list"),
			function("size", "size_string", "string_size", "size_list", "list_size"),
			function("startsWith"), function("endsWith"), function("contains"))
}

// newEnv is the environment of a contract's expressions, without input and touched. Deploying is for one contract alone.
func newEnv(contract string, p *provider) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.CustomTypeProvider(p), cel.CustomTypeAdapter(p), cel.StdLib(cel.StdLibSubset(library())),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxNesting),
		cel.Variable("item", itemType), cel.Variable("record", recordType), cel.Variable("ledger", ledgerType),
		cel.Variable("time", cel.IntType), cel.Variable("height", cel.IntType),
		cel.Function("sum", cel.Overload("sum_list", []*cel.Type{cel.ListType(cel.IntType)}, cel.IntType, cel.UnaryBinding(sum))),
		cel.Function("sha256", cel.Overload("sha256_text", []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(sha256Text))),
		cel.Function("distinct", cel.Overload("distinct_list", []*cel.Type{cel.ListType(cel.StringType)}, cel.BoolType, cel.UnaryBinding(distinct))),
		cel.Function("overlaps", cel.Overload("overlaps_int", []*cel.Type{cel.IntType, cel.IntType, cel.IntType, cel.IntType}, cel.BoolType, cel.FunctionBinding(overlaps))),
		method("item", "ledger_item", []*cel.Type{cel.StringType}, itemType, func(c *call, args []ref.Val) ref.Val {
			return c.lookup(text(args[0]))
		}),
		method("ancestors", "ledger_ancestors", []*cel.Type{cel.ListType(cel.StringType)}, cel.ListType(itemType), func(c *call, args []ref.Val) ref.Val {
			return c.ancestors(args[0])
		}),
		method("signed", "ledger_signed", []*cel.Type{cel.StringType}, cel.BoolType, func(c *call, args []ref.Val) ref.Val {
			return c.signed(text(args[0]), "")
		}),
		method("signed", "ledger_signed_scope", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, func(c *call, args []ref.Val) ref.Val {
			return c.signed(text(args[0]), text(args[1]))
		}),
		method("holds", "ledger_holds", []*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.BoolType, func(c *call, args []ref.Val) ref.Val {
			return c.holds(text(args[0]), text(args[1]), text(args[2]))
		}),
		method("status", "ledger_status", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType, func(c *call, args []ref.Val) ref.Val {
			return c.status(text(args[0]), text(args[1]))
		}),
	}
	if contract == Contracts {
		options = append(options,
			method("agreed", "ledger_agreed", nil, cel.BoolType, func(c *call, _ []ref.Val) ref.Val { return c.agreed() }),
			method("accepts", "ledger_accepts", []*cel.Type{cel.StringType, cel.IntType, cel.StringType, cel.ListType(cel.StringType)}, cel.BoolType,
				func(c *call, args []ref.Val) ref.Val {
					return c.accepts(text(args[0]), int64(args[1].(types.Int)), text(args[2]), args[3])
				}))
	}
	for _, name := range sortedKeys(checks) {
		check := checks[name]
		options = append(options, cel.Function(name, cel.Overload(name+"_text", []*cel.Type{cel.StringType}, cel.BoolType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Bool(check(text(v))) }))))
	}
	return cel.NewCustomEnv(options...)
}

// method declares a function on ledger, the one variable that leads to other state.
func method(name, id string, args []*cel.Type, result *cel.Type, do func(*call, []ref.Val) ref.Val) cel.EnvOption {
	binding := cel.FunctionBinding(func(args ...ref.Val) ref.Val {
		c, ok := args[0].Value().(*call)
		if !ok {
			return types.NewErr("%s needs the ledger", name)
		}
		return do(c, args[1:])
	})
	return cel.Function(name, cel.MemberOverload(id, append([]*cel.Type{ledgerType}, args...), result, binding))
}

func text(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

func sum(v ref.Val) ref.Val {
	list, ok := v.(lister)
	if !ok {
		return types.NewErr("sum wants a list")
	}
	total := int64(0)
	for i := range list.Size().(types.Int) {
		n := int64(list.Get(i).(types.Int))
		if n > 0 && total > math.MaxInt64-n || n < 0 && total < math.MinInt64-n {
			return types.NewErr("integer overflow")
		}
		total += n
	}
	return types.Int(total)
}

func sha256Text(v ref.Val) ref.Val {
	digest := sha256.Sum256([]byte(text(v)))
	return types.String(hex.EncodeToString(digest[:]))
}

func distinct(v ref.Val) ref.Val {
	list, ok := v.(lister)
	if !ok {
		return types.NewErr("distinct wants a list")
	}
	seen := map[string]bool{}
	for i := range list.Size().(types.Int) {
		s := text(list.Get(i))
		if seen[s] {
			return types.False
		}
		seen[s] = true
	}
	return types.True
}

// overlaps tells whether two intervals have a moment in common. Each begins at its first number and ends before its
// second, or never if that is 0.
func overlaps(args ...ref.Val) ref.Val {
	var n [4]int64
	for i := range n {
		n[i] = int64(args[i].(types.Int))
		if i%2 == 1 && n[i] == 0 {
			n[i] = math.MaxInt64
		}
	}
	return types.Bool(n[0] < n[3] && n[2] < n[1])
}

// expression is a checked CEL expression and the values that a refusal shows of it.
type expression struct {
	program cel.Program
	result  *shape
	reads   [][]string
	loops   bool // without loops, its length bounds what it costs
}

// compile checks an expression against its environment and the type it must have.
func (d *loader) compile(e *cel.Env, source string, want *shape) (*expression, error) {
	checked, issues := e.Compile(source)
	if issues.Err() != nil {
		return nil, errors.New(firstLine(issues.Errors()[0].Message))
	}
	if got := checked.OutputType(); !got.IsAssignableType(want.celType()) && !want.celType().IsAssignableType(got) {
		return nil, fmt.Errorf("it is a %s, want a %s", got, want.celType())
	}
	x := &expression{result: want}
	if err := d.inspect(checked.NativeRep(), x); err != nil {
		return nil, err
	}
	limits := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if x.loops {
		bound, err := e.EstimateCost(checked, sizes{d})
		if err != nil {
			return nil, fmt.Errorf("estimate its cost: %w", err)
		}
		if bound.Min > maxCost {
			return nil, fmt.Errorf("it costs at least %d steps, and %d are allowed", bound.Min, maxCost)
		}
		if bound.Max > maxCost {
			limits = append(limits, cel.CostLimit(maxCost)) // counted while it runs, which takes longer
		}
	}
	var err error
	x.program, err = e.Program(checked, limits...)
	return x, err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// inspect refuses what the type checker lets pass, and collects the values that the expression reads.
func (d *loader) inspect(checked *ast.AST, x *expression) error {
	var problem error
	fail := func(format string, args ...any) {
		if problem == nil {
			problem = fmt.Errorf(format, args...)
		}
	}
	inside := map[int64]bool{} // operands of a longer path
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.LiteralKind:
			switch e.AsLiteral().(type) {
			case types.Int, types.String, types.Bool:
			default:
				fail("a literal is a whole number, a text, true or false")
			}
		case ast.ComprehensionKind:
			x.loops = true
		case ast.MapKind:
			fail("maps have no order: use an object of a named type")
		case ast.CallKind:
			d.inspectCall(checked, e.AsCall(), fail)
		case ast.SelectKind:
			path := pathOf(e)
			if path != nil && !inside[e.ID()] {
				x.reads = append(x.reads, path)
			}
			inside[e.AsSelect().Operand().ID()] = true
		case ast.IdentKind:
			if name := e.AsIdent(); name == "time" || name == "height" {
				x.reads = append(x.reads, []string{name})
			}
		}
	}))
	return problem
}

// inspectCall knows the words that stand in texts: roles and statuses.
func (d *loader) inspectCall(checked *ast.AST, c ast.CallExpr, fail func(string, ...any)) {
	role := -1
	switch c.FunctionName() {
	case "signed":
		role = 0
	case "holds":
		role = 1
	case "_==_", "_!=_":
		d.inspectStatus(checked, c.Args()[0], c.Args()[1], fail)
		d.inspectStatus(checked, c.Args()[1], c.Args()[0], fail)
	case "@in":
		if list := c.Args()[1]; list.Kind() == ast.ListKind {
			for _, one := range list.AsList().Elements() {
				d.inspectStatus(checked, c.Args()[0], one, fail)
			}
		}
	}
	if role < 0 {
		return
	}
	arg := c.Args()[role]
	if arg.Kind() != ast.LiteralKind {
		fail("a role is named by a literal text")
		return
	}
	if name := text(arg.AsLiteral()); !d.roles[name] {
		fail("role %q is not declared", name)
	}
}

func (d *loader) inspectStatus(checked *ast.AST, status, literal ast.Expr, fail func(string, ...any)) {
	if d.migrating {
		return // it may be one of the older version
	}
	if status.Kind() != ast.SelectKind || status.AsSelect().FieldName() != "status" || literal.Kind() != ast.LiteralKind {
		return
	}
	if owner := checked.GetType(status.AsSelect().Operand().ID()); owner.TypeName() != "item" {
		return
	}
	if name := text(literal.AsLiteral()); name != none && !d.statuses[name] {
		fail("status %q is not declared", name)
	}
}

// pathOf returns the names of a selection that starts at a variable of ours: input.authors.
func pathOf(e ast.Expr) []string {
	var path []string
	for e.Kind() == ast.SelectKind {
		path = append([]string{e.AsSelect().FieldName()}, path...)
		e = e.AsSelect().Operand()
	}
	if e.Kind() != ast.IdentKind {
		return nil
	}
	switch name := e.AsIdent(); name {
	case "input", "item", "record", "touched":
		return append([]string{name}, path...)
	}
	return nil
}
