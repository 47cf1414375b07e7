package service

// What only the desktop offers. The app handles these methods; they stand here
// so that the pages have one table.

type Picked struct {
	Path string `json:"path"`
	Name string `json:"name"`
	Size string `json:"size"`
}

type Files struct {
	Files []Picked `json:"files"`
}

type PathParams struct {
	Path string `json:"path"`
}

type Inspected struct {
	Name  string `json:"name"`
	Size  string `json:"size"`
	Proof string `json:"proof"`

	Package bool `json:"package"` // it begins like a package
}

type DigestParams struct {
	Job  string `json:"job"`
	Path string `json:"path"`
}

type JobParams struct {
	Job string `json:"job"`
}

type Saved struct {
	Path string `json:"path"`
}

type Key struct {
	Name    string `json:"name"`
	Key     string `json:"key"`
	Created int64  `json:"created"`
}

type Keys struct {
	Keys []Key `json:"keys"`
}

type ProgressEvent struct {
	Kind string `json:"kind" ts:"\"progress\""`
	Job  string `json:"job"`
	Done string `json:"done"`
	Size string `json:"size"`
}

// UnlockParams opens a home that is protected by a passphrase.
type UnlockParams struct {
	Passphrase string `json:"passphrase"`
}
