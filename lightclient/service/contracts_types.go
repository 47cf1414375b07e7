package service

import "encoding/json"

// What the pages of contracts see. A definition's words are joined with an
// item's values in the pages, so that the program in the browser stays small.

// Contract is one version of the rules for one kind of record.
type Contract struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
	Digest  string `json:"digest"` // SHA-256 of the definition
	Since   string `json:"since"`  // height from which it is in force
	Badge   Badge  `json:"badge"`
	// The definition, which has this digest.
	Definition map[string]any `json:"definition"`
}

type Contracts struct {
	Contracts []Contract `json:"contracts"`
}

type ContractParams struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
}

// Item is what the members keep of one item, at one height.
type Item struct {
	Contract string         `json:"contract"`
	Name     string         `json:"name"`
	Present  bool           `json:"present"`
	Version  int64          `json:"version"` // of the contract that the item keeps to
	Status   string         `json:"status"`
	Seq      int64          `json:"seq"`
	At       int64          `json:"at"` // by the clock of the last record's author
	Authors  []Author       `json:"authors"`
	First    string         `json:"first"`
	Last     string         `json:"last"`
	Changed  string         `json:"changed"` // height of the last change
	Fields   map[string]any `json:"fields"`
	Height   string         `json:"height"` // as of which all this is so
	Time     int64          `json:"time"`   // of that block's certificate
	Badge    Badge          `json:"badge"`
	Proof    Proof          `json:"proof"`
}

type ItemParams struct {
	Contract string `json:"contract"`
	Item     string `json:"item"`
}

type ItemsParams struct {
	Contract string `json:"contract"`
	Before   string `json:"before,omitempty"` // goes on behind the last answer's next
	Limit    int    `json:"limit"`
}

// Items are the newest that a node names, each with its proven state. What it leaves out proves nothing.
type Items struct {
	Items []Item `json:"items"`
	Next  string `json:"next"` // empty: no more
}

// History is every record of an item, the newest first.
type History struct {
	Records []LedgerRecord `json:"records"`
	// Whether the records reach without a gap from the item's proven state to its first record.
	Complete bool `json:"complete"`
}

// Related are the items that one comes from, and those that come from it, as far as the limits reach.
type Related struct {
	Items []RelatedItem `json:"items"`
	Links []ItemLink    `json:"links"`
	More  bool          `json:"more"`
}

type RelatedItem struct {
	Name   string         `json:"name"`
	Depth  int            `json:"depth"` // negative: an ancestor
	Status string         `json:"status"`
	Fields map[string]any `json:"fields"`
	Badge  Badge          `json:"badge"`
}

// ItemLink says that To was made from From.
type ItemLink struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type KeysParams struct {
	Keys []string `json:"keys"`
}

// Party is what the register says of a key: a name counts as much as who vouched for it.
type Party struct {
	Key          string   `json:"key"`
	Person       string   `json:"person"`
	Organisation string   `json:"organisation"`
	Member       bool     `json:"member"`   // the key is a member's own
	Vouchers     []string `json:"vouchers"` // organisations of the members that vouch
	Grants       []Grant  `json:"grants"`
	Withdrawn    string   `json:"withdrawn"` // the reason, if the roles were withdrawn
	Badge        Badge    `json:"badge"`
}

type Grant struct {
	Contract string `json:"contract"`
	Role     string `json:"role"`
	Scope    string `json:"scope"`
	Since    int64  `json:"since"`
	Until    int64  `json:"until"`
}

type Parties struct {
	Parties []Party `json:"parties"`
}

type ResolveParams struct {
	Text string `json:"text"`
}

// Resolved is what a scanned text names: the items that exist under it, or one record.
type Resolved struct {
	Kind  string `json:"kind" ts:"\"item\" | \"record\" | \"draft\" | \"nothing\""`
	Name  string `json:"name"` // as the items are called
	Draft string `json:"draft"`
	Items []Item `json:"items"`
}

// PrepareParams are what a form holds. Private are values that the record only commits to: for each list of
// commitments among the action's fields, by its name, the values by theirs.
type PrepareParams struct {
	Contract string                       `json:"contract"`
	Action   string                       `json:"action"`
	Item     string                       `json:"item"`
	Fields   json.RawMessage              `json:"fields" ts:"{ [name: string]: unknown }"`
	Private  map[string]map[string]string `json:"private" ts:"{ [list: string]: { [name: string]: string } }"`
	By       []string                     `json:"by"`
	Evidence []Evidence                   `json:"evidence,omitempty"`
}

// Draft is an action before everybody has signed it. Text is the file that is passed on.
type Draft struct {
	Text     string         `json:"text"`
	Link     string         `json:"link"` // of the pages, from the # on
	ID       string         `json:"id"`
	Contract string         `json:"contract"`
	Version  int64          `json:"version"`
	Action   string         `json:"action"`
	Item     string         `json:"item"`
	Seq      int64          `json:"seq"`
	Prev     string         `json:"prev"`
	At       int64          `json:"at"`
	Fields   map[string]any `json:"fields"`
	Evidence []Evidence     `json:"evidence"`
	By       []DraftSigner  `json:"by"`
	Private  []PrivateField `json:"private"`
	Signed   string         `json:"signed"` // the text that each party signs
}

// PrivateField is what a commitment in the fields hides.
type PrivateField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type DraftSigner struct {
	Name   string `json:"name"`
	Key    string `json:"key"`
	Signed bool   `json:"signed"`
	Here   bool   `json:"here"` // this machine holds the key
}

type DraftParams struct {
	Text string `json:"text"`
}

type SignParams struct {
	Text string `json:"text"`
	Key  string `json:"key"`
}

// Checked is what a node would say of a draft if it were submitted now.
type Checked struct {
	Passed  bool         `json:"passed"`
	Refusal *RuleRefusal `json:"refusal"`
}

type RuleRefusal struct {
	Rule   string      `json:"rule"`
	En     string      `json:"en"`
	Zh     string      `json:"zh"`
	Values []RuleValue `json:"values"`
	Member string      `json:"member"` // whose node refused
	Note   string      `json:"note"`
}

type RuleValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type Submitted struct {
	ID      string       `json:"id"`
	Item    string       `json:"item"`
	Height  string       `json:"height"`
	Refusal *RuleRefusal `json:"refusal"`
}

type PrivateFields struct {
	Fields []PrivateField `json:"fields"`
}

// DiscloseParams name the private fields of a record that are shown.
type DiscloseParams struct {
	Record string   `json:"record"`
	Names  []string `json:"names"`
}

// Disclosed is a proof file.
type Disclosed struct {
	Proof string `json:"proof"`
}

// TextParams are a text for a file of the user's choice.
type TextParams struct {
	Name string `json:"name"`
	Text string `json:"text"`
}
