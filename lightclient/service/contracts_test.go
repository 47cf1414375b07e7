package service_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"evident/lightclient"
	"evident/lightclient/ledger"
	"evident/lightclient/ledger/ledgertest"
	. "evident/lightclient/service"
	"evident/lightclient/testnode"
)

// breadDefinition has what the service reads of one: the field that names parents.
const breadDefinition = `{"name":"bread","parents":"made_from","version":2}`

// newTestBakery has a contract that was deployed, with flour, two doughs of it, and a bread of one of them.
func newTestBakery(t *testing.T) (*Service, *testnode.Ledger) {
	t.Helper()
	s, l, node := newTestService(t)
	l.Set(lightclient.ContractsSpace, "bread",
		fmt.Sprintf(`{"fields":{"versions":[{"digest":"%s","since":3,"version":2}]}}`, ledger.GenesisFingerprint([]byte(breadDefinition))))
	for _, one := range []struct{ name, fields string }{
		{"01/09506000134352/10/F1", `{"made_from":[],"product":"Flour"}`}, {"dough", `{"made_from":["01/09506000134352/10/F1"]}`},
		{"other dough", `{"made_from":["01/09506000134352/10/F1"]}`}, {"bread", `{"made_from":["dough"]}`},
	} {
		addItem(t, l, one.name, one.fields)
	}
	node.Change(func(n *testnode.Node) {
		n.Definitions = map[string]string{"bread/2": breadDefinition}
		n.Children = map[string][]string{"bread/01/09506000134352/10/F1": {"dough", "other dough"}, "bread/dough": {"bread"}}
	})
	return s, l
}

// addItem records an item in two steps.
func addItem(t *testing.T, l *testnode.Ledger, name, fields string) {
	t.Helper()
	signer, key := ledgertest.Author("ada")
	prev := ""
	for seq := range 2 {
		st := l.Consortium().Statement()
		st.Contract, st.Version, st.Item, st.Seq, st.Prev = "bread", 2, name, int64(seq+1), prev
		st.By, st.Evidence, st.Fields = []string{key}, []ledger.Evidence{}, json.RawMessage(fields)
		r, err := st.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		l.Add(r.Note)
		prev = r.ID.String()
	}
}

func TestContractsAndItems(t *testing.T) {
	s, _ := newTestBakery(t)
	c := invoke[Contract](t, s, "contract", ContractParams{Name: "bread"})
	if c.Version != 2 || c.Since != "3" || c.Badge != Proven || c.Definition["parents"] != "made_from" {
		t.Errorf("contract %+v", c)
	}
	item := invoke[Item](t, s, "item", ItemParams{Contract: "bread", Item: "dough"})
	if !item.Present || item.Seq != 2 || item.Version != 2 || item.Authors[0].Name != "ada" || item.Proof.State == nil || item.Fields["made_from"] == nil {
		t.Errorf("item %+v", item)
	}
	absent := invoke[Item](t, s, "item", ItemParams{Contract: "bread", Item: "cake"})
	if absent.Present || absent.Status != "none" || absent.Badge != Proven || absent.Proof.State == nil {
		t.Errorf("an item that is not there: %+v", absent)
	}
	history := invoke[History](t, s, "history", ItemParams{Contract: "bread", Item: "dough"})
	if !history.Complete || len(history.Records) != 2 || history.Records[0].Seq != 2 || history.Records[1].Seq != 1 {
		t.Errorf("history %+v", history)
	}
	items := invoke[Items](t, s, "items", ItemsParams{Contract: "bread", Limit: 3})
	if len(items.Items) != 3 || items.Next == "" || items.Items[0].Badge != Proven {
		t.Errorf("items %+v", items)
	}
	rest := invoke[Items](t, s, "items", ItemsParams{Contract: "bread", Limit: 3, Before: items.Next})
	if len(rest.Items) != 1 || rest.Next != "" {
		t.Errorf("the rest %+v", rest)
	}
}

