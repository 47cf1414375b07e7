package service

// Evidence files: the queue that takes them from a person to a proof, and the
// way back. The app and the browser's program for files handle these methods.
// On the desktop a path is one of the disk's; in the browser, where a program
// sees no paths, it is what the page called a file when it handed it over.

// StampParams hands over files. Together makes one record of all of them, with
// a proof for each; else each gets a record of its own. An empty mode is "digest".
type StampParams struct {
	Paths     []string `json:"paths"`
	Statement string   `json:"statement"`
	Mode      string   `json:"mode,omitempty" ts:"\"sealed\" | \"digest\" | \"public\""`
	Together  bool     `json:"together,omitempty"`
}

// StampJob is one record on its way, of one file or of several together. Done
// counts what was read of Size, Sent what was sent of ToSend. Rate, in bytes a
// second, and LeftMs are of what is going on now; 0 if nobody can tell. Stored
// are members whose receipts were verified, Wanted is how many there are to be.
//
// A job that is paused with the code "file_needed" goes on when the file is
// handed over again under the same path.
type StampJob struct {
	Job       string   `json:"job"`
	Path      string   `json:"path"`
	Name      string   `json:"name"`
	Files     int      `json:"files"`
	Size      string   `json:"size"`
	Mode      string   `json:"mode" ts:"\"sealed\" | \"digest\" | \"public\""`
	State     string   `json:"state" ts:"\"queued\" | \"hashing\" | \"sealing\" | \"uploading\" | \"sending\" | \"waiting\" | \"storing\" | \"final\" | \"failed\" | \"cancelled\" | \"paused\""`
	Done      string   `json:"done"`
	Sent      string   `json:"sent"`
	ToSend    string   `json:"toSend"`
	Rate      int64    `json:"rate"`
	LeftMs    int64    `json:"leftMs"`
	Stored    []Keeper `json:"stored"`
	Wanted    int      `json:"wanted"`
	Record    string   `json:"record"`
	Height    string   `json:"height"`
	ProofPath string   `json:"proofPath"`
	Code      string   `json:"code"` // of the error, as in Error
	Error     string   `json:"error"`
	Hint      string   `json:"hint"`
}

// Keeper is a member who has signed that it keeps a file, or erased it.
type Keeper struct {
	Member       string `json:"member"`
	Organisation string `json:"organisation"`
	Time         int64  `json:"time"`
}

// StampTotals is the queue as a whole: bytes of all that is not finished yet.
type StampTotals struct {
	Files    int    `json:"files"`
	Finished int    `json:"finished"`
	Failed   int    `json:"failed"`
	Size     string `json:"size"`
	Done     string `json:"done"`
	Rate     int64  `json:"rate"`
	LeftMs   int64  `json:"leftMs"`
	Paused   bool   `json:"paused"`
}

type StampStatus struct {
	Jobs   []StampJob  `json:"jobs"`
	Totals StampTotals `json:"totals"`
}

// JobsParams names jobs; none means all.
type JobsParams struct {
	Jobs []string `json:"jobs"`
}

// Watch is a folder whose new and changed files are stamped by themselves.
type Watch struct {
	Path     string `json:"path"`
	Mode     string `json:"mode" ts:"\"sealed\" | \"digest\" | \"public\""`
	Together bool   `json:"together"`
	Files    int    `json:"files"`
	Waiting  int    `json:"waiting"`
	LastAt   int64  `json:"lastAt"`
	Error    string `json:"error"`
	Hint     string `json:"hint"`
}

type Watches struct {
	Folders []Watch `json:"folders"`
}

// WatchParams names a folder; an empty path asks the person for one.
type WatchParams struct {
	Path     string `json:"path"`
	Mode     string `json:"mode" ts:"\"sealed\" | \"digest\" | \"public\""`
	Together bool   `json:"together"`
}

// EvidenceParams names a file by its place in a record.
type EvidenceParams struct {
	Record string `json:"record"`
	Index  int    `json:"index"`
}

