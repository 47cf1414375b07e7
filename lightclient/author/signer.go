package author

import "golang.org/x/mod/sumdb/note"

// A Key signs what package act composes: it implements note.Signer.
var _ note.Signer = (*Key)(nil)

// KeyHash implements note.Signer.
func (k *Key) KeyHash() uint32 { return k.signer.KeyHash() }

// Sign implements note.Signer.
func (k *Key) Sign(msg []byte) ([]byte, error) { return k.signer.Sign(msg) }