func TestRelated(t *testing.T) {
	s, _ := newTestBakery(t)
	got := invoke[Related](t, s, "related", ItemParams{Contract: "bread", Item: "dough"})
	var said []string
	for _, i := range got.Items {
		said = append(said, fmt.Sprintf("%s %d", i.Name, i.Depth))
	}
	want := []string{"dough 0", "01/09506000134352/10/F1 -1", "bread 1"}
	if !slices.Equal(said, want) || len(got.Links) != 2 || got.More {
		t.Errorf("related to dough: %q, links %v", said, got.Links)
	}
	if !slices.Contains(got.Links, ItemLink{From: "dough", To: "bread"}) {
		t.Errorf("links %v", got.Links)
	}
	flour := invoke[Related](t, s, "related", ItemParams{Contract: "bread", Item: "01/09506000134352/10/F1"})
	if len(flour.Items) != 4 || len(flour.Links) != 3 {
		t.Errorf("related to flour: %+v", flour)
	}
	if none := invoke[Related](t, s, "related", ItemParams{Contract: "bread", Item: "cake"}); len(none.Items) != 0 {
		t.Errorf("related to nothing: %+v", none)
	}
}

func TestParties(t *testing.T) {
	s, l := newTestBakery(t)
	_, key := ledgertest.Author("ada")
	member := l.Consortium().Genesis.Members[1]
	l.Set("registry", key, fmt.Sprintf(`{"fields":{"grants":[{"contract":"bread","role":"baker"}],"organisation":"Quay Bakery","person":"Ada","vouchers":[%q]},"status":"vouched"}`, member.Node))
	l.Grow(20)
	got := invoke[Parties](t, s, "parties", KeysParams{Keys: []string{key, member.Node, "eve+00000000+AAAA"}}).Parties
	if got[0].Person != "Ada" || !slices.Equal(got[0].Vouchers, []string{member.Organisation}) || got[0].Grants[0].Role != "baker" || got[0].Member {
		t.Errorf("ada is %+v", got[0])
	}
	if !got[1].Member || got[1].Organisation != member.Organisation {
		t.Errorf("a member is %+v", got[1])
	}
	if got[2].Person != "" || len(got[2].Vouchers) != 0 || got[2].Badge != Proven {
		t.Errorf("nobody is %+v", got[2])
	}
}

func TestResolve(t *testing.T) {
	s, _ := newTestBakery(t)
	tests := []struct{ name, text, kind, item string }{
		{"a link to an item", "https://x.example/#/item/bread/dough", "item", "dough"},
		{"an item that is not there", "https://x.example/#/item/bread/cake", "nothing", "cake"},
		{"another contract's", "https://x.example/#/item/notes/dough", "nothing", "dough"},
		{"a record", strings.Repeat("ab", 32), "record", strings.Repeat("ab", 32)},
		{"words", "hello", "nothing", ""},
	}
	for _, tt := range tests {
		got := invoke[Resolved](t, s, "resolve", ResolveParams{Text: tt.text})
		if got.Kind != tt.kind || got.Name != tt.item || (got.Kind == "item") != (len(got.Items) == 1) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestContractErrors(t *testing.T) {
	s, _ := newTestBakery(t)
	many, err := json.Marshal(KeysParams{Keys: make([]string, 33)})
	if err != nil {
		t.Fatal(err)
	}
	long, err := json.Marshal(ResolveParams{Text: strings.Repeat("x", 5000)})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, method, params, want string }{
		{"no such contract", "contract", `{"name":"cake"}`, "no_contract"},
		{"no such version", "contract", `{"name":"bread","version":9}`, "no_contract"},
		{"too many keys", "parties", string(many), "bad_request"},
		{"more than a code holds", "resolve", string(long), "bad_request"},
		{"drafts need keys", "prepare", `{}`, "bad_request"},
	}
	for _, tt := range tests {
		var out struct{ Error Error }
		answer := s.Invoke(t.Context(), tt.method, []byte(tt.params))
		if err := json.Unmarshal(answer, &out); err != nil || out.Error.Code != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, answer, tt.want)
		}
	}
}