// Opened is a stored file that can be read at any place, until it is closed.
// Key says whether what opens a sealed file is here; without it, only the size
// of the ciphertext is known and there is no token. URL is where a player finds
// the bytes, if there is such a place. Kind is what a page may show it as: never
// more than that, whatever the media type says.
type Opened struct {
	Token string `json:"token"`
	Name  string `json:"name"`
	Media string `json:"media"`
	Size  string `json:"size"`
	Mode  string `json:"mode" ts:"\"sealed\" | \"public\""`
	Kind  string `json:"kind" ts:"\"image\" | \"video\" | \"audio\" | \"pdf\" | \"text\" | \"other\""`
	Key   string `json:"key" ts:"\"here\" | \"none\" | \"not_needed\""`
	URL   string `json:"url"`
}

type TokenParams struct {
	Token string `json:"token"`
}

// FetchJob is a file on its way back to a person. It is saved only when its
// whole content was compared with the record. Cancel takes its job.
type FetchJob struct {
	Job    string `json:"job"`
	Record string `json:"record"`
	Index  int    `json:"index"`
	Name   string `json:"name"`
	Size   string `json:"size"`
	Done   string `json:"done"`
	Rate   int64  `json:"rate"`
	LeftMs int64  `json:"leftMs"`
	State  string `json:"state" ts:"\"fetching\" | \"saved\" | \"failed\" | \"cancelled\""`
	Path   string `json:"path"`
	Code   string `json:"code"`
	Error  string `json:"error"`
	Hint   string `json:"hint"`
}

// Storage says who keeps a file: members whose signed receipts were verified,
// those that a node names without one, and those who have signed that they
// erased it.
type Storage struct {
	Wanted int      `json:"wanted"`
	Kept   []Keeper `json:"kept"`
	Told   []string `json:"told"`
	Erased []Keeper `json:"erased"`
}

type KeyParams struct {
	Name string `json:"name"`
}

// Recipient is where others seal file keys for this person: an age recipient.
type Recipient struct {
	Recipient string `json:"recipient"`
}

// ShareParams gives a person access to a file. To is what the record calls them.
type ShareParams struct {
	Record    string `json:"record"`
	Index     int    `json:"index"`
	Recipient string `json:"recipient"`
	To        string `json:"to"`
}

// Shared is the file key, sealed to its recipient, as text to hand over.
type Shared struct {
	Text string `json:"text"`
}

// EraseParams orders the members to erase a file. Everybody can read the reason.
type EraseParams struct {
	Record string `json:"record"`
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

type ReceiveParams struct {
	Text string `json:"text"`
}

type Received struct {
	Record string `json:"record"`
	Index  int    `json:"index"`
	Name   string `json:"name"`
}

// BackupParams protects all keys and secrets by a passphrase.
type BackupParams struct {
	Passphrase string `json:"passphrase"`
}

// Backup is an age file: on the desktop where it was written to, empty if the
// dialog was closed; in the browser the file itself, armoured.
type Backup struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// RestoreParams opens a backup; on the desktop an empty text asks for the file.
type RestoreParams struct {
	Passphrase string `json:"passphrase"`
	Text       string `json:"text"`
}

type Restored struct {
	Keys    int `json:"keys"`
	Secrets int `json:"secrets"`
}

type StampEvent struct {
	Kind string   `json:"kind" ts:"\"stamp\""`
	Job  StampJob `json:"job"`
}

type TotalsEvent struct {
	Kind   string      `json:"kind" ts:"\"totals\""`
	Totals StampTotals `json:"totals"`
}

type FetchEvent struct {
	Kind string   `json:"kind" ts:"\"fetch\""`
	Job  FetchJob `json:"job"`
}

// EvidenceEvent tells that an open file was read from its beginning to its end,
// and whether its content is what was recorded. Until then every block was held
// to its CID, and every piece to the seal. The end of another content is withheld.
type EvidenceEvent struct {
	Kind     string `json:"kind" ts:"\"evidence\""`
	Token    string `json:"token"`
	Recorded bool   `json:"recorded"`
}

type WatchEvent struct {
	Kind   string `json:"kind" ts:"\"watch\""`
	Folder Watch  `json:"folder"`
}
