package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/sumdb/note"

	"evident/lightclient/ledger"
)

// step is one record of a scenario, and what becomes of it. In fields, "@ada" is a key, "$work" the name of the item
// that a step called so, "#a.jpg" the digest of a file, "now+5" a time.
type step struct {
	Do     string         // action
	In     string         // contract; empty: the scenario's
	Under  int64          // version of the contract; 0: 1
	Item   string         // as in fields; empty for a new item that its record names
	As     string         // name for a new item
	Keep   string         // name for the record
	By     []string       // who signs
	Fields map[string]any //
	Files  []string       // evidence, public
	Wait   int64          // milliseconds before it
	Want   string         // status afterwards
	Refuse string         // rule
	State  map[string]any // fields of the item afterwards
	Other  map[string]string
}

// scenario is a story that reaches every status and every rule of one contract.
type scenario struct {
	Contract string
	Main     string // an item on which the actions of common.yaml can be tried at the end
	Roles    map[string][]string
	Steps    []step
}

// stage plays scenarios.
type stage struct {
	*world
	contract *Contract
	clock    int64
	height   ledger.Height
	people   map[string]note.Signer
	vkeys    map[string]string
	names    map[string]string
	statuses map[string]bool
	refused  map[string]bool
	nonce    int
}

func newTestStage(t testing.TB, name string) *stage {
	t.Helper()
	s := &stage{world: &world{t: t, state: map[string]json.RawMessage{}}, contract: Find(name), clock: now, height: 1,
		people: map[string]note.Signer{}, vkeys: map[string]string{}, names: map[string]string{},
		statuses: map[string]bool{}, refused: map[string]bool{}}
	if s.contract == nil {
		t.Fatalf("no contract %s", name)
	}
	members := ledger.MemberSet{{Node: s.key("member"), Roles: []string{}}, {Node: s.key("court"), Roles: []string{"court"}},
		{Node: s.key("regulator"), Roles: []string{"regulator"}}}
	var refs []ledger.ContractRef
	for _, c := range Library() {
		refs = append(refs, Ref(c))
	}
	engine, err := NewEngine(origin, refs, members)
	if err != nil {
		t.Fatal(err)
	}
	s.engine = engine
	return s
}

func (s *stage) key(name string) string {
	if s.vkeys[name] == "" {
		seed := sha256.Sum256([]byte(name))
		skey, vkey, err := note.GenerateKey(bytes.NewReader(seed[:]), name)
		if err != nil {
			s.t.Fatal(err)
		}
		if s.people[name], err = note.NewSigner(skey); err != nil {
			s.t.Fatal(err)
		}
		s.vkeys[name] = vkey
	}
	return s.vkeys[name]
}

var nowPlus = regexp.MustCompile(`^now([+-]\d+)?$`)

func (s *stage) fill(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, one := range v {
			out[k] = s.fill(one)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.fill(v[i])
		}
		return out
	case string:
		return s.word(v)
	}
	return v
}

var inText = regexp.MustCompile(`[@$#][^ /|]+`)

func (s *stage) word(v string) any {
	if nowPlus.MatchString(v) {
		n, _ := strconv.ParseInt(strings.TrimPrefix(v, "now"), 10, 64)
		return s.clock + n
	}
	return inText.ReplaceAllStringFunc(v, func(w string) string {
		switch w[0] {
		case '@':
			return s.key(w[1:])
		case '#':
			digest := sha256.Sum256([]byte(w[1:]))
			return hex.EncodeToString(digest[:])
		}
		if s.names[w[1:]] == "" {
			s.t.Fatalf("nothing is called %s", w)
		}
		return s.names[w[1:]]
	})
}

func (s *stage) itemState(contract, name string) *Item {
	value := s.state[contract+"\x00"+name]
	if value == nil {
		return &Item{Status: none}
	}
	item, err := parseItem(name, value)
	if err != nil {
		s.t.Fatal(err)
	}
	return item
}

func (s *stage) make(contract *Contract, one step) *ledger.Record {
	s.t.Helper()
	return s.sign(s.statement(contract, one), one.By)
}

func (s *stage) statement(contract *Contract, one step) ledger.Statement {
	st := ledger.Statement{Ledger: origin, Contract: contract.Name(), Version: max(one.Under, 1), Action: one.Do, Seq: 1, At: s.clock,
		After: ledger.Point{Size: 1}, Fields: json.RawMessage("{}")}
	s.nonce++
	nonce := sha256.Sum256([]byte(strconv.Itoa(s.nonce)))
	st.Nonce = hex.EncodeToString(nonce[:16])
	if one.Item != "" {
		st.Item = s.word(one.Item).(string)
		if before := s.itemState(contract.Name(), st.Item); before.First != "" {
			st.Seq, st.Prev = before.Seq+1, before.Last
		}
	}
	st.Evidence = files(one.Files...)
	if one.Fields != nil {
		fields, err := ledger.EncodeCanonical(s.fill(one.Fields))
		if err != nil {
			s.t.Fatal(err)
		}
		st.Fields = fields
	}
	return st
}

