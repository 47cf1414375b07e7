package service

// Heights, tree sizes and byte counts are decimal strings, since they may need
// 64 bits; times are Unix milliseconds. Lists are never null.

// Badge says how far a value can be trusted.
type Badge string

// The badges: a proof stands behind the value, its author says so, or a node does.
const (
	Proven     Badge = "proven"
	Claimed    Badge = "claimed"
	Unverified Badge = "unverified"
)

type Source struct {
	URL    string `json:"url"`
	Member string `json:"member"`
	State  string `json:"state" ts:"\"ok\" | \"down\" | \"lied\" | \"behind\""`
	Height string `json:"height"`
	Error  string `json:"error"`
}

type Status struct {
	Ledger      string   `json:"ledger"`
	Name        string   `json:"name"`
	Words       []string `json:"words"`
	Fingerprint string   `json:"fingerprint"`
	Height      string   `json:"height"`
	HeadTime    int64    `json:"headTime"`
	HeadAgeMs   int64    `json:"headAgeMs"`
	Stale       bool     `json:"stale"`
	Members     int      `json:"members"`
	Quorum      int      `json:"quorum"`
	Sources     []Source `json:"sources"`
}

type BlockSummary struct {
	Height    string `json:"height"`
	Time      int64  `json:"time"`
	Records   int64  `json:"records"`
	Hash      string `json:"hash"`
	NotBefore int64  `json:"notBefore"`
	Cosigners int    `json:"cosigners"`
	Badge     Badge  `json:"badge"`
}

type Cosignature struct {
	Member       string `json:"member"`
	Organisation string `json:"organisation"`
	Time         int64  `json:"time"`
}

type Author struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

type RecordSummary struct {
	ID       string   `json:"id"`
	Height   string   `json:"height"`
	Index    int64    `json:"index"`
	Contract string   `json:"contract"`
	Action   string   `json:"action"`
	Item     string   `json:"item"`
	At       int64    `json:"at"`
	By       []Author `json:"by"`
	Evidence int      `json:"evidence"`
	Badge    Badge    `json:"badge"`
}

type RecordProof struct {
	ID    string   `json:"id"`
	Note  string   `json:"note"`
	Index int64    `json:"index"`
	Count int64    `json:"count"`
	Path  []string `json:"path"`
}

type StateProof struct {
	Space string `json:"space"`
	Name  string `json:"name"`
	Value string `json:"value"`
	Proof string `json:"proof"`
}

type Proof struct {
	Height       string        `json:"height"`
	Header       string        `json:"header"`
	HeaderHash   string        `json:"headerHash"`
	Inclusion    []string      `json:"inclusion"`
	Size         string        `json:"size"`
	Root         string        `json:"root"`
	Certificate  string        `json:"certificate"`
	Cosignatures []Cosignature `json:"cosignatures"`
	Members      int           `json:"members"`
	Quorum       int           `json:"quorum"`
	Record       *RecordProof  `json:"record"`
	State        *StateProof   `json:"state"`
}

type Block struct {
	Summary      BlockSummary    `json:"summary"`
	Header       string          `json:"header"`
	Parent       string          `json:"parent"`
	RecordsRoot  string          `json:"recordsRoot"`
	StateRoot    string          `json:"stateRoot"`
	Certificate  string          `json:"certificate"`
	Cosignatures []Cosignature   `json:"cosignatures"`
	Records      []RecordSummary `json:"records"`
	Proof        Proof           `json:"proof"`
}

// Evidence is a file that a record names. A sealed one has a commitment instead
// of a digest, unless a proof file discloses the digest; its CID and size are
// the ciphertext's, and its name and media type may be empty.
type Evidence struct {
	Name   string `json:"name"`
	Size   string `json:"size"`
	Media  string `json:"media"`
	Mode   string `json:"mode" ts:"\"digest\" | \"public\" | \"sealed\""`
	SHA256 string `json:"sha256"`
	Commit string `json:"commit"`
	CID    string `json:"cid"`
}

type SignedAfter struct {
	Size string `json:"size"`
	Root string `json:"root"`
	Time int64  `json:"time"`
}

type RecordBadges struct {
	Height      Badge `json:"height"`
	Author      Badge `json:"author"`
	At          Badge `json:"at"`
	Fields      Badge `json:"fields"`
	Evidence    Badge `json:"evidence"`
	SignedAfter Badge `json:"signedAfter"`
	ExistedBy   Badge `json:"existedBy"`
	State       Badge `json:"state"`
}