func (s *stage) sign(st ledger.Statement, by []string) *ledger.Record {
	s.t.Helper()
	var signers []note.Signer
	for _, name := range by {
		st.By = append(st.By, s.key(name))
		signers = append(signers, s.people[name])
	}
	r, err := st.Sign(signers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// of is the contract of a step.
func (s *stage) of(one step) *Contract {
	if one.In == "" {
		return s.contract
	}
	return Find(one.In)
}

// play applies one step and compares what becomes of it.
func (s *stage) play(contract *Contract, i int, one step) {
	s.t.Helper()
	s.clock += 1000 + one.Wait
	s.height++
	r := s.make(contract, one)
	changes, refusal, err := s.engine.Block(s, s.clock, s.height).Apply(r)
	if err != nil {
		s.t.Fatal(err)
	}
	got := ""
	if refusal != nil {
		got = refusal.Rule
		if refusal.En == "" || refusal.Zh == "" || len(changes) > 0 {
			s.t.Errorf("step %d: refusal %+v", i, refusal)
		}
	}
	if got != one.Refuse {
		s.t.Errorf("step %d, %s: refused by %q, want %q: %+v", i, one.Do, got, one.Refuse, refusal)
		return
	}
	if refusal != nil {
		s.refused[one.Do+"."+got] = true
		return
	}
	for _, c := range changes {
		s.state[c.Space+"\x00"+c.Name] = c.Value
		if c.Space == s.contract.Name() {
			s.statuses[s.itemState(c.Space, c.Name).Status] = true
		}
	}
	if one.As != "" {
		s.names[one.As] = r.ItemName()
	}
	if one.Keep != "" {
		s.names[one.Keep] = r.ID.String()
	}
	s.compare(contract, i, one, s.itemState(contract.Name(), r.ItemName()))
}

func (s *stage) compare(contract *Contract, i int, one step, item *Item) {
	s.t.Helper()
	if item.Status != one.Want && one.Want != "" {
		s.t.Errorf("step %d, %s: status %s, want %s", i, one.Do, item.Status, one.Want)
	}
	for field, want := range one.State {
		a, _ := ledger.EncodeCanonical(item.Fields[field])
		b, _ := ledger.EncodeCanonical(s.fill(want))
		if !bytes.Equal(a, b) {
			s.t.Errorf("step %d, %s: %s is %s, want %s", i, one.Do, field, a, b)
		}
	}
	for name, want := range one.Other {
		if got := s.itemState(contract.Name(), s.word(name).(string)).Status; got != want {
			s.t.Errorf("step %d, %s: %s is %s, want %s", i, one.Do, name, got, want)
		}
	}
}

// grant vouches for everybody who has a role in the scenario; certificate/issuer is a role of another contract.
func (s *stage) grant(roles map[string][]string) {
	byPerson := map[string][]any{}
	for _, role := range sortedKeys(roles) {
		name, scope, _ := strings.Cut(role, " ")
		in := s.contract.Name()
		if other, word, ok := strings.Cut(name, "/"); ok {
			in, name = other, word
		}
		for _, person := range roles[role] {
			byPerson[person] = append(byPerson[person], map[string]any{"contract": in, "role": name, "scope": scope, "since": int64(now)})
		}
	}
	for _, person := range sortedKeys(byPerson) {
		s.play(Find(registry), -1, step{Do: "vouch", Item: "@" + person, By: []string{"member"}, Want: "vouched",
			Fields: map[string]any{"person": person, "grants": byPerson[person]}})
	}
	clear(s.statuses)
}

func readScenario(t testing.TB, file string) scenario {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var one scenario
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&one); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return one
}

// playFile plays a scenario, and the common one behind it.
func playFile(t testing.TB, file string) *stage {
	t.Helper()
	one := readScenario(t, file)
	s := newTestStage(t, one.Contract)
	s.grant(one.Roles)
	for i, step := range one.Steps {
		s.play(s.of(step), i+1, step)
	}
	if one.Main != "" {
		s.names["main"] = s.word(one.Main).(string)
		for i, step := range readScenario(t, "testdata/common.yaml").Steps {
			step.By = slices.Clone(step.By)
			for j, who := range step.By {
				if who == "first" {
					step.By = append(slices.Delete(step.By, j, j+1), s.firstAuthors()...)
				}
			}
			s.play(s.contract, 1001+i, step)
		}
	}
	return s
}

func (s *stage) firstAuthors() []string {
	var names []string
	for _, key := range s.itemState(s.contract.Name(), s.names["main"]).Authors {
		name, _, _ := strings.Cut(key, "+")
		names = append(names, name)
	}
	return names
}

// TestScenarios reaches every status and every rule of every contract.
func TestScenarios(t *testing.T) {
	for _, c := range Library() {
		t.Run(c.Name(), func(t *testing.T) {
			if c.Name() == "notes" {
				return // its own tests
			}
			s := playFile(t, filepath.Join("testdata", c.Name()+".yaml"))
			for _, status := range c.Statuses() {
				if !s.statuses[status] {
					t.Errorf("no step reaches status %s", status)
				}
			}
			for _, rule := range c.Rules() {
				if !s.refused[rule] {
					t.Errorf("no step is refused by %s", rule)
				}
			}
		})
	}
}