type ItemState struct {
	Present bool   `json:"present"`
	Value   string `json:"value"`
	Seq     int64  `json:"seq"`
	Height  string `json:"height"`
}

type LedgerRecord struct {
	ID          string         `json:"id"`
	Height      string         `json:"height"`
	Index       int64          `json:"index"`
	Contract    string         `json:"contract"`
	Version     int64          `json:"version"`
	Action      string         `json:"action"`
	Item        string         `json:"item"`
	Seq         int64          `json:"seq"`
	Prev        string         `json:"prev"`
	At          int64          `json:"at"`
	By          []Author       `json:"by"`
	Fields      map[string]any `json:"fields"`
	Evidence    []Evidence     `json:"evidence"`
	SignedAfter SignedAfter    `json:"signedAfter"`
	ExistedBy   int64          `json:"existedBy"`
	Note        string         `json:"note"`
	Badges      RecordBadges   `json:"badges"`
	State       ItemState      `json:"state"`
	Proof       Proof          `json:"proof"`
	ProofFile   string         `json:"proofFile"`
}

type LastCosigned struct {
	Height string `json:"height"`
	Time   int64  `json:"time"`
}

type Member struct {
	Name         string        `json:"name"`
	Organisation string        `json:"organisation"`
	Registry     string        `json:"registry"`
	Roles        []string      `json:"roles"`
	Key          string        `json:"key"`
	Node         string        `json:"node"`
	Addresses    []string      `json:"addresses"`
	LastCosigned *LastCosigned `json:"lastCosigned"`
}

type BlocksParams struct {
	Before string `json:"before,omitempty"`
	Limit  int    `json:"limit"`
}

type Blocks struct {
	Blocks []BlockSummary `json:"blocks"`
}

type BlockParams struct {
	Height string `json:"height"`
}

type RecordParams struct {
	ID string `json:"id"`
}

type Members struct {
	Members []Member `json:"members"`
}

type LookupParams struct {
	SHA256 string `json:"sha256"`
}

type Lookup struct {
	Found                bool           `json:"found"`
	Record               *RecordSummary `json:"record"`
	ExistedBy            int64          `json:"existedBy"`
	ProvenAbsentAtHeight string         `json:"provenAbsentAtHeight"`
	Proof                Proof          `json:"proof"`
}

type SearchParams struct {
	Query string `json:"query"`
}

type Hit struct {
	Kind   string         `json:"kind" ts:"\"record\" | \"block\""`
	Record *RecordSummary `json:"record"`
	Block  *BlockSummary  `json:"block"`
}

type Search struct {
	Hits []Hit `json:"hits"`
}

type FileDigest struct {
	SHA256 string `json:"sha256"`
	CID    string `json:"cid"`
	Size   string `json:"size"`
}

type VerifyParams struct {
	Proof   string      `json:"proof"`
	File    *FileDigest `json:"file,omitempty"`
	Genesis string      `json:"genesis,omitempty"`
}

type Stage struct {
	Name   string `json:"name"`
	Status string `json:"status" ts:"\"passed\" | \"failed\" | \"absent\" | \"not run\""`
	En     string `json:"en"` // what was found, in one sentence
	Zh     string `json:"zh"`
}

type Report struct {
	Verdict     string         `json:"verdict" ts:"\"valid\" | \"altered\" | \"unknown ledger\" | \"incomplete\""`
	Exit        int            `json:"exit" ts:"0 | 1 | 2"`
	Stages      []Stage        `json:"stages"`
	Ledger      string         `json:"ledger"`
	Fingerprint string         `json:"fingerprint"`
	Words       []string       `json:"words"`
	Record      *LedgerRecord  `json:"record"`
	Private     []PrivateField `json:"private"` // of the record, as disclosed

	// Of files that show no record.
	Item       *FoundItem       `json:"item"`
	Refusal    *FoundRefusal    `json:"refusal"`
	Accusation *FoundAccusation `json:"accusation"`
}

type TrustParams struct {
	Genesis string `json:"genesis,omitempty"`
}

type Trust struct {
	Fingerprint string   `json:"fingerprint"`
	Words       []string `json:"words"`
	Pinned      bool     `json:"pinned"`
}

type None struct{}

type BlockEvent struct {
	Kind  string       `json:"kind" ts:"\"block\""`
	Block BlockSummary `json:"block"`
}
